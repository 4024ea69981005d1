"""What the State Hub is told of a run: that it was, and counts. No title, no action, no text of anybody."""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from activity_core import berlin
from activity_core.faults import NoAnswer, Refused
from activity_core.http import Target, exchange, shown
from activity_core.record import writing
from activity_core.tokens import bearer

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from activity_core.lock import Place

TOKEN_FILE = "STATE_HUB_TOKEN_FILE"  # noqa: S105 - the name of a variable
SECONDS = 15.0
_OCTETS = 65536
_THEREFORE = "The report is made, and the hub was not told of it."
_HINT = "run triage again with --post: the model is not asked a second time"
_REFUSED_HINT = f"give a token that it accepts, {TOKEN_FILE}=FILE, and run triage again: the model is not asked twice"
_MODEL = re.compile(r"[\w.:/@+~-]{1,128}", re.ASCII)
_FIRST_SUCCESS, _FIRST_REDIRECT, _CONFLICT = 200, 300, 409


class Told(Enum):
    """How it comes that the hub knows the run: told now; by the record told before; by its own word (409)."""

    NOW = auto()
    BEFORE = auto()
    CONFLICT = auto()


def metadata(report: dict[str, Any]) -> dict[str, Any]:
    """The event of a report, metadata only."""
    served = report["served"] or {}
    return {
        "event": "activity-core.triage",
        "run": report["run"],
        "day": report["day"],
        "began_at": report["began_at"],
        "state": report["state"],
        "digest_sha256": report["digest"]["sha256"],
        "digest_age_seconds": report["digest"]["age_seconds"],
        "items": len(report["items"]),
        "needs_human": sum(item["needs_human"] for item in report["items"]),
        "quarantined": len(report["quarantined"]),
        "dropped": len(report["dropped"]),
        "masked": report["digest"]["masked"] + sum(item["masked"] for item in report["items"]),
        "profile": served.get("profile"),
        "model": _model(served.get("model")),
        "prompt_tokens": served.get("prompt_tokens"),
        "completion_tokens": served.get("completion_tokens"),
        "cost_usd": served.get("cost_usd"),
    }


def _model(told: str | None) -> str | None:
    """The model's id; a provider can put any text in its place, which is none of the hub's business."""
    return told if told and _MODEL.fullmatch(told) else None


def once(place: Place, url: str, report: dict[str, Any], token_file: str | None, clock: Callable[[], datetime]) -> Told:
    """Tell the State Hub at `url`, unless it was told of this run before.

    The run's id goes along as an idempotency key: the hub can know a second telling, where the first one's answer was
    lost. Its 409 says so, and counts as told.

    Raises:
        NoAnswer: it did not take it, or the record cannot be read or written.
        Refused: it refused the caller.
        WrongUsage: the token's file cannot be used.
    """
    with writing(place) as record:
        if record.is_posted(report["run"]):
            return Told.BEFORE
        told = _post(url, report, token_file)
        record.posted(report["run"], berlin.iso(clock()))
    return told


def _post(url: str, report: dict[str, Any], token_file: str | None) -> Told:
    headers = {"content-type": "application/json", "idempotency-key": report["run"]}
    headers |= bearer(token_file, of=TOKEN_FILE, therefore=_THEREFORE)
    target = Target("the State Hub", url, SECONDS, _OCTETS)
    try:
        reply = exchange(target, body=json.dumps(metadata(report)).encode(), headers=headers)
    except NoAnswer as fault:
        raise NoAnswer(
            "post", f"{fault.message} {_THEREFORE}", system="State Hub", subject=fault.subject, hint=_HINT
        ) from None
    if _FIRST_SUCCESS <= reply.status < _FIRST_REDIRECT:
        return Told.NOW
    if reply.status == _CONFLICT:
        return Told.CONFLICT
    if reply.status in {401, 403}:
        message = f"the State Hub refused the caller ({reply.status}). {_THEREFORE}"
        raise Refused("post", message, system="State Hub", subject=shown(url), hint=_REFUSED_HINT)
    message = f"the State Hub answered {reply.status}. {_THEREFORE}"
    raise NoAnswer("post", message, system="State Hub", subject=shown(url), hint=_HINT)
