"""Policies that are marked as ours, for a lane that no file of the catalog declares any more."""

import msgspec

from warden.core.lanes.lane import RoleName
from warden.core.quoting import Facts, placeholder
from warden.core.remedies import Remedy, RunBao


class OrphanedPolicy(Facts, frozen=True, kw_only=True):
    """A policy whose lane's file was deleted, or names another id and path now.

    Attributes:
        policy: its name.
        lane: the lane that its first line names.
        path: the KV path that it reads; empty if its text was changed by hand.
        roles: the roles that the marks on that path name and that grant nothing else.
        shared: those that have other policies, too.
    """

    policy: str
    lane: str
    path: str
    roles: tuple[RoleName, ...] = ()
    shared: tuple[RoleName, ...] = ()

    @property
    def removal(self) -> Remedy:
        """What removes the access: roles first. The path and its versions are for a person to remove."""
        named = (msgspec.structs.replace(each, name=placeholder(each.name)) for each in self.roles)
        roles = (RunBao(action="delete-role", path=str(each)) for each in named)
        return (*roles, RunBao(action="delete-policy", name=placeholder(self.policy)))
