"""OpenBao and each cluster as one kind of thing: looked at, compared, changed."""

from collections.abc import Mapping
from typing import Protocol

from warden.core.plans.plan import Change, Plan, System


class Target(Protocol):
    """One lane's objects on one system.

    Each method raises as the port behind it says.
    """

    system: System

    def plan(self) -> Plan:
        """What differs there from what the lane declares; nothing is changed, no value is read."""

    def make(self, change: Change, /) -> None:
        """Carry one change of that plan out."""

    def acting_as(self) -> Mapping[str, str]:
        """Who acts there, as the journal keeps it."""
