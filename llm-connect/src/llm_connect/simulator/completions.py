"""The answers of the simulated model: the same for the same request; whole, or as the chunks of a stream.

The text says how long the prompt is. With a `json_schema` it is a document that matches the schema. Which tools are
called instead: see `tools`. A token is four characters.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.simulator.documents import Unsupported, document
from llm_connect.simulator.tools import NotCallable, Tool, called_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHARACTERS_PER_TOKEN = 4
# USD for one token; about the price of a small model.
PROMPT_PRICE, COMPLETION_PRICE = 0.3e-6, 2.5e-6
# Share of max_tokens that reasoning takes, by effort. Source: OpenRouter, "Reasoning tokens".
REASONING = {"none": 0.0, "minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95, "max": 0.95}
_PARTS = 8
_COUNT = itertools.count(1)


class NotSimulated(Exception):
    """The request needs something that this simulator cannot do; `str()` says what."""


@dataclass(frozen=True)
class Wanted:
    """What a request asks for; `effort` is None without reasoning."""

    model: str
    prompt: str
    max_tokens: float = math.inf
    schema: Any = None
    tools: tuple[Tool, ...] = ()
    n: int = 1
    stream: bool = False
    include_usage: bool = False
    effort: str | None = None


def wanted(body: Any) -> Wanted:
    """Read the body of a request.

    Raises:
        NotSimulated: it is invalid, or asks for something that is not simulated.
    """
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise NotSimulated("model: missing, or not a string")
    options = body.get("stream_options") or {}
    reasoning = body.get("reasoning") or {}
    return Wanted(
        model=body["model"],
        prompt=_prompt(body.get("messages")),
        max_tokens=_limit(body),
        schema=_schema(body.get("response_format")),
        tools=_called(body),
        n=body.get("n") or 1,
        stream=bool(body.get("stream")),
        include_usage=bool(options.get("include_usage")),
        effort=reasoning.get("effort") or body.get("reasoning_effort"),
    )


def _limit(body: Mapping[str, Any]) -> float:
    limits = [body[name] for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    if any(isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1 for limit in limits):
        raise NotSimulated("max_tokens: not a number from 1")
    return min(limits, default=math.inf)


def _prompt(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        raise NotSimulated("messages: missing, or not a list of messages")
    return "\n".join(_text(message.get("content") if isinstance(message, dict) else 0) for message in messages)


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts = content if isinstance(content, list) else [None]
    found = [part.get("text", part.get("refusal")) if isinstance(part, dict) else None for part in parts]
    texts = [text for text in found if isinstance(text, str)]
    if len(texts) < len(found):
        raise NotSimulated("messages: this simulator accepts only text as content")
    return "".join(texts)


def _schema(response_format: Any) -> Any:
    if response_format is None or response_format == {"type": "text"}:
        return None
    if response_format == {"type": "json_object"}:
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    described = response_format.get("json_schema") if isinstance(response_format, dict) else None
    if not isinstance(described, dict) or "schema" not in described:
        raise NotSimulated("response_format: this simulator accepts text, json_object, and json_schema with a schema")
    return described["schema"]


def _called(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    try:
        return called_tools(body)
    except NotCallable as found:
        raise NotSimulated(str(found)) from None


def completion(asked: Wanted) -> dict[str, Any]:
    """The whole completion.

    Raises:
        NotSimulated: the schema is not supported.
    """
    reasoned = _reasoning_tokens(asked)
    first = _choice(asked, reasoned)
    choices = [{"index": index, **first} for index in range(asked.n)]
    written = sum(_length(choice["message"]) for choice in choices)
    return {
        "id": f"gen-simulated-{next(_COUNT)}",
        "object": "chat.completion",
        "created": int(time.time()),
        "provider": "Simulated",
        "model": asked.model,
        "choices": choices,
        "usage": _usage(asked.prompt, written, reasoned * asked.n),
    }


def _reasoning_tokens(asked: Wanted) -> int:
    """As many as a model uses that thinks as long as it may; none without a limit."""
    return 0 if math.isinf(asked.max_tokens) else int(asked.max_tokens * REASONING.get(asked.effort or "none", 0.5))


def _choice(asked: Wanted, reasoned: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    if asked.tools:
        message["tool_calls"], reason = _calls(asked, reasoned)
    else:
        message["content"], reason = _content(asked, reasoned)
    return {"message": message, "logprobs": None, "finish_reason": reason, "native_finish_reason": reason}


def _content(asked: Wanted, reasoned: int) -> tuple[str, str]:
    """The text and its finish_reason; a text that is longer than what reasoning left is cut."""
    text = f"Simulated answer to a prompt of {len(asked.prompt)} characters."
    if asked.schema is not None:
        try:
            text = json.dumps(document(asked.schema), ensure_ascii=False)
        except Unsupported as found:
            raise NotSimulated(f"this simulator does not support {found}") from None
    room = _room(asked, reasoned)
    return (text, "stop") if len(text) <= room else (text[: int(room)], "length")


def _calls(asked: Wanted, reasoned: int) -> tuple[list[dict[str, Any]], str]:
    """The tool calls and their finish_reason; what does not fit is cut, as a text is."""
    room, calls = _room(asked, reasoned), []
    for tool in asked.tools:
        try:
            arguments = tool.arguments()
        except NotCallable as found:
            raise NotSimulated(str(found)) from None
        written = arguments if len(arguments) <= room else arguments[: int(room)]
        called = {"name": tool.name, "arguments": written}
        calls.append({"id": f"call_{next(_COUNT)}", "type": "function", "function": called})
        if len(written) < len(arguments):
            return calls, "length"
        room -= len(arguments)
    return calls, "tool_calls"


def _room(asked: Wanted, reasoned: int) -> float:
    """How many characters reasoning leaves for the answer."""
    return (asked.max_tokens - reasoned) * CHARACTERS_PER_TOKEN


def _length(message: Mapping[str, Any]) -> int:
    calls = message.get("tool_calls") or ()
    return len(message["content"] or "") + sum(len(each["function"]["arguments"]) for each in calls)


def _usage(prompt: str, written: int, reasoned: int) -> dict[str, Any]:
    asked, given = math.ceil(len(prompt) / CHARACTERS_PER_TOKEN), math.ceil(written / CHARACTERS_PER_TOKEN) + reasoned
    cost = round(asked * PROMPT_PRICE + given * COMPLETION_PRICE, 8)
    tokens = {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}
    return tokens | {"completion_tokens_details": {"reasoning_tokens": reasoned}, "cost": cost}


def chunks(whole: Mapping[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    """A completion as the chunks of a stream: role, parts, end, and the usage if requested."""
    common = {name: whole[name] for name in ("id", "created", "provider", "model") if name in whole}
    common["object"] = "chat.completion.chunk"
    for choice in whole["choices"]:
        for delta, reason in _deltas(choice):
            yield common | {"choices": [{"index": choice["index"], "delta": delta, "finish_reason": reason}]}
    if include_usage and "usage" in whole:
        yield common | {"choices": [], "usage": whole["usage"]}


def _deltas(choice: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    message = choice["message"]
    yield {"role": "assistant", "content": ""}, None
    for piece in _pieces(message["content"] or ""):
        yield {"content": piece}, None
    for index, call in enumerate(message.get("tool_calls") or ()):
        yield from ((delta, None) for delta in _call_deltas(index, call))
    yield {}, choice["finish_reason"]


def _call_deltas(index: int, call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A tool call in parts, as OpenAI sends it: its name with no arguments, then the arguments piece by piece."""
    function = call["function"]
    yield {"tool_calls": [{"index": index, **call, "function": {**function, "arguments": ""}}]}
    for piece in _pieces(function["arguments"]):
        yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(text: str) -> Iterator[str]:
    step = max(1, math.ceil(len(text) / _PARTS))
    return (text[start : start + step] for start in range(0, len(text), step))
