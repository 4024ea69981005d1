"""Who may use what is declared: as whom a credential logs in, and why a caller may not.

A lane has readers, an actor has identities; both become a `Declaration`, which is all that is decided by here.
"""

from collections.abc import Callable, Mapping

import msgspec

from warden.core.access.decision import Decision, Question
from warden.core.access.points import expect_permitted_by_points
from warden.core.errors import Effect, NotAReader, Refused
from warden.core.inventory.inventory import ActorIdentity, PersonIdentity
from warden.core.lanes.lane import PeopleReader, RoleName, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader, GitlabReader, is_one
from warden.core.openbao.api import Identity, Login, approle_login, certificate_login, jwt_login
from warden.core.remedies import LogInAs, MountToken, OneOf, Remedy, RunAs, RunWarden
from warden.core.secret import Secret


class Projected(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a service account or of a CI job, and whom it says it is for (read, not verified).

    ``path`` is the file that it is in, or the variable. ``claims`` are those that are texts.
    """

    path: str
    jwt: Secret
    subject: str
    audiences: tuple[str, ...]
    claims: Mapping[str, str] = {}


class AppRoleCredential(msgspec.Struct, frozen=True, kw_only=True):
    """What an AppRole logs in with: its RoleID, and its SecretID from the file `path`."""

    role_id: str
    secret_id: Secret
    path: str


class ShownCertificate(msgspec.Struct, frozen=True):
    """The file of the certificate that the connection to OpenBao shows."""

    path: str


Credential = Projected | AppRoleCredential | ShownCertificate
"""What a caller without a token of OpenBao's logs in with."""


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """Who may use a lane, or have certificates signed for an actor or a host.

    ``roles`` are the identities, each with the auth role that it logs in with; ``None`` where the policy alone says who
    may, as for a host. ``command`` is what an identity runs, given the options of its credential. ``effect`` is what an
    error prevents, ``None`` where the use case says it; ``owner``, whom to ask where no login helps.
    """

    subject: str
    roles: Mapping[ActorIdentity, RoleName] | None
    command: Callable[..., RunWarden]
    effect: Effect | None = None
    owner: Remedy = ()

    @property
    def identities(self) -> tuple[ActorIdentity, ...]:
        """Those that are declared, in the order of the file."""
        return tuple(self.roles or ())

    def role_of(self, identity: ActorIdentity) -> RoleName:
        """The auth role that it logs in with."""
        return (self.roles or {})[identity]

    def has(self, who: Identity) -> bool:
        """Whether OpenBao says that the token logged in as one of the identities."""
        roles = (self.roles or {}).values()
        return bool(who.role) and any((who.mount, who.role) == (role.mount, role.name) for role in roles)


class DeclaredRole(msgspec.Struct, frozen=True, kw_only=True):
    """A declared identity: who it is, and the auth mount and role that it logs in with."""

    identity: str
    mount: str
    role: str


class TokenOf(msgspec.Struct, frozen=True, kw_only=True):
    """The subject of a service account token in a file."""

    path: str
    subject: str


Claimant = Identity | TokenOf | AppRoleCredential | ShownCertificate
"""Who a caller is, or what it would log in with."""


class NotDeclared(msgspec.Struct, frozen=True, kw_only=True):
    """The caller is not among the declared identities."""

    who: Claimant
    subject: str
    declared: tuple[DeclaredRole, ...]


class WrongAudience(msgspec.Struct, frozen=True, kw_only=True):
    """The token was made for another audience, so it is not OpenBao's to see and was not sent."""

    path: str
    audiences: tuple[str, ...]
    wanted: tuple[str, ...]


class ReasonRequired(msgspec.Struct, frozen=True, kw_only=True):
    """A policy requires a reason, and none was given."""

    subject: str
    policies: tuple[str, ...]


class DeniedByPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy denies a declared identity the action."""

    who: Identity
    action: str
    subject: str
    policies: tuple[str, ...]
    decision: str


def login_for(declaration: Declaration, credential: Credential) -> Login:
    """How to log in with the credential as one of the identities.

    Raises:
        NotAReader: none of them logs in with such a credential, or the token is of somebody else.
        Refused: the token was made for another audience, so it is not OpenBao's to see.
    """
    if isinstance(credential, Projected):
        role = declaration.role_of(identity_for(declaration, credential))
        return jwt_login(role.mount, role.name, credential.jwt)
    wanted = AppRoleReader if isinstance(credential, AppRoleCredential) else CertificateReader
    found = [each for each in declaration.identities if isinstance(each, wanted)]
    if not found:
        raise _not_declared(declaration, credential)
    role = declaration.role_of(found[0])
    if isinstance(credential, AppRoleCredential):
        # Which role a RoleID is of, OpenBao knows; that it is a declared one is decided when it has said so.
        return approle_login(role.mount, credential.role_id, credential.secret_id)
    return certificate_login(role.mount, role.name)


def identity_for(declaration: Declaration, projected: Projected) -> WorkloadReader | GithubReader | GitlabReader:
    """The identity as which a token of a service account or of a CI job may log in.

    Raises:
        NotAReader: it is not of a declared workload, nor of a declared job.
        Refused: it was made for another audience, so it is not OpenBao's to see.
    """
    mine = [each for each in declaration.identities if _is_of(each, projected)]
    found = [each for each in mine if isinstance(each, WorkloadReader | GithubReader | GitlabReader)]
    if not found:
        raise _not_declared(declaration, TokenOf(path=projected.path, subject=projected.subject))
    for each in found:
        if each.audience in projected.audiences:
            return each
    wanted = tuple(sorted({each.audience for each in found}))
    raise Refused(
        WrongAudience(path=projected.path, audiences=projected.audiences, wanted=wanted),
        effect=declaration.effect,
        system="token file",
        subject=projected.path,
        remedy=(MountToken(found[0].audience),) if isinstance(found[0], WorkloadReader) else (),
    )


def _is_of(identity: ActorIdentity, projected: Projected) -> bool:
    if isinstance(identity, WorkloadReader):
        return identity.workload.subject == projected.subject
    return isinstance(identity, GithubReader | GitlabReader) and is_one(identity, projected.claims)


def expect_allowed(declaration: Declaration, question: Question, decision: Decision) -> None:
    """Raises `NotAReader` or `Refused` where the access policies or a policy point deny it."""
    if decision.effect == "allow":
        return
    expect_permitted_by_points(question, decision, declaration.effect)
    who, subject = question.identity, declaration.subject
    if decision.wants_reason:
        problem = ReasonRequired(subject=subject, policies=decision.policies)
        again = declaration.command(reason="TEXT")
        raise Refused(problem, effect=declaration.effect, system="policy", subject=subject, remedy=(again,))
    if declaration.roles is not None and not declaration.has(who):
        raise _not_declared(declaration, who)
    raise Refused(
        DeniedByPolicy(
            who=who, action=question.action, subject=subject, policies=decision.policies, decision=decision.id
        ),
        effect=declaration.effect,
        system="policy",
        subject=subject,
        remedy=declaration.owner,
    )


def log_in(declaration: Declaration) -> Remedy:
    """The ways to log in as one of the identities, people first; empty where there is none."""
    ordered = sorted(declaration.identities, key=lambda each: not isinstance(each, PersonIdentity | PeopleReader))
    return (OneOf(tuple(log_in_as(declaration, each) for each in ordered)),) if ordered else ()


def log_in_as(declaration: Declaration, identity: ActorIdentity) -> LogInAs | RunAs:
    """How to log in as this identity."""
    role, command = declaration.role_of(identity), declaration.command
    if isinstance(identity, PersonIdentity):
        return LogInAs(identity.person, role.mount, role.name, person=True)
    if isinstance(identity, PeopleReader):
        return LogInAs(identity.people, role.mount, role.name)
    if isinstance(identity, AppRoleReader):
        again = command(role_id="ID", secret_id_file="FILE")  # noqa: S106 - a placeholder
        return RunAs(identity.label, "", again, credential="secret-id")
    if isinstance(identity, CertificateReader):
        return RunAs(identity.label, "", command(), credential="certificate")
    who = str(identity.workload) if isinstance(identity, WorkloadReader) else identity.label
    return RunAs(who, identity.audience, command(token_file="FILE"))  # noqa: S106 - a placeholder


def _not_declared(declaration: Declaration, who: Claimant) -> NotAReader:
    roles = (declaration.roles or {}).items()
    declared = tuple(DeclaredRole(identity=each.label, mount=role.mount, role=role.name) for each, role in roles)
    return NotAReader(
        NotDeclared(who=who, subject=declaration.subject, declared=declared),
        effect=declaration.effect,
        system="policy",
        subject=declaration.subject,
        remedy=log_in(declaration) or declaration.owner,
    )
