"""llm-connect, met at HTTP only: POST /execute. Contract: llm-connect/README.md; what is added to it is ignored.

Nothing is tried again here: llm-connect has done so where it is safe, and a run can be repeated at no cost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core import strict_json
from activity_core.faults import AnswerIsNo, Fault, NoAnswer, NotNow, Refused
from activity_core.http import Reply, Target, exchange, shown
from activity_core.text import clean
from activity_core.tokens import bearer

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM = "llm-connect"
TOKEN_FILE = "LLM_CONNECT_TOKEN_FILE"  # noqa: S105 - the name of a variable
MAX_OCTETS = 2 * 1024 * 1024
_OK, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY, _CALLER, _SERVER = 200, 401, 403, 429, 400, 500
_MARGIN_SECONDS, _MARGIN_SHARE = 5.0, 0.1
_SHOWN = 300

HINTS = {
    "key_missing": "llm-connect has no provider key: warden route show openrouter-llm-connect",
    "provider_key_refused": "the provider does not take llm-connect's key: warden prove openrouter-llm-connect",
    "provider_credit": "the provider's account has no credit left: its owner fills it up",
    "unknown_profile": "which profiles there are: llm-connect profiles",
}
_USUAL_HINT = "is it well? llm-connect smoke --url $LLM_CONNECT_URL; then run triage again"


@dataclass(frozen=True)
class Gateway:
    """Where llm-connect is and how it is asked.

    Attributes:
        url: without a slash at its end.
        profile: which of its profiles.
        seconds: for the whole exchange, 1 to 600.
        token_file: a bearer token for callers, or None.
    """

    url: str
    profile: str
    seconds: float
    token_file: str | None = None


@dataclass(frozen=True)
class Served:
    """What came back of a 200; what is not there or of another type reads as empty or None.

    Attributes:
        content: the model's text.
        model: the model that served.
        finish_reason: the provider's.
        tokens: prompt and completion tokens.
        cost_usd: as the provider says.
        request_id: of llm-connect.
        errors: what llm-connect's own validation found, if it validates.
    """

    content: str
    model: str
    finish_reason: str
    tokens: tuple[int | None, int | None]
    cost_usd: float | None
    request_id: str
    errors: tuple[str, ...]


def execute(gateway: Gateway, prompt: str, schema: Mapping[str, Any], request_id: str) -> Served:
    """One question and its answer.

    Raises:
        NoAnswer: unreachable, late, broken, or a fault of the gateway or the provider.
        Refused: the caller is not accepted.
        NotNow: the rate or a budget is used up; the message says when to come again, if the gateway does.
        AnswerIsNo: the gateway does not take the request or does not know the profile.
    """
    ask_for = gateway.seconds - min(
        _MARGIN_SECONDS, _MARGIN_SHARE * gateway.seconds
    )  # its answer is to come before ours
    config = {
        "model_name": gateway.profile,
        "timeout_seconds": round(ask_for, 3),
        "model_params": {"json_schema": schema},
    }
    headers = {"content-type": "application/json", "x-request-id": request_id}
    headers |= bearer(gateway.token_file, of=TOKEN_FILE)
    target = Target(SYSTEM, f"{gateway.url}/execute", gateway.seconds, MAX_OCTETS)
    body = json.dumps({"prompt": prompt, "config": config}, ensure_ascii=False).encode()
    try:
        reply = exchange(target, body=body, headers=headers)
    except NoAnswer as fault:
        message = f"{fault.message} There is no report."
        raise NoAnswer(fault.kind, message, system=SYSTEM, subject=fault.subject, hint=_USUAL_HINT) from None
    if reply.status != _OK:
        raise _refusal(gateway, reply)
    return _served(gateway, reply, request_id)


def _json(reply: Reply) -> dict[str, Any]:
    try:
        found = strict_json.loads(strict_json.decoded(reply.body))
    except strict_json.NotJson:
        return {}
    return found if isinstance(found, dict) else {}


def _served(gateway: Gateway, reply: Reply, request_id: str) -> Served:
    found = _json(reply)
    if not isinstance(found.get("content"), str):
        message = "llm-connect answered 200 with something that is no answer of its contract. There is no report."
        raise NoAnswer("no-contract", message, system=SYSTEM, subject=shown(gateway.url), hint=_USUAL_HINT)
    usage, metadata = _object(found, "usage"), _object(found, "metadata")
    errors = _object(metadata, "validation").get("errors")
    return Served(
        content=found["content"],
        model=_line(found.get("model")),
        finish_reason=_line(found.get("finish_reason")),
        tokens=(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))),
        cost_usd=_cost(usage.get("cost")),
        request_id=_request_id(metadata.get("request_id")) or request_id,
        errors=tuple(_line(each) for each in errors[:20]) if isinstance(errors, list) else (),
    )


def _refusal(gateway: Gateway, reply: Reply) -> Fault:
    found = _json(reply)
    kind = _line(found.get("type"))[:60] or "status"
    said = _line(found.get("message"))
    what = f"{kind}: {said}" if said else kind
    system, subject = SYSTEM, shown(gateway.url)
    hint = HINTS.get(kind, _USUAL_HINT)
    if reply.status in {_UNAUTHORIZED, _FORBIDDEN}:
        message = f"llm-connect refused this caller ({reply.status}, {what}). There is no report."
        return Refused(
            kind, message, system=system, subject=subject, hint=f"give a token it accepts: {TOKEN_FILE}=FILE"
        )
    if reply.status == _TOO_MANY:
        when = _wait(reply)
        message = f"llm-connect takes no request now ({reply.status}, {what}). There is no report."
        return NotNow(kind, message, system=system, subject=subject, hint=f"run triage again {when}")
    message = f"llm-connect gave no answer ({reply.status}, {what}). There is no report."
    if _CALLER <= reply.status < _SERVER:
        return AnswerIsNo(kind, message, system=system, subject=subject, hint=hint, faults=_faults(found))
    return NoAnswer(kind, message, system=system, subject=subject, hint=hint)


def _faults(found: dict[str, Any]) -> list[str]:
    faults = found.get("faults")
    each = [fault for fault in faults[:20] if isinstance(fault, dict)] if isinstance(faults, list) else []
    return [_line(f"{fault.get('field')}: {fault.get('problem')}; allowed: {fault.get('allowed')}") for fault in each]


def _wait(reply: Reply) -> str:
    after = reply.headers.get("retry-after", "")
    return f"in {int(after)} s" if after.isdecimal() and len(after) < 7 else "later"  # noqa: PLR2004 - eleven days


def _object(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _line(value: object) -> str:
    """A text of the gateway's as one harmless line."""
    return clean(value, _SHOWN)[0] if isinstance(value, str) else ""


def _request_id(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", value) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _cost(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**6
    return float(value) if usable and isinstance(value, int | float) else None
