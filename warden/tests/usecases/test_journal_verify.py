"""Somebody who holds the journal's file and computes its chain anew is found, whatever they change.

What stays hidden is said: that everything after the newest checkpoint that was kept elsewhere was cut off.
"""

import itertools
import json
import random
import shutil
import sqlite3
from collections.abc import Callable

import pytest
from ssh_keys import write_key

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.signing.public_keys import PublicKeys
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.core.errors import Missing, NotNow, Unreachable
from warden.core.journal.chain import GENESIS, Head, Row, link
from warden.core.journal.checkpoints import Checkpoint, Statement
from warden.usecases.journal_verify import Keys, sign, verify
from warden.usecases.steps.checkpoint import signed

RECORDS = 40
SEEDS = range(100)

Rows = list[list]
"""Rows as an attacker edits them: seq, at, event, lane, actor, body, hash."""


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return SshKeySigner(str(write_key(tmp_path_factory.mktemp("key") / "key")))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return SshKeySigner(str(write_key(tmp_path_factory.mktemp("stranger") / "key")))


@pytest.fixture(scope="module")
def original(tmp_path_factory, key):
    """A journal with a checkpoint after every fifth record, and the newest one kept elsewhere."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    journal = SqliteJournal(str(path), actor="alice")
    for number in range(RECORDS):
        journal.record(("proof", "lane.closed", "put.done")[number % 3], f"lane-{number % 4}", {"n": number})
        if number % 5 == 4:
            signed(journal, key, "proof")
    kept = sign(journal, key).checkpoint
    journal.close()
    return path, kept


def keys(*signers):
    return Keys(listed=tuple(each for one in signers for each in one.public_keys()), believe=PublicKeys)


def stored(path) -> Rows:
    with sqlite3.connect(path) as db:
        return [list(row) for row in db.execute("SELECT * FROM journal ORDER BY seq")]


def attacked(path, target, rows: Rows, *, recompute: bool = True) -> SqliteJournal:
    """A copy of the journal with these rows, numbered and chained anew, and with its triggers in place again."""
    shutil.copy(path, target)
    previous = GENESIS
    for number, row in enumerate(rows, 1):
        if recompute:
            row[0] = number
            row[6] = link(previous, tuple(row[:5]), row[5])
        previous = row[6]
    db = sqlite3.connect(target)
    db.execute("PRAGMA synchronous = OFF")  # many copies, each of which is read once
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.execute("DELETE FROM journal")
    db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    for _, sql in triggers:
        db.execute(sql)
    db.commit()
    db.close()
    return SqliteJournal(str(target))


# -- what an attacker does; each changes the rows in place and answers what it did ------------------------------------


def edit_body(rows: Rows, chance: random.Random) -> str:
    row = chance.choice(rows)
    row[5] = json.dumps({"n": chance.random()})
    return f"edited the body of {row[0]}"


def edit_field(rows: Rows, chance: random.Random) -> str:
    row, column = chance.choice(rows), chance.choice([1, 2, 3, 4])
    row[column] = {1: "2020-01-01T00:00:00.000000Z", 2: "apply.done", 3: "another", 4: "mallory"}[column]
    return f"edited column {column} of {row[0]}"


def delete(rows: Rows, chance: random.Random) -> str:
    gone = rows.pop(chance.randrange(len(rows)))
    return f"deleted {gone[0]}"


def delete_several(rows: Rows, chance: random.Random) -> str:
    start = chance.randrange(len(rows))
    count = chance.randint(1, len(rows) - start)
    del rows[start : start + count]
    return f"deleted {count} from {start}"


def cut_off(rows: Rows, chance: random.Random) -> str:
    keep = chance.randrange(len(rows))
    del rows[keep:]
    return f"kept {keep}"


def swap(rows: Rows, chance: random.Random) -> str:
    one, other = chance.sample(range(len(rows)), 2)
    rows[one], rows[other] = rows[other], rows[one]
    return f"swapped {one} and {other}"


def insert(rows: Rows, chance: random.Random) -> str:
    place = chance.randrange(len(rows))
    rows.insert(place, [0, "2026-01-01T00:00:00.000000Z", "lane.opened", "lane-1", "alice", "{}", ""])
    return f"inserted at {place}"


def fork(rows: Rows, chance: random.Random) -> str:
    """Another end of the same length or longer: what an old copy becomes that somebody went on with."""
    keep = chance.randrange(len(rows))
    count = len(rows) - keep + chance.randrange(3)
    rows[keep:] = [[0, "2026-01-01T00:00:00.000000Z", "proof", "x", "alice", f'{{"f":{n}}}', ""] for n in range(count)]
    return f"forked after {keep}"


def without_checkpoints(rows: Rows, chance: random.Random) -> str:
    rows[:] = [row for row in rows if row[2] != "checkpoint"]
    return f"removed every checkpoint, and {edit_body(rows, chance)}"


ATTACKS: tuple[Callable[[Rows, random.Random], str], ...] = (
    edit_body,
    edit_field,
    delete,
    delete_several,
    cut_off,
    swap,
    insert,
    fork,
    without_checkpoints,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each.__name__)
def test_every_change_is_found_against_a_checkpoint_that_was_kept_elsewhere(attack, original, key, tmp_path):
    path, kept = original
    before = stored(path)[: kept.statement.seq]
    for seed in SEEDS:
        chance = random.Random(seed)
        rows = [list(row) for row in before]
        done = attack(rows, chance)
        if rows == before:
            continue
        found = verify(attacked(path, tmp_path / "j.db", rows), keys(key), checkpoint=kept).verification
        assert found.broken, (seed, done)


CHAINED = [edit_body, edit_field, delete, swap, insert]


@pytest.mark.parametrize("attack", CHAINED, ids=lambda each: each.__name__)
def test_every_change_below_a_signature_is_found_without_anything_kept(attack, original, key, tmp_path):
    """As long as one checkpoint after the change is left as it was."""
    path, _ = original
    before = stored(path)
    newest = max(index for index, row in enumerate(before) if row[2] == "checkpoint")
    for seed in SEEDS:
        chance = random.Random(seed)
        below, above = [list(row) for row in before[: newest - 1]], [list(row) for row in before[newest - 1 :]]
        done = attack(below, chance)
        if below == before[: newest - 1]:
            continue
        found = verify(attacked(path, tmp_path / "j.db", below + above), keys(key)).verification
        assert found.broken, (seed, done)


@pytest.mark.parametrize("pretends", [False, True])
def test_whoever_signs_anew_with_another_key_is_found(original, key, stranger, tmp_path, pretends):
    path, _ = original
    named = key if pretends else stranger
    for seed in SEEDS:
        rows = stored(path)
        done = edit_body(rows, random.Random(seed))
        attacked(path, tmp_path / "j.db", rows)
        for row in rows:
            if row[2] == "checkpoint":
                row[5] = resigned(rows, row, stranger, named.key_id)
        found = verify(attacked(path, tmp_path / "j.db", rows), keys(key)).verification
        assert found.broken, (seed, done)


def resigned(rows: Rows, row: list, signer, key_id: str) -> str:
    """The body of a checkpoint that fits the chain as it is now, by another key than it says."""
    head = rows[row[0] - 2]
    statement = Statement(journal=rows[0][6], hash=head[6], seq=head[0], at="2026-11-30T00:00:00Z", key=key_id)
    made = Checkpoint(statement=statement, signature=signer.sign(statement.signed_bytes))
    return json.dumps(made.body("proof"))


def test_an_edit_that_is_not_even_chained_anew_is_a_break(original, key, tmp_path):
    path, _ = original
    for seed in SEEDS[:50]:
        rows = stored(path)
        edit_body(rows, random.Random(seed))
        assert verify(attacked(path, tmp_path / "j.db", rows, recompute=False), keys(key)).verification.chain.breaks


def test_the_journal_as_it_was_holds(original, key, tmp_path):
    path, kept = original
    journal = attacked(path, tmp_path / "j.db", stored(path))
    found = verify(journal, keys(key), checkpoint=kept).verification
    assert not found.broken
    assert not found.open
    assert found.signed == RECORDS // 5 + 1
    assert found.uncovered == 1  # the checkpoint's own record


# -- keys -------------------------------------------------------------------------------------------------------------


def test_signatures_of_a_key_that_was_rotated_hold_while_it_is_listed(key, stranger, tmp_path):
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    journal.record("proof", "a", {})
    for signer in (stranger, key):
        signed(journal, signer, "proof")
    assert not verify(journal, keys(key, stranger)).verification.broken
    found = verify(journal, keys(key)).verification
    assert [each.kind for each in found.faults] == ["unknown-key"]


class Asked:
    """A signer that counts how often it is asked for its public keys."""

    where = "somewhere"

    def __init__(self, signer=None):
        self.signer, self.times = signer, 0

    def public_keys(self):
        self.times += 1
        if self.signer is None:
            raise Unreachable("OpenBao https://gone does not answer")
        return self.signer.public_keys()


def test_the_signer_is_asked_for_its_keys_only_where_a_checkpoint_names_another(key, tmp_path):
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    journal.record("proof", "a", {})
    signed(journal, key, "proof")
    asked = Asked(key)
    listed = Keys(listed=key.public_keys(), believe=PublicKeys, signer=asked)
    assert not verify(journal, listed).verification.broken
    assert asked.times == 0
    assert verify(journal, Keys(listed=(), believe=PublicKeys, signer=asked)).verification.signed == 1
    assert asked.times == 1


def test_a_signer_that_does_not_answer_leaves_it_open(key, tmp_path):
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    journal.record("proof", "a", {})
    signed(journal, key, "proof")
    found = verify(journal, Keys(listed=(), believe=PublicKeys, signer=Asked()))
    assert found.verification.open
    assert not found.verification.broken
    assert found.unasked is not None


# -- keeping a checkpoint ---------------------------------------------------------------------------------------------


def test_there_is_nothing_to_sign_in_an_empty_journal(key, tmp_path):
    with pytest.raises(Missing):
        sign(SqliteJournal(str(tmp_path / "journal.db")), key)


def test_a_kept_checkpoint_is_not_replaced_by_one_of_a_journal_that_was_cut_off(original, key, tmp_path):
    path, kept = original
    rows = stored(path)
    for left, right in itertools.pairwise([10, len(rows) - 3]):
        for rest in (rows[:left], rows[:right]):
            journal = attacked(path, tmp_path / "j.db", [list(row) for row in rest])
            with pytest.raises(NotNow):
                sign(journal, key, "kept.checkpoint", kept)
    whole = attacked(path, tmp_path / "j.db", rows)
    assert sign(whole, key, "kept.checkpoint", kept).checkpoint.statement.seq == len(rows)


def test_the_head_is_that_of_the_record_before(key, tmp_path):
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    journal.record("proof", "a", {})
    head = journal.head()
    assert signed(journal, key, "asked").checkpoint.statement.head == head == Head(journal.log()[0].hash, 1)
    assert isinstance(next(iter(journal.rows())), Row)
