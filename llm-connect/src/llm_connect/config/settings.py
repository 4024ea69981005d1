"""What `serve` takes from the environment and the configuration file, checked once, all errors reported together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from llm_connect.common import files
from llm_connect.common.errors import ConfigurationError, Fault
from llm_connect.common.secret import Redactor
from llm_connect.common.urls import url_allowed, url_problem
from llm_connect.config.caller_config import Callers
from llm_connect.config.config_file import CONFIG, load_configuration
from llm_connect.config.ledger_url import LEDGER, ledger_faults
from llm_connect.config.model import AuditConfig, Budget, Configuration, Limits
from llm_connect.config.profiles import DEFAULT_PROFILE, Profile, overridden
from llm_connect.keys.keyring import Keyring, Versions
from llm_connect.keys.sources import key_source
from llm_connect.providers.registry import BUILT_IN, KINDS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from llm_connect.config.toml_lines import TomlLines
    from llm_connect.providers.port import ProviderConfig

BASE_URL = "LLM_CONNECT_OPENROUTER_BASE_URL"
STATE = "LLM_CONNECT_STATE"
AUDIT_FILE = "LLM_CONNECT_AUDIT_FILE"
VERSION_KEY_FILE = "LLM_CONNECT_VERSION_KEY_FILE"
_MIN_VERSION_KEY_BYTES, _MAX_VERSION_KEY_BYTES = 16, 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What the gateway runs with.

    Attributes:
        keys: a keyring for each provider that takes a key.
        tls: the TLS context of each provider that has certificates of its own.
        state: the directory of the ledger, unless it is in a database.
        ledger: the URL of the ledger's database.
        versions_comparable: whether key versions are the same in every process.
    """

    profiles: Mapping[str, Profile]
    providers: Mapping[str, ProviderConfig] = field(default_factory=lambda: dict(BUILT_IN))
    keys: Mapping[str, Keyring] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    limits: Limits = field(default_factory=Limits)
    callers: Callers = field(default_factory=Callers)
    budgets: tuple[Budget, ...] = ()
    audit: AuditConfig = field(default_factory=AuditConfig)
    state: str | None = None
    ledger: str | None = None
    versions_comparable: bool = False
    tls: Mapping[str, ssl.SSLContext] = field(default_factory=dict)

    def missing_keys(self) -> list[str]:
        """The names of the keys that a profile needs and that are not there yet."""
        needed = {target.provider for profile in self.profiles.values() for target in profile.targets}
        return [ring.field for name, ring in self.keys.items() if name in needed and ring.current is None]


def load_settings(
    environment: Mapping[str, str], *, config: str | None = None, max_body_bytes: int | None = None
) -> Settings:
    """Settings from the environment and from the configuration file that it, or `config`, names.

    Raises:
        ConfigurationError: with every fault of the file and of every variable.
    """
    faults: list[Fault] = []
    path, named_by = (config, "--config") if config else (environment.get(CONFIG), CONFIG)
    read = _collect(faults, lambda: load_configuration(path, named_by)) or Configuration({}, {})
    profiles = _collect(faults, lambda: _profiles(read, environment))
    providers = {name: _with_url(each, environment, faults) for name, each in read.providers.items()}
    redactor, versions = Redactor(), _collect(faults, lambda: _versions(environment))
    keyrings = _keyrings(providers or BUILT_IN, environment, versions or Versions(), redactor, faults)
    tls = _tls_contexts(providers, read.lines, faults)
    state, ledger = environment.get(STATE) or None, environment.get(LEDGER) or None
    if ledger is not None:
        faults += ledger_faults(ledger)
    elif read.budgets and state is None:
        allowed = f"a persistent directory for the ledger, or {LEDGER}"
        faults.append(Fault(STATE, "is not set, but budgets are declared", allowed))
    if faults or profiles is None or versions is None:
        raise ConfigurationError(faults)
    limits = replace(read.limits, max_body_bytes=max_body_bytes) if max_body_bytes else read.limits
    audit = replace(read.audit, file=environment.get(AUDIT_FILE) or read.audit.file)
    return Settings(
        profiles=profiles,
        providers=providers,
        keys=keyrings,
        redactor=redactor,
        limits=limits,
        callers=read.callers,
        budgets=read.budgets,
        audit=audit,
        state=state,
        ledger=ledger,
        versions_comparable=versions.comparable,
        tls=tls,
    )


def _collect(faults: list[Fault], load: Callable[[], T]) -> T | None:
    try:
        return load()
    except ConfigurationError as error:
        faults.extend(error.faults)
        return None


def _profiles(read: Configuration, environment: Mapping[str, str]) -> dict[str, Profile]:
    # With a faulty file there are no profiles; the faults of the environment are still reported beside it.
    declared = read.profiles or load_configuration(None).profiles
    changed = overridden(declared[DEFAULT_PROFILE], environment, read.providers or BUILT_IN)
    return {**declared, DEFAULT_PROFILE: changed}


def _with_url(config: ProviderConfig, environment: Mapping[str, str], faults: list[Fault]) -> ProviderConfig:
    """With the variable's URL instead of the file's, which was checked with the file."""
    kind = KINDS[config.kind]
    if not kind.remote:
        return config
    from_environment = environment.get(BASE_URL) if config.name == "openrouter" else None
    problem = url_problem(from_environment, keyless=not config.key) if from_environment else None
    if problem:
        faults.append(Fault(BASE_URL, problem, url_allowed(keyless=not config.key)))
    url = from_environment or config.base_url or kind.default_url or ""
    return replace(config, base_url=url.rstrip("/"))


def _keyrings(
    providers: Mapping[str, ProviderConfig],
    environment: Mapping[str, str],
    versions: Versions,
    redactor: Redactor,
    faults: list[Fault],
) -> dict[str, Keyring]:
    keyrings: dict[str, Keyring] = {}
    for name, config in providers.items():
        if config.key:
            keyring = _collect(faults, lambda key=config.key: Keyring(key_source(environment, key), versions, redactor))  # type: ignore[misc]
            keyrings |= {name: keyring} if keyring else {}
    return keyrings


def _tls_contexts(
    providers: Mapping[str, ProviderConfig], lines: TomlLines | None, faults: list[Fault]
) -> dict[str, ssl.SSLContext]:
    contexts: dict[str, ssl.SSLContext] = {}
    for name, config in providers.items():
        if config.ca_file or config.client_cert_file:
            from llm_connect.common.tls import CertificateError, provider_context  # not for commands that call nobody

            try:
                contexts[name] = provider_context(config.ca_file, config.client_cert_file)
            except CertificateError as error:
                field_name = f"providers.{name}.{error.setting}"
                place = lines.of(field_name) if lines else ""
                faults.append(Fault(field_name, f"{error.path} {error}", error.allowed, place))
    return contexts


def _versions(environment: Mapping[str, str]) -> Versions:
    path = environment.get(VERSION_KEY_FILE)
    if not path:
        return Versions()
    try:
        octets, _ = files.read(path, _MAX_VERSION_KEY_BYTES)
    except files.Unreadable as error:
        raise ConfigurationError([Fault(VERSION_KEY_FILE, f"cannot be read ({error})", "a readable file")]) from None
    if len(octets) < _MIN_VERSION_KEY_BYTES:
        allowed = f"{_MIN_VERSION_KEY_BYTES} bytes or more"
        raise ConfigurationError([Fault(VERSION_KEY_FILE, "is too short", allowed)])
    return Versions(octets)
