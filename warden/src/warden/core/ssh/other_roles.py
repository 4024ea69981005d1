"""The other SSH roles of an actor's mount: which give its principals, though nobody declares it, and by whom.

ssh/roles/rogue    allowed_users=*         gives them to whoever may sign by it    -> delete it
ssh/roles/adm-ada  allowed_users=…,deploy  is not as declared any more             -> apply it
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from warden.core.access_index.ways import Step, WayIn, WhoCan
from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.openbao.ssh_roles import SshRole, derive_all
from warden.core.quoting import placeholder
from warden.core.remedies import Remedy, RunBao, warden

_TEMPLATE = re.compile(r"\{\{.+?\}\}")


class OtherRole(msgspec.Struct, frozen=True, kw_only=True):
    """An SSH role by which certificates with these principals of the actor can be had; ``remedy`` ends that."""

    role: SshRole
    principals: tuple[str, ...]
    remedy: Remedy


def others_that_give(
    actor: NamedActor, roles: Mapping[SshRole, Mapping[str, Any]], inventory: Inventory
) -> Iterator[OtherRole]:
    """Those of `roles` that give more of the actor's principals than is declared."""
    declared = {SshRole(each.mount, each.role): each for each in derive_all(inventory) if each.mount}
    for role, fields in roles.items():
        known = declared.get(role)
        beyond = gives(fields, actor.principals) - gives(known.fields if known else {}, actor.principals)
        if beyond and role.name != actor.name:
            delete = RunBao(action="delete-role", path=str(role._replace(name=placeholder(role.name))))
            fix = warden("apply", known.subject) if known else delete
            yield OtherRole(role=role, principals=tuple(sorted(beyond)), remedy=(fix,))


def gives(fields: Mapping[str, Any], principals: Iterable[str]) -> frozenset[str]:
    """Those principals that a user's certificate by an SSH role may have.

    ``*`` counts only where it is all there is, and ``default_user`` only where it is allowed, too (measured, 2.7.2).
    """
    if fields.get("key_type") != "ca" or not fields.get("allow_user_certificates"):
        return frozenset()
    allowed = str(fields.get("allowed_users") or "").strip()
    if allowed == "*":
        return frozenset(principals)
    patterns = [_pattern(each.strip(), fields) for each in allowed.split(",")]
    return frozenset(each for each in principals if any(one.fullmatch(each) for one in patterns))


def _pattern(allowed: str, fields: Mapping[str, Any]) -> re.Pattern[str]:
    """What one entry lets through; a template is taken for everything that somebody's identity may say."""
    if not fields.get("allowed_users_template") or not _TEMPLATE.search(allowed):
        return re.compile(re.escape(allowed))
    if fields.get("allow_commas_in_identity_templates"):
        return re.compile(".*")
    return re.compile(".*".join(map(re.escape, _TEMPLATE.split(allowed))))


def ways_by(other: OtherRole, found: WhoCan, known: WhoCan) -> Iterator[WayIn]:
    """The ways to have it signed by that role; without those who can gain the right to the actor's own, as `known`."""
    gaining = {way.identity for way in known.others if way.effect == "grants"}
    step = Step("signs-by", str(other.role), gains=", ".join(other.principals))
    for way in found.others:
        if way.effect == "reads" or (way.effect == "grants" and way.identity not in gaining):
            yield msgspec.structs.replace(way, via=(*way.via, step), remedy=other.remedy)
