"""What every ledger does alike after a call: the bound of a reservation is replaced by what was used, or given back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from llm_connect.accounts.budgets import NOTHING, Amount, Reservation, negative
from llm_connect.accounts.cost_bounds import used_amount
from llm_connect.common.errors import Unavailable
from llm_connect.common.logs import logger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.prices import Prices


class Settling(ABC):
    """The half of `Budgets` that needs no store."""

    def settle(self, reservation: Reservation, usage: Mapping[str, Any], prices: Prices | None) -> None:
        """See `Budgets`."""
        used = used_amount(usage, prices, reservation.amount)
        if used is None or not reservation.accounts:
            return
        bound, reservation.amount = reservation.amount, used  # settling it a second time changes nothing
        over_price = prices is not None and used.nano_usd > bound.nano_usd  # without prices there is no money budget
        if used.tokens > bound.tokens or over_price:
            fields = {"used": asdict(used), "bound": asdict(bound), "accounts": reservation.accounts}
            logger.warning("usage exceeds its upper bound", extra={"fields": fields})
        self._differ(reservation, Amount(used.tokens - bound.tokens, used.nano_usd - bound.nano_usd))

    def release(self, reservation: Reservation) -> None:
        """See `Budgets`."""
        amount, reservation.amount = reservation.amount, NOTHING
        self._differ(reservation, negative(amount))

    def _differ(self, reservation: Reservation, difference: Amount) -> None:
        if reservation.accounts and difference != NOTHING:
            self._change(reservation, difference)

    @abstractmethod
    def _change(self, reservation: Reservation, difference: Amount) -> None:
        """Add the difference to each account of the reservation, soon."""


def unwritable() -> Unavailable:
    """The error of a call whose reservation could not be written."""
    return Unavailable("budget_unwritable", "the ledger cannot be written; nothing was called")
