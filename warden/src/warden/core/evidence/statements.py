"""A pack of evidence: in-toto statements, each in a DSSE envelope, one envelope a line (in-toto: attestation bundle).

    {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name", "digest"}], "predicateType", "predicate"}

The first statement lists all others by the hash of their payload, so that none can be taken out or put in. What a
statement is about (`predicateType`): a lane's file, a change request, a proof with its audit lines, a rotation, every
other effect, the signed checkpoints. Records are the journal's own rows, each with the hash of the one before it.
Formats: https://github.com/in-toto/attestation/tree/main/spec/v1.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal, get_args

import msgspec

from warden.core import dsse
from warden.core.journal.chain import GENESIS, Row
from warden.core.openbao.api import AuditLine

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"

Kind = Literal["contents", "lane", "change-request", "proof", "rotation", "effects", "checkpoints"]
_TYPES: Mapping[Kind, str] = {kind: f"urn:ops-warden:evidence:{kind}:v1" for kind in get_args(Kind)}
_KINDS = {uri: kind for kind, uri in _TYPES.items()}


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about, and its SHA-256."""

    name: str
    digest: dict[str, str]


class Statement(msgspec.Struct, frozen=True, kw_only=True, rename={"kind_uri": "predicateType", "type_": "_type"}):
    """An in-toto statement."""

    type_: str = STATEMENT
    subject: tuple[Subject, ...]
    kind_uri: str
    predicate: dict[str, Any]

    @property
    def kind(self) -> Kind | None:
        """What it is about; ``None`` for a type that is not ours."""
        return _KINDS.get(self.kind_uri)

    @property
    def payload(self) -> bytes:
        """As it stands in an envelope."""
        return msgspec.json.encode(self, order="deterministic")


class LinkedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the journal, and the hash of the row before it."""

    row: Row
    previous: str


class KeptLine(msgspec.Struct, frozen=True, kw_only=True):
    """An audit line of OpenBao as far as it is evidence, and the SHA-256 of the whole line in the log."""

    line: AuditLine
    sha256: str


class Kept(msgspec.Struct, frozen=True):
    """The lines of an audit log, and why some may be missing; empty where all of it was read."""

    lines: tuple[KeptLine, ...]
    why: str = ""


class TextFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is: its path in the platform directory, and its text."""

    name: str
    text: str


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What the pack is: whose, of when, and what of the journal it rests on.

    Attributes:
        at: when it was made (ISO 8601 UTC), by the clock of who made it.
        lanes: whose evidence it has.
        period: its days; empty for all.
        journal: the hash of the journal's first record; empty where it has none.
        head: the journal's head then (``HASH@SEQ``), after a walk that found every record in order.
        signed: how many checkpoints of the journal held then.
        audit: why audit lines are missing, where the log could not be read.
        key: the fingerprint of the key that signs the pack.
    """

    at: str
    lanes: tuple[str, ...]
    period: str
    journal: str
    head: str
    signed: int
    audit: str
    key: str


def digest(content: bytes) -> dict[str, str]:
    """The digest set of in-toto: SHA-256 alone."""
    return {"sha256": sha256(content).hexdigest()}


def linked(rows: Iterable[Row]) -> Iterable[LinkedRow]:
    """Each row of a whole journal with the hash before it."""
    previous = GENESIS
    for row in rows:
        yield LinkedRow(row=row, previous=previous)
        previous = row.hash


def contents(facts: Contents, others: Sequence[Statement]) -> Statement:
    """The first statement: its subjects are all others, in their order."""
    subject = tuple(
        Subject(name=f"{number} {each.kind}", digest=digest(each.payload)) for number, each in enumerate(others, 1)
    )
    return Statement(subject=subject, kind_uri=_TYPES["contents"], predicate=msgspec.to_builtins(facts))


def of_file(kind: Literal["lane", "change-request"], file: TextFile, **facts: Any) -> Statement:
    """A file as it was when the pack was made."""
    subject = (Subject(name=file.name, digest=digest(file.text.encode())),)
    return Statement(subject=subject, kind_uri=_TYPES[kind], predicate={"text": file.text, **facts})


def of_records(
    kind: Literal["proof", "rotation", "effects", "checkpoints"], rows: Sequence[LinkedRow], **facts: Any
) -> Statement:
    """Records of the journal: its subjects are the rows, each by the hash that the chain has of it."""
    subject = tuple(Subject(name=f"journal {each.row.seq}", digest={"sha256": each.row.hash}) for each in rows)
    records = [{**msgspec.to_builtins(each.row), "previous": each.previous} for each in rows]
    return Statement(subject=subject, kind_uri=_TYPES[kind], predicate={"records": records, **facts})


def rows_in(statement: Statement) -> tuple[LinkedRow, ...]:
    """The rows in a statement of records. Raises `msgspec.ValidationError` or `KeyError`."""
    return tuple(
        LinkedRow(
            row=msgspec.convert({key: text for key, text in each.items() if key != "previous"}, Row),
            previous=msgspec.convert(each["previous"], str),
        )
        for each in msgspec.convert(statement.predicate["records"], list[dict[str, Any]])
    )


def sealed(statement: Statement, key: str, signature: bytes) -> bytes:
    """The statement as a line of the pack."""
    return msgspec.json.encode(dsse.sealed(PAYLOAD_TYPE, statement.payload, {key: signature})) + b"\n"


def signed_bytes(payload: bytes) -> bytes:
    """What is signed of a statement."""
    return dsse.pae(PAYLOAD_TYPE, payload)
