"""``warden sync`` and ``warden render``: refresh a lane's deliveries now, and print what they imply for GitOps."""

from typing import TYPE_CHECKING, Any

import click
import msgspec

from warden.cli import deliveries, wiring
from warden.cli.context import Bench
from warden.core.errors import Exit, UsageError
from warden.core.openbao.api import UNSEAL
from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.core.clusters.manifests import Manifest
    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.usecases.sync import Synced

UNSEAL_OWN = "warden dev up"
"""The embedded platform keeps its own key."""

CODES = {
    "synced": Exit.DONE,
    "silent": Exit.INCONCLUSIVE,
    "refused": Exit.REFUSED,
    "failed": Exit.NO,
    "absent": Exit.NO,
}


@click.command()
@click.argument("lane")
@deliveries.cluster_flag
@click.option("--timeout", default=20, show_default=True, type=click.IntRange(1, 600), help="Seconds for each cluster.")
@click.option("--json", "as_json", is_flag=True, help="An object: lane, clusters[].")
@click.pass_context
def sync(ctx: click.Context, /, lane: str, clusters: tuple[str, ...], timeout: int, as_json: bool) -> int:
    """Force a refresh of every delivery of a lane now, and wait until each was followed.

    \b
    Examples:
      warden sync openrouter-llm-connect
      warden sync openrouter-llm-connect --cluster coulombcore --json
    \b
    That it was followed is measured; that what arrived is right is what warden prove shows.
    Exit codes: 0 followed everywhere, 1 one could not, 3 no reaction or no answer, 4 refused, 5 the lane is closed.
    """
    from warden.usecases.sync import sync as force

    bench = Bench.of(ctx)
    found = bench.lane(lane)
    targets = bench.clusters.targets(found, clusters)
    if not targets:
        bench.clusters.expect_here(found, tuple(found.deliveries))
    reached = bench.clusters.of([target.cluster for target in targets])
    terminal.progress(f"asking {', '.join(reached)} to read {lane} again …")
    done = force(found, targets, reached, bench.vault, bench.journal, patience=timeout)
    if bench.clusters.embedded:
        done = [msgspec.structs.replace(each, hint=UNSEAL_OWN) if each.hint == UNSEAL else each for each in done]
    terminal.progress_done()
    if as_json:
        terminal.document({"lane": lane, "clusters": done})
    else:
        for each in done:
            _show(each)
        deliveries.show_left_out(bench, found)
        terminal.sentence(f"Next: {_next(lane, done)}")
    return int(deliveries.worst([CODES[each.followed] for each in done]))


def _next(lane: str, done: "Sequence[Synced]") -> str:
    """What gave no answer comes first, then what is not there; prove knows whose turn it is in the rest."""
    hint = next((each.hint for each in done if each.hint), "")
    if hint:
        return f"{hint}; then: warden sync {lane}"
    return f"warden {'apply' if any(each.followed == 'absent' for each in done) else 'prove'} {lane}"


_WORDS = {"synced": ("ok", "ok"), "silent": ("??", "warn"), "refused": ("??", "warn")}


def _show(each: "Synced") -> None:
    word, style = _WORDS.get(each.followed, ("FAIL", "bad"))
    terminal.line(
        f"  {terminal.styled(f'{word:<4}', style)} {each.cluster:<16} ExternalSecret {each.external_secret}"
        + (f"  {each.ms:.0f} ms" if each.followed == "synced" else "")
    )
    for part in terminal.wrapped(each.why, indent=7) if each.why else ():
        terminal.line(part)


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
