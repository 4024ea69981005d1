"""Operations without an end in the journal, and tokens that were left by them, as text and as JSON."""

from collections.abc import Sequence
from typing import Any

from warden.core.journal.tokens import EarlierToken
from warden.core.lifecycle.interrupted import InterruptedOperation
from warden.core.lifecycle.lane_status import LaneStatus
from warden.core.remedies import RunBao
from warden.present import terminal
from warden.present.commands import commands, to_paste
from warden.present.terminal import counted

_UNKNOWN = {
    "access": "whether the value was read is not known; it was not handed over",
    "approval": "whether the approval counts is not known",
    "certificate": "whether a certificate was signed is not known; nobody got it",
    "change": "whether the decision was written is in the request's file",
    "probe": "nothing was proven",
    "rotate": "how far the new value came is not known",
    "put": "whether a version was written is not known",
    "sync": "whether the refresh was carried out is not known",
    "adopt": "how far the takeover got is not known",
    "compromise": "how far the closing got is not known; warden refuses the lane",
    "deactivate": "how far the closing got is not known; warden refuses the lane",
    "reactivate": "how far the opening got is not known; warden refuses the lane",
    "promote": "whether the lane's file was changed is not known",
    "demote": "whether the lane's file was changed is not known",
}


def interrupted_json(each: InterruptedOperation) -> dict[str, Any]:
    """``operation, state, at, actor, journal, clusters[], not_known, expires, next_action``."""
    return {
        "operation": each.operation,
        "state": each.state,
        "at": each.at,
        "actor": each.actor,
        "journal": each.record,
        "clusters": list(each.targets),
        "not_known": "" if each.state == "running" else _not_known(each),
        "expires": each.expires,
        "next_action": commands(each.remedy),
    }


def show_interrupted(found: Sequence[LaneStatus]) -> None:
    """A line for each: what, when, by whom, what is not known since, and the command that finds it out."""
    for lane in found:
        for each in lane.interrupted:
            terminal.sentence(_line(lane.lane, each))


def show_earlier_tokens(tokens: Sequence[EarlierToken]) -> None:
    """What became of the tokens that killed proofs left; what may still live, with how it is revoked."""
    revoked = sum(each.state == "revoked" for each in tokens)
    if revoked:
        terminal.sentence(f"Revoked {counted(revoked, 'token')} left by a killed run.")
    for each in tokens:
        if each.state == "left":
            terminal.sentence(f"A token left by a killed run lives until {each.expires}. {_revoking(each)}")


def earlier_tokens_json(tokens: Sequence[EarlierToken]) -> list[dict[str, Any]]:
    """``reader, state, expires, journal`` of each."""
    return [
        {"reader": each.reader, "state": each.state, "expires": each.expires, "journal": each.record} for each in tokens
    ]


def _line(lane: str, each: InterruptedOperation) -> str:
    when = f"{terminal.ago(each.at)} by {each.actor}, journal {each.record}"
    name = {"probe": "prove", "token": "a reader's session"}.get(each.operation, each.operation)
    if each.state == "running":
        return f"{lane}: {name} is running (began {when})"
    what = f"{name} was killed (began {when}): {_not_known(each)}"
    return f"{lane}: {what}. Next: {to_paste(*each.remedy)}"


def _not_known(each: InterruptedOperation) -> str:
    where = ", ".join(each.targets) or "OpenBao"
    if each.operation == "apply":
        return f"which of its {each.changes} changes in {where} were made is not known"
    if each.operation == "token":
        return f"the reader's token lives until {each.expires}, unless it was revoked"
    left = f"; its token lives until {each.expires}, unless it was revoked" if each.expires else ""
    return f"{_UNKNOWN[each.operation]}{left}"


def _revoking(each: EarlierToken) -> str:
    if not each.accessor:
        return "It is a batch token, which nobody can revoke."
    return f"Revoke it: {to_paste(RunBao(action='revoke-accessor', name=each.accessor))}"
