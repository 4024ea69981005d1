"""The journal's records and the state of its hash chain, as text and JSON."""

from collections.abc import Sequence
from typing import Any

from warden.core.journal.chain import Chain, Head
from warden.core.journal.record import Record
from warden.present import terminal
from warden.present.chain_breaks import break_described


def head_as_json(head: Head) -> dict[str, Any]:
    """A checkpoint."""
    return {"head": str(head), "hash": head.hash, "seq": head.seq}


def show_log(records: Sequence[Record], *, lane: str, path: str) -> None:
    """Records as a table, one line each."""
    if records:
        terminal.table(("SEQ", "WHEN", "EVENT", "LANE", "WHO", "WHAT"), [_row(record) for record in records])
    else:
        terminal.note(f"{path} has no records{f' of {lane}' if lane else ''}.")


def chain_as_json(chain: Chain, *, path: str, head: Head | None) -> dict[str, Any]:
    """What a walk along the chain found; `head` is the checkpoint that it was compared with."""
    return {
        "path": path,
        "whole": bool(chain.records) and not chain.breaks,
        "records": chain.records,
        "head": str(chain.head),
        "checked_against": str(head) if head else None,
        "breaks": [{"seq": each.seq, "message": break_described(each)} for each in chain.breaks],
    }


def show_chain(chain: Chain, *, path: str, head: Head | None) -> None:
    """What a walk along the chain found, for people."""
    if chain.breaks:
        for each in chain.breaks:
            terminal.line(f"BROKEN record {each.seq}: {break_described(each)}")
        breaks, records = counted(len(chain.breaks), "break"), counted(chain.records, "record")
        terminal.line(f"{breaks} in {records} · {path}")
        return
    if not chain.records:
        terminal.line(f"nothing to verify: {path} has no records. Nothing was done yet, or the file was removed.")
        return
    terminal.line(f"ok   {counted(chain.records, 'record')}, unbroken · {path}")
    terminal.line(f"     head {chain.head}")
    if head is None:
        terminal.note("Records cut off at the end only show against a head that was kept elsewhere: --head HASH@SEQ")


def counted(number: int, noun: str) -> str:
    """``1 record``, ``2 records``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _row(record: Record) -> tuple[str, ...]:
    return (str(record.seq), record.at[:19] + "Z", record.event, record.lane, record.actor, _summary(record))


def _summary(record: Record) -> str:
    """The texts and numbers of the body, on one line."""
    parts = [f"{key}={value}" for key, value in record.body.items() if isinstance(value, str | int) and value != ""]
    return " ".join(" ".join(parts).split())
