"""Reading an OpenBao once, to decide locally who can reach what."""

from collections.abc import Callable
from typing import Protocol

from warden.core.access_index.lane_tokens import LiveTokens
from warden.core.access_index.snapshot import Snapshot

Progress = Callable[[str, int, int], None]
"""Is told what is being read, how many of it are done, and how many there are (0: not known yet)."""


class SnapshotReader(Protocol):
    """Reads policies, auth mounts, roles, identities, namespaces and tokens, as the caller; never a value."""

    def read(self, progress: Progress | None = None) -> Snapshot:
        """Everything that may be read; what may not is an `Unknown` in it.

        Raises `Unreachable`, `Sealed` or `ServerFault` where the server does not answer at all, and `Unidentified`
        where it does not know the caller.
        """

    def tokens(self) -> LiveTokens:
        """The tokens that are alive in the caller's namespace, and nothing else. Raises as `read`."""
