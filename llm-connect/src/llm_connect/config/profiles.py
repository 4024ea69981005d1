"""Profiles: the names a request may ask for, and what each of them calls.

One profile is built in. A configuration file may declare more, and model ids beside them; the environment may override
the parameters of the built-in one, one variable each. A variable that names no parameter is refused, because an
override that is ignored in silence calls the wrong model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llm_connect.common.errors import ConfigurationError, Fault
from llm_connect.common.ranges import (
    MAX_DEPTH,
    MAX_TOKENS,
    MODEL_ID,
    MODEL_ID_ALLOWED,
    REASONING_EFFORTS,
    TEMPERATURE,
    TIMEOUT_SECONDS,
    Range,
)

if TYPE_CHECKING:
    from llm_connect.common.prices import Prices

PREFIX = "LLM_CONNECT_CUSTODIAN_TRIAGE_"
PROVIDERS = ("openrouter", "simulate")
"""Those that are there without a configuration file."""
VALIDATION_MODES = ("report", "strict")


@dataclass(frozen=True)
class Target:
    """One model at one provider."""

    provider: str
    model: str
    prices: Prices | None = None


@dataclass(frozen=True)
class Profile:
    """What one name calls. A parameter that is None is left to the provider.

    Attributes:
        timeout_seconds: how long a caller waits; the gateway's own deadline ends before (see `deadline_seconds`).
        first_byte_seconds: to the first event of a stream; for a plain answer it holds only where it is declared,
            since providers begin those when they are whole.
        idle_seconds: without any byte, within an answer that has begun; keep-alive comments count as bytes.
        progress_seconds: without an event, within a stream that has begun; keep-alive comments count for nothing.
        retries: further attempts at the same model, where it is certain that the last one did nothing.
        retry_wait_seconds: the longest single wait; a provider that asks for more is not asked again.
        validation: what an answer that does not satisfy its schema is: reported in a 200, or 502.
        overridden: a parameter and the variable it came from.
    """

    name: str
    provider: str
    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    max_depth: int = 0
    timeout_seconds: float = 300
    reasoning_effort: str | None = None
    connect_seconds: float = 10
    first_byte_seconds: float | None = None
    idle_seconds: float = 60
    progress_seconds: float = 120
    retries: int = 2
    retry_wait_seconds: float = 10
    validation: str = "report"
    prices: Prices | None = None
    fallbacks: tuple[Target, ...] = ()
    overridden: tuple[tuple[str, str], ...] = ()

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """What is called, in this order: the declared model, then the declared fallbacks, and nothing else."""
        return (Target(self.provider, self.model, self.prices), *self.fallbacks)

    def parameters(self) -> dict[str, Any]:
        """The parameters in the order of the table, without name and origin."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"name", "overridden"}}


def deadline_seconds(timeout_seconds: float) -> float:
    """The gateway's deadline for a caller that waits `timeout_seconds`: a twentieth less, at most 5 s less.

    So that the caller gets the documented error instead of its own timeout, which says nothing.
    """
    return timeout_seconds - min(timeout_seconds / 20, 5.0)


CUSTODIAN_TRIAGE = Profile(
    name="custodian-triage-balanced",
    provider="openrouter",
    model="google/gemini-2.5-flash",
    temperature=0.2,
    max_tokens=8000,
    max_depth=2,
    timeout_seconds=300,
    reasoning_effort="medium",
)
DEFAULT_PROFILE = CUSTODIAN_TRIAGE.name

Parse = Callable[[str], Any]


def _within(allowed: Range) -> tuple[Parse, str]:
    return allowed.parse, allowed.allowed


def _word(words: Collection[str]) -> tuple[Parse, str]:
    return lambda text: text if text in words else None, ", ".join(words)


def _overrides(providers: Collection[str]) -> Mapping[str, tuple[Parse, str]]:
    return {
        "provider": _word(providers),
        "model": (lambda text: text if MODEL_ID.fullmatch(text) else None, MODEL_ID_ALLOWED),
        "max_tokens": _within(MAX_TOKENS),
        "temperature": _within(TEMPERATURE),
        "timeout_seconds": _within(TIMEOUT_SECONDS),
        "reasoning_effort": _word(REASONING_EFFORTS),
        "max_depth": _within(MAX_DEPTH),
    }


VARIABLES = tuple(PREFIX + name.upper() for name in _overrides(()))


def overridden(profile: Profile, environment: Mapping[str, str], providers: Collection[str] = PROVIDERS) -> Profile:
    """The built-in profile with what the environment says.

    Another model or provider loses the prices and fallbacks that were declared for the first one.

    Raises:
        ConfigurationError: with every variable that cannot be used.
    """
    faults = [
        Fault(name, "overrides nothing", ", ".join(VARIABLES))
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in VARIABLES
    ]
    known = _overrides(providers)
    changes = {name: _override(name, known, environment, faults) for name in known if _variable(name) in environment}
    if faults:
        raise ConfigurationError(faults)
    if {"model", "provider"} & set(changes):
        changes |= {"prices": None, "fallbacks": ()}
    origin = tuple((name, _variable(name)) for name in known if name in changes)
    return replace(profile, overridden=origin, **changes)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _override(
    name: str, known: Mapping[str, tuple[Parse, str]], environment: Mapping[str, str], faults: list[Fault]
) -> Any:
    parse, allowed = known[name]
    variable = _variable(name)
    value = parse(environment[variable])
    if value is None:
        # The value is not repeated: a key pasted into the wrong variable would be printed.
        problem = "is empty" if not environment[variable] else "cannot be used"
        faults.append(Fault(variable, problem, allowed))
    return value
