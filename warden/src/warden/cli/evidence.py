"""``warden evidence``: pack what is known of lanes into one signed file, and check such a file."""

import os
from functools import partial
from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring_files, wiring_journal
from warden.cli.audit import audit_history
from warden.cli.context import Workspace
from warden.cli.options import audit_options, json_option
from warden.core.errors import Effect, Exit, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.evidence.period import Period
    from warden.usecases.evidence import Material


@click.group()
def evidence() -> None:
    """Give proofs, approvals and rotations to somebody who has no access here, in one signed file.

    \b
    Examples:
      warden evidence pack openrouter-llm-connect -o openrouter.intoto.jsonl
      warden evidence verify openrouter.intoto.jsonl --key signer.pub
    """


@evidence.command(short_help="Pack what is known of a lane into one signed file.")
@click.argument("lane", required=False, shell_complete=complete.lanes)
@click.option(
    "--period", "named", metavar="PERIOD", help="Only these days (UTC): 2026Q3, 2026, 2026-07, 2026-07-01..2026-08-15."
)
@click.option(
    "-o", "--output", "file", required=True, metavar="FILE", type=click.Path(dir_okay=False), help="The new file."
)
@audit_options
@json_option
@click.pass_context
def pack(
    ctx: click.Context,
    /,
    *,
    lane: str | None,
    named: str | None,
    file: str,
    files: tuple[str, ...],
    audit_command: str | None,
    as_json: bool,
) -> None:
    """Pack a lane's file, change requests, proofs with audit lines, rotations and other effects, signed.

    Without LANE all lanes are packed, of one period. The journal is verified first; platform.yaml names the key
    (signing).

    \b
    Examples:
      warden evidence pack openrouter-llm-connect -o openrouter.intoto.jsonl
      warden evidence pack --period 2026Q3 -o 2026Q3.intoto.jsonl

    FILE is JSON lines: in-toto statements in DSSE envelopes. It holds no value.

    \b
    Exit codes:
      1  nothing is recorded
      2  no key is named
      3  the journal does not verify, or nobody signs
    """
    from warden.present import evidence as present
    from warden.usecases.evidence import pack as make

    if not lane and not named:
        raise UsageError("name a lane, or a --period", effect=Effect.NOTHING_WRITTEN, hint="--period 2026Q3")
    period = _period(named)
    if os.path.lexists(file):
        raise UsageError(f"{file} exists", effect=Effect.NOTHING_WRITTEN, subject=file, hint="name a new file with -o")
    signer = wiring_journal.required_signer(ctx)
    workspace = Workspace.of(ctx)
    material = _material(workspace, lane)
    history = audit_history(workspace, files, audit_command, Effect.NOTHING_WRITTEN)
    terminal.progress("packing evidence …")
    made = make(material, period, workspace.journal, wiring_journal.keys(ctx, ()), signer=signer, history=history)
    terminal.progress_done()
    wiring_journal.keep_pack(file, made.lines)
    if as_json:
        terminal.document(present.pack_json(made, file))
    else:
        present.show_pack(made, file)


@evidence.command(short_help="Check a pack with the public key alone.")
@click.argument("file", metavar="FILE")
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="PUBKEY",
    help="A public key to believe: `ssh-ed25519 AAAA…`, or a file of such lines or of PEM. Repeatable.",
)
@json_option
def verify(file: str, keys: tuple[str, ...], as_json: bool) -> int:
    """Check a pack with nothing but the public key: no server, no journal, no platform directory.

    \b
    Examples:
      warden evidence verify openrouter.intoto.jsonl --key signer.pub
      warden evidence verify 2026Q3.intoto.jsonl --key "ssh-ed25519 AAAA…" --json

    \b
    Exit codes:
      1  something was changed, taken out or put in; each is named
      2  the file or a key cannot be read
    """
    from warden.present import evidence as present
    from warden.usecases.evidence import check

    found = check(wiring_journal.kept_pack(file), wiring_journal.believed(keys))
    if as_json:
        terminal.document(present.verdict_json(found, file))
    else:
        present.show_verdict(found, file)
    return int(Exit.DONE if found.holds else Exit.NO)


def _period(text: str | None) -> "Period | None":
    from warden.core.evidence.period import FORMS, period

    if text is None:
        return None
    found = period(text)
    if found is None:
        raise UsageError(
            f"--period is not a period: {text[:60]!r}", effect=Effect.NOTHING_WRITTEN, hint=f"write {FORMS}"
        )
    return found


def _material(workspace: Workspace, lane: str | None) -> "Material":
    """The files of the lane, or of all lanes, and their change requests."""
    from warden.usecases.change import every
    from warden.usecases.evidence import Material, RequestFile

    lanes = [workspace.lane(lane).id] if lane else list(workspace.lanes)
    text = partial(wiring_files.text_file, workspace.platform)
    return Material(
        lanes={each: text(workspace.catalog.files[each]) for each in lanes},
        requests=[
            RequestFile(file=text(each.file), shown=each)
            for each in reversed(every(workspace.requests, workspace.signatures))
            if each.request.lane in lanes
        ],
        allowed_signers=wiring_files.allowed_signers(workspace.platform, workspace.catalog.platform),
    )
