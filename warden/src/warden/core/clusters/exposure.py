"""Who may read a Secret in its cluster, and who of them is meant to.

The API server itself is asked about every subject (SubjectAccessReview): what is decided here is whom to ask about, and
whose right is in order. Bindings are read to say which of them gives an unexpected right.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.clusters.manifests import Ref
from warden.core.clusters.subjects import Subject, subjects_of
from warden.core.lanes.delivery_target import DeclaredCluster

BUILT_IN = frozenset({"group:system:masters", "group:system:nodes", "user:system:kube-controller-manager"})
"""Subjects of the control plane itself (Kubernetes: default roles, Node authorization)."""

CONTROLLER = "system:controller:"
"""How the bindings of the controller-manager's own accounts begin (Kubernetes: default roles for controllers)."""

VERBS = ("get", "list", "watch")
"""Each of them shows the value."""


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody the cluster knows of, and the bindings that give them rights."""

    accounts: tuple[Subject, ...]
    bindings: tuple[Mapping[str, Any], ...]
    roles: Mapping[tuple[str, str, str], Sequence[Mapping[str, Any]]]

    def subjects(self, namespace: str) -> tuple[Subject, ...]:
        """All service accounts, and the users and groups of every binding that reaches into the namespace."""
        bound = {subject for binding in self.reaching(namespace) for subject in subjects_of(binding)}
        return tuple(sorted({*self.accounts, *bound}))

    def alike(self, subjects: Iterable[Subject]) -> tuple[tuple[Subject, ...], ...]:
        """The subjects in groups that Kubernetes RBAC cannot tell apart: what holds for one holds for each of them.

        Accounts of one namespace that no binding names have their rights by the groups that they share.
        """
        named = {subject for binding in self.bindings for subject in subjects_of(binding)}
        groups: dict[object, list[Subject]] = {}
        for subject in subjects:
            own = subject in named or subject.kind != "account"
            groups.setdefault(subject if own else subject.groups, []).append(subject)
        return tuple(tuple(group) for group in groups.values())

    def reaching(self, namespace: str) -> Iterator[Mapping[str, Any]]:
        """The bindings that hold in the namespace."""
        for binding in self.bindings:
            if binding["metadata"].get("namespace", namespace) == namespace:
                yield binding

    def by_name(self, namespace: str) -> frozenset[str]:
        """Names of Secrets that a role in force in the namespace gives a right on, one by one."""
        return frozenset(
            name
            for binding in self.reaching(namespace)
            for rule in self._rules(binding)
            if _reads_secrets(rule)
            for name in rule.get("resourceNames") or ()
        )

    def granting(self, subject: Subject, namespace: str, name: str) -> tuple[Ref, ...]:
        """The bindings that give the subject a right to read the Secret."""
        return tuple(
            Ref(binding["kind"], binding["metadata"].get("namespace", ""), binding["metadata"]["name"])
            for binding in self.reaching(namespace)
            if any(_includes(each, subject) for each in subjects_of(binding))
            and any(_reads_secrets(rule) and _reaches(rule, name) for rule in self._rules(binding))
        )

    def _rules(self, binding: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        role = binding.get("roleRef") or {}
        home = binding["metadata"].get("namespace", "") if role.get("kind") == "Role" else ""
        return self.roles.get((role.get("kind", ""), home, role.get("name", "")), ())


def census(
    accounts: Iterable[Mapping[str, Any]], bindings: Iterable[Mapping[str, Any]], roles: Iterable[Mapping[str, Any]]
) -> Census:
    """What the lists of a cluster say. `bindings` and `roles` are of both kinds, each with its ``kind``."""
    return Census(
        accounts=tuple(
            sorted(
                Subject("account", f"{each['metadata']['namespace']}/{each['metadata']['name']}") for each in accounts
            )
        ),
        bindings=tuple(bindings),
        roles={
            (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each.get("rules") or ()
            for each in roles
        },
    )


def expected(subject: Subject, declared: DeclaredCluster, caller: Subject, census: Census) -> bool:
    """Whether reading Secrets is in order for the subject."""
    if str(subject) in BUILT_IN or str(subject) in declared.may_read_secrets:
        return True
    if subject in (Subject("account", str(declared.eso)), caller):
        return True
    return subject.kind == "account" and subject.name.startswith("kube-system/") and _is_controller(subject, census)


def _is_controller(subject: Subject, census: Census) -> bool:
    bound = [each for each in census.bindings if subject in tuple(subjects_of(each))]
    return bool(bound) and all(each["metadata"]["name"].startswith(CONTROLLER) for each in bound)


def _includes(bound: Subject, subject: Subject) -> bool:
    return bound == subject or (bound.kind == "group" and bound.name in subject.groups)


def _reads_secrets(rule: Mapping[str, Any]) -> bool:
    groups, resources, verbs = (set(rule.get(key) or ()) for key in ("apiGroups", "resources", "verbs"))
    return bool(groups & {"", "*"} and resources & {"secrets", "*"} and verbs & {*VERBS, "*"})


def _reaches(rule: Mapping[str, Any], name: str) -> bool:
    names = rule.get("resourceNames")
    return not names or name in names


class ReadableBy(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that may read a Secret and is not meant to, and the bindings that give it the right.

    Without a binding it is another authorizer than Kubernetes RBAC that gives it.
    """

    subject: Subject
    bindings: tuple[Ref, ...]


class ExposureObservation(msgspec.Struct, frozen=True, kw_only=True):
    """Who may read a Secret without being meant to; how many subjects were asked about, and for how many they stand."""

    readable_by: tuple[ReadableBy, ...] = ()
    asked: int = 0
    known: int = 0


def widest(readable_by: Sequence[ReadableBy]) -> tuple[ReadableBy, ...]:
    """Groups first, and without those who may read only as members of one of them."""
    groups = {each.subject.name for each in readable_by if each.subject.kind == "group"}
    rest = [each for each in readable_by if each.subject.kind == "group" or not groups & set(each.subject.groups)]
    return tuple(sorted(rest, key=lambda each: (each.subject.kind != "group", each.subject)))
