"""What the port `warden.ports.journal` promises, on every adapter of it."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warden.adapters.journal.postgresql import PostgresJournal
from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.journal.chain import GENESIS, Break, Head
from warden.core.secret import Secret
from warden.ports.journal import Journal

AT = datetime(2026, 11, 23, 14, 2, 3, 456789, tzinfo=UTC)


class Adapters:
    """How an empty journal is made, of each kind; `folder` is one of its own, not there yet."""

    def __init__(self, request) -> None:
        self._request = request

    def sqlite(self, folder: Path) -> Journal:
        return SqliteJournal(str(folder / "journal.db"), clock=lambda: AT, actor="alice")

    def postgresql(self, folder: Path) -> Journal:
        server, database = (self._request.getfixturevalue(f"postgres_{each}") for each in ("server", "database"))
        made = PostgresJournal(server.url(database()), clock=lambda: AT, actor="alice")
        made.make()
        return made


@pytest.fixture(params=["sqlite", "postgresql"])
def adapter(request) -> Callable[[Path], Journal]:
    return getattr(Adapters(request), request.param)


@pytest.fixture
def journal(adapter, tmp_path: Path) -> Journal:
    return adapter(tmp_path / "one")


@pytest.fixture
def another(adapter, tmp_path: Path) -> Journal:
    return adapter(tmp_path / "another")


def test_records_are_numbered_dated_and_come_back_oldest_first(journal):
    assert journal.record("apply.begin", "a", {"changes": 2}) == 1
    assert journal.record_all([("apply.done", "a", {"changes": 2}), ("probe", "b", {})]) == [2, 3]
    first, *_, last = journal.log()
    assert (first.seq, first.event, first.lane, first.actor, first.body) == (
        1,
        "apply.begin",
        "a",
        "alice",
        {"changes": 2, "process": {"host": os.uname().nodename, "pid": os.getpid()}},
    )
    assert first.at == "2026-11-23T14:02:03.456789Z"
    assert (last.seq, last.event) == (3, "probe")


def test_an_operation_without_an_end_is_unfinished(journal):
    gone = {"process": {"host": os.uname().nodename, "pid": 2**22 + 1}}  # more than Linux gives
    for lane, body in (("a", gone), ("a", {}), ("b", gone)):
        journal.record("put.begin", lane, body)
    assert [(each.record.seq, each.operation) for each in journal.unfinished()] == [(1, "put"), (2, "put"), (3, "put")]
    assert not journal.unfinished()[0].running
    journal.record("put.done", "a", {"begin": 2})
    journal.record("apply.done", "a", {"begin": 1})
    assert [each.record.seq for each in journal.unfinished("a")] == [1]
    assert journal.unfinished("a", last=3) == []
    journal.record_all([("put.abandoned", "a", {"begin": 1}), ("put.failed", "b", {"begin": 3})])
    assert journal.unfinished() == []


def test_an_operation_on_another_host_counts_as_running_for_an_hour(adapter, tmp_path):
    journal = adapter(tmp_path / "one")
    journal.record("put.begin", "a", {"process": {"host": "elsewhere", "pid": 1}})
    assert [each.running for each in journal.unfinished()] == [True]


def test_log_gives_the_last_of_one_lane(journal):
    for number in range(5):
        journal.record("probe", "ab"[number % 2], {"n": number})
    assert [record.body["n"] for record in journal.log(lane="a", last=2)] == [2, 4]
    assert [record.body["n"] for record in journal.log(last=1)] == [4]


def test_log_gives_some_kinds_after_a_number(journal):
    for event, lane in (("a", "one"), ("b", "one"), ("a", "two"), ("c", "one"), ("a", "one"), ("b", "one")):
        journal.record(event, lane, {})
    found = [record.seq for record in journal.log(lane="one", events=("a", "c"))]
    assert found == [1, 4, 5]
    assert [record.seq for record in journal.log(lane="one", events=("a", "c"), after=1)] == [4, 5]
    assert [record.seq for record in journal.log(events=("a",), after=1, last=1)] == [5]
    assert [record.seq for record in journal.log(after=4)] == [5, 6]
    assert journal.log(lane="one", events=("d",)) == []


def test_an_export_is_what_the_log_is_a_part_at_a_time(journal, monkeypatch):
    monkeypatch.setattr("warden.adapters.journal.stored.AT_ONCE", 2)
    for number in range(7):
        journal.record("probe", "ab"[number % 2], {"n": number})
    for lane in (None, "a", "none"):
        for after in (0, 2, 3, 7):
            assert list(journal.export(lane=lane, after=after)) == list(journal.log(lane=lane, after=after))


def test_a_file_name_of_any_bytes_can_be_recorded(journal):
    journal.record("access.begin", "a", {"command": os.fsdecode(b"./\xff")})
    assert journal.log()[0].body["command"] == "./\\udcff"


def test_state_is_the_last_word_on_a_lane(journal):
    assert journal.state("a").closed is None
    journal.record("lane.closed", "a", {"reason": "compromised"})
    journal.record("proof", "a", {"state": "refuted"})
    journal.record("lane.closed", "b", {})
    journal.record("proof", "a", {"state": "proven"})
    state = journal.state("a")
    assert state.closed is not None
    assert state.closed.body == {"reason": "compromised"}
    assert state.proof is not None
    assert state.proof.body == {"state": "proven"}
    journal.record("lane.opened", "a", {})
    assert journal.state("a").closed is None
    assert journal.states()["a"] == journal.state("a")
    assert journal.states()["b"].closed is not None


def test_a_whole_chain_verifies_and_names_its_head(journal):
    for number in range(20):
        journal.record("probe", "a", {"n": number})
    chain = journal.verify(journal.head())
    assert (chain.records, chain.breaks) == (20, ())
    assert chain.head == journal.head() == Head(journal.log()[-1].hash, 20)


def test_a_rewritten_chain_is_found_against_a_kept_head(journal, another):
    journal.record("probe", "a", {"n": 1})
    kept = journal.head()
    another.record("probe", "a", {"n": 2})
    another.record("probe", "a", {"n": 3})
    (broken,) = another.verify(kept).breaks
    assert broken == Break(1, "rewritten")


def test_a_journal_that_vanished_is_found_against_a_kept_head(journal):
    (broken,) = journal.verify(Head("a" * 64, 3)).breaks
    assert broken == Break(3, "cut-off", 1, 3)


def test_a_record_of_another_shape_is_read_as_it_is(journal):
    """Bodies were written by earlier versions, too: whoever reads one asks for what it needs of it."""
    odd = {"state": 7, "changes": "none", "deliveries": ["a"], "passed": None}
    for event in ("proof", "lane.closed", "apply.done", "no.such.event"):
        journal.record(event, "a", odd)
    assert [each.body for each in journal.log()] == [odd] * 4
    assert journal.state("a").proof.body == journal.states()["a"].closed.body == odd


def test_an_empty_journal_answers_every_question(journal):
    assert journal.state("a").proof is None
    assert journal.states() == {}
    assert journal.log() == []
    assert journal.head() == Head(GENESIS, 0)
    assert journal.verify().breaks == ()


@pytest.mark.parametrize(
    "body", [{"v": Secret("s3cret")}, {"v": [Secret("s3cret")]}, {1: "x"}, {"v": b"x"}, {"v": {1}}]
)
def test_a_body_holds_plain_json_only(journal, body):
    with pytest.raises(TypeError) as caught:
        journal.record("probe", "a", body)
    assert "s3cret" not in str(caught.value)
    assert journal.log() == []


def test_the_same_records_make_the_same_chain(journal, another):
    for one in (journal, another):
        one.record("probe", "a", {"b": 1, "a": {"d": 1, "c": 2}})
    assert journal.head() == another.head()
    assert journal.head().hash != GENESIS


def test_rows_come_back_as_they_are_stored_and_make_the_same_journal(journal, another):
    assert (journal.origin(), list(journal.rows())) == ("", [])
    for number in range(5):
        journal.record(("probe", "checkpoint")[number % 2], "a", {"n": number, "text": "ü\n\\"})
    rows = list(journal.rows())
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert [row.seq for row in journal.rows(("checkpoint",))] == [2, 4]
    assert journal.origin() == rows[0].hash
    assert another.restore(iter(rows)) == 5
    assert list(another.rows()) == rows
    assert another.verify(journal.head(), [journal.head()]).breaks == ()
    assert another.record("probe", "a", {}) == 6


def test_a_head_that_was_signed_and_never_was_is_unmet(journal):
    journal.record("probe", "a", {})
    signed = [journal.head(), Head("a" * 64, 1), Head("b" * 64, 9)]
    chain = journal.verify(None, signed)
    assert (chain.breaks, chain.unmet) == ((), tuple(signed[1:]))


def test_an_import_that_is_cut_short_leaves_nothing(journal, another):
    journal.record_all([("probe", "a", {"n": number}) for number in range(3)])

    def two_and_then_none():
        yield from list(journal.rows())[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        another.restore(two_and_then_none())
    assert another.head().seq == 0
