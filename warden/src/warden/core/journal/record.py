"""What the journal keeps: its records, and what it last said of a lane."""

from collections.abc import Mapping
from typing import Any

import msgspec

NewRecord = tuple[str, str, Mapping[str, Any]]
"""What is to be recorded: event, lane and body."""
OF_CERTIFICATES = frozenset({"sign", "break-glass"})
"""The actions that a certificate is asked for by; a policy decides about others for a lane."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal. ``body`` holds metadata only; ``hash`` chains it to the record before it."""

    seq: int
    at: str
    event: str
    lane: str
    actor: str
    body: Mapping[str, Any]
    hash: str

    @property
    def who(self) -> str:
        """What OpenBao calls whoever it is of; empty where the body does not say."""
        identity = self.body.get("identity")
        return str(identity.get("display_name") or "") if isinstance(identity, Mapping) else ""

    def number(self, field: str) -> int:
        """A number of the body; 0 where there is none."""
        value = self.body.get(field)
        return value if isinstance(value, int) else 0


class LaneState(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal last said of a lane: whether it is closed (and by which record), and its last proof.

    ``overtaken``: after that proof it was closed or opened.
    """

    closed: Record | None = None
    proof: Record | None = None
    overtaken: bool = False
