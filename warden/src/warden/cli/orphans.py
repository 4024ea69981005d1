"""Told of what a lane had before its file was changed."""

from typing import TYPE_CHECKING

from warden.present import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.cli.context import Bench
    from warden.core.lanes.lane import Lane
    from warden.usecases.orphans import Earlier


def delivered_before(bench: "Bench", lane: "Lane") -> "list[Earlier]":
    """What the journal knows that the lane had in clusters, whether it is still there or not."""
    from warden.usecases.orphans import delivered_before as known

    return known(lane, bench.lanes.values(), bench.clusters.declared, bench.journal)


def still_there(bench: "Bench", lane: "Lane") -> "list[Earlier]":
    """What of that was just seen."""
    from warden.usecases.orphans import still_there as seen

    return seen(delivered_before(bench, lane), bench.clusters.__getitem__)


def as_json(paths: "Sequence[str]", there: "Sequence[Earlier]") -> list[str]:
    """All that was left behind, in words."""
    return [*paths, *map(str, there)]


def show(paths: "Sequence[str]", there: "Sequence[Earlier]" = ()) -> None:
    """Name it, and the command for each: with the policy that names a path, the server's only trace of it goes."""
    for path in paths:
        mount, _, key = path.partition("/")
        terminal.sentence(f"{path} was the lane's before; what it holds stays. Once nobody needs it:")
        terminal.line(f"  bao kv metadata delete -mount={mount} {key}")
    for each in there:
        terminal.sentence(f"{each} was the lane's before, and is still there:")
        terminal.line(f"  {each.remove}")
