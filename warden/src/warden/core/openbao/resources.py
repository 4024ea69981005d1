"""A lane's resources: exactly the OpenBao objects that it implies, and how each is marked as ours.

What is ours must be recognisable without a register of our own: a policy carries a comment that names its lane; the
custom metadata of the lane's KV path names the lane, its owners, its policy and its roles. `plan` touches nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from warden.core.errors import UsageError
from warden.core.lanes.lane import Lane, LoginMount, PeopleReader, Reader, RoleName, WorkloadReader

MARK = "# ops-warden lane "
"""How the first line of a policy of ours begins; the lane's id follows."""

PLACEHOLDER = "<"

_READS = re.compile(r'^path "([^"/]+)/data/([^"]+)" \{$', re.MULTILINE)


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """An auth role: who logs in by it, and the policies of every lane that this reader may read.

    ``lanes`` are the ids of those lanes.
    """

    name: RoleName
    reader: Reader
    policies: tuple[str, ...]
    lanes: frozenset[str] = frozenset()


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What one lane implies on OpenBao. ``marks`` is the custom metadata of the lane's path.

    A lane that is ``closed`` implies no policy at all: tokens that were given out before lose their access at once,
    where taking the policy out of the role would only keep new ones from getting it. ``mark`` is what its path is
    marked with then (`closing`); empty where that is not for this caller to do.
    """

    lane: Lane
    policy: str
    policy_text: str
    roles: tuple[Role, ...]
    marks: Mapping[str, str]
    closed: bool = False
    mark: str = ""


def derive(lane: Lane, lanes: Iterable[Lane], closed: frozenset[str] = frozenset(), mark: str = "") -> Resources:
    """What `lane` implies, among all `lanes` of the catalog.

    A reader of several lanes has one role with the policies of each; the policy of a lane in `closed` is left out of
    every role, which is how closing holds for everyone, also outside warden.
    """
    declared = roles_of(lanes, closed)
    roles = tuple(declared[RoleName(reader.mount, lane.role_of(reader))] for reader in lane.readers)
    return Resources(
        lane=lane,
        policy=lane.custody.policy_name,
        policy_text=policy_text(lane),
        roles=roles,
        marks=marks(lane, roles),
        closed=lane.id in closed,
        mark=mark,
    )


def roles_of(lanes: Iterable[Lane], closed: frozenset[str] = frozenset()) -> dict[RoleName, Role]:
    """Every role that the lanes declare, each with the policies of all open lanes that its reader may read."""
    found: dict[RoleName, Role] = {}
    for lane in sorted(lanes, key=lambda each: each.id):
        if is_template(lane):
            continue
        granted = () if lane.id in closed else (lane.custody.policy_name,)
        for reader in lane.readers:
            name = RoleName(reader.mount, lane.role_of(reader))
            before = found.get(name) or Role(name=name, reader=reader, policies=())
            policies = tuple(sorted({*before.policies, *granted}))
            ids = before.lanes | ({lane.id} if granted else frozenset())
            found[name] = Role(name=name, reader=reader, policies=policies, lanes=ids)
    return found


def is_template(lane: Lane) -> bool:
    """Whether a placeholder is left in the path, so that nothing can be derived yet."""
    return PLACEHOLDER in lane.custody.path


def expect_concrete(lane: Lane) -> None:
    """Raise `UsageError` where a placeholder is left in the lane's path."""
    if is_template(lane):
        raise UsageError(
            f"{lane.id} still has a placeholder in its path ({lane.custody.path}). Nothing was asked.",
            subject=lane.id,
            hint="write the concrete path into custody.path of its file",
        )


def policy_text(lane: Lane) -> str:
    """The read policy of one KV v2 path: its data and nothing else (not its metadata, not its versions)."""
    custody = lane.custody
    return (
        f"{MARK}{lane.id}: derived; change the lane's file, not this policy\n"
        f'path "{custody.mount}/data/{custody.key}" {{\n'
        '  capabilities = ["read"]\n'
        "}\n"
    )


def lane_marked_in(policy: str) -> str | None:
    """The lane that a policy's text names as its origin; ``None`` for a policy that is not ours."""
    first = policy.partition("\n")[0]
    return first.removeprefix(MARK).partition(":")[0] if first.startswith(MARK) else None


def path_read_by(policy: str) -> str | None:
    """The KV path that a derived policy reads; ``None`` for a text that was not derived."""
    found = _READS.search(policy)
    return f"{found[1]}/{found[2]}" if found else None


def marks(lane: Lane, roles: Iterable[Role]) -> dict[str, str]:
    """The custom metadata of the lane's path (KV v2: at most 64 keys of 128 bytes, values of 512)."""
    owners = {"custody": lane.owners.custody, "consumer": lane.owners.consumer, "runtime": lane.owners.runtime}
    return {
        "catalog-id": lane.id,
        **{f"owner-{stretch}": owner.repo for stretch, owner in owners.items() if owner},
        "policy": lane.custody.policy_name,
        **{str(role.name): role.reader.label for role in roles},
    }


def roles_marked_in(custom: Mapping[str, str]) -> frozenset[RoleName]:
    """The roles that a path's custom metadata claims as ours."""
    parts = [key.split("/") for key in custom if key.startswith("auth/")]
    return frozenset(RoleName("/".join(p[1:-2]), p[-1]) for p in parts if len(p) > 3 and p[-2] == "role")  # noqa: PLR2004 - auth/<mount>/role/<name>


def role_fields(role: Role, auth_type: str, login: LoginMount) -> dict[str, Any]:
    """The role as its mount's type wants it (OpenBao API: auth/jwt and auth/kubernetes, "create/update role").

    ``default`` stays among a token's policies: External Secrets Operator and warden look their own token up with it.
    """
    token = {
        "token_policies": list(role.policies),
        "token_ttl": int(role.reader.ttl),
        "token_max_ttl": int(role.reader.ttl),
    }
    if isinstance(role.reader, PeopleReader):
        return _people_fields(role.reader, auth_type, login) | token
    return _workload_fields(role.reader, auth_type) | token


def _workload_fields(reader: WorkloadReader, auth_type: str) -> dict[str, Any]:
    if auth_type == "kubernetes":
        return {
            "bound_service_account_names": [reader.workload.account],
            "bound_service_account_namespaces": [reader.workload.namespace],
            "audience": reader.audience,
            "alias_name_source": "serviceaccount_uid",
        }
    return {
        "role_type": "jwt",
        "bound_audiences": [reader.audience],
        "bound_subject": reader.workload.subject,
        "user_claim": "sub",
    }


def _people_fields(reader: PeopleReader, auth_type: str, login: LoginMount) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "role_type": "oidc" if auth_type == "oidc" else "jwt",
        "bound_claims": {login.groups_claim: [reader.people]},
        "user_claim": login.user_claim,
    }
    if auth_type == "oidc":
        return fields | {"allowed_redirect_uris": sorted(login.redirect_uris)}
    return fields | {"bound_audiences": [login.audience]}
