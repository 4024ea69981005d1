"""Every way to a lane's path -> Verdicts: nobody else can reach it, or one verdict for each who can.

Ways of declared readers that only read are what the lane is for. What a reader could do besides (write the path, give
itself access) and every other identity is wrong. Administrators that are declared (``may_administer``) are listed.
What could not be looked at may hide a way, so each is inconclusive.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from warden.core.access_index.removal import DEFAULT
from warden.core.access_index.snapshot import Snapshot, Unknown
from warden.core.access_index.ways import Identity, Rule, WayIn, WhoCan
from warden.core.lanes.lane import Lane
from warden.core.proofs.details import NobodyElse, NotLookedAt, OtherWayIn
from warden.core.proofs.verdict import Verdict


def reader_roles(lane: Lane) -> frozenset[str]:
    """The declared readers' roles, by their paths."""
    return frozenset(str(lane.role_name(reader)) for reader in lane.readers)


def owners_of(lanes: Iterable[Lane]) -> dict[str, str]:
    """Who owns an identity: each reader's role and each lane (``lane:ID``), by the owners that the lanes declare."""
    found: dict[str, str] = {}
    for lane in lanes:
        found[f"lane:{lane.id}"] = lane.owners.custody.repo
        for reader in lane.readers:
            found.setdefault(str(lane.role_name(reader)), lane.owners.consumer.repo)
    return found


def judge_ways(lane: Lane, found: WhoCan, snapshot: Snapshot) -> tuple[Verdict, ...]:
    """The verdicts on one path."""
    ways = [way for way in found.others if not _is_own(lane, found, way)]
    return verdicts_of(ways, found, snapshot, reader_roles(lane))


def verdicts_of(
    ways: Iterable[WayIn], found: WhoCan, snapshot: Snapshot, declared: frozenset[str]
) -> tuple[Verdict, ...]:
    """The verdicts on the `ways` of others; `declared` are the roles that may."""
    by_default, others = _split(ways)
    wrong = [*_each(others), *_of_default(by_default)]
    unknown = [_not_known(each) for each in found.unknown]
    return (*wrong, *unknown) or (_nobody(declared, found, snapshot),)


def _is_own(lane: Lane, found: WhoCan, way: WayIn) -> bool:
    """Whether it is a reader's own and the probes ask the server about it: they try every write of the path."""
    return (
        way.effect == "writes" and way.identity.namespace == found.namespace and way.identity.name in reader_roles(lane)
    )


def _split(ways: Iterable[WayIn]) -> tuple[list[WayIn], list[WayIn]]:
    """Those that exist by the policy `default` alone, and all others."""
    found: tuple[list[WayIn], list[WayIn]] = ([], [])
    for way in ways:
        alone = bool(way.rules) and all(rule.policy == DEFAULT for rule in way.rules)
        found[0 if alone else 1].append(way)
    return found


def _each(ways: Sequence[WayIn]) -> Iterator[Verdict]:
    """One verdict for an identity and what removes it, whatever it can do."""

    def key(way: WayIn) -> tuple[Identity, bool, str]:
        return way.identity, way.doubtful, repr(way.remedy)

    for (identity, doubtful, _), group in groupby(sorted(ways, key=key), key):
        same = list(group)
        yield Verdict(
            probe="nobody-else",
            result="inconclusive" if doubtful else "wrong",
            observed="not-seen" if doubtful else "others",
            subject=identity.name,
            detail=_way_in(identity, same),
            remedy=same[0].remedy,
        )


def _of_default(ways: Sequence[WayIn]) -> Iterator[Verdict]:
    """One verdict for all whom `default` lets in, not one for each: the policy is what has to change."""
    by_namespace = sorted(ways, key=lambda way: way.rules[0].namespace)
    for namespace, group in groupby(by_namespace, lambda way: way.rules[0].namespace):
        same = list(group)
        identity = Identity(namespace, "login", f"sys/policies/acl/{DEFAULT}")
        yield Verdict(
            probe="nobody-else",
            result="wrong",
            observed="others",
            subject=identity.name,
            detail=_way_in(identity, same),
            remedy=same[0].remedy,
        )


def _way_in(identity: Identity, ways: Sequence[WayIn]) -> OtherWayIn:
    """Everything about one identity; of several chains the shortest."""
    chains = sorted((way.via for way in ways if way.effect == "grants"), key=len)
    direct = next((way.via for way in ways if way.effect != "grants"), ())
    rules: dict[Rule, None] = dict.fromkeys(rule for way in ways for rule in way.rules)
    return OtherWayIn(
        identity=identity,
        effects=tuple(dict.fromkeys(way.effect for way in ways)),
        rules=tuple(rules),
        via=chains[0] if chains else direct,
        conditions=tuple(dict.fromkeys(each for way in ways for each in way.conditions)),
        last_used=max((way.last_used for way in ways), default=""),
        identities=len({way.identity for way in ways}),
    )


def _not_known(unknown: Unknown) -> Verdict:
    return Verdict(
        probe="nobody-else",
        result="inconclusive",
        observed="not-seen",
        subject=f"{unknown.what} {unknown.name}".strip(),
        detail=NotLookedAt(
            what=unknown.what,
            name=unknown.name,
            why=unknown.why,
            namespace=unknown.namespace,
            path=unknown.path,
            capabilities=unknown.capabilities,
        ),
    )


def _nobody(declared: frozenset[str], found: WhoCan, snapshot: Snapshot) -> Verdict:
    """That nobody else was found, and who was looked at."""
    administrators = {way.identity.name for way in found.ways if way.standing == "administrator"}
    spaces = snapshot.namespaces.values()
    return Verdict(
        probe="nobody-else",
        result="ok",
        observed="nobody-else",
        detail=NobodyElse(
            readers=tuple(sorted(declared)),
            administrators=tuple(sorted(administrators)),
            policies=sum(len(each.policies) for each in spaces),
            identities=sum(len(each.roles) + len(each.entities) + len(each.groups) for each in spaces),
            tokens=sum(len(each.tokens) for each in spaces),
        ),
    )
