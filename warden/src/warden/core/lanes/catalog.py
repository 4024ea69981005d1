"""The catalog: everything a platform team has to say about credentials, one entry a file.

An entry is a lane (a credential on its whole way), a certificate (the one thing warden makes itself), a login (how
a caller gets an identity) or a pointer (somebody else's business, and whose). The first key of a file names the
kind and holds the id: ``lane: openrouter-llm-connect``.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from warden.core.errors import Fault, Invalid, NotFound, UsageError
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Lane, LoginMount, Owner, Status


class Signpost(msgspec.Struct, frozen=True, kw_only=True):
    """What the kinds that are no lane have in common: who owns it, and what to do next.

    ``path`` may be a template with ``<placeholders>``; ``next`` is one sentence or a command to paste.
    """

    title: str
    status: Status
    reviewed: dt.date
    owner: Owner
    subsystem: str
    auth_method: str
    next: str
    path: str | None = None
    policy: str | None = None
    role: str | None = None
    needs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    playbook: str | None = None
    references: tuple[str, ...] = ()


class Certificate(Signpost, frozen=True, kw_only=True):
    """A certificate that warden signs: the only credential it makes itself."""

    id: str = msgspec.field(name="certificate")


class Login(Signpost, frozen=True, kw_only=True):
    """How a caller gets an identity, or a token of its own."""

    id: str = msgspec.field(name="login")


class Pointer(Signpost, frozen=True, kw_only=True):
    """Something that others do: whose it is, and where to go."""

    id: str = msgspec.field(name="pointer")


Entry = Lane | Certificate | Login | Pointer

KINDS: dict[str, type[Entry]] = {"lane": Lane, "certificate": Certificate, "login": Login, "pointer": Pointer}
"""The first key of a file -> what the file declares."""


def kind_of(entry: Entry) -> str:
    """``lane``, ``certificate``, ``login`` or ``pointer``: the first key of its file."""
    return type(entry).__name__.lower()


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """``platform.yaml``: what holds for every entry.

    ``kv_mount`` is the KV v2 mount of the lanes. ``audit_device`` is the audit device whose log is read as evidence
    (``bao audit list``). ``repos`` maps a repository's name to the folders, relative to the platform directory, in
    which its pages are looked for. ``clusters`` is a file of its own, ``clusters.yaml``: name -> cluster.
    """

    kv_mount: str = "platform"
    audit_device: str = "file"
    logins: dict[str, LoginMount] = {}
    repos: dict[str, tuple[str, ...]] = {}
    clusters: dict[str, DeclaredCluster] = {}


class Catalog:
    """The entries without faults, by id, and the faults of the others.

    Attributes:
        entries: id -> entry, sorted by id; an entry with a fault is not among them.
        files: id -> the file it was read from.
        faults: every fault, in the order of files and lines.
        declared: id -> entry also where the file has faults; what could not be read has a stand-in there.
        lines: id -> dotted field -> the line it is written at; empty where the entry was compiled.
        platform: what ``platform.yaml`` declares.
    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        *,
        files: Mapping[str, str] | None = None,
        faults: Sequence[Fault] = (),
        faulty: Mapping[str, Sequence[Fault]] | None = None,
        declared: Mapping[str, Entry] | None = None,
        lines: Mapping[str, Mapping[str, int]] | None = None,
        platform: Platform | None = None,
    ) -> None:
        self.entries = dict(sorted(entries.items()))
        self.files = dict(files or {})
        self.faults = tuple(faults)
        self._faulty = dict(faulty or {})
        self.declared = dict(declared or entries)
        self.lines = dict(lines or {})
        self.platform = platform or Platform()

    @property
    def lanes(self) -> dict[str, Lane]:
        """The lanes among the entries, by id."""
        return {entry_id: entry for entry_id, entry in self.entries.items() if isinstance(entry, Lane)}

    @property
    def faulty(self) -> tuple[str, ...]:
        """The ids whose files have faults, sorted: they are not among `entries`."""
        return tuple(sorted(self._faulty))

    def entry(self, entry_id: str) -> Entry:
        """The entry of that id. Raises `Invalid` where its file has faults, `NotFound` where there is none."""
        if entry_id in self.entries:
            return self.entries[entry_id]
        if entry_id in self._faulty:
            raise invalid(entry_id, self._faulty[entry_id])
        raise unknown(entry_id, [*self.entries, *self._faulty])

    def lane(self, lane_id: str) -> Lane:
        """The lane of that id. Raises `UsageError` where the id is an entry of another kind, else as `entry`."""
        entry = self.entry(lane_id)
        if isinstance(entry, Lane):
            return entry
        raise UsageError(
            f"{lane_id} is a {kind_of(entry)}, not a lane: warden keeps no value there, so nothing was done.",
            system="platform",
            subject=lane_id,
            hint=f"warden route show {lane_id}",
        )


def invalid(entry_id: str, faults: Sequence[Fault]) -> Invalid:
    """The error for an entry that is there and cannot be used."""
    return Invalid(
        faults,
        f"{entry_id} is declared with faults, so nothing was done with it.",
        subject=entry_id,
        hint="mend the file, then: warden catalog check",
    )


def unknown(entry_id: str, known: Sequence[str]) -> NotFound:
    """The error for an id that is not there; the hint names the nearest ones."""
    near = nearest(entry_id, known)
    hint = f"nearest: {', '.join(near)}" if near else "warden route list --all"
    return NotFound(
        f"{entry_id} is not in the catalog; nothing was done.", system="platform", subject=entry_id, hint=hint
    )


def nearest(word: str, known: Sequence[str], count: int = 3) -> list[str]:
    """The words of `known` that look most like `word`, best first; none where nothing is alike."""
    import difflib  # only where an id was wrong

    return difflib.get_close_matches(word, known, n=count, cutoff=0.5)
