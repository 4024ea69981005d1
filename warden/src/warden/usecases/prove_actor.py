"""prove ACTOR: what an actor's certificates open at a real sshd, and what they do not.

    announce in the journal -> an identity has a certificate signed -> ask OpenBao for others, which it has to refuse
        -> show the certificate to an sshd of this run, which has the three files of a host
        -> show certificates that differ from it in one thing -> revoke it, show it again
        -> sshd's log, joined by serial, and OpenBao's audit log -> Verdicts -> record, signed -> LoginProof

The right certificate comes the way that every certificate comes (`usecases.sign`). The others are signed by CAs of this
run alone, so they open nothing anywhere else.
"""

from collections.abc import Sequence

import msgspec

from warden.core.errors import Inconclusive, Refused, UsageError
from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.ssh.callers import log_in_as_person
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.krl import Section
from warden.core.ssh.login_proof import KeyNotHere, LoginProof, LoginVerdict
from warden.core.ssh.login_variants import ASKED, FORCED, Variant, control, principals_line, stranger, variants
from warden.core.ssh.login_verdicts import Attempted, Login, judge_all, without_control
from warden.core.unobserved import unobserved
from warden.ports.audit_log import AuditLog
from warden.ports.certificate_authority import CertificateAuthority
from warden.ports.krl import KrlBuilder
from warden.ports.login_host import OwnHost
from warden.usecases.steps.login_records import LoginRecords
from warden.usecases.steps.played_identity import announced, as_identity
from warden.usecases.steps.proof_certificate import ProofTools, SignedOrNot, login_with, not_shown, signed_for
from warden.usecases.steps.signer_questions import Answered, ask_all, judged
from warden.usecases.steps.ways import WaysIn


class ProveActorTools(ProofTools, frozen=True, kw_only=True):
    """What an actor is proven with at an sshd of this run. ``trusted`` is a CA of this run that the host trusts.

    ``ways`` are those of everybody else to the actor's certificates.
    """

    trusted: CertificateAuthority
    krl: KrlBuilder
    host: OwnHost
    audit: AuditLog | None
    ways: WaysIn


def prove_actor(actor: NamedActor, inventory: Inventory, run: str, tools: ProveActorTools) -> LoginProof:
    """Prove it at an sshd of this run.

    Raises:
        Inconclusive: nothing could be tried, or the log of sshd cannot be read.
        JournalUnwritable: nothing more is tried.
    """
    journal, where = tools.signing.journal, tools.host.where
    with LoginRecords(journal, actor.name, run, {"host": where, **announced(actor)}) as records:
        right = signed_for(actor, run, tools)
        answered = _signer_asked(actor, inventory, run, tools)
        host = _Prover(actor, tools, right)
        host.show_all(inventory)
        signer = judged(answered, tools.audit, run)
        mount = inventory.authorities.users.openbao
        others = tools.ways.signers(actor, inventory, mount) if mount else ()
        verdicts = (right.verdict, *signer, *others, *without_control(host.verdicts()))
        proof = LoginProof(
            actor=actor.name,
            host=where,
            account=tools.host.account,
            log_in=log_in_as_person(actor),
            verdicts=verdicts,
            not_asked=("nobody-else",) if mount and not others else (),
        )
        ended = records.end(proof)
    return msgspec.structs.replace(ended, checkpoint=tools.checkpoint(actor.name))


def _signer_asked(actor: NamedActor, inventory: Inventory, run: str, tools: ProveActorTools) -> list[Answered]:
    """What OpenBao says to requests that it has to refuse; nothing is asked of another authority."""
    mount = inventory.authorities.users.openbao
    if mount is None:
        return []
    key, other = tools.new_key().public_key, stranger(actor, inventory)
    try:
        with as_identity(actor, tools.caller, tools.identities) as played:
            return ask_all(actor, mount, other, run, key=key, played=played, caller=tools.caller)
    except (Refused, Inconclusive):  # it could not log in, which `signed` has said
        return ask_all(actor, mount, other, run, key=key, played=None, caller=tools.caller)


class _Prover:
    """Shows certificates to the host, and remembers what was shown in which order."""

    def __init__(self, actor: NamedActor, tools: ProveActorTools, right: SignedOrNot) -> None:
        self._actor = actor
        self._tools = tools
        self._right = right
        self._key = tools.new_key()
        self._shown: list[Login] = []
        self._unshown: list[LoginVerdict] = []
        self._authority_keys = self._trusted_with(right)

    def show_all(self, inventory: Inventory) -> None:
        """The right certificate first, and revoked last."""
        self._tools.host.trust(*self._authority_keys, *self._tools.trusted.public_keys())
        self._authorize()
        mine = self._show_right()
        now = int(self._tools.signing.clock().timestamp())
        for variant in variants(self._actor, control(self._actor, self._key.public_key, now), inventory):
            if variant.probe == "revoked":
                self._show_revoked(variant, mine)
            else:
                self._show(variant, self._signed(variant))

    def verdicts(self) -> tuple[LoginVerdict, ...]:
        """What sshd's log and the answers prove, in the order in which they were shown."""
        log = self._tools.host.log([each.serial for each in self._shown])
        return (*self._unshown, *judge_all(self._shown, log))

    def _authorize(self, forced: str = "") -> None:
        lines = [principals_line(self._actor, each, forced) for each in self._actor.principals]
        self._tools.host.authorize(*lines)

    def _trusted_with(self, right: SignedOrNot) -> Sequence[str]:
        """The public keys of the actor's own CA; where they cannot be read, its certificate cannot be shown."""
        if right.signed is None:
            return ()
        try:
            return self._tools.authority(self._tools.caller.vault()).public_keys()
        except (Refused, Inconclusive, UsageError) as fault:
            self._unshown.append(not_shown(unobserved(fault)))
            return ()

    def _show_right(self) -> Login | None:
        """The certificate of the actor's own CA."""
        signed = self._right.signed
        if signed is None or not self._authority_keys:
            return None
        if signed.certificate.public_key != self._right.key.public_key:
            self._unshown.append(not_shown(KeyNotHere()))
            return None
        login = login_with(signed, self._tools.host.attempt(self._right.key, signed.certificate))
        self._shown.append(login)
        return login

    def _show(self, variant: Variant, certificate: Certificate) -> None:
        tools = self._tools
        key = tools.new_key() if variant.other_key else self._key
        if variant.commands:
            self._authorize(f"echo {FORCED}")
        attempted = tools.host.attempt(key, certificate, asks=f"echo {ASKED}" if variant.commands else "")
        if variant.commands:
            self._authorize()
        self._shown.append(_login(variant, certificate, attempted))

    def _show_revoked(self, variant: Variant, mine: Login | None) -> None:
        """The actor's own certificate, revoked; the control, where that was not shown."""
        tools, signed = self._tools, self._right.signed
        if mine is None or signed is None:
            certificate, key, record = self._signed(variant), self._key, 0
            (authority, *_) = tools.trusted.public_keys()
        else:
            certificate, key, record = signed.certificate, self._right.key, signed.record
            keys = {tools.signing.certificates.fingerprint(each): each for each in self._authority_keys}
            authority = keys[certificate.authority]
        tools.host.revoke(tools.krl.build([Section(authority_key=authority, serials=(certificate.serial,))], 1))
        login = _login(variant, certificate, tools.host.attempt(key, certificate))
        self._shown.append(msgspec.structs.replace(login, record=record))

    def _signed(self, variant: Variant) -> Certificate:
        authority = self._tools.trusted if variant.signer == "trusted" else self._tools.other
        return self._tools.signing.certificates.parse(authority.sign(variant.spec))


def _login(variant: Variant, certificate: Certificate, attempted: Attempted) -> Login:
    return Login(
        probe=variant.probe,
        expected=variant.expected,
        attempted=attempted,
        serial=certificate.serial,
        authority=certificate.authority,
        reason=variant.reason,
        forced=FORCED if variant.commands else "",
        asked=ASKED,
        subject=variant.subject,
    )
