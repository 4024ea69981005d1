"""Who gets at a Secret in its cluster, and who of them is meant to.

RBAC is decided here, from the cluster's roles and bindings. The API server itself is asked about a sample, about
everybody who is declared, and about everybody who is not meant to get at the Secret: another authorizer (a webhook,
ABAC, the nodes' own) may answer otherwise.
"""

from collections.abc import Iterable, Sequence

import msgspec

from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking, Rbac
from warden.core.clusters.subjects import Subject
from warden.core.clusters.ways import Bound, Gain
from warden.core.lanes.delivery_target import DeclaredCluster

BUILT_IN = frozenset(
    {
        "group:system:masters",
        "group:system:nodes",
        "group:kubeadm:cluster-admins",
        "user:system:kube-controller-manager",
    }
)
"""Subjects of the control plane itself (Kubernetes: default roles, Node authorization).

``kubeadm:cluster-admins`` is the group of ``admin.conf`` (kubeadm since 1.29), as ``system:masters`` was before.
"""

CONTROLLER = "system:controller:"
"""How the bindings of the controller-manager's own accounts begin (Kubernetes: default roles for controllers)."""

CONTROLLERS = frozenset(
    {
        "attachdetach-controller",
        "certificate-controller",
        "clusterrole-aggregation-controller",
        "cronjob-controller",
        "daemon-set-controller",
        "deployment-controller",
        "device-taint-eviction-controller",
        "disruption-controller",
        "endpoint-controller",
        "endpointslice-controller",
        "endpointslicemirroring-controller",
        "ephemeral-volume-controller",
        "expand-controller",
        "generic-garbage-collector",
        "horizontal-pod-autoscaler",
        "job-controller",
        "legacy-service-account-token-cleaner",
        "namespace-controller",
        "node-controller",
        "persistent-volume-binder",
        "podcertificaterequestcleaner-controller",
        "pod-garbage-collector",
        "podgroup-protection-controller",
        "pv-protection-controller",
        "pvc-protection-controller",
        "replicaset-controller",
        "replication-controller",
        "resource-claim-controller",
        "resourcequota-controller",
        "root-ca-cert-publisher",
        "route-controller",
        "selinux-warning-controller",
        "service-account-controller",
        "service-cidrs-controller",
        "service-controller",
        "statefulset-controller",
        "storage-version-migrator-controller",
        "ttl-after-finished-controller",
        "ttl-controller",
        "vac-protection-controller",
        "validatingadmissionpolicy-status-controller",
        "volumeattributesclass-protection-controller",
    }
)
"""Their names (Kubernetes v1.36, ``bootstrappolicy/controller_policy.go``): a binding may be called anything."""


def expected(subject: Subject, declared: DeclaredCluster, caller: Subject, rbac: Rbac) -> bool:
    """Whether reading Secrets is in order for the subject."""
    if str(subject) in BUILT_IN or str(subject) in declared.may_read_secrets:
        return True
    if subject in (Subject("account", str(declared.eso)), caller):
        return True
    return subject.kind == "account" and subject.name.startswith("kube-system/") and _is_controller(subject, rbac)


def administers(subject: Subject, declared: DeclaredCluster) -> bool:
    """Whether the subject is declared as one who runs workloads, gives rights and the like."""
    return str(subject) in declared.may_administer


def _is_controller(subject: Subject, rbac: Rbac) -> bool:
    """Whether it is one of Kubernetes' own, and has no more rights than it was made with."""
    bound, name = rbac.naming.get(subject, ()), subject.name.partition("/")[2]
    own = Ref("ClusterRoleBinding", "", f"{CONTROLLER}{name}")
    return name in CONTROLLERS and bool(bound) and all(each == own for each in bound)


class ReadableBy(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that may read a Secret and is not meant to, and the bindings that give it the right.

    Without a binding it is another authorizer than Kubernetes RBAC that gives it.
    """

    subject: Subject
    bindings: tuple[Bound, ...]


class ObtainableBy(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that may not read a Secret, and could get at it by these rights; the bindings that give them."""

    subject: Subject
    rights: tuple[Asking, ...]
    bindings: tuple[Bound, ...]


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """The API server answers otherwise than RBAC says: it allows (``allowed``) or refuses it."""

    subject: Subject
    right: Asking
    allowed: bool


class ExposureObservation(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets at a Secret without being meant to.

    Attributes:
        readable_by: who may read it.
        obtainable_by: who could get at it in another way.
        administrators: who could, and is declared (``may_administer``).
        disagreements: where the API server answers otherwise than RBAC says; then it was asked about everybody.
        known: for how many subjects it was decided.
        asked: how many questions the API server was asked for it.
    """

    readable_by: tuple[ReadableBy, ...] = ()
    obtainable_by: tuple[ObtainableBy, ...] = ()
    administrators: tuple[Subject, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    asked: int = 0
    known: int = 0


class TokenSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The Secrets that hold a token of the reader's account which does not end; of ``account`` (``namespace/name``)."""

    account: str
    found: tuple[Ref, ...] = ()


def readers(gains: Iterable[Gain]) -> tuple[ReadableBy, ...]:
    """Who may read it."""
    return tuple(ReadableBy(subject=each.subject, bindings=each.bindings) for each in gains if each.way == "reads")


def obtainers(gains: Sequence[Gain]) -> tuple[ObtainableBy, ...]:
    """Who may not read it, and could get at it; each subject once."""
    reading = {each.subject for each in gains if each.way == "reads"}
    others: dict[Subject, list[Gain]] = {}
    for each in gains:
        if each.subject not in reading:
            others.setdefault(each.subject, []).append(each)
    return tuple(
        ObtainableBy(
            subject=subject,
            rights=tuple(each.asking for each in found),
            bindings=tuple(dict.fromkeys(bound for each in found for bound in each.bindings)),
        )
        for subject, found in others.items()
    )


def widest(readable_by: Sequence[ReadableBy]) -> tuple[ReadableBy, ...]:
    """Groups first, and without those who may read only as members of one of them."""
    groups = {each.subject.name for each in readable_by if each.subject.kind == "group"}
    rest = [each for each in readable_by if each.subject.kind == "group" or not groups & set(each.subject.groups)]
    return tuple(sorted(rest, key=lambda each: (each.subject.kind != "group", each.subject)))
