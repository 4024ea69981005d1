"""Telling: queued first, sent within a bound, kept for later, never a value; on a real journal and real servers."""

import datetime as dt
import os
import signal
import threading
import time

import pytest
from notice_server import receiving

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.notices.http import Posted
from warden.adapters.whereabouts import Here
from warden.core.notices.notice import Notice
from warden.present.notices import document, reason, text
from warden.usecases.steps.notifier import Notifier

FACTS = {"reason": "INC-204", "leaked": False}
NOTICE = Notice(kind="lane.closed", lane="a-lane", who="userpass-alice", record=7, facts=FACTS)
KEY = "sk-or-v1-" + "0d6b58f2a17c94e3" * 4


@pytest.fixture
def journal(tmp_path):
    return SqliteJournal(str(tmp_path / "journal.db"), whereabouts=Here(str(tmp_path), {}))


@pytest.fixture
def notifier(journal):
    """Makes one; `later` are seconds that its clock is ahead."""

    def make(*channels, later=0, patience=5.0, journal=journal):
        clock = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(seconds=later)  # noqa: E731
        return Notifier(channels, journal, clock, document=document, platform="railiance", patience=patience)

    return make


def hook(receiver):
    return Posted("notify", receiver.url, "T", {})


def hub(receiver):
    return Posted("state-hub", receiver.url, "T", {})


def events(journal):
    return [each.event for each in journal.log() if each.event.startswith("notice.")]


def test_a_fact_whose_name_ends_with_its_unit_is_told_with_it():
    told = Notice(kind="lane.compromised", lane="a-lane", facts={"refused_after_ms": 928, "readers": 2})
    assert text(told) == "a-lane was closed as compromised · readers: 2; refused after: 928 ms."


def test_a_notice_is_queued_sent_on_every_channel_and_recorded(journal, notifier):
    with receiving() as people, receiving() as events_there:
        told = notifier(hook(people), hub(events_there))
        told.tell(NOTICE)
    (said,), (event,) = people.posted, events_there.posted
    assert said["text"] == ("a-lane was closed, by userpass-alice · reason: INC-204; leaked: no (journal 7).")
    assert {key: said[key] for key in ("kind", "lane", "who", "record", "facts")} == {
        "kind": "lane.closed",
        "lane": "a-lane",
        "who": "userpass-alice",
        "record": 7,
        "facts": {"reason": "INC-204", "leaked": False},
    }
    assert event["event"] == "warden.lane.closed"
    assert "text" not in event
    assert said["id"] == event["id"] == people.headers[0]["idempotency-key"]
    assert events(journal) == ["notice.queued", "notice.queued", "notice.sent", "notice.sent"]
    assert told.undelivered == ()


def test_what_waits_for_an_approver_is_not_for_the_state_hub(journal, notifier):
    with receiving() as people, receiving() as events_there:
        notifier(hook(people), hub(events_there)).tell(Notice(kind="access.requested", lane="a-lane"))
    assert (people.kinds, events_there.kinds) == (["access.requested"], [])
    assert events(journal) == ["notice.queued", "notice.sent"]


def test_it_is_tried_again_within_the_bound(journal, notifier):
    with receiving(503, 429) as people:
        told = notifier(hook(people))
        told.tell(NOTICE)
    assert len(people.posted) == 3
    assert told.undelivered == ()
    assert events(journal) == ["notice.queued", "notice.sent"]


def test_what_was_refused_for_good_is_not_tried_again_now(notifier):
    with receiving(400) as people:
        told = notifier(hook(people))
        told.tell(NOTICE)
    assert len(people.posted) == 1
    (failed,) = told.undelivered
    assert reason(failed) == (
        "warden: notify of platform.yaml was not told (lane.closed of a-lane): it answered 400; "
        "a later command sends it."
    )


def test_a_channel_that_failed_is_not_waited_for_a_second_time(journal, notifier):
    with receiving() as people:
        people.stuck.set()
        told = notifier(hook(people), patience=0.5)
        for _ in range(10):
            told.tell(NOTICE)
    assert [each.failure for each in told.undelivered] == ["timed-out", *["earlier"] * 9]
    assert events(journal) == ["notice.queued"] * 10


def test_a_slow_channel_keeps_no_other_waiting(notifier):
    with receiving() as slow, receiving() as quick:
        slow.stuck.set()
        slow.release = quick.arrived  # it answers when the other one was told
        told = notifier(hook(slow), hub(quick))
        told.tell(NOTICE)
        assert (len(slow.posted), len(quick.posted)) == (1, 1)
        assert told.undelivered == ()


def test_what_could_not_be_sent_is_sent_by_a_later_command(journal, notifier):
    with receiving(400) as people:
        notifier(hook(people)).tell(NOTICE)
        later = notifier(hook(people), later=60)
        later.tell(Notice(kind="lane.opened", lane="a-lane"))
        assert people.kinds == ["lane.closed", "lane.opened", "lane.closed"]
        assert people.posted[0] == people.posted[2]
        notifier(hook(people), later=120).tell(Notice(kind="lane.opened", lane="a-lane"))
        assert people.kinds[3:] == ["lane.opened"]
    assert events(journal).count("notice.sent") == 3


def test_what_a_killed_command_left_is_sent_by_the_next(journal, notifier):
    with receiving() as people:
        queued = {"kind": "lane.closed", "lane": "a-lane", "at": "2026-11-30T09:00:00Z"}
        journal.record("notice.queued", "a-lane", {"channel": "notify", "notice": queued})
        at = dt.datetime(2026, 11, 30, 9, 5, tzinfo=dt.UTC)
        told = Notifier([hook(people)], journal, lambda: at, document=document, platform="railiance")
        assert told.resend() == 1
        assert people.kinds == ["lane.closed"]


def test_what_is_a_week_old_is_dropped(journal, notifier):
    with receiving(400) as people:
        notifier(hook(people)).tell(NOTICE)
        notifier(hook(people), later=8 * 86400).tell(Notice(kind="lane.opened", lane="a-lane"))
    assert people.kinds == ["lane.closed", "lane.opened"]
    assert events(journal)[-1] == "notice.dropped"


def test_secret_material_leaves_on_no_channel_and_stands_in_no_journal(journal, notifier, tmp_path):
    with receiving() as people, receiving() as events_there:
        told = notifier(hook(people), hub(events_there))
        told.tell(Notice(kind="lane.closed", lane="a-lane", facts={"reason": f"found {KEY}"}))
    assert people.posted == events_there.posted == []
    assert events(journal) == ["notice.refused"]
    assert KEY not in str([each.body for each in journal.log()])
    (failed,) = told.undelivered
    assert reason(failed) == (
        "warden: notify of platform.yaml was not told (lane.closed of a-lane): facts.reason holds secret material; "
        "it is not sent."
    )


def test_without_a_journal_nothing_is_sent_and_nothing_fails(notifier, tmp_path):
    broken = SqliteJournal("/dev/null", whereabouts=Here(str(tmp_path), {}))
    with receiving() as people:
        told = notifier(hook(people), journal=broken)
        told.tell(NOTICE)
    assert people.posted == []
    assert [each.failure for each in told.undelivered] == ["journal"]


def test_without_a_channel_nothing_is_queued(journal, notifier):
    notifier().tell(NOTICE)
    assert events(journal) == []


def test_ctrl_c_ends_the_wait_and_not_the_operation(journal, notifier):
    class Stuck:
        name = "notify"

        def send(self, *_):
            threading.Event().wait(0.2)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(5)

    told = notifier(Stuck())
    began = time.monotonic()
    told.tell(NOTICE)
    assert time.monotonic() - began < 4
    assert [each.failure for each in told.undelivered] == ["interrupted"]
    assert events(journal) == ["notice.queued"]
