"""The records of the sessions in which a proof asks as a reader: by them the next proof ends those that were left.

A token's accessor names it and gives no access, so it may be in the journal. It is recorded before the token is used,
and the token is revoked before that is recorded.
"""

import datetime as dt
from collections.abc import Iterable, Iterator

from warden.core.errors import WardenError
from warden.core.journal.operations import Unfinished, abandoned
from warden.core.journal.record import NewRecord
from warden.core.journal.tokens import EarlierToken, TokenState, earlier_token
from warden.core.openbao.api import Entered
from warden.ports.journal import Journal
from warden.ports.vault import Vault


class SessionRecords:
    """Records the sessions of one lane's readers."""

    def __init__(self, lane: str, system: str, journal: Journal) -> None:
        self._lane = lane
        self._system = system
        self._journal = journal
        self._numbers: dict[str, int] = {}

    def opened(self, reader: str, session: Entered) -> None:
        """Record it, before it is used. Raises `JournalUnwritable`."""
        body = {"system": self._system, "reader": reader, "accessor": session.accessor, "ttl": session.ttl}
        self._numbers[reader] = self._journal.record("token.begin", self._lane, body)

    def end(self, reader: str, session: Entered, *, gone: bool) -> Iterator[NewRecord]:
        """The record that ends it; none of a token that could be revoked and was not: the next proof ends that."""
        number = self._numbers.get(reader)
        if number is not None and (gone or not session.revocable):
            yield ("token.done", self._lane, {"begin": number, "token": "revoked" if gone else "expires"})


def end_earlier_tokens(
    found: Iterable[Unfinished], vault: Vault, journal: Journal, now: dt.datetime
) -> tuple[EarlierToken, ...]:
    """Revoke the tokens that killed operations left, and record it; answers what became of each.

    One that may not be revoked, or that has no accessor, is left for the next time until it has expired. Raises
    `JournalUnwritable`.
    """
    ended, entries = [], []
    for record in (each.record for each in found if not each.running):
        token = earlier_token(record)
        if token is None:
            continue
        state = _end(token, vault, now)
        ended.append((token, state))
        if state != "left" and record.event == "token.begin":
            entries.append(abandoned(record, token=state))
    journal.record_all(entries)
    return tuple(token.ended(state) for token, state in ended)


def _end(token: EarlierToken, vault: Vault, now: dt.datetime) -> TokenState:
    if token.ends <= now:
        return "expired"
    if not token.accessor:
        return "left"
    try:
        vault.revoke_accessor(token.accessor)
    except WardenError:
        return "left"
    return "revoked"
