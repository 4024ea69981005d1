"""The versions of a KV v2 path: the part of the port Vault that ends them.

API page: https://openbao.org/api-docs/secret/kv/kv-v2/ (destroy secret versions).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from warden.core.openbao.api import Answer


class KvVersions:
    """What is done to versions; whoever inherits it sends the requests."""

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, none: Sequence[int] = ()
    ) -> Answer:
        raise NotImplementedError

    def destroy_versions(self, mount: str, key: str, versions: Sequence[int]) -> None:
        """``PUT <mount>/destroy/<key>``: 204 also for a version that is not there, or was destroyed before."""
        if versions:
            self._request("PUT", f"{mount}/destroy/{key}", {"versions": list(versions)})
