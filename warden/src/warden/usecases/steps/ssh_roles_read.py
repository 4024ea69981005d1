"""The SSH roles of an engine, all of them, and what could not be read of them."""

from collections.abc import Mapping
from typing import Any

import msgspec

from warden.core.access_index.snapshot import Unknown
from warden.core.errors import Refused, WardenError
from warden.core.openbao.ssh_roles import SshRole
from warden.ports.ssh_mounts import SshMounts


class SshRolesRead(msgspec.Struct, frozen=True):
    """The fields of each that was read; ``unknown`` may hide others."""

    roles: Mapping[SshRole, Mapping[str, Any]] = {}
    unknown: tuple[Unknown, ...] = ()


def read_ssh_roles(mount: str, ssh: SshMounts, namespace: str) -> SshRolesRead:
    """One request for the names, one for each role; the first that is not answered ends it."""
    roles: dict[SshRole, Mapping[str, Any]] = {}
    try:
        for name in ssh.roles(mount):
            role = SshRole(mount, name)
            if fields := ssh.role(role):
                roles[role] = fields
    except Refused:
        unknown = Unknown("roles", mount, "denied", namespace, f"{mount}/roles/*", ("list", "read"))
    except WardenError:
        unknown = Unknown("roles", mount, "not-answered", namespace)
    else:
        return SshRolesRead(roles)
    return SshRolesRead(roles, (unknown,))
