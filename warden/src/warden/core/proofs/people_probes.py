"""What the people who are readers may do besides reading, decided from the policies that were read.

Nobody can be played as a person, so the questions that a workload is asked live (`probes.elsewhere_of`, `changes_of`,
`capabilities_of`) are answered for the role that they log in with, alone and with whatever an identity adds to it.
"""

from collections.abc import Iterable, Iterator, Mapping

from warden.core.access_index.acl import Acl, Decision, full_path
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.policies import ANYBODY, Policy, rendered
from warden.core.access_index.ways import Rule
from warden.core.lanes.lane import Lane, PeopleReader
from warden.core.proofs.details import DecidedFromPolicies
from warden.core.proofs.probes import Probe, capabilities_of, changes_of, elsewhere_of
from warden.core.proofs.verdict import Verdict
from warden.core.remedies import Remedy, RunBao

_NEEDS: Mapping[str, tuple[str, ...]] = {
    "GET": ("read",),
    "LIST": ("list",),
    "SCAN": ("scan",),
    "POST": ("create", "update"),
    "PUT": ("update",),
    "PATCH": ("patch",),
}
"""Method -> capabilities of which one is enough."""

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
            found += _of_reader(lane, reader, held, namespace)
    return tuple(found)


def _acl(index: AccessIndex, held: frozenset[tuple[str, str]]) -> Acl:
    """Of these policies for whoever logs in; those that do not exist allow nothing."""
    spaces = index.snapshot.namespaces
    there = (spaces[key[0]].policies.get(key[1]) for key in held if key[0] in spaces)
    policies = [each for each in there if each is not None]
    policies += [Policy(name="root", namespace=key[0]) for key in held if key[1] == "root"]
    return Acl([rendered(each, ANYBODY) for each in policies], index.snapshot.taken_at)


def _of_reader(lane: Lane, reader: PeopleReader, held: list[Acl], namespace: str) -> Iterator[Verdict]:
    for probe in (*elsewhere_of(lane, reader), *changes_of(lane, reader)):
        path = full_path(namespace, probe.path)
        yield _verdict(probe, [each.decide(path, need) for each in held for need in _NEEDS[probe.method]], namespace)
    probe = capabilities_of(lane, reader)
    more = [
        each.decide(full_path(namespace, path), capability)
        for path, declared in probe.capabilities.items()
        for capability in _CAPABILITIES
        if capability not in declared
        for each in held
    ]
    yield _verdict(probe, more, namespace)


def _verdict(probe: Probe, decisions: list[Decision], namespace: str) -> Verdict:
    """As expected where every decision is a refusal."""
    allowed = [each for each in decisions if each.allowed in {"yes", "conditional"}]
    unknown = [each for each in decisions if each.allowed == "unknown"]
    counted = allowed or unknown
    rules = dict.fromkeys(Rule(*rule, namespace) for each in counted for rule in each.rules)
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
        remedy=_remedy(probe, rules) if allowed else (),
    )


def _remedy(probe: Probe, rules: Iterable[Rule]) -> Remedy:
    """The lane's own policy is mended by `apply`, another one by hand."""
    others = [rule.policy for rule in rules if rule.policy != probe.policy]
    return (RunBao(action="edit-policy", name=others[0]),) if others else probe.remedy
