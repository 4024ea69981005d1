"""Signed checkpoints: which journal had which head when, so that a chain that was computed anew is found.

Signed is the statement as DSSE's pre-authentication encoding of `TYPE` and of this JSON, keys sorted, without spaces:

    {"at": "2026-11-30T09:12:44Z", "hash": "…", "journal": "…", "key": "SHA256:…", "seq": 41}

``journal`` is the hash of the journal's first record, which no other journal has. ``key`` is the fingerprint of the key
that signs. In the journal a checkpoint is the body of the event ``checkpoint``; kept elsewhere it is a DSSE envelope.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core import dsse
from warden.core.errors import WardenError
from warden.core.journal.chain import GENESIS, Head

EVENT = "checkpoint"
FAILED = "checkpoint.failed"
"""The operation stands, and no signature covers it yet; the next checkpoint does."""
TYPE = "application/vnd.ops-warden.journal-checkpoint.v1+json"

Why = Literal["proof", "closing", "opening", "promotion", "rotation", "compromise", "asked"]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed; see the module. ``at`` is when, by the clock of who asked for the signature (ISO 8601 UTC)."""

    journal: str
    hash: str
    seq: int
    at: str
    key: str

    @property
    def head(self) -> Head:
        """The head that the journal had."""
        return Head(self.hash, self.seq)

    @property
    def payload(self) -> bytes:
        """The statement as it stands in an envelope."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def signed_bytes(self) -> bytes:
        """What the key signs."""
        return dsse.pae(TYPE, self.payload)


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A statement and its Ed25519 signature (raw, 64 bytes)."""

    statement: Statement
    signature: bytes

    def body(self, why: Why) -> dict[str, Any]:
        """As the body of its record."""
        signature = msgspec.to_builtins(self.signature)  # base64
        return {"why": why, **msgspec.structs.asdict(self.statement), "signature": signature}

    @property
    def envelope(self) -> bytes:
        """As a file to be kept elsewhere."""
        made = dsse.sealed(TYPE, self.statement.payload, {self.statement.key: self.signature})
        return msgspec.json.encode(made) + b"\n"


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint, and the number of its record."""

    checkpoint: Checkpoint
    record: int


class NotSigned(msgspec.Struct, frozen=True, kw_only=True):
    """What happened stands, and no signature covers its records yet: `fault` says why."""

    fault: WardenError


class _Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a record, as far as it is signed."""

    journal: str
    hash: str
    seq: int
    at: str
    key: str
    signature: bytes


def checkpoint_in(body: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint in a record's body; ``None`` where it cannot be read as one."""
    try:
        found = msgspec.convert(body, _Recorded)
    except (msgspec.ValidationError, ValueError):
        return None
    statement = Statement(journal=found.journal, hash=found.hash, seq=found.seq, at=found.at, key=found.key)
    return Checkpoint(statement=statement, signature=found.signature)


def parse_envelope(text: bytes) -> Checkpoint:
    """The checkpoint in a file. Raises `ValueError` where it holds none, or another than it would be written as."""
    envelope, payload = dsse.opened(text)
    statement = msgspec.json.decode(payload, type=Statement)
    if envelope.payload_type != TYPE or statement.payload != payload or len(envelope.signatures) != 1:
        raise ValueError("not a checkpoint of a journal")
    signature = envelope.signatures[0]
    if signature.keyid != statement.key or len(statement.hash) != len(GENESIS):
        raise ValueError("not a checkpoint of a journal")
    return Checkpoint(statement=statement, signature=dsse.raw(signature.sig))
