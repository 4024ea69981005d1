"""The agent that holds keys for ssh."""

from typing import Protocol

from warden.core.ssh.fresh_key import FreshKey


class KeyAgent(Protocol):
    """The caller's ssh-agent. Each member raises `Inconclusive` where it does not answer."""

    where: str
    """Its socket."""

    def identities(self) -> tuple[str, ...]:
        """What it holds, as lines of OpenSSH without a comment: keys, and certificates. A locked agent shows none."""

    def add(self, key: FreshKey, certificate: str, seconds: int, comment: str) -> None:
        """Hand it the key with its certificate, or alone (empty), for that long.

        Raises `NotNow` where it refuses them: it is locked, or takes no such key.
        """

    def remove(self, identity: str) -> bool:
        """Take away the key or certificate in this line; false where it did not have it."""
