"""The port CertificateAuthority on a CA key in ssh-agent: ``ssh-keygen -U -s`` (ssh-keygen(1), *CERTIFICATES*).

The agent may be any that speaks its protocol: ssh-agent(1), gpg-agent, one forwarded from another machine, or one in
front of a hardware key. With ``ssh-add -c`` a person confirms each signature.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property

from warden.adapters.ssh.keygen import NotSigned, ask, certify
from warden.core.errors import Effect, Refused, Unreachable, UsageError, WardenError
from warden.core.inventory.public_keys import PublicKeyBlob, public_key
from warden.core.quoting import quoted
from warden.core.remedies import RunProgram
from warden.core.ssh.certificate import CertificateSpec

_SYSTEM = "ssh-agent"
_GONE = "Cannot use public key for CA signature"
_ABSENT = ("not found in agent", "agent contains no identities")
_REFUSED = "agent refused operation"
_NO_KEYS = 1
"""The code of ``ssh-add -L`` that found an agent without keys; without an agent it is 2."""


class AgentAuthority:
    """A CA key in the agent that `environ` names (SSH_AUTH_SOCK).

    Args:
        key: its public half as a line, or the fingerprint of that: then the agent is asked for it.
        environ: the environment.
        also_trusted: public keys that hosts trust beside it, as lines.
    """

    def __init__(self, key: str, environ: Mapping[str, str], also_trusted: Sequence[str] = ()) -> None:
        self.where = _SYSTEM
        self._key = key
        self._environ = environ
        self._also = tuple(also_trusted)

    def sign(self, spec: CertificateSpec) -> str:
        """A certificate; ssh-keygen asks the agent for the signature."""
        try:
            return certify(spec, self._public.line, ["-U"], self._environ)
        except NotSigned as fault:
            raise self._explained(fault) from None

    def public_keys(self) -> tuple[str, ...]:
        """The CA's key; the agent is asked only where nothing but its fingerprint is declared."""
        return (self._public.line, *self._also)

    def expect_key(self) -> None:
        """The agent is asked for what it holds."""
        self._held(self._public.fingerprint)

    @cached_property
    def _public(self) -> PublicKeyBlob:
        return public_key(self._key) or self._held(self._key)

    def _held(self, fingerprint: str) -> PublicKeyBlob:
        done = ask(["ssh-add", "-L"], self._environ)
        if done.code > _NO_KEYS:
            raise self._gone(quoted(done.err))
        for line in done.out.decode("utf-8", "replace").splitlines():
            held = public_key(line)
            if held is not None and held.fingerprint == fingerprint:
                return held
        raise self._absent()

    def _explained(self, fault: NotSigned) -> WardenError:
        if _GONE in fault.said:
            return self._gone(str(fault))
        if any(words in fault.said for words in _ABSENT):
            return self._absent()
        if _REFUSED in fault.said:
            hint = "somebody has to confirm it, or the key is one of hardware that is not there"
            return Refused("ssh-agent refused to sign", effect=Effect.NOTHING_SIGNED, system=_SYSTEM, hint=hint)
        problem = f"ssh-keygen did not sign with the key in ssh-agent: {fault}"
        return UsageError(problem, effect=Effect.NOTHING_SIGNED, system=_SYSTEM)

    def _gone(self, why: str) -> Unreachable:
        return Unreachable(
            f"no ssh-agent answers ({why})",
            effect=Effect.NOTHING_SIGNED,
            system=_SYSTEM,
            hint="start it, and add the CA's key",
            remedy=(_ADD,),
        )

    def _absent(self) -> UsageError:
        return UsageError(
            "the CA's key is not in ssh-agent",
            effect=Effect.NOTHING_SIGNED,
            system=_SYSTEM,
            subject=self._key,
            hint="add it; a locked agent shows none of its keys until it is unlocked",
            remedy=(_ADD,),
        )


_ADD = RunProgram(("ssh-add",), ("FILE",))
