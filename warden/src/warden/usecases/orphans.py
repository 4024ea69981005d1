"""What a lane had in clusters before its file was changed and nothing derives any more: an ExternalSecret delivers on.

The journal of this machine knows what was made in clusters; what others made, or another machine, is not told.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from warden.core.clusters.manifests import Ref
from warden.core.errors import WardenError
from warden.core.journal.record import Record
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Lane
from warden.ports.cluster import Cluster
from warden.ports.journal import Journal

_MAKING = ("apply.begin", "adopt.begin")


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """An ExternalSecret (``namespace/name``) that was the lane's, and the command that removes it and its Secret."""

    cluster: str
    secret: str
    remove: str

    def __str__(self) -> str:
        return f"ExternalSecret {self.secret} of {self.cluster}"


def delivered_before(
    lane: Lane, lanes: Iterable[Lane], declared: Mapping[str, DeclaredCluster], journal: Journal
) -> list[Earlier]:
    """Deliveries that the journal has, to clusters that are declared, and that are no lane's of the catalog now."""
    now = {(cluster, each.secret) for one in (lane, *lanes) for cluster, each in one.deliveries.items()}
    records = journal.log(lane=lane.id, events=_MAKING)
    made = dict.fromkeys(each for record in records for each in _made(record))
    return [
        Earlier(cluster=cluster, secret=secret, remove=_removing(declared[cluster], secret))
        for cluster, secret in made
        if (cluster, secret) not in now and cluster in declared
    ]


def _removing(declared: DeclaredCluster, secret: str) -> str:
    namespace, _, name = secret.partition("/")
    context = declared.admin_context or declared.context
    return f"kubectl --context {context} -n {namespace} delete externalsecret {name}"


def _made(record: Record) -> Iterator[tuple[str, str]]:
    """Cluster and name of each ExternalSecret that the record says was about to be made."""
    cluster = str(record.body.get("cluster") or "")
    if record.event == "adopt.begin":
        yield cluster, str(record.body.get("secret") or "")
    elif cluster:
        for change in record.body.get("changes") or ():
            _, kind, name = f"{change}  ".split(" ", 2)
            if kind == "ExternalSecret":
                yield cluster, name.strip()


def still_there(before: Iterable[Earlier], cluster_of: Callable[[str], Cluster | WardenError]) -> list[Earlier]:
    """Those that were just seen; what could not be asked is not said to be there."""
    return [each for each in before if _is_there(each, cluster_of(each.cluster))]


def _is_there(each: Earlier, cluster: Cluster | WardenError) -> bool:
    namespace, _, name = each.secret.partition("/")
    try:
        return not isinstance(cluster, WardenError) and cluster.get(Ref("ExternalSecret", namespace, name)) is not None
    except WardenError:
        return False
