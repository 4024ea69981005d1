"""The journal's records, and whether it is what it was, as text and JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from warden.core.journal.chain import Chain, Head
from warden.core.journal.record import Record
from warden.core.journal.verification import CheckpointFault, Verification
from warden.core.remedies import warden
from warden.present import errors, terminal
from warden.present.chain_breaks import break_described, fault_described
from warden.present.commands import command
from warden.present.terminal import counted
from warden.usecases.journal_export import Export
from warden.usecases.journal_import import Imported
from warden.usecases.journal_verify import Verified


def head_as_json(head: Head) -> dict[str, Any]:
    """A head."""
    return {"head": str(head), "hash": head.hash, "seq": head.seq}


def show_log(records: Sequence[Record], *, lane: str, path: str) -> None:
    """Records as a table, one line each."""
    if records:
        terminal.table(("SEQ", "WHEN", "EVENT", "LANE", "WHO", "WHAT"), [_row(record) for record in records])
    else:
        terminal.note(f"{path} has no records{f' of {lane}' if lane else ''}.")


# -- verified ---------------------------------------------------------------------------------------------------------


def verified_as_json(found: Verified, *, path: str, head: Head | None) -> dict[str, Any]:
    """What was found; `head` was kept elsewhere. ``breaks`` are of the chain, ``faults`` of the signatures."""
    verification = found.verification
    chain, newest = verification.chain, verification.newest
    against = head or (verification.kept.head if verification.kept else None)
    return {
        "path": path,
        "whole": bool(chain.records) and not verification.broken,
        "records": chain.records,
        "head": str(chain.head),
        "checked_against": str(against) if against else None,
        "breaks": [{"seq": each.seq, "message": break_described(each)} for each in chain.breaks],
        "checkpoints": {
            "signed": verification.signed,
            "unchecked": verification.unchecked,
            "newest": {"head": str(newest.head), "at": newest.at, "key": newest.key} if newest else None,
            "records_since": verification.uncovered if newest else None,
            "faults": [_fault_json(each) for each in verification.faults],
            "message": " ".join(_unsure(found)),
        },
    }


def _fault_json(fault: CheckpointFault) -> dict[str, Any]:
    return {"kind": fault.kind, "record": fault.record, "seq": fault.seq, "message": fault_described(fault)}


def show_verified(found: Verified, *, path: str, head: Head | None) -> None:
    """What was found, for people."""
    verification = found.verification
    chain = verification.chain
    if verification.broken:
        _show_broken(verification, path)
    elif not chain.records:
        terminal.line(f"nothing to verify: {path} has no records. Nothing was done yet, or it was removed.")
        return
    else:
        terminal.line(f"ok   {counted(chain.records, 'record')}, unbroken · {path}")
        terminal.line(f"     head {chain.head}")
        for line in _covered(verification):
            terminal.sentence(line)
    for each in _unsure(found):
        terminal.sentence(f"??   {each}")
    if not verification.broken and head is None and verification.kept is None:
        _note_what_stays_hidden(chain)


def _show_broken(verification: Verification, path: str) -> None:
    chain = verification.chain
    for each in chain.breaks:
        terminal.line(f"BROKEN record {each.seq}: {break_described(each)}")
    for fault in verification.faults:
        where = f"record {fault.record}" if fault.record else "the checkpoint kept elsewhere"
        terminal.sentence(f"BROKEN {where}: {fault_described(fault)}")
    if verification.newest is not None:
        terminal.sentence(f"Up to record {verification.newest.seq} everything is as it was signed.")
    breaks, records = counted(len(chain.breaks) + len(verification.faults), "break"), counted(chain.records, "record")
    terminal.line(f"{breaks} in {records} · {path}")


def _covered(verification: Verification) -> Iterator[str]:
    """Up to which record signatures cover the chain."""
    newest = verification.newest
    if newest is None:
        return
    age = f"signed up to record {newest.seq} {terminal.ago(newest.at)} by {newest.key}"
    since = f"; {counted(verification.uncovered, 'record')} since" if verification.uncovered else ""
    yield f"     {counted(verification.signed, 'signed checkpoint')}: {age}{since}"


def _unsure(found: Verified) -> Iterator[str]:
    """What could not be judged, and what helps."""
    verification = found.verification
    if not verification.chain.records:
        return
    if verification.unchecked:
        why = f" ({errors.problem(found.unasked)})" if found.unasked else ""
        yield (
            f"{counted(verification.unchecked, 'signature')} not checked: no public key is known{why}. "
            "Name it with --key, or list it in platform.yaml (signing.public_keys)"
        )
    elif verification.expected and verification.newest is None and not verification.faults:
        sign = command(warden("journal checkpoint"))
        yield f"platform.yaml names a key, but the journal has no signed checkpoint. Next: {sign}"


def _note_what_stays_hidden(chain: Chain) -> None:
    if chain.records:
        terminal.note(
            "Records cut off at the end only show against a checkpoint that was kept elsewhere: "
            "--checkpoint FILE, or --head HASH@SEQ"
        )


# -- made and imported ------------------------------------------------------------------------------------------------


def show_made(path: str, writers: Sequence[str], *, made: bool) -> None:
    """That the journal is there, and who may write."""
    let_in = f" · open to {', '.join(writers)}" if writers else ""
    terminal.line(f"ok   {'made' if made else 'it is there already'}: {path}{let_in}")
    if not writers and made:
        grant = command(warden("journal init", writer="ROLE"))
        terminal.note(f"Only its owner can write, and could remove the triggers. Let another role write: {grant}")


def imported_as_json(done: Imported) -> dict[str, Any]:
    """``source, path, records, head``."""
    return {"source": done.source, "path": done.target, "records": done.records, "head": str(done.head)}


def show_imported(done: Imported) -> None:
    """What was copied, and what becomes of the other one."""
    terminal.line(f"ok   {counted(done.records, 'record')} copied and verified · {done.target}")
    terminal.line(f"     head {done.head}")
    terminal.note(f"{done.source} is not used any more where WARDEN_JOURNAL or platform.yaml names the copy: keep it.")


def note_exported(done: Export, form: str) -> None:
    """How many events there were, and how to get the next ones."""
    following = command(warden("journal export", format=form, lane=done.lane or "", after=str(done.last)))
    terminal.note(f"{counted(done.count, 'event')} exported. Those that follow: {following}")


def _row(record: Record) -> tuple[str, ...]:
    return (str(record.seq), record.at[:19] + "Z", record.event, record.lane, record.actor, _summary(record))


def _summary(record: Record) -> str:
    """The texts and numbers of the body, on one line."""
    parts = [f"{key}={value}" for key, value in record.body.items() if isinstance(value, str | int) and value != ""]
    return " ".join(" ".join(parts).split())
