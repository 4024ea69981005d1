"""The tables `profiles` and `models` of the configuration file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llm_connect.common.fields import Fields
from llm_connect.common.prices import Prices
from llm_connect.common.ranges import (
    ANY_MODEL_ID,
    ANY_MODEL_ID_ALLOWED,
    MAX_DEPTH,
    MAX_TOKENS,
    NAME_ALLOWED,
    REASONING_EFFORTS,
    RETRIES,
    TEMPERATURE,
    TIMEOUT_SECONDS,
    USD,
    WAIT_SECONDS,
)
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, DEFAULT_PROFILE, VALIDATION_MODES, Profile, Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.errors import Fault
    from llm_connect.common.ranges import Range
    from llm_connect.providers.port import ProviderConfig

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
_MODEL = tuple(each for each in _PROFILE if each != "model")


def read_profiles(root: Fields, providers: Mapping[str, ProviderConfig], faults: list[Fault]) -> dict[str, Profile]:
    """The built-in profile, the declared ones, and the allowed model ids; faults are added to `faults`."""
    profiles = {DEFAULT_PROFILE: CUSTODIAN_TRIAGE}
    for name, table in root.tables("profiles").items():
        fields = Fields(table, f"profiles.{name}", _PROFILE, faults)
        if not ANY_MODEL_ID.fullmatch(name):  # clients use it in the place of a model id
            fields.refuse("", "is not a valid profile name", NAME_ALLOWED)
        profiles[name] = _profile(fields, profiles.get(name, Profile(name, "", "")), providers)
    for name, table in root.tables("models").items():
        fields = Fields(table, f'models."{name}"', _MODEL, faults)
        if name in profiles or not ANY_MODEL_ID.fullmatch(name):
            fields.refuse("", "is not a valid model id, or is also the name of a profile", ANY_MODEL_ID_ALLOWED)
        profiles[name] = _profile(fields, Profile(name, "", name), providers)
    return profiles


def _profile(table: Fields, base: Profile, providers: Mapping[str, ProviderConfig]) -> Profile:
    numbers = {name: table.number(name, allowed) for name, allowed in _NUMBERS.items()}
    whole = {name: table.whole(name, allowed) for name, allowed in _WHOLE.items()}
    words = {name: table.one_of(name, allowed) for name, allowed in _WORDS.items()}
    given: dict[str, Any] = {name: value for name, value in (numbers | whole | words).items() if value is not None}
    target = _target(table, Target(base.provider, base.model, base.prices), providers)
    return replace(
        base,
        provider=target.provider,
        model=target.model,
        prices=target.prices,
        fallbacks=_fallbacks(table, providers),
        **given,
    )


def _fallbacks(table: Fields, providers: Mapping[str, ProviderConfig]) -> tuple[Target, ...]:
    listed = table.raw("fallbacks")
    if listed is not None and not isinstance(listed, list):
        table.refuse("fallbacks", "is not a list", "a list of tables with provider and model")
        listed = None
    items = (table.item(f"fallbacks[{index}]", item, _TARGET) for index, item in enumerate(listed or ()))
    return tuple(_target(item, Target("", ""), providers) for item in items)


def _target(table: Fields, base: Target, providers: Mapping[str, ProviderConfig]) -> Target:
    provider = table.one_of("provider", providers) or base.provider
    model = table.text("model") or base.model
    if not provider and table.raw("provider") is None:
        table.refuse("provider", "missing", ", ".join(providers))
    given = table.raw("model")
    if not ANY_MODEL_ID.fullmatch(model) and (given is None or model == given):
        table.refuse("model", "missing" if given is None else "is not a valid model id", ANY_MODEL_ID_ALLOWED)
    return Target(provider, model, _prices(table) if table.raw("prices") is not None else base.prices)


def _prices(table: Fields) -> Prices:
    prices = table.inner("prices", _PRICES)
    read = {name: prices.number(name, USD) for name in _PRICES}
    for name in ("prompt", "completion"):
        if prices.raw(name) is None:
            prices.refuse(name, "missing", "USD per million tokens")
    return Prices(read["prompt"] or 0.0, read["completion"] or 0.0, read["request"] or 0.0)
