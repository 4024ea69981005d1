"""Reads answers: status, headers and body in, a checked completion or the documented error out.

The rules, in the order they are applied (source: OpenRouter's "Errors and debugging"):

1. a status other than 200 is an error by its status, even when the body is not JSON;
2. an error inside HTTP 200 is that error, whatever its shape: generation had begun when it happened;
3. so is an `error` inside a choice, and a finish_reason of `error`;
4. without a choice, a model and content it is not an answer, whatever the status says; choices have to be well-formed;
5. a text cut by max_tokens is an answer with finish_reason `length`: the caller may be able to use it.

What the provider says of an error is passed on, without keys (`error_words`).
"""

from __future__ import annotations

import re
from types import NoneType
from typing import TYPE_CHECKING, Any

from llm_connect.common.errors import BadRequest, GatewayError, NotFound, ProviderFailed, RateLimited, TimedOut
from llm_connect.providers.error_words import decoded, first_error, is_error, quoted, words_of, words_of_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.providers.error_words import Redact

OK = 200
DONE = "[DONE]"
ERROR_EVENT = "error"
"""The name of an event whose data is an error, as Anthropic's API has it."""
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


def read_completion(status: int, headers: Mapping[str, str], octets: bytes, redact: Redact) -> dict[str, Any]:
    """The completion in a plain answer.

    Args:
        status: the HTTP status.
        headers: with lower-case names.
        octets: the whole body.
        redact: removes keys from a text.

    Raises:
        GatewayError: see BY_STATUS; `provider_status` is the code inside the error object if it has one.
    """
    body = decoded(octets)
    retry_after = headers.get("retry-after")
    content_type = headers.get("content-type", "")
    if status != OK:
        raise _error(status, body, quoted(words_of_body(octets, content_type), redact), retry_after)
    if not isinstance(body, dict) and not is_error(body):
        words = quoted(words_of_body(octets, content_type), redact)
        raise malformed("provider_not_json", f"its body is not a JSON object{words}")
    try:
        _check(body, retry_after, redact)
    except GatewayError as error:
        error.usage = first_error(body).get("usage")
        raise
    return body  # type: ignore[no-any-return]  # a list was an error


def _check(body: Any, retry_after: str | None, redact: Redact) -> None:
    if is_error(body):
        raise _error(OK, body, quoted(words_of(body), redact), retry_after)
    _check_choices(body, retry_after, redact)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise malformed("provider_malformed", "it does not name the served model")


def _check_choices(body: Mapping[str, Any], retry_after: str | None, redact: Redact) -> None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise malformed("provider_empty", "it has no choice")
    for choice in choices:
        _check_choice_error(choice, redact, retry_after)
        _check_shape(choice)
        message = choice.get("message") or {}
        filled = any(message.get(name) for name in _CONTENT)
        if not filled and choice.get("finish_reason") not in _CUT:
            raise malformed("provider_empty", "its first choice has no text")


def _check_shape(choice: Any) -> None:
    shaped = isinstance(choice, dict) and all(isinstance(choice.get(name), kinds) for name, kinds in _SHAPE.items())
    if not shaped:
        raise malformed("provider_malformed", "a choice in it is not well-formed")


def _check_choice_error(choice: Mapping[str, Any], redact: Redact, retry_after: str | None = None) -> None:
    if choice.get("error") or choice.get("finish_reason") == "error":
        raise _error(OK, choice, quoted(words_of(choice.get("error")), redact), retry_after)


def read_chunk(text: str, redact: Redact, name: str = "") -> dict[str, Any]:
    """The chunk in one event's data.

    Args:
        text: the data.
        redact: removes keys from a text.
        name: the name of the event; empty for none.

    Raises:
        GatewayError: it is not a JSON object, its choices are not well-formed, or it is an error: generation had begun
            when it happened.
    """
    octets = text.encode("utf-8", "replace")
    body = decoded(octets)
    if name == ERROR_EVENT or is_error(body):
        raise _error(OK, body, quoted(words_of_body(octets, ""), redact))
    if not isinstance(body, dict):
        words = quoted(words_of_body(octets, ""), redact)
        raise malformed("provider_not_json", f"an event of its stream is not a JSON object{words}")
    choices = body.get("choices") or ()
    for choice in choices if isinstance(choices, list | tuple) else (None,):
        if isinstance(choice, dict):
            _check_choice_error(choice, redact)
        _check_shape(choice)
    return body


def is_whole(name: str, data: str) -> bool:
    """Whether the last event of a stream, which no empty line follows, was not cut within."""
    return name == ERROR_EVENT or data.upper() == DONE or decoded(data.encode("utf-8", "replace")) is not None


def has_content(chunk: Mapping[str, Any]) -> bool:
    """Whether it has more than a role and a normal end: text, a tool call, or the reason why the answer is cut."""
    for choice in chunk.get("choices") or ():
        delta = choice.get("delta") or {}
        if choice.get("finish_reason") in _CUT or any(value for name, value in delta.items() if name != "role"):
            return True
    return False


def malformed(type_: str, what: str) -> ProviderFailed:
    """The error for a 200 that is not an answer."""
    return ProviderFailed(type_, f"the provider's answer cannot be used: {what}", provider_status=OK)


def _error(status: int, body: Any, words: str, retry_after: str | None = None) -> GatewayError:
    """The error for a status and a body; `words` is what the provider says, quoted."""
    code = _code_in(body, inside=status == OK) or status
    kind, type_, sentence = BY_STATUS.get(code, _OTHER)
    inside = ", inside a 200" if status == OK and code != OK else ""
    message = f"{sentence} (status {code}{inside}){words}"
    unbilled = status in _NOTHING_GENERATED
    kept = _valid_retry_after(retry_after)
    return kind(type_, message, provider_status=code, retry_after=kept, unbilled=unbilled)


_CODES = ("code", "status", "status_code", "statusCode", "type")
_STATUS_BY_WORD = {
    "invalid_argument": 400, "invalid_request_error": 400, "authentication_error": 401, "invalid_api_key": 401,
    "unauthenticated": 401, "billing_error": 402, "insufficient_quota": 402, "payment_required": 402,
    "permission_denied": 403, "permission_error": 403, "model_not_found": 404, "not_found": 404,
    "not_found_error": 404, "rate_limit": 429, "rate_limit_error": 429, "rate_limit_exceeded": 429,
    "resource_exhausted": 429, "too_many_requests": 429, "overloaded": 503, "overloaded_error": 503,
    "service_unavailable": 503, "unavailable": 503, "deadline_exceeded": 504, "timeout": 504, "timeout_error": 504,
}  # fmt: skip
"""The words of OpenAI, Anthropic and Google for what is a status elsewhere. Inside a 200 nothing else tells it."""


def _code_in(body: Any, *, inside: bool) -> int | None:
    """The status in an error object, which is more exact than that of the response; by a word only inside a 200."""
    outer = first_error(body)
    inner = outer.get("error")
    if isinstance(inner, dict):
        found = _code(inner.get("code"))
        if found or not inside:
            return found
    elif not inside:
        return None
    objects = [each for each in (inner, outer) if isinstance(each, dict)]
    values = [each.get(name) for each in objects for name in _CODES]
    return next(filter(None, map(_code, values)), None) or next(filter(None, map(_by_word, values)), None)


def _by_word(value: Any) -> int | None:
    return _STATUS_BY_WORD.get(value.lower()) if isinstance(value, str) else None


def _code(value: Any) -> int | None:
    """The HTTP status in an error code; some providers write it as a string, some use words."""
    if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII):
        value = int(value)
    is_status = isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599  # noqa: PLR2004
    return value if is_status else None


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
