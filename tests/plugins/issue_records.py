"""Records of an issue log, as the journal has them."""

from typing import Any

import msgspec

from warden.core.journal.record import Record
from warden.core.ssh.issue_log import ISSUED, Issued

ONE = Issued(
    subject="agt-deploy",
    type="user",
    serial=2**63 + 1,
    fingerprint="SHA256:key",
    authority="SHA256:ca",
    key_id="agt-deploy agent deadbeef",
    principals=("deploy",),
    valid_after=1_000,
    valid_before=1_960,
    handed="agent",
)


def record(seq: int, event: str, body: dict[str, Any], lane: str = "agt-deploy") -> Record:
    """One record."""
    return Record(seq=seq, at=f"2026-01-01T00:00:{seq:02}Z", event=event, lane=lane, actor="me", body=body, hash="")


def issued_record(seq: int, who: str = "agent", **changed: Any) -> Record:
    """The record of a certificate: `ONE` with these changes."""
    one = msgspec.structs.replace(ONE, **changed)
    body = {name: value for name, value in msgspec.to_builtins(one).items() if name not in {"record", "at"}}
    return record(seq, ISSUED, {**body, "identity": {"display_name": who}, "reason": "why"}, one.subject)
