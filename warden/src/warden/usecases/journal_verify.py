"""journal verify and journal checkpoint: whether the journal is what it was, and a signature that says so later.

    rows of checkpoints -> walk the chain for their heads -> check the signatures -> Verification

Public keys that are listed come first; the signer's own are asked for where a checkpoint names another one.
"""

from collections.abc import Callable

import msgspec

from warden.core.errors import Effect, Missing, NotNow, WardenError
from warden.core.journal.chain import Break, Head
from warden.core.journal.checkpoints import EVENT, Checkpoint, Signed
from warden.core.journal.verification import Verification, heads, judged, recorded
from warden.core.public_key import PublicKey
from warden.core.remedies import warden
from warden.ports.journal import Journal
from warden.ports.signer import Signer, Verifier
from warden.usecases.steps.checkpoint import signed

Believe = Callable[[tuple[PublicKey, ...]], Verifier]
"""Makes the verifier of these public keys."""


class NothingToSign(msgspec.Struct, frozen=True):
    """The journal at `path` has no records."""

    path: str


class NotExtended(msgspec.Struct, frozen=True):
    """The checkpoint in `file` names a head that this journal does not have, so it is not to be replaced."""

    file: str
    found: Break | None


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The public keys to believe: those that are listed, and how more of them are found out.

    ``named`` are on the command line: then nobody else is asked.
    """

    listed: tuple[PublicKey, ...]
    believe: Believe
    named: bool = False
    signer: Signer | None = None


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found; ``unasked`` is why the signer's own public keys are not known."""

    verification: Verification
    unasked: WardenError | None = None


def verify(journal: Journal, keys: Keys, kept: Head | None = None, checkpoint: Checkpoint | None = None) -> Verified:
    """Walk the chain and judge every checkpoint; `kept` and `checkpoint` were kept elsewhere.

    Raises `JournalUnwritable` where the journal cannot be read.
    """
    found = recorded(tuple(journal.rows((EVENT,))))
    chain = journal.verify(kept, heads(found, checkpoint))
    wanted = {each.checkpoint.statement.key for each in found if each.checkpoint}
    wanted |= {checkpoint.statement.key} if checkpoint else set()
    public, unasked = _public_keys(keys, wanted)
    verifier = keys.believe(public)
    expected = keys.signer is not None and bool(chain.records)
    verdict = judged(chain, found, checkpoint, verifier.ids, verifier.holds, expected=expected)
    return Verified(verification=verdict, unasked=unasked)


def _public_keys(keys: Keys, wanted: set[str]) -> tuple[tuple[PublicKey, ...], WardenError | None]:
    """Those that are listed, and the signer's where one of the wanted ones is not among them."""
    missing = wanted - {each.id for each in keys.listed}
    if keys.named or keys.signer is None or not missing:
        return keys.listed, None
    try:
        return (*keys.listed, *keys.signer.public_keys()), None
    except WardenError as fault:
        return keys.listed, fault


def sign(journal: Journal, signer: Signer, file: str = "", earlier: Checkpoint | None = None) -> Signed:
    """Sign the journal's head now; `earlier` is what `file` holds, which the new checkpoint is to replace.

    Raises:
        Missing: the journal has no records.
        NotNow: the journal does not have the head that the earlier one names: that one is evidence.
        UsageError, Refused, Inconclusive: as `Signer` and `Journal` say.
    """
    if not journal.head().seq:
        raise Missing(
            NothingToSign(journal.path), effect=Effect.NOTHING_WRITTEN, system="journal", subject=journal.path
        )
    if earlier is not None:
        _expect_extended(journal, file, earlier)
    return signed(journal, signer, "asked")


def _expect_extended(journal: Journal, file: str, earlier: Checkpoint) -> None:
    chain = journal.verify(earlier.statement.head)
    lost = next((each for each in chain.breaks if each.kind in {"cut-off", "rewritten"}), None)
    if lost is None and chain.origin == earlier.statement.journal:
        return
    raise NotNow(
        NotExtended(file, lost),
        effect=Effect.NOTHING_WRITTEN,
        system="journal",
        subject=file,
        hint="keep the file, it is evidence, and see what was changed",
        remedy=(warden("journal verify", checkpoint=file),),
    )
