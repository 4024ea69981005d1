"""Told of what a lane had before its file was changed."""

from typing import TYPE_CHECKING

from warden.cli import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.cli.bench import Bench
    from warden.domain.lane import Lane
    from warden.verbs.left_behind import Earlier


def delivered_before(bench: "Bench", lane: "Lane") -> "list[Earlier]":
    """What the journal knows that the lane had in clusters, whether it is still there or not."""
    from warden.verbs.left_behind import delivered_before as known

    return known(lane, bench.lanes.values(), bench.clusters.declared, bench.journal)


def still_there(bench: "Bench", lane: "Lane") -> "list[Earlier]":
    """What of that was just seen."""
    from warden.verbs.left_behind import still_there as seen

    return seen(delivered_before(bench, lane), bench.clusters.__getitem__)


def as_json(paths: "Sequence[str]", there: "Sequence[Earlier]") -> list[str]:
    """All that was left behind, in words."""
    return [*paths, *map(str, there)]


def show(paths: "Sequence[str]", there: "Sequence[Earlier]" = ()) -> None:
    """Name it, and the command for each: with the policy that names a path, the server's only trace of it goes."""
    for path in paths:
        mount, _, key = path.partition("/")
        render.sentence(f"{path} was the lane's before; what it holds stays. Once nobody needs it:")
        render.line(f"  bao kv metadata delete -mount={mount} {key}")
    for each in there:
        render.sentence(f"{each} was the lane's before, and is still there:")
        render.line(f"  {each.remove}")
