"""What warden needs of the world: every port on one page.

The port, not the adapter, says which errors escape. Unless a docstring says more, a method raises only

- `Unreachable`, `Sealed`, `ServerFault` (all `Inconclusive`) where the system could not answer,
- `Unidentified` where it does not accept the caller's identity, `Refused` where it refuses the action.

A ``None`` answer means "a reachable, unsealed system says that there is no such object".
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, NoReturn, Protocol

import msgspec

from warden.domain.lane import Workload
from warden.domain.secret import Secret


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """``sys/health``: how the server is, asked without a token."""

    version: str
    initialized: bool
    sealed: bool
    standby: bool


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What OpenBao says of a token (``auth/token/lookup-self``); never what the caller says of itself.

    ``path`` is where it logged in (``auth/kubernetes/login``), ``role`` the role it used there (empty where the
    mount names none), ``ttl`` the seconds it has left (0: does not expire).
    """

    display_name: str
    path: str
    role: str
    entity: str
    policies: tuple[str, ...]
    ttl: int

    @property
    def mount(self) -> str:
        """The auth mount: ``kubernetes`` for ``auth/kubernetes/login``."""
        return self.path.removeprefix("auth/").rpartition("/login")[0]


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A secrets engine: its type and, for ``kv``, its version (1 or 2, otherwise 0)."""

    type: str
    version: int


class KvMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a KV v2 path; never a value.

    ``current`` is the newest version (0: nothing was ever written), ``live`` whether that version is neither
    deleted nor destroyed, ``written`` when it was.
    """

    current: int
    live: bool
    written: dt.datetime | None
    custom: Mapping[str, str]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to OpenBao as a probe sends it. ``headers`` never hold a secret; ``token`` and ``inline`` may."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}
    token: Secret | None = None
    inline: "InlineLogin | None" = None


class InlineLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login that rides on the request it is for: no token is left behind (OpenBao, inline authentication)."""

    mount: str
    role: str
    jwt: Secret


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: a status, the decoded body (empty where there is none) and the headers, names in lower case."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a login: a token to keep in memory, and who OpenBao says it is."""

    token: Secret
    identity: Identity


class Vault(Protocol):
    """An OpenBao (or Vault) server, spoken to as one caller. Mounts and paths are given without slashes at the ends."""

    address: str

    def health(self) -> Health:
        """How the server is; answers also when it is sealed, standby or not initialised."""

    def identity(self) -> Identity:
        """Who the caller is. Raises `Unidentified` where there is no token or it is not accepted."""

    def login(self, mount: str, role: str, jwt: Secret) -> Session:
        """Log in with a JWT (service-account token). Raises `Refused` with the server's reason."""

    def revoke_self(self, token: Secret) -> None:
        """End a token that was obtained by `login`, or a wrapping token."""

    def capabilities(self, token: Secret, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What the token may do on each path, sorted (``sys/capabilities-self``)."""

    def own_capabilities(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The same for the caller."""

    def mount(self, name: str) -> Mount | None: ...
    def create_kv(self, name: str) -> None:
        """Mount a KV v2 engine there."""

    def auth_type(self, mount: str) -> str | None:
        """``kubernetes``, ``jwt``, ``oidc``, …"""

    def policy(self, name: str) -> str | None: ...
    def write_policy(self, name: str, text: str) -> None: ...
    def delete_policy(self, name: str) -> None: ...

    def role(self, mount: str, name: str) -> dict[str, Any] | None:
        """The auth role's fields as the server states them."""

    def write_role(self, mount: str, name: str, fields: Mapping[str, Any]) -> None: ...
    def delete_role(self, mount: str, name: str) -> None: ...

    def kv_metadata(self, mount: str, key: str) -> KvMetadata | None: ...
    def mark(self, mount: str, key: str, custom: Mapping[str, str | None]) -> None:
        """Merge into the custom metadata (``None`` removes a key); other keys and every version stay."""

    def fields(self, mount: str, key: str) -> tuple[int, tuple[str, ...]] | None:
        """The live version and its field names, without values (``subkeys``); ``None`` where no live version is."""

    def put_field(self, mount: str, key: str, field: str, value: Secret) -> int:
        """Write one field with PATCH and check-and-set, siblings untouched; answers the new version.

        Raises `Held` where another writer was faster.
        """

    def read(self, mount: str, key: str) -> tuple[int, dict[str, Secret]] | None:
        """The live version and all its fields: the one request by which `access` sees values."""

    def audit_headers(self) -> frozenset[str]:
        """The request headers that are written to the audit log in clear, in lower case."""

    def register_audit_header(self, name: str) -> None:
        """Have a request header written to the audit log in clear."""

    def audit_files(self) -> tuple[str, ...]:
        """Where the file audit devices write, as the server names it."""

    def send(self, request: Request) -> Answer:
        """Send exactly this request; a status of any kind is an answer, only no answer raises (`Unreachable`)."""


class AuditLine(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an audit entry that is evidence: metadata only, every value in it was HMACed by the server."""

    id: str
    kind: str  # "request" | "response"
    at: str
    operation: str
    path: str
    nonce: str
    error: str
    display_name: str


class AuditLog(Protocol):
    """Where the audit lines are read: a file, a directory, or a command that prints them."""

    where: str

    def since_mark(self, needle: str) -> Iterable[AuditLine]:
        """The entries written after this object was made whose probe header starts with `needle`.

        Raises `Inconclusive` where the log cannot be read.
        """


class Identities(Protocol):
    """Makes short-lived service-account tokens, to probe with."""

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds. Raises `Refused` where that is not allowed."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal. ``body`` holds metadata only; ``hash`` chains it to the record before it."""

    seq: int
    at: str
    event: str
    lane: str
    actor: str
    body: Mapping[str, Any]
    hash: str


class LaneState(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal last said of a lane: whether it is closed (and by which record), and its last proof."""

    closed: Record | None = None
    proof: Record | None = None


class Journal(Protocol):
    """The append-only record of every effect. Each method raises `JournalUnwritable` and nothing else."""

    def record(self, event: str, lane: str, body: Mapping[str, Any]) -> int:
        """Append, durably, before it returns; answers the record's number."""

    def record_all(self, records: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Sequence[int]:
        """Append several (event, lane, body) in one durable write."""

    def state(self, lane: str) -> LaneState: ...
    def states(self) -> Mapping[str, LaneState]: ...
    def log(self, *, lane: str | None = None, last: int = 0) -> Sequence[Record]: ...


Effect = Literal["allow", "deny"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the policy is asked: may this identity do this action with this lane?"""

    identity: Identity
    action: str
    lane: str
    context: Mapping[str, Any]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's answer. ``policies`` are the ids that decided, ``wants_reason`` whether a reason would change it."""

    id: str
    effect: Effect
    policies: tuple[str, ...]
    message: str
    wants_reason: bool = False


class Policy(Protocol):
    """The gate in front of every read."""

    def decide(self, question: Question) -> Decision:
        """Allow or deny. Raises `Inconclusive` where the policy itself cannot be read or decided."""


class Runner(Protocol):
    """Becomes another program."""

    def exec(self, argv: Sequence[str], secrets: Mapping[str, Secret], *, as_files: bool) -> NoReturn:
        """Replace this process. Raises `CannotRun` where that is not possible; then nothing was started."""


Clock = Callable[[], dt.datetime]
"""Now, in UTC."""
