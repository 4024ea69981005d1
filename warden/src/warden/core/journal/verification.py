"""What the signed checkpoints say about a chain: which of them hold, and up to which record nothing was changed.

An attacker who can write the journal can compute the chain anew, and cannot sign its heads. A checkpoint that names a
head which the chain never had shows that; so does one whose signature is wrong, or made by a key that nobody believes.
What came after the newest signature is covered by nothing: that records were cut off there, or the checkpoints with
them, only a checkpoint shows that was kept elsewhere.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from warden.core.journal.chain import Chain, Head, Row, unmet_head
from warden.core.journal.checkpoints import Checkpoint, Statement, checkpoint_in

Holds = Callable[[str, bytes, bytes], bool]
"""Whether the key of that fingerprint made this signature of these bytes."""

FaultKind = Literal["unreadable", "forged", "unknown-key", "other-journal", "rewritten", "cut-off"]


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a checkpoint, as the journal has it; ``checkpoint`` is ``None`` where it cannot be read."""

    record: int
    checkpoint: Checkpoint | None


class CheckpointFault(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that does not hold, and why.

    Kinds:
        unreadable: the record is not a checkpoint.
        forged: the signature is not that of the key.
        unknown-key: the key is not among those that are believed.
        other-journal: it is of a journal with another first record.
        rewritten: the chain never had the head that was signed.
        cut-off: the chain ends before the head that was signed.

    ``record`` is the number of the checkpoint's record; 0 for one that was kept elsewhere.
    """

    kind: FaultKind
    record: int
    seq: int = 0
    key: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """A chain and its checkpoints.

    Attributes:
        chain: what the walk found.
        signed: how many checkpoints in the journal hold.
        unchecked: how many could not be judged, since no public key is known.
        newest: the newest statement that holds, of the journal's own and the one that was kept elsewhere.
        kept: what the checkpoint says that was kept elsewhere.
        faults: every checkpoint that does not hold.
        expected: whether platform.yaml names a key, so that there have to be checkpoints.
    """

    chain: Chain
    signed: int
    unchecked: int
    newest: Statement | None
    kept: Statement | None
    faults: tuple[CheckpointFault, ...]
    expected: bool = False

    @property
    def broken(self) -> bool:
        """Whether something was changed, or signed by somebody else."""
        return bool(self.chain.breaks or self.faults)

    @property
    def open(self) -> bool:
        """Whether a signature that there should be could not be judged: nothing is known to be wrong, or right."""
        return bool(self.unchecked) or (self.expected and self.newest is None)

    @property
    def uncovered(self) -> int:
        """How many of the newest records no signature covers."""
        return max(0, self.chain.head.seq - (self.newest.seq if self.newest else 0))


def recorded(rows: Sequence[Row]) -> tuple[Recorded, ...]:
    """The checkpoints of these rows, as they are stored."""
    found = []
    for row in rows:
        try:
            body = msgspec.json.decode(row.body, type=dict)
        except (ValueError, TypeError):  # msgspec's errors are ValueErrors
            body = {}
        found.append(Recorded(record=row.seq, checkpoint=checkpoint_in(body)))
    return tuple(found)


def heads(checkpoints: Sequence[Recorded], kept: Checkpoint | None) -> tuple[Head, ...]:
    """The heads that were signed, to be looked for in the chain."""
    named = [each.checkpoint for each in checkpoints if each.checkpoint is not None]
    return tuple(each.statement.head for each in (*named, *([kept] if kept else [])))


def judged(
    chain: Chain,
    checkpoints: Sequence[Recorded],
    kept: Checkpoint | None,
    known: frozenset[str],
    holds: Holds,
    *,
    expected: bool = False,
) -> Verification:
    """The verdict: `chain` was walked with `heads`, and `known` are the fingerprints of the keys that are believed."""
    faults: list[CheckpointFault] = []
    proven: list[Statement] = []
    unchecked = 0
    every = (*checkpoints, *([Recorded(record=0, checkpoint=kept)] if kept else []))
    for each in every:
        found = _fault(each, chain, known, holds)
        if found is not None:
            faults.append(found)
        elif not known:
            unchecked += 1
        elif each.checkpoint is not None:
            proven.append(each.checkpoint.statement)
    faulty = {each.record for each in faults}
    return Verification(
        chain=chain,
        signed=sum(each.record not in faulty for each in checkpoints) if known else 0,
        unchecked=unchecked,
        newest=max(proven, key=lambda each: each.seq, default=None),
        kept=kept.statement if kept else None,
        faults=tuple(faults),
        expected=expected,
    )


def _fault(each: Recorded, chain: Chain, known: frozenset[str], holds: Holds) -> CheckpointFault | None:
    """What is wrong with one of them; without known keys only what its statement says is compared."""
    if each.checkpoint is None:
        return CheckpointFault(kind="unreadable", record=each.record)
    statement = each.checkpoint.statement
    kind: FaultKind | None = None
    if known and statement.key not in known:
        kind = "unknown-key"
    elif known and not holds(statement.key, each.checkpoint.signature, statement.signed_bytes):
        kind = "forged"
    elif statement.journal != chain.origin:
        kind = "other-journal"
    elif statement.head in chain.unmet:
        kind = "cut-off" if unmet_head(statement.head, chain.head).kind == "cut-off" else "rewritten"
    if kind is None:
        return None
    return CheckpointFault(kind=kind, record=each.record, seq=statement.seq, key=statement.key)
