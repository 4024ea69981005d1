"""plan of an actor or a host: what differs on OpenBao from what the inventory declares. Nothing is changed."""

from collections.abc import Iterator

from warden.core.errors import Refused
from warden.core.openbao.ssh_names import SIGN_POLICIES, policies_for
from warden.core.openbao.ssh_roles import SshResources, derive, gone
from warden.core.plans.lane_plan import LaneOptions, LanePlan
from warden.usecases.context import Context
from warden.usecases.targets.ssh_roles import SshTarget


def plan_ssh(resources: SshResources, context: Context, options: LaneOptions) -> LanePlan:
    """Compare. Raises `Inconclusive` or `Refused` where OpenBao could not be asked."""
    plan = SshTarget(resources, context, take_over=options.take_over).plan()
    return LanePlan(lane=resources.subject, kind=resources.kind, parts=(plan,), options=options)


def resources_named(name: str, context: Context) -> SshResources | None:
    """What the actor or host of that name implies; of one that is no longer declared: that nothing of it stays.

    ``None`` where neither the inventory nor OpenBao has it. Raises as the port does.
    """
    if context.inventory is None:
        return None
    found = derive(name, context.inventory, context.platform)
    if found or context.inventory.actor(name) or name in context.inventory.hosts:
        return found
    return next((each for policy in policies_for(name) if (each := _gone(policy, name, context))), None)


def orphaned(context: Context, names: frozenset[str]) -> Iterator[SshResources]:
    """The actors and hosts of this platform that OpenBao has and the inventory does not declare any more.

    They are found among all of its policies' `names`.
    """
    if context.inventory is None:
        return
    declared = {*context.inventory.actors, *context.inventory.hosts}
    for policy in sorted(each for each in names if each.startswith(SIGN_POLICIES)):
        found = _gone(policy, "", context)
        if found and found.subject not in declared:
            yield found


def _gone(policy: str, name: str, context: Context) -> SshResources | None:
    """By a policy of this platform's that names it; one that may not be read says nothing."""
    try:
        text = context.vault.policy(policy)
    except Refused:
        return None
    found = gone(policy, text, context.platform) if text else None
    return found if found and found.subject == (name or found.subject) else None
