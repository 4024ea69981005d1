"""Whether a pack is what was signed: checked with public keys alone, and everything that is wrong is named.

Checked are every signature, the list in the first statement against what is there, each file against its digest, each
record against its hash (as the journal's chain has it), the checkpoints' own signatures, and each proof's conclusion
against its verdicts and its audit lines. That the records are all that the journal had is who signed's word: the first
statement names the head after a walk along the whole chain.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from warden.core import dsse
from warden.core.evidence.selection import body_of
from warden.core.evidence.statements import (
    PAYLOAD_TYPE,
    STATEMENT,
    Contents,
    KeptLine,
    LinkedRow,
    Statement,
    digest,
    rows_in,
    signed_bytes,
)
from warden.core.journal.chain import link
from warden.core.journal.checkpoints import checkpoint_in
from warden.core.routes.proof_states import ProofState

FaultKind = Literal[
    "unreadable",
    "unsigned",
    "forged",
    "unknown-key",
    "no-contents",
    "missing",
    "not-listed",
    "doubled",
    "moved",
    "other-file",
    "altered-record",
    "other-conclusion",
    "checkpoint-forged",
]
_OF_LINES: frozenset[FaultKind] = frozenset({"unreadable", "unsigned", "forged", "unknown-key"})
Holds = Callable[[str, bytes, bytes], bool]


class PackFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and in which line (1: the first; 0: none, or all of them). ``subject`` names the file or record.

    Kinds:
        unreadable: the line is not an envelope with a statement of ours.
        unsigned, forged, unknown-key: no signature; not that key's; a key that is not believed.
        no-contents: the first line is not the list of the others.
        missing, not-listed, doubled, moved: the list and the lines differ, in what there is, how often, and where.
        other-file, altered-record: a text has another digest, a record another hash.
        other-conclusion: a proof says something else than its verdicts.
        checkpoint-forged: a checkpoint of the journal is not signed by the key that it names.
    """

    kind: FaultKind
    line: int
    subject: str = ""


class ProofFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A proof in the pack: how many verdicts name an audit line, and of how many the line is in the pack."""

    lane: str
    at: str
    record: int
    state: str
    verdicts: int
    audited: int
    lines: int


class PackVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. ``contents`` is ``None`` where the first line cannot be read.

    Attributes:
        unchecked_checkpoints: those by keys that are not among the given ones.
    """

    contents: Contents | None
    faults: tuple[PackFault, ...]
    lines: int
    records: int
    files: tuple[str, ...]
    proofs: tuple[ProofFacts, ...]
    rotations: int
    checkpoints: int
    unchecked_checkpoints: int

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    line: int
    statement: Statement
    payload: bytes


def verdict(lines: Sequence[bytes], known: frozenset[str], holds: Holds) -> PackVerdict:
    """Judge the lines of a pack; `known` are the fingerprints of the keys that are believed."""
    faults: list[PackFault] = []
    read: list[_Read] = []
    for number, line in enumerate(lines, 1):
        found = _read(number, line)
        if found is None:
            faults.append(PackFault(kind="unreadable", line=number))
            continue
        read.append(found)
        faults += _signature_faults(number, line, found.payload, known, holds)
    contents, listed = _listed(read)
    faults += listed
    facts = [_facts(each) for each in read]
    faults += [fault for each in facts for fault in each.faults]
    named = [row for each in facts if each.kind == "checkpoints" for row in each.rows]
    signed, unknown, forged = _checkpoints(named, read, known, holds)
    return PackVerdict(
        contents=contents,
        faults=tuple(sorted(_of_file_once([*faults, *forged], len(lines)), key=lambda each: each.line)),
        lines=len(lines),
        records=sum(len(each.rows) for each in facts),
        files=tuple(each.file for each in facts if each.file),
        proofs=tuple(each.proof for each in facts if each.proof is not None),
        rotations=sum(each.kind == "rotation" for each in facts),
        checkpoints=signed,
        unchecked_checkpoints=unknown,
    )


def _of_file_once(faults: Sequence[PackFault], lines: int) -> Iterator[PackFault]:
    """What every line has is named once, as a fault of the file: it is not a pack, or by another key."""
    times = Counter((each.kind, each.subject) for each in faults if each.kind in _OF_LINES)
    shared = {each for each, found in times.items() if found == lines}
    yield from (PackFault(kind=kind, line=0, subject=subject) for kind, subject in shared)
    if ("unreadable", "") not in shared:
        yield from (each for each in faults if (each.kind, each.subject) not in shared)


def _read(number: int, line: bytes) -> _Read | None:
    try:
        envelope, payload = dsse.opened(line)
        statement = msgspec.json.decode(payload, type=Statement)
    except ValueError:  # msgspec's errors are ValueErrors
        return None
    if envelope.payload_type != PAYLOAD_TYPE or statement.type_ != STATEMENT or statement.kind is None:
        return None
    return _Read(line=number, statement=statement, payload=payload)


def _signature_faults(
    number: int, line: bytes, payload: bytes, known: frozenset[str], holds: Holds
) -> Iterator[PackFault]:
    """One signature of a believed key is enough."""
    envelope, _ = dsse.opened(line)
    if not envelope.signatures:
        yield PackFault(kind="unsigned", line=number)
        return
    believed = [each for each in envelope.signatures if each.keyid in known]
    if not believed:
        yield PackFault(kind="unknown-key", line=number, subject=envelope.signatures[0].keyid)
    elif not any(holds(each.keyid, _raw(each.sig), signed_bytes(payload)) for each in believed):
        yield PackFault(kind="forged", line=number, subject=believed[0].keyid)


def _raw(text: str) -> bytes:
    try:
        return dsse.raw(text)
    except ValueError:
        return b""


def _listed(read: Sequence[_Read]) -> tuple[Contents | None, list[PackFault]]:
    """The list in the first statement, compared with the statements that follow, in their order."""
    if not read or read[0].line != 1 or read[0].statement.kind != "contents":
        return None, [PackFault(kind="no-contents", line=1)]
    try:
        facts = msgspec.convert(read[0].statement.predicate, Contents)
    except msgspec.ValidationError:
        return None, [PackFault(kind="unreadable", line=1)]
    wanted = [(each.digest.get("sha256"), each.name) for each in read[0].statement.subject]
    there = [(digest(each.payload)["sha256"], each.line) for each in read[1:]]
    names, shas = dict(wanted), {sha for sha, _ in there}
    faults = [PackFault(kind="missing", line=0, subject=name) for sha, name in wanted if sha not in shas]
    faults += [PackFault(kind="not-listed", line=line) for sha, line in there if sha not in names]
    listed = [(sha, line) for sha, line in there if sha in names]
    return facts, [*faults, *_out_of_place([str(sha) for sha, _ in wanted if sha in shas], listed, names)]


def _out_of_place(
    wanted: Sequence[str], there: Sequence[tuple[str, int]], names: Mapping[str | None, str]
) -> Iterator[PackFault]:
    """The lines that are there more often than the list has them, and the first that stands where another belongs."""
    left, kept = Counter(wanted), list[tuple[str, int]]()
    for sha, line in there:
        if left[sha]:
            left[sha] -= 1
            kept.append((sha, line))
        else:
            yield PackFault(kind="doubled", line=line, subject=names[sha])
    moved = next((line for sha, (found, line) in zip(wanted, kept, strict=False) if sha != found), 0)
    if moved and not left.total():
        found = next(sha for sha, line in kept if line == moved)
        yield PackFault(kind="moved", line=moved, subject=names[found])


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    file: str = ""
    rows: tuple[LinkedRow, ...] = ()
    proof: ProofFacts | None = None
    faults: tuple[PackFault, ...] = ()


def _facts(each: _Read) -> _Facts:
    statement, kind = each.statement, each.statement.kind or "contents"
    if kind == "contents":
        return _Facts(kind=kind)
    try:
        if kind in {"lane", "change-request"}:
            return _of_file(each, kind)
        return _of_records(each, kind, rows_in(statement))
    except (KeyError, ValueError, TypeError, IndexError):  # msgspec's errors are ValueErrors
        return _Facts(kind=kind, faults=(PackFault(kind="unreadable", line=each.line),))


def _of_file(each: _Read, kind: str) -> _Facts:
    (subject,) = each.statement.subject
    text = msgspec.convert(each.statement.predicate["text"], str)
    other = subject.digest != digest(text.encode())
    faults = (PackFault(kind="other-file", line=each.line, subject=subject.name),) if other else ()
    return _Facts(kind=kind, file=subject.name, faults=faults)


def _of_records(each: _Read, kind: str, rows: tuple[LinkedRow, ...]) -> _Facts:
    listed = [subject.digest.get("sha256") for subject in each.statement.subject]
    faults = [
        PackFault(kind="altered-record", line=each.line, subject=str(found.row.seq))
        for number, found in enumerate(rows)
        if not _is_linked(found) or number >= len(listed) or listed[number] != found.row.hash
    ]
    proof = None
    if kind == "proof":
        proof, agrees = _proof(each.statement.predicate, rows)
        if not agrees:
            faults.append(PackFault(kind="other-conclusion", line=each.line, subject=str(proof.record)))
    return _Facts(kind=kind, rows=rows, proof=proof, faults=tuple(faults))


def _is_linked(found: LinkedRow) -> bool:
    row = found.row
    return row.hash == link(found.previous, (row.seq, row.at, row.event, row.lane, row.actor), row.body)


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the record of a proof says. Comparisons count, too; only answers of a server have records of their own."""

    state: ProofState
    passed: int
    failed: int
    inconclusive: int
    total: int
    evidence: int

    @property
    def concluded(self) -> ProofState:
        """What the counts add up to."""
        if self.failed:
            return "refuted"
        return "proven" if self.passed and not self.inconclusive else "inconclusive"


def _proof(predicate: dict[str, Any], rows: tuple[LinkedRow, ...]) -> tuple[ProofFacts, bool]:
    """The proof, and whether it says what its verdicts add up to."""
    last = rows[-1]
    said = msgspec.convert(body_of(last), _Said)
    verdicts = [body_of(each) for each in rows if each.row.event == "probe"]
    kept = {each.line.id for each in msgspec.convert(predicate["audit"], list[KeptLine])}
    audited = [str(each["audit"]) for each in verdicts if each.get("audit")]
    results = Counter(each.get("result") for each in verdicts)
    missing = set(audited) - kept
    agrees = (
        said.state == said.concluded
        and said.total == said.passed + said.failed + said.inconclusive
        and results["wrong"] <= said.failed
        and results["inconclusive"] <= said.inconclusive
        and said.evidence == len(audited)
        and missing == set(msgspec.convert(predicate["missing"], list[str]))
    )
    facts = ProofFacts(
        lane=last.row.lane,
        at=last.row.at,
        record=last.row.seq,
        state=said.state,
        verdicts=len(verdicts),
        audited=len(audited),
        lines=sum(each in kept for each in audited),
    )
    return facts, agrees


def _checkpoints(
    rows: Sequence[LinkedRow], read: Sequence[_Read], known: frozenset[str], holds: Holds
) -> tuple[int, int, list[PackFault]]:
    """How many checkpoints hold, how many are by a key that is not known here, and those that do not hold."""
    line = next((each.line for each in read if each.statement.kind == "checkpoints"), 0)
    signed, unknown, forged = 0, 0, []
    for each in rows:
        found = checkpoint_in(body_of(each))
        if found is not None and found.statement.key not in known:
            unknown += 1
        elif found is not None and holds(found.statement.key, found.signature, found.statement.signed_bytes):
            signed += 1
        else:
            forged.append(PackFault(kind="checkpoint-forged", line=line, subject=str(each.row.seq)))
    return signed, unknown, forged
