"""Reading OpenRouter's answers: status, headers and body in, a Completion or the documented error out. Pure.

The rules, in the order they are applied (source: OpenRouter's "Errors and debugging"):

1. a status other than 200 is an error by its status, also when the body is no JSON;
2. an `error` object inside HTTP 200 is that error: generation had begun when it happened;
3. so is an `error` inside the first choice, and a finish_reason of `error`;
4. no choice, no model or no text is no answer, whatever the status says;
5. a text cut by max_tokens is an answer, with finish_reason `length`: the caller may be able to use it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from llm_connect import strict_json
from llm_connect.faults import BadRequest, GatewayError, NotFound, ProviderFailed, RateLimited, TimedOut
from llm_connect.providers import Completion, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

OK = 200
_LONGEST_MESSAGE = 300
_RETRY_AFTER = re.compile(r"\d{1,9}|[A-Z][a-z]{2}, [\w :-]{20,26}", re.ASCII)
_REFUSED_AS_IS = (BadRequest, "provider_refused_request", "the provider refuses the request as it is")
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


def read_answer(status: int, headers: Mapping[str, str], octets: bytes) -> Completion:
    """The completion in an answer.

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
        raise _error(status, body, retry_after)
    if body is None:
        raise _malformed("provider_not_json", "its body is no JSON object")
    if body.get("error") is not None:
        raise _error(status, body, retry_after)
    return _completion(body, _first_choice(body, retry_after))


def _object(octets: bytes) -> dict[str, Any] | None:
    try:
        value = strict_json.loads(octets)
    except strict_json.NotJson:
        return None
    return value if isinstance(value, dict) else None


def _malformed(type_: str, what: str) -> ProviderFailed:
    return ProviderFailed(type_, f"the provider's answer cannot be used: {what}", provider_status=OK)


def _error(status: int, body: Mapping[str, Any] | None, retry_after: str | None = None) -> GatewayError:
    found = (body or {}).get("error")
    error: Mapping[str, Any] = found if isinstance(found, dict) else {}
    code = _code(error.get("code")) or status
    kind, type_, sentence = BY_STATUS.get(code, _OTHER)
    said = _said(error.get("message"))
    message = f"{sentence} (status {code}{', inside a 200' if status == OK else ''}){said}"
    return kind(type_, message, provider_status=code, retry_after=_plain_retry_after(retry_after))


def _code(value: Any) -> int | None:
    """An HTTP status among the codes a provider may use; some write it as a text, some use words."""
    if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII):
        value = int(value)
    is_status = isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599  # noqa: PLR2004
    return value if is_status else None


def _said(message: Any) -> str:
    """The provider's own words on one line; control characters could forge lines where it is shown."""
    if not isinstance(message, str) or not message.strip():
        return ""
    flat = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return f"; it says: {flat[:_LONGEST_MESSAGE]}"


def _plain_retry_after(value: str | None) -> str | None:
    return value if value and _RETRY_AFTER.fullmatch(value) else None


def _first_choice(body: Mapping[str, Any], retry_after: str | None) -> Mapping[str, Any]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _malformed("provider_empty", "it holds no choice")
    choice = choices[0]
    if choice.get("error") is not None or choice.get("finish_reason") == "error":
        raise _error(OK, choice, retry_after)
    return choice


def _completion(body: Mapping[str, Any], choice: Mapping[str, Any]) -> Completion:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise _malformed("provider_malformed", "it does not say which model it served")
    reason = _text(choice.get("finish_reason"))
    details = {"provider_id": _text(body.get("id")), "endpoint": _text(body.get("provider"))}
    return Completion(_content(choice, reason), model, reason, _usage(body.get("usage")), details)


def _content(choice: Mapping[str, Any], reason: str | None) -> str:
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str) and content:
        return content
    if content in (None, "") and reason in {"length", "content_filter"}:
        return ""  # all tokens went into reasoning, or the filter took it: the reason says so
    raise _malformed("provider_empty", "its first choice holds no text")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _usage(value: Any) -> Usage:
    usage: Mapping[str, Any] = value if isinstance(value, dict) else {}
    details = usage.get("completion_tokens_details")
    reasoning = details.get("reasoning_tokens") if isinstance(details, dict) else None
    cost = usage.get("cost")
    return Usage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        total_tokens=_count(usage.get("total_tokens")),
        reasoning_tokens=_count(reasoning),
        cost=float(cost) if isinstance(cost, int | float) and not isinstance(cost, bool) else None,
    )


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
