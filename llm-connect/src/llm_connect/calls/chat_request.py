"""Requests in the shape of OpenAI's chat completions: every standard field is known here, none is silently dropped.

Source of the fields: `CompletionCreateParams` of OpenAI's own client library. A field that the called provider does not
support is refused by name (`refused_fields`). A value that changes nothing (null, `n: 1`, `store: false`) is left out.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from llm_connect.common.errors import Fault, NotFound, invalid_request
from llm_connect.common.fields import Fields, kind
from llm_connect.common.ranges import MAX_TOKENS, REASONING_EFFORTS, TEMPERATURE, Range

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PENALTY = Range(-2, 2)
NUMBERS: dict[str, Range] = {
    "temperature": TEMPERATURE,
    "top_p": Range(0, 1),
    "frequency_penalty": _PENALTY,
    "presence_penalty": _PENALTY,
}
WHOLE: dict[str, Range] = {
    "max_tokens": MAX_TOKENS,
    "max_completion_tokens": MAX_TOKENS,
    "n": Range(1, 128, whole=True),
    "seed": Range(-(2**63), 2**63 - 1, whole=True),
    "top_logprobs": Range(0, 20, whole=True),
}
FLAGS = ("logprobs", "parallel_tool_calls", "store", "stream")
TEXTS = ("prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "user", "verbosity")
OBJECTS = (
    "audio", "logit_bias", "metadata", "moderation", "prediction", "prompt_cache_options", "response_format",
    "stream_options", "web_search_options",
)  # fmt: skip
LISTS = ("functions", "messages", "modalities", "tools")
EITHER = ("function_call", "stop", "tool_choice")
STANDARD = (
    "model", *LISTS, *NUMBERS, *WHOLE, *FLAGS, *TEXTS, *OBJECTS, *EITHER, "reasoning_effort",
)  # fmt: skip
ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_NO_EFFECT = {"n": 1, "store": False, "stream": False, "logprobs": False, "top_logprobs": 0}
_OWN = ("model", "stream", "stream_options")
_OWN_STREAM_OPTIONS = {"include_usage"}


class ChatRequest(Struct, frozen=True):
    """One checked request.

    Attributes:
        model: what the caller requested: the name of a profile, or an allowed model id.
        fields: the chat fields that have an effect, without model, stream and stream_options.
        stream: whether the answer is streamed.
        include_usage: whether the last event before the end has the usage.
        stream_options: the caller's other options for the stream, for the provider.
    """

    model: str
    fields: Mapping[str, Any]
    stream: bool = False
    include_usage: bool = False
    stream_options: Mapping[str, Any] | None = None

    @property
    def schema(self) -> Any:
        """The JSON Schema that the answer has to match, or None."""
        described = self.fields.get("response_format", {}).get("json_schema")
        return described.get("schema") if isinstance(described, dict) else None


def read_chat(document: Any, names: Collection[str]) -> ChatRequest:
    """The request in a JSON document.

    Raises:
        BadRequest: with every fault of the request.
        NotFound: the only fault is that `model` is neither a profile nor an allowed model id.
    """
    faults: list[Fault] = []
    root = Fields(document, "", _KNOWN, faults)
    given = document if isinstance(document, dict) else {}
    _check_kinds(root, given)
    _check_messages(root, given.get("messages"), faults)
    _check_format(root, given.get("response_format"))
    options = given.get("stream_options")
    if options is not None and not given.get("stream"):
        root.refuse("stream_options", "requires stream", "stream: true")
    options = options if isinstance(options, dict) else {}
    if not isinstance(options.get("include_usage"), bool | NoneType):
        root.refuse("stream_options.include_usage", f"is {kind(options['include_usage'])}", "true or false")
    model = root.text("model", required=True) if given else None
    _refuse(model, names, root, faults)
    kept = {name: value for name, value in given.items() if name not in _OWN and _has_effect(name, value)}
    others = {name: value for name, value in options.items() if name not in _OWN_STREAM_OPTIONS and value is not None}
    return ChatRequest(model or "", kept, bool(given.get("stream")), bool(options.get("include_usage")), others or None)


def _has_effect(name: str, value: Any) -> bool:
    return value is not None and not (name in _NO_EFFECT and value == _NO_EFFECT[name])


_CONTENT = (str, list, NoneType)
_SCHEMA = (dict, bool, NoneType)
_KNOWN = dict.fromkeys(STANDARD)  # in their order, and found at once
_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(OBJECTS, (dict, "an object")),
    **dict.fromkeys(TEXTS, (str, "a string")),
    **dict.fromkeys(LISTS, (list, "a list")),
    **dict.fromkeys(EITHER, ((str, list, dict), "a string, a list or an object")),
}


def _check_kinds(root: Fields, given: Mapping[str, Any]) -> None:
    """Each field has the type that it is defined with; the provider checks what is inside of objects."""
    for name, value in given.items():
        if name in _KINDS:
            expected, described = _KINDS[name]
            if value is not None and not isinstance(value, expected):
                root.refuse(name, f"is {kind(value)}", described)
        elif name in NUMBERS:
            root.number(name, NUMBERS[name])
        elif name in WHOLE:
            root.whole(name, WHOLE[name])
        elif name in FLAGS:
            root.flag(name, otherwise=False)
    root.one_of("reasoning_effort", REASONING_EFFORTS)


def _check_messages(root: Fields, messages: Any, faults: list[Fault]) -> None:
    if messages is None or messages == []:
        root.refuse("messages", "missing or empty", "a list of messages")
    if not isinstance(messages, list):
        return
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            faults.append(Fault(f"messages[{index}]", f"is {kind(message)}", "an object with role and content"))
        elif message.get("role") not in ROLES:
            faults.append(Fault(f"messages[{index}].role", "missing or unknown", ", ".join(ROLES)))
        elif not isinstance(message.get("content"), _CONTENT):
            faults.append(Fault(f"messages[{index}].content", f"is {kind(message['content'])}", "a string or a list"))


def _check_format(root: Fields, response_format: Any) -> None:
    if not isinstance(response_format, dict):
        return
    # A tuple and not a set, here and in cost_bounds.py: a value that is not a string may not be hashable.
    if response_format.get("type") not in ("text", "json_object", "json_schema"):
        root.refuse("response_format.type", "missing or unknown", "text, json_object, json_schema")
    described = response_format.get("json_schema")
    if response_format.get("type") == "json_schema" and not isinstance(described, dict):
        root.refuse("response_format.json_schema", "missing, or not an object", "an object with name and schema")
    elif isinstance(described, dict) and not isinstance(described.get("schema"), _SCHEMA):
        root.refuse("response_format.json_schema.schema", "is not an object", "a JSON Schema")


def _refuse(model: str | None, names: Collection[str], root: Fields, faults: list[Fault]) -> None:
    """Raise for all faults, including an unknown model; that one alone is a 404."""
    unknown = model is not None and model not in names
    if not unknown and not faults:
        return
    known = ", ".join(names)
    if unknown:
        root.refuse("model", "is neither a profile nor an allowed model id", known)
    if unknown and len(faults) == 1:
        message = f"model is neither a profile nor an allowed model id; nothing was called; choose one of {known}"
        raise NotFound("unknown_profile", message, faults=faults)
    raise invalid_request(faults)


def refused_fields(fields: Mapping[str, Any], refuses: Collection[str], provider: str) -> list[Fault]:
    """A fault for each field that the provider does not support."""
    return [
        Fault(name, f"is not supported by {provider}", "leave it out, or use another model")
        for name in fields
        if name in refuses
    ]
