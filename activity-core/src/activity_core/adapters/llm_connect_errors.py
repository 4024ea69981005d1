"""llm-connect's error answers as errors of this program, by the table of errors in llm-connect/README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from activity_core.core import dates
from activity_core.core.errors import InvalidInput, Refused, TriageError, TryLater, Unavailable
from activity_core.core.text import clean

if TYPE_CHECKING:
    from activity_core.adapters.http import Reply

SYSTEM = "llm-connect"
TOKEN_FILE = "LLM_CONNECT_TOKEN_FILE"  # noqa: S105 - the name of a variable
USUAL_HINT = "check it: llm-connect smoke --url $LLM_CONNECT_URL; then run triage again"
_FIRST_CALLER_ERROR, _UNAUTHORIZED, _BUDGET, _FORBIDDEN, _TOO_MANY, _FIRST_SERVER_ERROR = 400, 401, 402, 403, 429, 500
_LONGEST_LINE, _LONGEST_TYPE, _MOST_DETAILS = 300, 60, 20
_LONG_WAIT_SECONDS = 120
_MOST_DIGITS = 7  # a month has 2,678,400 seconds

HINTS = {
    "key_missing": "llm-connect has no provider key: warden route show openrouter-llm-connect",
    "provider_key_refused": "the provider rejects llm-connect's key: warden prove openrouter-llm-connect",
    "provider_credit": "the provider's account has no credit left: ask its owner to add some",
    "unknown_profile": "list the profiles: llm-connect profiles",
    "answer_invalid": 'the profile is strict; with validation = "report" the good recommendations are kept here',
    "model_unpriced": "a money budget applies: whoever configures llm-connect must set the model's prices",
}
_NO_PERIOD = "no future period has room for it: whoever configures llm-connect must raise the budget ([[budgets]])"
_BUSY = {"gateway_busy"}
"""The 503 with which llm-connect limits its calls; other 503s are problems of its own."""


def error_of(reply: Reply, found: dict[str, Any], subject: str) -> TriageError:
    """The error for a reply other than 200.

    The provider's credit (502) is not a budget of the caller: it does not come back with time, so it is not `TryLater`.

    Args:
        reply: as it came.
        found: its body, if that is a JSON object, else empty.
        subject: the gateway's URL, as it may be shown.
    """
    kind = clean_line(found.get("type"))[:_LONGEST_TYPE] or "status"
    what = _description(reply.status, kind, clean_line(found.get("message")))
    if reply.status in {_UNAUTHORIZED, _FORBIDDEN}:
        message = f"llm-connect denied access ({what}). There is no report."
        return Refused(
            kind, message, system=SYSTEM, subject=subject, hint=f"give a token that it accepts: {TOKEN_FILE}=FILE"
        )
    if reply.status in {_BUDGET, _TOO_MANY} or kind in _BUSY:
        message = f"llm-connect refuses requests now ({what}). There is no report."
        return TryLater(kind, message, system=SYSTEM, subject=subject, hint=_when_to_retry(reply, kind))
    message = f"llm-connect gave no answer ({what}). There is no report."
    if _FIRST_CALLER_ERROR <= reply.status < _FIRST_SERVER_ERROR:
        hint = HINTS.get(kind, USUAL_HINT)
        return InvalidInput(kind, message, system=SYSTEM, subject=subject, hint=hint, details=_details(found))
    after = _retry_after(reply)
    hint = HINTS.get(kind, f"run triage again {after}" if after else USUAL_HINT)
    return Unavailable(kind, message, system=SYSTEM, subject=subject, hint=hint)


def clean_line(value: object) -> str:
    """A text of the gateway as one harmless line."""
    return clean(value, _LONGEST_LINE)[0] if isinstance(value, str) else ""


def _description(status: int, kind: str, message: str) -> str:
    """``402, budget_exhausted: the budget of the day is used up``."""
    described = f"{status}, {kind}" if kind != "status" else str(status)
    return f"{described}: {message}" if message else described


def _details(found: dict[str, Any]) -> list[str]:
    given = found.get("faults")
    entries = [each for each in given[:_MOST_DETAILS] if isinstance(each, dict)] if isinstance(given, list) else []
    return [
        clean_line(f"{each.get('field')}: {each.get('problem')}; allowed: {each.get('allowed')}") for each in entries
    ]


def _when_to_retry(reply: Reply, kind: str) -> str:
    after = _retry_after(reply)
    if not after and kind in HINTS:
        return HINTS[kind]
    if not after and kind == "budget_exhausted":
        return _NO_PERIOD
    return f"run triage again {after or 'later'}"


def _retry_after(reply: Reply) -> str:
    """``in 7 s``, ``in 40012 s (11 h)``; empty if Retry-After gives no seconds."""
    after = reply.headers.get("retry-after", "")
    if not (after.isascii() and after.isdecimal() and len(after) <= _MOST_DIGITS):
        return ""
    seconds = int(after)
    return f"in {seconds} s ({dates.duration(seconds)})" if seconds >= _LONG_WAIT_SECONDS else f"in {seconds} s"
