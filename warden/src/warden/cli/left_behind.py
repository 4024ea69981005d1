"""What a lane had before its file was changed and nothing derives any more: an ExternalSecret delivers on.

The journal of this machine knows what was made in clusters; what others made, or another machine, is not told.
"""

from typing import TYPE_CHECKING

import msgspec

from warden.cli import render
from warden.domain.errors import WardenError
from warden.domain.manifests import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from warden.cli.bench import Bench
    from warden.domain.lane import Lane
    from warden.domain.plan import Plan
    from warden.domain.record import Record


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """An ExternalSecret (``namespace/name``) that was the lane's, and the command that removes it and its Secret."""

    cluster: str
    secret: str
    remove: str

    def __str__(self) -> str:
        return f"ExternalSecret {self.secret} of {self.cluster}"


def delivered_before(bench: "Bench", lane: "Lane") -> "list[Earlier]":
    """Deliveries that the journal has, to clusters that are declared, and that are no lane's of the catalog now."""
    lanes = (lane, *bench.lanes.values())
    now = {(cluster, delivery.secret) for each in lanes for cluster, delivery in each.deliveries.items()}
    made = dict.fromkeys(each for record in bench.journal.log(lane=lane.id) for each in _made(record))
    found = []
    for cluster, secret in made:
        if (cluster, secret) not in now and cluster in bench.clusters.declared:
            declared = bench.clusters.declared[cluster]
            namespace, _, name = secret.partition("/")
            kubectl = f"kubectl --context {declared.admin_context or declared.context}"
            remove = f"{kubectl} -n {namespace} delete externalsecret {name}"
            found.append(Earlier(cluster=cluster, secret=secret, remove=remove))
    return found


def _made(record: "Record") -> "Iterator[tuple[str, str]]":
    """Cluster and name of each ExternalSecret that the record says was about to be made."""
    cluster = str(record.body.get("cluster") or "")
    if record.event == "adopt.begin":
        yield cluster, str(record.body.get("secret") or "")
    elif record.event == "apply.begin" and cluster:
        for change in record.body.get("changes") or ():
            _, kind, name = f"{change}  ".split(" ", 2)
            if kind == "ExternalSecret":
                yield cluster, name.strip()


def still_there(bench: "Bench", lane: "Lane") -> "list[Earlier]":
    """Those of `delivered_before` that were just seen; what could not be asked is not said to be there."""
    return [each for each in delivered_before(bench, lane) if _is_there(bench, each)]


def _is_there(bench: "Bench", each: Earlier) -> bool:
    cluster = bench.clusters[each.cluster]
    namespace, _, name = each.secret.partition("/")
    try:
        return not isinstance(cluster, WardenError) and cluster.get(Ref("ExternalSecret", namespace, name)) is not None
    except WardenError:
        return False


def as_json(plan: "Plan", there: "Sequence[Earlier]") -> list[str]:
    """All that was left behind, in words."""
    return [*plan.left_behind, *map(str, there)]


def show(plan: "Plan", there: "Sequence[Earlier]") -> None:
    """Name it, and the command for each: with the policy that names a path, the server's only trace of it goes."""
    for path in plan.left_behind:
        mount, _, key = path.partition("/")
        render.sentence(f"{path} was the lane's before; what it holds stays. Once nobody needs it:")
        render.line(f"  bao kv metadata delete -mount={mount} {key}")
    for each in there:
        render.sentence(f"{each} was the lane's before, and is still there:")
        render.line(f"  {each.remove}")
