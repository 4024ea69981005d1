"""What the journal's records say was issued."""

import msgspec
from issue_records import ONE, issued_record, record

from warden.core.ssh.issue_log import BEGIN, ISSUED, issued


def test_a_certificate_has_the_number_and_time_of_its_record():
    found = issued([record(1, BEGIN, {}), issued_record(2)])
    assert found == [msgspec.structs.replace(ONE, record=2, at="2026-01-01T00:00:02Z")]


def test_a_record_of_another_shape_is_left_out():
    wrong = issued_record(1)
    wrong = record(1, ISSUED, {**wrong.body, "serial": "many"})
    assert [each.record for each in issued([wrong, issued_record(2)])] == [2]
