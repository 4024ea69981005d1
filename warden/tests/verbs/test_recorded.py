"""A journal that fails after the effect: what was done is told, and never that nothing was."""

import sqlite3

import pytest

from warden.domain.errors import JournalUnwritable
from warden.verbs.deactivate import deactivate, reactivate


@pytest.fixture
def refuse(bench):
    """Have the journal's own file refuse one kind of record, as it would where the disk fills up in between."""

    def by_trigger(event: str) -> None:
        bench.journal.record("begun", bench.lane.id, {})
        with sqlite3.connect(bench.journal.path) as db:
            said = f"WHEN NEW.event = '{event}' BEGIN SELECT RAISE(ABORT, 'no'); END"
            db.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON journal {said}")
        db.close()

    return by_trigger


def test_a_value_that_was_written_is_said_to_be_there(bench, refuse):
    bench.apply()
    refuse("put.done")
    with pytest.raises(JournalUnwritable) as told:
        bench.put()
    assert told.value.message.startswith(f"API_KEY is in version 1 of {bench.lane.custody.path}, and the journal does ")
    assert "nothing" not in told.value.message
    assert bench.vault().kv_metadata("platform", bench.path).current == 1


def test_what_was_applied_is_said_to_be_there(bench, refuse):
    refuse("apply.done")
    with pytest.raises(JournalUnwritable) as told:
        bench.apply()
    assert told.value.message.startswith(f"{bench.lane.id} is as declared in OpenBao {bench.vault().address}, and the ")
    assert "nothing" not in told.value.message
    assert bench.plan().to_change == ()


def test_a_lane_that_is_open_in_openbao_alone_is_said_to_be(bench, refuse):
    bench.ready()
    deactivate(bench.lane, "x", bench.plan, bench.vault(), bench.journal, done=lambda _: None)
    refuse("lane.opened")
    with pytest.raises(JournalUnwritable) as told:
        reactivate(bench.lane, "x", bench.plan, bench.vault(), bench.journal, done=lambda _: None)
    assert "is as declared in OpenBao, and stays closed for warden, and the journal does not" in told.value.message
    assert bench.journal.state(bench.lane.id).closed is not None


def test_a_proof_that_was_not_recorded_is_none(bench, refuse):
    bench.ready()
    refuse("proof")
    with pytest.raises(JournalUnwritable) as told:
        bench.prove()
    assert told.value.message.startswith(f"{bench.lane.id} was asked about, and nothing of it counts, and the journal ")
    assert bench.journal.state(bench.lane.id).proof is None
