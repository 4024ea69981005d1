"""Weighted Shortest Job First: the model estimates, and everything else is computed here.

Source: Reinertsen, The Principles of Product Development Flow (2009), ch. 7; the scale and the three parts of the
cost of delay are SAFe's convention. WSJF = cost of delay / job size, where each estimate is one of `SCALE`, relative
within one digest. Example: value 8, criticality 13, risk 3, size 5: cost of delay 24, WSJF 4.8.

Pass estimates in the digest's order, since it breaks the last tie. Values stay fractions, so that ranks come from
unrounded numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCALE = (1, 2, 3, 5, 8, 13, 20)
"""The only values of an estimate."""


@dataclass(frozen=True)
class Estimates:
    """The four estimates of one item, each one of `SCALE`."""

    user_business_value: int
    time_criticality: int
    risk_reduction_opportunity_enablement: int
    job_size: int

    @property
    def cost_of_delay(self) -> int:
        """From 3 to 60."""
        return self.user_business_value + self.time_criticality + self.risk_reduction_opportunity_enablement

    @property
    def wsjf(self) -> Fraction:
        """Unrounded, from 3/20 to 60."""
        return Fraction(self.cost_of_delay, self.job_size)


COLUMNS = tuple(field.name for field in fields(Estimates))

COST_OF_DELAY_NAMES = {
    "user_business_value": "value",
    "time_criticality": "criticality",
    "risk_reduction_opportunity_enablement": "risk and opportunity",
}
"""The parts of the cost of delay, as a report calls them."""
COLUMN_NAMES = COST_OF_DELAY_NAMES | {"job_size": "job size"}


def order(estimates: Sequence[Estimates]) -> list[int]:
    """The positions in `estimates`, best first.

    Ties: the higher time criticality, then the smaller job, then the earlier in the digest.
    """

    def key(position: int) -> tuple[Fraction, int, int, int]:
        each = estimates[position]
        return (-each.wsjf, -each.time_criticality, each.job_size, position)

    return sorted(range(len(estimates)), key=key)


def close_calls(estimates: Sequence[Estimates]) -> list[set[int]]:
    """For each position, the positions it swaps rank with if one of its estimates moves one step of the scale."""
    before = _ranks(estimates)
    return [
        {
            other
            for moved in _one_step_away(estimates[position])
            for other in _overtaken(
                before, _ranks([*estimates[:position], moved, *estimates[position + 1 :]]), position
            )
        }
        for position in range(len(estimates))
    ]


def columns_without_a_one(estimates: Sequence[Estimates]) -> list[str]:
    """The columns whose smallest estimate is not 1, so that they are not relative to the smallest item."""
    return [name for name in COLUMNS if estimates and min(getattr(each, name) for each in estimates) != SCALE[0]]


def _ranks(estimates: Sequence[Estimates]) -> dict[int, int]:
    return {position: rank for rank, position in enumerate(order(estimates))}


def _one_step_away(estimates: Estimates) -> Iterator[Estimates]:
    for name in COLUMNS:
        at = SCALE.index(getattr(estimates, name))
        for step in (at - 1, at + 1):
            if 0 <= step < len(SCALE):
                yield replace(estimates, **{name: SCALE[step]})


def _overtaken(before: dict[int, int], after: dict[int, int], position: int) -> Iterator[int]:
    for other, rank in before.items():
        if other != position and (rank < before[position]) != (after[other] < after[position]):
            yield other
