"""The ledger of the budgets in PostgreSQL, for several gateways: checked and reserved under a lock that they share.

What comes while one transaction is under way goes together into the next. Under the lock the transaction reads what all
of them have spent, decides each reservation in order, and adds; a call is made after the commit. Settling and giving
back need no answer, and go with the next transaction. What is never settled stays spent, as in ledger.py.

A transaction whose connection is lost is tried once more on a new one. If that fails, too, or anything else does,
nobody's call is made, and it is tried again twice a second. A transaction whose commit was not answered is looked up
first (postgresql_store.py): what it settled is not booked twice, and what it reserved for calls that were refused
meanwhile is given back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from llm_connect.accounts.budgets import NOTHING, Amount, Reservation, negative
from llm_connect.accounts.declared import Declared, Wanted, current, current_endings
from llm_connect.accounts.postgresql_store import Booking, Store, is_lost
from llm_connect.accounts.settling import Settling, unwritable
from llm_connect.common.logs import logger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from llm_connect.common.errors import OverBudget
    from llm_connect.common.prices import Prices
    from llm_connect.config.model import Budget
    from llm_connect.providers.port import Call

_MOST_AT_ONCE = 500
"""Reservations of one transaction, during which the other gateways wait."""
_SOON_SECONDS = 0.02
_RETRY_SECONDS = 0.5
_PROBE_SECONDS = 5.0
"""After this time without a transaction there is one, which shows whether writing works and what the others spent."""


class _Request(NamedTuple):
    wanted: Wanted
    answered: asyncio.Future[None]


class _Batch:
    """What one transaction books: differences for which nobody waits, and reservations."""

    def __init__(self, differences: dict[str, Amount], requests: list[_Request]) -> None:
        self.differences = differences
        self.requests = requests
        self.refusals: list[OverBudget | None] = []
        self.number = 0

    def decided(self, spent: Mapping[str, Amount]) -> dict[str, Amount]:
        """What is added in all, given what is spent: each reservation for which there is room."""
        added = dict(self.differences)
        total = dict(spent)
        for account, amount in self.differences.items():
            _add(total, [account], amount)
        self.refusals = []
        for wanted, _ in self.requests:
            refusal = wanted.refusal(total)
            self.refusals.append(refusal)
            if refusal is None:
                _add(total, wanted.accounts, wanted.amount)
                _add(added, wanted.accounts, wanted.amount)
        return added

    def reserved(self) -> Iterable[Wanted]:
        """The reservations that had room, as decided last."""
        return (each.wanted for each, refusal in zip(self.requests, self.refusals, strict=True) if refusal is None)


class PostgresqlLedger(Settling):
    """See `Budgets`, the port.

    Args:
        url: of the database; without a password.
        budgets: the declared budgets.
    """

    def __init__(self, url: str, budgets: Sequence[Budget]) -> None:
        self._declared = Declared(budgets)
        self._store = Store(url)
        self._spent: dict[str, Amount] = {}
        self._differences: dict[str, Amount] = {}
        self._requests: list[_Request] = []
        self._sent: _Batch | None = None
        self._booked = 0
        self._failure: str | None = None
        self._wake = asyncio.Event()
        self._later: asyncio.TimerHandle | None = None
        self._closing = False
        self._worker: asyncio.Task[None] | None = None

    @property
    def spent(self) -> dict[str, Amount]:
        """See `Budgets`; of the other gateways as this one last read it, some seconds ago at most."""
        self._spent = current(self._spent)
        spent = dict(self._spent)
        for account, amount in self._differences.items():
            _add(spent, [account], amount)
        return current(spent)

    @property
    def unwritable(self) -> bool:
        """See `Budgets`."""
        return self._failure is not None

    async def open(self) -> None:
        """See `Budgets`. A database that does not answer is tried again; meanwhile no call is made."""
        await self._turn(probe=True)
        logger.info("ledger", extra={"fields": {"store": "postgresql", "accounts": len(self._spent)}})
        self._worker = asyncio.create_task(self._work())

    async def reserve(self, caller: str, profile: str, call: Call, prices: Prices | None) -> Reservation:
        """See `Budgets`."""
        wanted = self._declared.wanted(caller, profile, call, prices)
        if wanted is None:
            return Reservation()
        if self._failure is not None or self._closing:
            raise unwritable()
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests.append(_Request(wanted, answered))
        self._wake.set()
        try:
            await answered
        except asyncio.CancelledError:
            if (
                not answered.cancelled() and answered.exception() is None
            ):  # cancelled in the turn in which it was booked
                self._give_back(wanted)
            raise
        return Reservation(wanted.amount, wanted.accounts)

    def _change(self, reservation: Reservation, difference: Amount) -> None:
        self._differ_by(reservation.accounts, difference)

    def _give_back(self, wanted: Wanted) -> None:
        self._differ_by(wanted.accounts, negative(wanted.amount))

    def _differ_by(self, accounts: Sequence[str], difference: Amount) -> None:
        _add(self._differences, accounts, difference)
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_SOON_SECONDS, self._due)

    def _due(self) -> None:
        self._later = None
        if self._failure is None:  # else it is tried in its own time
            self._wake.set()

    # -- one transaction after the other ------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._closing:
            seconds = _PROBE_SECONDS if self._failure is None else _RETRY_SECONDS
            probe = False
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                probe = True
            self._wake.clear()
            await self._turn(probe=probe)
        if self._differences or self._requests or self._sent:
            await self._turn()

    async def _turn(self, *, probe: bool = False) -> None:
        """Book what has come, and answer who waits for it."""
        batch = _Batch(self._differences, [each for each in self._requests[:_MOST_AT_ONCE] if not each.answered.done()])
        self._differences, self._requests = {}, self._requests[_MOST_AT_ONCE:]
        if self._requests:
            self._wake.set()
        if not (probe or batch.differences or batch.requests or self._sent):
            return
        used = self._store.connected
        error = await self._try(batch, probe=probe)
        if error is not None and used and is_lost(error):
            error = await self._try(batch, probe=probe)
        if error is None:
            self._works(batch)
        else:
            self._fails(batch, str(error).strip().partition("\n")[0] or type(error).__name__)

    async def _try(self, batch: _Batch, *, probe: bool) -> Exception | None:
        """One attempt; why it failed."""
        accounts = {*batch.differences, *(name for each in batch.requests for name in each.wanted.accounts)}
        endings = current_endings() if probe else []
        try:
            self._spent |= await self._store.turn(
                sorted(accounts), lambda newest, spent: self._booking(batch, newest, spent), endings
            )
        except Exception as error:  # noqa: BLE001 - whatever it is: who waits for this has to be told, and may not call
            if not isinstance(error, psycopg.Error | OSError):
                logger.exception("unexpected", extra={"fields": {"what": "ledger"}})
            await self._store.drop()
            return error
        return None

    def _booking(self, batch: _Batch, newest: int, spent: Mapping[str, Amount]) -> Booking | None:
        """What is to be booked, now that it is known what became of a transaction whose end was not."""
        sent = self._sent
        if sent is not None and newest == sent.number:
            self._booked, self._sent = newest, None
            if sent is batch:
                return None
            for wanted in sent.reserved():  # who waited for it was told that nothing was called
                _add(batch.differences, wanted.accounts, negative(wanted.amount))
        elif sent is not None:
            self._sent = None
            if sent is not batch:
                for account, amount in sent.differences.items():
                    _add(batch.differences, [account], amount)
        if newest != self._booked:
            fields = {"booked": self._booked, "found": newest}
            logger.error("the ledger lost bookings: a server without them took over", extra={"fields": fields})
        added = batch.decided(spent)
        batch.number = max(self._booked, newest) + 1
        self._sent = batch
        return Booking(batch.number, added)

    def _works(self, batch: _Batch) -> None:
        self._booked, self._sent = batch.number, None
        if self._failure is not None:
            logger.info("writable again", extra={"fields": {"what": "ledger"}})
        self._failure = None
        for (wanted, answered), refusal in zip(batch.requests, batch.refusals, strict=True):
            if answered.done():  # cancelled while it was booked
                if refusal is None:
                    self._give_back(wanted)
            elif refusal is None:
                answered.set_result(None)
            else:
                answered.set_exception(refusal)

    def _fails(self, batch: _Batch, problem: str) -> None:
        if self._sent is not batch:  # else it is not known whether it is booked
            for account, amount in batch.differences.items():
                _add(self._differences, [account], amount)
        if self._failure is None:
            logger.error("not writable", extra={"fields": {"what": "ledger", "problem": problem}})
        self._failure = problem
        waiting, self._requests = [*batch.requests, *self._requests], []
        for _, answered in waiting:
            if not answered.done():
                answered.set_exception(unwritable())

    async def close(self) -> None:
        """Write what is left, with one attempt."""
        self._closing = True
        self._wake.set()
        if self._worker is not None:
            await self._worker
        if self._later is not None:
            self._later.cancel()
        await self._store.leave()


def _add(amounts: dict[str, Amount], accounts: Iterable[str], more: Amount) -> None:
    for account in accounts:
        there = amounts.get(account, NOTHING)
        amounts[account] = Amount(there.tokens + more.tokens, there.nano_usd + more.nano_usd)
