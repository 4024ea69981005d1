"""Budgets: the port, and the bound of a call. See ledger.py for the one that keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.prices import Prices
    from llm_connect.providers.port import Call


class Amount(Struct, frozen=True):
    """Tokens, and billionths of a USD."""

    tokens: int = 0
    nano_usd: int = 0


class Reservation(Struct):
    """What one attempt may cost at most, and the accounts that it is taken from."""

    amount: Amount = Amount()
    accounts: tuple[str, ...] = ()


class Budgets(Protocol):
    """Reserves before a call, settles after it; `spent` has what is spent or reserved."""

    @property
    def spent(self) -> Mapping[str, Amount]:
        """By account, of the periods that hold now."""
        ...

    @property
    def unwritable(self) -> bool:
        """The last entry could not be written, and calls are refused for it."""
        ...

    async def reserve(self, caller: str, profile: str, call: Call, prices: Prices | None) -> Reservation:
        """Take an upper bound from every budget that holds for this caller and profile; all of them or none.

        Raises:
            OverBudget: it is more than what is left of one of them, or has no bound.
            Unavailable: it could not be written down.
        """
        ...

    def settle(self, reservation: Reservation, usage: Mapping[str, Any], prices: Prices | None) -> None:
        """Put what was used in the place of the bound; a usage that is not known leaves the bound."""
        ...

    def release(self, reservation: Reservation) -> None:
        """Give it back: nothing was used."""
        ...

    async def open(self) -> None:
        """Begin, on the running event loop."""
        ...

    async def close(self) -> None:
        """Write what is left."""
        ...


class NoBudgets:
    """Where none is declared."""

    unwritable = False

    @property
    def spent(self) -> Mapping[str, Amount]:
        """See `Budgets`."""
        return {}

    async def reserve(self, caller: str, profile: str, call: Call, prices: Prices | None) -> Reservation:  # noqa: ARG002
        """See `Budgets`."""
        return Reservation()

    def settle(self, reservation: Reservation, usage: Mapping[str, Any], prices: Prices | None) -> None:
        """See `Budgets`."""

    def release(self, reservation: Reservation) -> None:
        """See `Budgets`."""

    async def open(self) -> None:
        """See `Budgets`."""

    async def close(self) -> None:
        """See `Budgets`."""
