"""journal import: move a journal to another place, as it is.

verify the source -> copy its rows into an empty journal -> verify the copy against the source's head
"""

import msgspec

from warden.core.errors import Effect, JournalUnwritable, Missing
from warden.core.journal.chain import Break, Head
from warden.core.remedies import SetVariable, warden
from warden.ports.journal import Journal


class SourceBroken(msgspec.Struct, frozen=True):
    """The journal that was to be copied is not whole."""

    path: str
    breaks: tuple[Break, ...]


class NothingToImport(msgspec.Struct, frozen=True):
    """The journal that was to be copied has no records, or does not exist."""

    path: str


class CopyDiffers(msgspec.Struct, frozen=True):
    """The copy is not what was copied: somebody wrote meanwhile, or the storage is faulty."""

    path: str


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """A journal that was copied whole: how many records, and its head, which both have."""

    source: str
    target: str
    records: int
    head: Head


def copy(source: Journal, target: Journal) -> Imported:
    """Copy every row of `source` into `target`, which has to be empty.

    Raises:
        Missing: the source is empty or broken.
        JournalUnwritable: one of the two cannot be used, the target has records, or the copy is not the same.
    """
    chain = source.verify()
    if not chain.records:
        problem = NothingToImport(source.path)
        raise Missing(problem, effect=Effect.NOTHING_WRITTEN, system="journal", subject=source.path)
    if chain.breaks:
        look = SetVariable("WARDEN_JOURNAL", source.path)
        raise Missing(
            SourceBroken(source.path, chain.breaks),
            effect=Effect.NOTHING_WRITTEN,
            system="journal",
            subject=source.path,
            remedy=(look, warden("journal verify")),
        )
    count = target.restore(source.rows())
    found = target.verify(chain.head)
    if found.breaks or found.head != chain.head or count != chain.records:
        raise JournalUnwritable(CopyDiffers(target.path), system="journal", subject=target.path)
    return Imported(source=source.path, target=target.path, records=count, head=chain.head)
