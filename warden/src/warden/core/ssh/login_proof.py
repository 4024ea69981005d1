"""What logins at a real sshd showed of an actor: a verdict for each, and the proof that they add up to."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.proofs.details import NoAuditLine, NobodyElse, NotLookedAt, OtherWayIn, UnclearReply
from warden.core.quoting import Facts
from warden.core.remedies import Remedy, warden
from warden.core.routes.proof_states import ProofState, Result, concluded
from warden.core.ssh.sshd_log import Reason
from warden.core.unobserved import Unobserved

LoginProbe = Literal[
    "signed",
    "logs-in",
    "control",
    "other-principal",
    "other-actor",
    "other-account",
    "expired",
    "not-yet-valid",
    "other-source",
    "other-command",
    "no-command",
    "revoked",
    "other-ca",
    "host-certificate",
    "other-key",
    "signer-no-token",
    "signer-key",
    "signer-principal",
    "signer-ttl",
    "signer-options",
    "signer-extensions",
    "signer-host",
    "signer-actor",
    "nobody-else",
]
"""The stable ids of verdicts; ``present.login_verdicts`` has a title for each.

``control``: a certificate by the CA of this run alone, like the actor's in all but the source address. What differs
from it in one thing, and is refused, is refused for that. ``signer-…``: what OpenBao has to refuse to sign.
``nobody-else``: who else can have the actor's certificates signed, by what OpenBao's policies say.
"""

LoginExpectation = Literal["allowed", "refused"]
LoginObservation = Literal[
    "allowed", "refused", "no-answer", "not-seen", "not-asked", "source-address", "others", "nobody-else"
]
"""``source-address``: sshd found nothing wrong with the certificate but where the login came from."""


class NoLogLine(Facts, frozen=True, tag="no-log-line"):
    """sshd's log has no line with the certificate's serial."""


class OtherReason(Facts, frozen=True, tag="other-reason"):
    """It was refused, for another reason than the one that is being tested."""

    reason: Reason


class NobodyPlayed(Facts, frozen=True, tag="nobody-played"):
    """None of the actor's identities can be had here, so nothing was signed for it; ``people``: they are persons."""

    identities: tuple[str, ...]
    people: bool = False


class KeyNotHere(Facts, frozen=True, tag="key-not-here"):
    """Only listed keys are signed for the actor, and this run has none of them."""


class FromElsewhere(Facts, frozen=True, tag="from-elsewhere"):
    """The certificate is for logins from these addresses, and this machine has none of them."""

    addresses: str


class OtherOutput(Facts, frozen=True, tag="other-output"):
    """The host ran something else than its forced command."""


class NotAnswered(Facts, frozen=True, tag="not-answered"):
    """ssh could not say whether the host lets it in; its own last words."""

    said: str


LoginDetail = (
    NoLogLine
    | OtherReason
    | NobodyPlayed
    | KeyNotHere
    | FromElsewhere
    | OtherOutput
    | NotAnswered
    | NoAuditLine
    | UnclearReply
    | Unobserved
    | NobodyElse
    | OtherWayIn
    | NotLookedAt
)


class LoginVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one login showed.

    Attributes:
        serial: of the certificate that was shown; 0 where none was.
        authority: the fingerprint of the CA that signed it.
        status, audit: of OpenBao's answer, and the id of its line in the audit log.
        record: the journal's record of the certificate, where it is in the issue log.
        reason: why sshd refused it, as its log says; `said` are its words.
        subject: whom the title names: another actor, another account, who else can have it signed.
        remedy: what takes that away.
    """

    probe: LoginProbe
    result: Result
    expected: LoginExpectation
    observed: LoginObservation
    serial: int = 0
    authority: str = ""
    record: int = 0
    reason: Reason | None = None
    said: str = ""
    subject: str = ""
    detail: LoginDetail | None = None
    status: int = 0
    audit: str = ""
    ms: float = 0.0
    remedy: Remedy = ()

    @property
    def facts(self) -> Mapping[str, Any]:
        """What the journal keeps of it."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


class LoginProof(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts of one actor at one host. ``host`` is its name; ``record`` the journal's number of the proof.

    ``own``: the host was an sshd of this run alone. ``not_asked`` is what only such a host can be shown: no CA that
    another one trusts signs it. ``log_in`` is how one of the actor's people does; see `log_in_as_person`.
    """

    actor: str
    host: str
    account: str
    verdicts: tuple[LoginVerdict, ...]
    own: bool = True
    log_in: Remedy = ()
    not_asked: tuple[LoginProbe, ...] = ()
    record: int = 0
    checkpoint: Signed | NotSigned | None = None

    @property
    def state(self) -> ProofState:
        """The conclusion of all verdicts."""
        return concluded({each.result for each in self.verdicts})

    def count(self, result: Result) -> int:
        """How many verdicts have that result."""
        return sum(each.result == result for each in self.verdicts)

    @property
    def _open(self) -> list[LoginVerdict]:
        return [each for each in self.verdicts if each.result == "inconclusive"]

    @property
    def lacks_person_only(self) -> bool:
        """Whether it lacks nothing but what one of the actor's people can show."""
        return self.state == "inconclusive" and all(map(_needs_person, self._open))

    @property
    def remedy(self) -> Remedy:
        """What is next: to mend OpenBao, where an identity got no certificate or a wrong one; or to log in as a person.

        At a host in use the proof is repeated with the same options, which are not known here.
        """
        faulty = {each.probe for each in self.verdicts if each.result == "wrong"}
        if any(probe == "signed" or probe.startswith("signer-") for probe in faulty):
            return (warden("apply", self.actor),)
        if not any(map(_needs_person, self._open)):
            return ()
        return (*self.log_in, warden("prove", self.actor)) if self.own else self.log_in

    @property
    def lines(self) -> tuple[int, int]:
        """How many logins have their line in sshd's log, and how many there were."""
        asked = [each for each in self.verdicts if each.serial and not each.status]
        return sum(bool(each.said) for each in asked), len(asked)


def _needs_person(verdict: LoginVerdict) -> bool:
    """Whether it is of an actor whose certificates only people can have signed, and none of them is here."""
    return isinstance(verdict.detail, NobodyPlayed) and verdict.detail.people
