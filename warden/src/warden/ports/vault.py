"""OpenBao, spoken to as one caller."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import (
    Answer,
    AuditDevice,
    Entered,
    Health,
    Identity,
    KvConfig,
    KvMetadata,
    Login,
    MadeCertificate,
    Mount,
    PolicyText,
    Request,
    Stored,
)
from warden.core.secret import Secret
from warden.ports.secret_ids import SecretIds

if TYPE_CHECKING:  # what hardly a command needs
    from warden.ports.control_groups import ControlGroups
    from warden.ports.groups import Groups
    from warden.ports.ssh_mounts import SshMounts


class Vault(Protocol):
    """An OpenBao (or Vault) server, spoken to as one caller. Mounts and paths are given without slashes at the ends."""

    address: str
    namespace: str

    def health(self) -> Health:
        """How the server is; answers also when it is sealed, standby or not initialised."""

    def cluster_id(self) -> str | None:
        """Which server this is, whatever its address; ``None`` while it is sealed."""

    def identity(self) -> Identity:
        """Who the caller is. Raises `Unidentified` where there is no token or it is not accepted."""

    def enter(self, login: Login) -> Entered:
        """Log in and ask nothing more. Raises `Refused` with the server's reason."""

    def showing(self, certificate: str | MadeCertificate) -> "Vault":
        """The same server over a connection that shows the certificate in that PEM file, which holds its key, too.

        Or one that was made; or none, where the path is empty.

        Raises `UsageError` where the address is not https, or the file cannot be used.
        """

    def secret_ids(self) -> SecretIds:
        """The SecretIDs of its AppRoles, as the caller may have them."""

    def groups(self) -> "Groups":
        """The identity groups of approvers, as the caller may have them."""

    def control_groups(self) -> "ControlGroups":
        """The reads that wait for approval, as the caller may see and approve them."""

    def ssh(self) -> "SshMounts":
        """Its SSH engines, as the caller may see and change them."""

    def revoke_self(self, token: Secret) -> bool:
        """End a token that was obtained by `enter`, or a wrapping token; waits a few seconds at most.

        False where it is gone already, or where its policies do not let it end itself.
        """

    def revoke_accessor(self, accessor: str) -> None:
        """End the token that has this accessor; does nothing where there is none any more."""

    def own_capabilities(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """What the caller may do on each path, sorted (``sys/capabilities-self``)."""

    def mount(self, name: str) -> Mount | None:
        """The secrets engine mounted there."""

    def create_kv(self, name: str) -> None:
        """Mount a KV v2 engine there."""

    def auth_type(self, mount: str) -> str | None:
        """The type of an auth mount: ``kubernetes``, ``jwt``, ``oidc``, …."""

    def policy_names(self) -> frozenset[str]:
        """The names of every ACL policy."""

    def policy(self, name: str) -> str | None:
        """An ACL policy's text, as it was written."""

    def acl_policy(self, name: str) -> PolicyText | None:
        """The same, and when it ends."""

    def write_policy(self, name: str, text: str) -> None:
        """Create or replace an ACL policy."""

    def delete_policy(self, name: str) -> None:
        """Delete it; does nothing where it does not exist."""

    def role(self, role: RoleName) -> dict[str, Any] | None:
        """The auth role's fields as the server states them."""

    def write_role(self, role: RoleName, fields: Mapping[str, Any]) -> None:
        """Create an auth role, or set these fields of it."""

    def delete_role(self, role: RoleName) -> None:
        """Delete it; does nothing where it does not exist."""

    def kv_metadata(self, mount: str, key: str) -> KvMetadata | None:
        """A KV v2 path's metadata, without any value."""

    def kv_config(self, mount: str) -> KvConfig:
        """What a KV v2 mount sets for all of its paths."""

    def mark(self, mount: str, key: str, custom: Mapping[str, str | None], *, require_cas: bool = False) -> None:
        """Merge into the custom metadata (``None`` removes a key); other keys and every version stay.

        `require_cas`: every write needs a check-and-set from now on.
        """

    def mark_if(self, mount: str, key: str, custom: Mapping[str, str | None], revision: int) -> None:
        """Merge into the custom metadata if its `KvMetadata.revision` is still this one, or 0 where there is none.

        Raises `Held` where it is another one by now.
        """

    def put_fields(self, mount: str, key: str, values: Mapping[str, Secret], *, replacing: int | None = None) -> int:
        """Write these fields with PATCH and check-and-set, siblings untouched; answers the one new version.

        Raises `Held` where another writer was faster, or the newest version is not the one that is to be replaced.
        """

    def read_version(self, mount: str, key: str, version: int) -> Stored | None:
        """One version and all its fields; ``None`` where it was deleted, destroyed, or never there."""

    def destroy_versions(self, mount: str, key: str, versions: Sequence[int]) -> None:
        """Destroy these versions: their values are gone for good, the metadata stays. Does nothing where they are."""

    def field_names(self, mount: str, key: str) -> frozenset[str]:
        """The names of the live version's fields (``subkeys``), without any value; none where there is no version."""

    def read(self, mount: str, key: str) -> Stored | None:
        """The live version and all its fields: the one request by which `access` sees values.

        Raises `NotNow` where OpenBao withholds it until somebody approves; see `ControlGroups.ask`.
        """

    def audit_headers(self) -> frozenset[str]:
        """The request headers that are written to the audit log in clear, in lower case."""

    def audit_devices(self) -> tuple[AuditDevice, ...]:
        """Every audit device."""

    def audit_files(self) -> tuple[str, ...]:
        """Where the file audit devices write, as the server names it."""

    def audit_hash(self, device: str, value: Secret) -> str:
        """The keyed hash by which an audit device stands for this value (``sys/audit-hash``)."""

    def as_caller(self, request: Request) -> Request:
        """The same request with the caller's own token. Raises `Unidentified` where there is none."""

    def send(self, request: Request) -> Answer:
        """Send exactly this request; a status of any kind is an answer, only no answer raises (`Unreachable`)."""
