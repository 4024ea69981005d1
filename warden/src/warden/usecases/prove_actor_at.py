"""prove ACTOR --host NAME: what an actor's certificates open at a host that is in use, and what they do not.

    announce in the journal -> the actor's CA signs: for one of its identities, for a second, for another actor
        -> log in with each, and leave at once -> the host's log, joined by serial -> Verdicts -> record -> LoginProof

Nothing is run there, and nothing is changed. The CA signs what it signs for anybody who may ask, and nothing else: what
only a wrong certificate could show is not tried.
"""

from collections.abc import Callable, Sequence

import msgspec

from warden.core.errors import Inconclusive
from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.ssh.callers import log_in_as_person
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.fresh_key import FreshKey
from warden.core.ssh.login_proof import KeyNotHere, LoginProbe, LoginProof, LoginVerdict
from warden.core.ssh.login_variants import control, strangers
from warden.core.ssh.login_verdicts import Login, judge_all
from warden.core.ssh.sshd_log import Reason
from warden.core.unobserved import Unobserved, unobserved
from warden.ports.login_host import LoginHost
from warden.usecases.steps.login_records import LoginRecords
from warden.usecases.steps.played_identity import announced
from warden.usecases.steps.proof_certificate import ProofTools, login_with, not_shown, signed_for

SECOND = 1
"""Seconds that the certificate is valid which is to expire."""
GRACE = 2.0
"""Seconds to wait after that: the host's clock may be behind by as much."""
NOT_ASKED: tuple[LoginProbe, ...] = (
    "other-principal",
    "not-yet-valid",
    "other-source",
    "other-command",
    "host-certificate",
    "revoked",
)


class AtHostTools(ProofTools, frozen=True, kw_only=True):
    """What an actor is proven with at a host. ``wait`` waits for so many seconds."""

    host: LoginHost
    other_account: str
    wait: Callable[[float], None]


def prove_actor_at(actor: NamedActor, inventory: Inventory, run: str, tools: AtHostTools) -> LoginProof:
    """Prove it at that host. Raises `Inconclusive` where nothing could be tried; `JournalUnwritable`."""
    host = tools.host
    body = {"host": host.where, "accounts": [host.account, tools.other_account], **announced(actor)}
    with LoginRecords(tools.signing.journal, actor.name, run, body) as records:
        attempts = _Attempts(actor, run, tools)
        attempts.show_all(strangers(actor, inventory))
        asked = {each.probe for each in attempts.shown}
        left = tuple(each for each in ("other-actor", *NOT_ASKED) if each not in asked)
        proof = LoginProof(
            actor=actor.name,
            host=host.where,
            account=host.account,
            log_in=log_in_as_person(actor),
            verdicts=attempts.verdicts(),
            own=False,
            not_asked=left,
        )
        ended = records.end(proof)
    return msgspec.structs.replace(ended, checkpoint=tools.checkpoint(actor.name))


class _Attempts:
    """Logs in with each certificate, and remembers what was tried in which order."""

    def __init__(self, actor: NamedActor, run: str, tools: AtHostTools) -> None:
        self._actor = actor
        self._run = run
        self._tools = tools
        self.shown: list[Login] = []
        self._others: list[LoginVerdict] = []

    def show_all(self, others: Sequence[NamedActor]) -> None:
        """The right certificate first: without an answer to it, there is nothing to compare a refusal with."""
        right = signed_for(self._actor, self._run, self._tools)
        self._others.append(right.verdict)
        if right.signed is None:
            return
        if right.signed.certificate.public_key != right.key.public_key:
            self._others.append(not_shown(KeyNotHere()))
            return
        attempted = self._tools.host.attempt(right.key, right.signed.certificate)
        self.shown.append(login_with(right.signed, attempted, own_host=False))
        if attempted.let_in is None:
            return
        mine, record = right.signed.certificate, right.signed.record
        self._refused("other-account", right.key, mine, "principal", record=record, subject=self._tools.other_account)
        self._refused("other-key", self._tools.new_key(), mine, "not-listed", record=record)
        self._other_ca()
        self._expired()
        self._other_actor(others)

    def verdicts(self) -> tuple[LoginVerdict, ...]:
        """What the host's log and the answers prove."""
        log: str | Unobserved
        try:
            log = self._tools.host.log([each.serial for each in self.shown])
        except Inconclusive as fault:
            log = unobserved(fault)
        return (*self._others, *judge_all(self.shown, log))

    def _other_ca(self) -> None:
        key = self._tools.new_key()
        now = int(self._tools.signing.clock().timestamp())
        spec = msgspec.structs.replace(
            control(self._actor, key.public_key, now),
            key_id=f"{self._actor.name} other-ca",
            critical_options=self._actor.critical_options,
        )
        made = self._tools.signing.certificates.parse(self._tools.other.sign(spec))
        self._refused("other-ca", key, made, "not-listed")

    def _expired(self) -> None:
        """One that was right, until a moment ago."""
        found = signed_for(self._actor, self._run, self._tools, ttl=SECOND)
        if found.signed is None:
            self._others.append(msgspec.structs.replace(found.verdict, probe="expired"))
            return
        left = found.signed.certificate.valid_before - self._tools.signing.clock().timestamp()
        self._tools.wait(max(left, 0.0) + GRACE)
        self._refused("expired", found.key, found.signed.certificate, "expired", record=found.signed.record)

    def _other_actor(self, others: Sequence[NamedActor]) -> None:
        """The certificate of the first other actor of which an identity can be had."""
        for other in others:
            found = signed_for(other, self._run, self._tools)
            if found.signed is not None and found.signed.certificate.public_key == found.key.public_key:
                made, record = found.signed.certificate, found.signed.record
                self._refused("other-actor", found.key, made, "principal", record=record, subject=other.name)
                return

    def _refused(
        self,
        probe: LoginProbe,
        key: FreshKey,
        certificate: Certificate,
        reason: Reason,
        *,
        record: int = 0,
        subject: str = "",
    ) -> None:
        """A login that the host has to refuse, for that reason; `subject` of ``other-account`` is the account."""
        account = subject if probe == "other-account" else ""
        login = Login(
            probe=probe,
            expected="refused",
            attempted=self._tools.host.attempt(key, certificate, account=account),
            serial=certificate.serial,
            authority=certificate.authority,
            record=record,
            reason=reason,
            subject=subject,
        )
        self.shown.append(login)
