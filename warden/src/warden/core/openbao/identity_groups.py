"""OpenBao's identity groups as a lane's approvals need them: who is in one, and whether `apply` made it."""

from collections.abc import Mapping

import msgspec

MADE_BY = {"made-by": "ops-warden"}
"""The metadata of an identity group that was made by `apply`."""


class IdentityGroup(msgspec.Struct, frozen=True, kw_only=True):
    """An identity group as OpenBao has it.

    ``type`` is ``internal`` or ``external``. ``alias`` is the login's group that an external one stands for, at the
    auth mount ``alias_mount``; both are empty without one. ``members`` counts those that are in it now: of an external
    group those who have logged in.
    """

    id: str
    name: str
    type: str
    alias: str = ""
    alias_mount: str = ""
    alias_id: str = ""
    policies: tuple[str, ...] = ()
    members: int = 0
    metadata: Mapping[str, str] = {}

    @property
    def is_ours(self) -> bool:
        """Whether `apply` made it."""
        return MADE_BY.items() <= self.metadata.items()


class ObservedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What OpenBao has of a declared group: the group itself, and which other group has its alias already."""

    group: IdentityGroup | None = None
    alias_of: str = ""
