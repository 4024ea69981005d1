"""What checkpoints say about a chain: every way in which one does not hold has its name."""

import datetime as dt

import msgspec
import pytest

from warden.core.journal.chain import GENESIS, Head, walk
from warden.core.journal.checkpoints import Checkpoint, Statement
from warden.core.journal.encoding import entry, following
from warden.core.journal.verification import heads, judged, recorded

AT = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)


def sign(key: str, payload: bytes) -> bytes:
    """What stands for a signature where only the decision is tested."""
    return f"{key} {payload.hex()}".encode()


def holds(key: str, signature: bytes, payload: bytes) -> bool:
    return signature == sign(key, payload)


def checkpoint(rows, key="ours", **changed):
    statement = Statement(
        journal=rows[0].hash, hash=rows[-1].hash, seq=rows[-1].seq, at="2026-11-30T00:00:00Z", key=key
    )
    statement = msgspec.structs.replace(statement, **changed)
    return Checkpoint(statement=statement, signature=sign(key, statement.signed_bytes))


def append(rows, event, body):
    head = Head(rows[-1].hash, rows[-1].seq) if rows else Head(GENESIS, 0)
    return [*rows, *following(head, AT, "alice", [entry(event, "a", body)])]


def journal():
    """Six records: a checkpoint follows the third."""
    rows = []
    for number in range(3):
        rows = append(rows, "proof", {"n": number})
    rows = append(rows, "checkpoint", checkpoint(rows).body("proof"))
    return append(append(rows, "proof", {"n": 4}), "proof", {"n": 5})


def verdict(rows, kept=None, known=frozenset({"ours"}), **how):
    found = recorded([row for row in rows if row.event == "checkpoint"])
    return judged(walk(rows, None, heads(found, kept)), found, kept, known, holds, **how)


def kinds(found):
    return [(each.kind, each.record) for each in found.faults]


def test_what_was_signed_and_is_still_there_holds():
    found = verdict(journal())
    assert (found.broken, found.open, found.signed, found.uncovered) == (False, False, 1, 3)
    assert found.newest.seq == 3
    kept = checkpoint(journal())
    found = verdict(journal(), kept)
    assert (found.broken, found.newest, found.uncovered, found.kept) == (False, kept.statement, 0, kept.statement)


def rechained(rows):
    """As somebody computes it anew who can write the journal."""
    done = []
    for row in rows:
        head = Head(done[-1].hash, done[-1].seq) if done else Head(GENESIS, 0)
        done += following(head, AT, row.actor, [(row.event, row.lane, row.body)])
    return done


def edited(rows, index, body):
    rows = list(rows)
    rows[index] = msgspec.structs.replace(rows[index], body=body)
    return rechained(rows)


def test_a_chain_that_was_computed_anew_is_found():
    found = verdict(edited(journal(), 1, '{"n":99}'))
    assert not found.chain.breaks
    assert kinds(found) == [("rewritten", 4)]


def test_a_chain_of_another_first_record_is_another_journal():
    assert kinds(verdict(edited(journal(), 0, '{"n":99}'))) == [("other-journal", 4)]


def test_a_statement_that_was_adapted_is_forged():
    rows = edited(journal(), 1, '{"n":99}')
    body = checkpoint(rows[:3]).body("proof") | {"signature": journal()[3].body}
    assert kinds(verdict(edited(rows, 3, msgspec.json.encode(body).decode()))) == [("unreadable", 4)]
    adapted = checkpoint(rows[:3]).body("proof") | {"signature": checkpoint(journal()[:3]).body("proof")["signature"]}
    assert kinds(verdict(edited(rows, 3, msgspec.json.encode(adapted).decode()))) == [("forged", 4)]


def test_a_signature_by_somebody_else_is_not_believed():
    rows = edited(journal(), 1, '{"n":99}')
    theirs = msgspec.json.encode(checkpoint(rows[:3], key="theirs").body("proof")).decode()
    assert kinds(verdict(edited(rows, 3, theirs))) == [("unknown-key", 4)]
    assert not verdict(edited(rows, 3, theirs), known=frozenset({"ours", "theirs"})).broken


def test_a_body_that_is_not_a_checkpoint_any_more():
    assert kinds(verdict(edited(journal(), 3, "not json"))) == [("unreadable", 4)]


def test_without_a_key_nothing_is_known_and_the_head_is_still_compared():
    found = verdict(journal(), known=frozenset())
    assert (found.broken, found.open, found.signed, found.unchecked) == (False, True, 0, 1)
    assert kinds(verdict(edited(journal(), 1, "{}"), known=frozenset())) == [("rewritten", 4)]


def test_signatures_that_should_be_there_and_are_not_leave_it_open():
    rows = rechained([row for row in journal() if row.event != "checkpoint"])
    assert verdict(rows, expected=True).open
    assert not verdict(rows).open


@pytest.mark.parametrize(("left", "kind"), [(6, None), (5, "cut-off"), (2, "cut-off")])
def test_a_kept_checkpoint_shows_what_was_cut_off(left, kind):
    kept = checkpoint(journal())
    found = verdict(journal()[:left], kept)
    assert [each.kind for each in found.faults if each.record == 0] == ([kind] if kind else [])


def test_a_kept_checkpoint_shows_a_fork():
    kept = checkpoint(journal())
    fork = append(append(journal()[:5], "proof", {"n": "other"}), "proof", {"n": "longer"})
    assert kinds(verdict(fork, kept)) == [("rewritten", 0)]


def test_an_empty_journal_against_a_kept_checkpoint():
    assert kinds(verdict([], checkpoint(journal()))) == [("other-journal", 0)]
