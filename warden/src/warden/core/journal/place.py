"""Where a record was made: which platform directory, which OpenBao, which namespace in it.

One journal serves every directory and every server of a user, and a lane's id says nothing about where it is. So each
record carries its place (``body.place``), and a lane's state belongs to one place.
"""

from collections.abc import Mapping
from typing import Any

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A platform directory, an OpenBao and a namespace; ``None`` for what was not known.

    Attributes:
        platform: ``platform`` of ``platform.yaml``, else the directory's real path.
        openbao: the cluster's id as ``sys/seal-status`` says it, which stays when its address changes.
        namespace: without slashes at the ends; empty for the root.
    """

    platform: str | None = None
    openbao: str | None = None
    namespace: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether nothing is missing."""
        return None not in {self.platform, self.openbao, self.namespace}

    def may_be(self, other: "Place") -> bool:
        """Whether both can be the same place, as far as they are known."""
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return all(None in pair or pair[0] == pair[1] for pair in pairs)


NOWHERE = Place()
"""The place of a record that an earlier version wrote: it may be any."""


def place_of(body: Mapping[str, Any]) -> Place:
    """The place that a record's body carries; `NOWHERE` where it carries none that can be read."""
    try:
        return msgspec.convert(body.get("place") or {}, Place)
    except msgspec.ValidationError:
        return NOWHERE
