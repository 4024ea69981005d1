"""Groups of approvers: the identity group that a control group names, compared with what a lane declares.

A control group counts approvers by the name of an identity group (OpenBao, *Identity*). Where there is none of the
declared name, `apply` makes an external one: whoever logs in with that group in the login mount's claim is in it. One
that is there and not made by warden is used as it is, and never changed: a note says whose approvals count then.
"""

from collections.abc import Iterable, Iterator, Mapping

from warden.core.lanes.approval import ApproverGroup
from warden.core.openbao.identity_groups import ObservedGroup
from warden.core.plans.plan import AliasTaken, Change, Difference, UsedGroup


def group_changes(wanted: Iterable[ApproverGroup], observed: Mapping[str, ObservedGroup]) -> Iterator[Change]:
    """What to make of each group that a lane names."""
    for each in wanted:
        yield _change(each, observed.get(each.name, ObservedGroup()))


def group_notes(wanted: Iterable[ApproverGroup], observed: Mapping[str, ObservedGroup]) -> Iterator[UsedGroup]:
    """The groups that are somebody else's: their members approve."""
    for each in wanted:
        found = observed.get(each.name, ObservedGroup()).group
        if found is not None and not found.is_ours:
            yield UsedGroup(
                name=each.name,
                external=found.type == "external",
                members=found.members,
                alias=found.alias,
                mount=found.alias_mount,
            )


def abandoned_groups(
    marked: Iterable[str], declared: frozenset[str], observed: Mapping[str, ObservedGroup]
) -> Iterator[Change]:
    """Groups that the lane's marks name, that `apply` made, and that no lane names any more."""
    for name in sorted(set(marked) - declared):
        found = observed.get(name, ObservedGroup()).group
        if found is not None and found.is_ours:
            alias = Difference("alias", _alias(found.alias, found.alias_mount), None)
            path = ApproverGroup(name, "").path
            yield Change(action="delete", kind="group", name=path, differences=(alias,), wanted=ApproverGroup(name, ""))


def _change(wanted: ApproverGroup, seen: ObservedGroup) -> Change:
    found, path = seen.group, wanted.path
    if found is not None and not found.is_ours:
        return Change(action="keep", kind="group", name=path)
    if seen.alias_of and (found is None or seen.alias_of != found.name):
        taken = AliasTaken(group=seen.alias_of, alias=wanted.name, mount=wanted.login)
        return Change(action="foreign", kind="group", name=path, obstacle=taken)
    alias = _alias(wanted.name, wanted.login)
    if found is None:
        made = (Difference("type", None, "external"), Difference("alias", None, alias))
        return Change(action="create", kind="group", name=path, differences=made, wanted=wanted)
    now = _alias(found.alias, found.alias_mount)
    different = [Difference("alias", now, alias)] if now != alias else []
    different += [Difference("policies", list(found.policies), None)] if found.policies else []
    return Change(
        action="change" if different else "keep", kind="group", name=path, differences=tuple(different), wanted=wanted
    )


def _alias(name: str, mount: str) -> str | None:
    return f"{name} of auth/{mount}" if name else None
