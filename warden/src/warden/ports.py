"""What warden needs of the world: every port on one page.

The port, not the adapter, says which errors escape. Unless a docstring says more, a method raises only

- `Unreachable`, `Sealed`, `ServerFault` (all `Inconclusive`) where the system could not answer,
- `Unidentified` where it does not accept the caller's identity, `Refused` where it refuses the action.

A ``None`` answer means "a reachable, unsealed system says that there is no such object".
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from warden.domain.access import Projected
from warden.domain.lane import Workload
from warden.domain.record import Decision, LaneState, Question, Record
from warden.domain.secret import Secret
from warden.domain.server import (
    Answer,
    AuditLine,
    Entered,
    Handed,
    Health,
    Identity,
    InlineLogin,
    KvMetadata,
    Mount,
    Request,
    SecretSeen,
    Session,
)

if TYPE_CHECKING:
    # Not on the way to `access`: what only a cluster's port speaks of need not be loaded there.
    from warden.domain.cluster_rights import Asking
    from warden.domain.exposure import Subject
    from warden.domain.manifests import Manifest, Ref

__all__ = [
    "Answer",
    "AuditLine",
    "AuditLog",
    "Caller",
    "Clock",
    "Cluster",
    "Decision",
    "Entered",
    "Handed",
    "Health",
    "Identities",
    "Identity",
    "InlineLogin",
    "Journal",
    "KvMetadata",
    "LaneState",
    "Mount",
    "Policy",
    "Question",
    "Record",
    "Request",
    "Runner",
    "SecretSeen",
    "Session",
    "Vault",
]


class Vault(Protocol):
    """An OpenBao (or Vault) server, spoken to as one caller. Mounts and paths are given without slashes at the ends."""

    address: str

    def health(self) -> Health:
        """How the server is; answers also when it is sealed, standby or not initialised."""

    def identity(self) -> Identity:
        """Who the caller is. Raises `Unidentified` where there is no token or it is not accepted."""

    def enter(self, mount: str, role: str, jwt: Secret) -> Entered:
        """Log in with a JWT and ask nothing more. Raises `Refused` with the server's reason."""

    def login(self, mount: str, role: str, jwt: Secret) -> Session:
        """Log in with a JWT (service-account token). Raises `Refused` with the server's reason."""

    def revoke_self(self, token: Secret) -> None:
        """End a token that was obtained by `login`, or a wrapping token."""

    def own_capabilities(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What the caller may do on each path, sorted (``sys/capabilities-self``)."""

    def mount(self, name: str) -> Mount | None:
        """The secrets engine mounted there."""

    def create_kv(self, name: str) -> None:
        """Mount a KV v2 engine there."""

    def auth_type(self, mount: str) -> str | None:
        """The type of an auth mount: ``kubernetes``, ``jwt``, ``oidc``, …."""

    def policy(self, name: str) -> str | None:
        """An ACL policy's text, as it was written."""

    def write_policy(self, name: str, text: str) -> None:
        """Create or replace an ACL policy."""

    def delete_policy(self, name: str) -> None:
        """Delete it; one that is not there is no error."""

    def role(self, mount: str, name: str) -> dict[str, Any] | None:
        """The auth role's fields as the server states them."""

    def write_role(self, mount: str, name: str, fields: Mapping[str, Any]) -> None:
        """Create an auth role, or set these fields of it."""

    def delete_role(self, mount: str, name: str) -> None:
        """Delete it; one that is not there is no error."""

    def kv_metadata(self, mount: str, key: str) -> KvMetadata | None:
        """A KV v2 path's metadata, without any value."""

    def mark(self, mount: str, key: str, custom: Mapping[str, str | None]) -> None:
        """Merge into the custom metadata (``None`` removes a key); other keys and every version stay."""

    def put_field(self, mount: str, key: str, field: str, value: Secret) -> int:
        """Write one field with PATCH and check-and-set, siblings untouched; answers the new version.

        Raises `Held` where another writer was faster.
        """

    def field_names(self, mount: str, key: str) -> frozenset[str]:
        """The names of the live version's fields (``subkeys``), without any value; none where there is no version."""

    def read(self, mount: str, key: str) -> tuple[int, dict[str, Secret]] | None:
        """The live version and all its fields: the one request by which `access` sees values."""

    def audit_headers(self) -> frozenset[str]:
        """The request headers that are written to the audit log in clear, in lower case."""

    def audit_files(self) -> tuple[str, ...]:
        """Where the file audit devices write, as the server names it."""

    def audit_hash(self, device: str, value: Secret) -> str:
        """The keyed hash by which an audit device stands for this value (``sys/audit-hash``)."""

    def as_caller(self, request: Request) -> Request:
        """The same request with the caller's own token. Raises `Unidentified` where there is none."""

    def send(self, request: Request) -> Answer:
        """Send exactly this request; a status of any kind is an answer, only no answer raises (`Unreachable`)."""


class AuditLog(Protocol):
    """Where the audit lines are read: a file, a directory, or a command that prints them.

    The object marks the end of the log when it is made; what was written before is not read.
    """

    where: str

    def lines(self, needle: str) -> Sequence[AuditLine]:
        """The entries since the mark whose probe header begins with `needle`, oldest first.

        Can be called again, and then answers all of them once more. Raises `Inconclusive` where the log cannot be read.
        """

    def handed(self, paths: Sequence[str]) -> Sequence[Handed]:
        """The reads of these paths (``platform/data/…``) that were answered since the mark, oldest first."""


class Identities(Protocol):
    """Makes short-lived service-account tokens, to probe with."""

    def mint(self, mount: str, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds, by the cluster that logs in at `mount`.

        Raises `Refused` where that is not allowed.
        """


class Cluster(Protocol):
    """A Kubernetes cluster, spoken to as one context of a kubeconfig.

    Raises `NoApi` where it does not know a kind of object at all, besides what holds for every port.
    """

    name: str
    address: str
    system: str

    def caller(self) -> "Subject":
        """Whom the API server takes the caller for (``SelfSubjectReview``)."""

    def get(self, ref: "Ref") -> "Manifest | None":
        """The object; of a Secret the metadata alone."""

    def secret(self, namespace: str, name: str) -> SecretSeen | None:
        """A Secret with its values, which stay hidden."""

    def listed(
        self, kind: str, namespace: str = "", *, labels: Mapping[str, str] | None = None
    ) -> "Sequence[Manifest]":
        """Every object of a kind, in one namespace or in all; those that bear all these labels."""

    def events(self, ref: "Ref") -> "Sequence[Manifest]":
        """What controllers said of an object, oldest first."""

    def apply(self, manifest: "Manifest", *, force: bool = False) -> None:
        """Server-side apply as the field manager ``warden``.

        Raises `Foreign`, naming them, where other managers own fields that would change, and `force` was not given;
        `Missing` where the namespace is not there.
        """

    def patch(self, ref: "Ref", changes: Mapping[str, Any]) -> "Manifest":
        """Merge these changes into an object (RFC 7396). Raises `Missing` where there is none."""

    def token(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that service account (TokenRequest). Raises `Missing` where there is no such account."""

    def holds(self, asking: "Asking") -> bool:
        """Whether the caller itself may do that (``SelfSubjectAccessReview``, which everybody may ask)."""

    def versions(self, group: str) -> "Sequence[str]":
        """The versions of an API group that it serves, the preferred one first; none where it does not know it."""

    def may(self, subject: "Subject", verb: str, namespace: str, name: str) -> bool:
        """Whether the subject may do that with a Secret, or with all of the namespace's (SubjectAccessReview)."""


class Journal(Protocol):
    """The append-only record of every effect. Each method raises `JournalUnwritable` and nothing else."""

    def record(self, event: str, lane: str, body: Mapping[str, Any]) -> int:
        """Append, durably, before it returns; answers the record's number."""

    def record_all(self, records: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Sequence[int]:
        """Append several (event, lane, body) in one durable write."""

    def state(self, lane: str) -> LaneState:
        """What was last recorded of one lane."""

    def states(self) -> Mapping[str, LaneState]:
        """The same for every lane that the journal knows."""

    def log(
        self, *, lane: str | None = None, last: int = 0, events: Sequence[str] = (), after: int = 0
    ) -> Sequence[Record]:
        """The newest `last` records (0: all) after that number, oldest first; of one lane, of some kinds, or of all."""


class Policy(Protocol):
    """The gate in front of every read."""

    def decide(self, question: Question) -> Decision:
        """Allow or deny. Raises `Inconclusive` where the policy itself cannot be read or decided."""


class Caller(Protocol):
    """Who calls, and the server they call; looked for only when asked."""

    def projected(self) -> Projected | None:
        """The service-account token to log in with; ``None`` where the caller has a token of OpenBao's.

        Raises `Unidentified` where a file is named that holds none.
        """

    def vault(self, token: Secret | None = None) -> Vault:
        """The server as the caller sees it, or as the owner of `token`. Raises `Usage` where none is named."""


class Runner(Protocol):
    """Becomes another program."""

    def find(self, command: str) -> str:
        """The program that a command names. Raises `CommandNotFound` or `CannotRun`."""

    def exec(self, program: str, argv: Sequence[str], secrets: Mapping[str, Secret], *, as_files: bool) -> NoReturn:
        """Replace this process. Raises `CannotRun` where that is not possible; then nothing was started."""


Clock = Callable[[], dt.datetime]
"""Now, in UTC."""
