"""compromise: a value has leaked. End it everywhere, at once, and say who may have it.

    journal -> disable the key at its provider -> close in OpenBao -> revoke tokens -> destroy every version
         -> show that each former reader is denied -> clusters -> who read it, from the audit log -> who holds the same

The order is `core.lifecycle.closing`'s. A part that fails is named and keeps no other one from being done; a further
run goes on with it. Audit devices and their lines are never touched.
"""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import msgspec

from warden.core.access_index.readings import Asked, not_compared, same_values
from warden.core.errors import Exit, NotNow, WardenError
from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.closed_parts import ClosedParts
from warden.core.lifecycle.closing import Step
from warden.core.lifecycle.leak_parts import LeakParts, Replacement, VersionsPart
from warden.core.lifecycle.leaks import for_leak, reopening
from warden.core.notices.told import compromised
from warden.core.openbao.resources import is_template
from warden.core.plans.lane_plan import LaneOptions, NotConnected, worst
from warden.core.plans.plan import Receipt
from warden.core.proofs.evidence import data_path
from warden.core.remedies import Remedy
from warden.core.rotation.mark import ROTATION
from warden.ports.audit_history import AuditHistory
from warden.usecases.context import Context
from warden.usecases.deactivate import record_closing, tell_closed
from warden.usecases.reactivate import Opening, reactivate
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
from warden.usecases.steps.provider_keys import LaneKeys, Providers
from warden.usecases.steps.recorded import begun

COMPROMISED = "lane.compromised"
_UNSURE = dt.timedelta(seconds=2)
"""An answer says the time in whole seconds, and takes a moment."""
_ATTEMPTS = 3
"""How often versions are destroyed that somebody writes meanwhile."""


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a leak: why it is one, and since when somebody may have had the value (``None``: not known)."""

    reason: str
    since: dt.datetime | None = None


class NotProvable(msgspec.Struct, frozen=True):
    """The lane cannot be proven here, so it is not opened."""

    lane: str


class CompromiseTools(msgspec.Struct, frozen=True, kw_only=True):
    """What a leak is answered with.

    Attributes:
        providers: the sources of keys.
        history: the whole audit log.
        namespace: OpenBao's namespace that the lane is in, as the log names it; empty for the root.
        replace: a new value is made, and the lane is opened with it if its proof holds.
        progress: is told how many bytes of the log are read, and how many there are.
    """

    providers: Providers
    history: AuditHistory
    namespace: str = ""
    replace: bool = False
    progress: Callable[[int, int], None] | None = None


class Compromise(msgspec.Struct, frozen=True, kw_only=True):
    """A lane whose value has leaked: closed as `Closing` says, and what came of the rest.

    ``opening`` is what came of opening it with a new value, where one was made.
    """

    lane: str
    receipt: Receipt
    parts: ClosedParts
    leak: LeakParts
    record: int
    not_connected: NotConnected
    reopening: Remedy
    opening: Opening | WardenError | None = None
    checkpoint: Signed | NotSigned | None = None

    @property
    def ms(self) -> int:
        """From the command to the last proven refusal; 0 where a refusal was not shown."""
        return self.parts.denial.ms

    @property
    def exit(self) -> Exit:
        """Done, or the worst of what could not be done or shown."""
        unseen = self.not_connected.clusters and not self.not_connected.embedded
        codes = [self.parts.exit, self.leak.exit, Exit.INCONCLUSIVE if unseen else Exit.DONE]
        if isinstance(self.opening, WardenError):
            codes.append(Exit.INCONCLUSIVE)
        elif self.opening is not None:
            codes.append(self.opening.exit)
        return worst(codes)


def compromise(lane: Lane, leak: Leak, context: Context, tools: CompromiseTools, options: ClosingOptions) -> Compromise:
    """Close the lane for a leak, and do the rest.

    Raises:
        JournalUnwritable: nothing was done, unless its effect says otherwise.
        Foreign, Held, Inconclusive, Refused: closed in the journal, and OpenBao could not be changed.
    """
    given = msgspec.structs.replace(options, started=options.started or time.monotonic())
    record_closing(lane.id, leak.reason, context.vault.address, context.journal, leaked=True)
    settle_closings(lane.id, context.journal)
    response = _Response(lane, leak, context, tools)
    try:
        closer, record = response.run(given)
    except WardenError as fault:
        if isinstance(fault.effect, ClosedInBoth | ClosedInJournalOnly):
            checkpoint(context, "compromise", lane.id)
            tell_closed(lane, context, in_openbao=isinstance(fault.effect, ClosedInBoth))
        raise
    signature = checkpoint(context, "compromise", lane.id)
    assert closer.receipt is not None  # noqa: S101 - every closing has that stage
    result = Compromise(
        lane=lane.id,
        receipt=closer.receipt,
        parts=closer.parts,
        leak=response.parts,
        record=record,
        not_connected=context.not_connected(lane),
        reopening=reopening(lane.id, lane.custody.fields, new_value=True),
        checkpoint=signature,
    )
    closing = context.journal.state(lane.id).closed
    if response.parts.replacement.version:
        result = msgspec.structs.replace(result, opening=_opened(lane, leak.reason, context, given))
    who, readers = closing.actor if closing else "", len(result.leak.surveyed.readings)
    context.notices.tell(compromised(lane.id, who, record, leak.reason, readers=readers, ms=result.ms))
    return result


def _opened(lane: Lane, reason: str, context: Context, options: ClosingOptions) -> Opening | WardenError:
    """Open it with the value that was made, if its proof holds; else it stays closed."""
    if options.denial is None:
        return NotNow(NotProvable(lane.id), subject=lane.id)
    tools = msgspec.structs.replace(options.denial, run=f"{options.denial.run}-r")
    try:
        return reactivate(lane, reason, context, LaneOptions(take_over=options.take_over, yes=True), tools)
    except WardenError as fault:
        return fault


class _Response:
    """What a leak needs beside the closing; ``parts`` is what came of it."""

    def __init__(self, lane: Lane, leak: Leak, context: Context, tools: CompromiseTools) -> None:
        self._lane = lane
        self._context = context
        self._tools = tools
        self._reason, self._since = leak.reason, leak.since
        self.parts = LeakParts(since=leak.since)

    def run(self, options: ClosingOptions) -> tuple[LaneCloser, int]:
        """Every stage; answers the closer and the number of the last record."""
        lane, journal = self._lane, self._context.journal
        steps = planned(
            "compromise", lane, self._context, keep_secrets=options.keep_secrets, replace=self._tools.replace
        )
        body = announced(self._reason, self._context, steps) | {"since": self._since.isoformat() if self._since else ""}
        with begun("compromise", lane.id, body, journal) as done:
            records = StepRecords("compromise", lane.id, done["begin"], journal)
            keys = LaneKeys(lane, self._context, self._tools.providers, records)
            further = {
                "provider": lambda: self._set(keys=keys.end(carry=self._tools.replace)),
                "versions": lambda: self._set(versions=self._destroyed(records)),
                "readers": self._survey,
            }
            closer = LaneCloser(lane, self._context, records, options, further)  # type: ignore[arg-type]
            closer.run("compromise")
            self._set(keys=keys.ask_again(self.parts.keys))
            if self._tools.replace:
                self._set(replacement=self._replaced(keys))
            with effect_of_journal(lane.id):
                entries = [
                    ("compromise.done", lane.id, {"begin": done["begin"], **ended(closer.parts)}),
                    (COMPROMISED, lane.id, self._summary(closer)),
                ]
                numbers = journal.record_all(entries)
        return closer, numbers[-1]

    def _set(self, **parts: Any) -> None:
        self.parts = msgspec.structs.replace(self.parts, **parts)

    def _destroyed(self, records: StepRecords) -> VersionsPart:
        """Until none is left: who may still write may write another one meanwhile."""
        custody, vault = self._lane.custody, self._context.vault
        step = Step(kind="destroy-versions", subject=custody.path)
        gone: list[int] = []
        left: tuple[int, ...] = ()
        try:
            for _ in range(_ATTEMPTS):
                metadata = vault.kv_metadata(custody.mount, custody.key)
                left = metadata.kept if metadata else ()
                if not left:
                    break
                records.record(step, doing="destroy", versions=list(left))
                vault.destroy_versions(custody.mount, custody.key, left)
                gone += left
            else:
                metadata = vault.kv_metadata(custody.mount, custody.key)
                left = metadata.kept if metadata else ()
            if metadata is not None and ROTATION in metadata.custom:  # both of its keys were ended
                vault.mark(custody.mount, custody.key, {ROTATION: None})
            records.record(step, done="destroyed", versions=gone, left=list(left))
        except WardenError as fault:
            if fault.kind == "journal":
                raise
            return VersionsPart(destroyed=tuple(gone), left=left, fault=fault)
        return VersionsPart(destroyed=tuple(gone), left=left)

    def _replaced(self, keys: LaneKeys) -> Replacement:
        """A new value for every field, or why there is none; then the lane stays closed."""
        if keys.by_hand:
            return Replacement(by_hand=keys.by_hand)
        try:
            return Replacement(version=keys.replace())
        except WardenError as fault:
            if fault.kind == "journal":
                raise
            return Replacement(fault=fault)

    def _survey(self) -> None:
        """One pass over the log: readers, and who holds the same value."""
        space = f"{self._tools.namespace.strip('/')}/" if self._tools.namespace.strip("/") else ""
        paths = {f"{space}{data_path(each)}": each.id for each in self._context.lanes.values() if not is_template(each)}
        own = f"{space}{data_path(self._lane)}"
        ahead = self._ahead()
        since = self._since + ahead if self._since else None
        surveyed = self._tools.history.survey(Asked(path=own, since=since), self._tools.progress)
        self._set(
            ahead=round(ahead.total_seconds()),
            surveyed=surveyed,
            same=tuple(each for each in same_values(surveyed, paths) if not self._is_ended(each.lane)),
            not_compared=not_compared(surveyed, paths, own) if surveyed.own else (),
        )

    def _is_ended(self, lane: str) -> bool:
        """Whether that lane was closed for a leak, too: it is opened with a new value only."""
        closed = self._context.journal.state(lane).closed if lane else None
        return closed is not None and for_leak(closed)

    def _ahead(self) -> dt.timedelta:
        """How far OpenBao's clock is ahead of ours, by which its log's times are read; nothing below two seconds."""
        custody = self._lane.custody
        try:
            metadata = self._context.vault.kv_metadata(custody.mount, custody.key)
        except WardenError:
            return dt.timedelta()
        now = dt.datetime.now(dt.UTC)
        found = metadata.asked - now if metadata and metadata.asked else dt.timedelta()
        return found if abs(found) > _UNSURE else dt.timedelta()

    def _summary(self, closer: LaneCloser) -> dict[str, Any]:
        """What the journal keeps: names, numbers and times; no value, no hash of one."""
        leak = self.parts
        return {
            "reason": self._reason,
            "system": self._context.vault.address,
            "since": self._since.isoformat() if self._since else "",
            "ms": closer.parts.denial.ms,
            "denied": closer.parts.denial.is_proven,
            "keys": [{"field": each.field, "state": each.state, "keys": list(each.keys)} for each in leak.keys],
            "destroyed": list(leak.versions.destroyed),
            "left": list(leak.versions.left),
            "readers": [msgspec.to_builtins(each) for each in leak.surveyed.readings],
            "log_begins": leak.surveyed.begins,
            "replaced": leak.replacement.version,
            "same_value": sorted({each.lane or each.path for each in leak.same}),
        }
