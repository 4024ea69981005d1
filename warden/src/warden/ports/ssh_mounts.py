"""OpenBao's SSH engines: their mounts, roles and keys. A key's private half never leaves the engine."""

from collections.abc import Mapping
from typing import Any, Protocol

from warden.core.openbao.ssh_issuers import Issuer
from warden.core.openbao.ssh_roles import SshRole


class SshMounts(Protocol):
    """The SSH engines of one server, as the caller may see and change them."""

    def create(self, mount: str) -> None:
        """Mount an engine there."""

    def roles(self, mount: str) -> tuple[str, ...]:
        """The names of its SSH roles."""

    def role(self, role: SshRole) -> dict[str, Any] | None:
        """An SSH role's fields as the server states them."""

    def write_role(self, role: SshRole, fields: Mapping[str, Any]) -> None:
        """Create or replace it."""

    def delete_role(self, role: SshRole) -> None:
        """Delete it; does nothing where it does not exist."""

    def issuers(self, mount: str) -> tuple[Issuer, ...]:
        """Every key; none where nothing is mounted."""

    def new_issuer(self, mount: str, name: str, *, signs: bool) -> Issuer:
        """Have the engine make an Ed25519 key of that name; `signs`: from now on it is the one that does."""

    def switch_to(self, mount: str, issuer: Issuer) -> None:
        """Have that key sign from now on."""

    def delete_issuer(self, mount: str, issuer: Issuer) -> None:
        """Delete a key; does nothing where it does not exist."""
