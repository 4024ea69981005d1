"""The port for budgets: reserve before a call, settle after it. See ledger.py and postgresql_ledger.py."""

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


NOTHING = Amount()


def negative(amount: Amount) -> Amount:
    """What takes an amount away again."""
    return Amount(-amount.tokens, -amount.nano_usd)


class Reservation(Struct):
    """What one attempt may cost at most, and the accounts that it is reserved in."""

    amount: Amount = Amount()
    accounts: tuple[str, ...] = ()


class Budgets(Protocol):
    """Reserves before a call and settles after it."""

    @property
    def spent(self) -> Mapping[str, Amount]:
        """What is spent or reserved, by account, in the current periods."""
        ...

    @property
    def unwritable(self) -> bool:
        """Whether the last entry could not be written, so that calls are refused."""
        ...

    async def reserve(self, caller: str, profile: str, call: Call, prices: Prices | None) -> Reservation:
        """Reserve an upper bound in every budget that applies to this caller and profile; in all of them or in none.

        Raises:
            OverBudget: a budget has less left.
            BadRequest: the call has no upper bound.
            Unavailable: the reservation could not be written.
        """
        ...

    def settle(self, reservation: Reservation, usage: Mapping[str, Any], prices: Prices | None) -> None:
        """Replace the bound by what was used; with an unknown usage the bound stays."""
        ...

    def release(self, reservation: Reservation) -> None:
        """Give the reservation back: nothing was used."""
        ...

    async def open(self) -> None:
        """Start, on the running event loop."""
        ...

    async def close(self) -> None:
        """Write what is left."""
        ...


class NoBudgets:
    """Without a declared budget."""

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
