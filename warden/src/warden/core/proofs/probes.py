"""Lane -> Probes: what is asked of the live server to show who may read a path, and who may not.

Every probe is harmless even when it is wrongly allowed: a read is wrapped, so that the value never leaves OpenBao; a
write carries a check-and-set that cannot match; deletions name a version that does not exist. Where no harmless form
exists (deleting a path as a whole, creating), the server's own answer about capabilities stands in.

Each negative token differs from an accepted one in exactly one claim, and a refusal counts only for that reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from warden.core.lanes.lane import PROBE_ACCOUNT, Lane, PeopleReader, Reader, RoleName, Workload, WorkloadReader
from warden.core.openbao.refill import put_values
from warden.core.openbao.resources import AUTHORIZE
from warden.core.proofs.verdict import CustodyProbe, Expectation
from warden.core.remedies import Remedy, warden

HEADER = "X-Lane-Probe"
"""The request header that carries a probe's nonce; it must be registered for the audit log, in clear."""

NO_VERSION = 999_999_999
"""A version, and a check-and-set, that no secret reaches."""

WRAP = {"X-Vault-Wrap-TTL": "30s"}
"""Response wrapping: the answer is a token for the value instead of the value; it is revoked at once."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a service-account token of these claims, logging in by this role."""

    workload: Workload
    audience: str
    mount: str
    role: str


class Held(msgspec.Struct, frozen=True):
    """The reader itself, logged in: what remains to be shown is what its token may not do."""


class Nobody(msgspec.Struct, frozen=True):
    """A request without any token."""


class Caller(msgspec.Struct, frozen=True):
    """Whoever runs the proof, with its own token."""


class MadeToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a CI system that says this; a ``forged`` one has a signature that no mount knows."""

    claims: tuple[tuple[str, str], ...]
    audience: str
    forged: bool = False


class SecretIdSent(msgspec.Struct, frozen=True, kw_only=True):
    """The RoleID of the role with a SecretID that OpenBao made for this, with a made-up one, or without any."""

    kind: Literal["issued", "unknown", "none"]


class StrangersCertificate(msgspec.Struct, frozen=True):
    """A certificate of that name which its holder has signed; empty: none is shown."""

    name: str


class OwnCredential(msgspec.Struct, frozen=True):
    """What the operator presents: the token or certificate of the reader with that label, or of another name."""

    of: str


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is not a pod, logging in by this role with that credential."""

    role: RoleName
    credential: MadeToken | SecretIdSent | StrangersCertificate | OwnCredential


Actor = Claims | Machine | Held | Nobody | Caller


NEEDS: Mapping[str, tuple[str, ...]] = {
    "GET": ("read",),
    "LIST": ("list",),
    "SCAN": ("scan",),
    "POST": ("create", "update"),
    "PUT": ("update",),
    "PATCH": ("patch",),
}
"""Method -> capabilities of which one is enough."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One request to the server, and what a sound lane answers.

    Attributes:
        id: unique within a lane and reader.
        reader: whose access it is about (`Reader.label`), empty for the path as such.
        subject: whom the title names, where it is not the reader: a namespace, another lane's account.
        actor: who asks.
        expected: what a sound lane answers.
        method, path, body, headers: the request, below ``/v1/``.
        at_login: the refusal has to come from the login and name one of `reasons`; otherwise from the policy.
        remedy: what fixes a wrong answer.
        fields: for the question after the live version: exactly these field names.
        capabilities: for questions about capabilities: what is allowed on each path, nothing more.
        granted_by: the one policy by which an allowed read may pass.
        policy: the lane's own, which is what `apply` writes.
    """

    id: CustodyProbe
    reader: str
    actor: Actor
    expected: Expectation
    method: str
    path: str
    subject: str = ""
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    at_login: bool = False
    reasons: tuple[str, ...] = ()
    remedy: Remedy = ()
    fields: tuple[str, ...] = ()
    capabilities: Mapping[str, tuple[str, ...]] = {}
    granted_by: str = ""
    policy: str = ""


SUBJECT = ("invalid subject (sub) claim", "service account name not authorized", "namespace not authorized")
AUDIENCE = ("invalid audience (aud) claim",)
"""How the jwt and the kubernetes auth mounts of OpenBao 2.7 word the refusal of one claim (measured)."""


def probes(
    lane: Lane,
    *,
    others: Sequence[Claims] = (),
    as_member: frozenset[str] = frozenset(),
    unplayed: frozenset[str] = frozenset(),
) -> tuple[Probe, ...]:
    """All probes of a lane.

    Args:
        lane: with a concrete path.
        others: readers of other lanes whose role exists; the first that is not a reader here is tried.
        as_member: labels of the readers of people that the caller is logged in as.
        unplayed: auth mounts whose accounts nobody is to be played as.
    """
    found = [_live_version(lane), _no_token(lane)]
    for reader in lane.readers:
        if isinstance(reader, WorkloadReader):
            found += _of_workload(lane, reader, others) if reader.mount not in unplayed else ()
        elif reader.label in as_member:
            found += _of_member(lane, reader)
    return tuple(with_remedy(lane, probe) for probe in found)


def member_probes(lane: Lane, as_member: frozenset[str]) -> tuple[Probe, ...]:
    """What a member can show who has no other rights: that it may read."""
    return tuple(probe for reader in lane.readers if reader.label in as_member for probe in _of_member(lane, reader))


def _of_member(lane: Lane, reader: Reader) -> Iterator[Probe]:
    """A read; where others have to approve it, that nothing comes without an approval, nor with the member's own."""
    if not isinstance(reader, PeopleReader) or reader.approval is None:
        yield _reads(lane, reader, Caller())
        return
    own = lane.policy_of(reader)
    read = msgspec.structs.replace(_reads(lane, reader, Caller()), id="unapproved", expected="refused", granted_by=own)
    approve = msgspec.structs.replace(
        read, id="self-approved", method="POST", path=AUTHORIZE, headers={}, granted_by=""
    )
    yield msgspec.structs.replace(with_remedy(lane, read), policy=own)
    yield msgspec.structs.replace(with_remedy(lane, approve), policy="")


def unplayed_readers(lane: Lane, unplayed: frozenset[str]) -> list[str]:
    """Labels of the readers that no probe is sent as: their tokens would have to come from those mounts' clusters."""
    return [each.label for each in lane.readers if isinstance(each, WorkloadReader) and each.mount in unplayed]


def with_remedy(lane: Lane, probe: Probe) -> Probe:
    """The value is put; everything else is derived again."""
    step = put_values(lane) if probe.fields else warden("apply", lane.id)
    return msgspec.structs.replace(probe, remedy=(step,), policy=lane.custody.policy_name)


def claims_of(lane: Lane, reader: WorkloadReader) -> Claims:
    """What an accepted token of the reader says."""
    return Claims(workload=reader.workload, audience=reader.audience, mount=reader.mount, role=lane.role_of(reader))


def _of_workload(lane: Lane, reader: WorkloadReader, others: Sequence[Claims]) -> Iterator[Probe]:
    yield _reads(lane, reader, claims_of(lane, reader))
    yield from _strangers(lane, reader)
    yield from elsewhere_of(lane, reader)
    yield from changes_of(lane, reader)
    yield capabilities_of(lane, reader)
    mine = {each.workload for each in lane.readers if isinstance(each, WorkloadReader)}
    for other in others:
        if other.workload not in mine and other.role != lane.role_of(reader):
            yield _another_lanes_reader(lane, reader, other)
            return


def inspecting(lane: Lane, reads: Probe) -> Probe:
    """The read, as whoever was allowed to, of a value that is looked at in memory: without response wrapping."""
    probe = msgspec.structs.replace(reads, id="value-form", headers={}, fields=lane.custody.fields, granted_by="")
    return with_remedy(lane, probe)


def data_path(lane: Lane, key: str | None = None) -> str:
    """The path of a value, the lane's own or another, as requests name it."""
    return f"{lane.custody.mount}/data/{key or lane.custody.key}"


def _reads(lane: Lane, reader: Reader, actor: Actor) -> Probe:
    return Probe(
        id="reads",
        reader=reader.label,
        actor=actor,
        expected="allowed",
        method="GET",
        path=data_path(lane),
        headers=WRAP,
        granted_by="" if isinstance(actor, Caller) else lane.custody.policy_name,
    )


def _live_version(lane: Lane) -> Probe:
    return Probe(
        id="live-version",
        reader="",
        actor=Caller(),
        expected="allowed",
        method="GET",
        path=f"{lane.custody.mount}/subkeys/{lane.custody.key}",
        fields=tuple(sorted(lane.custody.fields)),
    )


def _no_token(lane: Lane) -> Probe:
    return Probe(
        id="no-token", reader="", actor=Nobody(), expected="refused", method="GET", path=data_path(lane), headers=WRAP
    )


def _strangers(lane: Lane, reader: WorkloadReader) -> Iterator[Probe]:
    """Tokens that differ from the reader's in one claim: the account, its namespace, the audience."""
    accepted, home = claims_of(lane, reader), reader.workload
    other_account = msgspec.structs.replace(accepted, workload=Workload(home.namespace, PROBE_ACCOUNT))
    other_namespace = msgspec.structs.replace(accepted, workload=Workload(PROBE_ACCOUNT, home.account))
    other_audience = msgspec.structs.replace(accepted, audience=PROBE_ACCOUNT)
    variants: tuple[tuple[CustodyProbe, Claims, tuple[str, ...]], ...] = (
        ("other-account", other_account, SUBJECT),
        ("other-namespace", other_namespace, SUBJECT),
        ("other-audience", other_audience, AUDIENCE),
    )
    for probe, claims, reasons in variants:
        yield Probe(
            id=probe,
            reader=reader.label,
            subject=home.namespace if probe == "other-account" else "",
            actor=claims,
            expected="refused",
            method="GET",
            path=data_path(lane),
            headers=WRAP,
            at_login=True,
            reasons=reasons,
        )


def elsewhere_of(lane: Lane, reader: Reader) -> Iterator[Probe]:
    """Paths beside, below and above the lane's own."""
    key, mount = lane.custody.key, lane.custody.mount
    parent = key.rpartition("/")[0]
    yield _in_session("sibling", reader, "GET", data_path(lane, f"{key}-{PROBE_ACCOUNT}"), headers=WRAP)
    yield _in_session("below", reader, "GET", data_path(lane, f"{key}/{PROBE_ACCOUNT}"), headers=WRAP)
    yield _in_session("lists", reader, "LIST", f"{mount}/metadata/{parent}/", headers=WRAP)
    yield _in_session("scans", reader, "SCAN", f"{mount}/metadata/{parent}/", headers=WRAP)


def changes_of(lane: Lane, reader: Reader) -> Iterator[Probe]:
    """Requests that would change or destroy the value, if what they name existed."""
    mount, key = lane.custody.mount, lane.custody.key
    write = {"options": {"cas": NO_VERSION}, "data": {}}
    versions = {"versions": [NO_VERSION]}
    yield _in_session("writes", reader, "POST", data_path(lane), body=write)
    yield _in_session("patches", reader, "PATCH", data_path(lane), body=write)
    yield _in_session("deletes", reader, "POST", f"{mount}/delete/{key}", body=versions)
    yield _in_session("undeletes", reader, "POST", f"{mount}/undelete/{key}", body=versions)
    yield _in_session("destroys", reader, "PUT", f"{mount}/destroy/{key}", body=versions)


def _in_session(
    probe: CustodyProbe,
    reader: Reader,
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Probe:
    """Something that the reader itself, logged in, may not do."""
    return Probe(
        id=probe,
        reader=reader.label,
        actor=Held(),
        expected="refused",
        method=method,
        path=path,
        body=body,
        headers=headers or {},
    )


def capabilities_of(lane: Lane, reader: Reader) -> Probe:
    """The server's own answer about what the reader, logged in, may do with the path."""
    mount, key = lane.custody.mount, lane.custody.key
    allowed = {
        data_path(lane): ("read",),
        f"{mount}/metadata/{key}": ("deny",),
        f"{mount}/subkeys/{key}": ("deny",),
    }
    return Probe(
        id="capabilities",
        reader=reader.label,
        actor=Held(),
        expected="allowed",
        method="POST",
        path="sys/capabilities-self",
        body={"paths": list(allowed)},
        capabilities=allowed,
    )


def _another_lanes_reader(lane: Lane, reader: Reader, other: Claims) -> Probe:
    return Probe(
        id="other-lane",
        reader=reader.label,
        subject=str(other.workload),
        actor=other,
        expected="refused",
        method="GET",
        path=data_path(lane),
        headers=WRAP,
    )
