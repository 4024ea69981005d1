"""Reads answers: status, headers and body in, a checked completion or the documented error out.

The rules, in the order they are applied (source: OpenRouter's "Errors and debugging"):

1. a status other than 200 is an error by its status, even when the body is not JSON;
2. an `error` object inside HTTP 200 is that error: generation had begun when it happened;
3. so is an `error` inside a choice, and a finish_reason of `error`;
4. without a choice, a model and content it is not an answer, whatever the status says; choices have to be well-formed;
5. a text cut by max_tokens is an answer with finish_reason `length`: the caller may be able to use it.
"""

from __future__ import annotations

import re
from types import NoneType
from typing import TYPE_CHECKING, Any

import msgspec

from llm_connect.common.errors import BadRequest, GatewayError, NotFound, ProviderFailed, RateLimited, TimedOut

if TYPE_CHECKING:
    from collections.abc import Mapping

OK = 200
_MAX_MESSAGE_LENGTH = 300
_RETRY_AFTER = re.compile(r"\d{1,9}|[A-Z][a-z]{2}, [\w :-]{20,26}", re.ASCII)
_REFUSED_AS_IS = (BadRequest, "provider_refused_request", "the provider refuses the request")
_TIMED_OUT = (TimedOut, "provider_timeout", "the provider ran out of time")

BY_STATUS: Mapping[int, tuple[type[GatewayError], str, str]] = {
    400: _REFUSED_AS_IS,
    401: (ProviderFailed, "provider_key_refused", "the provider does not accept the gateway's key"),
    402: (ProviderFailed, "provider_credit", "the account or the key has no credit left at the provider"),
    403: (
        ProviderFailed,
        "provider_forbidden",
        "the provider forbids the request (permission, guardrail or moderation)",
    ),
    404: (NotFound, "provider_no_endpoint", "the provider has no endpoint for this model with these parameters"),
    408: _TIMED_OUT,
    413: _REFUSED_AS_IS,
    422: _REFUSED_AS_IS,
    429: (RateLimited, "provider_rate_limit", "the provider limits the account's rate"),
    502: (ProviderFailed, "provider_down", "the model is down at the provider, or gave it an invalid answer"),
    503: (ProviderFailed, "provider_unavailable", "the provider has no endpoint available for this model now"),
    504: _TIMED_OUT,
    524: _TIMED_OUT,  # the status of OpenRouter's own front for a silent origin
}
_OTHER = (ProviderFailed, "provider_error", "the provider answered with an error")
_NOTHING_GENERATED = frozenset({400, 401, 402, 403, 404, 413, 422, 429, 503})
"""Statuses that mean that no model ran; after any other one it is unknown whether the call is billed."""
_CONTENT = ("content", "tool_calls", "refusal", "audio", "function_call", "reasoning", "images")
_CUT = frozenset({"length", "content_filter"})
_SHAPE: Mapping[str, tuple[type, ...]] = {
    "index": (int, NoneType),
    "message": (dict, NoneType),
    "delta": (dict, NoneType),
    "finish_reason": (str, NoneType),
}
"""The fields of a choice that this program relies on."""


def read_completion(status: int, headers: Mapping[str, str], octets: bytes) -> dict[str, Any]:
    """The completion in a plain answer.

    Args:
        status: the HTTP status.
        headers: with lower-case names.
        octets: the whole body.

    Raises:
        GatewayError: see BY_STATUS; `provider_status` is the code inside the error object if it has one.
    """
    body = _object(octets)
    retry_after = headers.get("retry-after")
    if status != OK:
        raise error_in(status, body, retry_after)
    if body is None:
        raise malformed("provider_not_json", "its body is not a JSON object")
    try:
        _check(body, retry_after)
    except GatewayError as error:
        error.usage = body.get("usage")
        raise
    return body


def _check(body: Mapping[str, Any], retry_after: str | None) -> None:
    if body.get("error") is not None:
        raise error_in(OK, body, retry_after)
    _check_choices(body, retry_after)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise malformed("provider_malformed", "it does not name the served model")


def _check_choices(body: Mapping[str, Any], retry_after: str | None) -> None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise malformed("provider_empty", "it has no choice")
    for choice in choices:
        if choice.get("error") is not None or choice.get("finish_reason") == "error":
            raise error_in(OK, choice, retry_after)
        _check_shape(choice)
        message = choice.get("message") or {}
        filled = any(message.get(name) for name in _CONTENT)
        if not filled and choice.get("finish_reason") not in _CUT:
            raise malformed("provider_empty", "its first choice has no text")


def _check_shape(choice: Any) -> None:
    shaped = isinstance(choice, dict) and all(isinstance(choice.get(name), kinds) for name, kinds in _SHAPE.items())
    if not shaped:
        raise malformed("provider_malformed", "a choice in it is not well-formed")


def read_chunk(text: str) -> dict[str, Any]:
    """The chunk in one event's data.

    Raises:
        GatewayError: it is not a JSON object, its choices are not well-formed, or it is an error: generation had begun
            when it happened.
    """
    body = _object(text.encode("utf-8", "replace"))
    if body is None:
        raise malformed("provider_not_json", "an event of its stream is not a JSON object")
    if body.get("error") is not None:
        raise error_in(OK, body)
    choices = body.get("choices") or ()
    for choice in choices if isinstance(choices, list | tuple) else (None,):
        if isinstance(choice, dict) and (choice.get("error") is not None or choice.get("finish_reason") == "error"):
            raise error_in(OK, choice)
        _check_shape(choice)
    return body


def has_content(chunk: Mapping[str, Any]) -> bool:
    """Whether it has more than a role and a normal end: text, a tool call, or the reason why the answer is cut."""
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        if choice.get("finish_reason") in _CUT or any(value for name, value in delta.items() if name != "role"):
            return True
    return False


def _object(octets: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def malformed(type_: str, what: str) -> ProviderFailed:
    """The error for a 200 that is not an answer."""
    return ProviderFailed(type_, f"the provider's answer cannot be used: {what}", provider_status=OK)


def error_in(status: int, body: Mapping[str, Any] | None, retry_after: str | None = None) -> GatewayError:
    """The error for a status and an error object."""
    found = (body or {}).get("error")
    error: Mapping[str, Any] = found if isinstance(found, dict) else {}
    code = _code(error.get("code")) or status
    kind, type_, sentence = BY_STATUS.get(code, _OTHER)
    inside = ", inside a 200" if status == OK and code != OK else ""
    message = f"{sentence} (status {code}{inside}){_quoted(error.get('message'))}"
    unbilled = status in _NOTHING_GENERATED
    kept = _valid_retry_after(retry_after)
    return kind(type_, message, provider_status=code, retry_after=kept, unbilled=unbilled)


def _code(value: Any) -> int | None:
    """The HTTP status in an error code; some providers write it as a string, some use words."""
    if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII):
        value = int(value)
    is_status = isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599  # noqa: PLR2004
    return value if is_status else None


def _quoted(message: Any) -> str:
    """The provider's own message on one line; control characters could forge lines where it is shown."""
    if not isinstance(message, str) or not message.strip():
        return ""
    flat = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return f"; message: {flat[:_MAX_MESSAGE_LENGTH]}"


def _valid_retry_after(value: str | None) -> str | None:
    return value if value and _RETRY_AFTER.fullmatch(value) else None


class StreamEnds:
    """Whether every choice of a stream has a finish reason.

    Args:
        requested: how many choices there have to be.
    """

    def __init__(self, requested: int = 1) -> None:
        self._requested = requested
        self._begun: set[int] = set()
        self._ended: set[int] = set()

    def note(self, choice: Mapping[str, Any]) -> None:
        """Note one choice of a chunk."""
        index = choice.get("index") or 0
        self._begun.add(index)
        if choice.get("finish_reason"):
            self._ended.add(index)

    @property
    def complete(self) -> bool:
        """Whether all choices that began have ended, and there are as many as requested."""
        return self._begun == self._ended and len(self._ended) >= self._requested
