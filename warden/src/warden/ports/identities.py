"""Short-lived credentials to probe with."""

from collections.abc import Mapping
from typing import Protocol

from warden.core.lanes.lane import Workload
from warden.core.openbao.api import MadeCertificate
from warden.core.secret import Secret


class Identities(Protocol):
    """Makes short-lived tokens and certificates, to probe with."""

    @property
    def mints(self) -> frozenset[str]:
        """The jwt mounts of CI systems whose tokens can be made here."""

    def mint(self, mount: str, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds, by the cluster that logs in at `mount`.

        Raises `Refused` where that is not allowed.
        """

    def job(self, mount: str, claims: Mapping[str, str], audience: str, ttl: int, *, forged: bool = False) -> Secret:
        """A token of a CI system with these claims; a `forged` one is signed by nobody whom a mount knows.

        Raises `Refused` where the mount is not one of `mints` and the token is not to be forged.
        """

    def strangers_certificate(self, name: str) -> MadeCertificate:
        """A certificate of that name, of an authority that nobody knows."""
