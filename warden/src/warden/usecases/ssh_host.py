"""ssh host, ssh known-hosts: who signs for the inventory's hosts, and what is to be believed of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warden.core.errors import Effect, UsageError
from warden.core.remedies import EditFile
from warden.core.ssh.client_config import KnownAuthority, NoHostAuthority, host_names
from warden.core.ssh.decision import host

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warden.core.inventory.inventory import DeclaredAuthority, Inventory
    from warden.ports.certificate_authority import CertificateAuthority
    from warden.ports.certificates import Certificates


def authority_of(inventory: Inventory) -> DeclaredAuthority:
    """Who signs for hosts. Raises `UsageError` where the inventory names nobody."""
    found = inventory.authorities.hosts
    if found is None:
        raise UsageError(
            NoHostAuthority(),
            effect=Effect.NOTHING_DONE,
            system="platform",
            remedy=(EditFile(file="inventory.yaml", field="authorities.hosts"),),
        )
    return found


def known_authority(
    inventory: Inventory,
    hosts: Sequence[str],
    authority: Callable[[DeclaredAuthority], CertificateAuthority],
    certificates: Certificates,
) -> KnownAuthority:
    """The names of these hosts (none: of all), and the keys that sign for them.

    Raises as the authority does, and `UsageError` for what is not the line of a key.
    """
    chosen = [host(inventory, each).name for each in hosts] or list(inventory.hosts)
    declared = authority_of(inventory)
    keys = tuple(map(certificates.public_key, authority(declared).public_keys()))
    return KnownAuthority(names=host_names(inventory, tuple(chosen)), public_keys=keys)
