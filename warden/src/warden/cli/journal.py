"""``warden journal``: read the record of every effect, check that it is complete, and sign that it is."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring_journal
from warden.cli.options import json_option
from warden.core.errors import Effect, Exit, UsageError
from warden.core.journal.chain import Head, parse_head
from warden.core.remedies import SetVariable, warden
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.journal.verification import Verification


@click.group()
def journal() -> None:
    """Read, verify and sign the record of every effect.

    \b
    Examples:
      warden journal log --lane openrouter-llm-connect --last 5
      warden journal verify --checkpoint /mnt/elsewhere/journal.checkpoint
    """


@journal.command()
@click.option("--lane", metavar="ID", shell_complete=complete.lanes, help="Only records of this lane.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N records.")
@click.option("--head", "head_only", is_flag=True, help="Only the head HASH@SEQ, to be kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print the complete records as a list.")
@click.pass_context
def log(ctx: click.Context, lane: str | None, last: int | None, head_only: bool, as_json: bool) -> None:
    """List what was done, oldest first.

    \b
    Examples:
      warden journal log --last 20
      warden journal log --head > journal.head
    """
    from warden.present import journal as present

    kept = wiring_journal.whole_journal(wiring_journal.found_platform(ctx))
    if head_only:
        head = kept.head()
        terminal.document(present.head_as_json(head)) if as_json else terminal.line(str(head))
        return
    records = kept.log(lane=lane, last=last or 0)
    if as_json:
        terminal.document(records)
    else:
        present.show_log(records, lane=lane or "", path=kept.path)


@journal.command(short_help="Check the hash chain and the signatures.")
@click.option(
    "--head", "kept", metavar="HASH@SEQ", help="A head kept elsewhere; shows whether records were cut off or rewritten."
)
@click.option(
    "--checkpoint",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The same with a signature, as `journal checkpoint -o FILE` writes it.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUBKEY",
    help="A public key to believe: `ssh-ed25519 AAAA…`, or a file of such lines or of PEM. Repeatable. "
    "Default: those of platform.yaml (signing).",
)
@json_option
@click.pass_context
def verify(ctx: click.Context, kept: str | None, checkpoint: str | None, keys: tuple[str, ...], as_json: bool) -> int:
    """Check the hash chain from the first record to the last, and every signed checkpoint in it.

    \b
    Examples:
      warden journal verify
      warden journal verify --checkpoint journal.checkpoint --key signer.pub

    \b
    Exit codes:
      1  something was changed
      3  a signature could not be checked
    """
    from warden.present import journal as present
    from warden.usecases.journal_verify import verify as examine

    head = _head(kept)
    elsewhere = wiring_journal.kept_checkpoint(checkpoint) if checkpoint else None
    ledger = wiring_journal.whole_journal(wiring_journal.found_platform(ctx))
    found = examine(ledger, wiring_journal.keys(ctx, keys), head, elsewhere)
    if as_json:
        terminal.document(present.verified_as_json(found, path=ledger.path, head=head))
    else:
        present.show_verified(found, path=ledger.path, head=head)
    return int(_exit(found.verification))


def _exit(found: "Verification") -> Exit:
    if found.broken or not found.chain.records:
        return Exit.NO
    return Exit.INCONCLUSIVE if found.open else Exit.DONE


@journal.command(short_help="Sign the newest record now.")
@click.option(
    "-o", "--output", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Keep it there: on another machine."
)
@json_option
@click.pass_context
def checkpoint(ctx: click.Context, file: str | None, as_json: bool) -> None:
    """Sign the newest record now, with the key that platform.yaml names (signing).

    \b
    Examples:
      warden journal checkpoint
      warden journal checkpoint -o /mnt/elsewhere/journal.checkpoint

    FILE is replaced only if this journal still has what the checkpoint in it names.

    \b
    Exit codes:
      1  the journal has no records
      3  the key's holder does not answer
      5  FILE is to be kept
    """
    from warden.present import checkpoints as present
    from warden.usecases.journal_verify import sign

    earlier = wiring_journal.earlier_checkpoint(file) if file else None
    kept = wiring_journal.whole_journal(wiring_journal.found_platform(ctx))
    made = sign(kept, wiring_journal.required_signer(ctx), file or "", earlier)
    if file:
        wiring_journal.keep_checkpoint(file, made.checkpoint)
    if as_json:
        terminal.document(present.checkpoint_json(made))
    else:
        present.show_signed(made, file or "")


@journal.command(short_help="Make the journal in PostgreSQL.")
@click.option(
    "--writer", "writers", multiple=True, metavar="ROLE", help="Let this role read and add records. Repeatable."
)
@json_option
@click.pass_context
def init(ctx: click.Context, writers: tuple[str, ...], as_json: bool) -> None:
    """Make the journal in PostgreSQL, as the role that is to own it, and let others write.

    \b
    Examples:
      warden journal init
      WARDEN_JOURNAL=postgresql://owner@db/warden warden journal init --writer app

    The database is WARDEN_JOURNAL, or what platform.yaml names (journal). Run again, it changes nothing else.

    \b
    Exit codes:
      2  the journal is a file, which is made by itself
      3  the database cannot be used
    """
    from warden.present import journal as present

    found = wiring_journal.shared_journal(wiring_journal.found_platform(ctx))
    if found is None:
        raise UsageError(
            "the journal is a file, which is made at its first record",
            effect=Effect.NOTHING_DONE,
            hint="name a database",
            remedy=(SetVariable("WARDEN_JOURNAL", "postgresql://USER@HOST/DATABASE"),),
        )
    made = found.make(writers)
    if as_json:
        terminal.document({"path": found.path, "made": made, "writers": list(writers)})
    else:
        present.show_made(found.path, writers, made=made)


@journal.command(name="import", short_help="Copy another journal into the one in use.")
@click.argument("source", metavar="FILE|URL", type=click.Path())
@json_option
@click.pass_context
def import_(ctx: click.Context, source: str, as_json: bool) -> None:
    """Copy another journal into the one in use, which has to be empty, and verify the copy.

    \b
    Examples:
      warden journal import ~/.local/state/warden/journal.db
      WARDEN_JOURNAL=copy.db warden journal import postgresql://warden@db/warden

    Records keep their numbers, times and hashes, so every checkpoint still holds.

    \b
    Exit codes:
      1  the other journal is empty or broken
      3  one of the two cannot be used
    """
    from warden.present import journal as present
    from warden.usecases.journal_import import copy

    target = wiring_journal.whole_journal(wiring_journal.found_platform(ctx))
    done = copy(wiring_journal.other_journal(source), target)
    if as_json:
        terminal.document(present.imported_as_json(done))
    else:
        present.show_imported(done)


@journal.command(short_help="Print the records as security events for a SIEM.")
@click.option("--format", "form", type=click.Choice(["ocsf"]), required=True, help="The schema of the events.")
@click.option("--lane", metavar="ID", shell_complete=complete.lanes, help="Only records of this lane.")
@click.option(
    "--after",
    type=click.IntRange(min=0),
    default=0,
    metavar="SEQ",
    help="Only records after this number.",
)
@click.option(
    "-o", "--output", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Default: stdout. FILE is replaced."
)
@click.pass_context
def export(ctx: click.Context, form: str, lane: str | None, after: int, file: str | None) -> None:
    """Print the records as security events for a SIEM: one JSON document a line, oldest first.

    \b
    Examples:
      warden journal export --format ocsf > events.jsonl
      warden journal export --format ocsf --after 1842 >> events.jsonl

    Every record is an event. Its metadata.sequence is what --after takes next time.

    \b
    Exit codes:
      1  the journal has no record SEQ
      2  FILE cannot be written
      3  the journal cannot be read
    """
    from warden.present import journal as present
    from warden.usecases.journal_export import Export

    kept = wiring_journal.whole_journal(wiring_journal.found_platform(ctx))
    export = Export(kept, lane=lane, after=after)
    if file:
        with wiring_journal.export_file(file) as out:
            for event in export.events():
                out.write(terminal.json_line(event).encode())
    else:
        for event in export.events():
            terminal.text(terminal.json_line(event))
    terminal.flush()
    present.note_exported(export, form)


def _head(text: str | None) -> Head | None:
    if text is None:
        return None
    head = parse_head(text)
    if head is None:
        raise UsageError(
            f"--head {text[:100]} is not a head (64 hexadecimal digits, @, a number)",
            effect=Effect.NOTHING_CHECKED,
            hint="this prints one",
            remedy=(warden("journal log", head=True),),
        )
    return head
