"""What the people who are readers may do besides reading, decided from the policies that were read.

A person cannot be played, so the questions that a workload is asked live (`probes.elsewhere_of`, `changes_of`,
`capabilities_of`) are answered for the role that they log in with, alone and with whatever an identity adds to it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from warden.core.access_index.acl import Acl, full_path
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.policies import ANYBODY, Policy, rendered
from warden.core.access_index.removal import mended_policy
from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import Rule
from warden.core.lanes.lane import Lane, PeopleReader
from warden.core.proofs.details import DecidedFromPolicies
from warden.core.proofs.probes import NEEDS, Probe, capabilities_of, changes_of, elsewhere_of, with_remedy
from warden.core.proofs.verdict import Verdict
from warden.core.proofs.withheld import approval_verdict
from warden.core.remedies import Remedy

_CAPABILITIES = ("create", "read", "update", "patch", "delete", "list", "scan", "sudo")


def people_verdicts(lane: Lane, index: AccessIndex, namespace: str) -> tuple[Verdict, ...]:
    """The verdicts on each reader of people whose role is there."""
    logins = {login.part.identity.name: login for login in index.holders.logins if login.role.namespace == namespace}
    found: list[Verdict] = []
    for reader in lane.readers:
        login = logins.get(str(lane.role_name(reader)))
        if isinstance(reader, PeopleReader) and login is not None:
            added = {index.holders.added[each].policies for each in login.entities if each in index.holders.added}
            held = [_acl(index, login.part.policies | more) for more in sorted({frozenset(), *added}, key=sorted)]
            found += _of_reader(lane, reader, held, index.snapshot)
            if reader.approval is not None:
                found.append(approval_verdict(lane, reader, held, index.snapshot))
    return tuple(found)


def _acl(index: AccessIndex, held: frozenset[tuple[str, str]]) -> Acl:
    """Of these policies for whoever logs in; those that do not exist allow nothing."""
    spaces = index.snapshot.namespaces
    there = (spaces[key[0]].policies.get(key[1]) for key in held if key[0] in spaces)
    policies = [each for each in there if each is not None]
    policies += [Policy(name="root", namespace=key[0]) for key in held if key[1] == "root"]
    return Acl([rendered(each, ANYBODY) for each in policies], index.snapshot.taken_at)


def _of_reader(lane: Lane, reader: PeopleReader, held: list[Acl], snapshot: Snapshot) -> Iterator[Verdict]:
    own = lane.policy_of(reader)
    for each in (*elsewhere_of(lane, reader), *changes_of(lane, reader)):
        probe = msgspec.structs.replace(with_remedy(lane, each), policy=own)
        yield _verdict(probe, [(probe.path, need) for need in NEEDS[probe.method]], held, snapshot)
    probe = msgspec.structs.replace(with_remedy(lane, capabilities_of(lane, reader)), policy=own)
    more = [
        (path, capability)
        for path, declared in probe.capabilities.items()
        for capability in _CAPABILITIES
        if capability not in declared
    ]
    yield _verdict(probe, more, held, snapshot)


def _verdict(probe: Probe, asked: list[tuple[str, str]], held: list[Acl], snapshot: Snapshot) -> Verdict:
    """As expected where every decision is a refusal."""
    decisions = [each.decide(full_path(snapshot.base, path), need) for path, need in asked for each in held]
    allowed = [each for each in decisions if each.allowed in {"yes", "conditional"}]
    unknown = [each for each in decisions if each.allowed == "unknown"]
    counted = allowed or unknown
    rules = dict.fromkeys(Rule(*rule, snapshot.base) for each in counted for rule in each.rules)
    is_capabilities = bool(probe.capabilities)
    return Verdict(
        probe=probe.id,
        reader=probe.reader,
        result="wrong" if allowed else "inconclusive" if unknown else "ok",
        expected=probe.expected if not is_capabilities else "as-declared",
        observed=(
            ("more" if is_capabilities else "allowed")
            if allowed
            else "not-seen"
            if unknown
            else ("as-declared" if is_capabilities else "refused")
        ),
        detail=DecidedFromPolicies(tuple(rules)),
        remedy=_remedy(probe, rules, asked, snapshot) if allowed else (),
    )


def _remedy(probe: Probe, rules: Iterable[Rule], asked: list[tuple[str, str]], snapshot: Snapshot) -> Remedy:
    """The lane's own policy is mended by `apply`, another one by itself."""
    others = [rule.policy for rule in rules if rule.policy != probe.policy]
    return (mended_policy(snapshot, others[0], asked),) if others else probe.remedy
