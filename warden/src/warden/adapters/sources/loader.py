"""The plug-ins that packages register as entry points of the group ``warden.sources``.

Documentation: Python Packaging User Guide, *Entry points specification*, and ``importlib.metadata``.
"""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from warden.core.errors import Effect, Missing
from warden.core.quoting import quoted
from warden.core.rotation.provider import SourceBroken, SourceNotInstalled
from warden.ports.provider import ENTRY_POINTS, SourcePlugin

_PARTS = ("needs_management", "faults", "source")
"""What an object has to have to be a `SourcePlugin`."""


class InstalledSources:
    """The port Sources on what is installed beside warden. A plug-in is imported when it is needed, not before."""

    def __init__(self) -> None:
        self._found = {each.name: each for each in entry_points(group=ENTRY_POINTS)}

    def names(self) -> Sequence[str]:
        """Every registered name."""
        return tuple(sorted(self._found))

    def plugin(self, name: str) -> SourcePlugin:
        """The plug-in of that name, imported. Whatever its import raises is a `SourceBroken`."""
        point = self._found.get(name)
        if point is None:
            raise Missing(SourceNotInstalled(name, tuple(self.names())), effect=Effect.NOTHING_DONE, subject=name)
        try:
            found = point.load()
        except Exception as fault:  # noqa: BLE001 - somebody else's code: any error is that it cannot be used
            raise _broken(point, f"{type(fault).__name__}: {quoted(str(fault))}") from None
        absent = [part for part in _PARTS if not hasattr(found, part)]
        if absent:
            raise _broken(point, f"it has no {', '.join(absent)}")
        return cast("SourcePlugin", found)


def _broken(point: EntryPoint, why: str) -> Missing:
    package = point.dist.name if point.dist else ""
    problem = SourceBroken(point.name, package, point.value, why)
    return Missing(problem, effect=Effect.NOTHING_DONE, system=f"source {point.name}", subject=point.name)
