"""Profiles: the names a request may ask for, and what each of them calls.

One profile is built in. The environment may override its parameters, one variable each; a variable that names
no parameter is refused too, because an override that is ignored in silence calls the wrong model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from llm_connect.faults import Fault, FaultyConfiguration
from llm_connect.ranges import (
    MAX_DEPTH,
    MAX_TOKENS,
    MODEL_ID,
    MODEL_ID_ALLOWED,
    REASONING_EFFORTS,
    TEMPERATURE,
    TIMEOUT_SECONDS,
    Range,
)

PREFIX = "LLM_CONNECT_CUSTODIAN_TRIAGE_"
PROVIDERS = ("openrouter",)


@dataclass(frozen=True)
class Profile:
    """What one profile calls; `overridden` maps a parameter to the variable it came from."""

    name: str
    provider: str
    model: str
    temperature: float
    max_tokens: int
    max_depth: int
    timeout_seconds: float
    reasoning_effort: str
    overridden: tuple[tuple[str, str], ...] = ()

    def parameters(self) -> dict[str, Any]:
        """The parameters in the order of the table, without name and origin."""
        return {key: value for key, value in asdict(self).items() if key not in {"name", "overridden"}}


CUSTODIAN_TRIAGE = Profile(
    name="custodian-triage-balanced",
    provider="openrouter",
    model="google/gemini-2.5-flash",
    temperature=0.2,
    max_tokens=1800,
    max_depth=2,
    timeout_seconds=300,
    reasoning_effort="medium",
)
DEFAULT_PROFILE = CUSTODIAN_TRIAGE.name

Parse = Callable[[str], Any]


def _within(allowed: Range) -> tuple[Parse, str]:
    return allowed.parse, allowed.allowed


def _word(words: tuple[str, ...]) -> tuple[Parse, str]:
    return lambda text: text if text in words else None, ", ".join(words)


_OVERRIDES: Mapping[str, tuple[Parse, str]] = {
    "provider": _word(PROVIDERS),
    "model": (lambda text: text if MODEL_ID.fullmatch(text) else None, MODEL_ID_ALLOWED),
    "max_tokens": _within(MAX_TOKENS),
    "temperature": _within(TEMPERATURE),
    "timeout_seconds": _within(TIMEOUT_SECONDS),
    "reasoning_effort": _word(REASONING_EFFORTS),
    "max_depth": _within(MAX_DEPTH),
}
VARIABLES = tuple(PREFIX + name.upper() for name in _OVERRIDES)


def load_profiles(environment: Mapping[str, str]) -> dict[str, Profile]:
    """The profiles in force, by name.

    Raises:
        FaultyConfiguration: with every variable that cannot be used.
    """
    faults = [
        Fault(name, "overrides nothing", ", ".join(VARIABLES))
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in VARIABLES
    ]
    changes = {
        name: _override(name, environment, faults) for name in _OVERRIDES if PREFIX + name.upper() in environment
    }
    if faults:
        raise FaultyConfiguration(faults)
    origin = tuple((name, PREFIX + name.upper()) for name in changes)
    return {DEFAULT_PROFILE: replace(CUSTODIAN_TRIAGE, overridden=origin, **changes)}


def _override(name: str, environment: Mapping[str, str], faults: list[Fault]) -> Any:
    parse, allowed = _OVERRIDES[name]
    variable = PREFIX + name.upper()
    value = parse(environment[variable])
    if value is None:
        # The value is not repeated: a key pasted into the wrong variable would be printed.
        problem = "is empty" if not environment[variable] else "cannot be used"
        faults.append(Fault(variable, problem, allowed))
    return value
