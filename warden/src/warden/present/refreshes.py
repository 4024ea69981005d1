"""Refreshes of deliveries, in words."""

from typing import Any

from warden.core.proofs.delivery_details import NoReaction
from warden.core.proofs.delivery_observation import Sync
from warden.core.quoting import quoted
from warden.core.unobserved import Unobserved
from warden.present import errors, terminal
from warden.present.commands import commands
from warden.present.details import describe_detail
from warden.present.plans import show_remains
from warden.present.problems import described
from warden.usecases.sync import (
    Cause,
    LaneSync,
    NoAnswerThere,
    NoExternalSecret,
    OpenBaoAway,
    OperatorReply,
    Synced,
)

_WORDS = {"synced": ("ok", "ok"), "silent": ("??", "warn"), "refused": ("??", "warn")}
_NOT_BLAMED = "This says nothing about the delivery"


def show_sync(found: LaneSync) -> None:
    """One line for each cluster, the reason below it, and what comes next."""
    for each in found.done:
        word, style = _WORDS.get(each.followed, ("FAIL", "bad"))
        took = f"  {each.ms:.0f} ms" if each.followed == "synced" else ""
        head = f"{terminal.styled(f'{word:<4}', style)} {each.cluster:<16} ExternalSecret {each.external_secret}"
        terminal.line(f"  {head}{took}")
        for text in terminal.wrapped(cause_text(each.cause), indent=7) if each.cause else ():
            terminal.line(text)
    show_remains(found.not_connected, (), ())
    terminal.sentence(f"Next: {commands(found.next)}")


def sync_json(found: LaneSync) -> dict[str, Any]:
    """``lane, clusters[] {cluster, external_secret, followed, why, ms, hint}``."""
    return {"lane": found.lane, "clusters": [_synced_json(each) for each in found.done]}


def _synced_json(each: Synced) -> dict[str, Any]:
    return {
        "cluster": each.cluster,
        "external_secret": each.external_secret,
        "followed": each.followed,
        "why": cause_text(each.cause) if each.cause else "",
        "ms": each.ms,
        "hint": errors.with_steps(each.hint, commands(each.remedy)),
    }


def cause_text(cause: Cause) -> str:
    """Why a refresh was not followed."""
    match cause:
        case OperatorReply():
            text = cause.text
        case NoReaction():
            text = describe_detail(cause)
        case NoExternalSecret():
            text = "ExternalSecret not found"
        case OpenBaoAway():
            text = f"{describe_detail(cause.because).removesuffix('.')}. {_NOT_BLAMED}"
        case NoAnswerThere():
            text = (
                f"OpenBao {cause.address} answers here, but did not answer External Secrets Operator: "
                f"{cause.reply}. {_NOT_BLAMED}"
            )
        case Unobserved():
            text = described(cause.problem)
    return text


def refresh_reason(sync: Sync) -> str:
    """Why a refresh was not followed, in a clause."""
    if sync.followed == "silent":
        return describe_detail(sync.silence)
    return quoted(sync.reply) or {"absent": "ExternalSecret not found", "synced": "it was followed"}.get(
        sync.followed, ""
    )
