"""Who may have a lane's value, and what a caller is told who may not: pure decisions of ``warden access``."""

from collections.abc import Mapping, Sequence

import msgspec

from warden.core.errors import Closed, Missing, NotAReader, NotNow, Refused, UsageError
from warden.core.journal.record import Decision, Record
from warden.core.lanes.lane import Lane, PeopleReader, Reader, WorkloadReader
from warden.core.openbao.api import Identity
from warden.core.secret import Secret


class Projected(msgspec.Struct, frozen=True, kw_only=True):
    """A service-account token from a file, and whom it says it is for (read, not verified)."""

    path: str
    jwt: Secret
    subject: str
    audiences: tuple[str, ...]


def unstarted(program: str) -> str:
    """What therefore did not happen, as the end of every message."""
    return f"Nothing was read and {program} was not started." if program else "Nothing was read."


def expect_open(lane: Lane, closed: Record | None, program: str) -> None:
    """Raises `Closed` where the journal says so, whatever the catalog says."""
    if closed is None:
        return
    why = str(closed.body.get("reason") or closed.body.get("cause") or "no reason recorded")
    raise Closed(
        f"{lane.id} is closed since {closed.at[:16]}Z ({why}; journal {closed.seq}).",
        system="journal",
        subject=lane.id,
        hint=f"{unstarted(program)} Who can open it: {lane.owners.custody.repo}, with warden reactivate.",
    )


def expect_active(lane: Lane, program: str) -> None:
    """Raises `NotNow` for a draft: its path may still be a template, and nobody has promised that it works."""
    if lane.status == "active":
        return
    placeholder = "<" in lane.custody.path or any("<" in field for field in lane.custody.fields)
    what = f", and its path still has a placeholder: {lane.custody.path}" if placeholder else ""
    raise NotNow(
        f"{lane.id} is a draft{what}.",
        system="platform",
        subject=lane.id,
        hint=f"{unstarted(program)} Who can finish it: {lane.owners.custody.repo}; see warden route show {lane.id}",
    )


def door_for(lane: Lane, projected: Projected, program: str) -> WorkloadReader:
    """The reader as whom a service-account token may log in.

    Raises:
        NotAReader: its subject is none of the lane's workloads.
        Refused: it was made for another audience: then it is not OpenBao's to see.
    """
    workloads = [reader for reader in lane.readers if isinstance(reader, WorkloadReader)]
    mine = [reader for reader in workloads if reader.workload.subject == projected.subject]
    if not mine:
        raise not_a_reader(lane, f"the token in {projected.path} is {projected.subject}'s", program)
    for reader in mine:
        if reader.audience in projected.audiences:
            return reader
    wanted = " or ".join(sorted({reader.audience for reader in mine}))
    raise Refused(
        f"the token in {projected.path} was made for the audience {', '.join(projected.audiences) or '(none)'}, "
        f"not for {wanted}; it was not sent. {unstarted(program)}",
        system="token file",
        subject=projected.path,
        hint=f"Project one for it: serviceAccountToken: {{audience: {mine[0].audience}, path: token}}",
    )


def expect_allowed(lane: Lane, who: Identity, decision: Decision, program: str) -> None:
    """Raises `NotAReader` or `Refused` where the policy says no."""
    if decision.effect == "allow":
        return
    named = ", ".join(decision.policies) or "the policy"
    if decision.wants_reason:
        raise Refused(
            f"{named} wants a reason for {lane.id}, and none was given. {unstarted(program)}",
            system="policy",
            subject=lane.id,
            hint='Say why: --reason "…" (it is journaled with the decision)',
        )
    if not is_reader(lane, who):
        raise not_a_reader(lane, f"you are {describe(who)}", program)
    raise Refused(
        f"{named} refuses {describe(who)} the access to {lane.id} (decision {decision.id}). {unstarted(program)}",
        system="policy",
        subject=lane.id,
        hint=f"Ask {lane.owners.custody.repo}, which owns the policy.",
    )


def is_reader(lane: Lane, who: Identity) -> bool:
    """Whether OpenBao says that the token logged in as one of the lane's declared readers."""
    return bool(who.role) and any((who.mount, who.role) == (r.mount, lane.role_of(r)) for r in lane.readers)


def not_a_reader(lane: Lane, who: str, program: str) -> NotAReader:
    """Says who the declared readers are and how to log in as one."""
    readers = "; ".join(f"{reader.label} (auth/{reader.mount}, role {lane.role_of(reader)})" for reader in lane.readers)
    return NotAReader(
        f"{who}, and {lane.id} is for {readers or 'nobody yet'}. {unstarted(program)}",
        system="policy",
        subject=lane.id,
        hint=" Or: ".join(how_to_log_in(lane)) or f"Ask {lane.owners.custody.repo} to declare a reader.",
    )


def expect_declared(lane: Lane, field: str) -> None:
    """Raises `UsageError` for a field that the lane does not have."""
    if field not in lane.custody.fields:
        raise UsageError(
            f"{lane.id} has no field {field}. {unstarted('')}",
            system="platform",
            subject=lane.id,
            hint=f"Its fields: {', '.join(lane.custody.fields)}",
        )


def expect_fit(values: Mapping[str, Secret], via: str, program: str) -> None:
    """Raises `UsageError` where a value cannot go into an environment variable."""
    for field in values:
        if via == "env" and "\0" in values[field].reveal():
            raise UsageError(
                f"{field} has a value with a NUL byte, which no environment variable can hold. "
                f"{program} was not started.",
                system="platform",
                subject=field,
                hint="Hand it over as a file: --as fd",
            )


def describe(who: Identity) -> str:
    """A person or workload as OpenBao knows it."""
    if not who.mount:
        return f"{who.display_name} (a token made without a login)"
    return f"{who.display_name} (auth/{who.mount}" + (f", role {who.role})" if who.role else ")")


def how_to_log_in(lane: Lane) -> list[str]:
    """One sentence for each way in, people first."""
    ordered = sorted(lane.readers, key=lambda reader: isinstance(reader, WorkloadReader))
    return [way_in(lane, reader) for reader in ordered]


def way_in(lane: Lane, reader: Reader) -> str:
    """How to log in as this reader."""
    if isinstance(reader, PeopleReader):
        return (
            f"Log in as one of {reader.people}: bao login -method=oidc -path={reader.mount} role={lane.role_of(reader)}"
        )
    return (
        f"Run it as {reader.workload}, with its token for the audience {reader.audience} in a file: "
        f"warden access {lane.id} --token-file FILE -- COMMAND"
    )


def expect_fields(lane: Lane, found: Sequence[str] | None, program: str) -> None:
    """Raises `Missing` where there is no live version, or it lacks a field that the lane declares."""
    wanted = lane.custody.fields
    lacking = [field for field in wanted if found is None or field not in found]
    if not lacking:
        return
    state = "has no live version (never written, or deleted)" if found is None else f"has no field {', '.join(lacking)}"
    raise Missing(
        f"{lane.custody.path} {state}. {_not_handed(program)}",
        system="OpenBao",
        subject=lane.id,
        hint=f"{lane.owners.custody.repo} puts it there: warden put {lane.id} {lacking[0]}",
    )


def _not_handed(program: str) -> str:
    return f"{program} was not started." if program else "Nothing was handed over."
