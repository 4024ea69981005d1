"""deactivate and reactivate: close a lane for everyone, and open it again.

Closing comes first: the journal has it before anything else is done, so that warden itself refuses from then on,
whatever happens next. Opening comes last: the journal has it only when OpenBao shows the lane as declared.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from warden.core.errors import NotNow
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.openbao.comparison import Change, Plan
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.apply import Receipt, apply
from warden.usecases.recorded import although

Done = Callable[[Change], None]
NOBODY_ELSE = nullcontext()
"""For callers that are alone with the server."""


def deactivate(
    lane: Lane,
    reason: str,
    plan: Callable[[], Plan],
    vault: Vault,
    journal: Journal,
    *,
    done: Done,
    alone: AbstractContextManager[None] = NOBODY_ELSE,
) -> Receipt:
    """Record the closing, then take the lane's policy out of its roles and delete it: live tokens lose it, too.

    `plan` is asked after the record, so that it knows the lane as closed. A lane that is closed already is closed
    again in OpenBao; run it until it says so. `alone` keeps other changes of that server away; it is entered after
    the record, which waits for nobody.

    Raises:
        JournalUnwritable: nothing was done.
        Foreign, Held, Inconclusive, Refused: the lane is closed in the journal and may still be readable in OpenBao.
    """
    record_closing(lane.id, reason, vault.address, journal)
    with alone:
        return apply(plan, vault, journal, done=done)


def record_closing(lane_id: str, reason: str, system: str, journal: Journal) -> None:
    """Have the journal refuse the lane from now on; `system` is OpenBao's address, as far as it is known.

    A lane that is closed already is recorded again where the reason is another one. Raises `JournalUnwritable`.
    """
    before = journal.state(lane_id).closed
    if before is None or before.body.get("reason") != reason:
        journal.record("lane.closed", lane_id, {"reason": reason, "system": system})


def reactivate(lane: Lane, reason: str, plan: Callable[[], Plan], vault: Vault, journal: Journal, *, done: Done) -> int:
    """Make OpenBao as declared, then record the opening; answers the record's number.

    Raises `NotNow` where the lane is not closed, and where somebody closed it again meanwhile: then it stays closed.
    """
    before = journal.state(lane.id).closed
    if before is None:
        raise NotNow(f"{lane.id} is not closed. Nothing was done.", subject=lane.id, hint=f"warden status {lane.id}")
    apply(plan, vault, journal, done=done)
    who = vault.identity().as_json()
    _expect_still(lane, before, journal)
    with although(f"{lane.id} is as declared in OpenBao, and stays closed for warden"):
        return journal.record("lane.opened", lane.id, {"reason": reason, "system": vault.address, "identity": who})


def _expect_still(lane: Lane, before: Record, journal: Journal) -> None:
    """A closing that came meanwhile wins: whoever closed it was told that the journal refuses it."""
    after = journal.state(lane.id).closed
    if after is not None and after.seq != before.seq:
        raise NotNow(
            f"{lane.id} was closed again meanwhile ({after.body.get('reason')}; journal {after.seq}) and stays closed. "
            "OpenBao has it as declared.",
            subject=lane.id,
            hint=f'close it there, too: warden deactivate {lane.id} --reason "…"',
        )
