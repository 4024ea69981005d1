"""The port Identities where nobody can be played: this server's service-account tokens are not made from here."""

from warden.core.errors import Refused
from warden.core.lanes.lane import Workload
from warden.core.secret import Secret


class Unplayed:
    """Refuses to mint, and says why."""

    def __init__(self, address: str) -> None:
        self._address = address

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:  # noqa: ARG002 - the port's signature
        """Always refuses."""
        raise Refused(
            f"no token of {workload} can be made here: {self._address} is not the embedded platform of this machine.",
            system=f"OpenBao {self._address}",
            hint="the embedded platform makes them: warden dev up",
        )
