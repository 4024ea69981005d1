"""promote and demote: a lane is declared active by a proof, or a draft again.

    look at the file -> prove all of it -> the gate's conditions -> journal -> edit the file -> journal -> tell

The gate is a fresh proof, made here, in which the value was inspected. Nothing is written where a condition does not
hold. The journal announces the edit before it is made and has the promotion after it, with the proof's number; a run
that was killed in between is ended by the next one, which finds the file as it left it.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from warden.core.errors import Effect, NotNow, WardenError
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.journal.operations import abandoned, killed
from warden.core.lanes.lane import Lane
from warden.core.lanes.lane_edit import LaneEdit
from warden.core.lanes.rules import docs
from warden.core.lifecycle.promotion import Condition, conclusion, gate
from warden.core.notices.told import demoted, promoted
from warden.core.openbao.resources import CHANGES, is_template
from warden.core.proofs.verdict import Proof
from warden.core.remedies import warden
from warden.core.routes.proof_states import Result
from warden.ports.audit_log import AuditLog
from warden.ports.identities import Identities
from warden.ports.journal import Journal
from warden.ports.lane_files import LaneFiles
from warden.ports.notices import Notices
from warden.usecases.catalog_check import Pages
from warden.usecases.context import Context
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.steps.approval import protected_by
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing import expect_open
from warden.usecases.steps.recorded import begun, effect_so_far

PROMOTED, DEMOTED = "lane.promoted", "lane.demoted"


class ProtectedLane(msgspec.Struct, frozen=True):
    """The lane's changes have to be approved, and none was yet; ``needed``: by whom, as ``2 of alice, bob``."""

    lane: str
    needed: tuple[str, ...]


class Declared(msgspec.Struct, frozen=True):
    """An effect: the lane's file says so already; the journal does not have it."""

    file: str
    status: Literal["active", "draft"]


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a promotion.

    Attributes:
        proof: the proof that was made for it.
        conditions: the gate, each with whether it holds.
        edit: what was written into the lane's file; ``None`` where a condition does not hold.
        record: the number of ``lane.promoted``; 0 where there was nothing to record.
        checkpoint: the signature over the journal after it.
    """

    lane: str
    proof: Proof
    conditions: tuple[Condition, ...]
    edit: LaneEdit | None = None
    record: int = 0
    checkpoint: Signed | NotSigned | None = None

    @property
    def outcome(self) -> Result:
        """``ok``: the lane is active; ``wrong``, ``inconclusive``: it is as it was."""
        return conclusion(self.conditions)


class Demotion(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a demotion: the edit, and the number of ``lane.demoted`` (0 where it was a draft already)."""

    lane: str
    edit: LaneEdit
    record: int


class Prover(msgspec.Struct, frozen=True, kw_only=True):
    """With what a promotion makes its proof."""

    identities: Identities
    audit: AuditLog
    options: ProveOptions


def promote(
    lane: Lane, context: Context, files: LaneFiles, prover: Prover, *, pages: Pages, today: dt.date
) -> Promotion:
    """Prove the lane, and declare it active where every condition holds.

    Raises:
        NotNow: the lane is protected and no request of it was applied; `Closed`: it is closed. Nothing was asked.
        Held: the file changed meanwhile, or another operation is running; nothing was changed.
        Invalid, UsageError: the file cannot be edited; before the proof, where that can be known.
        JournalUnwritable: the effect says what is done already.
        Others as `prove`.
    """
    expect_open([lane], context.vault, context.journal, Effect.NOTHING_ASKED)
    request = _approved_by(lane, context)
    files.edit(lane.id, status="active", reviewed=today)  # what keeps it from being edited is known before the proof
    options = msgspec.structs.replace(prover.options, inspect=True)
    (proof,) = prove([lane], context, prover.identities, prover.audit, options)
    conditions = gate(lane, proof, _missing(lane, pages), request=request)
    if conclusion(conditions) != "ok":
        return Promotion(lane=lane.id, proof=proof, conditions=conditions)
    with context.alone("warden promote"):
        expect_open([lane], context.vault, context.journal, Effect.NOTHING_CHANGED)
        edit = files.edit(lane.id, status="active", reviewed=today)
        identity = context.vault.identity().as_json()
        body = {"system": context.vault.address, "identity": identity, "proof": proof.record, **_edited(edit)}
        facts = {**body, "conditions": [_facts(each) for each in conditions]}
        record = _declare("promote", edit, files, context.journal, body=body, done=facts)
    if not record:
        return Promotion(lane=lane.id, proof=proof, conditions=conditions, edit=edit)
    signature = checkpoint(context, "promotion", lane.id)
    context.notices.tell(promoted(lane.id, identity["display_name"], record, proof, edit))
    return Promotion(lane=lane.id, proof=proof, conditions=conditions, edit=edit, record=record, checkpoint=signature)


def demote(
    lane: Lane, reason: str, files: LaneFiles, *, journal: Journal, notices: Notices, who: Callable[[], str]
) -> Demotion:
    """Declare the lane a draft; no system is asked, so that it works where none answers.

    `who` is asked after it is done. Raises `Held`, `Invalid`, `UsageError` and `JournalUnwritable` as `promote`.
    """
    edit = files.edit(lane.id, status="draft")
    body = {"reason": reason, **_edited(edit)}
    record = _declare("demote", edit, files, journal, body=body, done=body)
    if record:
        notices.tell(demoted(lane.id, who(), record, reason, edit))
    return Demotion(lane=lane.id, edit=edit, record=record)


def _missing(lane: Lane, pages: Pages) -> frozenset[str]:
    """The pages that the lane names and that are not in a checkout that is here."""
    named = [(page, page.partition(" ")) for _, page in docs(lane)]
    lost = {page for page, (repo, _, path) in named if pages.has(repo, path) is False}
    return frozenset(lost | ({lane.playbook} if lane.playbook and not pages.has_playbook(lane.playbook) else set()))


def _approved_by(lane: Lane, context: Context) -> str:
    """The change request that was applied last, of a protected lane; empty for any other.

    OpenBao keeps at the path which requests were applied. Whether what is there now is what was approved is a condition
    of its own: it has to be as declared.

    Raises `NotNow` where the lane is protected and none was applied.
    """
    custom = _marks(lane, context)
    needed = protected_by(lane, custom)
    applied = custom.get(CHANGES, "").split()
    if not needed or applied:
        return applied[-1] if needed else ""
    who = tuple(each.protected for each in needed if each.protected is not None)
    problem = ProtectedLane(lane.id, tuple(each.mark for each in who))
    remedy = (warden("change new", lane.id, type="create"),)
    raise NotNow(problem, effect=Effect.NOTHING_ASKED, subject=lane.id, remedy=remedy)


def _marks(lane: Lane, context: Context) -> Mapping[str, str]:
    """The custom metadata of the lane's path; none where it cannot be looked at, which the proof will say."""
    if is_template(lane):
        return {}
    try:
        metadata = context.vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:
        return {}
    return metadata.custom if metadata else {}


def _declare(
    operation: Literal["promote", "demote"],
    edit: LaneEdit,
    files: LaneFiles,
    journal: Journal,
    *,
    body: Mapping[str, Any],
    done: Mapping[str, Any],
) -> int:
    """Write the edit between two records; answers the second one's number.

    Where the file says it already, there is nothing to write; then there is a record only where the journal does not
    have it, since a run was killed or somebody has edited the file.
    """
    event: str = PROMOTED if operation == "promote" else DEMOTED
    _end_killed(edit, journal)
    if not edit.changes and _last(edit.lane, journal) == event:
        return 0
    with begun(operation, edit.lane, body, journal) as ending:
        if edit.changes:
            files.write(edit)
    status: Literal["active", "draft"] = "active" if operation == "promote" else "draft"
    with effect_so_far(Declared(edit.file, status)):
        return journal.record(event, edit.lane, {**done, "begin": ending["begin"]})


def _end_killed(edit: LaneEdit, journal: Journal) -> None:
    """End the promotions and demotions that were killed, by what the file says now."""
    unfinished = journal.unfinished(edit.lane)
    found = "not-declared" if edit.changes else "declared"
    ends = [
        *(abandoned(each, found=found) for each in killed(unfinished, "promote")),
        *(abandoned(each, found=found) for each in killed(unfinished, "demote")),
    ]
    if ends:
        journal.record_all(ends)


def _last(lane: str, journal: Journal) -> str:
    """The newest of the two events of a lane at this place."""
    found = journal.here(journal.log(lane=lane, events=(PROMOTED, DEMOTED)))
    return found[-1].event if found else ""


def _edited(edit: LaneEdit) -> dict[str, Any]:
    return {"file": edit.file, "changes": [msgspec.to_builtins(each) for each in edit.changes]}


def _facts(condition: Condition) -> dict[str, Any]:
    """What the journal keeps of a condition; its verdicts are in the records of the proof."""
    found = {"condition": condition.id, "holds": condition.holds, "verdicts": len(condition.verdicts)}
    return found | ({"subject": condition.subject} if condition.subject else {})
