"""What plan, apply and prove have in common about a lane's deliveries: which are meant, how each is shown."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from warden.core.errors import Exit, WardenError
from warden.present import errors, terminal

if TYPE_CHECKING:
    from warden.cli.context import Bench
    from warden.core.clusters.comparison import ClusterPlan
    from warden.core.lanes.delivery_target import DeliveryTarget
    from warden.core.lanes.lane import Lane
    from warden.core.openbao.comparison import Change

WORST = (Exit.DONE, Exit.INCONCLUSIVE, Exit.REFUSED, Exit.NO)
"""Exit codes by weight: what is known to be wrong outweighs what is not known."""

SIGNS = {"create": "+", "change": "~", "delete": "-", "keep": "=", "foreign": "!", "absent": "!"}
STYLES = {"+": "ok", "~": "warn", "-": "bad", "!": "bad", "=": "dim"}

cluster_flag = click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    callback=lambda _ctx, _option, named: tuple(dict.fromkeys(named)),  # named twice, it is one delivery all the same
    help="Only the deliveries to this cluster; may be repeated.",
)
custody_flag = click.option("--custody-only", is_flag=True, help="OpenBao alone: no cluster is asked for anything.")
namespace_flag = click.option(
    "--create-namespace", is_flag=True, help="The tenant's namespace, too, where it is missing."
)


def worst(codes: Sequence[Exit]) -> Exit:
    """The code that weighs most."""
    return max(codes, key=WORST.index, default=Exit.DONE)


def code_of(fault: WardenError) -> Exit:
    """A cluster that could not be asked is inconclusive, whatever the reason; a refusal stays one."""
    return fault.exit if fault.exit in WORST else Exit.INCONCLUSIVE


def chosen(bench: "Bench", lane: "Lane", only: Sequence[str], *, custody_only: bool) -> "tuple[DeliveryTarget, ...]":
    """The deliveries that are meant. Raises `UsageError` for a name that is no delivery of the lane."""
    return () if custody_only else bench.clusters.targets(lane, only)


def plan_of(bench: "Bench", target: "DeliveryTarget", *, namespace: bool, take_over: bool) -> "ClusterPlan":
    """What differs in the target's cluster. Raises why it cannot be said."""
    from warden.usecases.plan_cluster import plan_cluster

    cluster = bench.clusters[target.cluster]
    if isinstance(cluster, WardenError):
        raise cluster
    return plan_cluster(target, cluster, bench.clusters.reached(target), namespace=namespace, take_over=take_over)


def left_out(bench: "Bench", lane: "Lane") -> list[str]:
    """Deliveries that this OpenBao has no cluster for."""
    return [name for name in lane.deliveries if name not in bench.clusters.declared]


def show_left_out(bench: "Bench", lane: "Lane") -> None:
    """Say which deliveries were not looked at, and why."""
    names = left_out(bench, lane)
    if not names:
        return
    why = (
        "no part of this embedded platform (warden dev up --cluster)"
        if bench.clusters.embedded
        else "not in clusters.yaml"
    )
    terminal.sentence(f"{', '.join(names)}: {why}; not looked at.")


def show_plan(plan: "ClusterPlan") -> None:
    """One cluster's part of a plan."""
    terminal.line(plan.system)
    for change in plan.changes:
        show_change(change)
    for remark in plan.remarks:
        for part in terminal.wrapped(f"note: {remark}", indent=2):
            terminal.line(part)


def show_change(change: "Change") -> None:
    """One object of a cluster: a sign, its kind and name, and the difference below it."""
    sign = SIGNS[change.action]
    remark = f"  ({change.told})" if change.told else ""
    head = f"{sign} {change.kind:<18} {change.name}"
    if terminal.width() and len(head) + len(remark) + 2 > terminal.width():
        terminal.line(f"  {terminal.styled(head, STYLES[sign])}")
        for part in terminal.wrapped(change.told, indent=6):
            terminal.line(part)
    else:
        terminal.line(f"  {terminal.styled(head + remark, STYLES[sign])}")
    for line in change.lines:
        terminal.line(f"      {terminal.styled(line, 'ok' if line.startswith('+') else 'bad')}")


def as_json(target: "DeliveryTarget", plan: "ClusterPlan | WardenError") -> dict[str, Any]:
    """One cluster's part of a plan, or why there is none."""
    if isinstance(plan, WardenError):
        return {"cluster": target.cluster, "error": errors.as_json(plan)}
    changes = [
        {"action": c.action, "kind": c.kind, "name": c.name, "lines": c.lines, "remark": c.told} for c in plan.changes
    ]
    return {
        "cluster": target.cluster,
        "system": plan.system,
        "changes": changes,
        "to_change": len(plan.to_change),
        "blocked": len(plan.blocked),
        "remarks": list(plan.remarks),
    }


def each(
    targets: "Sequence[DeliveryTarget]", work: "Callable[[DeliveryTarget], Any]"
) -> "Iterator[tuple[DeliveryTarget, Any]]":
    """What `work` answers for each delivery, or the fault it ended with: one cluster says nothing about the next."""
    for target in targets:
        try:
            yield target, work(target)
        except WardenError as fault:
            yield target, fault
