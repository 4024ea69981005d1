"""The request of `POST /execute`: one prompt, as a chat request.

It names a profile. A model id is an unknown profile unless it is declared: a name never stands for anything else than
what is declared under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.calls.chat_request import ChatRequest
from llm_connect.common.errors import Fault, NotFound, invalid_request
from llm_connect.common.fields import Fields
from llm_connect.common.ranges import MAX_DEPTH, MAX_TOKENS, REASONING_EFFORTS, TEMPERATURE, TIMEOUT_SECONDS
from llm_connect.config.profiles import DEFAULT_PROFILE, VALIDATION_MODES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

REQUEST_FIELDS = ("prompt", "config")
CONFIG_FIELDS = (
    "model_name", "temperature", "max_tokens", "timeout_seconds", "max_depth", "model_params", "validation",
)  # fmt: skip
MODEL_PARAMS = ("reasoning_effort", "json_schema")
_SCHEMA_ALLOWED = "a JSON Schema as an object"


@dataclass(frozen=True)
class Execution:
    """One checked request; None means that the profile decides."""

    chat: ChatRequest
    timeout_seconds: float | None = None
    max_depth: int | None = None
    validation: str | None = None


def read_execution(document: Any, profiles: Collection[str]) -> Execution:
    """The request in a JSON document.

    Raises:
        BadRequest: with every fault of the request.
        NotFound: the only fault is that `config.model_name` is not a profile.
    """
    faults: list[Fault] = []
    root = Fields(document, "", REQUEST_FIELDS, faults)
    config = root.inner("config", CONFIG_FIELDS)
    params = config.inner("model_params", MODEL_PARAMS)
    prompt = root.text("prompt", required=True) if isinstance(document, dict) else None
    schema = _schema(params)
    fields = {
        "messages": [{"role": "user", "content": prompt or ""}],
        "temperature": config.number("temperature", TEMPERATURE),
        "max_tokens": config.whole("max_tokens", MAX_TOKENS),
        "reasoning_effort": params.one_of("reasoning_effort", REASONING_EFFORTS),
        "response_format": None if schema is None else _response_format(schema),
    }
    given = {name: value for name, value in fields.items() if value is not None}
    execution = Execution(
        ChatRequest(config.text("model_name") or DEFAULT_PROFILE, given),
        config.number("timeout_seconds", TIMEOUT_SECONDS),
        config.whole("max_depth", MAX_DEPTH),
        config.one_of("validation", VALIDATION_MODES),
    )
    _check_profile(execution.chat.model, profiles, config, faults)
    return execution


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def _schema(params: Fields) -> dict[str, Any] | None:
    schema = params.object("json_schema", _SCHEMA_ALLOWED)
    if schema is not None and isinstance(schema.get("schema"), dict):
        params.refuse("json_schema", "is wrapped: the schema is in its field `schema`", _SCHEMA_ALLOWED)
    return schema


def _check_profile(name: str, profiles: Collection[str], config: Fields, faults: list[Fault]) -> None:
    """Raise for all faults, including an unknown profile; that one alone is a 404."""
    known = ", ".join(profiles)
    if name not in profiles:
        config.refuse("model_name", "is not a profile", known)
    if len(faults) == 1 and name not in profiles:
        message = f"config.model_name is not a profile; nothing was called; choose one of {known}"
        raise NotFound("unknown_profile", message, faults=faults)
    if faults:
        raise invalid_request(faults)
