"""ssh known-hosts: what is to be believed of the inventory's hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warden.core.errors import Effect
from warden.core.ssh.ca import expect_authority
from warden.core.ssh.client_config import KnownAuthority, host_names
from warden.core.ssh.decision import host

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warden.core.inventory.inventory import DeclaredAuthority, Inventory
    from warden.ports.certificate_authority import CertificateAuthority
    from warden.ports.certificates import Certificates


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
    declared = expect_authority("hosts", inventory, Effect.NOTHING_DONE)
    keys = tuple(map(certificates.public_key, authority(declared).public_keys()))
    return KnownAuthority(names=host_names(inventory, tuple(chosen)), public_keys=keys)
