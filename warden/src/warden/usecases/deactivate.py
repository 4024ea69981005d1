"""deactivate and reactivate: close a lane for everyone, and open it again.

Closing comes first: the journal has it before anything else is done, so that warden itself refuses from then on,
whatever happens next. In OpenBao the policy goes, and then the lane's path is marked, which every other machine honours
(`core.openbao.closing`). Opening comes last: the mark goes when all the rest is there, and the journal has it only when
OpenBao shows the lane as declared.
"""

import msgspec

from warden.core.clusters.kubectl import kubectl
from warden.core.clusters.manifests import external_secret_of, secret_of
from warden.core.errors import Effect, JournalUnwritable, NotNow, WardenError
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.leaks import for_leak, names_leak, reopening
from warden.core.notices.told import closed, opened
from warden.core.plans.lane_plan import LaneOptions, NotAgreed, NotConnected, Orphan
from warden.core.plans.plan import Receipt
from warden.core.remedies import Remedy, RunKubectl, warden
from warden.ports.journal import Journal
from warden.usecases.apply import apply_target
from warden.usecases.context import Context
from warden.usecases.plan import openbao_target
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing import mark_there
from warden.usecases.steps.orphans import earlier_deliveries
from warden.usecases.steps.recorded import NotRecorded, effect_so_far
from warden.usecases.targets import Target


class ClosedInJournalOnly(msgspec.Struct, frozen=True):
    """An effect: warden refuses the lane, and OpenBao may still let its readers in."""

    lane: str


class ClosedInBoth(msgspec.Struct, frozen=True):
    """An effect: the lane is closed as it should be, and the change in OpenBao is not in the journal."""

    lane: str


class NotClosed(msgspec.Struct, frozen=True):
    """A lane that is to be opened is open."""

    lane: str


class ClosedAgain(msgspec.Struct, frozen=True):
    """Somebody closed the lane again while it was being opened; that closing stands."""

    lane: str
    reason: str
    record: int


class Opened(msgspec.Struct, frozen=True):
    """An effect: the lane is as declared in OpenBao; ``closed_here``: warden still refuses it."""

    lane: str
    closed_here: bool = False


class KeptSecret(msgspec.Struct, frozen=True, kw_only=True):
    """A Secret that outlives its lane, and how it is removed: by its ExternalSecret, or itself where it has none."""

    cluster: str
    namespace: str
    name: str
    remove: RunKubectl


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """A lane that is closed in the journal and in OpenBao, and what is left of it elsewhere."""

    lane: str
    receipt: Receipt
    kept: tuple[KeptSecret, ...]
    not_connected: NotConnected
    orphans: tuple[Orphan, ...]
    reopening: Remedy = ()
    checkpoint: Signed | NotSigned | None = None


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A lane that is open again, and the journal's record of it."""

    lane: str
    receipt: Receipt
    record: int
    checkpoint: Signed | NotSigned | None = None


def deactivate(
    lane: Lane, reason: str, context: Context, *, leaked: bool | None = None, take_over: bool = False
) -> Closing:
    """Record the closing, then remove the lane's policy from its roles and delete it: live tokens lose it, too.

    A lane that is closed already is closed again in OpenBao; run it until it says so. The lock on changes to that
    server is taken after the record, which waits for nobody.

    Raises:
        JournalUnwritable: nothing was done, unless its effect says otherwise.
        Foreign, Held, Inconclusive, Refused: closed in the journal; the error's effect says so.
    """
    leaked = record_closing(lane.id, reason, context.vault.address, context.journal, leaked=leaked)
    try:
        with context.alone("warden deactivate"):
            options = LaneOptions(take_over=take_over, yes=True)
            receipt = apply_target(openbao_target(lane, context, options), context.journal, options)
    except WardenError as fault:
        done = isinstance(fault.effect, NotRecorded)
        fault.effect = ClosedInBoth(lane.id) if done else ClosedInJournalOnly(lane.id)
        checkpoint(context, "closing", lane.id)
        _tell_closed(lane.id, context, in_openbao=done)
        raise
    signature = checkpoint(context, "closing", lane.id)
    _tell_closed(lane.id, context, in_openbao=True)
    return Closing(
        lane=lane.id,
        receipt=receipt,
        kept=tuple(_kept_secrets(lane, context)),
        not_connected=context.not_connected(lane),
        orphans=earlier_deliveries(lane, context),
        reopening=reopening(lane.id, lane.custody.fields, new_value=leaked),
        checkpoint=signature,
    )


def _tell_closed(lane_id: str, context: Context, *, in_openbao: bool) -> None:
    record = context.journal.state(lane_id).closed
    if record is not None:
        context.notices.tell(closed(record, in_openbao=in_openbao))


def deactivate_in_journal(
    lane_id: str, reason: str, journal: Journal, fault: WardenError, *, leaked: bool | None = None
) -> WardenError:
    """Close a lane for warden at least, where its file cannot be used or its OpenBao is not known.

    Answers `fault`, which kept OpenBao from being closed, with its effect. Raises `JournalUnwritable`.
    """
    record_closing(lane_id, reason, "", journal, leaked=leaked)
    fault.effect = ClosedInJournalOnly(lane_id)
    return fault


def record_closing(lane_id: str, reason: str, system: str, journal: Journal, *, leaked: bool | None = None) -> bool:
    """Have the journal refuse the lane from now on; `system` is OpenBao's address, as far as it is known.

    Answers whether the value counts as known to others: as it is said, otherwise as the words of the reason suggest. A
    lane that is closed already is recorded again where one of the two is another one. Raises `JournalUnwritable`.
    """
    before = journal.state(lane_id).closed
    repeated = before is not None and before.body.get("reason") == reason
    said = leaked if leaked is not None else for_leak(before) if before and repeated else names_leak(reason)
    if before is None or not repeated or for_leak(before) != said:
        journal.record("lane.closed", lane_id, {"reason": reason, "leaked": said, "system": system})
    return said


def _kept_secrets(lane: Lane, context: Context) -> list[KeptSecret]:
    kept = []
    for delivery in context.deliveries(lane, LaneOptions()):
        ref = secret_of(delivery) if delivery.by_hand else external_secret_of(delivery)
        remove = kubectl(delivery, "delete", ref)
        kept.append(
            KeptSecret(cluster=delivery.cluster, namespace=delivery.namespace, name=delivery.secret, remove=remove)
        )
    return kept


def reactivate(lane: Lane, reason: str, context: Context, options: LaneOptions) -> Opening:
    """Make OpenBao as declared, then record the opening.

    Raises:
        NotNow: the lane is not closed, or somebody closed it again meanwhile: then it stays closed.
        NotAgreed: opening it would take access from somebody else, and `options` do not agree to that.
    """
    before = context.journal.state(lane.id).closed
    if before is None and mark_there(lane, context.vault) is None:
        raise NotNow(
            NotClosed(lane.id),
            effect=Effect.NOTHING_DONE,
            subject=lane.id,
            remedy=(warden("status", lane.id),),
        )
    with context.alone("warden reactivate"):
        target = openbao_target(lane, context, options, opened=True)
        who = context.vault.identity().as_json()  # what may fail comes before anything is opened
        receipt = _opened(lane.id, target, reason, context.journal, options)
        _expect_not_closed_again(lane, before, context.journal)
        with effect_so_far(Opened(lane.id, closed_here=True)):
            body = {"reason": reason, "system": context.vault.address, "identity": who}
            record = context.journal.record("lane.opened", lane.id, body)
    signature = checkpoint(context, "opening", lane.id)
    context.notices.tell(opened(lane.id, who["display_name"], record, reason))
    return Opening(lane=lane.id, receipt=receipt, record=record, checkpoint=signature)


def _opened(lane_id: str, target: Target, reason: str, journal: Journal, options: LaneOptions) -> Receipt:
    try:
        return apply_target(target, journal, options)
    except NotAgreed as fault:
        again = warden("reactivate", lane_id, reason=reason, take_over=options.take_over, yes=True)
        fault.remedy = (again,)
        raise
    except JournalUnwritable as fault:
        if isinstance(fault.effect, NotRecorded):
            fault.effect = NotRecorded(Opened(lane_id, closed_here=True))
        raise


def _expect_not_closed_again(lane: Lane, before: Record | None, journal: Journal) -> None:
    """A closing that came meanwhile wins: whoever closed it was told that the journal refuses it."""
    after = journal.state(lane.id).closed
    if after is not None and (before is None or after.seq != before.seq):
        raise NotNow(
            ClosedAgain(lane.id, str(after.body.get("reason") or ""), after.seq),
            effect=Opened(lane.id, closed_here=True),
            subject=lane.id,
            remedy=(warden("deactivate", lane.id, reason="TEXT"),),
        )
