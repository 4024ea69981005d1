"""Everything `serve` takes from the environment and the configuration file, checked once, all faults together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from llm_connect.common import files
from llm_connect.common.errors import Fault, FaultyConfiguration
from llm_connect.common.secret import Redactor
from llm_connect.common.urls import url_allowed, url_problem
from llm_connect.config.caller_config import Callers
from llm_connect.config.config_file import (
    BUILT_IN,
    CONFIG,
    AuditTable,
    Budget,
    Configuration,
    Limits,
    ProviderTable,
    load_configuration,
)
from llm_connect.config.profiles import DEFAULT_PROFILE, Profile, overridden
from llm_connect.keys.keyring import VERSION_KEY_FILE, Keyring, Versions, key_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_connect.config.toml_lines import Places

BASE_URL = "LLM_CONNECT_OPENROUTER_BASE_URL"
STATE = "LLM_CONNECT_STATE"
AUDIT_FILE = "LLM_CONNECT_AUDIT_FILE"
PUBLIC_API = "https://openrouter.ai/api/v1"

_SHORTEST_DIGEST_KEY, _LARGEST_DIGEST_KEY = 16, 1024 * 1024

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What the gateway runs with.

    Attributes:
        keys: a keyring for each provider that takes a key.
        authorities: of providers that have a `ca_file`, what is in it.
    """

    profiles: Mapping[str, Profile]
    providers: Mapping[str, ProviderTable] = field(default_factory=lambda: dict(BUILT_IN))
    keys: Mapping[str, Keyring] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)
    limits: Limits = field(default_factory=Limits)
    callers: Callers = field(default_factory=Callers)
    budgets: tuple[Budget, ...] = ()
    audit: AuditTable = field(default_factory=AuditTable)
    state: str | None = None
    versions_comparable: bool = False
    authorities: Mapping[str, bytes] = field(default_factory=dict)

    def missing_keys(self) -> list[str]:
        """The names of the keys that a profile needs and nobody delivered yet."""
        needed = {target.provider for profile in self.profiles.values() for target in profile.targets}
        return [ring.field for name, ring in self.keys.items() if name in needed and ring.current is None]


def load_settings(
    environment: Mapping[str, str], *, config: str | None = None, max_body_bytes: int | None = None
) -> Settings:
    """Settings from the environment and from the configuration file that it, or `config`, names.

    Raises:
        FaultyConfiguration: with every fault of the file and of every variable.
    """
    faults: list[Fault] = []
    path, named_by = (config, "--config") if config else (environment.get(CONFIG), CONFIG)
    read = _collect(faults, lambda: load_configuration(path, named_by)) or Configuration({}, {})
    profiles = _collect(faults, lambda: _profiles(read, environment))
    providers = {name: _with_url(table, environment, faults) for name, table in read.providers.items()}
    redactor, versions = Redactor(), _collect(faults, lambda: _versions(environment))
    rings = _keyrings(providers or BUILT_IN, environment, versions or Versions(), redactor, faults)
    authorities = _authorities(providers, read.places, faults)
    state = environment.get(STATE) or None
    if read.budgets and state is None:
        faults.append(Fault(STATE, "is not set, and budgets are declared", "a directory that is kept, for the ledger"))
    if faults or profiles is None or versions is None:
        raise FaultyConfiguration(faults)
    limits = replace(read.limits, max_body_bytes=max_body_bytes) if max_body_bytes else read.limits
    audit = replace(read.audit, file=environment.get(AUDIT_FILE) or read.audit.file)
    return Settings(
        profiles=profiles,
        providers=providers,
        keys=rings,
        redactor=redactor,
        limits=limits,
        callers=read.callers,
        budgets=read.budgets,
        audit=audit,
        state=state,
        versions_comparable=versions.comparable,
        authorities=authorities,
    )


def _collect(faults: list[Fault], load: Callable[[], T]) -> T | None:
    try:
        return load()
    except FaultyConfiguration as found:
        faults.extend(found.faults)
        return None


def _profiles(read: Configuration, environment: Mapping[str, str]) -> dict[str, Profile]:
    declared = read.profiles or load_configuration(None).profiles  # a file with faults: the environment's still come
    changed = overridden(declared[DEFAULT_PROFILE], environment, read.providers or BUILT_IN)
    return {**declared, DEFAULT_PROFILE: changed}


def _with_url(table: ProviderTable, environment: Mapping[str, str], faults: list[Fault]) -> ProviderTable:
    """With the variable's address in the place of the file's, which has been checked with the file."""
    if table.kind == "simulate":
        return table
    override = environment.get(BASE_URL) if table.name == "openrouter" else None
    problem = url_problem(override, keyless=not table.key) if override else None
    if problem:
        faults.append(Fault(BASE_URL, problem, url_allowed(keyless=not table.key)))
    return replace(table, base_url=(override or table.base_url or PUBLIC_API).rstrip("/"))


def _keyrings(
    providers: Mapping[str, ProviderTable],
    environment: Mapping[str, str],
    versions: Versions,
    redactor: Redactor,
    faults: list[Fault],
) -> dict[str, Keyring]:
    rings: dict[str, Keyring] = {}
    for name, table in providers.items():
        if table.key:
            ring = _collect(faults, lambda key=table.key: Keyring(key_source(environment, key), versions, redactor))  # type: ignore[misc]
            rings |= {name: ring} if ring else {}
    return rings


def _authorities(
    providers: Mapping[str, ProviderTable], places: Places | None, faults: list[Fault]
) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, table in providers.items():
        if table.ca_file:
            try:
                found[name] = _certificates(table.ca_file)
            except ValueError as error:
                problem = f"{table.ca_file} {error}"
                field_name = f"providers.{name}.ca_file"
                place = places.of(field_name) if places else ""
                faults.append(Fault(field_name, problem, "a file with certificates in PEM", place))
    return found


def _certificates(path: str) -> bytes:
    from llm_connect.http_client.pool import trusting  # sockets and TLS: not for commands that call nobody

    try:
        octets = files.whole(path, files.LARGEST_AUTHORITIES)
    except files.Unreadable as error:
        raise ValueError(f"cannot be read ({error})") from None
    trusting(octets)
    return octets


def _versions(environment: Mapping[str, str]) -> Versions:
    path = environment.get(VERSION_KEY_FILE)
    if not path:
        return Versions()
    try:
        octets, _ = files.read(path, _LARGEST_DIGEST_KEY)
    except files.Unreadable as error:
        raise FaultyConfiguration([Fault(VERSION_KEY_FILE, f"cannot be read ({error})", "a readable file")]) from None
    if len(octets) < _SHORTEST_DIGEST_KEY:
        raise FaultyConfiguration([Fault(VERSION_KEY_FILE, "is too short", f"{_SHORTEST_DIGEST_KEY} bytes or more")])
    return Versions(octets)
