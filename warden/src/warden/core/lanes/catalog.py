"""The catalog: everything a platform team declares about credentials, one file an entry.

An entry is a lane (one credential from its storage to its consumer), a certificate (the one credential that warden
creates itself), a login (how a caller gets an identity) or a pointer (something that others own). The first key of a
file names the kind and holds the id: ``lane: openrouter-llm-connect``.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

import msgspec

from warden.core.errors import Effect, Fault, Invalid, NotFound, UsageError
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.environments import Environment, elsewhere
from warden.core.lanes.lane import Lane, LoginMount, Owner, Status
from warden.core.lanes.notify import NotifyCommand, NotifyWebhook
from warden.core.lanes.policy_points import AccessPolicies, PolicyPoint
from warden.core.lanes.readers import Seconds
from warden.core.lanes.signing import Signing
from warden.core.remedies import warden


class Signpost(msgspec.Struct, frozen=True, kw_only=True):
    """What all kinds but a lane have in common: who owns it, and what to do next.

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
    """A certificate that warden signs: the only credential it creates itself."""

    id: str = msgspec.field(name="certificate")


class Login(Signpost, frozen=True, kw_only=True):
    """How a caller gets an identity, or a token of its own."""

    id: str = msgspec.field(name="login")


class Pointer(Signpost, frozen=True, kw_only=True):
    """Something that others own: who, and where to go."""

    id: str = msgspec.field(name="pointer")


Entry = Lane | Certificate | Login | Pointer

KINDS: dict[str, type[Entry]] = {"lane": Lane, "certificate": Certificate, "login": Login, "pointer": Pointer}
"""The first key of a file -> what the file declares."""


def kind_of(entry: Entry) -> str:
    """``lane``, ``certificate``, ``login`` or ``pointer``: the first key of its file."""
    return type(entry).__name__.lower()


class Platform(msgspec.Struct, frozen=True, kw_only=True):
    """``platform.yaml``: what holds for every entry.

    ``platform`` is its name in the journal; without one the directory's path is. ``kv_mount`` is the KV v2 mount of
    the lanes. ``audit_device`` is the audit device whose log is read as evidence (``bao audit list``). ``repos`` maps
    a repository's name to the folders, relative to the platform directory, in which its pages are looked for.
    ``may_administer`` are those who may reach every lane: ``auth/MOUNT/role/NAME``, ``auth/MOUNT/users/NAME``,
    ``entity:NAME`` or ``group:NAME``, in another namespace with ``in NAMESPACE`` behind it, or ``root``; `prove` lists
    them and condemns everybody else who can.
    ``allowed_signers`` is the file with the keys of those who decide about change requests (ssh-keygen(1), *ALLOWED
    SIGNERS*), relative to the platform directory.
    ``journal`` is the database of PostgreSQL that a team's journal is in, ``postgresql://USER@HOST/DATABASE`` without a
    password; without it each user has a file. ``signing`` names the key that signs checkpoints of the journal.
    ``proofs_count_for`` is how long a proof counts: an active lane whose last proof is older is unproven.
    ``notify`` is who is told what happens: a command, or a webhook. ``state_hub`` is the URL that events are posted to.
    ``playbooks`` is the folder of the pages that `playbook` renders, relative to the folder above the platform
    directory: the repository.
    ``policy_points`` are other systems that have to permit each access and each signature too; with ``access_policies:
    replaced`` they decide instead of the policies in ``policies/access/``.
    ``environments`` has each OpenBao that lanes are for, by name; without any, BAO_ADDR alone says which. ``clusters``
    is a file of its own, ``clusters.yaml``: name -> cluster.
    """

    platform: str | None = None
    kv_mount: str = "platform"
    audit_device: str = "file"
    logins: dict[str, LoginMount] = {}
    repos: dict[str, tuple[str, ...]] = {}
    may_administer: tuple[str, ...] = ()
    allowed_signers: str = "allowed_signers"
    journal: str | None = None
    signing: Signing | None = None
    proofs_count_for: Seconds = Seconds(86400)
    notify: NotifyCommand | NotifyWebhook | None = None
    state_hub: str | None = None
    playbooks: str = "docs/playbooks"
    policy_points: tuple[PolicyPoint, ...] = ()
    access_policies: AccessPolicies = "required"
    environments: dict[str, Environment] = {}
    clusters: dict[str, DeclaredCluster] = {}

    @property
    def counts_for(self) -> dt.timedelta:
        """How long a proof counts."""
        return dt.timedelta(seconds=self.proofs_count_for)


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file with errors, which may declare a lane: ``id`` is the file's name without its ending."""

    id: str
    file: str
    faults: tuple[Fault, ...]

    @property
    def error(self) -> Invalid:
        """Why nothing was done for it."""
        return invalid(self.id, self.faults)


class Catalog:
    """The entries without faults, by id, and the faults of the others.

    Attributes:
        entries: id -> entry, sorted by id; an entry with a fault is not among them.
        files: id -> the file it was read from.
        faults: every fault, in the order of files and lines.
        declared: id -> entry, also where the file has faults; what could not be read has a placeholder there.
        lines: id -> dotted field -> its line; empty where the entry came from the cache.
        platform: what ``platform.yaml`` declares.
        environment: the one in which the entries are shown; empty: none in particular.
        elsewhere: the lanes that exist in other environments only, by id.
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
        environment: str = "",
        elsewhere: Mapping[str, Lane] | None = None,
    ) -> None:
        self.environment = environment
        self.elsewhere = dict(elsewhere or {})
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

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The files with errors, except those that surely declare something else than a lane; sorted by id."""
        maybe = (each for each in self.faulty if isinstance(self.declared.get(each), Lane | None))
        found = [LeftOut(id=each, file=self.files.get(each, each), faults=tuple(self._faulty[each])) for each in maybe]
        return tuple(found)

    def entry(self, entry_id: str) -> Entry:
        """The entry of that id. Raises `Invalid` where its file has faults, `NotFound` where there is none."""
        if entry_id in self.entries:
            return self.entries[entry_id]
        if entry_id in self._faulty:
            raise invalid(entry_id, self._faulty[entry_id])
        if entry_id in self.elsewhere:
            raise elsewhere(self.elsewhere[entry_id], self.environment)
        raise unknown(entry_id, [*self.entries, *self._faulty])

    def lane(self, lane_id: str) -> Lane:
        """The lane of that id. Raises `UsageError` where the id is an entry of another kind, otherwise as `entry`."""
        entry = self.entry(lane_id)
        if isinstance(entry, Lane):
            return entry
        raise UsageError(
            NotALane(lane_id, kind_of(entry)),
            effect=Effect.NOTHING_DONE,
            system="platform",
            subject=lane_id,
            remedy=(warden("route show", lane_id),),
        )


class NotALane(msgspec.Struct, frozen=True):
    """The entry is of another kind, so warden keeps no value for it."""

    entry: str
    kind: str


class DeclaredWithFaults(msgspec.Struct, frozen=True):
    """The entry's file has faults, so it cannot be used."""

    entry: str


class UnknownEntry(msgspec.Struct, frozen=True):
    """The catalog has no such entry; ``nearest`` are the ids that look most like it."""

    entry: str
    nearest: tuple[str, ...]

    @property
    def actor(self) -> bool:
        """Whether it is named as actors of the inventory are."""
        return self.entry.startswith(("adm-", "agt-", "atm-"))


def invalid(entry_id: str, faults: Sequence[Fault]) -> Invalid:
    """The error for an entry that exists and cannot be used."""
    return Invalid(
        faults,
        DeclaredWithFaults(entry_id),
        effect=Effect.NOTHING_DONE,
        subject=entry_id,
        remedy=(warden("catalog check"),),
    )


def unknown(entry_id: str, known: Sequence[str]) -> NotFound:
    """The error for an id that the catalog does not have."""
    near = tuple(nearest(entry_id, known))
    found = UnknownEntry(entry_id, near)
    other = warden("route show", near[0]) if near else warden("route list", all=True)
    remedy = warden("inventory list") if found.actor else other
    return NotFound(found, effect=Effect.NOTHING_DONE, system="platform", subject=entry_id, remedy=(remedy,))


def nearest(word: str, known: Sequence[str], count: int = 3) -> list[str]:
    """The words of `known` that look most like `word`, best first; none where nothing is similar."""
    import difflib  # only when an id was wrong

    return difflib.get_close_matches(word, known, n=count, cutoff=0.5)
