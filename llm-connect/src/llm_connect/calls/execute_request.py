"""`POST /execute`: one prompt as a chat request, and a completion as the answer that its users know.

A request names a profile. A model id, also an existing one, is an unknown profile unless it is declared as one: no name
is ever mapped to something else than what was declared under it.
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
_NUMBER = (int, float)
_MOST_TOKENS, _MOST_USD = 10**12, 10**6
"""Of one call. A number beyond is no count, and far beyond it is more than the ledger's database can hold."""
_SCHEMA_ALLOWED = "a JSON Schema as an object"


@dataclass(frozen=True)
class Execution:
    """One checked request; None means: as the profile says."""

    chat: ChatRequest
    timeout_seconds: float | None = None
    max_depth: int | None = None
    validation: str | None = None


def read_execution(document: Any, profiles: Collection[str]) -> Execution:
    """The request in a JSON document.

    Raises:
        BadRequest: with every fault of the request.
        NotFound: the only fault is that `config.model_name` names no profile.
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


def answer_of(completion: Mapping[str, Any]) -> dict[str, Any]:
    """Content, model, usage and finish_reason of a completion; an unknown count is null, which is not zero."""
    choice = completion["choices"][0]
    message = choice.get("message") or {}
    reason = choice.get("finish_reason")
    return {
        "content": text_of(message.get("content")) or "",
        "model": completion["model"],
        "usage": usage_of(completion.get("usage")),
        "finish_reason": reason if isinstance(reason, str) and reason else None,
    }


def text_of(content: Any) -> str | None:
    """The text in a message's content, which some providers give in parts (of thinking, too); None without one."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str)]
    return "".join(texts) if texts else None


OTHERWISE = ("tool_calls", "function_call", "refusal", "audio")


def says_otherwise(message: Mapping[str, Any]) -> bool:
    """Whether a message, or a part of one, is no answer in the sense of a schema: a call of a tool, or a refusal."""
    return any(message.get(name) for name in OTHERWISE)


def usage_of(value: Any) -> dict[str, Any]:
    """The counts and the cost in a `usage` object; None for what it does not say, or says in no number."""
    usage: Mapping[str, Any] = value if isinstance(value, dict) else {}
    details = usage.get("completion_tokens_details")
    return {
        "prompt_tokens": _count(usage.get("prompt_tokens")),
        "completion_tokens": _count(usage.get("completion_tokens")),
        "total_tokens": _count(usage.get("total_tokens")),
        "reasoning_tokens": _count(details.get("reasoning_tokens")) if isinstance(details, dict) else None,
        "cost": _amount(usage.get("cost")),
    }


def _amount(value: Any) -> float | None:
    known = isinstance(value, _NUMBER) and not isinstance(value, bool) and 0 <= value <= _MOST_USD
    return float(value) if known else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None  # a bool is an int to isinstance
