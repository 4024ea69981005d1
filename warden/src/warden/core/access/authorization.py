"""When a lane's value may be had, and by whom: the pure decisions of ``warden access``."""

import functools
from collections.abc import Mapping, Sequence

import msgspec

from warden.core.access.identities import Declaration
from warden.core.errors import Closed, Missing, NotNow, UsageError
from warden.core.journal.record import Record
from warden.core.lanes.approval import Approval
from warden.core.lanes.lane import Lane, PeopleReader
from warden.core.openbao.api import Identity
from warden.core.openbao.closed_mark import ClosedMark
from warden.core.remedies import AskOwner, access, warden
from warden.core.secret import Secret

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


def readers_of(lane: Lane) -> Declaration:
    """Who may use the lane."""
    return Declaration(
        subject=lane.id,
        roles={each: lane.role_name(each) for each in lane.readers},
        command=functools.partial(access, lane.id),
        owner=(AskOwner(lane.owners.custody.repo),),
    )


def approval_of(lane: Lane, who: Identity) -> Approval | None:
    """What the caller needs, by the reader that it logged in as; ``None`` where nobody has to approve."""
    for reader in lane.readers:
        if isinstance(reader, PeopleReader) and (who.mount, who.role) == (reader.mount, lane.role_of(reader)):
            return reader.approval
    return None
