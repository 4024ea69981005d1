"""What the journal's records say is out there."""

import msgspec

from warden.core.journal.record import Record
from warden.core.ssh.issue_log import BEGIN, ISSUED, Issued, issued

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
BODY = {name: value for name, value in msgspec.to_builtins(ONE).items() if name not in {"record", "at"}}


def record(seq: int, event: str, body: dict[str, object]) -> Record:
    return Record(
        seq=seq, at=f"2026-01-01T00:00:{seq:02}Z", event=event, lane="agt-deploy", actor="me", body=body, hash=""
    )


def test_a_certificate_has_the_number_and_time_of_its_record():
    found = issued([record(1, BEGIN, {}), record(2, ISSUED, {**BODY, "identity": {"name": "agent"}, "reason": "why"})])
    assert found == [msgspec.structs.replace(ONE, record=2, at="2026-01-01T00:00:02Z")]


def test_a_record_of_another_shape_is_left_out():
    assert issued([record(1, ISSUED, {**BODY, "serial": "many"}), record(2, ISSUED, BODY)])[0].record == 2
