"""How lanes stand, as a person reads it and as a program does."""

import datetime as dt

import msgspec
import pytest

from warden.core.lifecycle.lane_status import DeliveryStatus, LaneStatus, NextStep
from warden.core.remedies import EditFile, warden
from warden.present.status import delivery_word, next_action, show_status, status_json

WRITTEN = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
SOUND = LaneStatus(
    lane="first",
    declared="active",
    version=3,
    written=WRITTEN,
    closed=False,
    access="open",
    deliveries={"here": DeliveryStatus(state="proven", version=3, newest=3)},
    proof="proven",
    proven_at="2026-11-20T12:00:00Z",
    next=None,
)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (DeliveryStatus(state="not-looked-at"), "not here"),
        (DeliveryStatus(state="unseen"), "?"),
        (DeliveryStatus(state="missing"), "MISSING"),
        (DeliveryStatus(state="by-hand"), "by hand"),
        (DeliveryStatus(state="unproven"), "unproven"),
        (DeliveryStatus(state="refuted"), "refuted"),
        (DeliveryStatus(state="inconclusive"), "inconclusive"),
        (DeliveryStatus(state="changed"), "changed since"),
        (DeliveryStatus(state="behind", version=2, newest=3), "v2, not v3"),
        (DeliveryStatus(state="proven", version=3, newest=3), "v3 proven"),
    ],
)
def test_a_delivery_in_a_word_or_two(found, word):
    assert delivery_word(found) == word


@pytest.mark.parametrize(
    ("reason", "remedy", "text"),
    [
        ("not-applied", (warden("apply", "first"),), "warden apply first"),
        ("rotation-due", (warden("rotate", "first", due=True),), "warden rotate first --due"),
        ("rotating", (warden("rotate", "x", resume=True),), "a rotation is under way: warden rotate x --resume"),
        ("placeholder", (EditFile(file="lane", field="custody.path"),), "write the concrete path into the lane's file"),
        (
            "closed-in-journal-only",
            (warden("deactivate", "first", reason="seen in a log"),),
            "close it in OpenBao, too: warden deactivate first --reason 'seen in a log'",
        ),
        (
            "closed-for-leak",
            (warden("put", "x"), warden("reactivate", "x", reason="TEXT")),
            "put a new value first: warden put x && warden reactivate x --reason TEXT",
        ),
        ("refuted", (warden("plan", "x"), warden("apply", "x")), "warden plan x && warden apply x"),
    ],
)
def test_the_next_step_is_a_command_with_its_reason_where_that_is_not_plain(reason, remedy, text):
    assert next_action(NextStep(owner="o", reason=reason, remedy=remedy)) == text
    assert next_action(None) == ""


def test_json_has_the_same_keys_and_words_as_ever():
    step = NextStep(owner="platform-team", reason="not-proven", remedy=(warden("prove", "first"),))
    (shown,) = status_json([msgspec.structs.replace(SOUND, next=step)])
    assert shown == {
        "lane": "first",
        "status": "active",
        "custody": "v3",
        "access": "open",
        "deliveries": {"here": "v3 proven"},
        "proof": "proven",
        "proven_at": "2026-11-20T12:00:00Z",
        "written_at": "2026-11-20T12:00:00Z",
        "next_owner": "platform-team",
        "next_action": "warden prove first",
        "next_reason": "not-proven",
        "interrupted": [],
    }


@pytest.mark.parametrize(
    ("changed", "key", "word"),
    [
        ({"version": None, "written": None}, "custody", "?"),
        ({"version": 0, "written": None}, "custody", "no value"),
        ({"version": 0, "written": None}, "written_at", ""),
        ({"access": "closed"}, "access", "closed"),
        ({"access": "nobody"}, "access", "nobody"),
        ({"access": "unknown"}, "access", "?"),
        ({"proof": "unproven", "proven_at": ""}, "proof", "never"),
        ({"proof": "stale"}, "proof", "stale"),
        ({}, "next_owner", ""),
    ],
)
def test_the_words_for_what_is_not_as_it_should_be(changed, key, word):
    assert status_json([msgspec.structs.replace(SOUND, **changed)])[0][key] == word


def test_the_table_has_a_column_for_each_cluster(capsys):
    other = msgspec.structs.replace(SOUND, lane="second", deliveries={}, proof="unproven", proven_at="", written=None)
    show_status([SOUND, other])
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["LANE", "CUSTODY", "ACCESS", "HERE", "PROOF", "ROTATED", "NEXT"]
    assert first.startswith("first   v3       open    v3 proven  proven, ")
    assert second.split() == ["second", "v3", "open", "-", "never", "-", "-"]


@pytest.mark.parametrize(
    ("drafts", "text"),
    [(True, "No lane is active. All of them: warden status --all\n"), (False, "The catalog has no lane.\n")],
)
def test_where_no_lane_is_active_the_command_for_all_of_them_is_named(capsys, drafts, text):
    show_status([], drafts=drafts)
    assert capsys.readouterr().out == text


def test_on_a_narrow_terminal_deliveries_and_the_next_step_are_below_each_lane(capsys, monkeypatch):
    monkeypatch.setattr("warden.present.terminal.width", lambda: 80)
    many = {f"cluster-{number}": DeliveryStatus(state="changed") for number in range(4)}
    step = NextStep(owner="platform-team", reason="moved-on", remedy=(warden("prove", "first"),))
    show_status([msgspec.structs.replace(SOUND, deliveries=many, next=step)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["LANE", "CUSTODY", "ACCESS", "PROOF", "ROTATED"]
    assert lines[2].startswith("  delivery cluster-0 changed since · ")
    assert lines[-1] == "  next     platform-team: warden prove first"
    assert max(map(len, lines)) <= 80
    monkeypatch.setattr("warden.present.terminal.width", lambda: 45)
    show_status([msgspec.structs.replace(SOUND, deliveries=many, next=step)])
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[1].split()[:4]) == ("first", ["custody", "v3", "access", "open"])
    assert max(map(len, lines)) <= 45
