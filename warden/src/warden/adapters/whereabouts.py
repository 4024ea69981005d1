"""The port Whereabouts on a platform directory and the environment."""

import os
from collections.abc import Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from warden.adapters.catalog.platform_name import platform_name
from warden.core.errors import WardenError
from warden.core.journal.place import Place

if TYPE_CHECKING:
    from warden.adapters.openbao.endpoint import Endpoint

PATIENCE = 3.0
"""Seconds to wait for the server to say which one it is. A closing is recorded without it."""


class Here:
    """Where this call is; see `Whereabouts`.

    Args:
        platform_dir: the platform directory; ``None`` where its files cannot be used.
        environ: names the server (BAO_ADDR) and the namespace.
        asks: false where no server is to be asked.
    """

    def __init__(self, platform_dir: str | None, environ: Mapping[str, str] = os.environ, *, asks: bool = True) -> None:
        self._platform_dir = platform_dir
        self._environ = environ
        self._asks = asks
        self._found: Place | None = None
        self._lock = Lock()

    @cached_property
    def _server(self) -> "Endpoint | None":
        from warden.adapters.openbao.endpoint import endpoint

        try:
            return endpoint(self._environ)
        except WardenError:
            return None

    @property
    def address(self) -> str:
        """Of the OpenBao that the environment names."""
        return str(self._server) if self._server else ""

    def place(self) -> Place:
        """The place, with the cluster's id where the server answers."""
        with self._lock:
            if self._found is None:
                platform = platform_name(self._platform_dir) if self._platform_dir is not None else None
                self._found = Place(platform=platform, openbao=self._cluster_id(), namespace=self._namespace())
            return self._found

    def _namespace(self) -> str | None:
        """Not known where no server is named: it may be of any."""
        from warden.adapters.openbao.endpoint import namespace

        return namespace(self._environ) if self._server else None

    def _cluster_id(self) -> str | None:
        if self._server is None or not self._asks:
            return None
        import msgspec

        from warden.adapters.openbao.client import OpenBao

        vault = OpenBao(msgspec.structs.replace(self._server, timeout=min(self._server.timeout, PATIENCE)))
        try:
            return vault.cluster_id()
        except WardenError:
            return None
        finally:
            vault.close()
