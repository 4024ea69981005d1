"""The port SecretIds on the HTTP API (https://openbao.org/api-docs/auth/approle/)."""

from collections.abc import Mapping
from typing import Any

from warden.adapters.openbao.answers import FORBIDDEN, NO_CONTENT, NOT_FOUND, OK, error_of, is_openbao
from warden.core.errors import Refused, WardenError
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import Answer, Request, SecretId, said_by
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.ports.vault import Vault

UNKNOWN_ACCESSOR = "failed to find accessor entry"


class SecretIds:
    """The SecretIDs of one server's AppRoles, as one caller."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._system = f"OpenBao {vault.address}"

    def role_id(self, role: RoleName) -> str:
        """``auth/<mount>/role/<name>/role-id``."""
        return str(self._asked("GET", f"{role}/role-id").body["data"]["role_id"])

    def issue(self, role: RoleName, ttl: int) -> SecretId:
        """``…/secret-id``, wrapped: a policy can insist on that (min_wrapping_ttl)."""
        body = {"ttl": ttl, "num_uses": 1}
        wrapped = self._asked("POST", f"{role}/secret-id", body, {"X-Vault-Wrap-TTL": f"{ttl}s"})
        token = Secret(str((wrapped.body.get("wrap_info") or {}).get("token", "")))
        unwrapped = self._vault.send(Request(method="POST", path="sys/wrapping/unwrap", token=token))
        if unwrapped.status != OK:
            raise error_of(unwrapped, self._system, "POST sys/wrapping/unwrap")
        found = unwrapped.body["data"]
        return SecretId(secret=Secret(str(found["secret_id"])), accessor=str(found["secret_id_accessor"]))

    def destroy(self, role: RoleName, accessor: str) -> None:
        """``…/secret-id-accessor/destroy``; one that was used up has no accessor (500, measured)."""
        path, body = f"{role}/secret-id-accessor/destroy", {"secret_id_accessor": accessor}
        answer = self._vault.send(self._vault.as_caller(Request(method="POST", path=path, body=body)))
        if answer.status not in {OK, NO_CONTENT, NOT_FOUND} and UNKNOWN_ACCESSOR not in said_by(answer):
            raise self._error(answer, f"POST {path}")

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """As the caller; an answer of 2xx, else the error it means."""
        request = Request(method=method, path=path, body=body, headers=headers or {})
        answer = self._vault.send(self._vault.as_caller(request))
        if is_openbao(answer, OK, NO_CONTENT):
            return answer
        raise self._error(answer, f"{method} {path}")

    def _error(self, answer: Answer, what: str) -> WardenError:
        if not is_openbao(answer, FORBIDDEN):
            return error_of(answer, self._system, what)
        return Refused(
            f"{self._system} refused {what} ({said_by(answer) or 'permission denied'})",
            system=self._system,
            hint="which rights are missing for which command",
            remedy=(warden("doctor"),),
        )
