"""A lane's resources: exactly the OpenBao objects that it implies, and how each is marked as ours.

What is ours must be recognisable without a register of our own: a policy carries a comment that names its lane; the
custom metadata of the lane's KV path names the lane, its owners, its policy and its roles. `plan` touches nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from warden.core.errors import UsageError
from warden.core.inventory.inventory import ActorIdentity, PersonIdentity
from warden.core.lanes.approval import Approval, ApproverGroup, approver_policy
from warden.core.lanes.lane import KvPath, Lane, LoginMount, PeopleReader, Reader, RoleName, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, CertificateReader, CiReader, GithubReader, GitlabReader

MARK = "# ops-warden lane "
"""How the first line of a policy of ours begins; the lane's id follows."""

PROTECTED = "protected"
"""The mark that says who has to approve changes of the lane, so that a file without its line is noticed."""

APPROVAL_POLICIES = "approval-policies"
"""The mark that names the lane's policies besides the plain one."""
CHANGES = "changes"
"""The mark that lists the change requests that were applied to a protected lane, so that none is used twice."""

PLACEHOLDER = "<"

_READS = re.compile(r'^path "([^"]+?)/data/([^"]+)" \{$', re.MULTILINE)


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """An auth role: who logs in by it, and the policies of every lane that this reader may read.

    ``lanes`` are the ids of those lanes. ``approves``: it is of approvers, who read nothing. An identity of an SSH
    actor has a role, too, with the policies of the actors that it may have certificates signed for.
    """

    name: RoleName
    reader: ActorIdentity
    policies: tuple[str, ...]
    lanes: frozenset[str] = frozenset()
    approves: bool = False


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What one lane implies on OpenBao. ``marks`` is the custom metadata of the lane's path.

    ``approval_policies`` are those of readers who need an approval, and of their approvers; ``groups`` the latter's.

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
    approval_policies: Mapping[str, str] = {}
    groups: tuple[ApproverGroup, ...] = ()

    @property
    def policies(self) -> Mapping[str, str]:
        """The text of every policy, by name."""
        return {self.policy: self.policy_text, **self.approval_policies}


def derive(lane: Lane, lanes: Iterable[Lane], closed: frozenset[str] = frozenset(), mark: str = "") -> Resources:
    """What `lane` implies, among all `lanes` of the catalog.

    A reader of several lanes has one role with the policies of each; the policy of a lane in `closed` is left out of
    every role, which is how closing holds for everyone, also outside warden.
    """
    return derived(lane, roles_of(lanes, closed), closed, mark)


def derived(lane: Lane, declared: Mapping[RoleName, Role], closed: frozenset[str], mark: str = "") -> Resources:
    """What `lane` implies, with the roles that all lanes declare at hand; see `derive`."""
    roles = tuple(declared[lane.role_name(reader)] for reader in (*lane.readers, *lane.approvers))
    return Resources(
        lane=lane,
        policy=lane.custody.policy_name,
        policy_text=policy_text(lane),
        roles=roles,
        marks=marks(lane, roles),
        closed=lane.id in closed,
        mark=mark,
        approval_policies=approval_policies(lane),
        groups=lane.approver_groups,
    )


def roles_of(lanes: Iterable[Lane], closed: frozenset[str] = frozenset()) -> dict[RoleName, Role]:
    """Every role that the lanes declare, each with the policies of all open lanes that its reader may read."""
    found: dict[RoleName, Role] = {}
    for lane in sorted(lanes, key=lambda each: each.id):
        if is_template(lane):
            continue
        is_open = lane.id not in closed
        for reader, policy, approves in _logins(lane):
            name = lane.role_name(reader)
            before = found.get(name) or Role(name=name, reader=reader, policies=())
            policies = tuple(sorted({*before.policies, *((policy,) if is_open else ())}))
            ids = before.lanes | ({lane.id} if is_open else frozenset())
            found[name] = Role(name=name, reader=reader, policies=policies, lanes=ids, approves=approves)
    return found


def _logins(lane: Lane) -> Iterable[tuple[Reader, str, bool]]:
    """Everybody who logs in because of the lane, with the policy for it, and whether it is to approve."""
    yield from ((reader, lane.policy_of(reader), False) for reader in lane.readers)
    yield from ((each, approver_policy(lane.custody.policy_name), True) for each in lane.approvers)


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


def approval_policies(lane: Lane) -> dict[str, str]:
    """The policies of the lane's readers who need an approval, and the one of their approvers; by name."""
    controlled = {lane.policy_of(each): _controlled_text(lane, each.approval) for each in lane.approved_readers}
    return controlled | ({approver_policy(lane.custody.policy_name): _approver_text(lane)} if controlled else {})


def _controlled_text(lane: Lane, approval: Approval | None) -> str:
    """The lane's path behind a control group (OpenBao, *Policies*, "Control groups").

    The second path lets a reader see how its own request stands; a reader that asked for it knows the accessor.
    """
    assert approval is not None  # noqa: S101 - of approved readers only
    custody = lane.custody
    return (
        f"{MARK}{lane.id}: derived; change the lane's file, not this policy\n"
        f'path "{custody.mount}/data/{custody.key}" {{\n'
        '  capabilities = ["read"]\n'
        "  control_group = {\n"
        f'    ttl = "{int(approval.ttl)}s"\n'
        '    factor "approvers" {\n'
        '      controlled_capabilities = ["read"]\n'
        f'      identity {{ group_names = ["{approval.group}"] approvals = {approval.approvals} }}\n'
        "    }\n"
        "  }\n"
        "}\n"
        f'path "{REQUEST}" {{\n  capabilities = ["update"]\n}}\n'
    )


def _approver_text(lane: Lane) -> str:
    """What an approver asks OpenBao; whether it counts as one is decided there, by the group."""
    return (
        f"{MARK}{lane.id}: derived; change the lane's file, not this policy\n"
        f'path "{REQUEST}" {{\n  capabilities = ["update"]\n}}\n'
        f'path "{AUTHORIZE}" {{\n  capabilities = ["update"]\n}}\n'
    )


REQUEST, AUTHORIZE = "sys/control-group/request", "sys/control-group/authorize"
"""Where OpenBao says how a request stands, and where it is approved; both by its accessor."""


def lane_marked_in(policy: str) -> str | None:
    """The lane that a policy's text names as its origin; ``None`` for a policy that is not ours."""
    first = policy.partition("\n")[0]
    return first.removeprefix(MARK).partition(":")[0] if first.startswith(MARK) else None


def path_read_by(policy: str) -> KvPath | None:
    """The KV path that a derived policy reads; ``None`` for a text that was not derived."""
    found = _READS.search(policy)
    return KvPath(found[1], found[2]) if found else None


def marks(lane: Lane, roles: Iterable[Role]) -> dict[str, str]:
    """The custom metadata of the lane's path (KV v2: at most 64 keys of 128 bytes, values of 512)."""
    owners = {"custody": lane.owners.custody, "consumer": lane.owners.consumer, "runtime": lane.owners.runtime}
    return {
        "catalog-id": lane.id,
        **{f"owner-{stretch}": owner.repo for stretch, owner in owners.items() if owner},
        "policy": lane.custody.policy_name,
        **({PROTECTED: lane.protected.mark} if lane.protected else {}),
        **({APPROVAL_POLICIES: ", ".join(lane.policy_names[1:])} if lane.approved_readers else {}),
        **{group.path: f"approvers, {group.login}" for group in lane.approver_groups},
        **{str(role.name): role.reader.label for role in roles},
    }


def roles_marked_in(custom: Mapping[str, str]) -> frozenset[RoleName]:
    """The roles that a path's custom metadata claims as ours."""
    parts = [key.split("/") for key in custom if key.startswith("auth/")]
    found = (_role_at("/".join(p[1:-2]), p[-2], p[-1]) for p in parts if len(p) > 3)  # noqa: PLR2004 - auth/<mount>/role/<name>
    return frozenset(filter(None, found))


def _role_at(mount: str, folder: str, name: str) -> RoleName | None:
    if folder == "role":
        return RoleName(mount, name)
    return RoleName(mount, name, "certs") if folder == "certs" else None


class Settings(msgspec.Struct, frozen=True):
    """What roles need beside the lane.

    ``logins``: each mount where people log in. ``authorities``: the file that a certificate's reader names -> its PEM.
    """

    logins: Mapping[str, LoginMount] = {}
    authorities: Mapping[str, str] = {}


def mount_types(reader: ActorIdentity) -> tuple[str, ...]:
    """The types of auth mount that the reader can log in at; the usual one first."""
    if isinstance(reader, WorkloadReader):
        return ("kubernetes", "jwt", "oidc")
    if isinstance(reader, PeopleReader | PersonIdentity):
        return ("oidc", "jwt")
    if isinstance(reader, AppRoleReader):
        return ("approle",)
    return ("cert",) if isinstance(reader, CertificateReader) else ("jwt", "oidc")


def keeps(auth_type: str | None, role: RoleName) -> bool:
    """Whether a mount of that type keeps roles where this one would be."""
    return auth_type is not None and (auth_type == "cert") == (role.folder == "certs")


def role_fields(role: Role, auth_type: str, settings: Settings) -> dict[str, Any]:
    """The role as its mount's type wants it (OpenBao API: auth/jwt, kubernetes, approle and cert, "create role").

    ``default`` stays among a token's policies: External Secrets Operator and warden look their own token up with it.
    """
    token = {
        "token_policies": list(role.policies),
        "token_ttl": int(role.reader.ttl),
        "token_max_ttl": int(role.reader.ttl),
    }
    return _login_fields(role, auth_type, settings) | token


def _login_fields(role: Role, auth_type: str, settings: Settings) -> dict[str, Any]:
    match role.reader:
        case WorkloadReader() as reader:
            return _workload_fields(reader, auth_type)
        case PeopleReader() as reader:
            login = settings.logins.get(role.name.mount, LoginMount())
            groups = {"groups_claim": login.groups_claim} if role.approves else {}
            return _people_fields({login.groups_claim: [reader.people]}, auth_type, login) | groups
        case PersonIdentity() as reader:
            login = settings.logins.get(role.name.mount, LoginMount())
            return _people_fields({login.user_claim: [reader.person]}, auth_type, login)
        case AppRoleReader() as reader:
            return _approle_fields(reader)
        case CertificateReader() as reader:
            return _certificate_fields(reader, role.name.name, settings.authorities.get(reader.ca, ""))
        case GithubReader() | GitlabReader() as reader:
            return _ci_fields(reader)


def _ci_fields(reader: CiReader) -> dict[str, Any]:
    return {
        "role_type": "jwt",
        "bound_audiences": [reader.audience],
        "bound_claims": {name: sorted(texts) for name, texts in reader.claims.items()},
        "bound_claims_type": "glob" if reader.match == "glob" else "string",
        "user_claim": reader.user_claim,
    }


def _approle_fields(reader: AppRoleReader) -> dict[str, Any]:
    return {
        "bind_secret_id": True,
        "secret_id_ttl": int(reader.secret_id_ttl),
        "secret_id_num_uses": reader.secret_id_uses,
        "secret_id_bound_cidrs": sorted(reader.cidrs),
        "token_bound_cidrs": sorted(map(_as_stated, reader.cidrs)),
    }


def _as_stated(cidr: str) -> str:
    """A network of one address is stated as that address for tokens, and for SecretIDs as written (measured, 2.7.2)."""
    return cidr.removesuffix("/128" if ":" in cidr else "/32")


def _certificate_fields(reader: CertificateReader, name: str, authority: str) -> dict[str, Any]:
    return {"certificate": authority, reader.names_field: [reader.certificate], "display_name": name}


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


def _people_fields(claims: Mapping[str, list[str]], auth_type: str, login: LoginMount) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "role_type": "oidc" if auth_type == "oidc" else "jwt",
        "bound_claims": claims,
        "user_claim": login.user_claim,
    }
    if auth_type != "oidc":
        return fields | {"bound_audiences": [login.audience]}
    return fields | {
        "allowed_redirect_uris": sorted(login.redirect_uris),
        "oidc_scopes": sorted(login.scopes),
        "callback_mode": login.callback,
    }
