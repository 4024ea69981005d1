"""The ledger's tables in PostgreSQL, and one transaction in which a process books.

Processes take turns: each holds an advisory lock for one transaction, in which it reads what is spent, decides, and
adds. `booker` has a row for each process, with the number of its newest booking. So a process whose connection was lost
while it committed knows what became of that: the next transaction takes the lock, which the old one holds until it has
ended either way, and looks at that number.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from llm_connect.accounts.budgets import Amount
from llm_connect.config.ledger_url import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Connection = psycopg.AsyncConnection[tuple[Any, ...]]
    Decide = Callable[[int, Mapping[str, Amount]], "Booking | None"]

logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # what it would print of lost connections is reported here

_ANSWER_SECONDS = 6.0
"""For a whole transaction, the turns of the others included; then its connection is cut."""
_LOCK = 4_702_111_238_547
_SETTINGS = """SELECT set_config('lock_timeout', '4s', true), set_config('statement_timeout', '5s', true),
    set_config('idle_in_transaction_session_timeout', '4s', true)"""
"""The last: a process that stops in its turn holds the others up no longer. All for one transaction: a pooler may give
the next one another session."""
_TURN = f"SELECT pg_advisory_xact_lock({_LOCK})"
_NEWEST = "SELECT booking FROM llm_connect.booker WHERE id = %s"
_SPENT = "SELECT name, tokens, nano_usd FROM llm_connect.account WHERE name = ANY(%s)"
_ENDING = "SELECT name, tokens, nano_usd FROM llm_connect.account WHERE name LIKE ANY(%s)"
_ADD = """INSERT INTO llm_connect.account AS account
    SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[])
    ON CONFLICT (name) DO UPDATE
    SET tokens = account.tokens + excluded.tokens, nano_usd = account.nano_usd + excluded.nano_usd
    RETURNING name, tokens, nano_usd"""
_BOOKED = """INSERT INTO llm_connect.booker VALUES (%s, %s, now())
    ON CONFLICT (id) DO UPDATE SET booking = excluded.booking, at = excluded.at"""
_GONE = "DELETE FROM llm_connect.booker WHERE id = %s"
_LONG_GONE = "DELETE FROM llm_connect.booker WHERE at < now() - interval '30 days'"
_FOUND = "SELECT to_regclass('llm_connect.account'), to_regclass('llm_connect.booker')"
_MADE = (
    "CREATE SCHEMA IF NOT EXISTS llm_connect",
    """CREATE TABLE IF NOT EXISTS llm_connect.account
    (name text COLLATE "C" PRIMARY KEY, tokens bigint NOT NULL, nano_usd bigint NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS llm_connect.booker
    (id text PRIMARY KEY, booking bigint NOT NULL, at timestamptz NOT NULL)""",
)


_REFUSED = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled, psycopg.errors.DiskFull)


class Booking(NamedTuple):
    """What is added to the accounts, under the number of this booking."""

    number: int
    added: Mapping[str, Amount]


class Store:
    """A connection, which is opened when it is needed and again when it was lost.

    Args:
        url: of the database; without a password.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._id = secrets.token_hex(16)
        self._db: Connection | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection that nobody has seen end."""
        return self._db is not None

    async def turn(self, accounts: Sequence[str], decide: Decide, endings: Sequence[str] = ()) -> dict[str, Amount]:
        """Take this process's turn: read, decide, add; all of it or nothing.

        Args:
            accounts: whose amounts are read for `decide`.
            decide: gets the number of the newest booking of this process (0: none) and what is spent; returns what is
                to be booked, or None where nothing is. From its return on, the booking may be in force.
            endings: of the names of more accounts to be read.

        Returns:
            What is spent, of every account that was read or changed.

        Raises:
            psycopg.Error, OSError: it did not work out; it is in force only if `decide` had returned and the next turn
                finds its number.
        """
        db = await self._open()
        with _cut_off(db):
            async with db.pipeline(), db.transaction():
                await db.execute(_SETTINGS)
                await db.execute(_TURN)
                newest = await db.execute(_NEWEST, (self._id,))
                reads = [await db.execute(_SPENT, (list(accounts),))]
                if endings:
                    reads.append(await db.execute(_ENDING, ([f"%{each}" for each in endings],)))
                found = await newest.fetchone()
                spent: dict[str, Amount] = {}
                for each in reads:
                    spent |= _amounts(await each.fetchall())
                booking = decide(int(found[0]) if found else 0, spent)
                if booking is not None:
                    added = await db.execute(_ADD, _columns(booking.added))
                    await db.execute(_BOOKED, (self._id, booking.number))
            if booking is not None:
                spent |= _amounts(await added.fetchall())
        return spent

    async def _open(self) -> Connection:
        if self._db is None:
            added: dict[str, Any] = dict(parameters(self._url))
            self._db = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, prepare_threshold=None, **added
            )
            with _cut_off(self._db):
                await _make(self._db)
        return self._db

    async def drop(self) -> None:
        """Let go of the connection."""
        db, self._db = self._db, None
        if db is not None:
            with suppress(psycopg.Error, OSError):
                await db.close()

    async def leave(self) -> None:
        """Forget this process: it books nothing more."""
        if self._db is not None:
            with _cut_off(self._db), suppress(psycopg.Error, OSError):
                await self._db.execute(_GONE, (self._id,))
        await self.drop()


def is_lost(error: Exception) -> bool:
    """Whether the connection ended, so that another one may do; a server that is there and refuses is asked once."""
    return isinstance(error, psycopg.OperationalError | OSError) and not isinstance(error, _REFUSED)


async def _make(db: Connection) -> None:
    """Make the tables where there are none. Who has made them need not have the right to."""
    found = await (await db.execute(_FOUND)).fetchone()
    if found and None in found:
        async with db.transaction():
            await db.execute(_SETTINGS)
            await db.execute(_TURN)  # IF NOT EXISTS alone fails where two make it at once
            for statement in _MADE:
                await db.execute(statement)
    await db.execute(_LONG_GONE)


def _amounts(rows: Sequence[tuple[Any, ...]]) -> dict[str, Amount]:
    return {name: Amount(tokens, nano_usd) for name, tokens, nano_usd in rows}


def _columns(added: Mapping[str, Amount]) -> tuple[list[str], list[int], list[int]]:
    """Sorted, so that the rows are locked in one order whatever else writes them."""
    names = sorted(added)
    return names, [added[each].tokens for each in names], [added[each].nano_usd for each in names]


@contextmanager
def _cut_off(db: Connection) -> Iterator[None]:
    """End the connection if this takes too long: a server that hangs answers no attempt to cancel either."""

    def cut() -> None:
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(db.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(_ANSWER_SECONDS, cut)
    try:
        yield
    finally:
        timer.cancel()
