"""Seeded faults: what is planted in a sound lane, and by which verdicts `prove` has to catch it.

``cluster`` has those of a delivered lane, ``openbao`` those that need nothing but an OpenBao. Add yours to the list of
its area; the row in docs/seeded-faults.md is written by the test (`page`).
"""

from collections.abc import Callable

import msgspec

NOT_DELIVERED = "handed-out value"
AS_READER = "sibling below lists scans writes patches deletes undeletes destroys capabilities"
"""What only the reader itself can be asked to try."""


class Fault(msgspec.Struct, frozen=True):
    """What is planted, and by which verdicts it has to be caught: wrong ones, and those that must stay open.

    Attributes:
        area: where it is; the first column of the page.
        name: what is wrong; the second column.
        plant: does it, given the bench of a lane that is applied and filled.
        wrong: ids of the verdicts that are wrong, and no others are.
        open: ids of the verdicts that are inconclusive, and no others are.
        mends: whether the commands that are shown, run as they are shown, mend it.
        inspect: whether it takes ``prove --inspect``, which looks at the value.
        silent: whether the operator leaves the lane alone from then on, so that nobody has to wait for it long.
    """

    area: str
    name: str
    plant: Callable
    wrong: str
    open: str = ""
    mends: bool = True
    inspect: bool = False
    silent: bool = False

    @property
    def label(self) -> str:
        """Its name in a list of tests."""
        return f"{self.area}: {self.name}"
