"""Who may read a Secret: the API server is asked about everybody, once for each namespace."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from warden.core.clusters.exposure import (
    VERBS,
    Census,
    ExposureObservation,
    ReadableBy,
    census,
    expected,
)
from warden.core.clusters.rbac import Asking
from warden.core.clusters.subjects import Subject
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.ports.cluster import Cluster

AT_ONCE = 8
"""Questions to the API server that are under way at a time."""


class Exposures:
    """The answers of one proof; shared by its threads.

    A right on all Secrets of a namespace is asked for once. A right on single ones exists only where a role names them
    (Kubernetes RBAC, ``resourceNames``): then everybody is asked about that Secret as well.

    With `sampled`, of accounts that Kubernetes RBAC cannot tell apart only one is asked about: for many lanes, where
    questions would grow with accounts times namespaces (500 lanes in 50 namespaces: 165,000 of them). What another
    authorizer allows one such account by its name is then not seen, and the verdict says how many were asked about.
    """

    def __init__(self, *, sampled: bool = False) -> None:
        self._sampled = sampled
        self._lock = threading.Lock()
        self._censuses: dict[str, tuple[Census, Subject]] = {}
        self._wide: dict[tuple[str, str], frozenset[Subject]] = {}

    def of(self, target: DeliveryTarget, cluster: Cluster) -> ExposureObservation:
        """Who may read the delivery's Secret and is not meant to.

        Raises as the port Cluster says.
        """
        with self._lock:
            everybody, caller = self._census(cluster)
            wide = self._all_of_namespace(everybody, target.namespace, cluster)
        asked = everybody.subjects(target.namespace)
        by_name = target.secret in everybody.by_name(target.namespace)
        rest = [subject for subject in asked if subject not in wide] if by_name else []
        named = _who_may(cluster, self._groups(everybody, rest), target.namespace, target.secret)
        found = tuple(
            ReadableBy(subject=subject, bindings=everybody.granting(subject, target.namespace, target.secret))
            for subject in sorted(wide | named)
            if not expected(subject, target.declared, caller, everybody)
        )
        groups = self._groups(everybody, asked)
        return ExposureObservation(readable_by=found, asked=len(groups), known=len(asked))

    def _groups(self, everybody: Census, subjects: Sequence[Subject]) -> Sequence[Sequence[Subject]]:
        """Who is asked about together: each alone, or those that are alike."""
        return everybody.alike(subjects) if self._sampled else [(subject,) for subject in subjects]

    def _census(self, cluster: Cluster) -> tuple[Census, Subject]:
        if cluster.name not in self._censuses:
            found = census(
                cluster.listed("ServiceAccount"),
                [*cluster.listed("ClusterRoleBinding"), *cluster.listed("RoleBinding")],
                [*cluster.listed("ClusterRole"), *cluster.listed("Role")],
            )
            self._censuses[cluster.name] = found, cluster.caller()
        return self._censuses[cluster.name]

    def _all_of_namespace(self, everybody: Census, namespace: str, cluster: Cluster) -> frozenset[Subject]:
        key = cluster.name, namespace
        if key not in self._wide:
            groups = self._groups(everybody, everybody.subjects(namespace))
            self._wide[key] = _who_may(cluster, groups, namespace, "")
        return self._wide[key]


def _who_may(cluster: Cluster, groups: Sequence[Sequence[Subject]], namespace: str, name: str) -> frozenset[Subject]:
    """Those who may read by one verb or another; one of each group is asked about, several at a time."""

    def may(group: Sequence[Subject]) -> bool:
        return any(cluster.may(group[0], Asking(verb, "", "secrets", namespace, name)) for verb in VERBS)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(may, groups))
    return frozenset(subject for group, yes in zip(groups, answers, strict=True) if yes for subject in group)
