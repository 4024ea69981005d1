"""``warden journal``: read the record of every effect, and check that it is complete."""

import click

from warden.cli import complete, wiring_journal
from warden.core.errors import Effect, Exit, UsageError
from warden.core.journal.chain import Head, parse_head
from warden.core.remedies import warden
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
@click.option("--lane", metavar="ID", shell_complete=complete.lanes, help="Only records of this lane.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N records.")
@click.option("--head", "head_only", is_flag=True, help="Only the checkpoint HASH@SEQ, to be kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print the complete records as a list.")
def log(lane: str | None, last: int | None, head_only: bool, as_json: bool) -> None:
    """List what was done, oldest first.

    \b
    Examples:
      warden journal log --last 20
      warden journal log --head > journal.head
    """
    from warden.present import journal as present

    kept = wiring_journal.whole_journal()
    if head_only:
        head = kept.head()
        terminal.document(present.head_as_json(head)) if as_json else terminal.line(str(head))
        return
    records = kept.log(lane=lane, last=last or 0)
    if as_json:
        terminal.document(records)
    else:
        present.show_log(records, lane=lane or "", path=kept.path)


@journal.command()
@click.option(
    "--head", "kept", metavar="HASH@SEQ", help="A checkpoint kept elsewhere; shows whether records were cut off."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(kept: str | None, as_json: bool) -> int:
    """Check the hash chain from the first record to the last.

    \b
    Examples:
      warden journal verify
      warden journal verify --head "$(cat journal.head)"
    """
    from warden.present import journal as present

    head = _head(kept)
    ledger = wiring_journal.whole_journal()
    chain = ledger.verify(head)
    if as_json:
        terminal.document(present.chain_as_json(chain, path=ledger.path, head=head))
    else:
        present.show_chain(chain, path=ledger.path, head=head)
    return int(Exit.NO if chain.breaks or not chain.records else Exit.DONE)


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    head = parse_head(text)
    if head is None:
        raise UsageError(
            f"--head {text[:100]} is not a checkpoint (64 hexadecimal digits, @, a number)",
            effect=Effect.NOTHING_CHECKED,
            hint="this prints one",
            remedy=(warden("journal log", head=True),),
        )
    return head
