"""The work of `POST /execute` without HTTP: a checked request, the profile it names, one call, the answer.

A request names a profile. A model id, also an existing one, is an unknown profile: no name is ever mapped to
something else than what was declared under it.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from llm_connect.faults import Fault, NotFound, invalid_request
from llm_connect.fields import Fields
from llm_connect.profiles import DEFAULT_PROFILE, Profile
from llm_connect.providers import Completion, ModelCall, Provider, ask
from llm_connect.ranges import MAX_DEPTH, MAX_TOKENS, REASONING_EFFORTS, TEMPERATURE, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

REQUEST_FIELDS = ("prompt", "config")
CONFIG_FIELDS = ("model_name", "temperature", "max_tokens", "timeout_seconds", "max_depth", "model_params")
MODEL_PARAMS = ("reasoning_effort", "json_schema")
T = TypeVar("T")
_SCHEMA_ALLOWED = "a JSON Schema as an object"


@dataclass(frozen=True)
class Execution:
    """One checked request; None means: as the profile says."""

    prompt: str
    profile: str
    temperature: float | None = None
    max_tokens: int | None = None
    timeout_seconds: float | None = None
    max_depth: int | None = None
    reasoning_effort: str | None = None
    json_schema: Mapping[str, Any] | None = None


def read_execution(document: Any, profiles: Collection[str]) -> Execution:
    """The request in a JSON document.

    Raises:
        BadRequest: with every fault of the request.
        NotFound: the only fault is that `config.model_name` names no profile.
    """
    faults: list[Fault] = []
    root = Fields(document, "", REQUEST_FIELDS, faults)
    config = Fields(root.raw("config"), "config", CONFIG_FIELDS, faults)
    params = Fields(config.raw("model_params"), "config.model_params", MODEL_PARAMS, faults)
    prompt = root.text("prompt", required=True) if isinstance(document, dict) else None
    execution = Execution(
        prompt=prompt or "",
        profile=config.text("model_name") or DEFAULT_PROFILE,
        temperature=config.number("temperature", TEMPERATURE),
        max_tokens=config.whole("max_tokens", MAX_TOKENS),
        timeout_seconds=config.number("timeout_seconds", TIMEOUT_SECONDS),
        max_depth=config.whole("max_depth", MAX_DEPTH),
        reasoning_effort=params.one_of("reasoning_effort", REASONING_EFFORTS),
        json_schema=_schema(params),
    )
    _check_profile(execution.profile, profiles, config, faults)
    return execution


def _schema(params: Fields) -> dict[str, Any] | None:
    schema = params.object("json_schema", _SCHEMA_ALLOWED)
    if schema is not None and isinstance(schema.get("schema"), dict):
        params.refuse("json_schema", "is wrapped: it holds the schema in its field `schema`", _SCHEMA_ALLOWED)
    return schema


def _check_profile(name: str, profiles: Collection[str], config: Fields, faults: list[Fault]) -> None:
    """Raise for all faults, with the unknown profile among them; alone it is a 404."""
    known = ", ".join(profiles)
    if name not in profiles:
        config.refuse("model_name", "names no profile", known)
    if len(faults) == 1 and name not in profiles:
        message = f"config.model_name names no profile, and nothing was called; there is: {known}"
        raise NotFound("unknown_profile", message, faults=faults)
    if faults:
        raise invalid_request(faults)


def model_call(execution: Execution, profile: Profile) -> ModelCall:
    """The call: the request's parameters where given, the profile's otherwise; the model is always the profile's."""
    return ModelCall(
        model=profile.model,
        prompt=execution.prompt,
        temperature=_given(execution.temperature, profile.temperature),
        max_tokens=_given(execution.max_tokens, profile.max_tokens),
        reasoning_effort=execution.reasoning_effort or profile.reasoning_effort,
        json_schema=execution.json_schema,
    )


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


async def execute(execution: Execution, profile: Profile, provider: Provider) -> dict[str, Any]:
    """Call the model and give the answer's body: content, model, usage, finish_reason, metadata.

    Raises:
        GatewayError: see `ask`.
    """
    started = time.monotonic()
    timeout_seconds = _given(execution.timeout_seconds, profile.timeout_seconds)
    completion = await ask(provider, model_call(execution, profile), timeout_seconds)
    milliseconds = round((time.monotonic() - started) * 1000)
    return _answer(completion) | {
        "metadata": {
            "profile": profile.name,
            "provider": profile.provider,
            "model_requested": profile.model,
            **completion.details,
            "max_depth": _given(execution.max_depth, profile.max_depth),
            "provider_ms": milliseconds,
        }
    }


def _answer(completion: Completion) -> dict[str, Any]:
    return {
        "content": completion.content,
        "model": completion.model,
        "usage": asdict(completion.usage),
        "finish_reason": completion.finish_reason,
    }
