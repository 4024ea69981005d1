"""The port Identities: each auth mount's tokens are made by the cluster whose tokens it reviews."""

from collections.abc import Mapping
from typing import Protocol

from warden.core.errors import Effect, Refused, WardenError
from warden.core.lanes.lane import Workload
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.ports.cluster import Cluster


class Issuer(Protocol):
    """Makes service-account tokens of one cluster, or in one cluster's place."""

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds."""


class ClusterIssuer:
    """Asks a cluster's API server for tokens; where it cannot be asked, each call raises why."""

    def __init__(self, cluster: Cluster | WardenError) -> None:
        self._cluster = cluster

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """By TokenRequest."""
        if isinstance(self._cluster, WardenError):
            raise self._cluster
        return self._cluster.token(workload, audience, ttl)


class ByMount:
    """Sends each wish to the issuer of its mount."""

    def __init__(self, issuers: Mapping[str, Issuer], otherwise: Issuer) -> None:
        self._issuers = issuers
        self._otherwise = otherwise

    def mint(self, mount: str, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token by which `workload` can try to log in at `mount`."""
        return self._issuers.get(mount, self._otherwise).mint(workload, audience, ttl)


class NoIssuer:
    """Refuses to mint: service-account tokens that this server accepts cannot be made from here."""

    def __init__(self, address: str) -> None:
        self._address = address

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:  # noqa: ARG002 - the port's signature
        """Always refuses."""
        raise Refused(
            f"no token of {workload} can be made here: {self._address} is not the embedded platform of this machine",
            effect=Effect.NOTHING_DONE,
            system=f"OpenBao {self._address}",
            hint="the embedded platform makes them",
            remedy=(warden("dev up"),),
        )
