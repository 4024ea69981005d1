"""Who may have a lane's value, and why a caller may not: the pure decisions of ``warden access``."""

from collections.abc import Mapping, Sequence

import msgspec

from warden.core.access.decision import Decision
from warden.core.errors import Closed, Missing, NotAReader, NotNow, Refused, UsageError
from warden.core.journal.record import Record
from warden.core.lanes.approval import Approval
from warden.core.lanes.lane import Lane, PeopleReader, Reader, WorkloadReader
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader, GitlabReader, is_one
from warden.core.openbao.api import Identity, Login, approle_login, certificate_login, jwt_login
from warden.core.openbao.closed_mark import ClosedMark
from warden.core.remedies import (
    AskOwner,
    LogInAs,
    MountToken,
    OneOf,
    Remedy,
    RunAs,
    access,
    warden,
)
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


# -- effects and problems ---------------------------------------------------------------------------------------------


class NotHandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """The effect of an error of ``access``: nothing was handed over.

    ``program`` is the command that was not started, empty without one; ``read``: the values had been read already.
    """

    program: str
    read: bool = False


class LaneClosed(msgspec.Struct, frozen=True, kw_only=True):
    """The lane is closed, whatever the catalog says; ``since`` is ISO 8601 UTC, ``record`` the journal's.

    ``meanwhile``: it was closed while its values were being read. Where OpenBao says it and not this journal, ``by``
    says who closed it, and there is no record.
    """

    lane: str
    since: str
    reason: str
    record: int = 0
    meanwhile: bool = False
    by: str = ""


class LaneIsDraft(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody has promised yet that the lane works; ``placeholder`` is a part of it that still has one."""

    lane: str
    placeholder: str = ""


class ReaderRole(msgspec.Struct, frozen=True, kw_only=True):
    """A declared reader: who it is, and the auth mount and role that it logs in with."""

    reader: str
    mount: str
    role: str


class TokenOf(msgspec.Struct, frozen=True, kw_only=True):
    """The subject of a service account token in a file."""

    path: str
    subject: str


class NotDeclared(msgspec.Struct, frozen=True, kw_only=True):
    """The caller is not among the lane's declared readers. ``who`` may be what it would log in with."""

    who: Identity | TokenOf | AppRoleCredential | ShownCertificate
    lane: str
    readers: tuple[ReaderRole, ...]


class WrongAudience(msgspec.Struct, frozen=True, kw_only=True):
    """The token was made for another audience, so it is not OpenBao's to see and was not sent."""

    path: str
    audiences: tuple[str, ...]
    wanted: tuple[str, ...]


class ReasonRequired(msgspec.Struct, frozen=True, kw_only=True):
    """A policy requires a reason, and none was given."""

    lane: str
    policies: tuple[str, ...]


class DeniedByPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy denies a declared reader the access."""

    who: Identity
    lane: str
    policies: tuple[str, ...]
    decision: str


class NoSuchField(msgspec.Struct, frozen=True, kw_only=True):
    """The lane does not declare the field."""

    lane: str
    field: str
    fields: tuple[str, ...]


class NulByte(msgspec.Struct, frozen=True):
    """The value of the field has a NUL byte, which no environment variable can hold."""

    field: str


class NoLiveVersion(msgspec.Struct, frozen=True):
    """The path was never written, or its newest version is deleted."""

    path: str


class FieldsMissing(msgspec.Struct, frozen=True, kw_only=True):
    """The live version has no value for these declared fields."""

    path: str
    fields: tuple[str, ...]


# -- decisions --------------------------------------------------------------------------------------------------------


def expect_open(lane: Lane, closed: Record | None, *, meanwhile: bool = False) -> None:
    """Raises `Closed` where the journal says so, whatever the catalog says."""
    if closed is None:
        return
    owner = lane.owners.custody
    raise Closed(
        LaneClosed(
            lane=lane.id,
            since=closed.at,
            reason=str(closed.body.get("reason") or closed.body.get("cause") or ""),
            record=closed.seq,
            meanwhile=meanwhile,
        ),
        system="journal",
        subject=lane.id,
        remedy=(AskOwner(owner.repo, run=warden("reactivate", lane.id, reason="TEXT")),),
    )


def expect_unmarked(lane: Lane, mark: ClosedMark | None) -> None:
    """Raises `Closed` where OpenBao has the lane's path marked as closed, by whichever machine."""
    if mark is None:
        return
    raise Closed(
        LaneClosed(lane=lane.id, since=mark.since, reason="", by=mark.by),
        system="OpenBao",
        subject=lane.id,
        remedy=(AskOwner(lane.owners.custody.repo, run=warden("reactivate", lane.id, reason="TEXT")),),
    )


def expect_active(lane: Lane) -> None:
    """Raises `NotNow` for a draft: its path may still be a template, and nobody has promised that it works."""
    if lane.status == "active":
        return
    owner = lane.owners.custody
    texts = (lane.custody.path, *lane.custody.fields)
    placeholder = next((text for text in texts if "<" in text), "")
    raise NotNow(
        LaneIsDraft(lane=lane.id, placeholder=placeholder),
        system="platform",
        subject=lane.id,
        remedy=(AskOwner(owner.repo, owner.doc, run=None if placeholder else warden("promote", lane.id)),),
    )


def login_for(lane: Lane, credential: Credential) -> Login:
    """How to log in with the credential as one of the lane's readers.

    Raises:
        NotAReader: no reader of the lane logs in with such a credential, or the token is of somebody else.
        Refused: the token was made for another audience, so it is not OpenBao's to see.
    """
    if isinstance(credential, Projected):
        reader = reader_for(lane, credential)
        return jwt_login(reader.mount, lane.role_of(reader), credential.jwt)
    wanted = AppRoleReader if isinstance(credential, AppRoleCredential) else CertificateReader
    found = [reader for reader in lane.readers if isinstance(reader, wanted)]
    if not found:
        raise _not_a_reader(lane, credential)
    if isinstance(credential, AppRoleCredential):
        # Which role a RoleID is of, OpenBao knows; that it is a reader's is decided when it has said so.
        return approle_login(found[0].mount, credential.role_id, credential.secret_id)
    return certificate_login(found[0].mount, lane.role_of(found[0]))


def reader_for(lane: Lane, projected: Projected) -> WorkloadReader | GithubReader | GitlabReader:
    """The reader as whom a token of a service account or of a CI job may log in.

    Raises:
        NotAReader: it is not of one of the lane's workloads, nor of a declared job.
        Refused: it was made for another audience, so it is not OpenBao's to see.
    """
    mine = [reader for reader in lane.readers if _is_of(reader, projected)]
    found = [reader for reader in mine if isinstance(reader, WorkloadReader | GithubReader | GitlabReader)]
    if not found:
        raise _not_a_reader(lane, TokenOf(path=projected.path, subject=projected.subject))
    for reader in found:
        if reader.audience in projected.audiences:
            return reader
    wanted = tuple(sorted({reader.audience for reader in found}))
    raise Refused(
        WrongAudience(path=projected.path, audiences=projected.audiences, wanted=wanted),
        system="token file",
        subject=projected.path,
        remedy=(MountToken(found[0].audience),) if isinstance(found[0], WorkloadReader) else (),
    )


def _is_of(reader: Reader, projected: Projected) -> bool:
    if isinstance(reader, WorkloadReader):
        return reader.workload.subject == projected.subject
    return isinstance(reader, GithubReader | GitlabReader) and is_one(reader, projected.claims)


def expect_allowed(lane: Lane, who: Identity, decision: Decision) -> None:
    """Raises `NotAReader` or `Refused` where the policy denies."""
    if decision.effect == "allow":
        return
    if decision.wants_reason:
        raise Refused(
            ReasonRequired(lane=lane.id, policies=decision.policies),
            system="policy",
            subject=lane.id,
            remedy=(access(lane.id, reason="TEXT"),),
        )
    if not _is_reader(lane, who):
        raise _not_a_reader(lane, who)
    raise Refused(
        DeniedByPolicy(who=who, lane=lane.id, policies=decision.policies, decision=decision.id),
        system="policy",
        subject=lane.id,
        remedy=(AskOwner(lane.owners.custody.repo),),
    )


def expect_declared(lane: Lane, field: str) -> None:
    """Raises `UsageError` for a field that the lane does not have."""
    if field not in lane.custody.fields:
        raise UsageError(
            NoSuchField(lane=lane.id, field=field, fields=lane.custody.fields), system="platform", subject=lane.id
        )


def expect_fit(lane: Lane, values: Mapping[str, Secret], via: str) -> None:
    """Raises `UsageError` where a value cannot become an environment variable."""
    for field in values:
        if via == "env" and "\0" in values[field].reveal():
            raise UsageError(NulByte(field), system="platform", subject=field, remedy=(access(lane.id, as_="fd"),))


def expect_fields(lane: Lane, found: Sequence[str] | None) -> None:
    """Raises `Missing` where there is no live version, or where it lacks a declared field."""
    wanted = lane.custody.fields
    lacking = tuple(field for field in wanted if found is None or field not in found)
    if not lacking:
        return
    path = lane.custody.path
    raise Missing(
        NoLiveVersion(path) if found is None else FieldsMissing(path=path, fields=lacking),
        system="OpenBao",
        subject=lane.id,
        remedy=(AskOwner(lane.owners.custody.repo, run=warden("put", lane.id, *lacking)),),
    )


# -- readers ----------------------------------------------------------------------------------------------------------


def log_in(lane: Lane) -> Remedy:
    """The ways to log in as one of the lane's readers, people first; empty where it has none."""
    ordered = sorted(lane.readers, key=lambda reader: not isinstance(reader, PeopleReader))
    return (OneOf(tuple(log_in_as(lane, reader) for reader in ordered)),) if ordered else ()


def log_in_as(lane: Lane, reader: Reader) -> LogInAs | RunAs:
    """How to log in as this reader."""
    if isinstance(reader, PeopleReader):
        return LogInAs(reader.people, reader.mount, lane.role_of(reader))
    if isinstance(reader, AppRoleReader):
        run = access(lane.id, role_id="ID", secret_id_file="FILE")  # noqa: S106 - a placeholder
        return RunAs(reader.label, "", run, credential="secret-id")
    if isinstance(reader, CertificateReader):
        return RunAs(reader.label, "", access(lane.id), credential="certificate")
    who = str(reader.workload) if isinstance(reader, WorkloadReader) else reader.label
    return RunAs(who, reader.audience, access(lane.id, token_file="FILE"))  # noqa: S106 - a placeholder


def approval_of(lane: Lane, who: Identity) -> Approval | None:
    """What the caller needs, by the reader that it logged in as; ``None`` where nobody has to approve."""
    for reader in lane.readers:
        if isinstance(reader, PeopleReader) and (who.mount, who.role) == (reader.mount, lane.role_of(reader)):
            return reader.approval
    return None


def _is_reader(lane: Lane, who: Identity) -> bool:
    """Whether OpenBao says that the token logged in as one of the lane's declared readers."""
    return bool(who.role) and any((who.mount, who.role) == (r.mount, lane.role_of(r)) for r in lane.readers)


def _not_a_reader(lane: Lane, who: Identity | TokenOf | AppRoleCredential | ShownCertificate) -> NotAReader:
    readers = tuple(
        ReaderRole(reader=reader.label, mount=reader.mount, role=lane.role_of(reader)) for reader in lane.readers
    )
    return NotAReader(
        NotDeclared(who=who, lane=lane.id, readers=readers),
        system="policy",
        subject=lane.id,
        remedy=log_in(lane) or (AskOwner(lane.owners.custody.repo),),
    )
