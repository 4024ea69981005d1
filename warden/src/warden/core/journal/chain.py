r"""The journal's hash chain: what a record's hash is, and what a walk along it finds.

    hash = SHA-256( previous hash, "\n", [seq,"at","event","lane","actor",body] )      in hex, as UTF-8

The array is JSON without spaces, `body` in it exactly as it is stored. The first record follows `GENESIS`.
A plain chain shows edits, reordering and gaps. That its newest records were cut off it shows only against a head
(``HASH@SEQ``) that was kept somewhere else.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha256 import (
            sha256,
        )  # the same as hashlib's, which loads OpenSSL for it: a third of an interpreter's start
    except ImportError:
        from hashlib import sha256

GENESIS = "0" * 64

_HEX = frozenset("0123456789abcdef")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it is stored: `body` is its JSON text."""

    seq: int
    at: str
    event: str
    lane: str
    actor: str
    body: str
    hash: str


class Head(msgspec.Struct, frozen=True):
    """At record `seq` the chain had `hash`; written ``HASH@SEQ``."""

    hash: str
    seq: int

    def __str__(self) -> str:
        return f"{self.hash}@{self.seq}"


class Break(msgspec.Struct, frozen=True):
    """Where the chain does not hold, and how.

    Kinds:
        missing: the records `first` to `last`, right before `seq`, do not exist.
        altered: the record's content, or its place, is not what was recorded.
        cut-off: the newest records, `first` to `last`, do not exist; `seq` is that of the head that was kept.
        rewritten: the record had another hash when the head was kept.
    """

    seq: int
    kind: Literal["missing", "altered", "cut-off", "rewritten"]
    first: int = 0
    last: int = 0


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk found: how many records, the newest head, and every break (none: the chain is whole).

    ``origin`` is the hash of the first record, empty where there is none; ``unmet`` are those of the signed heads that
    the chain never had.
    """

    records: int
    head: Head
    breaks: tuple[Break, ...]
    origin: str = ""
    unmet: tuple[Head, ...] = ()


def parse_head(text: str) -> Head | None:
    """``HASH@SEQ`` as a head; ``None`` for any other text."""
    digest, _, seq = text.strip().partition("@")
    if len(digest) != len(GENESIS) or not _HEX.issuperset(digest) or not (seq.isascii() and seq.isdigit()):
        return None
    return Head(digest, int(seq))


def link(previous: str, front: tuple[int, str, str, str, str], body: str) -> str:
    """The hash of the record (`front`: seq, at, event, lane, actor) that follows one with the hash `previous`."""
    opened = msgspec.json.encode(front)[:-1]
    return sha256(previous.encode() + b"\n" + opened + b"," + body.encode() + b"]").hexdigest()


def walk(rows: Iterable[Row], kept: Head | None = None, signed: Sequence[Head] = ()) -> Chain:
    """Check each record against the one before it, and the whole against a head that was kept elsewhere.

    Args:
        rows: oldest first.
        kept: a head that the chain had; that it does not have it any more is a break.
        signed: heads that the chain is said to have had; those that it never had are `Chain.unmet`.
    """
    breaks: list[Break] = []
    head = Head(GENESIS, 0)
    unmet = {*signed, *([kept] if kept else [])} - {head}
    origin, count = "", 0
    for row in rows:
        breaks += _check(head, row)
        head = Head(row.hash, row.seq)
        unmet.discard(head)
        origin = origin or row.hash
        count += 1
    if kept in unmet and kept is not None:
        breaks.append(unmet_head(kept, head))
    missed = tuple(each for each in signed if each in unmet)
    return Chain(records=count, head=head, breaks=tuple(breaks), origin=origin, unmet=missed)


def _check(head: Head, row: Row) -> list[Break]:
    if row.seq != head.seq + 1:
        # The hash of what follows a gap cannot be right either: one finding says it.
        return [Break(row.seq, "missing", head.seq + 1, row.seq - 1)]
    expected = link(head.hash, (row.seq, row.at, row.event, row.lane, row.actor), row.body)
    if row.hash == expected:
        return []
    return [Break(row.seq, "altered")]


def unmet_head(kept: Head, last: Head) -> Break:
    """How a head that was kept is not in a chain which ends at `last`."""
    if kept.seq > last.seq:
        return Break(kept.seq, "cut-off", last.seq + 1, kept.seq)
    return Break(kept.seq, "rewritten")
