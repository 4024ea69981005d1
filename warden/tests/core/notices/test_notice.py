"""What a notice may hold, and what is still in the outbox."""

import datetime as dt

import pytest

from warden.core.journal.record import Record
from warden.core.lanes.notify import NotifyCommand, NotifyWebhook, of_notices, url_fault
from warden.core.notices.notice import Notice, secret_in
from warden.core.notices.outbox import is_settled, is_too_old, outbox, queued_body, takes
from warden.core.remedies import warden

KEY = "sk-or-v1-" + "0d6b58f2a17c94e3" * 4
AT = "2026-11-30T09:00:00Z"
NOW = dt.datetime(2026, 11, 30, 9, 1, tzinfo=dt.UTC)


def notice(**fields):
    return Notice(**{"kind": "lane.closed", "lane": "a-lane", "who": "userpass-alice", "at": AT} | fields)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"facts": {"reason": f"found {KEY} in a log"}}, "facts.reason"),
        ({"facts": {"approvers": ("alice", KEY)}}, "facts.approvers"),
        ({"facts": {KEY: "x"}}, "facts"),
        ({"who": KEY}, "who"),
        ({"lane": KEY}, "lane"),
        ({"platform": KEY}, "platform"),
        ({"next": (warden("deactivate", "a-lane", reason=KEY),)}, "next"),
    ],
)
def test_secret_material_is_found_wherever_it_stands(fields, where):
    assert secret_in(notice(**fields)).field == where


def test_names_numbers_and_plain_words_are_not_secret():
    facts = {"reason": "key seen in a log, INC-204", "version": 4, "leaked": True, "approvers": ("alice", "bob")}
    assert secret_in(notice(facts=facts, next=(warden("status", "openrouter-llm-connect"),))) is None


def test_an_id_is_the_same_for_the_same_notice_and_another_for_every_other():
    ids = {notice(**each).id for each in ({}, {}, {"lane": "b"}, {"record": 2}, {"kind": "lane.opened"}, {"at": ""})}
    assert len(ids) == 5


def record(seq, event, **body):
    return Record(seq=seq, at=AT, event=event, lane="a-lane", actor="me", body=body, hash="")


def test_the_outbox_is_what_was_queued_and_did_not_end():
    queued = [record(n, "notice.queued", **queued_body(notice(record=n), "notify")) for n in (1, 2, 3, 4)]
    ends = [
        record(5, "notice.sent", queued=1),
        record(6, "notice.dropped", queued=3),
        record(7, "notice.sent", queued=9),
    ]
    assert [each.record for each in outbox([*queued, *ends])] == [2, 4]
    assert outbox(queued)[0].notice == notice(record=1)


def test_a_record_of_another_shape_is_passed_over():
    assert outbox([record(1, "notice.queued", channel="pigeon", notice={}), record(2, "notice.queued")]) == []


def test_what_was_queued_is_left_to_its_command_for_a_moment_and_to_nobody_after_a_week():
    (one,) = outbox([record(1, "notice.queued", **queued_body(notice(), "notify"))])
    ages = [dt.timedelta(seconds=s) for s in (-40, 0, 7 * 86400)]
    assert [is_settled(one, NOW + age) for age in ages] == [False, True, True]
    assert [is_too_old(one, NOW + age) for age in ages] == [False, False, True]


def test_the_state_hub_is_not_told_who_is_waited_for():
    assert [takes("state-hub", kind) for kind in ("lane.closed", "access.requested", "change.requested")] == [
        True,
        False,
        False,
    ]
    assert takes("notify", "access.requested")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/hook", "https://hub.example/v1/events?kind=a", "https://[::1]:8443", "https://hub"]
)
def test_a_url_that_can_be_posted_to(url):
    assert url_fault(url) == ""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://hub", "not a valid"),
        ("https://", "not a valid"),
        ("hub.example", "not a valid"),
        ("https://hub example", "not a valid"),
        ("https://hub/a b", "not a valid"),
        ("https://hub:port", "not a valid"),
        ("https://me:word@hub/", "user or a password"),
    ],
)
def test_a_url_that_cannot(url, said):
    assert said in url_fault(url)


def test_the_faults_name_their_fields():
    assert [field for field, _ in of_notices(NotifyCommand(command=()), "no")] == ["notify.command", "state_hub"]
    assert [field for field, _ in of_notices(NotifyWebhook(webhook="no"), None)] == ["notify.webhook"]
    assert list(of_notices(NotifyCommand(command=("notify", "--x")), "https://hub")) == []
