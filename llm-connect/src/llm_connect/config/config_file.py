"""The configuration file: TOML, read once at start, all errors reported together. README.md lists what may be in it."""

from __future__ import annotations

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_connect.common import files
from llm_connect.common.errors import ConfigurationError, Fault
from llm_connect.common.fields import Fields
from llm_connect.common.ranges import TOKENS, USD, Range
from llm_connect.config.caller_config import read_callers
from llm_connect.config.model import EACH, PERIODS, AuditConfig, Budget, Configuration, Limits
from llm_connect.config.profile_config import read_profiles
from llm_connect.config.provider_config import read_providers
from llm_connect.config.toml_lines import TomlLines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.config.caller_config import Callers
    from llm_connect.config.profiles import Profile

CONFIG = "LLM_CONNECT_CONFIG"
FILE_NAME = "llm-connect.toml"
MAX_FILE_BYTES = 1024 * 1024  # the largest ConfigMap
_TABLES = ("server", "callers", "providers", "profiles", "models", "budgets", "audit")
_LIMITS = {
    "max_concurrency": Range(1, 10_000, whole=True, unit="concurrent calls"),
    "max_queue": Range(0, 100_000, whole=True, unit="waiting calls"),
    "max_body_bytes": Range(1024, 64 * 1024 * 1024, whole=True, unit="bytes"),
}
_BUDGET = ("profile", "caller", "period", "tokens", "usd")


def load_configuration(path: str | None, named_by: str = CONFIG) -> Configuration:
    """The configuration in a file, or the built-in one where no file is named.

    Args:
        path: a file, or a directory with `llm-connect.toml`.
        named_by: the variable or flag that named it, for error messages.

    Raises:
        ConfigurationError: with every fault of the file.
    """
    if not path:
        return read_configuration({})
    document, lines = _document(path, named_by)
    try:
        return replace(read_configuration(document), lines=lines)
    except ConfigurationError as error:
        raise ConfigurationError([replace(each, place=lines.of(each.field)) for each in error.faults]) from None


def _document(path: str, named_by: str) -> tuple[dict[str, Any], TomlLines]:
    place = Path(path)
    try:
        place = place / FILE_NAME if os.path.isdir(place) else place
        octets, _ = files.read(place, MAX_FILE_BYTES)
        if len(octets) <= MAX_FILE_BYTES:
            text = octets.decode("utf-8")
            return tomllib.loads(text), TomlLines(str(place), text)
        problem = f"{place} is larger than {MAX_FILE_BYTES} bytes"
    except tomllib.TOMLDecodeError as error:
        problem = f"{place} is not valid TOML: {error}"
    except UnicodeDecodeError as error:
        problem = f"{place} is not valid UTF-8 (byte {error.start})"
    except files.Unreadable as error:
        problem = f"{place} cannot be read ({error})"
    raise ConfigurationError([Fault(named_by, problem, f"a TOML file, or a directory with {FILE_NAME}")])


def read_configuration(document: Mapping[str, Any]) -> Configuration:
    """The configuration in a parsed document.

    Raises:
        ConfigurationError: with every fault of it.
    """
    faults: list[Fault] = []
    root = Fields(document, "", _TABLES, faults)
    providers = read_providers(root, faults)
    profiles = read_profiles(root, providers, faults)
    callers = read_callers(root, faults)
    budgets = _budgets(root, profiles, callers, faults)
    read = Configuration(profiles, providers, _limits(root), callers, budgets, _audit(root))
    if faults:
        raise ConfigurationError(faults)
    return read


def _limits(root: Fields) -> Limits:
    table = root.inner("server", tuple(_LIMITS))
    read = {name: table.whole(name, allowed) for name, allowed in _LIMITS.items()}
    return replace(Limits(), **{name: value for name, value in read.items() if value is not None})


def _budgets(
    root: Fields, profiles: Mapping[str, Profile], callers: Callers, faults: list[Fault]
) -> tuple[Budget, ...]:
    listed = root.raw("budgets")
    if listed is not None and not isinstance(listed, list):
        root.refuse("budgets", "is not a list of tables", "[[budgets]]")
        listed = None
    tables = (Fields(item, f"budgets[{index}]", _BUDGET, faults) for index, item in enumerate(listed or ()))
    return tuple(_budget(table, profiles, callers) for table in tables)


def _budget(table: Fields, profiles: Mapping[str, Profile], callers: Callers) -> Budget:
    profile = table.one_of("profile", [*profiles, EACH])
    # A budget for a caller who can never call would limit nobody, but look as if it did.
    caller = table.one_of("caller", [*callers.names, EACH])
    period = table.one_of("period", PERIODS)
    tokens, usd = table.whole("tokens", TOKENS), table.number("usd", USD)
    if period is None and table.raw("period") is None:
        table.refuse("period", "missing", ", ".join(PERIODS))
    if table.raw("tokens") is None and table.raw("usd") is None:
        table.refuse("tokens", "missing, and so is usd", "at least one of the two")
    return Budget(period or "day", profile, caller, tokens, usd)


def _audit(root: Fields) -> AuditConfig:
    table = root.inner("audit", ("file", "content"))
    return AuditConfig(table.text("file"), table.flag("content", otherwise=False))
