"""Tokens that an operation had from OpenBao, as its record names them: by accessor, never by themselves."""

import datetime as dt
from typing import Literal

import msgspec

from warden.core.journal.record import Record

TokenState = Literal["left", "revoked", "expired"]
"""``left``: it may still live until its end."""


class EarlierToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of an operation that was killed.

    Attributes:
        record: the number of the record that names it.
        reader: whose token it is.
        accessor: what it can be revoked by; empty for a batch token, which nobody can revoke.
        ends: when it expires.
        state: what became of it.
    """

    record: int
    reader: str
    accessor: str
    ends: dt.datetime
    state: TokenState = "left"

    @property
    def expires(self) -> str:
        """When it expires (ISO 8601 UTC)."""
        return self.ends.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def ended(self, state: TokenState) -> "EarlierToken":
        """The same, with what became of it."""
        return msgspec.structs.replace(self, state=state)


def earlier_token(record: Record) -> EarlierToken | None:
    """The token that a record names; ``None`` where it names none."""
    ttl = record.body.get("ttl")
    if record.event not in {"token.begin", "access.begin"} or not isinstance(ttl, int):
        return None
    return EarlierToken(
        record=record.seq,
        reader=str(record.body.get("reader") or ""),
        accessor=str(record.body.get("accessor") or ""),
        ends=dt.datetime.fromisoformat(record.at) + dt.timedelta(seconds=ttl),
    )
