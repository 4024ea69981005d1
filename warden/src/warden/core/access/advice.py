"""What ``warden access`` answers to a need without a command: the entry's route, and how each reader logs in."""

import msgspec

from warden.core.access.authorization import readers_of
from warden.core.access.identities import log_in_as
from warden.core.lanes.approval import Approval
from warden.core.lanes.catalog import Entry
from warden.core.lanes.lane import Lane, PeopleReader
from warden.core.remedies import LogInAs, RunAs
from warden.core.routes.route import Route


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One declared reader: who it is, where it logs in, with which role and how, and who has to approve."""

    reader: str
    mount: str
    role: str
    log_in: LogInAs | RunAs
    approval: Approval | None = None


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """An entry's route as it is now; only a lane has readers."""

    route: Route
    ways: tuple[Way, ...] = ()

    @property
    def state(self) -> str:
        """``active``, ``draft`` or ``closed``."""
        return "closed" if self.route.closed else self.route.status


def advise(entry: Entry, route: Route) -> Advice:
    """Advice on any entry, given its route."""
    if not isinstance(entry, Lane):
        return Advice(route=route)
    return Advice(
        route=route,
        ways=tuple(
            Way(
                reader=reader.label,
                mount=reader.mount,
                role=entry.role_of(reader),
                log_in=log_in_as(readers_of(entry), reader),
                approval=reader.approval if isinstance(reader, PeopleReader) else None,
            )
            for reader in entry.readers
        ),
    )
