"""A certificate authority in OpenBao's SSH engine, over the one connection of its caller.

Written from the API documentation (*secret/ssh*: "Sign SSH key", "List issuers") and measured with OpenBao 2.7.2. The
window is by the server's clock: it begins ``not_before_duration`` of the role before now and ends after ``ttl``. The
key id is by the role, too. Options and extensions are never asked for: those that a request names replace the role's.
"""

from warden.adapters.openbao.sender import Sender
from warden.adapters.openbao.ssh_mounts import SshMounts, line_in
from warden.core.errors import Refused, UsageError
from warden.core.inventory.inventory import CLOCK_SKEW
from warden.core.openbao.ssh_issuers import in_order
from warden.core.openbao.ssh_names import ssh_role
from warden.core.remedies import warden
from warden.core.ssh.certificate import CertificateSpec

_UNKNOWN_ROLE = "unknown role"


class SshEngine:
    """The port CertificateAuthority on one mount; see there for what can come out of it."""

    def __init__(self, caller: Sender, mount: str) -> None:
        self.where = f"{caller.system}, {mount}/"
        self._caller = caller
        self._mount = mount

    def sign(self, spec: CertificateSpec) -> str:
        """``POST <mount>/sign/<role>``. The role's name is the actor's, or the host's (`core.openbao.ssh_names`)."""
        body = {
            "public_key": spec.public_key,
            "valid_principals": ",".join(spec.principals),
            "cert_type": spec.type,
            "ttl": f"{spec.valid_before - spec.valid_after - CLOCK_SKEW}s",
        }
        try:
            answer = self._caller.asked("POST", f"{self._mount}/sign/{ssh_role(spec.subject, spec.type)}", body)
        except Refused as fault:
            raise self._explained(fault, spec) from None
        return self._caller.parsed(answer, lambda found: line_in(found, "signed_key"))

    def public_keys(self) -> tuple[str, ...]:
        """Every key of the mount, the one that signs first."""
        found = SshMounts(self._caller).issuers(self._mount)
        if not found:
            raise UsageError(
                f"{self.where} has no CA key",
                system=self._caller.system,
                subject=self._mount,
                remedy=(warden("apply", all=True),),
            )
        return tuple(each.public_key for each in in_order(found))

    def expect_key(self) -> None:
        """See the port."""
        self.public_keys()

    def _explained(self, fault: Refused, spec: CertificateSpec) -> Refused:
        """With what makes the role, where it is missing."""
        if _UNKNOWN_ROLE in str(fault.problem).lower():
            fault.remedy = (warden("apply", spec.subject),)
        return fault
