"""Who may have certificates signed for an actor: how an identity logs in, and why a caller may not."""

import msgspec

from warden.core.access.authorization import (
    AppRoleCredential,
    Credential,
    Projected,
    ReaderRole,
    ShownCertificate,
    TokenOf,
    WrongAudience,
)
from warden.core.access.decision import Decision
from warden.core.errors import Effect, NotAReader, Refused
from warden.core.lanes.lane import PeopleReader, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader, GitlabReader, is_one
from warden.core.openbao.api import Identity, Login, approle_login, certificate_login, jwt_login
from warden.core.remedies import LogInAs, MountToken, OneOf, Remedy, RunAs, warden
from warden.core.ssh.decision import Subject
from warden.core.ssh.inventory import ActorIdentity, NamedActor, PersonIdentity

JobOrWorkload = WorkloadReader | GithubReader | GitlabReader


class NotAnIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The caller is not among the declared identities. ``who`` may be what it would log in with."""

    who: Identity | TokenOf | AppRoleCredential | ShownCertificate
    subject: str
    identities: tuple[ReaderRole, ...]


class SignReasonRequired(msgspec.Struct, frozen=True, kw_only=True):
    """A policy requires a reason, and none was given."""

    subject: str
    policies: tuple[str, ...]


class SignDenied(msgspec.Struct, frozen=True, kw_only=True):
    """The policy denies a declared identity the certificate."""

    who: Identity
    subject: str
    policies: tuple[str, ...]
    decision: str


def identities_of(subject: Subject) -> tuple[ActorIdentity, ...]:
    """Who is declared to have certificates signed; nobody for a host."""
    return subject.declared.identities if isinstance(subject, NamedActor) else ()


def login_for(subject: Subject, credential: Credential) -> Login:
    """How to log in with the credential as one of the identities.

    Raises:
        NotAReader: none of them logs in with such a credential, or the token is of somebody else.
        Refused: the token was made for another audience, so it is not OpenBao's to see.
    """
    assert isinstance(subject, NamedActor)  # noqa: S101 - a host has no identities to log in as
    if isinstance(credential, Projected):
        found = _identity_for(subject, credential)
        return jwt_login(found.mount, subject.role_of(found).name, credential.jwt)
    wanted = AppRoleReader if isinstance(credential, AppRoleCredential) else CertificateReader
    fitting = [each for each in subject.declared.identities if isinstance(each, wanted)]
    if not fitting:
        raise _not_an_identity(subject, credential)
    role = subject.role_of(fitting[0])
    if isinstance(credential, AppRoleCredential):
        return approle_login(role.mount, credential.role_id, credential.secret_id)
    return certificate_login(role.mount, role.name)


def _identity_for(subject: NamedActor, projected: Projected) -> JobOrWorkload:
    mine = [each for each in subject.declared.identities if _is_of(each, projected)]
    found = [each for each in mine if isinstance(each, JobOrWorkload)]
    if not found:
        raise _not_an_identity(subject, TokenOf(path=projected.path, subject=projected.subject))
    for each in found:
        if each.audience in projected.audiences:
            return each
    wanted = tuple(sorted({each.audience for each in found}))
    raise Refused(
        WrongAudience(path=projected.path, audiences=projected.audiences, wanted=wanted),
        effect=Effect.NOTHING_SIGNED,
        system="token file",
        subject=projected.path,
        remedy=(MountToken(found[0].audience),) if isinstance(found[0], WorkloadReader) else (),
    )


def _is_of(identity: ActorIdentity, projected: Projected) -> bool:
    if isinstance(identity, WorkloadReader):
        return identity.workload.subject == projected.subject
    return isinstance(identity, GithubReader | GitlabReader) and is_one(identity, projected.claims)


def expect_allowed(subject: Subject, who: Identity, decision: Decision) -> None:
    """Raises `NotAReader` or `Refused` where the policy denies."""
    if decision.effect == "allow":
        return
    if decision.wants_reason:
        problem = SignReasonRequired(subject=subject.name, policies=decision.policies)
        again = warden("sign", subject.name, pubkey="FILE", reason="TEXT")
        raise Refused(problem, effect=Effect.NOTHING_SIGNED, system="policy", subject=subject.name, remedy=(again,))
    if isinstance(subject, NamedActor) and not is_identity(subject, who):
        raise _not_an_identity(subject, who)
    raise Refused(
        SignDenied(who=who, subject=subject.name, policies=decision.policies, decision=decision.id),
        effect=Effect.NOTHING_SIGNED,
        system="policy",
        subject=subject.name,
    )


def is_identity(subject: NamedActor, who: Identity) -> bool:
    """Whether OpenBao says that the token logged in as one of the declared identities."""
    roles = [subject.role_of(each) for each in subject.declared.identities]
    return any((each.mount, each.name) == (who.mount, who.role) for each in roles)


def log_in(subject: Subject) -> Remedy:
    """The ways to log in as one of the identities, people first; empty where there is none."""
    if not isinstance(subject, NamedActor):
        return ()
    ordered = sorted(identities_of(subject), key=lambda each: not isinstance(each, PersonIdentity | PeopleReader))
    return (OneOf(tuple(_log_in_as(subject, each) for each in ordered)),) if ordered else ()


def _log_in_as(subject: NamedActor, identity: ActorIdentity) -> LogInAs | RunAs:
    role = subject.role_of(identity)
    if isinstance(identity, PersonIdentity):
        return LogInAs(identity.person, role.mount, role.name, person=True)
    if isinstance(identity, PeopleReader):
        return LogInAs(identity.people, role.mount, role.name)
    again = warden("sign", subject.name, pubkey="FILE")
    if isinstance(identity, AppRoleReader):
        again = warden("sign", subject.name, pubkey="FILE", role_id="ID", secret_id_file="FILE")  # noqa: S106 - a placeholder
        return RunAs(identity.label, "", again, credential="secret-id")
    if isinstance(identity, CertificateReader):
        return RunAs(identity.label, "", again, credential="certificate")
    who = str(identity.workload) if isinstance(identity, WorkloadReader) else identity.label
    again = warden("sign", subject.name, pubkey="FILE", token_file="FILE")  # noqa: S106 - a placeholder
    return RunAs(who, identity.audience, again)


def _not_an_identity(subject: NamedActor, who: Identity | TokenOf | AppRoleCredential | ShownCertificate) -> NotAReader:
    roles = [(each, subject.role_of(each)) for each in subject.declared.identities]
    listed = tuple(ReaderRole(reader=each.label, mount=role.mount, role=role.name) for each, role in roles)
    return NotAReader(
        NotAnIdentity(who=who, subject=subject.name, identities=listed),
        effect=Effect.NOTHING_SIGNED,
        system="policy",
        subject=subject.name,
        remedy=log_in(subject),
    )
