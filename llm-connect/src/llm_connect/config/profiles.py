"""Profiles: the names that a request may use, and what each of them calls.

One profile is built in. A configuration file may declare more profiles, and model ids. The environment may override the
parameters of the built-in profile, one variable each. An unknown variable is an error: an override that is silently
ignored would call the wrong model.
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
"""The providers that exist without a configuration file."""
VALIDATION_MODES = ("report", "strict")


@dataclass(frozen=True)
class Target:
    """One model at one provider."""

    provider: str
    model: str
    prices: Prices | None = None


@dataclass(frozen=True)
class Profile:
    """What one name calls. For a parameter that is None, the provider decides.

    Attributes:
        timeout_seconds: how long a caller waits; the gateway's own deadline is earlier (see `deadline_seconds`).
        first_byte_seconds: to the first event of a stream; for a plain answer only where it is declared, because
            providers begin such an answer when it is complete.
        idle_seconds: without a byte, within an answer that has begun; keep-alive comments count as bytes.
        progress_seconds: without an event, within a stream that has begun; keep-alive comments do not count.
        retries: further attempts at the same model, where the last one certainly did nothing.
        retry_wait_seconds: the longest single wait; if the provider asks for more, there is no retry.
        validation: whether an answer that does not match its schema is a 200 with a report, or a 502 (`strict`).
        overridden: parameters and the variables they come from.
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
        """What is called, in this order: the declared model, then the declared fallbacks."""
        return (Target(self.provider, self.model, self.prices), *self.fallbacks)

    def parameters(self) -> dict[str, Any]:
        """The parameters, without name and origin."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in {"name", "overridden"}}


def deadline_seconds(timeout_seconds: float) -> float:
    """The gateway's deadline for a caller that waits `timeout_seconds`: a twentieth less, at most 5 s less.

    The caller then gets the documented error before its own timeout.
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
    """The built-in profile with the overrides of the environment.

    With another model or provider, the declared prices and fallbacks no longer apply.

    Raises:
        ConfigurationError: with every variable that cannot be used.
    """
    faults = [
        Fault(name, "unknown variable", ", ".join(VARIABLES))
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
        # The value is not repeated: it could be a key that was pasted into the wrong variable.
        problem = "is empty" if not environment[variable] else "is not valid"
        faults.append(Fault(variable, problem, allowed))
    return value
