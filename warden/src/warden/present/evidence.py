"""Packs of evidence: what was packed, and whether one holds."""

from collections.abc import Iterator, Mapping
from typing import Any

from warden.core.evidence.verification import FaultKind, PackFault, PackVerdict
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import command
from warden.present.terminal import counted
from warden.usecases.evidence import Pack

_FAULTS: Mapping[FaultKind, str] = {
    "unreadable": "not an envelope with a statement of warden",
    "unsigned": "no signature",
    "forged": "changed since: the signature by {subject} does not match",
    "unknown-key": "signed by {subject}, which is not one of the given keys",
    "no-contents": "not the list of what is in the pack, which has to come first",
    "missing": "the statement listed as '{subject}' was taken out",
    "not-listed": "put in later: the list does not have it",
    "doubled": "the statement listed as '{subject}' is there again: the list has it once",
    "moved": "the statement listed as '{subject}' stands where the list has another one",
    "other-file": "the text of {subject} does not have the digest that is given for it",
    "altered-record": "record {subject} is not what the journal had",
    "other-conclusion": "the proof in record {subject} says something else than its verdicts and audit lines",
    "checkpoint-forged": "the checkpoint in record {subject} is not signed by the key that it names",
}


def pack_json(made: Pack, file: str) -> dict[str, Any]:
    """What was packed."""
    facts = made.contents
    return {
        "file": file,
        "statements": len(made.lines),
        "lanes": list(facts.lanes),
        "period": facts.period or None,
        "head": facts.head,
        "key": facts.key,
        "proofs": len(made.selected.proofs),
        "audit_lines": made.audit_lines,
        "audit": facts.audit or None,
        "change_requests": made.requests,
        "rotations": len(made.selected.rotations),
        "checkpoints": len(made.selected.checkpoints),
    }


def show_pack(made: Pack, file: str) -> None:
    """The same for people."""
    facts, chosen = made.contents, made.selected
    lanes = facts.lanes[0] if len(facts.lanes) == 1 else f"{len(facts.lanes)} lanes"
    terminal.line(
        f"{terminal.styled('ok', 'ok')}   {file}: evidence of {lanes}{f', {facts.period}' if facts.period else ''}"
    )
    terminal.sentence(
        f"     {counted(len(chosen.proofs), 'proof')} with {counted(made.audit_lines, 'audit line')}, "
        f"{counted(made.requests, 'change request')}, {counted(len(chosen.rotations), 'rotation')}, "
        f"{counted(len(chosen.checkpoints), 'signed checkpoint')}"
    )
    terminal.line(f"     journal {facts.head}")
    terminal.line(f"     signed by {facts.key}")
    if facts.audit:
        terminal.sentence(f"??   audit lines are missing: {facts.audit}. Name the log with --audit")
    terminal.note(f"Check it anywhere: {command(warden('evidence verify', file, key='PUBKEY'))}")


def verdict_json(found: PackVerdict, file: str) -> dict[str, Any]:
    """Whether it holds, and everything that is wrong."""
    facts = found.contents
    return {
        "file": file,
        "holds": found.holds,
        "key": facts.key if facts else None,
        "at": facts.at if facts else None,
        "lanes": list(facts.lanes) if facts else [],
        "period": (facts.period or None) if facts else None,
        "head": facts.head if facts else None,
        "statements": found.lines,
        "records": found.records,
        "files": list(found.files),
        "proofs": [terminal.plain(each) for each in found.proofs],
        "rotations": found.rotations,
        "checkpoints": {"signed": found.checkpoints, "unchecked": found.unchecked_checkpoints},
        "faults": [{**terminal.plain(each), "message": described(each)} for each in found.faults],
    }


def show_verdict(found: PackVerdict, file: str) -> None:
    """The same for people."""
    for each in found.faults:
        terminal.line(f"{terminal.styled('FAIL', 'bad')} {described(each)}")
    facts = found.contents
    if found.holds and facts is not None:
        lanes = facts.lanes[0] if len(facts.lanes) == 1 else f"{len(facts.lanes)} lanes"
        terminal.sentence(
            f"{terminal.styled('ok', 'ok')}   {file}: evidence of {lanes}, signed by {facts.key} on {facts.at}"
        )
        terminal.sentence(
            f"     {counted(found.records, 'record')} of the journal {facts.head}, unchanged; "
            f"{counted(len(found.files), 'file')}; {counted(found.rotations, 'rotation')}; "
            f"{counted(found.checkpoints, 'checkpoint')} signed"
        )
        for line in _notes(found):
            terminal.sentence(line)
        terminal.table(("PROOF", "WHEN", "LANE", "STATE", "VERDICTS", "AUDIT LINES"), _rows(found))
    elif not found.holds:
        terminal.line(f"{file} does not hold: {counted(len(found.faults), 'fault')}")


def _notes(found: PackVerdict) -> Iterator[str]:
    if found.unchecked_checkpoints:
        yield f"??   {counted(found.unchecked_checkpoints, 'checkpoint')} by other keys: give them with --key, too"
    missing = sum(each.audited - each.lines for each in found.proofs)
    if missing:
        yield f"??   {counted(missing, 'verdict')} whose audit line is not in the pack"


def _rows(found: PackVerdict) -> Iterator[tuple[str, ...]]:
    for each in found.proofs:
        lines = f"{each.lines} of {each.audited}"
        yield str(each.record), each.at[:19], each.lane, each.state, str(each.verdicts), lines


def described(fault: PackFault) -> str:
    """One fault as a sentence."""
    text = _FAULTS[fault.kind].format(subject=fault.subject)
    return f"line {fault.line}: {text}" if fault.line else text
