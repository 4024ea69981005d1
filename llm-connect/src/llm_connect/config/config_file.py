"""The configuration file: TOML, read once at start, every fault told at once; README.md lists what may be in it."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_connect.common import files
from llm_connect.common.errors import Fault, FaultyConfiguration
from llm_connect.common.fields import Fields
from llm_connect.common.ranges import (
    ANY_MODEL_ID,
    ANY_MODEL_ID_ALLOWED,
    KEY_NAME,
    LIMIT_FIELDS,
    MAX_DEPTH,
    MAX_TOKENS,
    NAME_ALLOWED,
    REASONING_EFFORTS,
    RETRIES,
    TEMPERATURE,
    TIMEOUT_SECONDS,
    TOKENS,
    USD,
    WAIT_SECONDS,
    Range,
)
from llm_connect.common.urls import url_allowed, url_problem
from llm_connect.config.caller_config import Callers, read_callers
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, DEFAULT_PROFILE, VALIDATION_MODES, Prices, Profile, Target
from llm_connect.config.toml_lines import Places

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG = "LLM_CONNECT_CONFIG"
FILE_NAME = "llm-connect.toml"
LARGEST = 1024 * 1024  # as the largest ConfigMap
KINDS = ("openrouter", "openai", "simulate")
PERIODS = ("day", "month", "total")
EACH = "*"
_TABLES = ("server", "callers", "providers", "profiles", "models", "budgets", "audit")
_PRICES = ("prompt", "completion", "request")
_TARGET = ("provider", "model", "prices")
_NUMBERS: Mapping[str, Range] = {
    "temperature": TEMPERATURE,
    "timeout_seconds": TIMEOUT_SECONDS,
    "connect_seconds": WAIT_SECONDS,
    "first_byte_seconds": WAIT_SECONDS,
    "idle_seconds": WAIT_SECONDS,
    "progress_seconds": WAIT_SECONDS,
    "retry_wait_seconds": WAIT_SECONDS,
}
_WHOLE: Mapping[str, Range] = {"max_tokens": MAX_TOKENS, "max_depth": MAX_DEPTH, "retries": RETRIES}
_WORDS = {"reasoning_effort": REASONING_EFFORTS, "validation": VALIDATION_MODES}
_PROFILE = ("provider", "model", *_NUMBERS, *_WHOLE, *_WORDS, "prices", "fallbacks")


@dataclass(frozen=True)
class ProviderTable:
    """One provider as declared.

    Attributes:
        key: the name of the variable, or of the file in the key directory, with its key; empty: it takes none.
        refuses: chat fields that it cannot honour, so that they are refused here by name.
        policy: OpenRouter's routing object: data policy, order of endpoints.
        ca_file: authorities in front of the system's, in PEM.
        limit_field: the field in which it takes the bound of an answer.
    """

    name: str
    kind: str
    base_url: str | None = None
    key: str = ""
    refuses: tuple[str, ...] = ()
    policy: Mapping[str, Any] = field(default_factory=dict)
    ca_file: str | None = None
    limit_field: str = LIMIT_FIELDS[0]


@dataclass(frozen=True)
class Limits:
    """What one process takes on: calls at once, calls that wait, bytes of a body."""

    max_concurrency: int = 256
    max_queue: int = 1024
    max_body_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True)
class Budget:
    """A limit for what is called in a period. `profile` and `caller`: None is all of them together, `*` each alone."""

    period: str
    profile: str | None = None
    caller: str | None = None
    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class AuditTable:
    """Where audit records go, and whether they hold what was asked and answered."""

    file: str | None = None
    content: bool = False


@dataclass(frozen=True)
class Configuration:
    """The whole file; `places` tells where in it a field stands, and is None without one."""

    profiles: Mapping[str, Profile]
    providers: Mapping[str, ProviderTable]
    limits: Limits = field(default_factory=Limits)
    callers: Callers = field(default_factory=Callers)
    budgets: tuple[Budget, ...] = ()
    audit: AuditTable = field(default_factory=AuditTable)
    places: Places | None = None


OPENROUTER = ProviderTable("openrouter", "openrouter", key="OPENROUTER_API_KEY")
SIMULATE = ProviderTable("simulate", "simulate")
BUILT_IN = {"openrouter": OPENROUTER, "simulate": SIMULATE}


def load_configuration(path: str | None, named_by: str = CONFIG) -> Configuration:
    """The configuration in the file at `path`, or in `llm-connect.toml` in the directory there; None: what is built in.

    Args:
        path: a file or a directory.
        named_by: the variable or flag that named it, for faults.

    Raises:
        FaultyConfiguration: with every fault of the file.
    """
    if not path:
        return read_configuration({})
    document, places = _document(path, named_by)
    try:
        return replace(read_configuration(document), places=places)
    except FaultyConfiguration as error:
        raise FaultyConfiguration([replace(each, place=places.of(each.field)) for each in error.faults]) from None


def _document(path: str, named_by: str) -> tuple[dict[str, Any], Places]:
    place = Path(path)
    try:
        place = place / FILE_NAME if os.path.isdir(place) else place
        octets, _ = files.read(place, LARGEST)
        if len(octets) <= LARGEST:
            text = octets.decode("utf-8")
            return tomllib.loads(text), Places(str(place), text)
        problem = f"{place} has more than {LARGEST} octets"
    except tomllib.TOMLDecodeError as error:
        problem = f"{place} is no TOML: {error}"
    except UnicodeDecodeError:
        problem = f"{place} is not UTF-8"
    except files.Unreadable as error:
        problem = f"{place} cannot be read ({error})"
    raise FaultyConfiguration([Fault(named_by, problem, f"a TOML file, or a directory with {FILE_NAME}")])


def read_configuration(document: Mapping[str, Any]) -> Configuration:
    """The configuration in a parsed document.

    Raises:
        FaultyConfiguration: with every fault of it.
    """
    faults: list[Fault] = []
    root = Fields(document, "", _TABLES, faults)
    providers = _providers(root, faults)
    profiles = _profiles(root, providers, faults)
    callers = read_callers(root, faults)
    budgets = _budgets(root, profiles, callers, faults)
    read = Configuration(profiles, providers, _limits(root), callers, budgets, _audit(root))
    if faults:
        raise FaultyConfiguration(faults)
    return read


def _providers(root: Fields, faults: list[Fault]) -> dict[str, ProviderTable]:
    read = {
        name: _provider(Fields(table, f"providers.{name}", _PROVIDER, faults), name)
        for name, table in root.tables("providers").items()
    }
    return BUILT_IN | read


_POLICY_FLAGS = ("zdr", "allow_fallbacks", "require_parameters")
_POLICY_LISTS = ("order", "only", "ignore", "quantizations")
_POLICY = ("data_collection", *_POLICY_FLAGS, *_POLICY_LISTS)
_PROVIDER = ("kind", "base_url", "key", "refuses", "ca_file", "limit_field", *_POLICY)


def _provider(table: Fields, name: str) -> ProviderTable:
    usual = BUILT_IN.get(name)
    kind = table.one_of("kind", KINDS) or (usual.kind if usual else None)
    if kind is None and table.raw("kind") is None:
        table.refuse("kind", "missing", ", ".join(KINDS))
    url, key = table.text("base_url"), table.text("key")
    if kind == "openai" and url is None:
        table.refuse("base_url", "missing", "the URL in front of /chat/completions, such as https://host/v1")
    policy = _policy(table)
    if policy and kind != "openrouter":
        table.refuse(next(iter(policy)), f"is not for a provider of kind {kind}", "kind openrouter")
    key = key if key is not None else OPENROUTER.key if kind == "openrouter" else ""
    if key and not KEY_NAME.fullmatch(key):
        table.refuse("key", "is no name of a variable", "letters, digits and _, such as LOCAL_LLM_KEY")
    problem = url_problem(url, keyless=not key) if url and kind != "simulate" else None
    if problem:
        table.refuse("base_url", problem, url_allowed(keyless=not key))
    limit = table.one_of("limit_field", LIMIT_FIELDS)
    if limit and kind != "openai":
        table.refuse("limit_field", f"is not for a provider of kind {kind}", "kind openai")
    return ProviderTable(
        name,
        kind or "openai",
        url,
        key,
        table.texts("refuses"),
        policy,
        table.text("ca_file"),
        limit or LIMIT_FIELDS[0],
    )


def _policy(table: Fields) -> dict[str, Any]:
    """OpenRouter's routing object as it is sent. Source: OpenRouter, "Provider routing"."""
    read: dict[str, Any] = {"data_collection": table.one_of("data_collection", ("allow", "deny"))}
    read |= {name: table.flag(name, otherwise=False) for name in _POLICY_FLAGS}
    read |= {name: list(table.texts(name)) for name in _POLICY_LISTS}
    return {name: read[name] for name in _POLICY if table.raw(name) is not None}


def _profiles(root: Fields, providers: Mapping[str, ProviderTable], faults: list[Fault]) -> dict[str, Profile]:
    profiles = {DEFAULT_PROFILE: CUSTODIAN_TRIAGE}
    for name, table in root.tables("profiles").items():
        fields = Fields(table, f"profiles.{name}", _PROFILE, faults)
        if not ANY_MODEL_ID.fullmatch(name):  # clients name it as they name a model
            fields.refuse("", "is no name of a profile", NAME_ALLOWED)
        profiles[name] = _profile(fields, profiles.get(name, Profile(name, "", "")), providers)
    for name, table in root.tables("models").items():
        known = tuple(each for each in _PROFILE if each != "model")
        fields = Fields(table, f'models."{name}"', known, faults)
        if name in profiles or not ANY_MODEL_ID.fullmatch(name):
            fields.refuse("", "is no model id, or is a profile's name too", ANY_MODEL_ID_ALLOWED)
        profiles[name] = _profile(fields, Profile(name, "", name), providers)
    return profiles


def _profile(table: Fields, base: Profile, providers: Mapping[str, ProviderTable]) -> Profile:
    numbers = {name: table.number(name, allowed) for name, allowed in _NUMBERS.items()}
    whole = {name: table.whole(name, allowed) for name, allowed in _WHOLE.items()}
    words = {name: table.one_of(name, allowed) for name, allowed in _WORDS.items()}
    given: dict[str, Any] = {name: value for name, value in (numbers | whole | words).items() if value is not None}
    target = _target(table, Target(base.provider, base.model, base.prices), providers)
    listed = table.raw("fallbacks")
    if listed is not None and not isinstance(listed, list):
        table.refuse("fallbacks", "is no list", "a list of tables with provider and model")
    fallbacks = tuple(_fallback(table, index, item, providers) for index, item in enumerate(_list(listed)))
    return replace(
        base, provider=target.provider, model=target.model, prices=target.prices, fallbacks=fallbacks, **given
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _fallback(table: Fields, index: int, item: Any, providers: Mapping[str, ProviderTable]) -> Target:
    return _target(table.item(f"fallbacks[{index}]", item, _TARGET), Target("", ""), providers)


def _target(table: Fields, base: Target, providers: Mapping[str, ProviderTable]) -> Target:
    provider = table.one_of("provider", providers) or base.provider
    model = table.text("model") or base.model
    if not provider and table.raw("provider") is None:
        table.refuse("provider", "missing", ", ".join(providers))
    given = table.raw("model")
    if not ANY_MODEL_ID.fullmatch(model) and (given is None or model == given):
        table.refuse("model", "missing" if given is None else "is no model id", ANY_MODEL_ID_ALLOWED)
    return Target(provider, model, _prices(table) if table.raw("prices") is not None else base.prices)


def _prices(table: Fields) -> Prices:
    prices = table.inner("prices", _PRICES)
    read = {name: prices.number(name, USD) for name in _PRICES}
    for name in ("prompt", "completion"):
        if prices.raw(name) is None:
            prices.refuse(name, "missing", "USD for a million tokens")
    return Prices(read["prompt"] or 0.0, read["completion"] or 0.0, read["request"] or 0.0)


def _limits(root: Fields) -> Limits:
    usual = Limits()
    ranges = {
        "max_concurrency": Range(1, 10_000, whole=True, unit="calls at once"),
        "max_queue": Range(0, 100_000, whole=True, unit="calls that wait"),
        "max_body_bytes": Range(1024, 64 * 1024 * 1024, whole=True, unit="bytes"),
    }
    table = root.inner("server", tuple(ranges))
    read = {name: table.whole(name, allowed) for name, allowed in ranges.items()}
    return replace(usual, **{name: value for name, value in read.items() if value is not None})


def _budgets(
    root: Fields, profiles: Mapping[str, Profile], callers: Callers, faults: list[Fault]
) -> tuple[Budget, ...]:
    listed = root.raw("budgets")
    if listed is not None and not isinstance(listed, list):
        root.refuse("budgets", "is no list of tables", "[[budgets]]")
    names = ("profile", "caller", "period", "tokens", "usd")
    return tuple(
        _budget(Fields(item, f"budgets[{index}]", names, faults), profiles, callers)
        for index, item in enumerate(_list(listed))
    )


def _budget(table: Fields, profiles: Mapping[str, Profile], callers: Callers) -> Budget:
    profile = table.one_of("profile", [*profiles, EACH])
    # A budget for somebody who can never call would limit nobody, and read as if it did.
    caller = table.one_of("caller", [*callers.names, EACH])
    period = table.one_of("period", PERIODS)
    tokens, usd = table.whole("tokens", TOKENS), table.number("usd", USD)
    if period is None and table.raw("period") is None:
        table.refuse("period", "missing", ", ".join(PERIODS))
    if table.raw("tokens") is None and table.raw("usd") is None:
        table.refuse("tokens", "missing, and so is usd", "at least one of the two")
    return Budget(period or "day", profile, caller, tokens, usd)


def _audit(root: Fields) -> AuditTable:
    table = root.inner("audit", ("file", "content"))
    return AuditTable(table.text("file"), table.flag("content", otherwise=False))
