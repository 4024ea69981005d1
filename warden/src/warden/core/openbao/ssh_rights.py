"""What the commands about SSH certificates need on OpenBao; a part of `rights`."""

from warden.core.openbao.right import Right, Scope, right
from warden.core.openbao.ssh_names import HOST_ROLE, SIGN_POLICIES

_POLICIES = f"sys/policies/acl/{SIGN_POLICIES}*"


def plan(scope: Scope) -> list[Right]:
    """None without an SSH engine and without actors."""
    found = _of_policies(scope, "read", "compare the policy of each actor and host")
    for mount in scope.ssh:
        found += [
            right(f"sys/mounts/{mount}", "read", "see that the mount is an SSH engine"),
            right(f"{mount}/roles/*", "read", "compare the SSH role of each actor and host"),
            right(f"{mount}/issuers", "list", "see whether a key signs there"),
        ]
    return found


def apply(scope: Scope) -> list[Right]:
    """Beside those of `plan`."""
    found = _of_policies(scope, "update delete", "write the policy of each actor and host")
    for mount in scope.ssh:
        once = "once, where it is missing"
        found += [
            right(f"{mount}/roles/*", "update delete", "write the SSH role of each actor and host"),
            right(f"sys/mounts/{mount}", "create update", f"mount the SSH engine, {once}", optional=True),
            right(f"{mount}/issuers/import/*", "update", f"have the engine make its key, {once}", optional=True),
        ]
    return found


def _of_policies(scope: Scope, capabilities: str, why: str) -> list[Right]:
    return [right(_POLICIES, capabilities, why)] if scope.ssh or scope.actors else []


def prove(scope: Scope) -> list[Right]:
    """To prove actors, and to see every SSH role of an engine, also those that nobody declares."""
    why = "see which other SSH roles sign for an actor's principals"
    found = []
    for mount in scope.ssh:
        found.append(right(f"{mount}/issuers", "list", "see which keys sign for an actor"))
        found.append(right(f"{mount}/roles/*", "list read", why))
    return found


def sign(scope: Scope) -> list[Right]:
    """Also of ``issue``. Each actor's own policy gives it for its own role, and denies options."""
    own = "have it signed; never for all roles: each actor's policy gives it for its own"
    found = [right("auth/token/lookup-self", "read", "have OpenBao say who asks (in the policy default)")]
    for mount in _mounts(scope):
        found.append(right(f"{mount}/sign/*", "update", own, optional=True))
        found.append(right(f"{mount}/issuers", "list", "see which keys may have signed", optional=True))
    return found


def authority(scope: Scope) -> list[Right]:
    """To show the keys, and to replace one."""
    found = []
    for mount in _mounts(scope):
        found += [
            right(f"{mount}/issuers", "list", "show the keys"),
            right(f"{mount}/issuers/import/*", "update", "have the engine make the next key"),
            right(f"{mount}/config/issuers", "update", "switch to it"),
            right(f"{mount}/issuer/*", "delete", "delete the old key"),
        ]
    return found


def doctor(scope: Scope) -> list[Right]:
    """To see that each engine has its keys."""
    return [right(f"{mount}/issuers", "list", "see that a key signs there", optional=True) for mount in scope.ssh]


def host_sign(scope: Scope) -> list[Right]:
    """Whoever sets hosts up; a host's own policy gives it for that host."""
    found = [right("auth/token/lookup-self", "read", "have OpenBao say who asks (in the policy default)")]
    for mount in _mounts(scope):
        found.append(right(f"{mount}/sign/{HOST_ROLE}*", "update", "have host keys signed"))
        found.append(right(f"{mount}/issuers", "list", "see which keys may have signed"))
    return found


def _mounts(scope: Scope) -> tuple[str, ...]:
    return scope.ssh or ("ssh",)
