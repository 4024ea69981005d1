"""The port CertificateAuthority on a CA key in a PKCS#11 token: ``ssh-keygen -D -s`` (ssh-keygen(1), *CERTIFICATES*).

The PIN never comes here: ssh-keygen itself asks for it, at the terminal, or without one through the program that
SSH_ASKPASS names (ssh(1), *ENVIRONMENT*). It is asked once for each certificate, so a wrong one costs one attempt.
"""

import os
from collections.abc import Mapping, Sequence

from warden.adapters.ssh.keygen import NotSigned, certify
from warden.adapters.ssh.programs import NotRun, run
from warden.core.errors import Effect, Refused, Unreachable, UsageError, WardenError
from warden.core.inventory.inventory import Pkcs11
from warden.core.quoting import quoted
from warden.core.remedies import RunProgram, SetVariable
from warden.core.ssh.certificate import CertificateSpec

_NO_LIBRARY = "is not a PKCS11 library"
_ABSENT = "No PKCS#11 key matching"
_NOTHING = "cannot read public key from pkcs11"
_PIN = "PKCS#11 login failed"
_NO_PIN = "login failed"


class Pkcs11Authority:
    """The CA key whose public half is `token.public_key`, in the token that `token.library` knows.

    `also_trusted`: what hosts are to trust beside it.
    """

    def __init__(self, token: Pkcs11, environ: Mapping[str, str], also_trusted: Sequence[str] = ()) -> None:
        self._library = os.path.expanduser(token.library)
        self._public = " ".join(token.public_key.split()[:2])
        self._environ = environ
        self._also = tuple(also_trusted)
        self.where = f"PKCS#11 {self._library}"

    def sign(self, spec: CertificateSpec) -> str:
        """A certificate; ssh-keygen asks for the PIN and the token for the signature."""
        try:
            return certify(spec, self._public, ["-D", self._library], self._environ)
        except NotSigned as fault:
            raise self._explained(fault) from None

    def public_keys(self) -> tuple[str, ...]:
        """The CA's key as it was declared: the token is not asked."""
        return (self._public, *self._also)

    def expect_key(self) -> None:
        """``ssh-keygen -D`` lists the keys that are to be seen without a PIN."""
        try:
            done = run(["ssh-keygen", "-D", self._library], self._environ)
        except NotRun as fault:
            raise self._unusable(str(fault), "install OpenSSH") from None
        lines = done.out.decode("utf-8", "replace").splitlines()
        if self._public not in (" ".join(line.split()[:2]) for line in lines):
            raise self._explained(NotSigned(done)) if done.code else self._absent()

    def _absent(self) -> UsageError:
        show = RunProgram(("ssh-keygen", "-D"), (self._library,))
        return self._unusable("the PKCS#11 token does not have the CA's key", "this lists what it has", show)

    def _explained(self, fault: NotSigned) -> WardenError:
        show = RunProgram(("ssh-keygen", "-D"), (self._library,))
        if _NO_LIBRARY in fault.said:
            return self._unusable(f"{self._library} is not a PKCS#11 library", "name another in inventory.yaml")
        if _ABSENT in fault.said:
            return self._absent()
        if _NOTHING in fault.said:
            return Unreachable(
                "no PKCS#11 token answers",
                effect=Effect.NOTHING_SIGNED,
                system=self.where,
                hint="plug it in; this lists its keys",
                remedy=(show,),
            )
        if _PIN in fault.said:
            said = next(line for line in fault.said.splitlines() if _PIN in line)
            return Refused(
                f"the PKCS#11 token refused the PIN ({quoted(said)})", effect=Effect.NOTHING_SIGNED, system=self.where
            )
        if _NO_PIN in fault.said:
            return Refused(
                "the PKCS#11 token wants its PIN, and nobody gave it",
                effect=Effect.NOTHING_SIGNED,
                system=self.where,
                hint="run this at a terminal, or name a program that prints the PIN",
                remedy=(SetVariable("SSH_ASKPASS", "PROGRAM"),),
            )
        return self._unusable(f"ssh-keygen did not sign with the PKCS#11 token: {fault}", "this lists its keys", show)

    def _unusable(self, problem: str, hint: str, *remedy: RunProgram) -> UsageError:
        return UsageError(
            problem,
            effect=Effect.NOTHING_SIGNED,
            system=self.where,
            subject=self._library,
            hint=hint,
            remedy=remedy,
        )
