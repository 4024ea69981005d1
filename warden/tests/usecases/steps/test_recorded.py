"""A journal that fails after the effect: what was done is told, and never that nothing was."""

import os
import sqlite3

import pytest

from warden.core.errors import JournalUnwritable
from warden.present import errors


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


def said_of(work):
    """What is told where the journal does not take the record."""
    with pytest.raises(JournalUnwritable) as told:
        work()
    message = errors.message(told.value)
    assert f"{os.sep}journal.db does not take the next record" in message
    assert "Nothing was" not in message
    return message


def test_a_value_that_was_written_is_said_to_be_there(bench, refuse):
    bench.apply()
    refuse("put.done")
    done = f"API_KEY is in version 1 of {bench.lane.custody.path}; the journal has no record of it."
    assert said_of(bench.put).endswith(done)
    assert bench.vault().kv_metadata("platform", bench.path).current == 1


def test_what_was_applied_is_said_to_be_there(bench, refuse):
    refuse("apply.done")
    done = f"{bench.lane.id} is as declared in OpenBao {bench.vault().address}; the journal has no record of it."
    assert said_of(bench.apply).endswith(done)
    assert bench.plan().to_change == ()


def test_a_lane_that_is_open_in_openbao_alone_is_said_to_be(bench, refuse):
    bench.ready()
    bench.close()
    refuse("lane.opened")
    said = said_of(bench.reopen)
    assert "is as declared in OpenBao, but warden still refuses it; the journal has no record of it." in said
    assert bench.journal.state(bench.lane.id).closed is not None


def test_a_proof_that_was_not_recorded_does_not_count(bench, refuse):
    bench.ready()
    refuse("proof")
    assert said_of(bench.prove).endswith(
        f"{bench.lane.id} was probed, and none of it counts; the journal has no record of it."
    )
    assert bench.journal.state(bench.lane.id).proof is None
