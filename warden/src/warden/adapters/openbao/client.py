"""The port Vault on the HTTP API of OpenBao (and Vault, which it came from).

API pages: https://openbao.org/api-docs/ (system, secret/kv/kv-v2, auth/token, auth/jwt, auth/kubernetes).
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from warden.adapters.openbao.answers import (
    BAD_REQUEST,
    FORBIDDEN,
    NO_CONTENT,
    NOT_FOUND,
    OK,
    answered_at,
    entered_in,
    identity_in,
    is_openbao,
    kv_config_in,
    metadata_in,
    mount_in,
    overtaken,
    policy_in,
    stored_in,
)
from warden.adapters.openbao.audited import Audited
from warden.adapters.openbao.endpoint import Shown, showing
from warden.adapters.openbao.kv_versions import KvVersions
from warden.adapters.openbao.secret_ids import SecretIds
from warden.core.errors import NotNow, Refused
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import (
    Answer,
    Entered,
    Health,
    Identity,
    KvConfig,
    KvMetadata,
    Login,
    Mount,
    PolicyText,
    Request,
    Stored,
    is_in_root,
    said_by,
)
from warden.core.quoting import quoted
from warden.core.secret import Secret

if TYPE_CHECKING:
    from warden.adapters.openbao.control_groups import ControlGroups
    from warden.adapters.openbao.groups import Groups
    from warden.adapters.openbao.ssh_mounts import SshMounts

CLEAN_UP = 3.0
"""Seconds to wait where nothing depends on the answer any more."""


class OpenBao(Audited, KvVersions):
    """An OpenBao server as one caller sees it; see the port `warden.ports.Vault` for each method.

    One object is one connection: not shared between threads (`twin` makes another for the same caller).
    """

    def twin(self, token: Secret | None = None) -> "OpenBao":
        """The same server over a connection of its own, as the same caller or as the owner of `token`."""
        return OpenBao(self.endpoint, token or self._token, namespace=self.namespace)

    def showing(self, certificate: Shown) -> "OpenBao":
        """The same server over a connection that shows this certificate."""
        return OpenBao(showing(self.endpoint, certificate), namespace=self.namespace)

    def secret_ids(self) -> SecretIds:
        """The SecretIDs of its AppRoles."""
        return SecretIds(self)

    def groups(self) -> "Groups":
        """The identity groups of approvers."""
        from warden.adapters.openbao.groups import Groups  # not needed by most commands

        return Groups(self.asked)

    def control_groups(self) -> "ControlGroups":
        """The reads that wait for approval."""
        from warden.adapters.openbao.control_groups import ControlGroups  # as above

        return ControlGroups(self)

    def ssh(self) -> "SshMounts":
        """Its SSH engines."""
        from warden.adapters.openbao.ssh_mounts import SshMounts  # as above

        return SshMounts(self)

    # -- server and caller --------------------------------------------------------------------------------------

    def health(self) -> Health:
        """``sys/health``, asked so that it answers 200 in every state."""
        query = "sys/health?standbyok=true&sealedcode=200&uninitcode=200&perfstandbyok=true"
        answer = self.send(Request(method="GET", path=query))
        if answer.status != OK or "sealed" not in answer.body:
            raise self.error_in(answer, "GET sys/health")
        return Health(
            version=str(answer.body.get("version", "")),
            initialized=bool(answer.body.get("initialized")),
            sealed=bool(answer.body.get("sealed")),
            standby=bool(answer.body.get("standby")),
        )

    def cluster_id(self) -> str | None:
        """``sys/seal-status``, which needs no token; ``None`` while it is sealed. Asked in the root namespace."""
        answer = self._connection.send("GET", "/v1/sys/seal-status", None, {"X-Vault-Request": "true"})
        found = answer.body.get("cluster_id")
        return found if isinstance(found, str) and found else None

    def identity(self) -> Identity:
        """``auth/token/lookup-self``."""
        if self._token is None:
            raise self._unidentified()
        answer = self.send(Request(method="GET", path="auth/token/lookup-self", token=self._token))
        if is_openbao(answer, FORBIDDEN):
            raise self._unidentified()
        if answer.status != OK:
            raise self.error_in(answer, "GET auth/token/lookup-self")
        return self.parsed(answer, identity_in)

    def enter(self, login: Login) -> Entered:
        """``auth/<mount>/login``; the token stays in memory."""
        path = f"auth/{login.mount}/login"
        answer = self.send(Request(method="POST", path=path, body=login.revealed))
        if is_openbao(answer, BAD_REQUEST, FORBIDDEN):
            raise Refused(
                f"{self.system} refused the login at auth/{login.mount}{login.whose}: {quoted(said_by(answer))}",
                system=self.system,
                subject=f"auth/{login.mount}",
            )
        if answer.status != OK:
            raise self.error_in(answer, f"POST {path}")
        return self.parsed(answer, entered_in, "auth")

    def login_userpass(self, name: str, password: Secret) -> Secret:
        """``auth/userpass/login/<name>``."""
        answer = self.asked("POST", f"auth/userpass/login/{name}", {"password": password.reveal()})
        return self.parsed(answer, entered_in, "auth").token

    def revoke_self(self, token: Secret) -> bool:
        """``auth/token/revoke-self``; 403 is the answer to a token that is gone, and to one without the right to it."""
        request = Request(method="POST", path="auth/token/revoke-self", body={}, token=token, patience=CLEAN_UP)
        answer = self.send(request)
        if answer.status not in {OK, NO_CONTENT} and not is_openbao(answer, FORBIDDEN):
            raise self.error_in(answer, "POST auth/token/revoke-self")
        return answer.status != FORBIDDEN

    def revoke_accessor(self, accessor: str) -> None:
        """``auth/token/revoke-accessor``: 200 with a warning where no token has it any more (2.7.2, measured)."""
        self.asked("POST", "auth/token/revoke-accessor", {"accessor": accessor})

    def own_capabilities(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """``sys/capabilities-self``, of what is in the root namespace only: there."""
        if self._token is None:
            raise self._unidentified()
        root = [path for path in paths if is_in_root(path)] if self.namespace else []
        found = self._capabilities([path for path in paths if path not in root])
        if root:
            found |= OpenBao(self.endpoint, self._token).own_capabilities(root)
        return found

    def _capabilities(self, paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
        answer = self.asked("POST", "sys/capabilities-self", {"paths": list(paths)})
        found = answer.body.get("data") or {}
        return {path: tuple(sorted(found.get(path) or ())) for path in paths}

    # -- mounts, policies, roles --------------------------------------------------------------------------------

    def mount(self, name: str) -> Mount | None:
        """``sys/mounts/<name>``: 400 where nothing is mounted."""
        answer = self.asked("GET", f"sys/mounts/{name}", none=(BAD_REQUEST,))
        if answer.status == BAD_REQUEST:
            return None
        return self.parsed(answer, mount_in)

    def create_kv(self, name: str) -> None:
        """Mount KV v2, and wait out the moment in which a new mount answers 400 because it is being upgraded."""
        self.asked("POST", f"sys/mounts/{name}", {"type": "kv", "options": {"version": "2"}})
        for _ in range(100):
            if self.asked("GET", f"{name}/metadata/warden-probe", none=(BAD_REQUEST, NOT_FOUND)).status == NOT_FOUND:
                return
            time.sleep(0.05)

    def auth_type(self, mount: str) -> str | None:
        """``sys/auth``, the whole list: reading one mount (``sys/auth/<mount>``) would need sudo."""
        answer = self.asked("GET", "sys/auth")
        return self.parsed(answer, lambda found: str(found[f"{mount}/"]["type"]) if f"{mount}/" in found else None)

    def enable_auth(self, mount: str, kind: str) -> None:
        """Mount an auth method of that type there."""
        self.asked("POST", f"sys/auth/{mount}", {"type": kind})

    def disable_auth(self, mount: str) -> None:
        """Unmount an auth method; its roles go with it."""
        self.asked("DELETE", f"sys/auth/{mount}")

    def configure_auth(self, mount: str, settings: Mapping[str, Any]) -> None:
        """``auth/<mount>/config``."""
        self.asked("POST", f"auth/{mount}/config", settings)

    def policy_names(self) -> frozenset[str]:
        """``LIST sys/policies/acl``."""
        return self.parsed(self.asked("LIST", "sys/policies/acl"), lambda found: frozenset(map(str, found["keys"])))

    def policy(self, name: str) -> str | None:
        """The policy's text as it was written."""
        found = self.acl_policy(name)
        return found.text if found else None

    def acl_policy(self, name: str) -> PolicyText | None:
        """``sys/policies/acl/<name>``; an end is named only where there is one."""
        answer = self.asked("GET", f"sys/policies/acl/{name}", none=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return None
        return self.parsed(answer, policy_in)

    def write_policy(self, name: str, text: str) -> None:
        """Create or replace."""
        self.asked("POST", f"sys/policies/acl/{name}", {"policy": text})

    def delete_policy(self, name: str) -> None:
        """Gone afterwards, whether it was there or not."""
        self.asked("DELETE", f"sys/policies/acl/{name}")

    def role(self, role: RoleName) -> dict[str, Any] | None:
        """The role's fields as the server states them."""
        answer = self.asked("GET", str(role), none=(NOT_FOUND,))
        return None if answer.status == NOT_FOUND else dict(self.part_of(answer))

    def write_role(self, role: RoleName, fields: Mapping[str, Any]) -> None:
        """Create, or set these fields of an existing one."""
        self.asked("POST", str(role), fields)

    def delete_role(self, role: RoleName) -> None:
        """Gone afterwards, whether it was there or not."""
        self.asked("DELETE", str(role))

    # -- KV v2 --------------------------------------------------------------------------------------------------

    def kv_metadata(self, mount: str, key: str) -> KvMetadata | None:
        """``<mount>/metadata/<key>``."""
        answer = self.asked("GET", f"{mount}/metadata/{key}", none=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return None
        return self.parsed(answer, lambda found: metadata_in(found, answered_at(answer)))

    def kv_config(self, mount: str) -> KvConfig:
        """``<mount>/config``."""
        return self.parsed(self.asked("GET", f"{mount}/config"), kv_config_in)

    def mark(self, mount: str, key: str, custom: Mapping[str, str | None], *, require_cas: bool = False) -> None:
        """PATCH merges and cannot create; POST creates and would replace: POST only where PATCH finds nothing."""
        path = f"{mount}/metadata/{key}"
        cas = {"cas_required": True} if require_cas else {}
        merged = cas | ({"custom_metadata": dict(custom)} if custom else {})
        if self.asked("PATCH", path, merged, none=(NOT_FOUND,)).status != NOT_FOUND:
            return
        try:
            self.asked("POST", path, cas | {"custom_metadata": {k: v for k, v in custom.items() if v is not None}})
        except Refused:  # who may create may not replace: somebody else made it meanwhile, if it is there now
            if self.asked("PATCH", path, merged, none=(NOT_FOUND,)).status == NOT_FOUND:
                raise

    def put_fields(self, mount: str, key: str, values: Mapping[str, Secret], *, replacing: int | None = None) -> int:
        """PATCH with check-and-set; POST with the same where the server says that there is nothing to merge into.

        Whether the newest version is still there is the server's to say: a version may have a time to be deleted at,
        which is by its clock. Check-and-set keeps that answer true until the POST.
        """
        metadata = self.kv_metadata(mount, key)
        cas = metadata.current if metadata else 0
        if replacing not in {None, cas}:
            raise overtaken(self.system, f"{mount}/{key}", int(replacing or 0))
        request = Request(
            method="PATCH" if cas else "POST",
            path=f"{mount}/data/{key}",
            body={"options": {"cas": cas}, "data": {field: value.reveal() for field, value in values.items()}},
            token=self._token,
        )
        answer = self._send_until_kept(request)
        if request.method == "PATCH" and is_openbao(answer, NOT_FOUND):
            request = msgspec.structs.replace(request, method="POST")
            answer = self._send_until_kept(request)
        if answer.status == OK:
            return self.parsed(answer, lambda found: int(found["version"]))
        if "check-and-set" in said_by(answer):
            raise overtaken(self.system, f"{mount}/{key}", cas)
        raise self.error_in(answer, f"{request.method} {request.path}")

    def field_names(self, mount: str, key: str) -> frozenset[str]:
        """``<mount>/subkeys/<key>``; 404 where the newest version is deleted, or there is none."""
        answer = self.asked("GET", f"{mount}/subkeys/{key}", none=(NOT_FOUND,))
        return frozenset((answer.body.get("data") or {}).get("subkeys") or () if answer.status == OK else ())

    def read(self, mount: str, key: str) -> Stored | None:
        """``<mount>/data/<key>``: the one request that brings values here."""
        answer = self.asked("GET", f"{mount}/data/{key}", none=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return None
        self._expect_handed_out(answer, f"{mount}/{key}")
        return self.parsed(answer, stored_in)

    def _expect_handed_out(self, answer: Answer, what: str) -> None:
        """A read that waits for approval is ended, and raises `NotNow`."""
        if not answer.body.get("wrap_info"):
            return
        from warden.adapters.openbao.control_groups import withheld_in  # as above

        if withheld := withheld_in(answer):
            self.send(Request(method="POST", path="auth/token/revoke-self", body={}, token=withheld.token))
        raise NotNow(
            f"OpenBao withholds {what} until somebody approves, and the lane declares no approval for you",
            system="OpenBao",
            subject=what,
            hint="have the lane applied: its policy has a control group that its file does not declare",
        )
