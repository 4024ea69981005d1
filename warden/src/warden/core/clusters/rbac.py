"""Kubernetes RBAC, decided from what a cluster's roles and bindings say, as its own authorizer does.

Source of the rules: Kubernetes v1.36, ``plugin/pkg/auth/authorizer/rbac/rbac.go`` (`RuleAllows`),
``pkg/apis/rbac/v1/evaluation_helpers.go`` (what matches what) and ``pkg/registry/rbac/validation/rule.go`` (which
bindings count for whom). The group ``system:masters`` is let through before any authorizer is asked.

A ClusterRole that is aggregated from others is served with the rules of all of them: there is nothing to add here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.clusters.manifests import Ref
from warden.core.clusters.subjects import Member, Subject, members_of

MASTERS = "system:masters"
EVERYTHING = "*"
Rule = Mapping[str, Any]


class Asking(msgspec.Struct, frozen=True, order=True):
    """One thing that may be allowed in a cluster. ``resource`` is plural, ``kind/subresource`` where it is of one.

    An empty namespace means all of them, or an object of none; an empty name all objects. A request for no resource
    has the ``path`` instead.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """The same as ``resourceAttributes`` of a review."""
        resource, _, part = self.resource.partition("/")
        found = {"verb": self.verb, "group": self.group, "resource": resource, "subresource": part}
        return {key: text for key, text in (found | {"namespace": self.namespace, "name": self.name}).items() if text}

    @property
    def spec(self) -> dict[str, dict[str, str]]:
        """What a review is asked with."""
        if self.path:
            return {"nonResourceAttributes": {"verb": self.verb, "path": self.path}}
        return {"resourceAttributes": self.attributes}

    def __str__(self) -> str:
        if self.path:
            return f"{self.verb} {self.path}"
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{f' {self.name}' if self.name else ''}{where}"


def rule_allows(rule: Rule, asking: Asking) -> bool:
    """Whether one rule of a role allows it (`RuleAllows`)."""
    if not _in(asking.verb, rule.get("verbs")):
        return False
    if asking.path:
        return any(_path_matches(each, asking.path) for each in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    return (
        _in(asking.group, rule.get("apiGroups"))
        and any(_resource_matches(each, asking.resource) for each in rule.get("resources") or ())
        and (not names or asking.name in names)
    )


def _in(wanted: str, written: Sequence[str] | None) -> bool:
    return EVERYTHING in (written or ()) or wanted in (written or ())


def _resource_matches(written: str, resource: str) -> bool:
    """``*`` is every resource and subresource, ``*/exec`` that subresource of every one."""
    if written in {EVERYTHING, resource}:
        return True
    _, slash, part = resource.partition("/")
    return bool(slash) and written == f"*/{part}"


def _path_matches(written: str, path: str) -> bool:
    if written in {EVERYTHING, path}:
        return True
    return written.endswith(EVERYTHING) and path.startswith(written.rstrip(EVERYTHING))


class Binding(msgspec.Struct, frozen=True):
    """A binding: what it is called, whom it is for, and the rules of its role (none where there is no such role)."""

    ref: Ref
    members: tuple[Member, ...]
    rules: tuple[Rule, ...]


class Rbac:
    """The roles and bindings of one cluster, read once.

    ``everywhere`` are the bindings of the whole cluster, ``within`` those of each namespace, ``naming`` those that
    name a subject; ``roles`` are the rules of each role by kind, namespace and name.
    """

    def __init__(
        self,
        accounts: Iterable[Subject],
        bindings: Iterable[Binding],
        roles: Mapping[tuple[str, str, str], tuple[Rule, ...]],
    ) -> None:
        self.accounts = tuple(sorted(accounts))
        self.roles = roles
        self.naming: dict[Subject, list[Ref]] = defaultdict(list)
        self.everywhere: list[Binding] = []
        self.within: dict[str, list[Binding]] = defaultdict(list)
        for each in bindings:
            for member in each.members:
                self.naming[member.subject].append(each.ref)
            if each.ref.namespace:
                self.within[each.ref.namespace].append(each)
            else:
                self.everywhere.append(each)

    def reaching(self, namespace: str) -> Iterator[Binding]:
        """The bindings that count for a request in the namespace; without one, those of the whole cluster."""
        yield from self.everywhere
        yield from self.within.get(namespace, ()) if namespace else ()

    def granting(self, subject: Subject, asking: Asking) -> tuple[Ref, ...]:
        """The bindings by which the subject may do that."""
        return tuple(
            each.ref
            for each in self.reaching(asking.namespace)
            if any(includes(member.subject, subject) for member in each.members)
            and any(rule_allows(rule, asking) for rule in each.rules)
        )

    def allows(self, subject: Subject, asking: Asking) -> bool:
        """Whether the subject may do that."""
        return MASTERS in subject.groups or bool(self.granting(subject, asking))

    def subjects(self, namespace: str) -> tuple[Subject, ...]:
        """All service accounts, and the users and groups of every binding that reaches into the namespace."""
        bound = {member.subject for binding in self.reaching(namespace) for member in binding.members}
        return tuple(sorted({*self.accounts, *bound}))

    def alike(self, subjects: Iterable[Subject]) -> tuple[tuple[Subject, ...], ...]:
        """The subjects in groups that RBAC cannot tell apart: what holds for one holds for each of them.

        Accounts of one namespace that no binding names have their rights by the groups that they share.
        """
        groups: dict[object, list[Subject]] = {}
        for subject in subjects:
            own = subject in self.naming or subject.kind != "account"
            groups.setdefault(subject if own else subject.groups, []).append(subject)
        return tuple(tuple(group) for group in groups.values())


def includes(bound: Subject, subject: Subject) -> bool:
    """Whether a binding's subject is that one, or a group that it is in by itself."""
    return bound == subject or (bound.kind == "group" and bound.name in subject.groups)


def rbac(
    accounts: Iterable[Mapping[str, Any]], bindings: Iterable[Mapping[str, Any]], roles: Iterable[Mapping[str, Any]]
) -> Rbac:
    """What the lists of a cluster say. `bindings` and `roles` are of both kinds, each with its ``kind``."""
    rules = {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): tuple(each.get("rules") or ())
        for each in roles
    }
    return Rbac(
        [Subject("account", f"{each['metadata']['namespace']}/{each['metadata']['name']}") for each in accounts],
        [_binding(each, rules) for each in bindings],
        rules,
    )


def _binding(each: Mapping[str, Any], rules: Mapping[tuple[str, str, str], tuple[Rule, ...]]) -> Binding:
    home, role = each["metadata"].get("namespace", ""), each.get("roleRef") or {}
    of = home if role.get("kind") == "Role" else ""
    return Binding(
        ref=Ref(each["kind"], home, each["metadata"]["name"]),
        members=tuple(members_of(each)),
        rules=rules.get((role.get("kind", ""), of, role.get("name", "")), ()),
    )
