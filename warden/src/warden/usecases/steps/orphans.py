"""What a lane had in clusters before its file was changed and nothing derives any more: an ExternalSecret delivers on.

This machine's journal knows what was made in clusters; what another machine made is not known here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from warden.core.clusters.manifests import Ref
from warden.core.errors import WardenError
from warden.core.journal.record import Record
from warden.core.lanes.lane import Lane
from warden.core.plans.lane_plan import Orphan
from warden.usecases.context import Context

_MAKING = ("apply.begin", "adopt.begin")


class _Made(NamedTuple):
    cluster: str
    namespace: str
    name: str


def orphans_of(lane: Lane, context: Context) -> tuple[Orphan, ...]:
    """Those that were just seen; a cluster that could not be asked shows none."""
    return tuple(each for each in earlier_deliveries(lane, context) if _is_there(each, context))


def earlier_deliveries(lane: Lane, context: Context) -> tuple[Orphan, ...]:
    """ExternalSecrets that the journal has, in declared clusters, and that no lane of the catalog delivers now."""
    records = context.journal.here(context.journal.log(lane=lane.id, events=_MAKING))
    return _not_declared(records, {**context.lanes, lane.id: lane}, context)


def of_gone_lanes(context: Context) -> tuple[Orphan, ...]:
    """Those of lanes whose files are gone, as far as they were just seen."""
    here = context.journal.here(context.journal.log(events=_MAKING))
    records = [record for record in here if record.lane not in context.lanes]
    return tuple(each for each in _not_declared(records, context.lanes, context) if _is_there(each, context))


def _not_declared(records: Sequence[Record], lanes: Mapping[str, Lane], context: Context) -> tuple[Orphan, ...]:
    now = {(cluster, each.secret) for one in lanes.values() for cluster, each in one.deliveries.items()}
    made = dict.fromkeys(each for record in records for each in _external_secrets(record))
    declared = context.clusters.declared
    return tuple(
        Orphan(
            cluster=each.cluster,
            context=declared[each.cluster].admin_context or declared[each.cluster].context,
            namespace=each.namespace,
            name=each.name,
        )
        for each in made
        if each.cluster in declared and (each.cluster, f"{each.namespace}/{each.name}") not in now
    )


def _external_secrets(record: Record) -> Iterator[_Made]:
    """Each ExternalSecret that the record says was about to be made."""
    cluster = str(record.body.get("cluster") or "")
    if record.event == "adopt.begin":
        namespace, _, name = str(record.body.get("secret") or "").partition("/")
        yield _Made(cluster, namespace, name)
        return
    changes = record.body.get("changes")
    for change in changes if isinstance(changes, list) else ():  # an earlier version wrote other facts
        if isinstance(change, dict) and change.get("kind") == "ExternalSecret":
            yield _Made(cluster, str(change.get("namespace", "")), str(change.get("name", "")))


def _is_there(orphan: Orphan, context: Context) -> bool:
    cluster = context.clusters[orphan.cluster]
    try:
        return (
            not isinstance(cluster, WardenError)
            and cluster.get(Ref("ExternalSecret", orphan.namespace, orphan.name)) is not None
        )
    except WardenError:
        return False
