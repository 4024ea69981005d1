"""llm-connect, met at HTTP only: POST /execute. Contract: llm-connect/README.md; what is added to it is ignored.

Nothing is tried again here: llm-connect has done so where it is safe, and a run can be repeated at no cost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core import strict_json, validation
from activity_core.faults import NoAnswer
from activity_core.http import Reply, Target, exchange, shown
from activity_core.refusals import SYSTEM, TOKEN_FILE, USUAL_HINT, line, refusal
from activity_core.tokens import bearer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from activity_core.validation import Validation

MAX_OCTETS = 2 * 1024 * 1024
_OK = 200
_MARGIN_SECONDS, _MARGIN_SHARE = 5.0, 0.1


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
        validation: llm-connect's own judgement, or None.
    """

    content: str
    model: str
    finish_reason: str
    tokens: tuple[int | None, int | None]
    cost_usd: float | None
    request_id: str
    validation: Validation | None


def execute(gateway: Gateway, prompt: str, schema: Mapping[str, Any], request_id: str) -> Served:
    """One question and its answer.

    Raises:
        NoAnswer: unreachable, late, broken, or a fault of the gateway or the provider.
        Refused: the caller is not accepted.
        NotNow: the rate or a budget is used up, or too many calls wait; the hint says when to come again.
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
        raise NoAnswer(fault.kind, message, system=SYSTEM, subject=fault.subject, hint=USUAL_HINT) from None
    if reply.status != _OK:
        raise refusal(reply, _json(reply), shown(gateway.url))
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
        raise NoAnswer("no-contract", message, system=SYSTEM, subject=shown(gateway.url), hint=USUAL_HINT)
    usage, metadata = _object(found, "usage"), _object(found, "metadata")
    return Served(
        content=found["content"],
        model=line(found.get("model")),
        finish_reason=line(found.get("finish_reason")),
        tokens=(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))),
        cost_usd=_cost(usage.get("cost")),
        request_id=_request_id(metadata.get("request_id")) or request_id,
        validation=validation.read(metadata),
    )


def _object(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _request_id(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", value) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _cost(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**6
    return float(value) if usable and isinstance(value, int | float) else None
