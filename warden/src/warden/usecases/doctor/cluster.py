"""What doctor asks a cluster: does it answer, is External Secrets Operator there, and what may the caller not do.

A right is asked for as the caller's own (SelfSubjectAccessReview), one question for each that `cluster_rights` would
give; nothing is created, and nothing is read but what everybody logged in may ask.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from warden.core.clusters.manifests import API, Ref
from warden.core.clusters.rights import ESO, Scope, askings
from warden.core.errors import Missing, Refused, WardenError
from warden.core.findings import ClusterAnswer, ClusterRights, Finding, NoAnswer, OperatorState
from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget
from warden.core.openbao.rights import Verb
from warden.core.quoting import name
from warden.ports.cluster import Cluster

if TYPE_CHECKING:
    from warden.core.clusters.rbac import Asking

ASKED_FOR: dict[Scope, frozenset[Verb]] = {
    "prove": frozenset({"plan", "status", "prove"}),
    "apply": frozenset({"apply"}),
    "deactivate": frozenset({"deactivate", "compromise"}),
}
"""Scope of rights -> the verbs by which ``doctor --for`` asks for it."""

NEEDED = ("ExternalSecret", "SecretStore", "ClusterSecretStore")
SERVED = API["ExternalSecret"].partition("/")[2]


class ClusterToExamine(msgspec.Struct, frozen=True, kw_only=True):
    """A declared cluster, or why it cannot be asked, and the deliveries of active lanes to it."""

    name: str
    cluster: Cluster | WardenError
    declared: DeclaredCluster
    deliveries: tuple[DeliveryTarget, ...]


def examine_cluster(given: ClusterToExamine, verbs: Sequence[Verb]) -> Iterator[Finding]:
    """What is so of one cluster; what keeps it from answering is the only finding then."""
    try:
        if isinstance(given.cluster, WardenError):
            raise given.cluster
        yield from _findings(given, given.cluster, verbs)
    except Refused as fault:
        yield Finding("cluster", "unknown", NoAnswer(fault))
    except WardenError as fault:
        yield Finding("cluster", "missing", NoAnswer(fault))


def _findings(given: ClusterToExamine, cluster: Cluster, verbs: Sequence[Verb]) -> Iterator[Finding]:
    caller = name(str(cluster.caller()))
    yield Finding("cluster", "ok", ClusterAnswer(given.name, cluster.address, caller))
    yield _operator(given, cluster)
    for scope, asked_for in ASKED_FOR.items():
        if given.deliveries and asked_for & set(verbs):
            yield _rights(given, cluster, scope, caller)


def _operator(given: ClusterToExamine, cluster: Cluster) -> Finding:
    served, account = tuple(cluster.versions(ESO)), given.declared.eso
    state = OperatorState(cluster=given.name, group=ESO, needed=SERVED, served=served, account=str(account))
    if SERVED not in served:
        return Finding("operator", "missing", state)
    versions = {kind: tuple(cluster.served(kind)) for kind in NEEDED}
    elsewhere = tuple(f"{kind}: {', '.join(each) or 'none'}" for kind, each in versions.items() if SERVED not in each)
    if elsewhere:
        return Finding("operator", "missing", msgspec.structs.replace(state, elsewhere=elsewhere))
    try:
        known = cluster.get(Ref("ServiceAccount", account.namespace, account.account)) is not None
    except (Refused, Missing):
        known = True  # not allowed to look, which the rights say
    state = msgspec.structs.replace(state, account_there=known)
    return Finding("operator", "ok" if known else "missing", state)


def _rights(given: ClusterToExamine, cluster: Cluster, scope: Scope, caller: str) -> Finding:
    """One question for each right, however many lanes share it."""
    wanted: dict[Asking, DeliveryTarget] = {}
    for delivery in given.deliveries:
        for each in askings(delivery, scope):
            wanted.setdefault(each, delivery)
    lacking = tuple(each for each in wanted if not cluster.holds(each))
    found = ClusterRights(cluster=given.name, scope=scope, lanes=len(given.deliveries), lacking=lacking, caller=caller)
    if not lacking:
        return Finding("rights", "ok", found)
    first = wanted[lacking[0]]
    found = msgspec.structs.replace(found, lane=first.lane.id, context=first.admin_context)
    return Finding("rights", "missing", found)
