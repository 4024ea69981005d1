"""Short-lived tokens to probe with."""

from typing import Protocol

from warden.core.lanes.lane import Workload
from warden.core.secret import Secret


class Identities(Protocol):
    """Makes short-lived service-account tokens, to probe with."""

    def mint(self, mount: str, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds, by the cluster that logs in at `mount`.

        Raises `Refused` where that is not allowed.
        """
