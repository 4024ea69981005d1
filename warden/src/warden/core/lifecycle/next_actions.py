"""Everything that is left to do: for whom, why, and what does it.

    LaneStatus x last proof x journal x change requests x reviews -> NextAction…

`lane_status` decides what comes next of one lane. This adds what else is left of it and of the catalog, and its order:
what endangers a value first, then what was left half done, then what keeps somebody waiting, then the rest.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

import msgspec

from warden.core.journal.record import Record
from warden.core.lanes.catalog import Certificate, Entry, LeftOut, nearest
from warden.core.lanes.lane import Lane, Owner
from warden.core.lanes.rules import is_stale
from warden.core.lifecycle.lane_status import LaneStatus, Reason
from warden.core.lifecycle.promotion import condition_of
from warden.core.remedies import Remedy, warden
from warden.core.routes.freshness import LastProof
from warden.core.routes.proof_summary import NotOk
from warden.core.ssh.emergency import Emergency

ActionKind = Literal[
    "closed-for-leak",
    "emergency",
    "wrong",
    "refuted",
    "access-missing",
    "rotation-unproven",
    "killed",
    "interrupted",
    "rotating",
    "closed-in-journal-only",
    "file-errors",
    "moved-on",
    "decide",
    "request",
    "no-value",
    "not-applied",
    "openbao-unreachable",
    "needs-member",
    "rotation-due",
    "not-proven",
    "not-promoted",
    "placeholder",
    "made-by-hand",
    "closed",
    "review",
]
"""Why something is left, the most urgent first: a lane's own reasons, and

``wrong``: a verdict of the last proof; ``killed``: an operation without an end; ``rotation-unproven``: the old value
was not shown to be refused; ``decide``: a change request waits for its approvers; ``request``: one waits for whoever
made it; ``file-errors``: a file of the catalog cannot be used; ``review``: the last review is too long ago;
``emergency``: a certificate was signed without OpenBao and nobody else has looked at it (``lane`` is its actor,
``subject`` who signed)."""
URGENCY: Mapping[str, int] = {kind: number for number, kind in enumerate(get_args(ActionKind))}


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is left.

    Attributes:
        kind: why.
        owner: whose turn it is: a repository.
        doc: the owner's page about it; empty where none is declared.
        lane: the entry that it is about.
        remedy: what does it; where a file is edited, what is run before or after that.
        file: the file to edit, where one is.
        subject: a cluster, a change request, an operation.
        waiting: who has to decide about a change request.
        since: when it began (ISO 8601 UTC); empty where that is not known.
        record: the record that says so; 0 where none does.
        days: how many days ago the entry was reviewed.
        verdict: the verdict of the proof; ``more`` others have the same remedy.
    """

    kind: ActionKind
    owner: str
    lane: str
    remedy: Remedy = ()
    doc: str = ""
    file: str = ""
    subject: str = ""
    waiting: tuple[str, ...] = ()
    since: str = ""
    record: int = 0
    days: int = 0
    verdict: NotOk | None = None
    more: int = 0


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A change request that waits for something: its next step, and for whose decision (names, empty: nobody's)."""

    id: str
    lane: str
    remedy: Remedy
    waiting: tuple[str, ...] = ()
    at: str = ""


class LaneFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one lane.

    ``changed_since``: something was applied, put or adopted after the proof. ``rotation`` is the newest record of one.
    """

    lane: Lane
    status: LaneStatus
    file: str = ""
    proof: LastProof | None = None
    changed_since: bool = False
    rotation: Record | None = None


def of_lane(facts: LaneFacts) -> tuple[NextAction, ...]:
    """What is left of a lane, the most urgent first."""
    wrong = list(_wrong(facts))
    # Whoever mends what a proof found proves again; that is not told twice.
    steps = (each for each in _steps(facts) if not (wrong and each.kind == "not-proven"))
    return in_order(_once([*wrong, *_rotation(facts), *_killed(facts), *steps]))


def _steps(facts: LaneFacts) -> Iterator[NextAction]:
    """What `lane_status` says; that OpenBao was not asked is said once, not of each lane."""
    lane, status = facts.lane, facts.status
    for each in (*([status.next] if status.next else []), *status.also):
        if each.reason == "openbao-unreachable":
            continue
        kind: Reason = each.reason
        yield NextAction(
            kind=kind,
            owner=each.owner,
            doc=_doc(lane, each.owner),
            lane=lane.id,
            remedy=(warden("catalog check"),) if kind == "placeholder" else each.remedy,
            file=facts.file if kind == "placeholder" else "",
            since=status.proven_at if kind in {"refuted", "moved-on"} else "",
        )


def _wrong(facts: LaneFacts) -> Iterator[NextAction]:
    """The wrong verdicts of the last proof, while it is of what is declared and nothing was changed since."""
    proof, status = facts.proof, facts.status
    if proof is None or not proof.applies or status.closed or facts.changed_since:
        return
    for each in proof.summary.not_ok:
        if each.result == "wrong":
            owner = getattr(facts.lane.owners, each.stretch) or facts.lane.owners.custody
            yield NextAction(
                kind="wrong",
                owner=owner.repo,
                doc=owner.doc,
                lane=facts.lane.id,
                remedy=each.remedy or (warden("prove", facts.lane.id),),
                subject=each.cluster,
                since=proof.at,
                record=proof.record,
                verdict=each,
            )


def _killed(facts: LaneFacts) -> Iterator[NextAction]:
    owner = facts.lane.owners.custody
    for each in facts.status.interrupted:
        if each.state == "killed":
            yield NextAction(
                kind="killed",
                owner=owner.repo,
                doc=owner.doc,
                lane=facts.lane.id,
                remedy=each.remedy,
                subject=each.operation,
                since=each.at,
                record=each.record,
            )


_UNENDED: Mapping[str, ActionKind] = {
    "rotate.unproven": "rotation-unproven",
    "rotate.waiting": "rotating",
    "rotate.stopped": "rotating",
}


def _rotation(facts: LaneFacts) -> Iterator[NextAction]:
    """A rotation that stopped before its end, as the journal has it."""
    record, owner = facts.rotation, facts.lane.owners.custody
    if record is None or record.event not in _UNENDED or facts.status.closed:
        return
    yield NextAction(
        kind=_UNENDED[record.event],
        owner=owner.repo,
        doc=owner.doc,
        lane=facts.lane.id,
        remedy=(warden("rotate", facts.lane.id, resume=True),),
        since=record.at,
        record=record.seq,
    )


def of_requests(requests: Iterable[OpenRequest], lanes: Mapping[str, Lane]) -> Iterator[NextAction]:
    """The change requests that wait, for the owner of the lane's custody."""
    for each in requests:
        lane = lanes.get(each.lane)
        if lane is not None:
            owner = lane.owners.custody
            yield NextAction(
                kind="decide" if each.waiting else "request",
                owner=owner.repo,
                doc=owner.doc,
                lane=each.lane,
                remedy=each.remedy,
                subject=each.id,
                waiting=each.waiting,
                since=each.at,
            )


def of_emergencies(found: Iterable[Emergency], owner: Owner) -> Iterator[NextAction]:
    """The certificates that were signed without OpenBao, for whoever owns certificates."""
    for each in found:
        yield NextAction(
            kind="emergency",
            owner=owner.repo,
            doc=owner.doc,
            lane=each.subject,
            remedy=(warden("ssh acknowledge", str(each.record)),),
            subject=each.signer,
            since=each.at,
            record=each.record,
        )


def of_reviews(entries: Mapping[str, Entry], files: Mapping[str, str], today: dt.date) -> Iterator[NextAction]:
    """The entries whose last review is too long ago."""
    for name, entry in entries.items():
        if is_stale(entry.reviewed, today):
            owner = owner_of(entry)
            yield NextAction(
                kind="review",
                owner=owner.repo,
                doc=owner.doc,
                lane=name,
                remedy=(warden("route show", name),),
                file=files.get(name, ""),
                since=entry.reviewed.isoformat(),
                days=(today - entry.reviewed).days,
            )


def of_files(left_out: Iterable[LeftOut], declared: Mapping[str, Entry]) -> Iterator[NextAction]:
    """The files that cannot be used; their owner is what the file says, as far as it can be read."""
    for each in left_out:
        entry = declared.get(each.id)
        owner = owner_of(entry) if entry is not None else Owner(repo="", doc="")
        yield NextAction(
            kind="file-errors", owner=owner.repo, lane=each.id, remedy=(warden("catalog check"),), file=each.file
        )


def owner_of(entry: Entry) -> Owner:
    """Who owns an entry: of a lane whoever keeps the value."""
    return entry.owners.custody if isinstance(entry, Lane) else entry.owner


def certificate_owner(entries: Iterable[Entry]) -> Owner:
    """Who owns what warden signs; nobody where the catalog has no such entry."""
    return next((each.owner for each in entries if isinstance(each, Certificate)), Owner(repo="", doc=""))


def owners(entries: Iterable[Entry]) -> frozenset[str]:
    """Every repository that owns a part of one."""
    found: set[str] = set()
    for each in entries:
        if isinstance(each, Lane):
            parts = (each.owners.custody, each.owners.consumer, each.owners.runtime)
            found |= {part.repo for part in parts if part is not None}
        else:
            found.add(each.owner.repo)
    return frozenset(found)


class UnknownOwner(msgspec.Struct, frozen=True):
    """No entry has such an owner; ``nearest`` are those that look most like it."""

    owner: str
    nearest: tuple[str, ...]


def unknown_owner(owner: str, known: Iterable[str]) -> UnknownOwner:
    """The problem, with the owners that may be meant."""
    return UnknownOwner(owner, tuple(nearest(owner, sorted(known))))


def in_order(found: Iterable[NextAction]) -> tuple[NextAction, ...]:
    """The most urgent first; of equal ones the oldest, then by lane."""
    return tuple(sorted(found, key=lambda each: (URGENCY[each.kind], each.since or "~", each.lane, each.subject)))


def _once(found: Sequence[NextAction]) -> list[NextAction]:
    """Each remedy once: what says why best, with how many more verdicts it mends.

    What somebody could do with it says more than that an object is not as declared.
    """
    kept: dict[tuple[str, Remedy], NextAction] = {}
    for each in found:
        key = (each.owner, each.remedy)
        before = kept.get(key)
        if before is None:
            kept[key] = each
        elif each.kind == before.kind == "wrong":
            better = each if _is_difference(before) and not _is_difference(each) else before
            kept[key] = msgspec.structs.replace(better, more=before.more + 1)
    return list(kept.values())


def _is_difference(found: NextAction) -> bool:
    """Whether its verdict compares an object with the declaration."""
    return found.verdict is not None and condition_of(found.verdict) == "declared"


def _doc(lane: Lane, repo: str) -> str:
    """The page of that owner of the lane."""
    parts = (lane.owners.custody, lane.owners.consumer, lane.owners.runtime)
    return next((part.doc for part in parts if part is not None and part.repo == repo), "")
