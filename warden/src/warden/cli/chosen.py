"""What `plan` and `apply` are about: lanes of the catalog, and actors and hosts of the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warden.cli.context import Workspace
    from warden.core.errors import Invalid
    from warden.core.inventory.inventory import Inventory
    from warden.core.lanes.catalog import LeftOut
    from warden.core.lanes.lane import Lane
    from warden.core.openbao.ssh_roles import SshResources


class Chosen(NamedTuple):
    """The lanes, the actors and hosts, and the files that were left out for their errors."""

    lanes: list[Lane]
    ssh: list[SshResources]
    left_out: tuple[LeftOut, ...]


def chosen(workspace: Workspace, name: str | None, *, every: bool, clusters: Sequence[str]) -> Chosen:
    """What was named; or all of it, but for actors and hosts where clusters are named, in which they have nothing.

    Raises as `Workspace.chosen`; `Invalid` where a name is of no lane, and the inventory has errors.
    """
    if name and not every and not _is_entry(workspace, name) and (found := _named(workspace, name)):
        return Chosen([], [found], ())
    lanes, left_out = workspace.chosen(name, every=every, clusters=clusters)
    if not every or clusters:
        return Chosen(lanes, [], left_out)
    ssh, broken = _every(workspace)
    return Chosen(lanes, ssh, (*left_out, *broken))


def _is_entry(workspace: Workspace, name: str) -> bool:
    catalog = workspace.catalog
    return name in catalog.declared or name in catalog.elsewhere or any(each.id == name for each in catalog.left_out)


def _named(workspace: Workspace, name: str) -> SshResources | None:
    from warden.core.errors import Effect, Invalid, UsageError
    from warden.core.inventory.inventory import kind_of
    from warden.core.ssh.decision import actor, host
    from warden.usecases.plan_ssh import resources_named

    inventory = workspace.inventory
    if isinstance(inventory, Invalid):
        raise inventory
    found = resources_named(name, workspace.context)
    if found is None and name in inventory.hosts:
        raise UsageError(
            f"{name} has nothing on OpenBao: inventory.yaml names no SSH engine under authorities.hosts",
            effect=Effect.NOTHING_DONE,
            system="platform",
            subject=name,
        )
    if found is None and (kind_of(name) or _is_like_a_host(name, inventory, workspace)):
        try:
            (actor if kind_of(name) else host)(inventory, name)
        except UsageError as fault:
            fault.effect = Effect.NOTHING_DONE
            raise
    return found


def _is_like_a_host(name: str, inventory: Inventory, workspace: Workspace) -> bool:
    """Whether it looks more like a host of the inventory than like any entry of the catalog."""
    from warden.core.lanes.catalog import nearest

    near = nearest(name, [*inventory.hosts, *workspace.catalog.declared], 1)
    return bool(near) and near[0] in inventory.hosts


def _every(workspace: Workspace) -> tuple[list[SshResources], tuple[LeftOut, ...]]:
    from warden.core.errors import Invalid
    from warden.core.openbao.ssh_roles import derive_all

    inventory = workspace.inventory
    return (
        ([], unusable(inventory))
        if isinstance(inventory, Invalid)
        else (list(derive_all(inventory, workspace.context.platform)), ())
    )


def unusable(inventory: Inventory | Invalid) -> tuple[LeftOut, ...]:
    """The inventory's file, where it has errors."""
    from warden.core.errors import Invalid
    from warden.core.lanes.catalog import LeftOut

    if not isinstance(inventory, Invalid):
        return ()
    return (LeftOut(id="inventory", file=inventory.subject, faults=tuple(inventory.faults)),)
