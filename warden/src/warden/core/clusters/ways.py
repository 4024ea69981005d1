"""By which rights of Kubernetes somebody gets at a Secret: those that show it, and those that lead to it.

What shows it, measured on Kubernetes v1.36: besides get, list and watch the answer to a patch (an empty one, as a dry
run, changes nothing) and to deletecollection (as a dry run as well) holds the data; those to update and delete do not.

What leads to it follows Kubernetes' own page "Role Based Access Control Good Practices" (privilege escalation risks).
Approving certificate requests is not among it: whoever approves one becomes whoever its author wants, in the whole
cluster, and no namespace and no lane is nearer to that than another.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from warden.core.clusters.manifests import Ref
from warden.core.clusters.rbac import Asking, Binding, Rbac, Rule, rule_allows
from warden.core.clusters.subjects import Subject

Way = Literal["reads", "runs", "enters", "impersonates", "gets-tokens", "grants", "delivers", "calls-nodes", "admits"]
"""What somebody does to get at a Secret."""

READING = ("get", "list", "watch", "patch", "deletecollection")
"""Each of them shows the value."""

ENOUGH = 8
"""Bindings that are kept of a subject where it does not matter which object a right is on."""

WRITING = ("create", "update", "patch")
RBAC, ESO, ADMISSION = "rbac.authorization.k8s.io", "external-secrets.io", "admissionregistration.k8s.io"


class Power(msgspec.Struct, frozen=True):
    """Rights that are one way: any of the verbs on any of the resources; `wide` where those are of no namespace."""

    way: Way
    verbs: tuple[str, ...]
    group: str
    resources: tuple[str, ...]
    wide: bool = False

    @property
    def askings(self) -> Iterator[Asking]:
        """Each single right."""
        for resource in self.resources:
            for verb in self.verbs:
                yield Asking(verb, self.group, resource)


POWERS = (
    Power("reads", READING, "", ("secrets",)),
    Power("runs", WRITING, "", ("pods", "replicationcontrollers")),
    Power("runs", WRITING, "apps", ("deployments", "statefulsets", "daemonsets", "replicasets")),
    Power("runs", WRITING, "batch", ("jobs", "cronjobs")),
    Power("runs", ("update", "patch"), "", ("pods/ephemeralcontainers",)),
    Power("enters", ("create", "get"), "", ("pods/exec", "pods/attach")),
    Power("impersonates", ("impersonate",), "", ("serviceaccounts",)),
    Power("impersonates", ("impersonate",), "", ("users", "groups"), wide=True),
    Power("gets-tokens", ("create",), "", ("serviceaccounts/token",)),
    Power("grants", ("bind",), RBAC, ("roles", "clusterroles")),
    Power("grants", ("escalate",), RBAC, ("roles",)),
    Power("grants", ("escalate",), RBAC, ("clusterroles",), wide=True),
    Power("grants", WRITING, RBAC, ("rolebindings",)),
    Power("grants", WRITING, RBAC, ("clusterrolebindings",), wide=True),
    Power("delivers", WRITING, ESO, ("externalsecrets", "secretstores", "pushsecrets")),
    Power("delivers", WRITING, ESO, ("clusterexternalsecrets", "clustersecretstores", "clusterpushsecrets"), wide=True),
    Power("calls-nodes", ("create", "get"), "", ("nodes/proxy",), wide=True),
    Power(
        "admits", WRITING, ADMISSION, ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"), wide=True
    ),
)


class Bound(msgspec.Struct, frozen=True, order=True):
    """A binding, and the place of a subject in it, with its name as it is written there."""

    ref: Ref
    index: int
    name: str


class Grant(msgspec.Struct, frozen=True):
    """A binding gives a subject a right that is a way; of these objects only, where ``names`` are there.

    ``wide``: the objects are of no namespace.
    """

    way: Way
    wide: bool
    asking: Asking
    names: frozenset[str]
    subject: Subject
    by: Bound


class Gain(msgspec.Struct, frozen=True, order=True):
    """How a subject gets at a Secret: the right, in its namespace, and the bindings that give it."""

    subject: Subject
    way: Way
    asking: Asking
    bindings: tuple[Bound, ...]


class _Shelf:
    """Grants by way and name, "" for those on all objects; under ``*`` those on any, a few for each subject."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._grants: dict[tuple[Way, str], list[Grant]] = defaultdict(list)
        counts: Counter[tuple[Way, Subject]] = Counter()
        for each in grants:
            for name in each.names or ("",):
                self._grants[each.way, name].append(each)
            counts[each.way, each.subject] += 1
            if counts[each.way, each.subject] <= ENOUGH:
                self._grants[each.way, "*"].append(each)

    def of(self, way: Way, name: str) -> Iterator[Grant]:
        for key in dict.fromkeys(("", name)):
            yield from self._grants.get((way, key), ())

    def whatever_the_name(self, way: Way) -> Iterator[Grant]:
        yield from self._grants.get((way, "*"), ())


class Grants:
    """Every right of one cluster that is a way, found by namespace, way and name: no lane looks through all of them."""

    def __init__(self, rbac: Rbac) -> None:
        self._rbac = rbac
        self._rules: dict[int, tuple[tuple[Way, bool, Asking, frozenset[str]], ...]] = {}
        self._everywhere = _Shelf(tuple(self._of(rbac.everywhere, within=False)))
        self._within: dict[str, _Shelf] = {}

    def of(self, way: Way, namespace: str, name: str = "") -> Iterator[Grant]:
        """Who has the right in the namespace on all objects, or on the one of that name."""
        for shelf in self._shelves(namespace):
            yield from shelf.of(way, name)

    def whatever_the_name(self, way: Way, namespace: str) -> Iterator[Grant]:
        """Who has the right on any object of the namespace."""
        for shelf in self._shelves(namespace):
            yield from shelf.whatever_the_name(way)

    def _shelves(self, namespace: str) -> Iterator[_Shelf]:
        yield self._everywhere
        if namespace and namespace in self._rbac.within:
            if namespace not in self._within:
                self._within[namespace] = _Shelf(tuple(self._of(self._rbac.within[namespace], within=True)))
            yield self._within[namespace]

    def _of(self, bindings: Iterable[Binding], *, within: bool) -> Iterator[Grant]:
        for binding in bindings:
            for way, wide, asking, names in self._ways_of(binding.rules):
                if not (within and wide):
                    for each in binding.members:
                        yield Grant(way, wide, asking, names, each.subject, Bound(binding.ref, each.index, each.name))

    def _ways_of(self, rules: tuple[Rule, ...]) -> tuple[tuple[Way, bool, Asking, frozenset[str]], ...]:
        """The ways that the rules of a role open; a role is looked through once, however often it is bound."""
        if id(rules) not in self._rules:
            found = [each for rule in rules for each in _opened(rule)]
            self._rules[id(rules)] = tuple(each for each in found if self._matters(each[2], each[3]))
        return self._rules[id(rules)]

    def _matters(self, asking: Asking, names: frozenset[str]) -> bool:
        """To bind roles that are named matters where one of them opens a way itself."""
        if asking.verb != "bind" or not names:
            return True
        named = [rules for (_, _, name), rules in self._rbac.roles.items() if name in names]
        return any(True for rules in named for rule in rules for _ in _opened(rule))


def _opened(rule: Rule) -> Iterator[tuple[Way, bool, Asking, frozenset[str]]]:
    """Each way that a rule opens, by the first right that does."""
    names = frozenset(rule.get("resourceNames") or ())
    name = min(names, default="")
    for power in POWERS:
        for asking in power.askings:
            if names and _has_no_name(asking):
                continue
            named = msgspec.structs.replace(asking, name=name)
            if rule_allows(rule, named):
                yield power.way, power.wide, named, names
                break


def _has_no_name(asking: Asking) -> bool:
    """Whether a request for it names no object, so that a rule for single objects does not allow it.

    A server-side apply names it, and asks for the right to patch as well.
    """
    return asking.verb == "deletecollection" or (asking.verb == "create" and "/" not in asking.resource)


class Prize(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be got: a Secret, and the account that reads its value at OpenBao; ``eso`` delivers it."""

    namespace: str
    secret: str
    reader: Subject
    eso: Subject


class _Search:
    """The gains that were found, each subject's bindings together."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants
        self._found: dict[tuple[Subject, Way], dict[Bound, Asking]] = defaultdict(dict)
        self._entered: set[str] = set()
        self.subjects: set[Subject] = set()

    def add(self, grants: Iterable[Grant], namespace: str) -> None:
        for each in grants:
            by = self._found[each.subject, each.way]
            if each.by not in by:
                by[each.by] = msgspec.structs.replace(each.asking, namespace="" if each.wide else namespace)
                self.subjects.add(each.subject)

    def at(self, prize: Prize) -> None:
        grants = self._grants
        self.add(grants.of("reads", prize.namespace, prize.secret), prize.namespace)
        for home in {prize.namespace, prize.reader.namespace}:
            self.inside(home)
            self.add(grants.whatever_the_name("grants", home), home)
        self.add(grants.whatever_the_name("delivers", prize.namespace), prize.namespace)
        for way in _WHOLE_CLUSTER:
            self.add(grants.whatever_the_name(way, ""), "")

    def inside(self, namespace: str) -> None:
        if namespace in self._entered:
            return
        self._entered.add(namespace)
        self.add(self._grants.whatever_the_name("runs", namespace), namespace)
        self.add(self._grants.whatever_the_name("enters", namespace), namespace)

    def through(self, holder: Subject) -> None:
        """Whoever can act as somebody who gets at it."""
        home = holder.namespace
        if home:
            self.inside(home)
        if holder.kind == "account":
            name = holder.name.partition("/")[2]
            self.add(self._grants.of("gets-tokens", home, name), home)
            found = self._grants.of("impersonates", home, name)
            self.add((each for each in found if each.asking.resource == "serviceaccounts"), home)
        else:
            resource = f"{holder.kind}s"
            found = self._grants.of("impersonates", "", holder.name)
            self.add((each for each in found if each.asking.resource == resource), "")

    def gains(self) -> Iterator[Gain]:
        for (subject, way), by in self._found.items():
            yield Gain(subject, way, next(iter(by.values())), tuple(sorted(by)))


MASTERS = Subject("group", "system:masters")
_WHOLE_CLUSTER: tuple[Way, ...] = ("calls-nodes", "admits")
"""Past the API server to the pods, and within it: a webhook is sent every Secret that is written."""


def gains(grants: Grants, prize: Prize, is_meant: Callable[[Subject], bool]) -> tuple[Gain, ...]:
    """Everybody who gets at it, also by acting as somebody who does so by design (`is_meant`).

    Who acts as somebody who is not meant to is not looked for: that ends with the first one's right.
    """
    search = _Search(grants)
    search.at(prize)
    done: set[Subject] = set()
    todo = {MASTERS, prize.reader, prize.eso}
    while todo:
        for holder in sorted(todo):
            search.through(holder)
        done |= todo
        todo = {each for each in search.subjects - done if is_meant(each)}
    return tuple(sorted(search.gains()))
