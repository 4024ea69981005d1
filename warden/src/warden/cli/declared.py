"""What the catalog and the inventory declare for the OpenBao of the environment, as `doctor` examines it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warden.cli import wiring
from warden.cli.context import Workspace

if TYPE_CHECKING:
    from warden.core.errors import WardenError
    from warden.core.inventory.inventory import ActorIdentity
    from warden.core.openbao.right import Scope
    from warden.ports.cluster import Cluster
    from warden.usecases.doctor import DeclaredHere


def declared_here(platform: str) -> DeclaredHere:
    """What the catalog declares for this OpenBao; nothing where that cannot be said, or there is no directory."""
    from warden.core.errors import WardenError
    from warden.core.openbao.resources import is_template
    from warden.core.plans.lane_plan import LaneOptions
    from warden.usecases.doctor import DeclaredHere
    from warden.usecases.doctor.cluster import ClusterToExamine

    if not platform:
        return DeclaredHere()
    try:
        workspace = Workspace(platform)
    except WardenError:
        return _declared_anywhere(platform)
    try:
        found = workspace.clusters
        lanes = [each for each in workspace.lanes.values() if each.status == "active" and not is_template(each)]
        context = workspace.context
        deliveries = [each for lane in lanes for each in context.deliveries(lane, LaneOptions()) if not each.by_hand]
    except WardenError:
        return DeclaredHere()
    clusters = [
        ClusterToExamine(
            name=name,
            cluster=found[name],
            declared=declared,
            deliveries=tuple(each for each in deliveries if each.cluster == name),
        )
        for name, declared in found.declared.items()
    ]
    return DeclaredHere(context=context, left_out=workspace.catalog.left_out, clusters=tuple(clusters))


def _declared_anywhere(platform: str) -> DeclaredHere:
    """What the catalog declares where no OpenBao is named: its files with errors, and its clusters as they answer."""
    from warden.core.errors import WardenError
    from warden.usecases.doctor import DeclaredHere
    from warden.usecases.doctor.cluster import ClusterToExamine

    def connected(name: str, context: str) -> Cluster | WardenError:
        try:
            return wiring.cluster(name, context, os.environ)
        except WardenError as fault:
            return fault

    try:
        catalog = wiring.catalog(platform)
    except WardenError:
        return DeclaredHere()
    clusters = tuple(
        ClusterToExamine(name=name, cluster=connected(name, each.context), declared=each, deliveries=())
        for name, each in catalog.platform.clusters.items()
    )
    return DeclaredHere(left_out=catalog.left_out, clusters=clusters)


def with_declared_mounts(scope: Scope, platform: str) -> Scope:
    """The scope with every auth mount that a reader or identity logs in at, every SSH engine, and the key that signs.

    As it is where that cannot be said.
    """
    import msgspec

    from warden.cli import wiring_ssh
    from warden.core.errors import WardenError
    from warden.core.openbao.resources import mount_types
    from warden.core.openbao.ssh_roles import derive_all

    try:
        catalog = wiring.catalog(platform)
        inventory = wiring_ssh.inventory(platform)
    except WardenError:
        return scope
    readers: list[ActorIdentity] = [reader for lane in catalog.lanes.values() for reader in lane.readers]
    readers += [each for actor in inventory.actors.values() for each in actor.identities]
    engines = (each.mount for each in derive_all(inventory) if each.mount)
    signing = catalog.platform.signing
    by_type: dict[str, list[str]] = {"approle": [], "cert": [], "auth": []}
    for reader in readers:
        kind = mount_types(reader)[0]
        by_type[kind if kind in by_type else "auth"].append(reader.mount)
    return msgspec.structs.replace(
        scope,
        auth=tuple(dict.fromkeys((*scope.auth, *by_type["auth"]))),
        approle=tuple(dict.fromkeys((*scope.approle, *by_type["approle"]))),
        cert=tuple(dict.fromkeys((*scope.cert, *by_type["cert"]))),
        ssh=tuple(dict.fromkeys((*scope.ssh, *engines))),
        actors=bool(inventory.actors),
        transit=(signing and signing.transit) or "",
        approval=any(lane.approved_readers for lane in catalog.lanes.values()),
    )
