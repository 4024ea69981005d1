"""``warden render``: print what a delivery implies in its cluster, for GitOps."""

from typing import TYPE_CHECKING

import click

from warden.cli import complete, wiring, wiring_journal
from warden.cli.options import json_option
from warden.cli.unused import expect_used
from warden.core.errors import Closed, Effect, Exit, UsageError, WardenError
from warden.core.remedies import warden
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.clusters.manifests import Manifest
    from warden.core.clusters.rights import Scope
    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.core.lanes.lane import Lane

PATIENCE = 3.0
"""Seconds to wait for OpenBao to say whether the lane is closed there."""


@click.command("render")
@click.argument("lane", shell_complete=complete.lanes)
@click.option("--cluster", required=True, metavar="NAME", shell_complete=complete.clusters, help="For which cluster.")
@click.option("--create-namespace", is_flag=True, help="Include the Secret's namespace.")
@click.option(
    "--rights",
    type=click.Choice(["prove", "apply", "deactivate", "copies"]),
    help="Print the least rights warden needs instead.",
)
@click.option(
    "--to",
    default="warden/warden",
    show_default=True,
    metavar="SUBJECT",
    help="Who gets the rights: namespace/account, user:NAME or group:NAME.",
)
@json_option
@click.pass_context
def render_command(
    ctx: click.Context,
    /,
    *,
    lane: str,
    cluster: str,
    create_namespace: bool,
    rights: "Scope | None",
    to: str,
    as_json: bool,
) -> int:
    """Print the Kubernetes objects of one delivery, for GitOps. Nothing is changed, and no cluster is asked.

    `warden plan` compares what GitOps applied as if warden had applied it.

    \b
    Examples:
      warden render openrouter-llm-connect --cluster coulombcore > lane.yaml
      warden render openrouter-llm-connect --cluster coulombcore --rights prove

    \b
    Exit codes:
      5  the lane is closed
    """
    from warden.cli.context import rendering
    from warden.core.clusters.manifests import manifests
    from warden.present.manifests import list_json, show_manifests

    if not rights:
        expect_used(ctx, "--rights", "to")
    platform = wiring.platform_dir(ctx)
    delivery, reached = rendering(platform, lane, cluster)
    if rights:
        printed = _rights(delivery, rights, to)
    else:
        _expect_delivered(delivery)
        _expect_open(platform, delivery.lane)
        printed = list(manifests(delivery, reached(), namespace=create_namespace))
    if as_json:
        terminal.document(list_json(printed))
    else:
        made_by = warden("render", lane, cluster=cluster, rights=rights or "")
        show_manifests(wiring.yaml_documents(printed), made_by)
    return int(Exit.DONE)


def _expect_delivered(delivery: "DeliveryTarget") -> None:
    if delivery.by_hand:
        raise UsageError(
            f"Secret {delivery.delivery.secret} of {delivery.cluster} is made by hand, so nothing is derived for it",
            effect=Effect.NOTHING_PRINTED,
            subject=delivery.lane.id,
            hint="to have it delivered",
            remedy=(warden("adopt", delivery.lane.id, cluster=delivery.cluster),),
        )


def _expect_open(platform: str, lane: "Lane") -> None:
    """Raises `Closed` where the journal or OpenBao says so; GitOps works without OpenBao, so it may also be away."""
    from warden.usecases.steps.closing import LanesClosed, mark_there

    closed = wiring_journal.journal(platform, asks=False).state(lane.id).closed is not None
    if not closed:
        try:
            closed = mark_there(lane, wiring.openbao(PATIENCE)) is not None
        except WardenError:
            return
    if closed:
        status = warden("status", lane.id)
        raise Closed(LanesClosed((lane.id,)), effect=Effect.NOTHING_PRINTED, subject=lane.id, remedy=(status,))


def _rights(delivery: "DeliveryTarget", scope: "Scope", to: str) -> "list[Manifest]":
    from warden.core.clusters.rights import cluster_rights
    from warden.core.clusters.subjects import subject_named

    subject = subject_named(to)
    if subject is None:
        raise UsageError(
            f"--to: {to!r} is not a subject",
            effect=Effect.NOTHING_PRINTED,
            hint="write namespace/account, user:NAME or group:NAME",
        )
    return list(cluster_rights(delivery, scope, subject))
