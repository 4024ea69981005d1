"""doctor, in a cluster: does it answer, is External Secrets Operator there, and what may the caller not do.

A right is asked for as the caller's own (SelfSubjectAccessReview), one question for each that `cluster_rights` would
give; nothing is created or read but what everybody logged in may ask.
"""

from collections.abc import Iterator, Sequence

import msgspec

from warden.core.clusters.exposure import Subject
from warden.core.clusters.manifests import API, Ref
from warden.core.clusters.rights import ESO, Asking, Scope, askings
from warden.core.errors import Missing, Refused, WardenError
from warden.core.findings import Finding
from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget
from warden.core.openbao.rights import Verb
from warden.ports.cluster import Cluster

SHOWN = 3
"""Rights that are named where more are lacking."""

COVERS: dict[Scope, tuple[str, frozenset[Verb]]] = {
    "prove": ("plan, status, sync, prove", frozenset({"plan", "status", "prove"})),
    "apply": ("apply, adopt", frozenset({"apply"})),
}
"""Scope of rights -> the verbs that it is for, and those by which `doctor --for` asks for it."""

SERVED = API["ExternalSecret"].partition("/")[2]


class There(msgspec.Struct, frozen=True, kw_only=True):
    """A declared cluster, or why it cannot be asked, and the deliveries of active lanes to it."""

    name: str
    cluster: Cluster | WardenError
    declared: DeclaredCluster
    targets: tuple[DeliveryTarget, ...]


def look_there(there: There, verbs: Sequence[Verb]) -> Iterator[Finding]:
    """What is so of one cluster; what keeps it from answering is the only finding then."""
    try:
        if isinstance(there.cluster, WardenError):
            raise there.cluster
        yield from _findings(there, there.cluster, verbs)
    except Refused as fault:
        yield Finding(about="cluster", verdict="unknown", text=fault.message, hint=fault.hint)
    except WardenError as fault:
        yield Finding(about="cluster", verdict="missing", text=fault.message, hint=fault.hint)


def _findings(there: There, cluster: Cluster, verbs: Sequence[Verb]) -> Iterator[Finding]:
    who = cluster.caller()
    yield Finding(about="cluster", verdict="ok", text=f"{there.name}, {cluster.address}, as {who}")
    yield _operator(there, cluster)
    for scope, (named, asking_for) in COVERS.items():
        if there.targets and asking_for & set(verbs):
            yield _rights(there, cluster, scope, named, who)


def _operator(there: There, cluster: Cluster) -> Finding:
    served, eso = cluster.versions(ESO), there.declared.eso
    if not served:
        hint = f"install it in {there.name}: https://external-secrets.io/latest/introduction/getting-started/"
        text = f"{there.name} has no External Secrets Operator: it does not know {ESO}"
        return Finding(about="operator", verdict="missing", text=text, hint=hint)
    if SERVED not in served:
        text = f"{there.name} serves {ESO} {', '.join(served)}, and warden speaks {SERVED}"
        return Finding(about="operator", verdict="missing", text=text, hint="upgrade External Secrets Operator")
    try:
        known = cluster.get(Ref("ServiceAccount", eso.namespace, eso.account)) is not None
    except (Refused, Missing):
        known = True  # not allowed to look, which the rights below say
    if not known:
        text = f"{there.name} serves {ESO}/{SERVED}, but has no account {eso}, which is to ask for tokens"
        hint = f"name the operator's own account: eso of {there.name} in clusters.yaml"
        return Finding(about="operator", verdict="missing", text=text, hint=hint)
    return Finding(about="operator", verdict="ok", text=f"{there.name} serves {ESO}/{SERVED}; its account is {eso}")


def _rights(there: There, cluster: Cluster, scope: Scope, named: str, who: Subject) -> Finding:
    """One question for each right, however many lanes share it."""
    wanted: dict[Asking, DeliveryTarget] = {}
    for target in there.targets:
        for each in askings(target, scope):
            wanted.setdefault(each, target)
    lacking = [each for each in wanted if not cluster.holds(each)]
    lanes = f"{len(there.targets)} {'lane' if len(there.targets) == 1 else 'lanes'}"
    if not lacking:
        return Finding(about="rights", verdict="ok", text=f"{named} in {there.name}, for {lanes}")
    more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
    first = wanted[lacking[0]]
    return Finding(
        about="rights",
        verdict="missing",
        text=f"{named} in {there.name}: may not {'; '.join(map(str, lacking[:SHOWN]))}{more}",
        hint=f"warden render {first.lane.id} --cluster {there.name} --rights {scope} --to {who}"
        f" | {first.kubectl} apply -f -",
    )
