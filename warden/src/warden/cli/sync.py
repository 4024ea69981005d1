"""``warden sync``: refresh a lane's deliveries now."""

from typing import TYPE_CHECKING

import click
import msgspec

from warden.cli.context import Workspace
from warden.cli.options import cluster_option
from warden.core.errors import Exit
from warden.core.openbao.api import UNSEAL
from warden.core.plans.lane_plan import worst
from warden.present import plans, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

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
@cluster_option
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

    bench = Workspace.of(ctx)
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
        plans.show_remains(bench.context.undelivered(found), (), ())
        terminal.sentence(f"Next: {_next(lane, done)}")
    return int(worst([CODES[each.followed] for each in done]))


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
