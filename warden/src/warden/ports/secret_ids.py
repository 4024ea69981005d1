"""The SecretIDs of OpenBao's AppRoles."""

from typing import Protocol

from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import SecretId


class SecretIds(Protocol):
    """Makes SecretIDs that live for seconds, and ends them."""

    def role_id(self, role: RoleName) -> str:
        """The RoleID, which is a name and not a secret."""

    def issue(self, role: RoleName, ttl: int) -> SecretId:
        """A SecretID for one login within `ttl` seconds; it comes wrapped, and is unwrapped at once."""

    def destroy(self, role: RoleName, accessor: str) -> None:
        """End one; does nothing where it was used up."""
