"""The ledger of the budgets: checked and reserved in memory in one step, and written before the call is made.

A reservation counts as spent at once. Settling it takes the difference away. What is never settled (cancelled, cut,
killed) stays spent, also for the next process after a kill. SQLite stores what is spent; what comes at the same time is
written together (batch_writer.py). Written means: handed to the operating system, which survives this process but not a
power failure (`synchronous = NORMAL`). A thread with its own connection moves the write-ahead log into the database.

Only one process uses a ledger at a time: two would each spend the whole budget.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict

from llm_connect.accounts.batch_writer import BatchWriter, CancelledAfterWrite, WriteFailed
from llm_connect.accounts.budgets import Amount, Reservation
from llm_connect.accounts.cost_bounds import upper_bound, used_amount
from llm_connect.common.errors import ConfigurationError, Fault, OverBudget, Unavailable
from llm_connect.common.logs import logger
from llm_connect.common.prices import NANO
from llm_connect.common.timestamps import utc_now
from llm_connect.config.model import EACH, Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connect.common.prices import Prices
    from llm_connect.providers.port import Call

FILE_NAME = "ledger.sqlite"
_LOCK_NAME = "ledger.lock"
_CHECK_SECONDS = 1.0
_CHECKPOINT_WRITES, _CHECKPOINT_SECONDS = 1_000, 10.0
"""A checkpoint comes after so many writes, as in SQLite itself, or after this time. It may delay a request by
milliseconds; a power failure loses what was written since the last one."""
_TOGETHER = "all"
_DATE, _MONTH = len("2026-11-24"), len("2026-11")
_TABLE = """CREATE TABLE IF NOT EXISTS account
    (name TEXT PRIMARY KEY, tokens INTEGER NOT NULL, nano_usd INTEGER NOT NULL) WITHOUT ROWID"""
_ADD = """INSERT INTO account VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET tokens = tokens + excluded.tokens, nano_usd = nano_usd + excluded.nano_usd"""

Entry = tuple[tuple[str, ...], Amount]
"""Accounts, and what is added to each of them."""
_NOTHING = Amount()
_PROBE: Entry = ((), _NOTHING)
_PROBE_STATEMENT = "PRAGMA user_version = 0"
"""Writes a page although nothing changes. Adding zero to an account would not: SQLite compares first."""


class _Applied(NamedTuple):
    """A budget that applies to a caller and a profile; its accounts are named `name` plus the start of the period."""

    budget: Budget
    name: str
    nano_usd: int | None


class _Excess(NamedTuple):
    """What exceeds a budget, in words, and the seconds until it has room again; None where it never has."""

    what: str
    seconds: int | None


class Ledger:
    """See `Budgets`, the port.

    Args:
        directory: where the file is; its parent has to exist.
        budgets: the declared budgets.
    """

    def __init__(self, directory: str, budgets: Sequence[Budget]) -> None:
        self._budgets = budgets
        self._lock = _locked(directory)
        self._database, self._spent = _opened(directory)
        self._writer: BatchWriter[Entry] = BatchWriter("ledger", self._write)
        self._directory = directory
        self._applied_by_route: dict[tuple[str, str], list[_Applied]] = {}
        self._writes = 0
        self._checkpoints: asyncio.Task[None] | None = None

    @property
    def spent(self) -> dict[str, Amount]:
        """See `Budgets`."""
        now = utc_now()
        return {name: amount for name, amount in self._spent.items() if _is_current(name, now)}

    @property
    def unwritable(self) -> bool:
        """See `Budgets`."""
        return self._writer.unwritable

    async def open(self) -> None:
        """See `Budgets`."""
        logger.info("ledger", extra={"fields": {"directory": self._directory, "accounts": len(self._spent)}})
        self._checkpoints = asyncio.create_task(self._checkpoint())

    async def _checkpoint(self) -> None:
        clock = asyncio.get_running_loop().time
        last = clock()
        while True:
            await asyncio.sleep(_CHECK_SECONDS)
            late = self._writes > 0 and clock() - last >= _CHECKPOINT_SECONDS
            if late or self._writes >= _CHECKPOINT_WRITES:
                self._writes, last = 0, clock()
                with suppress(sqlite3.Error):
                    await asyncio.to_thread(_checkpoint, self._directory)

    async def reserve(self, caller: str, profile: str, call: Call, prices: Prices | None) -> Reservation:
        """See `Budgets`."""
        applied = self._applied(caller, profile)
        if not applied:
            return Reservation()
        amount = upper_bound(call, prices, money=any(each.nano_usd is not None for each in applied))
        now = utc_now()
        named: dict[str, None] = {}  # two budgets may count in one account
        over = []
        for each in applied:
            account = each.name + _start(each.budget.period, now)
            named[account] = None
            over += self._over(each, account, amount)
        if over:
            raise _exhausted(over)
        # No await since the check: nobody else can have reserved it.
        reservation = Reservation(amount, tuple(named))
        self._add(reservation.accounts, amount)
        try:
            await self._writer.put((reservation.accounts, amount))
        except CancelledAfterWrite:  # nothing was called
            self.release(reservation)
            raise
        except asyncio.CancelledError:
            self._add(reservation.accounts, _negative(amount))
            raise
        except WriteFailed:
            self._add(reservation.accounts, _negative(amount))
            if not self._writer.unwritable:  # nothing is waiting whose retry would notice that writing works again
                self._writer.put_soon(_PROBE)
            message = "the ledger cannot be written; nothing was called"
            raise Unavailable("budget_unwritable", message) from None
        return reservation

    def _applied(self, caller: str, profile: str) -> list[_Applied]:
        """The budgets that apply; computed once, since callers and profiles are few and declared."""
        found = self._applied_by_route.get((caller, profile))
        if found is None:
            applied = [budget for budget in self._budgets if _applies(budget, caller, profile)]
            found = self._applied_by_route[caller, profile] = [
                _Applied(each, _name(each, caller, profile), None if each.usd is None else round(each.usd * NANO))
                for each in applied
            ]
        return found

    def _over(self, applied: _Applied, account: str, amount: Amount) -> list[_Excess]:
        """What exceeds a budget: nothing, tokens, money, or both."""
        spent = self._spent.get(account, _NOTHING)
        tokens, nano_usd, period = applied.budget.tokens, applied.nano_usd, applied.budget.period
        over = []
        if tokens is not None and spent.tokens + amount.tokens > tokens:
            what = f"{amount.tokens} tokens at most, of {tokens - spent.tokens} left in the budget {account}"
            over.append(_Excess(what, None if amount.tokens > tokens else _seconds_to_next(period)))
        if nano_usd is not None and spent.nano_usd + amount.nano_usd > nano_usd:
            left = (nano_usd - spent.nano_usd) / NANO
            what = f"{amount.nano_usd / NANO:.6f} USD at most, of {left:.6f} left in the budget {account}"
            over.append(_Excess(what, None if amount.nano_usd > nano_usd else _seconds_to_next(period)))
        return over

    def _add(self, accounts: Sequence[str], amount: Amount) -> None:
        for account in accounts:
            spent = self._spent.get(account, _NOTHING)
            self._spent[account] = Amount(spent.tokens + amount.tokens, spent.nano_usd + amount.nano_usd)

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
        self._change(reservation, Amount(used.tokens - bound.tokens, used.nano_usd - bound.nano_usd))

    def release(self, reservation: Reservation) -> None:
        """See `Budgets`."""
        amount, reservation.amount = reservation.amount, _NOTHING
        self._change(reservation, _negative(amount))

    def _change(self, reservation: Reservation, difference: Amount) -> None:
        if reservation.accounts and difference != _NOTHING:
            self._add(reservation.accounts, difference)
            self._writer.put_soon((reservation.accounts, difference))

    def _write(self, entries: Sequence[Entry]) -> None:
        """One row for each account that changed."""
        self._writes += 1
        tokens: dict[str, int] = {}
        nano_usd: dict[str, int] = {}
        for accounts, amount in entries:
            for account in accounts:
                tokens[account] = tokens.get(account, 0) + amount.tokens
                nano_usd[account] = nano_usd.get(account, 0) + amount.nano_usd
        rows = [(account, each, nano_usd[account]) for account, each in tokens.items()]
        if len(rows) == 1:
            self._database.execute(_ADD, rows[0])  # a transaction by itself
            return
        if not rows:
            self._database.execute(_PROBE_STATEMENT)
            return
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(_ADD, rows)
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    async def close(self) -> None:
        """Write what is left and close the file."""
        self._writer.close()
        if self._checkpoints is not None:
            self._checkpoints.cancel()
            await asyncio.gather(self._checkpoints, return_exceptions=True)
        self._database.close()
        os.close(self._lock)


def _negative(amount: Amount) -> Amount:
    return Amount(-amount.tokens, -amount.nano_usd)


def _locked(directory: str) -> int:
    try:
        # Without its parents: a mistyped path, or one on a missing volume, must not reset every budget to zero.
        Path(directory).mkdir(exist_ok=True)
        descriptor = os.open(Path(directory) / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(f"{directory} cannot be written ({error.strerror})") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise _unusable(f"{directory} is in use by another gateway; two would spend each budget twice") from None
    return descriptor


def _unusable(problem: str) -> ConfigurationError:
    allowed = "a directory that only this gateway uses; its parent has to exist"
    return ConfigurationError([Fault("LLM_CONNECT_STATE", problem, allowed)])


def _opened(directory: str) -> tuple[sqlite3.Connection, dict[str, Amount]]:
    """The database, and what is spent by account."""
    try:
        os.close(os.open(Path(directory) / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(Path(directory) / FILE_NAME, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 0")
        database.execute(_TABLE)
        rows = database.execute("SELECT name, tokens, nano_usd FROM account").fetchall()
    except (OSError, sqlite3.Error) as error:
        raise _unusable(f"{FILE_NAME} in {directory} cannot be used ({error})") from None
    return database, {name: Amount(tokens, nano) for name, tokens, nano in rows}


def _checkpoint(directory: str) -> None:
    with closing(sqlite3.connect(Path(directory) / FILE_NAME)) as database:
        database.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _applies(budget: Budget, caller: str, profile: str) -> bool:
    return budget.profile in {None, EACH, profile} and budget.caller in {None, EACH, caller}


def _name(budget: Budget, caller: str, profile: str) -> str:
    """`profile|caller|period|`, to be followed by the start of the period; `all` for what is counted together."""
    return "|".join((_whose(budget.profile, profile), _whose(budget.caller, caller), budget.period, ""))


def _whose(declared: str | None, name: str) -> str:
    """A profile or caller that is named `all` is quoted, to distinguish it from what is counted together."""
    if declared is None:
        return _TOGETHER
    return f'"{name}"' if name == _TOGETHER else name


def _start(period: str, now: str) -> str:
    return "ever" if period == "total" else now[: _DATE if period == "day" else _MONTH]


def _is_current(account: str, now: str) -> bool:
    _, period, start = account.rsplit("|", 2)
    return start == _start(period, now)


def _exhausted(over: Sequence[_Excess]) -> OverBudget:
    """One error for all budgets that refuse; it may be retried when the last of them has room again."""
    waits = [each.seconds for each in over]
    after = None if None in waits else str(max(filter(None, waits)))
    message = f"the call may cost {' and '.join(each.what for each in over)}; nothing was called"
    return OverBudget("budget_exhausted", message, retry_after=after)


def _seconds_to_next(period: str) -> int | None:
    """Until the period ends, in UTC."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "total":
        return None
    following = midnight + timedelta(days=1)
    if period == "month":
        following = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return int((following - now).total_seconds()) + 1
