"""What a server's audit devices are, and what they write: the part of the port Vault that is about them.

API pages: https://openbao.org/api-docs/system/ (audit, audit-hash, config/auditing).
"""

from warden.adapters.openbao.answers import devices_in
from warden.adapters.openbao.sender import Sender
from warden.core.openbao.api import AuditDevice
from warden.core.secret import Secret


class Audited(Sender):
    """The questions about the audit log."""

    def audit_hash(self, device: str, value: Secret) -> str:
        """``sys/audit-hash/<device>``."""
        return str(self.part_of(self.asked("POST", f"sys/audit-hash/{device}", {"input": value.reveal()}))["hash"])

    def audit_headers(self) -> frozenset[str]:
        """``sys/config/auditing/request-headers`` (needs sudo); those that are not HMACed."""
        found = self.asked("GET", "sys/config/auditing/request-headers").body.get("data") or {}
        return frozenset(name.lower() for name, how in (found.get("headers") or {}).items() if not how.get("hmac"))

    def audit_files(self) -> tuple[str, ...]:
        """Those of `audit_devices`."""
        return tuple(sorted(device.file for device in self.audit_devices() if device.file))

    def audit_devices(self) -> tuple[AuditDevice, ...]:
        """``sys/audit`` (needs sudo)."""
        return devices_in(self.asked("GET", "sys/audit").body.get("data") or {})
