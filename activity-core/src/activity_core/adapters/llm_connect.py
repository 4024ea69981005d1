"""Ask llm-connect over HTTP: POST /execute. Contract: llm-connect/README.md; fields it does not name are ignored.

Nothing is retried here: llm-connect retries where that is safe, and a run can be repeated at no cost.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activity_core.adapters.http import Reply, Target, display_url, exchange
from activity_core.adapters.llm_connect_errors import SYSTEM, TOKEN_FILE, USUAL_HINT, clean_line, error_of
from activity_core.adapters.tokens import bearer
from activity_core.core import strict_json, validation
from activity_core.core.errors import Unavailable
from activity_core.core.report import Completion

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_OCTETS = 2 * 1024 * 1024
_OK = 200
_MARGIN_SECONDS, _MARGIN_SHARE = 5.0, 0.1


@dataclass(frozen=True)
class Gateway:
    """Where llm-connect is and how it is asked.

    Attributes:
        url: without a slash at its end.
        profile: which of its profiles to use.
        seconds: for the whole exchange, 1 to 600.
        token_file: a bearer token for callers, or None.
    """

    url: str
    profile: str
    seconds: float
    token_file: str | None = None


def execute(gateway: Gateway, prompt: str, schema: Mapping[str, Any], request_id: str) -> Completion:
    """Ask one question.

    Raises:
        Unavailable: unreachable, late, broken, or an error of the gateway or the provider.
        Refused: the caller is not accepted.
        TryLater: the rate limit or a budget is exhausted, or the gateway is busy; the hint says when to come back.
        InvalidInput: the gateway rejects the request or does not know the profile.
    """
    # The gateway gets less time than we wait, so that its own error arrives before we give up.
    seconds = gateway.seconds - min(_MARGIN_SECONDS, _MARGIN_SHARE * gateway.seconds)
    config = {
        "model_name": gateway.profile,
        "timeout_seconds": round(seconds, 3),
        "model_params": {"json_schema": schema},
    }
    headers = {"content-type": "application/json", "x-request-id": request_id}
    headers |= bearer(gateway.token_file, variable=TOKEN_FILE)
    target = Target(SYSTEM, f"{gateway.url}/execute", gateway.seconds, MAX_OCTETS)
    body = json.dumps({"prompt": prompt, "config": config}, ensure_ascii=False).encode()
    try:
        reply = exchange(target, body=body, headers=headers)
    except Unavailable as error:
        message = f"{error.message} There is no report."
        raise Unavailable(error.kind, message, system=SYSTEM, subject=error.subject, hint=USUAL_HINT) from None
    if reply.status != _OK:
        raise error_of(reply, _json_object(reply), display_url(gateway.url))
    return _completion(gateway, reply, request_id)


def _json_object(reply: Reply) -> dict[str, Any]:
    try:
        found = strict_json.loads(strict_json.decoded(reply.body))
    except strict_json.NotJson:
        return {}
    return found if isinstance(found, dict) else {}


def _completion(gateway: Gateway, reply: Reply, request_id: str) -> Completion:
    found = _json_object(reply)
    if not isinstance(found.get("content"), str):
        message = "llm-connect answered 200, but not in its documented format. There is no report."
        raise Unavailable("no-contract", message, system=SYSTEM, subject=display_url(gateway.url), hint=USUAL_HINT)
    usage, metadata = _object_field(found, "usage"), _object_field(found, "metadata")
    return Completion(
        content=found["content"],
        model=clean_line(found.get("model")),
        finish_reason=clean_line(found.get("finish_reason")),
        tokens=(_token_count(usage.get("prompt_tokens")), _token_count(usage.get("completion_tokens"))),
        cost_usd=_cost_usd(usage.get("cost")),
        request_id=_request_id(metadata.get("request_id")) or request_id,
        validation=validation.read(metadata),
    )


def _object_field(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _request_id(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", value) else ""


def _token_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _cost_usd(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**6
    return float(value) if usable and isinstance(value, int | float) else None
