"""``warden rotate``: replace a value everywhere, and show that the old one is of no use any more."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring_files
from warden.cli.context import Workspace
from warden.cli.options import json_option, yes_option
from warden.core.errors import Effect, Exit, UsageError
from warden.core.secret import Secret
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from warden.core.lanes.lane import Lane
    from warden.core.lanes.rotation import Rotation
    from warden.core.rotation.result import RotationResult
    from warden.usecases.rotate import Failed
    from warden.usecases.steps.rotation_run import RotateTools


@click.command()
@click.argument("lane", required=False, shell_complete=complete.lanes)
@click.option("--field", metavar="FIELD", shell_complete=complete.rotated_fields, help="Only this field of the lane.")
@click.option("--due", is_flag=True, help="Whatever is older than its lane allows; without LANE in every active lane.")
@click.option("--resume", is_flag=True, help="Go on with the rotation that is under way.")
@click.option("--abandon", is_flag=True, help="Give up the rotation that is under way; nothing is deleted.")
@click.option("--plan", "only_plan", is_flag=True, help="Print the steps and do nothing.")
@yes_option
@json_option
@click.pass_context
def rotate(
    ctx: click.Context,
    /,
    *,
    lane: str | None,
    field: str | None,
    due: bool,
    resume: bool,
    abandon: bool,
    only_plan: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Replace a lane's value everywhere, and show that the old one is refused.

    \b
    Examples:
      warden rotate openrouter-llm-connect --plan
      warden rotate --due --yes --json

    The new value is tested, written, delivered, taken by every consumer and seen there before the old key ends. If
    it is not accepted, or a consumer fails with it, the old value is put back. What is under way stands in OpenBao:
    --resume goes on from there, on any machine. A value that a person makes is typed without echo, or read from
    standard input.

    \b
    Exit codes:
      0  done: the new value is in use, and the old one is of no use any more
      1  rolled back, or the old value is still accepted, or a part of the lane
         keeps it
      3  a system did not answer, or what was asked for could not be shown
      5  a person has something to do, a rotation is under way, or the lane is
         closed
    """
    _expect_one_meaning(lane, due=due, resume=resume, abandon=abandon)
    workspace = Workspace.of(ctx)
    if lane is None:
        return _due(workspace, only_plan=only_plan, yes=yes, as_json=as_json)
    return _of_lane(
        workspace,
        workspace.lane(lane),
        field or "",
        due=due,
        resume=resume,
        abandon=abandon,
        only_plan=only_plan,
        yes=yes,
        as_json=as_json,
    )


def _expect_one_meaning(lane: str | None, *, due: bool, resume: bool, abandon: bool) -> None:
    """Raises `UsageError` for options that cannot be used together."""
    from warden.core.remedies import warden

    if lane is None and not due:
        lanes = (warden("status"),)
        raise UsageError("name one lane, or give --due", effect=Effect.NOTHING_DONE, remedy=lanes)
    if sum((due, resume, abandon)) > 1:
        raise UsageError("--due, --resume and --abandon cannot be used together", effect=Effect.NOTHING_DONE)


def _of_lane(
    workspace: Workspace,
    lane: "Lane",
    field: str,
    *,
    due: bool,
    resume: bool,
    abandon: bool,
    only_plan: bool,
    yes: bool,
    as_json: bool,
) -> int:
    from warden.usecases import rotate as usecase

    context = workspace.context
    meant = usecase.rotations_meant(lane, field)
    if resume or abandon:
        meant = usecase.to_resume(lane, field, context)
    elif due:
        meant = tuple(each for each in usecase.due(lane, context) if each in meant)
    if only_plan or not meant:
        return _plan([(lane, each) for each in meant], (), workspace, as_json=as_json)
    tools = _tools(workspace, as_json=as_json)
    if abandon:
        _confirm([lane.id], "give up the rotation of", yes=yes)
        return _abandon(lane, meant[0], workspace, tools, as_json=as_json)
    if not resume:
        _show_first([(lane, each) for each in meant], workspace, yes=yes, as_json=as_json)
        _confirm([lane.id], "rotate", yes=yes)
    with _interruption_told(lane.id):
        if len(meant) > 1:
            code = _shown(usecase.rotate_all([(lane, each) for each in meant], context, tools), as_json=as_json)
        else:
            code = _shown([usecase.rotate(lane, meant[0], context, tools, resume=resume)], as_json=as_json)
    if not as_json:
        _show_not_reached([lane], workspace)
    return code


@contextmanager
def _interruption_told(lane: str) -> "Iterator[None]":
    """Have Ctrl-C say where to look: what is under way stays under way."""
    from warden.present.rotate import note_interrupted

    terminal.progress(f"{lane}: looking at what is there …")
    try:
        yield
    except KeyboardInterrupt:
        note_interrupted(lane)
        raise


def _due(workspace: Workspace, *, only_plan: bool, yes: bool, as_json: bool) -> int:
    from warden.usecases import rotate as usecase

    lanes = [each for each in workspace.lanes.values() if each.status == "active"]
    found, failed = usecase.due_in(lanes, workspace.context)
    if only_plan or not (found or failed):
        return _plan(found, failed, workspace, as_json=as_json)
    _show_first(found, workspace, yes=yes, as_json=as_json)
    if found:
        _confirm([each.id for each, _ in found], "rotate", yes=yes)
    done = usecase.rotate_all(found, workspace.context, _tools(workspace, as_json=as_json))
    return _shown([*failed, *done], as_json=as_json)


def _plan(
    meant: "Sequence[tuple[Lane, Rotation]]", failed: "Sequence[Failed]", workspace: Workspace, *, as_json: bool
) -> int:
    """What would be done, and the lanes of which it cannot be said."""
    from warden.core.rotation.result import worst_exit
    from warden.present import rotate as present
    from warden.usecases.rotate import planned

    tools = _tools(workspace, as_json=as_json)
    plans = [planned(lane, each, workspace.context, tools) for lane, each in meant]
    if as_json:
        shown = [*map(present.failed_json, failed), *map(present.plan_json, plans)]
        terminal.document({"rotations": shown})
    else:
        for fault in failed:
            present.show_failed(fault)
        for each in plans:
            present.show_plan(each)
        if not (plans or failed):
            terminal.line("Nothing is due.")
        _show_not_reached([lane for lane, _ in meant], workspace)
    return int(worst_exit(each.fault.exit for each in failed))


def _show_not_reached(lanes: "Sequence[Lane]", workspace: Workspace) -> None:
    """Clusters that the embedded platform does not have: nothing is delivered there. Others hold the rotation up."""
    from warden.present.plans import show_remains

    for lane in {each.id: each for each in lanes}.values():
        found = workspace.context.not_connected(lane)
        if found.embedded:
            show_remains(found, (), ())


def _show_first(meant: "Sequence[tuple[Lane, Rotation]]", workspace: Workspace, *, yes: bool, as_json: bool) -> None:
    """The plan, for whoever is asked to confirm it."""
    if not yes and not as_json and sys.stdin.isatty():
        _plan(meant, (), workspace, as_json=False)


def _abandon(lane: "Lane", rotation: "Rotation", workspace: Workspace, tools: "RotateTools", *, as_json: bool) -> int:
    from warden.present import rotate as present
    from warden.usecases.rotate import abandon as give_up

    mark = give_up(lane, rotation, workspace.context, tools)
    if as_json:
        terminal.document({"rotations": [present.abandoned_json(lane.id, mark)]})
    else:
        present.show_abandoned(lane.id, mark)
    return int(Exit.DONE)


def _shown(done: "Sequence[RotationResult | Failed]", *, as_json: bool) -> int:
    from warden.core.rotation.result import worst_exit
    from warden.present import rotate as present
    from warden.usecases.rotate import Failed

    terminal.progress_done()
    if as_json:
        shown = [present.failed_json(each) if isinstance(each, Failed) else present.result_json(each) for each in done]
        terminal.document({"rotations": shown})
    else:
        for each in done:
            present.show_failed(each) if isinstance(each, Failed) else present.show_result(each)
    return int(worst_exit(each.fault.exit if isinstance(each, Failed) else each.exit for each in done))


def _tools(workspace: Workspace, *, as_json: bool) -> "RotateTools":
    """With ``--json`` stderr is for an error's object alone."""
    from warden.present.rotate import note_unanswered, progress

    unanswered = (lambda *_: None) if as_json else note_unanswered
    return wiring_files.rotate_tools(workspace.alone_on, _asked, progress, unanswered)


def _asked(field: str) -> Secret | None:
    """The new value that a person typed or piped; ``None`` where nothing was."""
    import getpass

    from warden.cli.put import piped_value

    terminal.progress_done()
    if sys.stdin.isatty():
        return Secret(getpass.getpass(f"{terminal.question(f'New value for {field} (not shown)')}: ", sys.stderr))
    found = piped_value()
    return found if found.reveal() else None


def _confirm(lanes: "Sequence[str]", action: str, *, yes: bool) -> None:
    """A terminal is asked to type the id, once; anything else has to say ``--yes``."""
    if yes:
        return
    named = ", ".join(dict.fromkeys(lanes))
    if not sys.stdin.isatty():
        raise UsageError(
            f"this would {action} {named}", effect=Effect.NOTHING_DONE, subject=lanes[0], hint="add --yes to confirm"
        )
    wanted = lanes[0] if len(set(lanes)) == 1 else "yes"
    if click.prompt(terminal.question(f"Type {wanted} to {action} {named}"), err=True) != wanted:
        raise UsageError(f"the answer was not {wanted}", effect=Effect.NOTHING_DONE, subject=lanes[0])
