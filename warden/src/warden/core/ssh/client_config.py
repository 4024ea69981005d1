"""What ssh and its users are told: the hosts that take an actor's certificates, and who signs for hosts.

Host names, actors and paths become words of ssh_config(5) and of the user's shell, so only those are written that mean
nothing to either. Nothing of a connection (``%u``, ``%r``, ``%h``) is ever in a command: OpenSSH 10.3 mends what that
allowed.
"""

import re

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.remedies import warden

_NAME = re.compile(r"[A-Za-z0-9:](?:[A-Za-z0-9._:-]{0,252}[A-Za-z0-9:])?")
"""A host name or an address: no pattern, no list, no option, nothing a shell would look at."""
_UNWRITABLE = re.compile(r"[\"'\\\x00-\x1f\x7f]|\$\{")
"""What ends a quoted word of ssh_config or of a shell, and a variable that ssh would replace."""


class NoHosts(msgspec.Struct, frozen=True):
    """The inventory names no host for the actor."""

    actor: str


class UnfitHostName(msgspec.Struct, frozen=True):
    """A host has a name that ssh or a shell would take for something else."""

    host: str
    name: str


class UnfitPath(msgspec.Struct, frozen=True):
    """A path has characters that cannot be written in ssh's configuration."""

    path: str


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A Match block: for which names, and what has a certificate ready (words of a command).

    ``identity_file`` is what ssh is told of; empty: nothing, since the agent has the certificate. ``only``: no other
    key is tried for these names.
    """

    actor: str
    names: tuple[str, ...]
    command: tuple[str, ...]
    identity_file: str = ""
    only: bool = False


class KnownAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """Whose host certificates are to be believed for these names: public keys, the current one first."""

    names: tuple[str, ...]
    public_keys: tuple[str, ...]


def block(
    inventory: Inventory, actor: NamedActor, *, command: tuple[str, ...], identity_file: str = "", only: bool = False
) -> Block:
    """The block of one actor. Raises `UsageError` for what cannot be written."""
    names = host_names(inventory, inventory.hosts_of(actor))
    if not names:
        raise UsageError(
            NoHosts(actor.name),
            effect=Effect.NOTHING_PRINTED,
            system="platform",
            subject=actor.name,
            remedy=(warden("inventory list"),),
        )
    for word in (*command, identity_file):
        expect_writable(word)
    return Block(actor=actor.name, names=names, command=command, identity_file=identity_file, only=only)


def expect_writable(path: str) -> None:
    """Raise `UsageError` for what cannot stand in ssh's configuration."""
    if _UNWRITABLE.search(path):
        raise UsageError(UnfitPath(path), effect=Effect.NOTHING_PRINTED, hint="name another directory")


def host_names(inventory: Inventory, hosts: tuple[str, ...]) -> tuple[str, ...]:
    """What people write behind ``ssh`` for these hosts, each once. Raises `UsageError` for what is not a name."""
    found = dict.fromkeys((host, name) for host in hosts for name in inventory.names_of(host))
    for host, name in found:
        if not _NAME.fullmatch(name):
            raise UsageError(
                UnfitHostName(host, name),
                effect=Effect.NOTHING_PRINTED,
                system="platform",
                subject=host,
                remedy=(warden("catalog check"),),
            )
    return tuple(dict.fromkeys(name for _, name in found))
