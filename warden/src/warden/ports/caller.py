"""Who calls."""

from typing import Protocol

from warden.core.access.authorization import Projected
from warden.core.secret import Secret
from warden.ports.vault import Vault


class Caller(Protocol):
    """Who calls, and the server they call; looked for only when asked."""

    def projected(self) -> Projected | None:
        """The service-account token to log in with; ``None`` where the caller has a token of OpenBao's.

        Raises `Unidentified` where a file is named that holds none.
        """

    def vault(self, token: Secret | None = None) -> Vault:
        """The server as the caller sees it, or as the owner of `token`. Raises `UsageError` where none is named."""
