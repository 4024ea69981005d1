"""What lanes left behind whose files are gone: each with the command that removes it."""

from typing import Any

from warden.core.openbao.orphans import OrphanedPolicy
from warden.core.openbao.ssh_roles import SshResources
from warden.core.plans.lane_plan import Orphan
from warden.core.quoting import name, placeholder
from warden.core.remedies import RunWarden, warden
from warden.present import terminal
from warden.present.commands import command, commands, to_paste
from warden.present.plans import orphan_name, remove_orphan
from warden.usecases.orphans import Orphans

MOST = 3
"""How many are shown beside other things; `plan --all` shows all of them."""


def show_orphans(found: Orphans, *, most: int | None = None) -> None:
    """Each policy (at most `most`) and ExternalSecret, and that nothing is known where policies may not be listed."""
    policies = found.policies or ()
    for policy in policies[:most]:
        terminal.sentence(f"Orphaned: {describe_policy(policy)}. To remove what it grants:")
        terminal.line(f"  {commands(policy.removal)}")
    if most is not None and len(policies) > most:
        terminal.sentence(f"{len(policies) - most} more orphans: {to_paste(warden('plan', all=True))}")
    for subject in found.subjects:
        terminal.sentence(f"Orphaned: {describe_subject(subject)}. To remove it:")
        terminal.line(f"  {command(_remove_subject(subject))}")
    for delivery in found.deliveries:
        terminal.sentence(f"Orphaned: {describe_delivery(delivery)}. To remove it:")
        terminal.line(f"  {command(remove_orphan(delivery))}")
    if found.policies is None:
        terminal.note("Not checked: policies of lanes whose file is gone (needs list on sys/policies/acl).")


def describe_policy(orphan: OrphanedPolicy) -> str:
    """A policy and its roles as one clause."""
    roles = ", ".join(map(str, (*orphan.roles, *orphan.shared)))
    held = f", in {roles}" if roles else ""
    reads = f" reads {orphan.path}{held}" if orphan.path else f" is still there{held}"
    return f"policy {orphan.policy}{reads}, and no file of this catalog declares its lane {orphan.lane}"


def describe_subject(orphan: SshResources) -> str:
    """An actor or host as one clause."""
    return f"{name(orphan.policy)} still has certificates signed, and inventory.yaml has no {name(orphan.subject)}"


def _remove_subject(orphan: SshResources) -> RunWarden:
    return warden("apply", placeholder(name(orphan.subject)), yes=True)


def describe_delivery(orphan: Orphan) -> str:
    """An ExternalSecret as one clause."""
    return f"{orphan_name(orphan)} still delivers, and the file of its lane is gone"


def orphans_json(found: Orphans) -> list[dict[str, Any]]:
    """``lane, orphan {policy, path, roles[], fix}``; ``orphan {policy, fix}`` of an actor or host, or of a delivery."""
    policies = [
        {
            "lane": each.lane,
            "orphan": {
                "policy": each.policy,
                "path": each.path,
                "roles": [str(role) for role in (*each.roles, *each.shared)],
                "fix": commands(each.removal),
            },
        }
        for each in found.policies or ()
    ]
    subjects = [
        {each.kind: each.subject, "orphan": {"policy": each.policy, "fix": command(_remove_subject(each))}}
        for each in found.subjects
    ]
    deliveries = [
        {"lane": "", "orphan": {"delivery": orphan_name(each), "fix": command(remove_orphan(each))}}
        for each in found.deliveries
    ]
    return [*policies, *subjects, *deliveries]
