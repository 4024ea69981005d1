"""What each verb needs on OpenBao: exact paths, the capabilities on them, and why. One least-rights policy a verb.

    rights_of("put", Scope(kv="platform"))
    -> platform/data/*       create, patch    write one field beside its siblings
       platform/metadata/*   read             …

A `Right` is written as it stands in a policy; `Right.sample` is a concrete path that it covers, to ask a server with
(``sys/capabilities-self`` takes paths, not patterns). Optional rights are named but not asked for: a verb works
without them, or needs them once in a server's life.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, get_args

import msgspec

from warden.core.openbao import ssh_rights
from warden.core.openbao.right import Right, Scope, right

Verb = Literal[
    "plan",
    "apply",
    "put",
    "access",
    "approve",
    "prove",
    "rotate",
    "status",
    "doctor",
    "who-can",
    "deactivate",
    "compromise",
    "sign",
    "ssh-ca",
    "ssh-host-sign",
]
VERBS: tuple[Verb, ...] = get_args(Verb)
_OF_SOME = frozenset({"approve", "rotate", "sign", "ssh-ca", "ssh-host-sign"})
USUAL: tuple[Verb, ...] = tuple(verb for verb in VERBS if verb not in _OF_SOME)
"""Those that whoever runs a platform needs. Who rotates reads values, which most of them should not; and SSH
certificates are for some."""


def _plan(scope: Scope) -> list[Right]:
    return [*_plan_lanes(scope), *ssh_rights.plan(scope)]


def _plan_lanes(scope: Scope) -> list[Right]:
    return [
        right(f"sys/policies/acl/{scope.policies}", "read", "compare each lane's policy with the derived one"),
        right(f"sys/mounts/{scope.kv}", "read", "see that the mount is KV version 2"),
        right("sys/auth", "read", "see of which type each auth mount is: it decides the role's shape"),
        *(right(roles, "read", "compare each reader's role") for roles in scope.roles),
        right(f"{scope.kv}/metadata/*", "read", "see whose path it is; metadata holds no value"),
        *_groups(scope, "read", "compare the groups of approvers"),
        *_groups_by_alias(scope),
        *_orphans(scope)[:1],
    ]


def _groups(scope: Scope, capabilities: str, why: str) -> list[Right]:
    return [right("identity/group/name/*", capabilities, why)] if scope.approval else []


def _groups_by_alias(scope: Scope) -> list[Right]:
    why = "see which group has an approver group's alias already"
    return [right("identity/lookup/group", "update", why)] if scope.approval else []


def _orphans(scope: Scope) -> list[Right]:
    """Everything but the first one `plan` needs anyway."""
    return [
        right("sys/policies/acl", "list", "find policies whose lane's file is gone", optional=True),
        right(f"sys/policies/acl/{scope.policies}", "read", "see which lane a policy names", optional=True),
        *(
            right(f"auth/{mount}/role/*", "read", "see whether its roles are there", optional=True)
            for mount in scope.auth
        ),
    ]


def _apply(scope: Scope) -> list[Right]:
    return [
        *_plan(scope),
        *ssh_rights.apply(scope),
        right(f"sys/policies/acl/{scope.policies}", "update delete", "write the derived policies"),
        *(right(roles, "create update delete", "write the readers' roles") for roles in scope.roles),
        right(f"{scope.kv}/metadata/*", "create patch", "mark the path with its lane and owners"),
        *_groups(scope, "update delete", "make the groups of approvers"),
        *([right("identity/group-alias", "update", _ALIAS)] if scope.approval else []),
        *([right("identity/group-alias/id/*", "delete", _ALIAS)] if scope.approval else []),
        right(
            f"sys/mounts/{scope.kv}", "create update", "mount KV version 2, once, where it is missing", optional=True
        ),
        *_signing(scope),
    ]


_ALIAS = "tie a group of approvers to the login's group of its name"


def _signing(scope: Scope) -> list[Right]:
    """Of every verb after which a checkpoint is signed; the rest of such a verb works without."""
    mount, _, key = scope.transit.rpartition("/")
    if not key:
        return []
    return [
        right(f"{mount}/keys/{key}", "read", "see the public key of the journal's checkpoints", optional=True),
        right(f"{mount}/sign/{key}", "update", "sign the journal's checkpoints", optional=True),
    ]


def _put(scope: Scope) -> list[Right]:
    return [
        right(f"sys/mounts/{scope.kv}", "read", "see that the mount is KV version 2 before anything is written"),
        right(f"{scope.kv}/metadata/*", "read", "know the version that the write is checked against"),
        right(f"{scope.kv}/data/*", "create patch update", "write a field beside its siblings; no value can be read"),
        right(f"{scope.kv}/subkeys/*", "read", "say which of a lane's fields have no value yet", optional=True),
    ]


_HEADERS = "sys/config/auditing/request-headers"


def _prove(scope: Scope) -> list[Right]:
    return [
        *_plan_lanes(scope),
        right(
            f"{scope.kv}/subkeys/*", "read", "see that a live version with the lane's fields is there, without values"
        ),
        right("sys/audit-hash/*", "update", "compare what was delivered with what the audit log says, without values"),
        right(
            "auth/token/revoke-accessor",
            "update",
            "end the readers' tokens that a killed proof left; otherwise they live until their ttl",
            optional=True,
        ),
        right(f"{scope.kv}/config", "read", "see how many versions are kept, and for how long"),
        right(_HEADERS, "read sudo", "see that the audit log shows the probes' header, before any is sent"),
        right("sys/audit", "read sudo", "see that no audit device logs values in clear, before one is read"),
        *(each for mount in scope.approle for each in _secret_ids(f"auth/{mount}/role/+")),
        *index_rights(scope),
        *ssh_rights.prove(scope),
        *_signing(scope),
    ]


def index_rights(scope: Scope) -> Iterator[Right]:
    """To see everybody who can reach a path: what is missing here stays unknown. No value can be read with it.

    ``+`` stands for one segment: an auth mount with a slash in its name needs stanzas of its own.
    """
    why = "see who else can reach a lane"
    yield right("sys/policies/detailed/acl", "list", f"{why}: what every policy says")
    yield right("sys/mounts", "read", f"{why}: which secrets engines there are")
    yield right("sys/auth", "read", f"{why}: which auth mounts there are")
    yield right("sys/namespaces", "list", f"{why}: which namespaces there are")
    yield right("auth/+/config", "read", f"{why}: whom each auth mount trusts")
    folders = ("auth/+/role/*", "auth/+/users/*", "auth/+/certs/*", "auth/+/groups/*", "auth/token/roles/*")
    for folder in (*folders, *scope.roles):
        yield right(folder, "list read", f"{why}: which policies a login gives")
    yield right("auth/+/cel/role", "list", f"{why}: which logins are computed")
    for kind in ("entity", "group"):
        yield right(f"identity/{kind}/id", "list", f"{why}: what identities add")
        yield right(f"identity/{kind}/id/+", "read", f"{why}: what identities add")
    yield right("auth/token/accessors", "list sudo", f"{why}: which tokens are alive; an accessor is not a token")
    yield right("auth/token/lookup-accessor", "update", f"{why}: which policies a token has")


def _secret_ids(role: str) -> Iterator[Right]:
    """Who may make SecretIDs can log in as the reader: a proof without it leaves that reader's own probes open."""
    why = "be an AppRole's reader for a minute"
    yield right(f"{role}/role-id", "read", "log in at the AppRole with a wrong SecretID, which has to be refused")
    yield right(f"{role}/secret-id", "update", f"{why}, with a SecretID for one login", optional=True)
    yield right(f"{role}/secret-id-accessor/destroy", "update", "destroy that SecretID again", optional=True)


def _access(scope: Scope) -> list[Right]:
    own = "read the lane's fields; never for all paths: each reader's role gives it for its own"
    return [
        right("auth/token/lookup-self", "read", "have OpenBao say who asks (in the policy default)"),
        right(f"{scope.kv}/data/*", "read", own, optional=True),
    ]


def _rotate(scope: Scope) -> list[Right]:
    """It reads values: the old one, to see it refused, and the new one, to see it arrive."""
    return [
        right("auth/token/lookup-self", "read", "have OpenBao say who rotates (in the policy default)"),
        right(f"{scope.kv}/metadata/*", "read patch", "mark a rotation that is under way, with check-and-set"),
        right(f"{scope.kv}/data/*", "read", "read the old value, the new one, and the provider's management key"),
        right(f"{scope.kv}/data/*", "create patch update", "write the new value beside its siblings"),
        right(f"{scope.kv}/destroy/*", "update", "destroy the versions that hold the old value"),
        right(f"{scope.kv}/config", "read", "see that the old version is kept until the end", optional=True),
        right("sys/audit-hash/*", "update", "know the new value again after a kill, without keeping it"),
    ]


def _approve(_: Scope) -> list[Right]:
    why = "a member of the lane's group of approvers; the derived role of approvers has it"
    return [
        right("auth/token/lookup-self", "read", "have OpenBao say who approves (in the policy default)"),
        right("sys/control-group/request", "update", f"see who asks for what: {why}"),
        right("sys/control-group/authorize", "update", f"approve a read: {why}"),
    ]


def _status(scope: Scope) -> list[Right]:
    why = "see whether the readers can read"
    return [
        right(f"{scope.kv}/metadata/*", "read", "see version, age and owner of each path; metadata holds no value"),
        *_orphans(scope),
        right(f"sys/policies/acl/{scope.policies}", "read", why, optional=True),
        *(right(f"auth/{mount}/role/*", "read", why, optional=True) for mount in scope.auth),
    ]


def _doctor(scope: Scope) -> list[Right]:
    header = "see whether the probe header is written to the audit log"
    return [
        *_orphans(scope),
        *ssh_rights.doctor(scope),
        right(_HEADERS, "read sudo", header, optional=True),
        right("sys/audit", "read sudo", "see where the audit lines are", optional=True),
    ]


def _who_can(scope: Scope) -> list[Right]:
    """Also of `can-reach`."""
    return [
        *index_rights(scope),
        right("sys/audit", "read sudo", "see where the audit lines are, to say when each last did it", optional=True),
    ]


def _deactivate(scope: Scope) -> list[Right]:
    """What `reactivate` needs besides is of `apply` and of `prove`."""
    tokens = "find the live tokens of a closed lane's readers"
    return [
        *_plan_lanes(scope),
        right(f"sys/policies/acl/{scope.policies}", "delete", "delete the policy of a closed lane"),
        *(right(roles, "update delete", "take a closed lane's policy out of its roles") for roles in scope.roles),
        right(f"{scope.kv}/metadata/*", "create patch", "mark the path as closed, which every warden honours"),
        right("auth/token/accessors", "list sudo", f"{tokens}; an accessor is not a token"),
        right("auth/token/lookup-accessor", "update", f"{tokens}: which policies each has"),
        right("auth/token/revoke-accessor", "update", "revoke those tokens"),
        right("sys/audit", "read sudo", "see where the audit lines of the refusals are", optional=True),
        *(each for mount in scope.approle for each in _secret_ids(f"auth/{mount}/role/+")),
    ]


def _compromise(scope: Scope) -> list[Right]:
    """A provider's management key is read besides, by whoever is a reader of its lane."""
    return [
        *_deactivate(scope),
        right(f"{scope.kv}/destroy/*", "update", "destroy every version of a value that has leaked"),
    ]


_TABLE = {
    "plan": _plan,
    "apply": _apply,
    "put": _put,
    "access": _access,
    "approve": _approve,
    "prove": _prove,
    "rotate": _rotate,
    "status": _status,
    "doctor": _doctor,
    "who-can": _who_can,
    "deactivate": _deactivate,
    "compromise": _compromise,
    "sign": ssh_rights.sign,
    "ssh-ca": ssh_rights.authority,
    "ssh-host-sign": ssh_rights.host_sign,
}


_COMMANDS: Mapping[Verb, str] = {"ssh-ca": "ssh ca", "ssh-host-sign": "ssh host sign"}
"""The verbs that are not named as they are typed."""


def rights_of(verb: Verb, scope: Scope | None = None) -> tuple[Right, ...]:
    """Everything `verb` needs, in the order it needs it; a path may stand twice, with different reasons."""
    return tuple(_TABLE[verb](scope or Scope()))


def missing(rights: Iterable[Right], held: Mapping[str, tuple[str, ...]]) -> tuple[Right, ...]:
    """The rights that are not held, each with only the capabilities that lack, one for each path.

    `held` maps sample paths to what ``sys/capabilities-self`` says of them.
    """
    lacking: dict[tuple[str, bool], Right] = {}
    for each in rights:
        if lack := each.lacks(held.get(each.sample, ())):
            key = (each.path, each.optional)
            known = lacking.get(key, each)
            whys = dict.fromkeys((known.why, each.why))
            joined = tuple(sorted({*lack, *(lacking[key].capabilities if key in lacking else ())}))
            lacking[key] = msgspec.structs.replace(each, capabilities=joined, why="; ".join(whys))
    return tuple(lacking.values())


def policy_text(verb: Verb, scope: Scope | None = None, *, extras: bool = False) -> str:
    """The least-rights policy of a verb as HCL, for ``bao policy write warden-VERB -``.

    Stanzas on one path are joined; optional rights are commented out unless `extras`.
    """
    stanzas: dict[tuple[str, bool], tuple[set[str], list[str]]] = {}
    for each in rights_of(verb, scope):
        capabilities, reasons = stanzas.setdefault((each.path, each.optional and not extras), (set(), []))
        capabilities.update(each.capabilities)
        reasons.append(each.why)
    return f"# what `warden {_COMMANDS.get(verb, verb)}` needs, and nothing more\n" + "".join(
        _stanza(path, sorted(capabilities), reasons, "#   " if left_out else "")
        for (path, left_out), (capabilities, reasons) in stanzas.items()
    )


def _stanza(path: str, capabilities: list[str], reasons: list[str], prefix: str) -> str:
    listed = ", ".join(f'"{capability}"' for capability in capabilities)
    why = "".join(f"# {'optional: ' if prefix else ''}{reason}\n" for reason in reasons)
    return f'{why}{prefix}path "{path}" {{ capabilities = [{listed}] }}\n'
