"""What llm-connect says instead of an answer, as a fault, by the table of errors in llm-connect/README.md."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from activity_core import berlin
from activity_core.faults import AnswerIsNo, Fault, NoAnswer, NotNow, Refused
from activity_core.text import clean

if TYPE_CHECKING:
    from activity_core.http import Reply

SYSTEM = "llm-connect"
TOKEN_FILE = "LLM_CONNECT_TOKEN_FILE"  # noqa: S105 - the name of a variable
USUAL_HINT = "is it well? llm-connect smoke --url $LLM_CONNECT_URL; then run triage again"
_CALLER, _UNAUTHORIZED, _BUDGET, _FORBIDDEN, _TOO_MANY, _SERVER = 400, 401, 402, 403, 429, 500
_SHOWN = 300
_LONG_SECONDS = 120
_MOST_DIGITS = 7  # a month has 2,678,400 seconds

HINTS = {
    "key_missing": "llm-connect has no provider key: warden route show openrouter-llm-connect",
    "provider_key_refused": "the provider does not take llm-connect's key: warden prove openrouter-llm-connect",
    "provider_credit": "the provider's account has no credit left: its owner fills it up",
    "unknown_profile": "which profiles there are: llm-connect profiles",
    "answer_invalid": 'the profile is strict there; with validation = "report" the good recommendations are kept here',
    "model_unpriced": "a money budget holds there: whoever configures llm-connect gives the model its prices",
}
_NO_PERIOD = "no next period has room for it: whoever configures llm-connect gives the budget more ([[budgets]])"
_LIMITS = {"gateway_busy"}
"""A 503 by which llm-connect limits its calls; the other ones are troubles of its own."""


def refusal(reply: Reply, found: dict[str, Any], subject: str) -> Fault:
    """The fault of a reply that is no 200.

    The provider's credit (502) is no budget of the caller: nothing comes back with time, so that it is no `NotNow`.

    Args:
        reply: as it came.
        found: its body, where that is a JSON object, else empty.
        subject: the gateway's address, as it may be shown.
    """
    kind = line(found.get("type"))[:60] or "status"
    told = [str(reply.status), *([kind] if kind != "status" else []), *filter(None, [line(found.get("message"))])]
    what = ": ".join([", ".join(told[:2]), *told[2:]])
    if reply.status in {_UNAUTHORIZED, _FORBIDDEN}:
        message = f"llm-connect refused this caller ({what}). There is no report."
        hint = f"give a token it accepts: {TOKEN_FILE}=FILE"
        return Refused(kind, message, system=SYSTEM, subject=subject, hint=hint)
    if reply.status in {_BUDGET, _TOO_MANY} or kind in _LIMITS:
        message = f"llm-connect takes no request now ({what}). There is no report."
        return NotNow(kind, message, system=SYSTEM, subject=subject, hint=_when(reply, kind))
    message = f"llm-connect gave no answer ({what}). There is no report."
    if _CALLER <= reply.status < _SERVER:
        hint = HINTS.get(kind, USUAL_HINT)
        return AnswerIsNo(kind, message, system=SYSTEM, subject=subject, hint=hint, faults=_faults(found))
    again = f"run triage again {_after(reply)}" if _after(reply) else USUAL_HINT
    return NoAnswer(kind, message, system=SYSTEM, subject=subject, hint=HINTS.get(kind, again))


def line(value: object) -> str:
    """A text of the gateway's as one harmless line."""
    return clean(value, _SHOWN)[0] if isinstance(value, str) else ""


def _faults(found: dict[str, Any]) -> list[str]:
    faults = found.get("faults")
    each = [fault for fault in faults[:20] if isinstance(fault, dict)] if isinstance(faults, list) else []
    return [line(f"{fault.get('field')}: {fault.get('problem')}; allowed: {fault.get('allowed')}") for fault in each]


def _when(reply: Reply, kind: str) -> str:
    after = _after(reply)
    if not after and kind in HINTS:
        return HINTS[kind]
    if not after and kind == "budget_exhausted":
        return _NO_PERIOD
    return f"run triage again {after or 'later'}"


def _after(reply: Reply) -> str:
    """``in 7 s``, ``in 40012 s (11 h)``; empty where Retry-After gives no seconds."""
    after = reply.headers.get("retry-after", "")
    if not (after.isascii() and after.isdecimal() and len(after) <= _MOST_DIGITS):
        return ""
    seconds = int(after)
    return f"in {seconds} s ({berlin.span(seconds)})" if seconds >= _LONG_SECONDS else f"in {seconds} s"
