"""Lane -> Probes of each of its former readers: now that it is closed, the read has to be refused.

The login may work: what has to be refused is the read, by a server that is reachable and unsealed, with its audit line.
Where the reader's role is gone, too, the login is what is refused, and only for that reason.
"""

from collections.abc import Iterator

import msgspec

from warden.core.lanes.lane import Lane, PeopleReader, Reader, RoleName, WorkloadReader
from warden.core.lanes.readers import CertificateReader
from warden.core.proofs.details import OnlyMembersCanShow, OnlyTheReaderCanShow
from warden.core.proofs.machine_probes import Means, played
from warden.core.proofs.probes import WRAP, Actor, Caller, Probe, claims_of, data_path
from warden.core.proofs.verdict import Verdict
from warden.core.remedies import warden

ROLE_GONE = ("could not be found", "invalid role name", "not found")
"""How jwt and kubernetes auth mounts of OpenBao 2.7 refuse a login by a role that does not exist (measured)."""


def denial_probes(
    lane: Lane, means: Means, *, as_member: frozenset[str] = frozenset(), gone: frozenset[RoleName] = frozenset()
) -> tuple[Probe, ...]:
    """One read for each former reader that can be played here; `gone` are roles that the server has no more."""
    return tuple(_probes(lane, means, as_member, gone))


def not_shown(lane: Lane, means: Means, as_member: frozenset[str] = frozenset()) -> tuple[Verdict, ...]:
    """A verdict for each former reader that nobody here can be: what is not shown is not known."""
    return tuple(
        Verdict(
            probe="reads",
            reader=each.label,
            result="inconclusive",
            expected="refused",
            observed="not-asked",
            detail=_why(lane, each),
        )
        for each in lane.readers
        if _actor(lane, each, means, as_member) is None
    )


def _probes(lane: Lane, means: Means, as_member: frozenset[str], gone: frozenset[RoleName]) -> Iterator[Probe]:
    for reader in lane.readers:
        actor = _actor(lane, reader, means, as_member)
        if actor is None:
            continue
        found = Probe(
            id="reads",
            reader=reader.label,
            actor=actor,
            expected="refused",
            method="GET",
            path=data_path(lane),
            headers=WRAP,
            remedy=(warden("deactivate", lane.id, reason="TEXT"),),
            policy=lane.custody.policy_name,
        )
        if lane.role_name(reader) in gone and not isinstance(actor, Caller):
            found = msgspec.structs.replace(found, at_login=True, reasons=ROLE_GONE)
        yield found


def _actor(lane: Lane, reader: Reader, means: Means, as_member: frozenset[str]) -> Actor | None:
    if isinstance(reader, WorkloadReader):
        return claims_of(lane, reader)
    if reader.label in as_member:
        return Caller()
    return None if isinstance(reader, PeopleReader) else played(lane, reader, means)


def _why(lane: Lane, reader: Reader) -> OnlyMembersCanShow | OnlyTheReaderCanShow:
    if isinstance(reader, PeopleReader):
        return OnlyMembersCanShow(reader.mount, lane.role_of(reader))
    return OnlyTheReaderCanShow(reader.label, "certificate" if isinstance(reader, CertificateReader) else "token")
