"""The versions of a KV v2 path, and its metadata as one of several writers changes it: a part of the port Vault.

API page: https://openbao.org/api-docs/secret/kv/kv-v2/ (read secret version, destroy secret versions, patch metadata:
``metadata_cas``, which is compared with ``current_metadata_version``).
"""

from collections.abc import Mapping, Sequence

from warden.adapters.openbao.answers import BAD_REQUEST, NOT_FOUND, error_of, is_openbao, overtaken, stored_in
from warden.adapters.openbao.sender import Sender
from warden.core.errors import ServerFault
from warden.core.openbao.api import Stored, said_by

_CAS = "metadata check-and-set"


class KvVersions(Sender):
    """What is done to versions."""

    def read_version(self, mount: str, key: str, version: int) -> Stored | None:
        """``<mount>/data/<key>?version=N``: 404 where it is deleted, destroyed or was never there."""
        answer = self.asked("GET", f"{mount}/data/{key}?version={version}", none=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return None
        data = answer.body.get("data")
        if not isinstance(data, dict):
            raise ServerFault(f"{self.system} answered a read without data", system=self.system)
        return stored_in(data)

    def mark_if(self, mount: str, key: str, custom: Mapping[str, str | None], revision: int) -> None:
        """``PATCH``, or ``POST`` where there is nothing to patch, with ``metadata_cas``."""
        path, cas = f"{mount}/metadata/{key}", {"metadata_cas": revision}
        merged = cas | {"custom_metadata": dict(custom)}
        answer = self.asked("PATCH", path, merged, none=(BAD_REQUEST, NOT_FOUND))
        if is_openbao(answer, NOT_FOUND) and not revision:
            made = cas | {"custom_metadata": {name: text for name, text in custom.items() if text is not None}}
            answer = self.asked("POST", path, made, none=(BAD_REQUEST,))
        if _CAS in said_by(answer) or is_openbao(answer, NOT_FOUND):
            raise overtaken(self.system, f"the metadata of {mount}/{key}", revision)
        if is_openbao(answer, BAD_REQUEST):
            raise error_of(answer, self.system, f"PATCH {path}")

    def destroy_versions(self, mount: str, key: str, versions: Sequence[int]) -> None:
        """``PUT <mount>/destroy/<key>``: 204 also for a version that is not there, or was destroyed before."""
        if versions:
            self.asked("PUT", f"{mount}/destroy/{key}", {"versions": list(versions)})
