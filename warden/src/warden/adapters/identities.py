"""The port Identities: each auth mount's tokens are made by the cluster whose tokens it reviews."""

from collections.abc import Mapping
from typing import Protocol

from warden.core.errors import Effect, Refused, WardenError
from warden.core.lanes.lane import Workload
from warden.core.openbao.api import MadeCertificate
from warden.core.remedies import warden
from warden.core.secret import Secret
from warden.ports.cluster import Cluster


class Issuer(Protocol):
    """Makes service-account tokens of one cluster, or in one cluster's place."""

    def mint(self, workload: Workload, audience: str, ttl: int) -> Secret:
        """A token of that account for that audience, `ttl` in seconds."""


class JobIssuer(Protocol):
    """Makes tokens of CI systems, in their place."""

    @property
    def job_mounts(self) -> frozenset[str]:
        """The mounts that trust it."""

    def job(self, mount: str, claims: Mapping[str, str], audience: str, ttl: int) -> Secret:
        """A token that says this."""


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
    """Sends each wish to the issuer of its mount; `jobs` makes the tokens of CI systems, where there is one."""

    def __init__(self, issuers: Mapping[str, Issuer], otherwise: Issuer, jobs: JobIssuer | None = None) -> None:
        self._issuers = issuers
        self._otherwise = otherwise
        self._jobs = jobs

    @property
    def mints(self) -> frozenset[str]:
        """The jwt mounts of CI systems that trust an issuer of ours."""
        return self._jobs.job_mounts if self._jobs else frozenset()

    def job(self, mount: str, claims: Mapping[str, str], audience: str, ttl: int, *, forged: bool = False) -> Secret:
        """A token of a CI system; a forged one is signed with a key that is thrown away."""
        if forged:
            from warden.adapters.dev.issuer import forged_job  # only where one is needed

            return forged_job(mount, claims, audience, ttl)
        if self._jobs is None or mount not in self.mints:
            raise Refused(
                f"no token for auth/{mount} can be made here: only that CI system signs them",
                effect=Effect.NOTHING_DONE,
            )
        return self._jobs.job(mount, claims, audience, ttl)

    def strangers_certificate(self, name: str) -> MadeCertificate:
        """Made by trustme."""
        from warden.adapters.dev.authority import self_made  # 0.1 s, only where one is needed

        return self_made(name)

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
