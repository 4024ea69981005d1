"""The ledger of the budgets: checked and reserved in memory in one step, and written before the call is made.

A reservation counts as spent at once. Settling it takes the difference away. What is never settled (cancelled, cut,
killed) stays spent, also for the next process after a kill. SQLite stores what is spent; what comes at the same time is
written together (batch_writer.py). Written means: handed to the operating system, which survives this process but not a
power failure (`synchronous = NORMAL`). A thread with its own connection moves the write-ahead log into the database.

Only one process uses a ledger at a time: two would each spend the whole budget. See postgresql_ledger.py for several.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llm_connect.accounts.batch_writer import BatchWriter, CancelledAfterWrite, WriteFailed
from llm_connect.accounts.budgets import NOTHING, Amount, Reservation, negative
from llm_connect.accounts.declared import Declared, current
from llm_connect.accounts.settling import Settling, unwritable
from llm_connect.common.errors import ConfigurationError, Fault
from llm_connect.common.logs import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llm_connect.common.prices import Prices
    from llm_connect.config.model import Budget
    from llm_connect.providers.port import Call

FILE_NAME = "ledger.sqlite"
_LOCK_NAME = "ledger.lock"
_CHECK_SECONDS = 1.0
_CHECKPOINT_WRITES, _CHECKPOINT_SECONDS = 1_000, 10.0
"""A checkpoint comes after so many writes, as in SQLite itself, or after this time. It may delay a request by
milliseconds; a power failure loses what was written since the last one."""
_TABLE = """CREATE TABLE IF NOT EXISTS account
    (name TEXT PRIMARY KEY, tokens INTEGER NOT NULL, nano_usd INTEGER NOT NULL) WITHOUT ROWID"""
_ADD = """INSERT INTO account VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET tokens = tokens + excluded.tokens, nano_usd = nano_usd + excluded.nano_usd"""

Entry = tuple[tuple[str, ...], Amount]
"""Accounts, and what is added to each of them."""
_PROBE: Entry = ((), NOTHING)
_PROBE_STATEMENT = "PRAGMA user_version = 0"
"""Writes a page although nothing changes. Adding zero to an account would not: SQLite compares first."""


class Ledger(Settling):
    """See `Budgets`, the port.

    Args:
        directory: where the file is; its parent has to exist.
        budgets: the declared budgets.
    """

    def __init__(self, directory: str, budgets: Sequence[Budget]) -> None:
        self._declared = Declared(budgets)
        self._lock = _locked(directory)
        self._database, self._spent = _opened(directory)
        self._writer: BatchWriter[Entry] = BatchWriter("ledger", self._write)
        self._directory = directory
        self._writes = 0
        self._checkpoints: asyncio.Task[None] | None = None

    @property
    def spent(self) -> dict[str, Amount]:
        """See `Budgets`."""
        return current(self._spent)

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
        wanted = self._declared.wanted(caller, profile, call, prices)
        if wanted is None:
            return Reservation()
        if refusal := wanted.refusal(self._spent):
            raise refusal
        # No await since the check: nobody else can have reserved it.
        amount = wanted.amount
        reservation = Reservation(amount, wanted.accounts)
        self._add(reservation.accounts, amount)
        try:
            await self._writer.put((reservation.accounts, amount))
        except CancelledAfterWrite:  # nothing was called
            self.release(reservation)
            raise
        except asyncio.CancelledError:
            self._add(reservation.accounts, negative(amount))
            raise
        except WriteFailed:
            self._add(reservation.accounts, negative(amount))
            if not self._writer.unwritable:  # nothing is waiting whose retry would notice that writing works again
                self._writer.put_soon(_PROBE)
            raise unwritable() from None
        return reservation

    def _add(self, accounts: Sequence[str], amount: Amount) -> None:
        for account in accounts:
            spent = self._spent.get(account, NOTHING)
            self._spent[account] = Amount(spent.tokens + amount.tokens, spent.nano_usd + amount.nano_usd)

    def _change(self, reservation: Reservation, difference: Amount) -> None:
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
