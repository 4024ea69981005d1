"""Who calls."""

from typing import Protocol

from warden.core.access.identities import Credential
from warden.core.secret import Secret
from warden.ports.vault import Vault


class Caller(Protocol):
    """Who calls, and the server they call; looked for only when asked."""

    def credential(self) -> Credential | None:
        """What to log in with; ``None`` where the caller has a token of OpenBao's, or nothing.

        Raises `Unidentified` where a file is named that does not hold it.
        """

    def vault(self, token: Secret | None = None) -> Vault:
        """The server as the caller sees it, or as the owner of `token`. Raises `UsageError` where none is named."""
