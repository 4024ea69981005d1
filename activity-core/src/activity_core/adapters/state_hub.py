"""Post a run to the State Hub: that it happened, and counts. No title, no action, no text of anybody."""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from activity_core.adapters.http import Target, display_url, exchange
from activity_core.adapters.record import COUNTS, writing
from activity_core.adapters.tokens import bearer
from activity_core.core import dates
from activity_core.core.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from activity_core.adapters.lock import RecordPath

TOKEN_FILE = "STATE_HUB_TOKEN_FILE"  # noqa: S105 - the name of a variable
SECONDS = 15.0
_OCTETS = 65536
_EFFECT = "The report is complete, but was not posted."
_NEW_TOKEN = f"give a token that it accepts, {TOKEN_FILE}=FILE, and "
_MODEL = re.compile(r"[\w.:/@+~-]{1,128}", re.ASCII)
_FIRST_SUCCESS, _FIRST_REDIRECT, _CONFLICT = 200, 300, 409


class Posted(Enum):
    """Why the hub knows the run: posted now; posted before, by the record; by its own answer (409)."""

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
        "model": _model_id(served.get("model")),
        "prompt_tokens": served.get("prompt_tokens"),
        "completion_tokens": served.get("completion_tokens"),
        "cost_usd": served.get("cost_usd"),
    }


def _model_id(given: str | None) -> str | None:
    """The model's id. A provider can put any text in its place, which is not for the hub."""
    return given if given and _MODEL.fullmatch(given) else None


def post_once(
    record_path: RecordPath, url: str, report: dict[str, Any], token_file: str | None, clock: Callable[[], datetime]
) -> Posted:
    """Post the run to the State Hub at `url`, unless it was posted before.

    The run's id is sent as an idempotency key, so that the hub can recognize a second post if its first answer was
    lost. It then answers 409, which counts as posted.

    Raises:
        Unavailable: the hub did not accept it, or the record cannot be read or written.
        Refused: the hub denied access.
        UsageError: the token's file cannot be used.
    """
    with writing(record_path) as record:
        if record.is_posted(report["run"]):
            return Posted.BEFORE
        posted = _post(url, report, token_file)
        record.mark_posted(report["run"], dates.iso(clock()))
    return posted


def _hint(report: dict[str, Any]) -> str:
    """With --again it would be another run, which is paid for, and so it is where this one is not the day's report."""
    if report["state"] in COUNTS:
        return "run triage again with --post and without --again: the model is not asked a second time"
    return "the next run is posted, if it has --post"


def _post(url: str, report: dict[str, Any], token_file: str | None) -> Posted:
    headers = {"content-type": "application/json", "idempotency-key": report["run"]}
    headers |= bearer(token_file, variable=TOKEN_FILE, effect=_EFFECT)
    target = Target("the State Hub", url, SECONDS, _OCTETS)
    try:
        reply = exchange(target, body=json.dumps(metadata(report)).encode(), headers=headers)
    except Unavailable as error:
        message = f"{error.message} {_EFFECT}"
        raise Unavailable("post", message, system="State Hub", subject=error.subject, hint=_hint(report)) from None
    if _FIRST_SUCCESS <= reply.status < _FIRST_REDIRECT:
        return Posted.NOW
    if reply.status == _CONFLICT:
        return Posted.CONFLICT
    if reply.status in {401, 403}:
        message = f"the State Hub denied access ({reply.status}). {_EFFECT}"
        raise Refused("post", message, system="State Hub", subject=display_url(url), hint=_NEW_TOKEN + _hint(report))
    message = f"the State Hub answered {reply.status}. {_EFFECT}"
    raise Unavailable("post", message, system="State Hub", subject=display_url(url), hint=_hint(report))
