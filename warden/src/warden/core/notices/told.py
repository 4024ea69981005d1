"""The notices of what happens to lanes, from the typed results that they tell of."""

from warden.core.access.pending import PendingRead
from warden.core.journal.record import Record
from warden.core.lanes.lane_edit import LaneEdit
from warden.core.lifecycle.leaks import for_leak
from warden.core.notices.notice import ACCESSOR, Fact, Notice
from warden.core.proofs.verdict import Proof
from warden.core.remedies import warden
from warden.core.ssh.emergency import Emergency

_NAMED = 10
"""How many wrong verdicts are named; the journal has all of them."""


def closed(record: Record, *, in_openbao: bool, consumers: tuple[str, ...] = ()) -> Notice:
    """That a lane is closed, as the journal's record says it; `in_openbao`: its server refuses it, too.

    `consumers` are those that run on with what they have read.
    """
    reason = str(record.body.get("reason") or "")
    following = warden("status", record.lane) if in_openbao else warden("deactivate", record.lane, reason=reason)
    facts: dict[str, Fact] = {"reason": reason, "leaked": for_leak(record), "in_openbao": in_openbao}
    named: dict[str, Fact] = {"consumers": consumers} if consumers else {}
    return Notice(
        kind="lane.closed",
        lane=record.lane,
        who=record.actor,
        record=record.seq,
        facts=facts | named,
        next=(following,),
    )


def compromised(lane: str, who: str, record: int, reason: str, *, readers: int, ms: int) -> Notice:
    """That a lane's value has leaked and was ended: how many tokens had read it, and how soon all were refused."""
    return Notice(
        kind="lane.compromised",
        lane=lane,
        who=who,
        record=record,
        facts={"reason": reason, "readers": readers, "refused_after_ms": ms},
        next=(warden("journal log", lane=lane),),
    )


def opened(lane: str, who: str, record: int, reason: str) -> Notice:
    """That a lane is open again."""
    return Notice(
        kind="lane.opened", lane=lane, who=who, record=record, facts={"reason": reason}, next=(warden("prove", lane),)
    )


def promoted(lane: str, who: str, record: int, proof: Proof, edit: LaneEdit) -> Notice:
    """That a lane is active, by which proof."""
    facts: dict[str, Fact] = {"proof": proof.record, "passed": proof.passed, "file": edit.file}
    return Notice(
        kind="lane.promoted", lane=lane, who=who, record=record, facts=facts, next=(warden("route show", lane),)
    )


def demoted(lane: str, who: str, record: int, reason: str, edit: LaneEdit) -> Notice:
    """That a lane is a draft again."""
    facts = {"reason": reason, "file": edit.file}
    return Notice(kind="lane.demoted", lane=lane, who=who, record=record, facts=facts, next=(warden("promote", lane),))


def refuted(proof: Proof, who: str) -> Notice:
    """That a proof found something wrong: how much, and where."""
    wrong = [each for each in proof.verdicts if each.result == "wrong"]
    named = dict.fromkeys(" ".join(filter(None, (each.probe, each.reader, each.cluster))) for each in wrong)
    return Notice(
        kind="proof.refuted",
        lane=proof.lane,
        who=who,
        record=proof.record,
        facts={"failed": proof.failed, "inconclusive": proof.inconclusive, "wrong": tuple(named)[:_NAMED]},
        next=(warden("prove", proof.lane),),
    )


def requested(request: PendingRead, record: int, reason: str) -> Notice:
    """That a read waits for approval: by whom, until when, and what an approver runs."""
    facts: dict[str, Fact] = {
        "group": request.group,
        "approvals": request.approvals,
        ACCESSOR: request.accessor,
        "until": request.until,
        **({"reason": reason} if reason else {}),
    }
    following = (warden("approve", request.accessor),)
    return Notice(
        kind="access.requested", lane=request.lane, who=request.who, record=record, facts=facts, next=following
    )


def approved(request: PendingRead, record: int, who: str, *, enough: bool) -> Notice:
    """That somebody approved a read, and whether that was enough."""
    facts: dict[str, Fact] = {
        "requested_by": request.who,
        "given": len(request.given),
        "approvals": request.approvals,
        "enough": enough,
        ACCESSOR: request.accessor,
    }
    return Notice(kind="access.approved", lane=request.lane, who=who, record=record, facts=facts)


def emergency(found: Emergency) -> Notice:
    """That a certificate was signed without OpenBao: by whom, why, and that somebody else has to look at it."""
    facts: dict[str, Fact] = {"reason": found.reason, "principals": found.principals}
    following = (warden("ssh acknowledge", str(found.record)),)
    return Notice(
        kind="certificate.emergency",
        lane=found.subject,
        who=found.signer,
        record=found.record,
        facts=facts,
        next=following,
    )


def acknowledged(found: Emergency) -> Notice:
    """That somebody else has looked at it."""
    done = found.acknowledged
    assert done is not None  # noqa: S101 - it is told of those only
    facts: dict[str, Fact] = {"signed_by": found.signer, "emergency": found.record}
    if done.comment:
        facts["comment"] = done.comment
    return Notice(kind="certificate.acknowledged", lane=found.subject, who=done.by, record=done.record, facts=facts)
