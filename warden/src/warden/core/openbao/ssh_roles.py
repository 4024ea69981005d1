"""What an actor or a host of the inventory implies in OpenBao: an SSH role, a policy, and the logins that have it.

    agt-deploy -> ssh/roles/agt-deploy                    what its certificates may say, at most and at least
                  policy ssh-sign-agt-deploy              may have them signed
                  auth/kubernetes/role/ssh-agt-deploy     each identity, with that policy
    web        -> ssh-hosts/roles/host-web, policy ssh-sign-host-web

The policy is marked as ours by its first lines, which name the actor and the platform, the logins by the lines after
them; the SSH role is ours where the policy is, or where its key id is. No register of our own is kept.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from warden.core.inventory.inventory import CLOCK_SKEW, CertificateType, Inventory, NamedActor, NamedHost
from warden.core.inventory.public_keys import public_key
from warden.core.lanes.lane import RoleName
from warden.core.openbao.resources import Role, roles_marked_in
from warden.core.openbao.ssh_names import host_role, sign_policy

NOTHING = "none"
"""The only option and extension that a request may name: there is none of that name.

An empty list of critical options would allow any, and options that a request names replace those of the role (measured,
2.7.2). So the role's own options cannot be replaced, whatever policy a caller has.
"""

MARKS: Mapping[CertificateType, str] = {"user": "# ops-warden actor ", "host": "# ops-warden host "}
"""How the first line of a policy of ours begins; the actor's or host's name follows."""
_PLATFORM = "# platform "
_LOGIN = "# login "
_SIGNS = re.compile(r'^path "([^"]+)/sign/([^"/]+)" \{$', re.MULTILINE)

KEY_LENGTHS = {"rsa": [2048, 3072, 4096, 8192], "ecdsa": [256, 384, 521], "ed25519": [0]}
"""The keys that are signed; hardware keys (``sk-``) count as what they are made of (measured, 2.7.2)."""


class SshResources(msgspec.Struct, frozen=True, kw_only=True):
    """What one actor or host implies on OpenBao.

    ``mount`` is the SSH engine that signs for it, ``role`` its SSH role there with these ``fields``; all three are
    empty where another authority signs. ``platform`` is the name of the one that declares it; empty where it has none.
    ``logins`` are the auth roles of its identities. One that is ``gone`` from the inventory implies nothing at all.
    """

    subject: str
    type: CertificateType
    mount: str
    role: str
    fields: Mapping[str, Any]
    policy: str
    policy_text: str
    platform: str = ""
    logins: tuple[Role, ...] = ()
    gone: bool = False

    @property
    def kind(self) -> Literal["actor", "host"]:
        """What it is in the inventory."""
        return "host" if self.type == "host" else "actor"


class SshRole(NamedTuple):
    """Where an SSH role is."""

    mount: str
    name: str

    def __str__(self) -> str:
        return f"{self.mount}/roles/{self.name}"


def derive(name: str, inventory: Inventory, platform: str = "") -> SshResources | None:
    """What that actor or host implies; ``None`` where the inventory has none, or nothing of it is on OpenBao.

    `platform` is the name that stands in its policy: several platforms may have certificates signed by one engine.
    """
    authority = inventory.authorities.hosts
    if actor := inventory.actor(name):
        hosts = (authority and authority.openbao) or ""
        found = _of_actor(actor, inventory.authorities.users.openbao or "", hosts, logins_of(inventory))
        return _marked(found, platform)
    host = inventory.host(name)
    return _marked(_of_host(host, authority.openbao), platform) if host and authority and authority.openbao else None


def derive_all(inventory: Inventory, platform: str = "") -> tuple[SshResources, ...]:
    """What every actor and host implies, actors first."""
    found = (derive(name, inventory, platform) for name in (*inventory.actors, *inventory.hosts))
    return tuple(each for each in found if each)


def gone(policy: str, text: str, platform: str = "") -> SshResources | None:
    """An actor or host that the inventory does not declare any more, by its policy.

    ``None`` for a policy that is not ours, or is of another platform, whose inventory may well declare it.
    """
    subject = subject_marked_in(text)
    if subject is None or platform_marked_in(text) != platform:
        return None
    kind: CertificateType = "host" if text.startswith(MARKS["host"]) else "user"
    return SshResources(
        subject=subject,
        type=kind,
        mount="",
        role="",
        fields={},
        policy=policy,
        policy_text="",
        platform=platform,
        gone=True,
    )


def logins_of(inventory: Inventory) -> dict[RoleName, Role]:
    """The auth role of every identity. None is of two actors: the rules of the file see to it."""
    found = {}
    for actor in inventory.named_actors:
        for identity in actor.declared.identities:
            login = actor.role_of(identity)
            found[login] = Role(name=login, reader=identity, policies=(sign_policy(actor.name),))
    return found


def _of_actor(actor: NamedActor, mount: str, hosts: str, logins: Mapping[RoleName, Role]) -> SshResources:
    """`hosts` is the mount that signs for hosts: who logs in there is to know its keys."""
    own = tuple(dict.fromkeys(map(actor.role_of, actor.declared.identities)))
    return SshResources(
        subject=actor.name,
        type="user",
        mount=mount,
        role=actor.name if mount else "",
        fields=_user_fields(actor) if mount else {},
        policy=sign_policy(actor.name),
        policy_text=_policy_text(actor, SshRole(mount, actor.name), own, hosts),
        logins=tuple(logins[name] for name in own),
    )


def _of_host(host: NamedHost, mount: str) -> SshResources:
    role = host_role(host.name)
    return SshResources(
        subject=host.name,
        type="host",
        mount=mount,
        role=role,
        fields=_host_fields(host),
        policy=sign_policy(role),
        policy_text=_policy_text(host, SshRole(mount, role), ()),
    )


def _marked(resources: SshResources, platform: str) -> SshResources:
    """With the platform on the second line of its policy; as it is where that has no name."""
    if not platform:
        return resources
    first, _, rest = resources.policy_text.partition("\n")
    text = f"{first}\n{_PLATFORM}{platform}\n{rest}"
    return msgspec.structs.replace(resources, policy_text=text, platform=platform)


def _user_fields(actor: NamedActor) -> dict[str, Any]:
    return _fields(actor.name, int(actor.ttl)) | {
        "allow_user_certificates": True,
        "allowed_users": ",".join(sorted(set(actor.principals))),
        "default_critical_options": actor.critical_options,
        "default_extensions": dict.fromkeys(actor.extensions, ""),
    }


def _host_fields(host: NamedHost) -> dict[str, Any]:
    return _fields(host.name, int(host.ttl)) | {
        "allow_host_certificates": True,
        "allow_bare_domains": True,
        "allowed_domains": ",".join(sorted(set(host.principals))),
    }


def _fields(subject: str, ttl: int) -> dict[str, Any]:
    """OpenBao API, *secret/ssh*, "Create role": all that decides about a certificate, so that nothing is left open."""
    return {
        "key_type": "ca",
        "algorithm_signer": "default",
        "issuer_ref": "default",
        "allow_user_certificates": False,
        "allow_host_certificates": False,
        "allowed_users": "",
        "allowed_domains": "",
        "allow_bare_domains": False,
        "allow_subdomains": False,
        "allow_empty_principals": False,
        "allow_user_key_ids": False,
        "allowed_critical_options": NOTHING,
        "allowed_extensions": NOTHING,
        "default_critical_options": {},
        "default_extensions": {},
        "default_user": "",
        "key_id_format": key_id_format(subject),
        "allowed_user_key_lengths": KEY_LENGTHS,
        "ttl": ttl,
        "max_ttl": ttl,
        "not_before_duration": CLOCK_SKEW,
    }


def key_id_format(subject: str) -> str:
    """Gives what `core.ssh.certificate.key_id` does."""
    return f"{subject} {{{{token_display_name}}}} {{{{public_key_hash}}}}"


def _policy_text(subject: NamedActor | NamedHost, role: SshRole, logins: Iterable[RoleName], hosts: str = "") -> str:
    """May have certificates signed by the one role, as that says; see public keys, of hosts, too; see who it is.

    Options and extensions cannot be asked for, not even those of the role; nor other keys than those that are listed.
    """
    kind: CertificateType = "user" if isinstance(subject, NamedActor) else "host"
    signs = (
        f'path "{role.mount}/sign/{role.name}" {{\n'
        '  capabilities = ["update"]\n'
        f"{_keys_allowed(subject.declared.public_keys)}"
        '  denied_parameters = {\n    "critical_options" = []\n    "extensions" = []\n  }\n'
        "}\n"
    )
    sees = (f'path "{mount}/issuers" {{\n  capabilities = ["list"]\n}}\n' for mount in (role.mount, hosts) if mount)
    return (
        f"{MARKS[kind]}{subject.name}: derived; change inventory.yaml, not this policy\n"
        + "".join(f"{_LOGIN}{name}\n" for name in logins)
        + (signs if role.mount else "")
        + "".join(sees)
        + 'path "auth/token/lookup-self" {\n  capabilities = ["read"]\n}\n'
    )


def _keys_allowed(lines: Sequence[str]) -> str:
    """The keys that a request may show, exactly as warden sends them, and every other parameter; nothing where any is.

    What is denied besides stays denied (measured, 2.7.2).
    """
    keys = "".join(f'      "{key.line}",\n' for line in lines if (key := public_key(line)))
    if not lines:
        return ""
    return f'  allowed_parameters = {{\n    "public_key" = [\n{keys}    ]\n    "*" = []\n  }}\n'


def subject_marked_in(policy: str) -> str | None:
    """The actor or host that a policy's text names as its origin; ``None`` for a policy that is not ours."""
    first = policy.partition("\n")[0]
    found = (first.removeprefix(mark).partition(":")[0] for mark in MARKS.values() if first.startswith(mark))
    return next(found, None)


def platform_marked_in(policy: str) -> str:
    """The platform that a policy of ours names; empty where it names none."""
    _, _, second = policy.partition("\n")
    line = second.partition("\n")[0]
    return line.removeprefix(_PLATFORM) if line.startswith(_PLATFORM) else ""


def is_of(resources: SshResources, policy: str) -> bool:
    """Whether a policy says that it was derived for this actor or host, of this platform or of one without a name."""
    return subject_marked_in(policy) == resources.subject and platform_marked_in(policy) in {"", resources.platform}


def logins_marked_in(policy: str) -> frozenset[RoleName]:
    """The auth roles that a policy of ours names as made with it."""
    if subject_marked_in(policy) is None:
        return frozenset()
    lines = (line.removeprefix(_LOGIN) for line in policy.splitlines() if line.startswith(_LOGIN))
    return roles_marked_in(dict.fromkeys(lines, ""))


def ssh_role_in(policy: str) -> SshRole | None:
    """The SSH role that a derived policy may have certificates signed by."""
    found = _SIGNS.search(policy)
    return SshRole(found[1], found[2]) if found else None
