"""Resources and what the server states of them -> a Plan: what differs from what a lane declares, and nothing else.

Roles are compared in `role_comparison`. A policy is compared as text: any difference is a finding.
"""

from collections.abc import Iterator, Mapping

from warden.core.lanes.approval import groups_among
from warden.core.lanes.lane import RoleName
from warden.core.lanes.readers import CertificateReader, GithubReader, GitlabReader, patterns_of
from warden.core.openbao.api import KvMetadata, PolicyText
from warden.core.openbao.approver_groups import abandoned_groups, group_changes, group_notes
from warden.core.openbao.closing import marking, unmarking
from warden.core.openbao.compared import Comparison, Observed
from warden.core.openbao.marks import metadata_change
from warden.core.openbao.resources import (
    APPROVAL_POLICIES,
    Resources,
    lane_marked_in,
    roles_marked_in,
)
from warden.core.openbao.role_comparison import role_change
from warden.core.openbao.sharing import Declared, renamed_from
from warden.core.plans.plan import (
    Change,
    Difference,
    NotMarked,
    OtherMount,
    Plan,
    ReachesFurther,
    ReaderPattern,
    System,
)

EXPIRATION = "expiration"
"""When a policy ends by itself (*sys/policies*), and access through it. A lane's policy ends when the lane does."""


def compare(
    resources: Resources,
    observed: Observed,
    declared: Declared,
    *,
    system: System,
    take_over: bool = False,
) -> Plan:
    """What to change, given what the catalog declares beside this lane.

    `take_over` makes objects of our names that are not marked as ours into ordinary changes.
    """
    renamed = renamed_from(resources, observed.metadata, declared)
    given = Comparison(observed, declared, frozenset({resources.lane.id, renamed} - {""}), take_over=take_over)
    changes = tuple((_closing if resources.closed else _opening)(resources, given))
    return Plan(
        lane=resources.lane.id,
        system=system,
        changes=changes,
        notes=(
            *(note for each in changes if each.role for note in given.kept(each.role)),
            *_patterns(resources),
            *group_notes(resources.groups, observed.groups),
        ),
        former_paths=tuple(observed.former),
        closed=resources.closed,
    )


def _patterns(resources: Resources) -> Iterator[ReaderPattern]:
    for role in resources.roles:
        reader = role.reader
        if isinstance(reader, GithubReader | GitlabReader | CertificateReader) and reader.match == "glob":
            yield ReaderPattern(reader.label, patterns_of(reader))


def _opening(resources: Resources, given: Comparison) -> Iterator[Change]:
    """Access that is not declared any more goes first; access comes last, when all the rest is there."""
    observed = given.observed
    for name in _abandoned(resources, given):
        yield role_change(name, given.declared.roles.get(name), given)
    yield from _abandoned_policies(resources, given)
    yield from abandoned_groups(_marked_groups(resources, given), given.declared.groups, observed.groups)
    yield _mount_change(resources, observed)
    yield metadata_change(resources, observed.metadata, given.ids, take_over=given.take_over)
    yield from group_changes(resources.groups, observed.groups)
    for policy, text in resources.policies.items():
        yield _policy_change(policy, text, given)
    for role in resources.roles:
        yield role_change(role.name, role, given)
    yield from unmarking(resources.lane.custody.path, observed.metadata)


def _closing(resources: Resources, given: Comparison) -> Iterator[Change]:
    """What is left of a closed lane: its policy out of every role first, then gone, then its path marked as closed.

    What its file no longer declares goes as well: a change to the file that was never applied opens nothing.
    """
    observed = given.observed
    abandoned = _abandoned_policies(resources, given)
    own = {*resources.policies, *(change.name for change in abandoned)}
    there = [role.name for role in resources.roles if observed.roles.get(role.name) is not None]
    for name in (*there, *_abandoned(resources, given)):
        change = role_change(name, given.declared.roles.get(name), given, closing=True)
        if change.action != "foreign" or _grants(observed, name, own):
            yield change
    yield from abandoned
    for policy in resources.policies:
        yield _policy_removal(policy, given)
    lane = resources.lane
    yield from marking(lane.custody.path, lane.id, resources.mark, observed.metadata, observed.mount)


def _policy_removal(name: str, given: Comparison) -> Change:
    text = given.observed.policies.get(name)
    if text is None:
        return Change(action="keep", kind="policy", name=name)
    ours = lane_marked_in(text) in given.ids
    return Change(
        action="delete" if ours or given.take_over else "foreign",
        kind="policy",
        name=name,
        differences=(Difference("", text, None),),
        obstacle=None if ours else NotMarked(),
    )


def _grants(observed: Observed, role: RoleName, policies: set[str]) -> bool:
    """Whether the role has one of these policies; somebody else's role without any keeps nobody from closing."""
    found = observed.roles.get(role) or {}
    return bool(policies & set(found.get("token_policies") or ()))


def names_to_observe(resources: Resources, metadata: KvMetadata | None) -> tuple[frozenset[RoleName], frozenset[str]]:
    """The roles and policies a plan needs to see: those derived now, and those marked earlier."""
    custom = metadata.custom if metadata else {}
    roles = frozenset(role.name for role in resources.roles) | roles_marked_in(custom)
    earlier = {custom.get("policy"), *custom.get(APPROVAL_POLICIES, "").split(", ")}
    return roles, frozenset({*resources.policies, *filter(None, earlier)})


def _abandoned(resources: Resources, given: Comparison) -> list[RoleName]:
    """Roles that this lane claimed and no longer has: deleted, or left to the lanes that still declare them."""
    marked = {role for custom in _own_marks(given) for role in roles_marked_in(custom)}
    return sorted(marked - {role.name for role in resources.roles})


def _own_marks(given: Comparison) -> Iterator[Mapping[str, str]]:
    """The marks at the lane's path, if they are the lane's, and at those that were its before."""
    observed = given.observed
    here = [observed.metadata] if observed.metadata else []
    ours = [each for each in here if each.custom.get("catalog-id") in given.ids]
    return (each.custom for each in (*ours, *observed.former.values()))


def _marked_groups(resources: Resources, given: Comparison) -> frozenset[str]:
    """The groups that the lane's marks name and it does not name any more; none while a file may name them."""
    if given.declared.unreadable:
        return frozenset()
    marked = frozenset(name for custom in _own_marks(given) for name in groups_among(tuple(custom)))
    return marked - {group.name for group in resources.groups}


def _abandoned_policies(resources: Resources, given: Comparison) -> list[Change]:
    return [
        Change(action="delete", kind="policy", name=name, differences=(Difference("", text, None),))
        for name, text in sorted(given.observed.policies.items())
        if text is not None and name not in resources.policies and lane_marked_in(text) in given.ids
    ]


def _mount_change(resources: Resources, observed: Observed) -> Change:
    name, found = resources.lane.custody.mount, observed.mount
    wanted = Difference("type", found.type if found else None, "kv"), Difference("version", None, 2)
    if found is None:
        return Change(action="create", kind="mount", name=name, differences=wanted)
    if found.type == "kv" and found.version == 2:  # noqa: PLR2004 - KV v2
        return Change(action="keep", kind="mount", name=name)
    return Change(action="foreign", kind="mount", name=name, obstacle=OtherMount(found.type, found.version))


def policy_change(name: str, text: str, found: PolicyText | None, *, ours: bool, take_over: bool = False) -> Change:
    """What has to happen to a policy; `ours`: its text says that it was derived from what is compared."""
    if found is None:
        return Change(action="create", kind="policy", name=name, differences=(Difference("", None, text),), wanted=text)
    different: tuple[Difference, ...] = () if found.text == text else (Difference("", found.text, text),)
    different += (Difference(EXPIRATION, found.expires, None),) if found.expires else ()
    if not different:
        return Change(action="keep", kind="policy", name=name)
    stanzas = tuple(line.strip() for line in found.text.splitlines() if line.strip().startswith("path "))
    further = tuple(each for each in stanzas if each not in text)
    return Change(
        action="change" if ours or take_over else "foreign",
        kind="policy",
        name=name,
        differences=different,
        wanted=text,
        obstacle=None if ours else NotMarked(),
        widening=ReachesFurther(further) if further else None,
    )


def _policy_change(name: str, text: str, given: Comparison) -> Change:
    there = given.observed.policies.get(name)
    found = None if there is None else PolicyText(there, given.observed.expiring.get(name, ""))
    ours = there is not None and lane_marked_in(there) in given.ids
    return policy_change(name, text, found, ours=ours, take_over=given.take_over)
