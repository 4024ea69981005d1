"""A signed checkpoint after what matters: a proof, a closing, an opening, a promotion, a rotation, a compromise.

It comes after the operation's own records and cannot undo them. A signer that fails is journaled (`FAILED`) and is in
the result, for whoever presents it; the next checkpoint covers these records, too.
"""

import datetime as dt
from contextlib import suppress

from warden.core.errors import JournalUnwritable, WardenError
from warden.core.journal.checkpoints import EVENT, FAILED, Checkpoint, NotSigned, Signed, Statement, Why
from warden.ports.journal import Journal
from warden.ports.signer import Signer
from warden.usecases.context import Context


def checkpoint(context: Context, why: Why, lane: str = "") -> Signed | NotSigned | None:
    """Sign the journal's head and record it; ``None`` where platform.yaml names no key. Raises nothing."""
    if context.signer is None:
        return None
    try:
        return signed(context.journal, context.signer, why, lane)
    except WardenError as fault:
        with suppress(JournalUnwritable):  # the fault that is answered says so, or the first one does
            context.journal.record(FAILED, lane, {"why": why, "kind": fault.kind, "signer": context.signer.where})
        return NotSigned(fault=fault)


def signed(journal: Journal, signer: Signer, why: Why, lane: str = "") -> Signed:
    """The same, and what keeps it from being signed is raised, as `Signer` and `Journal` say."""
    head = journal.head()
    statement = Statement(
        journal=journal.origin(),
        hash=head.hash,
        seq=head.seq,
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        key=signer.key_id,
    )
    made = Checkpoint(statement=statement, signature=signer.sign(statement.signed_bytes))
    return Signed(checkpoint=made, record=journal.record(EVENT, lane, made.body(why)))
