"""``warden render``: print what a delivery implies in its cluster, for GitOps."""

from typing import TYPE_CHECKING, Any

import click

from warden.cli import wiring
from warden.core.errors import Exit, UsageError
from warden.present import terminal

if TYPE_CHECKING:
    from warden.core.clusters.manifests import Manifest
    from warden.core.lanes.delivery_target import DeliveryTarget


@click.command("render")
@click.argument("lane")
@click.option("--cluster", required=True, metavar="NAME", help="For which cluster.")
@click.option("--create-namespace", is_flag=True, help="The Secret's namespace, too.")
@click.option("--rights", type=click.Choice(["prove", "apply"]), help="Instead: the least rights warden needs there.")
@click.option(
    "--to", "to", default="warden/warden", show_default=True, metavar="SUBJECT",
    help="Who gets the rights: namespace/account, user:NAME or group:NAME.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON document, a v1 List.")
@click.pass_context
def render_command(ctx: click.Context, /, lane: str, cluster: str, as_json: bool, **how: Any) -> int:
    """Print the Kubernetes objects of one delivery, for those who apply by GitOps; nothing is asked or changed.

    \b
    Examples:
      warden render openrouter-llm-connect --cluster coulombcore > lane.yaml
      warden render openrouter-llm-connect --cluster coulombcore --rights prove | kubectl apply -f -
    \b
    What GitOps applied is compared by warden plan as if warden had applied it.
    """
    from warden.cli.context import rendering

    target, reached = rendering(wiring.platform_dir(ctx), lane, cluster)
    if how["rights"]:
        printed = _rights(target, how["rights"], how["to"])
    else:
        _expect_delivered(target)
        from warden.core.clusters.manifests import manifests

        printed = list(manifests(target, reached(), namespace=how["create_namespace"]))
    if as_json:
        terminal.document({"apiVersion": "v1", "kind": "List", "items": printed})
        return int(Exit.DONE)
    said = f" --rights {how['rights']}" if how["rights"] else ""
    terminal.line(f"# warden render {lane} --cluster {cluster}{said}: derived; change the lane's file, not this")
    for line in wiring.yaml_documents(printed).splitlines():
        terminal.line(line)
    return int(Exit.DONE)


def _expect_delivered(target: "DeliveryTarget") -> None:
    if target.by_hand:
        raise UsageError(
            f"{target.delivery.secret} of {target.cluster} is made by hand, so there is nothing to print.",
            subject=target.lane.id,
            hint=f"to have it delivered: warden adopt {target.lane.id} --cluster {target.cluster}",
        )


def _rights(target: "DeliveryTarget", scope: Any, to: str) -> "list[Manifest]":
    from warden.core.clusters.exposure import subject_named
    from warden.core.clusters.rights import cluster_rights

    subject = subject_named(to)
    if subject is None:
        raise UsageError(
            f"{to!r} is nobody whom rights could be given to. Nothing was printed.",
            hint="--to namespace/account, --to user:NAME or --to group:NAME",
        )
    return list(cluster_rights(target, scope, subject))
