"""Certificates that were signed without OpenBao, as text and as JSON."""

from collections.abc import Sequence
from typing import Any

from warden.core.remedies import RunWarden, warden
from warden.core.ssh.emergency import Emergency
from warden.present import terminal
from warden.present.commands import command, to_paste
from warden.usecases.acknowledge import Looked


def emergency_json(found: Emergency) -> dict[str, Any]:
    """``journal, at, actor, signed_by, reason, principals[], where, serials[], ends, acknowledged, next_action``."""
    done = found.acknowledged
    return {
        "journal": found.record,
        "at": found.at,
        "actor": found.subject,
        "signed_by": found.signer,
        "reason": found.reason,
        "principals": list(found.principals),
        "where": found.where,
        "serials": [str(each) for each in found.serials],
        "ends": terminal.iso(found.ends) if found.ends else "",
        "acknowledged": {"by": done.by, "at": done.at, "comment": done.comment, "journal": done.record}
        if done
        else None,
        "next_action": "" if done else command(_acknowledge(found)),
    }


def emergencies_json(found: Sequence[Emergency]) -> list[dict[str, Any]]:
    """A list of ``lane, emergency {…}`` for `status`; the lane is the actor."""
    return [{"lane": each.subject, "emergency": emergency_json(each)} for each in found]


def show_emergencies(found: Sequence[Emergency]) -> None:
    """A line for each that nobody else has looked at."""
    for each in found:
        terminal.sentence(f"BREAK-GLASS: {_described(each)}. Next, by somebody else: {to_paste(_acknowledge(each))}")


def looked_json(found: Looked) -> dict[str, Any]:
    """The certificate as above; ``before``: it was acknowledged already; ``comment_recorded``: yours, if any."""
    return {**emergency_json(found.emergency), "before": found.before, "comment_recorded": found.comment_recorded}


def show_looked(found: Looked) -> None:
    """What was acknowledged, by whom."""
    done = found.emergency.acknowledged
    assert done is not None  # noqa: S101 - it was just looked at
    again = "already acknowledged" if found.before else "acknowledged"
    comment = f": {done.comment}" if done.comment else ""
    terminal.sentence(f"{again} by {done.by} (journal {done.record}){comment}: {_described(found.emergency)}")
    if not found.comment_recorded:
        terminal.note("Your comment was not recorded: the first acknowledgement stands.")


def _described(found: Emergency) -> str:
    """Whose certificate it is, who signed it when and why, and until when it holds."""
    what = f"a certificate of {found.subject} was" if found.serials else f"a certificate of {found.subject} was to be"
    until = f"; valid until {terminal.iso(found.ends)}" if found.ends else ""
    when = f"{terminal.ago(found.at)} by {found.signer}"
    return f"{what} signed without OpenBao {when}, journal {found.record}: {found.reason}{until}"


def _acknowledge(found: Emergency) -> RunWarden:
    return warden("ssh acknowledge", str(found.record))
