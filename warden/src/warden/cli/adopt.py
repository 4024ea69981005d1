"""``warden adopt``: take a Secret made by hand over into a lane."""

import os
import secrets
import sys
from typing import TYPE_CHECKING, Any

import click

from warden.cli import wiring
from warden.cli.context import Workspace
from warden.cli.options import audit_options
from warden.core.errors import Exit, UsageError, WardenError
from warden.core.plans.lane_plan import LaneOptions
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.usecases.adopt import Adopted, Tools


@click.command()
@click.argument("lane")
@click.option("--cluster", required=True, metavar="NAME", help="In which cluster.")
@click.option("--keep", type=click.Choice(["openbao", "secret"]), help="Which value is right, where they differ.")
@click.option("--yes", is_flag=True, help="Do not ask before the Secret is taken over.")
@audit_options
@click.option("--json", "as_json", is_flag=True, help="An object: what was compared, cleaned, restarted.")
@click.pass_context
def adopt(ctx: click.Context, /, lane: str, cluster: str, as_json: bool, **how: Any) -> int:
    """Take a Secret made by hand over: from then on the lane delivers it. It is never absent.

    \b
    Examples:
      warden adopt openrouter-llm-connect --cluster railiance01
      warden adopt openrouter-llm-connect --cluster railiance01 --keep openbao --yes
    \b
    Its values are compared with OpenBao's first, by OpenBao's own audit line. Where they differ you are asked
    which is right. Keys that the lane does not declare, an immutable Secret, one that Helm or another
    ExternalSecret owns: refused, nothing changed. Killed at any point it can be run again.
    Exit codes: 1 something is in the way, or values differ; 3 no answer; 4 refused; 5 the lane is closed.
    """
    workspace = Workspace.of(ctx)
    target = _future(workspace, lane, cluster)
    tools = _tools(workspace, target, how, as_json=as_json)
    _ask(target, tools, yes=how["yes"])
    with workspace.alone("warden adopt"):
        try:
            done = _taken_over(workspace, target, tools, how)
        except KeyboardInterrupt:
            terminal.note(
                f"The Secret is as it was, or already the lane's; to go on: warden adopt {lane} --cluster {cluster}"
            )
            raise
    declared = _declared(workspace, target)
    if as_json:
        terminal.document(terminal.plain(done) | {"declaration": declared})
    else:
        _show(workspace, target, done, declared)
    return int(Exit.DONE)


def _future(workspace: Workspace, lane_id: str, cluster: str) -> "DeliveryTarget":
    """The delivery as it will be declared. Raises `UsageError` where the lane is not delivered there."""
    from warden.core.lanes.delivery_target import adopted, seated, target

    lane = workspace.lane(lane_id)
    workspace.clusters.targets(lane, [cluster])
    future = adopted(lane, cluster) if lane.deliveries[cluster].external_secret is None else lane
    return target(seated(future, workspace.clusters.declared), cluster, workspace.clusters.declared)


def _ask(target: "DeliveryTarget", tools: "Tools", *, yes: bool) -> None:
    """Ask once, and only where there is something to take over."""
    from warden.usecases.adopt import expect_free

    expect_free(target, tools.cluster)
    if yes:
        return
    what = f"the lane {target.lane.id} would take the Secret {target.delivery.secret} of {target.cluster} over"
    if not sys.stdin.isatty():
        raise UsageError(f"{what}. Nothing was changed.", subject=target.lane.id, hint="if so: --yes")
    if click.prompt(terminal.question(f"{what}. Type {target.lane.id} to go on"), err=True) != target.lane.id:
        raise UsageError("that is not the lane's id. Nothing was changed.", subject=target.lane.id)


def _tools(workspace: Workspace, target: "DeliveryTarget", how: dict[str, Any], *, as_json: bool) -> "Tools":
    from warden.usecases.adopt import Tools

    cluster = workspace.clusters[target.cluster]
    if isinstance(cluster, WardenError):
        raise cluster
    return Tools(
        vault=workspace.vault,
        cluster=cluster,
        audit=workspace.audit(how["files"], how["audit_command"]),
        journal=workspace.journal,
        device=workspace.catalog.platform.audit_device,
        run=f"wa-{secrets.token_hex(6)}",
        say=(lambda _: None) if as_json else terminal.line,
    )


def _taken_over(workspace: Workspace, target: "DeliveryTarget", tools: "Tools", how: dict[str, Any]) -> "Adopted":
    """Take over; on a terminal ask which value is right where they differ."""
    from warden.usecases.adopt import Differs
    from warden.usecases.adopt import adopt as take_over
    from warden.usecases.plan import cluster_target, openbao_target

    openbao = openbao_target(target.lane, workspace.context, LaneOptions())
    cluster = cluster_target(target, workspace.context, LaneOptions())
    try:
        return take_over(target, openbao, cluster, tools, keep=how["keep"] or "")
    except Differs as fault:
        if not sys.stdin.isatty() or how["yes"]:
            raise
        terminal.error(fault, as_json=False)
        said = click.prompt("Which is right", type=click.Choice(["openbao", "secret", "neither"]), err=True)
        if said == "neither":
            raise
        return take_over(target, openbao, cluster, tools, keep="openbao" if said == "openbao" else "secret")


def _declared(workspace: Workspace, target: "DeliveryTarget") -> str:
    """What the lane's file says now: ``as it was`` (delivered), ``changed`` to it, or still ``by hand``."""
    lane = workspace.catalog.lane(target.lane.id)
    if lane.deliveries[target.cluster].external_secret is not None:
        return "as it was"
    path = os.path.join(workspace.platform, "catalog", f"{lane.id}.yaml")
    changed = wiring.declare_delivered(path, lane, target.cluster, workspace.catalog.platform)
    return "changed" if changed else "by hand"


def _show(workspace: Workspace, target: "DeliveryTarget", done: "Adopted", declared: str) -> None:
    file = workspace.catalog.files.get(target.lane.id, target.lane.id)
    word = "was the lane's already" if done.already else "is the lane's now"
    terminal.sentence(f"{done.secret} of {done.cluster} {word} · journal {done.record}")
    if declared == "by hand":
        terminal.sentence(
            f"Declare it: in {file}, under deliveries.{target.cluster}, write external_secret for bootstrap_secret."
        )
    elif declared == "changed":
        terminal.sentence(f"{file} says so now: external_secret for bootstrap_secret. Commit it.")
    terminal.line(f"Next: warden prove {target.lane.id}")
