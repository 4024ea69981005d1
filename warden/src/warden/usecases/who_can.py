"""Who can read, write or gain access to one path: OpenBao is read once, and the answer is decided here."""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from warden.core.access_index.history import Act, History, acts_of, members_of
from warden.core.access_index.index import AccessIndex
from warden.core.access_index.requests import mount_of, requests_for
from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import Effect, WayIn, WhoCan
from warden.core.errors import Effect as NotDone
from warden.core.errors import Exit, UsageError
from warden.core.lanes.lane import Lane
from warden.core.proofs.nobody_else import owners_of, reader_roles
from warden.core.remedies import warden
from warden.ports.access_index import Progress
from warden.ports.audit_history import AuditHistory
from warden.usecases.context import Context

_FOLDERS = frozenset({"data", "metadata", "delete", "undelete", "destroy", "subkeys"})
"""Where the API of KV version 2 has its keys: no part of their names."""

_WORDS: dict[Effect, str] = {"reads": "read", "writes": "write", "grants": "grant"}

NoPath = Literal["pattern", "segments", "no-mount", "no-key", "api"]
"""Why a text is not the path of a key."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked about: a path, and the lane that it is of, if one is."""

    path: str
    lane: Lane | None = None
    effects: tuple[Effect, ...] = ("reads", "writes", "grants")


class NotAPath(msgspec.Struct, frozen=True, kw_only=True):
    """The given path is not that of a key on a KV mount; ``mounts`` are those that exist."""

    path: str
    why: NoPath
    mounts: tuple[str, ...] = ()


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
        """No where others can; inconclusive where that is not known of somebody, or something was not looked at."""
        if any(not way.doubtful for way in self.found.others):
            return Exit.NO
        return Exit.INCONCLUSIVE if self.found.unknown or self.found.others else Exit.DONE


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
    """Read the OpenBao, decide, and look up in the audit log when each way was last used.

    Raises `UsageError` where the path is that of no key on a KV mount: nobody can be looked for then.
    """
    if target.lane is None:
        _must_be_a_path(target)
    index = read_index(context, progress)
    if target.path not in {each.custody.path for each in context.lanes.values()}:
        _must_be_a_key(target, index.snapshot)
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


def _must_be_a_path(target: Target) -> None:
    """One path as it is written: who can read all of a pattern is another question."""
    parts = target.path.split("/")
    if "*" in target.path or "+" in parts:
        raise _refused(target, "pattern")
    if any(each in {"", ".", ".."} for each in parts):
        raise _refused(target, "segments")


def _must_be_a_key(target: Target, snapshot: Snapshot) -> None:
    """A key on a KV mount, as far as the mounts could be read; a folder of OpenBao's API is not the key's own."""
    here = snapshot.namespaces.get(snapshot.base)
    there = tuple(sorted(each.path for each in here.secret_mounts if each.type == "kv")) if here else ()
    mount = mount_of(snapshot, snapshot.base, target.path)
    read = not any(each.what == "secret-mounts" and each.namespace == snapshot.base for each in snapshot.unknown)
    if (mount is None and read) or (mount is not None and mount.type != "kv"):
        raise _refused(target, "no-mount", there)
    name = mount.path if mount else target.path.partition("/")[0]
    folder, _, key = target.path.removeprefix(name).strip("/").partition("/")
    if not folder:
        raise _refused(target, "no-key", there)
    if folder in _FOLDERS and key and not (mount and mount.version == 1):
        raise _refused(target, "api", there, meant=f"{name}/{key}")


def _refused(target: Target, why: NoPath, mounts: tuple[str, ...] = (), meant: str = "") -> UsageError:
    word = [_WORDS[each] for each in target.effects] if len(target.effects) == 1 else []
    return UsageError(
        NotAPath(path=target.path, why=why, mounts=mounts),
        effect=NotDone.NOTHING_DONE,
        subject=target.path,
        hint="did you mean" if meant else "",
        remedy=(warden("who-can", *word, meant),) if meant else (),
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
