"""The port CertificateAuthority on a CA key in ssh-agent: ``ssh-keygen -U -s`` (ssh-keygen(1), *CERTIFICATES*).

The agent may be any that speaks its protocol: ssh-agent(1), gpg-agent, one forwarded from another machine, or one in
front of a hardware key. With ``ssh-add -c`` a person confirms each signature.
"""

from collections.abc import Mapping, Sequence

from warden.adapters.ssh.keygen import NotSigned, certify
from warden.core.errors import Refused, Unreachable, UsageError, WardenError
from warden.core.remedies import RunProgram
from warden.core.ssh.certificate import CertificateSpec

_SYSTEM = "ssh-agent"
_GONE = "Cannot use public key for CA signature"
_ABSENT = ("not found in agent", "agent contains no identities")
_REFUSED = "agent refused operation"


class AgentAuthority:
    """The CA key whose public half is `public_key`, in the agent that `environ` names (SSH_AUTH_SOCK).

    `also_trusted`: what hosts are to trust beside it.
    """

    def __init__(self, public_key: str, environ: Mapping[str, str], also_trusted: Sequence[str] = ()) -> None:
        self._public = " ".join(public_key.split()[:2])
        self._environ = environ
        self._also = tuple(also_trusted)
        self.where = _SYSTEM

    def sign(self, spec: CertificateSpec) -> str:
        """A certificate; ssh-keygen asks the agent for the signature."""
        try:
            return certify(spec, self._public, ["-U"], self._environ)
        except NotSigned as fault:
            raise self._explained(fault) from None

    def public_keys(self) -> tuple[str, ...]:
        """The CA's key as it was declared: the agent is not asked."""
        return (self._public, *self._also)

    def _explained(self, fault: NotSigned) -> WardenError:
        add = RunProgram(("ssh-add",), ("FILE",))
        if _GONE in fault.said:
            hint = "start it, and add the CA's key"
            return Unreachable(f"no ssh-agent answers ({fault})", system=_SYSTEM, hint=hint, remedy=(add,))
        if any(words in fault.said for words in _ABSENT):
            hint = "add it; a locked agent shows none of its keys until it is unlocked"
            problem = "the CA's key is not in ssh-agent"
            return UsageError(problem, system=_SYSTEM, subject=self._public, hint=hint, remedy=(add,))
        if _REFUSED in fault.said:
            hint = "somebody has to confirm it, or the key is one of hardware that is not there"
            return Refused("ssh-agent refused to sign", system=_SYSTEM, hint=hint)
        return UsageError(f"ssh-keygen did not sign with the key in ssh-agent: {fault}", system=_SYSTEM)
