"""Reads that OpenBao withholds until somebody approves them."""

from typing import Protocol

from warden.core.openbao.api import Stored
from warden.core.openbao.control_groups import Answered, Kept, RequestState, Withheld
from warden.core.secret import Secret


class ControlGroups(Protocol):
    """Asks for values that need an approval, looks at such requests, and approves them. Errors as the port Vault."""

    def ask(self, mount: str, key: str) -> Stored | Withheld | None:
        """Read; the value itself where the server does not withhold it, ``None`` where there is none."""

    def state(self, accessor: str) -> RequestState | None:
        """How a request stands; ``None`` where there is none with this accessor (any more)."""

    def authorize(self, accessor: str) -> Answered:
        """Approve it as the caller."""

    def unwrap(self, token: Secret) -> Stored | None:
        """The value of an approved request; its token stays usable. Raises `Refused` where it is not approved."""

    def keep(self, lane: str, request: Withheld, until: str) -> bool:
        """Have OpenBao keep the request for the caller's token alone (its cubbyhole); false where that cannot be."""

    def kept(self, lane: str) -> Kept | None:
        """The request that was kept for the caller's token, if there is one."""

    def forget(self, lane: str) -> None:
        """Keep it no longer; waits a few seconds at most, and never raises."""
