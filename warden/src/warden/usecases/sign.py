"""sign: SSH certificates, exactly as decided, as the caller, past the policy and into the journal.

The order, each step before the next: the key can be signed and the validity is allowed (nobody is asked), OpenBao says
who the caller is, the policy allows it, all of this is journaled, the authority signs, the certificate that came back
is parsed and compared with what was decided, the journal again, a token that was obtained for this is revoked. Only
then is a certificate handed out. Of several, one that is refused is an error of all; the journal has each.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from warden.core.access.decision import Question, decided
from warden.core.access.identities import expect_allowed
from warden.core.errors import Effect, Refused, Unidentified, WardenError, failure_kind
from warden.core.journal.operations import abandoned, killed
from warden.core.remedies import warden
from warden.core.ssh import issue_log
from warden.core.ssh.callers import callers_of
from warden.core.ssh.comparison import differences
from warden.core.ssh.decision import Subject, decide, expect_listed, ttl_of
from warden.core.ssh.emergency import ACTION as BREAK_GLASS
from warden.core.ssh.emergency import expect_permitted
from warden.core.ssh.errors import Discarded, NotAsDecided
from warden.core.ssh.inventory import NamedActor
from warden.core.ssh.public_keys import PublicKeyBlob, public_key
from warden.usecases.steps.session import logged_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from warden.core.journal.record import NewRecord, Record
    from warden.core.lanes.readers import Seconds
    from warden.core.openbao.api import Identity
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


_RECENT = 50
"""How many of the newest records are looked at for killed signings: it is to be quick."""


class SignRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that is asked for.

    ``public_key`` is a line of OpenSSH, ``ttl`` in seconds (``None``: what the inventory says). ``handed`` and ``path``
    are where the certificate will go to; the journal keeps both.
    """

    subject: Subject
    public_key: str
    ttl: int | None = None
    reason: str = ""
    handed: Handed = "stdout"
    path: str = ""


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


class _Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be signed, under which decision; ``begin`` is its record, ``body`` what each record says of it.

    ``emergency`` is the record ``certificate.emergency``; 0 where OpenBao knows the caller.
    """

    wanted: _Wanted
    spec: CertificateSpec
    body: dict[str, Any]
    begin: int = 0
    emergency: int = 0


def sign(ask: SignRequest, *, caller: Caller, authority: AuthorityFor, tools: SignTools) -> Signed:
    """One certificate. If this raises, none was handed out."""
    return sign_all([ask], caller=caller, authority=authority, tools=tools)[0]


def sign_all(
    asks: Sequence[SignRequest], *, caller: Caller, authority: AuthorityFor, tools: SignTools
) -> tuple[Signed, ...]:
    """Several certificates of one subject's caller, with one write to the journal before and one after."""
    wanted = [_expect_fit(ask, tools.certificates) for ask in asks]
    with logged_in(callers_of(asks[0].subject), caller) as session:
        return _signed(wanted, session.who, authority(session.vault), tools)


def sign_as(
    asks: Sequence[SignRequest], who: Identity, *, authority: CertificateAuthority, tools: SignTools
) -> tuple[Signed, ...]:
    """The same without OpenBao (see `usecases.break_glass`), for a caller that nobody but this machine knows.

    The policy is asked about another action, and the record ``certificate.emergency`` comes before each signature.
    """
    wanted = [_expect_fit(ask, tools.certificates) for ask in asks]
    return _signed(wanted, who, authority, tools, action=BREAK_GLASS)


def _expect_fit(ask: SignRequest, certificates: Certificates) -> _Wanted:
    """Whatever can be decided before anybody is asked. Raises `UsageError`, `Refused`."""
    key = public_key(certificates.public_key(ask.public_key))
    assert key is not None  # noqa: S101 - the port answers a key in its plain form
    expect_listed(ask.subject, key)
    return _Wanted(ask=ask, key=key, ttl=ttl_of(ask.subject, ask.ttl))


def _signed(
    wanted: Sequence[_Wanted], who: Identity, authority: CertificateAuthority, tools: SignTools, *, action: str = "sign"
) -> tuple[Signed, ...]:
    begun = _begun([_decided(each, who, authority.where, action, tools) for each in wanted], tools.journal)
    done: list[tuple[_Decided, Certificate]] = []
    try:
        trusted = tuple(map(tools.certificates.fingerprint, authority.public_keys()))
        for each in begun:
            done.append((each, _certificate(each, authority, trusted, tools)))  # noqa: PERF401 - kept where one fails
    except BaseException as fault:
        _ignoring_errors(functools.partial(_record_failed, begun, done, fault, tools.journal))
        raise
    records = tools.journal.record_all([_issued(*each) for each in done])
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


def _decided(wanted: _Wanted, who: Identity, where: str, action: str, tools: SignTools) -> _Decided:
    """What is to be signed, and the policy's decision: journaled at once where it denies."""
    ask, subject = wanted.ask, wanted.ask.subject
    spec = decide(subject, wanted.key, who, tools.clock(), wanted.ttl)
    context = {
        "reason": ask.reason,
        "principals": list(spec.principals),
        "actor_type": subject.kind if isinstance(subject, NamedActor) else "",
        "fingerprint": wanted.key.fingerprint,
        "ttl": wanted.ttl,
        "type": spec.type,
    }
    question = Question(
        identity=who, action=action, resource=subject.name, context=context, declared=_declared(subject)
    )
    decision = tools.policy.decide(question)
    body = decided(question, decision)
    if decision.effect == "deny":
        tools.journal.record("decision", subject.name, body)
        if action == BREAK_GLASS:
            expect_permitted(subject.name, who, decision)
        expect_allowed(callers_of(subject), question, decision)
    return _Decided(wanted=wanted, spec=spec, body=body | {"where": where})


def _declared(subject: Subject) -> Any:
    return subject if isinstance(subject, NamedActor) else subject.declared


def _begun(wanted: Sequence[_Decided], journal: Journal) -> list[_Decided]:
    """Each decision and what is about to happen, in one write."""
    entries = [_before(each) for each in wanted]
    earlier = [abandoned(record, found="nothing-handed-over") for record in _killed(wanted, journal)]
    numbers = iter(journal.record_all([*earlier, *(entry for of_one in entries for entry in of_one)])[len(earlier) :])
    found = [{event: next(numbers) for event, *_ in of_one} for of_one in entries]
    return [
        msgspec.structs.replace(each, begin=of_one[issue_log.BEGIN], emergency=of_one.get(issue_log.EMERGENCY, 0))
        for each, of_one in zip(wanted, found, strict=True)
    ]


def _before(each: _Decided) -> list[NewRecord]:
    """What is recorded of one before it is signed."""
    subject = each.spec.subject
    decision = {name: value for name, value in each.body.items() if name != "where"}
    loud = [(issue_log.EMERGENCY, subject, _about(each))] if each.body["action"] == BREAK_GLASS else []
    return [("decision", subject, decision), *loud, (issue_log.BEGIN, subject, _about(each))]


def _killed(wanted: Sequence[_Decided], journal: Journal) -> list[Record]:
    """Signings of a moment ago that were killed: whatever was signed, nobody got it."""
    subjects = dict.fromkeys(each.spec.subject for each in wanted)
    return [each for name in subjects for each in killed(journal.unfinished(name, last=_RECENT), "certificate")]


def _about(each: _Decided) -> dict[str, Any]:
    """Who asked, why, under which decision."""
    return {
        "decision": each.body["id"],
        "identity": each.body["identity"],
        "reason": each.wanted.ask.reason,
        "where": each.body["where"],
        "requested_ttl": each.wanted.ttl,
        "fingerprint": each.wanted.key.fingerprint,
        "type": each.spec.type,
        "principals": list(each.spec.principals),
        **({"begin": each.begin} if each.begin else {}),
        **({"emergency": each.emergency} if each.emergency else {}),
    }


# -- signing --------------------------------------------------------------------------------------------------------


def _certificate(
    each: _Decided, authority: CertificateAuthority, trusted: Sequence[str], tools: SignTools
) -> Certificate:
    """What the authority signed, if it is what was decided. Raises `Refused` otherwise."""
    with _refusal_explained(each.spec.subject):
        line = authority.sign(each.spec)
    found = tools.certificates.parse(line)
    if not (wrong := differences(each.spec, found, trusted)):
        return found
    problem = NotAsDecided(subject=each.spec.subject, where=authority.where, differences=tuple(wrong))
    raise Refused(problem, effect=Discarded(), system=authority.where, subject=each.spec.subject)


# -- after ----------------------------------------------------------------------------------------------------------


def _issued(each: _Decided, found: Certificate) -> tuple[str, str, dict[str, Any]]:
    body = {
        "subject": each.spec.subject,
        "type": found.type,
        "serial": found.serial,
        "fingerprint": found.fingerprint,
        "authority": found.authority,
        "key_id": found.key_id,
        "principals": list(found.principals),
        "valid_after": found.valid_after,
        "valid_before": found.valid_before,
        "handed": each.wanted.ask.handed,
        "path": each.wanted.ask.path,
    }
    return issue_log.ISSUED, each.spec.subject, _about(each) | body


def _record_failed(
    begun: Sequence[_Decided], done: Sequence[tuple[_Decided, Certificate]], fault: BaseException, journal: Journal
) -> None:
    """What was signed before, which nobody gets; the one that failed; those that were not asked for any more."""
    failed, *left = begun[len(done) :]
    numbers = journal.record_all([_issued(*each) for each in done])
    gone = [_discarded(each.spec.subject, found, no, fault) for (each, found), no in zip(done, numbers, strict=True)]
    problem = fault.problem if isinstance(fault, WardenError) else None
    if isinstance(problem, NotAsDecided):
        wrong = {"differences": [msgspec.to_builtins(each) for each in problem.differences]}
        entry = (issue_log.REFUSED, failed.spec.subject, _about(failed) | wrong)
    else:
        entry = (issue_log.FAILED, failed.spec.subject, _about(failed) | {"kind": failure_kind(fault)})
    rest = [(issue_log.FAILED, each.spec.subject, _about(each) | {"kind": "not-asked"}) for each in left]
    journal.record_all([*gone, entry, *rest])


def _discarded(subject: str, found: Certificate, issued: int, fault: BaseException) -> tuple[str, str, dict[str, Any]]:
    body = {
        "issued": issued,
        "serial": found.serial,
        "fingerprint": found.fingerprint,
        "kind": failure_kind(fault),
    }
    return issue_log.DISCARDED, subject, body


def hand_over(signed: Signed, to: Callable[[str], None], journal: Journal) -> None:
    """Give `to` the certificate's line; where that fails, the journal says that nobody has it."""
    try:
        to(signed.certificate.line)
    except BaseException as fault:
        record = _discarded(signed.subject, signed.certificate, signed.record, fault)
        _ignoring_errors(functools.partial(journal.record_all, [record]))
        raise


@contextmanager
def _refusal_explained(subject: str) -> Iterator[None]:
    """The inventory allows it and the authority refuses: they differ, unless it says itself what to do."""
    try:
        yield
    except Refused as fault:
        fault.effect = fault.effect or Effect.NOTHING_SIGNED
        if not (fault.remedy or fault.hint or isinstance(fault, Unidentified)):
            fault.remedy = (warden("plan", subject),)
        raise


def _ignoring_errors(act: Callable[[], object]) -> None:
    """Tidy up on the way out of another error, which is the one to report."""
    try:
        act()
    except WardenError:
        return
