"""``warden status``: every lane's stretches at a glance."""

from datetime import UTC, datetime

import click

from warden.cli import wiring
from warden.cli.context import Workspace
from warden.core.errors import Exit, UsageError, WardenError
from warden.core.lifecycle.lane_status import Standing
from warden.present import terminal


@click.command()
@click.argument("lane", required=False)
@click.option("--all", "every", is_flag=True, help="Drafts too.")
@click.option("--json", "as_json", is_flag=True, help="A list of standings.")
@click.pass_context
def status(ctx: click.Context, /, lane: str | None, every: bool, as_json: bool) -> int:
    """Show each lane's stretches: custody, access, delivery, proof, rotation, and whose turn it is.

    \b
    Examples:
      warden status
      warden status openrouter-llm-connect --json
    \b
    Exit codes: 0 shown, 3 OpenBao gave no answer (what the journal knows is shown all the same).
    """
    from warden.usecases.status import status as look

    catalog = wiring.catalog(wiring.platform_dir(ctx))
    listed = [each for each in catalog.lanes.values() if every or each.status == "active"]
    lanes = [catalog.lane(lane)] if lane else listed
    faults: list[WardenError] = []
    try:
        bench = Workspace.of(ctx)
    except UsageError as unnamed:
        found, _ = look(lanes, None, wiring.journal(), lambda: datetime.now(UTC))
        faults = [unnamed]
    else:
        targets = {each.id: bench.clusters.targets(each) for each in lanes}
        clusters = bench.clusters.of(sorted({target.cluster for each in targets.values() for target in each}))
        terminal.progress(f"asking {', '.join((bench.address, *clusters))} …")
        found, faults = look(
            lanes, bench.vault, bench.journal, lambda: datetime.now(UTC), targets=targets, clusters=clusters
        )
        terminal.progress_done()
    if as_json:
        terminal.document(found)
    elif found:
        _show(found)
    else:
        terminal.line("No lane is active. All of them: warden status --all" if catalog.lanes else "There is no lane.")
    for fault in faults:
        terminal.error(fault, as_json=as_json)
    return int(Exit.INCONCLUSIVE if faults else Exit.DONE)


def _show(found: list[Standing]) -> None:
    """One wide table where it fits; else the same with deliveries and the next step below each lane."""
    clusters = sorted({cluster for each in found for cluster in each.deliveries})
    head = ("LANE", "CUSTODY", "ACCESS", *(cluster.upper() for cluster in clusters), "PROOF", "ROTATED", "NEXT")
    rows = [(*_cells(each, clusters), _next(each) or "-") for each in found]
    if terminal.fits(head, rows):
        return terminal.table(head, rows)
    widths = [max(len(each.lane) for each in found), 8, 6, 22, 8]
    terminal.line("  ".join(f"{name:<{size}}" for name, size in zip(("LANE", *NARROW), widths, strict=True)).rstrip())
    for each in found:
        cells = _cells(each, [])
        terminal.line("  ".join(f"{cell:<{size}}" for cell, size in zip(cells, widths, strict=True)).rstrip())
        for name, text in (
            ("delivery", " · ".join(f"{c} {how}" for c, how in each.deliveries.items())),
            ("next", _next(each)),
        ):
            if text:
                terminal.line(f"  {name:<8} {text}")
    return None


NARROW = ("CUSTODY", "ACCESS", "PROOF", "ROTATED")


def _cells(each: Standing, clusters: list[str]) -> tuple[str, ...]:
    return (
        each.lane,
        each.custody,
        each.access,
        *(each.deliveries.get(cluster, "-") for cluster in clusters),
        f"{each.proof}, {terminal.ago(each.proven_at)}" if each.proven_at else each.proof,
        terminal.ago(each.written_at).removesuffix(" ago") if each.written_at else "-",
    )


def _next(each: Standing) -> str:
    return f"{each.next_owner}: {each.next_action}" if each.next_action else ""
