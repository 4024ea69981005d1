"""Lane -> Probes of its readers that are not pods: jobs of a CI system, AppRoles, holders of a certificate.

Who can be played depends on the server: tokens of a CI system are made here for the embedded platform alone, and
elsewhere a job presents its own; SecretIDs are made by OpenBao for whoever may; a certificate has to be shown.
What anybody can try is tried everywhere: a token that nobody signed, a made-up SecretID, a stranger's certificate.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from warden.core.access.identities import Projected
from warden.core.lanes.lane import PROBE_ACCOUNT, Lane, PeopleReader, Reader, WorkloadReader
from warden.core.lanes.readers import (
    AppRoleReader,
    CertificateReader,
    CiReader,
    GithubReader,
    MachineReader,
    accepted_claims,
    matches,
)
from warden.core.proofs.probes import (
    AUDIENCE,
    Actor,
    Held,
    Machine,
    MadeToken,
    OwnCredential,
    Probe,
    SecretIdSent,
    StrangersCertificate,
    capabilities_of,
    changes_of,
    claims_of,
    data_path,
    elsewhere_of,
    with_remedy,
)
from warden.core.proofs.verdict import CustodyProbe

SIGNATURE = ("error verifying token signature", "failed to verify id token signature", "failed to verify signature")
SECRET_ID = ("invalid role or secret ID", "invalid secret id")
NO_SECRET_ID = ("missing secret_id",)
CERTIFICATE = ("invalid certificate or no client certificate supplied",)
OTHER_NAME = ("no chain matching all constraints", *CERTIFICATE)
NO_CERTIFICATE = ("no client certificate found", "invalid certificate or no client certificate supplied")
"""How the auth mounts of OpenBao 2.7 word their refusals (measured)."""


class OwnCertificate(msgspec.Struct, frozen=True):
    """A PEM file with a certificate and its key, and the names that it bears."""

    path: str
    names: tuple[str, ...]


class OwnCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator presents to be a reader with: tokens of CI jobs, and certificates."""

    tokens: tuple[Projected, ...] = ()
    certificates: tuple[OwnCertificate, ...] = ()


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """As whom one can log in here.

    Attributes:
        minted: jwt mounts whose tokens can be made.
        own: labels of readers whose credential the operator presents.
        others: further certificates that the operator presents, by a name that each has.
    """

    minted: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    others: Mapping[str, tuple[str, ...]] = {}


def played(lane: Lane, reader: Reader, means: Means) -> Actor | None:
    """As whom the reader itself logs in; ``None`` where nobody here can be it."""
    if isinstance(reader, WorkloadReader):
        return claims_of(lane, reader)
    if isinstance(reader, PeopleReader):
        return None
    if isinstance(reader, AppRoleReader):
        return Machine(role=lane.role_name(reader), credential=SecretIdSent(kind="issued"))
    if reader.label in means.own:
        return Machine(role=lane.role_name(reader), credential=OwnCredential(reader.label))
    if not isinstance(reader, CertificateReader) and reader.mount in means.minted:
        return _with_token(lane, reader, accepted_claims(reader))
    return None


def machine_probes(lane: Lane, means: Means) -> tuple[Probe, ...]:
    """All probes of the lane's readers that are not pods."""
    found: list[Probe] = []
    for reader in lane.readers:
        if isinstance(reader, WorkloadReader | PeopleReader):
            continue
        found += _strangers(lane, reader, means)
        if played(lane, reader, means) is not None:
            found += _as_itself(lane, reader)
    return tuple(with_remedy(lane, probe) for probe in found)


def _as_itself(lane: Lane, reader: MachineReader) -> Iterator[Probe]:
    """What the reader, logged in, may do and may not."""
    yield Probe(
        id="reads",
        reader=reader.label,
        actor=Held(),
        expected="allowed",
        method="GET",
        path=data_path(lane),
        headers={"X-Vault-Wrap-TTL": "30s"},
        granted_by=lane.custody.policy_name,
    )
    yield from elsewhere_of(lane, reader)
    yield from changes_of(lane, reader)
    yield capabilities_of(lane, reader)


def _strangers(lane: Lane, reader: MachineReader, means: Means) -> Iterator[Probe]:
    if isinstance(reader, AppRoleReader):
        yield _refused(lane, reader, "unknown-secret-id", SecretIdSent(kind="unknown"), SECRET_ID)
        yield _refused(lane, reader, "no-secret-id", SecretIdSent(kind="none"), NO_SECRET_ID)
    elif isinstance(reader, CertificateReader):
        stranger = StrangersCertificate(reader.certificate.replace("*", "x"))
        yield _refused(lane, reader, "other-authority", stranger, CERTIFICATE)
        yield _refused(lane, reader, "no-certificate", StrangersCertificate(""), NO_CERTIFICATE)
        for name, names in means.others.items():
            if not any(matches(reader.certificate, each, reader.match) for each in names):
                yield _refused(lane, reader, "other-name", OwnCredential(name), OTHER_NAME, subject=name)
    else:
        accepted = accepted_claims(reader)
        forged = MadeToken(claims=tuple(accepted.items()), audience=reader.audience, forged=True)
        yield _refused(lane, reader, "forged-token", forged, SIGNATURE)
        if reader.mount in means.minted:
            yield from _other_claims(lane, reader, accepted)


def _other_claims(lane: Lane, reader: CiReader, accepted: Mapping[str, str]) -> Iterator[Probe]:
    """Tokens that differ from an accepted one in exactly one claim; what a pattern lets in is not a stranger."""
    for probe, claim, candidates in _variants(reader, accepted):
        allowed = reader.claims.get(claim, ())
        strange = [c for c in candidates if not any(matches(each, c, reader.match) for each in allowed)]
        if allowed and strange:
            token = MadeToken(claims=tuple({**accepted, claim: strange[0]}.items()), audience=reader.audience)
            reasons = (f'claim "{claim}" does not match',)
            yield _refused(lane, reader, probe, token, reasons, subject=strange[0])
    elsewhere = MadeToken(claims=tuple(accepted.items()), audience=PROBE_ACCOUNT)
    yield _refused(lane, reader, "other-audience", elsewhere, AUDIENCE)


def _variants(reader: CiReader, accepted: Mapping[str, str]) -> Iterator[tuple[CustodyProbe, str, tuple[str, ...]]]:
    github = isinstance(reader, GithubReader)
    whole, started = ("repository", "event_name") if github else ("project_path", "pipeline_source")
    owner, _, name = accepted[whole].partition("/")
    yield "other-repository", whole, (f"{owner}/{PROBE_ACCOUNT}", f"{PROBE_ACCOUNT}/{PROBE_ACCOUNT}")
    yield "fork", whole, (f"{PROBE_ACCOUNT}/{name}",)
    yield "other-id", "repository_id" if github else "project_id", ("0",)
    if github:
        yield "other-ref", "ref", (f"refs/heads/{PROBE_ACCOUNT}", f"refs/tags/{PROBE_ACCOUNT}")
        yield "pull-ref", "ref", ("refs/pull/1/merge",)
        yield "pull-request", started, ("pull_request_target", "pull_request", "issue_comment")
    else:
        yield "other-ref", "ref", (PROBE_ACCOUNT,)
        yield "unprotected", "ref_protected", ("false",)
        yield "pull-request", started, ("merge_request_event", "external_pull_request_event")
    yield "other-environment", "environment", (PROBE_ACCOUNT,)


def _with_token(lane: Lane, reader: CiReader, claims: Mapping[str, str]) -> Machine:
    token = MadeToken(claims=tuple(claims.items()), audience=reader.audience)
    return Machine(role=lane.role_name(reader), credential=token)


def _refused(
    lane: Lane,
    reader: MachineReader,
    probe: CustodyProbe,
    credential: MadeToken | SecretIdSent | StrangersCertificate | OwnCredential,
    reasons: Sequence[str],
    *,
    subject: str = "",
) -> Probe:
    """Somebody whom the login itself has to refuse, for one of these reasons."""
    return Probe(
        id=probe,
        reader=reader.label,
        subject=subject,
        actor=Machine(role=lane.role_name(reader), credential=credential),
        expected="refused",
        method="GET",
        path=data_path(lane),
        headers={"X-Vault-Wrap-TTL": "30s"},
        at_login=True,
        reasons=tuple(reasons),
    )
