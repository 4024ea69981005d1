"""sign: SSH certificates, exactly as decided, as the caller, past the policy and into the journal.

The order, each step before the next: the key can be signed and the validity is allowed (nobody is asked), OpenBao says
who the caller is, the policy allows it, all of this is journaled, the authority signs, the certificate that came back
is parsed and compared with what was decided, the journal again, a token that was obtained for this is revoked. Only
then is a certificate handed out. Of several, one that is refused is an error of all; the journal has each.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from warden.core.access.decision import Question, decided
from warden.core.access.identities import expect_allowed
from warden.core.errors import Effect, Refused, Sealed, Unidentified, Unreachable, WardenError
from warden.core.inventory.inventory import NamedActor
from warden.core.inventory.public_keys import PublicKeyBlob, public_key
from warden.core.remedies import warden
from warden.core.ssh.callers import AskedBy, callers_of, name_emergency
from warden.core.ssh.comparison import differences
from warden.core.ssh.decision import Subject, decide, expect_listed, ttl_of
from warden.core.ssh.emergency import ACTION as BREAK_GLASS
from warden.core.ssh.emergency import expect_permitted
from warden.core.ssh.errors import Discarded, NotAsDecided, OfKey
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.revocation import expect_not_revoked, revocations, still_needed
from warden.usecases.steps.logged_in import logged_in
from warden.usecases.steps.signing_records import ToSign, discarded, issued, record_begin, record_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from warden.core.lanes.readers import Seconds
    from warden.core.openbao.api import Identity
    from warden.core.remedies import RunWarden
    from warden.core.ssh.certificate import Certificate, CertificateSpec
    from warden.core.ssh.issue_log import Handed
    from warden.ports.caller import Caller
    from warden.ports.certificate_authority import CertificateAuthority
    from warden.ports.certificates import Certificates
    from warden.ports.clock import Clock
    from warden.ports.journal import Journal
    from warden.ports.policy import Policy
    from warden.ports.vault import Vault

    AuthorityFor = Callable[[Vault], CertificateAuthority]
    """The authority as the caller's session reaches it; one that is not at OpenBao looks at no session."""
    WriteFile = Callable[[str, str], None]
    """Has the file (the first text) hold that line, whole or not at all."""


class SignRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is asked for.

    ``public_key`` is a line of OpenSSH, ``ttl`` in seconds (``None``: what the inventory says). ``handed`` and ``path``
    are where the certificate will go to; the journal keeps both. ``asked_by`` is the command to advise. ``key_file`` is
    where the key is from, to be named where it is refused; empty where that needs no saying, as of a single key.
    """

    subject: Subject
    public_key: str
    ttl: int | None = None
    reason: str = ""
    handed: Handed = "stdout"
    path: str = ""
    asked_by: AskedBy = "sign"
    key_file: str = ""


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is what was decided, who asked for it, who signed, and its record in the journal.

    ``emergency`` is the record that somebody else has to acknowledge, of one without OpenBao.
    """

    subject: str
    certificate: Certificate
    who: Identity
    where: str
    record: int
    emergency: int = 0


class SignTools(msgspec.Struct, frozen=True, kw_only=True):
    """What certificates are signed with."""

    policy: Policy
    journal: Journal
    certificates: Certificates
    clock: Clock


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose key and validity are right."""

    ask: SignRequest
    key: PublicKeyBlob
    ttl: Seconds


def sign(
    ask: SignRequest,
    *,
    caller: Caller,
    authority: AuthorityFor,
    tools: SignTools,
    emergency: RunWarden | None = None,
) -> Signed:
    """One certificate. If this raises, none was handed out.

    `emergency` is what goes without OpenBao, to be named where that gives no answer to who calls.
    """
    return sign_all([ask], caller=caller, authority=authority, tools=tools, emergency=emergency)[0]


def sign_all(
    asks: Sequence[SignRequest],
    *,
    caller: Caller,
    authority: AuthorityFor,
    tools: SignTools,
    emergency: RunWarden | None = None,
) -> tuple[Signed, ...]:
    """Several certificates of one subject's caller, with one write to the journal before and one after."""
    wanted = _expect_all_fit(asks, tools)
    with ExitStack() as stack:
        try:
            session = stack.enter_context(logged_in(callers_of(asks[0].subject, asks[0].asked_by), caller))
        except (Unreachable, Sealed) as fault:
            if emergency:
                name_emergency(fault, emergency)
            raise
        return _signed(wanted, session.who, authority(session.vault), tools)


def sign_as(
    asks: Sequence[SignRequest], who: Identity, *, authority: CertificateAuthority, tools: SignTools
) -> tuple[Signed, ...]:
    """The same without OpenBao (see `usecases.break_glass`), for a caller that nobody but this machine knows.

    The policy is asked about another action, and the record ``certificate.emergency`` comes before each signature.
    """
    wanted = _expect_all_fit(asks, tools)
    return _signed(wanted, who, authority, tools, action=BREAK_GLASS)


def _expect_all_fit(asks: Sequence[SignRequest], tools: SignTools) -> list[_Wanted]:
    """Each key fits and is not revoked. Raises `UsageError`, `Refused`, `JournalUnwritable`."""
    wanted = [_expect_fit(ask, tools.certificates) for ask in asks]
    needed = still_needed(revocations(tools.journal.log(events=(REVOKED,))), tools.clock().timestamp())
    for each in wanted:
        with _key_named(each.ask):
            expect_not_revoked(each.ask.subject.name, each.key.fingerprint, needed, _asked_again(each.ask))
    return wanted


def _asked_again(ask: SignRequest) -> RunWarden:
    """The command that has another key certified."""
    folder = os.path.dirname(ask.path) if ask.asked_by == "issue" else ""
    return callers_of(ask.subject, ask.asked_by).command(out=folder)


def _expect_fit(ask: SignRequest, certificates: Certificates) -> _Wanted:
    """Whatever can be decided before anybody is asked. Raises `UsageError`, `Refused`."""
    key = public_key(certificates.public_key(ask.public_key))
    assert key is not None  # noqa: S101 - the port answers a key in its plain form
    with _key_named(ask):
        expect_listed(ask.subject, key)
    return _Wanted(ask=ask, key=key, ttl=ttl_of(ask.subject, ask.ttl))


def _signed(
    wanted: Sequence[_Wanted], who: Identity, authority: CertificateAuthority, tools: SignTools, *, action: str = "sign"
) -> tuple[Signed, ...]:
    begun = record_begin([_decided(each, who, authority.where, action, tools) for each in wanted], tools.journal)
    done: list[tuple[ToSign, Certificate]] = []
    try:
        trusted = tuple(map(tools.certificates.fingerprint, authority.public_keys()))
        for one, each in zip(wanted, begun, strict=True):
            with _key_named(one.ask):
                done.append((each, _certificate(each, authority, trusted, tools)))
    except BaseException as fault:
        with suppress(WardenError):  # it is this fault that is to be reported
            record_failed(begun, done, fault, tools.journal)
        if done and isinstance(fault, WardenError):
            fault.effect = Discarded(several=True)
        raise
    records = tools.journal.record_all([issued(*each) for each in done])
    return tuple(
        Signed(
            subject=each.spec.subject,
            certificate=found,
            who=who,
            where=authority.where,
            record=record,
            emergency=each.emergency,
        )
        for (each, found), record in zip(done, records, strict=True)
    )


# -- before ---------------------------------------------------------------------------------------------------------


def _decided(wanted: _Wanted, who: Identity, where: str, action: str, tools: SignTools) -> ToSign:
    """What is to be signed, and the policy's decision: journaled at once where it denies."""
    ask, subject = wanted.ask, wanted.ask.subject
    spec = decide(subject, wanted.key, who, tools.clock(), wanted.ttl)
    question = _question(wanted, spec, who, action)
    decision = tools.policy.decide(question)
    body = decided(question, decision)
    if decision.effect == "deny":
        tools.journal.record("decision", subject.name, body)
        if action == BREAK_GLASS:
            expect_permitted(subject.name, who, decision)
        with _key_named(ask):
            expect_allowed(callers_of(subject, ask.asked_by), question, decision)
    about = {
        "decision": decision.id,
        "identity": body["identity"],
        "reason": ask.reason,
        "where": where,
        "requested_ttl": wanted.ttl,
        "fingerprint": wanted.key.fingerprint,
        "type": spec.type,
        "principals": list(spec.principals),
    }
    return ToSign(spec=spec, decision=body, about=about, handed={"handed": ask.handed, "path": ask.path})


def _question(wanted: _Wanted, spec: CertificateSpec, who: Identity, action: str) -> Question:
    subject = wanted.ask.subject
    kind, declared = (subject.kind, subject) if isinstance(subject, NamedActor) else ("", subject.declared)
    context = {
        "reason": wanted.ask.reason,
        "principals": list(spec.principals),
        "actor_type": kind,
        "fingerprint": wanted.key.fingerprint,
        "ttl": wanted.ttl,
        "type": spec.type,
    }
    return Question(identity=who, action=action, resource=subject.name, context=context, declared=declared)


# -- signing --------------------------------------------------------------------------------------------------------


def _certificate(
    each: ToSign, authority: CertificateAuthority, trusted: Sequence[str], tools: SignTools
) -> Certificate:
    """What the authority signed, if it is what was decided. Raises `Refused` otherwise."""
    with _refusal_explained(each.spec):
        line = authority.sign(each.spec)
    found = tools.certificates.parse(line)
    if not (wrong := differences(each.spec, found, trusted)):
        return found
    problem = NotAsDecided(subject=each.spec.subject, where=authority.where, differences=tuple(wrong))
    raise Refused(problem, effect=Discarded(), system=authority.where, subject=each.spec.subject)


def hand_over(signed: Sequence[Signed], files: Sequence[str], write: WriteFile, journal: Journal) -> None:
    """Write each certificate's line to its file, in this order.

    Where one cannot be written, those before it stay, and the journal says that nobody has it and those behind it.
    """
    for written, (each, file) in enumerate(zip(signed, files, strict=True)):
        try:
            write(file, each.certificate.line)
        except BaseException as fault:
            gone = [discarded(one.subject, one.certificate, one.record, fault) for one in signed[written:]]
            with suppress(WardenError):  # as above
                journal.record_all(gone)
            if len(signed) > 1 and isinstance(fault, WardenError):
                fault.effect = Discarded(several=True, written=tuple(files[:written]))
            raise


@contextmanager
def _key_named(ask: SignRequest) -> Iterator[None]:
    """Of several keys, a refusal says which one it is about; that somebody is unknown is about none of them."""
    try:
        yield
    except Refused as fault:
        if ask.key_file and not isinstance(fault, Unidentified):
            fault.problem = OfKey(ask.key_file, fault.problem)
        raise


@contextmanager
def _refusal_explained(spec: CertificateSpec) -> Iterator[None]:
    """The inventory allows it and the authority refuses: they differ, unless it says itself what to do.

    `doctor` looks at the right to sign for hosts only where that is asked for.
    """
    try:
        yield
    except Refused as fault:
        fault.effect = fault.effect or Effect.NOTHING_SIGNED
        if not (fault.remedy or fault.hint or isinstance(fault, Unidentified)):
            fault.remedy = (warden("plan", spec.subject),)
        elif spec.type == "host" and fault.remedy == (warden("doctor"),):
            fault.remedy = (warden("doctor", for_="ssh-host-sign"),)
        raise
