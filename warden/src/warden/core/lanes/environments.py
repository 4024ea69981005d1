"""Environments: one OpenBao (or a namespace of one) each, and a lane that is declared once for all of them.

    platform.yaml   environments: {dev: {openbao: https://bao.dev.example:8200}, prod: {openbao: https://bao.example:8200}}
    clusters.yaml   coulombcore: {context: coulombcore, environment: prod}
    a lane's file   environments: {dev: {}, prod: {readers: [{github: acme/deploy, environment: production}]}}

A lane that lists environments exists in those, and only what differs stands below each; one that lists none is the same
in all of them. A delivery is of the environment that its cluster is of.
"""

from collections.abc import Mapping

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Lane
from warden.core.remedies import warden


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenBao of its own: its address, the namespace in it, and a PEM file with the authorities that verify it.

    The file is in the platform directory. Two environments are never the same namespace of the same OpenBao.
    """

    openbao: str
    namespace: str = ""
    openbao_ca: str | None = None


class NotInEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """The lane's file does not list the environment; ``environments`` are those it has."""

    lane: str
    environment: str
    environments: tuple[str, ...]


def exists_in(lane: Lane, environment: str) -> bool:
    """Whether there is such a lane in the environment; an empty one stands for no environment in particular."""
    return not environment or not lane.environments or environment in lane.environments


def in_environment(lane: Lane, environment: str) -> Lane:
    """The lane as it is there: with the fields that differ there, and without what it is elsewhere."""
    if not environment:
        return lane
    differs = lane.environments.get(environment)
    custody = lane.custody
    if differs is not None and differs.path is not None:
        custody = msgspec.structs.replace(custody, path=differs.path)
    return msgspec.structs.replace(
        lane,
        status=(differs and differs.status) or lane.status,
        custody=custody,
        readers=(differs and differs.readers) or lane.readers,
        environments={},
    )


def delivered_in(lane: Lane, environment: str, clusters: Mapping[str, DeclaredCluster]) -> Lane:
    """The lane with the deliveries to clusters of that environment."""
    here = {name: each for name, each in lane.deliveries.items() if of(environment, clusters.get(name))}
    return lane if len(here) == len(lane.deliveries) else msgspec.structs.replace(lane, deliveries=here)


def of(environment: str, cluster: DeclaredCluster | None) -> bool:
    """Whether the cluster belongs to the environment; one that nobody declares is another rule's."""
    return not environment or cluster is None or cluster.environment == environment


def elsewhere(lane: Lane, environment: str) -> UsageError:
    """The error for a lane that exists in other environments only."""
    names = tuple(lane.environments)
    return UsageError(
        NotInEnvironment(lane=lane.id, environment=environment, environments=names),
        effect=Effect.NOTHING_DONE,
        subject=lane.id,
        remedy=(warden("route show", lane.id),),
    )
