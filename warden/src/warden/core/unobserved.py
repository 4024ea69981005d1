"""Why something could not be observed: the facts of an error, kept beside what was observed."""

from typing import Any

from warden.core.errors import WardenError
from warden.core.quoting import Facts


class Unobserved(Facts, frozen=True, tag="unobserved"):
    """Something could not be observed; the fields are those of `WardenError`."""

    kind: str
    system: str
    problem: Any
    """A text of an adapter, or a structure that ``present.problems`` describes."""


def unobserved(fault: WardenError) -> Unobserved:
    """Why something could not be observed."""
    return Unobserved(fault.kind, fault.system, fault.problem)
