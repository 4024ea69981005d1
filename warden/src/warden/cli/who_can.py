"""``warden who-can``: everybody who can read, write or gain access to a lane or a path."""

import click

from warden.cli import complete, wiring_files
from warden.cli.audit import audit_history, show_read
from warden.cli.context import Workspace
from warden.cli.options import audit_options
from warden.core.access_index.ways import Effect
from warden.core.errors import Effect as NotDone
from warden.core.errors import UsageError
from warden.core.remedies import Remedy, warden
from warden.present import terminal

_EFFECTS: dict[str, tuple[Effect, ...]] = {"read": ("reads",), "write": ("writes",), "grant": ("grants",)}
_ALL: tuple[Effect, ...] = ("reads", "writes", "grants")


@click.command("who-can")
@click.argument("words", nargs=-1, required=True, metavar="[read|write|grant] LANE|PATH", shell_complete=complete.lanes)
@audit_options
@click.option("--no-history", is_flag=True, help="Do not read the audit log, which says when each was last used.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON document.")
@click.pass_context
def who_can_command(
    ctx: click.Context,
    /,
    words: tuple[str, ...],
    *,
    files: tuple[str, ...],
    audit_command: str | None,
    no_history: bool,
    as_json: bool,
) -> int:
    """Find everybody who can read a path, change it, or gain access to it.

    Without read, write or grant, all three are answered.

    OpenBao is read once: policies, auth mounts, roles, identities, live tokens. No value is read, nothing is changed.

    \b
    Examples:
      warden who-can read openrouter-llm-connect
      warden who-can platform/workloads/billing/api/stripe --json

    \b
    OTHER  neither a declared reader of the lane nor declared with
           may_administer in platform.yaml
    ??     could not be looked at; the missing right is named

    \b
    Exit codes:
      0  nobody else
      1  others can
      2  not the path of a key
      3  something not looked at
      4  no accepted token
    """
    from warden.present.who_can import show_who_can, who_can_json
    from warden.usecases.who_can import Target, who_can

    effects, name = _asked(words)
    workspace = Workspace.of(ctx)
    lane = None if "/" in name else workspace.lane(name)
    target = Target(path=lane.custody.path if lane else name.strip("/"), lane=lane, effects=effects)
    history = wiring_files.no_history("--no-history") if no_history else audit_history(workspace, files, audit_command)
    answer = who_can(workspace.reading_context, target, history, progress, show_read)
    terminal.progress_done()
    if as_json:
        terminal.document(who_can_json(answer))
    else:
        show_who_can(answer, workspace.system)
    return int(answer.exit)


def _asked(words: tuple[str, ...]) -> tuple[tuple[Effect, ...], str]:
    """What is asked, and about what."""
    *before, name = words
    if name.strip(" /") and not before:
        return _ALL, name
    if name.strip(" /") and len(before) == 1 and before[0] in _EFFECTS:
        return _EFFECTS[before[0]], name
    raise UsageError(
        "name one lane, or one path as MOUNT/KEY, with read, write or grant before it",
        effect=NotDone.NOTHING_ASKED,
        remedy=_meant(words),
    )


def _meant(words: tuple[str, ...]) -> Remedy:
    """The question in its order; nothing where no lane or path is named."""
    asked = next((each for each in words if each in _EFFECTS), "read")
    named = [each for each in words if each.strip(" /") and each not in _EFFECTS]
    return (warden("who-can", asked, named[-1]),) if named else ()


def progress(what: str, done: int, whole: int) -> None:
    """Told while OpenBao is read."""
    if done % 50 == 0 or done == whole:
        terminal.progress(f"reading {what}: {done} of {whole} …")
