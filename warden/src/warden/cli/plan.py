"""``warden plan``: how OpenBao and the clusters differ from what a lane declares."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete
from warden.cli.chosen import chosen
from warden.cli.context import Workspace
from warden.cli.options import (
    all_option,
    cluster_option,
    custody_option,
    json_option,
    namespace_option,
    take_over_option,
)
from warden.cli.unused import expect_one_part, expect_used
from warden.core.errors import Exit
from warden.core.plans.lane_plan import LaneOptions, worst
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.lanes.catalog import LeftOut
    from warden.core.plans.lane_plan import LanePlan
    from warden.usecases.orphans import Orphans


@click.command()
@click.argument("lane", metavar="[LANE|ACTOR|HOST]", required=False, shell_complete=complete.whatever_is_applied)
@all_option
@take_over_option
@cluster_option
@custody_option
@namespace_option
@json_option
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    *,
    lane: str | None,
    every: bool,
    take_over: bool,
    clusters: tuple[str, ...],
    custody_only: bool,
    create_namespace: bool,
    as_json: bool,
) -> int:
    """Show how OpenBao and the clusters differ from what a lane, or an SSH actor or host, declares.

    Nothing is changed and no value is read.

    \b
    Examples:
      warden plan openrouter-llm-connect
      warden plan agt-triage
      warden plan --all --json

    Signs: + create, ~ change, - delete, = as declared, ! blocked (apply refuses to touch it).

    Exit codes: 0 in sync; 1 differs; 3 a system did not answer; 4 denied.
    """
    from warden.usecases.orphans import Orphans, orphans
    from warden.usecases.plan import plan as plan_lane
    from warden.usecases.plan_ssh import plan_ssh

    expect_one_part(clusters, custody_only=custody_only)
    workspace = Workspace.of(ctx)
    options = LaneOptions(
        clusters=clusters, custody_only=custody_only, create_namespace=create_namespace, take_over=take_over
    )
    lanes, actors, left_out = chosen(workspace, lane, every=every, clusters=clusters)
    if not lanes and not every:
        expect_used(ctx, "a lane", "clusters", "custody_only", "create_namespace")
    found = [plan_lane(each, workspace.context, options) for each in lanes]
    found += [plan_ssh(each, workspace.context, options) for each in actors]
    left_behind = orphans(workspace.context) if every else Orphans()
    _show(found, left_behind, left_out, document=every if as_json else None)
    return int(worst([*(each.exit for each in found), *([Exit.NO] if left_out else [])]))


def _show(
    found: "Sequence[LanePlan]",
    left_behind: "Orphans",
    left_out: "Sequence[LeftOut]",
    *,
    document: bool | None,
) -> None:
    """As text; or as JSON: one `document` for each, or the only one."""
    from warden.present import catalog, plans
    from warden.present.orphans import orphans_json, show_orphans

    if document is not None:
        documents = list(map(plans.plan_json, found))
        others = [*map(catalog.left_out_json, left_out), *orphans_json(left_behind)]
        terminal.document([*documents, *others] if document else documents[0])
        return
    for each in found:
        plans.show_lane_plan(each, titled=len(found) > 1)
    show_orphans(left_behind)
    catalog.show_left_out(left_out)
