"""deactivate: close a lane for everyone, in the journal, in OpenBao and in every cluster.

Closing comes first: the journal has it before anything else is done, so that warden itself refuses from then on,
whatever happens next. In OpenBao the policy goes, and then the lane's path is marked, which every other machine honours
(`core.openbao.closing`). Then tokens are revoked, each former reader is shown to be refused, consumers are stopped, and
what is in the clusters is removed; see `core.lifecycle.closing`.
"""

import time

import msgspec

from warden.core.errors import Exit, WardenError
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.closed_parts import ClosedParts
from warden.core.lifecycle.leaks import for_leak, names_leak, reopening
from warden.core.notices.told import closed
from warden.core.plans.lane_plan import NotConnected, worst
from warden.core.plans.plan import Receipt
from warden.core.remedies import Remedy
from warden.ports.journal import Journal
from warden.usecases.context import Context
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing_lane import (
    ClosedInBoth,
    ClosedInJournalOnly,
    ClosingOptions,
    LaneCloser,
    announced,
    effect_of_journal,
    ended,
    planned,
    settle_closings,
)
from warden.usecases.steps.closing_records import StepRecords
from warden.usecases.steps.recorded import begun


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """A lane that is closed in the journal and in OpenBao, and what came of the rest.

    ``record`` is the journal's last one. ``not_connected`` are clusters that were not looked at.
    """

    lane: str
    receipt: Receipt
    parts: ClosedParts
    record: int
    not_connected: NotConnected
    reopening: Remedy = ()
    checkpoint: Signed | NotSigned | None = None

    @property
    def exit(self) -> Exit:
        """Done, or the worst of what could not be done or shown; a cluster that nobody looked at is not known."""
        unseen = self.not_connected.clusters and not self.not_connected.embedded
        return worst((self.parts.exit, Exit.INCONCLUSIVE if unseen else Exit.DONE))


def deactivate(
    lane: Lane, reason: str, context: Context, *, leaked: bool | None = None, options: ClosingOptions | None = None
) -> Closing:
    """Record the closing, then remove the lane's policy from its roles and delete it: live tokens lose it, too.

    A lane that is closed already is closed again, and what an earlier run left is done; run it until it says so. The
    lock on changes to that server is taken after the record, which waits for nobody.

    Raises:
        JournalUnwritable: nothing was done, unless its effect says otherwise.
        Foreign, Held, Inconclusive, Refused: closed in the journal; the error's effect says so.
    """
    given = options or ClosingOptions()
    given = msgspec.structs.replace(given, started=given.started or time.monotonic())
    leaked = record_closing(lane.id, reason, context.vault.address, context.journal, leaked=leaked)
    settle_closings(lane.id, context.journal)
    try:
        closer, record = _closed(lane, reason, context, given)
    except WardenError as fault:
        if isinstance(fault.effect, ClosedInBoth | ClosedInJournalOnly):
            checkpoint(context, "closing", lane.id)
            tell_closed(lane, context, in_openbao=isinstance(fault.effect, ClosedInBoth))
        raise
    signature = checkpoint(context, "closing", lane.id)
    tell_closed(lane, context, in_openbao=True)
    assert closer.receipt is not None  # noqa: S101 - every closing has that stage
    return Closing(
        lane=lane.id,
        receipt=closer.receipt,
        parts=closer.parts,
        record=record,
        not_connected=context.not_connected(lane),
        reopening=reopening(lane.id, lane.custody.fields, new_value=leaked),
        checkpoint=signature,
    )


def _closed(lane: Lane, reason: str, context: Context, options: ClosingOptions) -> tuple[LaneCloser, int]:
    """What was done, and the number of the record that ends it."""
    steps = planned("deactivate", lane, context, keep_secrets=options.keep_secrets)
    with begun("deactivate", lane.id, announced(reason, context, steps), context.journal) as done:
        closer = LaneCloser(lane, context, StepRecords("deactivate", lane.id, done["begin"], context.journal), options)
        closer.run("deactivate")
        body = {"begin": done["begin"], "reason": reason, **ended(closer.parts)}
        with effect_of_journal(lane.id):
            return closer, context.journal.record("deactivate.done", lane.id, body)


def tell_closed(lane: Lane, context: Context, *, in_openbao: bool) -> None:
    """Tell who is to be told, as the journal has it; consumers that are not stopped are named."""
    record = context.journal.state(lane.id).closed
    if record is not None:
        consumers = tuple(each.deployment for each in lane.consumers if each.on_closing == "inform")
        context.notices.tell(closed(record, in_openbao=in_openbao, consumers=consumers))


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
