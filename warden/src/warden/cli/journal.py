"""``warden journal``: read the record of every effect, and check that it is whole."""

import click

from warden.cli import wiring
from warden.core.errors import Exit, UsageError
from warden.core.journal.chain import Head, parse_head
from warden.core.journal.record import Record
from warden.present import terminal


@click.group()
def journal() -> None:
    """Read and verify the record of every effect.

    \b
    Examples:
      warden journal log --lane openrouter-llm-connect --last 5
      warden journal verify --head "$(cat journal.head)"
    """


@journal.command()
@click.option("--lane", metavar="ID", help="Only what concerns this lane.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("--head", "head_only", is_flag=True, help="Only the checkpoint HASH@SEQ, to keep somewhere else.")
@click.option("--json", "as_json", is_flag=True, help="The whole records, as a list.")
def log(lane: str | None, last: int | None, head_only: bool, as_json: bool) -> None:
    """What was done, oldest first.

    \b
    Examples:
      warden journal log --last 20
      warden journal log --head > journal.head
    \b
    Exit codes: 3 the journal cannot be read.
    """
    kept = wiring.journal()
    if head_only:
        head = kept.head()
        terminal.document({"head": str(head), "hash": head.hash, "seq": head.seq}) if as_json else terminal.line(
            str(head)
        )
        return
    records = kept.log(lane=lane, last=last or 0)
    if as_json:
        terminal.document(records)
    elif records:
        terminal.table(("SEQ", "WHEN", "EVENT", "LANE", "WHO", "WHAT"), [_row(record) for record in records])
    else:
        terminal.note(f"Nothing is recorded{f' of {lane}' if lane else ''} in {kept.path}.")


@journal.command()
@click.option(
    "--head", "kept", metavar="HASH@SEQ", help="A checkpoint that was kept: shows whether records were cut off."
)
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def verify(kept: str | None, as_json: bool) -> int:
    """Walk the hash chain from the first record to the last.

    \b
    Examples:
      warden journal verify
      warden journal verify --head "$(cat journal.head)"
    \b
    Exit codes: 1 the chain does not hold, or there is no record; 3 the journal cannot be read.
    """
    head = _head(kept)
    ledger = wiring.journal()
    chain = ledger.verify(head)
    if as_json:
        terminal.document(
            {
                "path": ledger.path,
                "whole": not chain.breaks,
                **_plain(chain.records, chain.head),
                "checked_against": str(head) if head else None,
                "breaks": [{"seq": each.seq, "message": each.message} for each in chain.breaks],
            }
        )
        return int(Exit.NO if chain.breaks or not chain.records else Exit.DONE)
    if not chain.records and not chain.breaks:
        terminal.line(f"nothing to verify: {ledger.path} holds no record. Nothing was done yet, or it was removed.")
        return int(Exit.NO)
    for each in chain.breaks:
        terminal.line(f"BROKEN record {each.seq}: {each.message}")
    if chain.breaks:
        terminal.line(f"{len(chain.breaks)} breaks in {chain.records} records · {ledger.path}")
        return int(Exit.NO)
    terminal.line(f"ok   {chain.records} records, unbroken · {ledger.path}")
    terminal.line(f"     head {chain.head}")
    if head is None:
        terminal.note(
            "Records cut off at the end cannot be seen without a head that was kept elsewhere: --head HASH@SEQ"
        )
    return int(Exit.DONE)


def _plain(records: int, head: Head) -> dict[str, object]:
    return {"records": records, "head": str(head)}


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    head = parse_head(text)
    if head is None:
        raise UsageError(
            f"--head {text[:100]} is no checkpoint. Nothing was checked.",
            hint="It is what `warden journal log --head` prints: 64 hexadecimal digits, @, a number",
        )
    return head


def _row(record: Record) -> tuple[str, ...]:
    cells = (str(record.seq), record.at[:19] + "Z", record.event, record.lane, record.actor, _what(record))
    return tuple(terminal.harmless(cell).replace("\n", " ") for cell in cells)


def _what(record: Record) -> str:
    """The plain parts of the body, on one line."""
    parts = [f"{key}={value}" for key, value in record.body.items() if isinstance(value, str | int) and value != ""]
    return " ".join(" ".join(parts).split())
