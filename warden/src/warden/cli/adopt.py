"""``warden adopt``: take a Secret made by hand over into a lane."""

import os
import sys
from typing import TYPE_CHECKING, Literal

import click

from warden.cli import complete, wiring_files
from warden.cli.context import Workspace
from warden.cli.options import audit_options, json_option, yes_option
from warden.core.errors import Effect, Exit, UsageError
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import command

if TYPE_CHECKING:
    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.usecases.adopt import Adoption
    from warden.usecases.steps.adoption import Adopted

Kept = Literal["openbao", "secret"]


@click.command()
@click.argument("lane", shell_complete=complete.lanes)
@click.option(
    "--cluster",
    required=True,
    metavar="NAME",
    shell_complete=complete.clusters,
    help="The cluster that has the Secret.",
)
@click.option("--keep", type=click.Choice(["openbao", "secret"]), help="Which value to keep where they differ.")
@yes_option
@audit_options
@json_option
@click.pass_context
def adopt(
    ctx: click.Context,
    /,
    *,
    lane: str,
    cluster: str,
    keep: Kept | None,
    yes: bool,
    files: tuple[str, ...],
    audit_command: str | None,
    as_json: bool,
) -> int:
    """Take over a Secret made by hand, so that the lane delivers it from now on. It is never absent.

    Its values are compared with OpenBao's first, by OpenBao's own audit line. Where they differ, you are asked
    which to keep. Keys that the lane does not declare, an immutable Secret, or one that Helm or another
    ExternalSecret owns are refused. If it is interrupted, run it again.

    \b
    Examples:
      warden adopt openrouter-llm-connect --cluster railiance01
      warden adopt openrouter-llm-connect --cluster railiance01 --keep openbao

    Exit codes: 1 something is in the way, or values differ; 3 a system did not answer; 4 denied; 5 the lane is
    closed.
    """
    from warden.present import adoption as present
    from warden.usecases.adopt import adoption_of, expect_free

    workspace = Workspace.of(ctx)
    audit = workspace.audit(files, audit_command)
    progress = (lambda _: None) if as_json else present.show_step
    adoption = adoption_of(workspace.lane(lane), cluster, workspace.context, audit, progress)
    expect_free(adoption)
    _confirm(adoption.delivery, yes=yes)
    with workspace.alone("warden adopt"):
        try:
            done = _adopted(adoption, keep, ask=sys.stdin.isatty() and not yes)
        except KeyboardInterrupt:
            again = command(warden("adopt", lane, cluster=cluster))
            terminal.note(f"The Secret is as it was, or belongs to the lane already. To continue: {again}")
            raise
    declaration = _declared(workspace, adoption.delivery)
    if as_json:
        terminal.document(present.adopted_json(done, declaration))
    else:
        present.show_adopted(done, workspace.catalog.files.get(lane, lane), declaration)
    return int(Exit.DONE)


def _confirm(delivery: "DeliveryTarget", *, yes: bool) -> None:
    """Ask once, and only where there is something to take over."""
    if yes:
        return
    lane = delivery.lane.id
    what = f"would take over the Secret {delivery.delivery.secret} of {delivery.cluster} for {lane}"
    if not sys.stdin.isatty():
        raise UsageError(f"this {what}", effect=Effect.NOTHING_CHANGED, subject=lane, hint="add --yes to confirm")
    if click.prompt(terminal.question(f"This {what}. Type {lane} to continue"), err=True) != lane:
        raise UsageError("the answer was not the lane's id", effect=Effect.NOTHING_CHANGED, subject=lane)


def _adopted(adoption: "Adoption", keep: Kept | None, *, ask: bool) -> "Adopted":
    """Take over; on a terminal, ask which value to keep where they differ."""
    from warden.usecases.adopt import adopt as take_over
    from warden.usecases.steps.adoption import Differs

    try:
        return take_over(adoption, keep=keep or "")
    except Differs as fault:
        if not ask:
            raise
        terminal.error(fault, as_json=False)
        answer = click.prompt("Which one to keep", type=click.Choice(["openbao", "secret", "neither"]), err=True)
        if answer == "neither":
            raise
        return take_over(adoption, keep="openbao" if answer == "openbao" else "secret")


def _declared(workspace: Workspace, delivery: "DeliveryTarget") -> str:
    """What the lane's file says now: ``as it was`` (delivered), ``changed`` to it, or still ``by hand``."""
    lane = workspace.catalog.lane(delivery.lane.id)
    if lane.deliveries[delivery.cluster].external_secret is not None:
        return "as it was"
    path = os.path.join(workspace.platform, "catalog", f"{lane.id}.yaml")
    changed = wiring_files.declare_delivered(path, lane, delivery.cluster, workspace.catalog.platform)
    return "changed" if changed else "by hand"
