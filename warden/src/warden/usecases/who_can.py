"""Who can read, write or give itself access to one path: the OpenBao is read once, and decided here."""

from collections.abc import Callable, Sequence

import msgspec

from warden.core.access_index.history import Act, History, acts_of, members_of
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.requests import requests_for
from warden.core.access_index.ways import Effect, WayIn, WhoCan
from warden.core.errors import Exit
from warden.core.lanes.lane import Lane
from warden.core.proofs.nobody_else import owners_of, reader_roles
from warden.ports.access_index import Progress
from warden.ports.audit_history import AuditHistory
from warden.usecases.context import Context


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about: a path, and the lane that it is of, if one is."""

    path: str
    lane: Lane | None = None
    effects: tuple[Effect, ...] = ("reads", "writes", "grants")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who can, what is unknown, and how far back the audit log reaches."""

    target: Target
    found: WhoCan
    policies: int
    identities: int
    tokens: int
    history: History = History()

    @property
    def exit(self) -> Exit:
        """No where others can; inconclusive where something could not be looked at."""
        if self.found.others:
            return Exit.NO
        return Exit.INCONCLUSIVE if self.found.unknown else Exit.DONE


def read_index(context: Context, progress: Progress) -> AccessIndex:
    """The index of the context's OpenBao. Raises as `SnapshotReader.read` does."""
    assert context.snapshots is not None  # noqa: S101 - wired by the command
    snapshot = context.snapshots.read(progress)
    owners = owners_of(context.lanes.values())
    return AccessIndex(snapshot, owners=owners, administrators=context.administrators)


def who_can(
    context: Context,
    target: Target,
    audit: AuditHistory,
    progress: Progress,
    log_progress: Callable[[int, int], None],
) -> Answer:
    """Read the OpenBao, decide, and look up in the audit log when each way was last used."""
    index = read_index(context, progress)
    readers = reader_roles(target.lane) if target.lane else frozenset()
    found = index.who_can(target.path, namespace=index.snapshot.base, readers=readers)
    ways = tuple(way for way in found.ways if way.effect in target.effects)
    used, history = _with_history(index, target, ways, audit, log_progress)
    spaces = index.snapshot.namespaces.values()
    return Answer(
        target=target,
        found=msgspec.structs.replace(found, ways=used),
        policies=sum(len(each.policies) for each in spaces),
        identities=sum(len(each.roles) + len(each.entities) + len(each.groups) for each in spaces),
        tokens=sum(len(each.tokens) for each in spaces),
        history=history,
    )


def _with_history(
    index: AccessIndex,
    target: Target,
    ways: Sequence[WayIn],
    audit: AuditHistory,
    progress: Callable[[int, int], None],
) -> tuple[tuple[WayIn, ...], History]:
    requests = requests_for(index.snapshot, index.snapshot.base, target.path)
    reads, writes = [each[0] for each in requests.reads], [each[0] for each in requests.writes]
    acts: dict[WayIn, tuple[Act, ...]] = {way: acts_of(way, reads, writes) for way in ways}
    history = audit.last(frozenset(act for each in acts.values() for act in each), progress)
    used = tuple(
        msgspec.structs.replace(
            way, last_used=history.used(acts[way], way.identity, members_of(index.snapshot, way.identity))
        )
        for way in ways
    )
    return used, msgspec.structs.replace(history, last={})
