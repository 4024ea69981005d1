import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from warden.adapters.journal.located import location as journal_path
from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.errors import JournalUnwritable
from warden.core.journal.chain import GENESIS, Break, Head
from warden.core.secret import Secret
from warden.present.errors import hint, message

AT = datetime(2026, 11, 23, 14, 2, 3, 456789, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "warden" / "journal.db"


@pytest.fixture
def journal(path: Path) -> SqliteJournal:
    return SqliteJournal(str(path), clock=lambda: AT, actor="alice")


def rewrite(path: Path, sql: str) -> None:
    """Change the file as someone would who knows SQLite: triggers off and on again."""
    db = sqlite3.connect(path)
    triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.executescript(sql)
    for _, text in triggers:
        db.execute(text)
    db.commit()
    db.close()


def test_the_chain_can_be_checked_with_ten_lines_of_stock_python(journal, path):
    journal.record("access.begin", "läne", {"z": 1, "a": ['"quoted"', None, True, 0.5]})
    journal.record("access.handed", "läne", {})
    journal.close()
    previous = "0" * 64
    for seq, at, event, lane, actor, body, digest in sqlite3.connect(path).execute(
        "SELECT * FROM journal ORDER BY seq"
    ):
        front = json.dumps([seq, at, event, lane, actor], separators=(",", ":"), ensure_ascii=False)
        previous = sha256(f"{previous}\n{front[:-1]},{body}]".encode()).hexdigest()
        assert previous == digest


def test_a_body_is_canonical(journal):
    journal.record("probe", "a", {"b": 1, "a": {"d": 1, "c": 2}})
    journal.close()
    (body,) = sqlite3.connect(journal.path).execute("SELECT body FROM journal").fetchone()
    assert body == '{"a":{"c":2,"d":1},"b":1}'


@pytest.mark.parametrize(
    "body", [{"v": Secret("s3cret")}, {"v": [Secret("s3cret")]}, {1: "x"}, {"v": b"x"}, {"v": {1}}]
)
def test_a_body_holds_plain_json_only(journal, path, body):
    with pytest.raises(TypeError) as caught:
        journal.record("probe", "a", body)
    assert "s3cret" not in str(caught.value)
    assert not path.exists()


def test_reading_makes_no_journal(journal, path):
    assert journal.state("a").proof is None
    assert journal.states() == {}
    assert journal.log() == []
    assert journal.head() == Head(GENESIS, 0)
    assert not path.parent.exists()


def test_only_its_owner_reads_it(journal, path):
    old = os.umask(0)
    try:
        journal.record("probe", "a", {})
    finally:
        os.umask(old)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET lane = 'x'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT seq, at, event, 'x', actor, body, hash FROM journal",
        "INSERT INTO journal SELECT seq + 9, at, event, lane, actor, body, hash FROM journal",
    ],
)
def test_nothing_but_the_next_record_is_taken(journal, path, sql):
    journal.record("probe", "a", {})
    db = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(sql)
    db.close()


@pytest.mark.parametrize(
    ("sql", "seq", "kind"),
    [
        ("UPDATE journal SET body = '{\"n\":99}' WHERE seq = 5", 5, "altered"),
        ("UPDATE journal SET actor = 'mallory' WHERE seq = 5", 5, "altered"),
        ("DELETE FROM journal WHERE seq IN (5, 6)", 7, "missing"),
        ("DELETE FROM journal WHERE seq = 5; UPDATE journal SET seq = seq - 1 WHERE seq > 5", 5, "altered"),
        (
            "UPDATE journal SET seq = -seq WHERE seq IN (5, 6); UPDATE journal SET seq = 11 + seq WHERE seq < 0",
            5,
            "altered",
        ),
    ],
)
def test_edits_gaps_and_reordering_are_found(journal, path, sql, seq, kind):
    for number in range(10):
        journal.record("probe", "a", {"n": number})
    journal.close()
    rewrite(path, sql)
    first, *_ = journal.verify().breaks
    assert (first.seq, first.kind) == (seq, kind)
    assert (first.first, first.last) == ((5, 6) if kind == "missing" else (0, 0))


def test_truncation_is_found_against_a_kept_head_only(journal, path):
    for number in range(10):
        journal.record("probe", "a", {"n": number})
    kept = journal.head()
    journal.close()
    rewrite(path, "DELETE FROM journal WHERE seq > 7")
    assert journal.verify().breaks == ()
    (broken,) = journal.verify(kept).breaks
    assert broken == Break(10, "cut-off", 8, 10)


def test_a_missing_trigger_is_found(journal, path):
    journal.record("probe", "a", {})
    journal.close()
    db = sqlite3.connect(path)
    db.execute("DROP TRIGGER journal_no_update")
    db.close()
    with pytest.raises(JournalUnwritable, match="journal_no_update"):
        journal.verify()


APPEND = """
import sys
from warden.adapters.journal.sqlite import SqliteJournal
journal = SqliteJournal(sys.argv[1])
print("go", flush=True)
for number in range(int(sys.argv[2])):
    print(journal.record("probe", "a", {"pad": "x" * 500}), flush=True)
"""


def writer(path: Path, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", APPEND, path, str(count)], stdout=subprocess.PIPE, text=True)


def test_processes_that_start_together_share_one_whole_chain(journal, path):
    writers = [writer(path, 25) for _ in range(4)]
    numbers = [int(line) for one in writers for line in one.communicate()[0].split()[1:]]
    assert [one.returncode for one in writers] == [0] * 4
    assert sorted(numbers) == list(range(1, 101))
    assert journal.verify().breaks == ()
    assert sorted(file.name for file in path.parent.iterdir()) == ["journal.db", "journal.db-shm", "journal.db-wal"]


def test_what_was_answered_survives_kill_9(journal, path):
    told = []
    for _ in range(5):
        one = writer(path, 100_000)
        assert one.stdout is not None
        assert one.stdout.readline() == "go\n"
        told.append(int(one.stdout.readline()))
        time.sleep(0.05)
        one.send_signal(signal.SIGKILL)
        told += [int(line) for line in one.communicate()[0].splitlines() if line]
    assert told
    chain = journal.verify()
    assert chain.breaks == ()
    # The line of a record that was written may be lost with its writer, never the other way about.
    assert len(told) <= chain.records <= len(told) + 5
    assert journal.record("probe", "a", {}) == chain.records + 1


def unwritable(journal: SqliteJournal) -> JournalUnwritable:
    with pytest.raises(JournalUnwritable) as caught:
        journal.record("access.begin", "a", {})
    assert journal.path in message(caught.value)
    assert hint(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a journal"),
        (b"not a database, but long enough to be looked at" * 40, "is not a journal"),
        (b"SQLite format 3\0" + b"\xff" * 4096, "is not a journal"),
    ],
)
def test_a_foreign_or_emptied_file_is_refused_and_left_alone(journal, path, content, words):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert words in message(unwritable(journal))
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(journal, path):
    path.parent.mkdir(parents=True)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (x)")
    db.close()
    assert "is not a journal" in message(unwritable(journal))


def test_a_directory_and_a_pipe_are_refused(journal, path):
    path.mkdir(parents=True)
    assert "is not a journal" in message(unwritable(journal))
    path.rmdir()
    os.mkfifo(path)
    assert "is not a journal" in message(unwritable(journal))


def test_a_newer_format_is_refused(journal, path):
    journal.record("probe", "a", {})
    journal.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 7")
    db.close()
    assert "has format 7, and this warden reads format 1" in message(unwritable(journal))


def test_a_damaged_page_is_told(journal, path):
    for number in range(200):
        journal.record("probe", "a", {"n": number, "pad": "x" * 200})
    journal.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x99" * (len(content) - 4096)
    path.write_bytes(content)
    assert "is damaged" in message(unwritable(journal))
    with pytest.raises(JournalUnwritable, match="is damaged"):
        journal.verify()


def test_a_lock_that_is_held_is_told_and_nothing_is_recorded(journal, path, monkeypatch):
    monkeypatch.setattr("warden.adapters.journal.sqlite_file.WAIT", 0.1)
    journal.record("probe", "a", {})
    journal.close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert "locked by another program" in message(unwritable(journal))
    other.execute("ROLLBACK")
    assert journal.record("probe", "a", {}) == 2
    other.close()


IN_CHILD = """
import os, resource, sys
from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.errors import JournalUnwritable
from warden.present.errors import hint, message
path = sys.argv[1]
journal = SqliteJournal(path)
{before}
try:
    {action}
except JournalUnwritable as error:
    print(message(error), hint(error))
"""


def in_child(path: Path, before: str, action: str = 'journal.record("probe", "a", {"pad": "x" * 100000})') -> str:
    """Run as a process of its own: limits and another user must not reach the test's process."""
    script = IN_CHILD.format(before=before, action=action)
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.stdout


def test_a_file_that_cannot_grow_is_told_and_the_chain_stays_whole(journal, path):
    journal.record("probe", "a", {})
    said = in_child(path, "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))")
    assert "the disk under it is full" in said
    assert "Nothing was done." in said
    assert journal.verify().records == 1
    assert journal.verify().breaks == ()


def test_a_full_disk_at_birth_leaves_nothing_behind(path):
    path.parent.mkdir(parents=True)
    assert "full" in in_child(path, "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))")
    assert list(path.parent.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a tiny file system")
def test_a_really_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", disk], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        journal = SqliteJournal(str(disk / "journal.db"))
        journal.record("probe", "a", {})
        with pytest.raises(JournalUnwritable, match="full"):
            journal.record_all([("probe", "a", {"pad": "x" * 9000})] * 100)
        assert journal.verify().breaks == ()
        assert journal.state("a").closed is None
        journal.close()
    finally:
        subprocess.run(["umount", disk], check=True)


AS_STRANGER = """
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
"""


def test_a_read_only_journal_is_told(journal, path, tmp_path):
    journal.record("probe", "a", {})
    journal.close()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == path.owner() and folder != Path("/") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
    path.parent.parent.chmod(0o755)
    path.parent.chmod(0o555)
    path.chmod(0o444)
    said = in_child(path, AS_STRANGER)
    path.parent.chmod(0o700)
    assert "is read-only" in said or "cannot be opened" in said
    assert "Nothing was done." in said


def test_a_journal_of_someone_else_is_told(journal, path):
    journal.record("probe", "a", {})
    if os.getuid() != 0:
        path.chmod(0)
    said = in_child(path, AS_STRANGER, 'journal.state("a")')
    assert "cannot be opened" in said
    assert "cannot tell which lanes are closed" in said


def test_where_the_journal_is():
    assert journal_path({"WARDEN_JOURNAL": "/x/j.db", "XDG_STATE_HOME": "/s"}) == "/x/j.db"
    assert journal_path({"WARDEN_STATE": "/w", "XDG_STATE_HOME": "/s"}) == "/w/journal.db"
    assert journal_path({"XDG_STATE_HOME": "/s"}) == "/s/warden/journal.db"
    assert journal_path({"XDG_STATE_HOME": "here"}) == journal_path({})
    assert journal_path({}) == str(Path("~/.local/state/warden/journal.db").expanduser())


DAMAGE = {
    "a body that is not JSON": "UPDATE journal SET body = '{' WHERE seq = 2",
    "a body that is not an object": "UPDATE journal SET body = '[]' WHERE seq = 2",
    "no body": "UPDATE journal SET body = '' WHERE seq = 2",
    "no time": "UPDATE journal SET at = '' WHERE seq = 2",
    "a time without its zone": "UPDATE journal SET at = '2026-11-23T14:02:03' WHERE seq = 2",
    "something else in the place of a time": "UPDATE journal SET at = 'yesterday' WHERE seq = 2",
    "bytes that are not text": "UPDATE journal SET body = CAST(X'7B22FF7D' AS TEXT) WHERE seq = 2",
}


@pytest.mark.parametrize("sql", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_is_called_damage(journal, path, sql):
    for number in range(3):
        journal.record("lane.closed", "a", {"reason": str(number)})
    journal.close()
    rewrite(path, sql)
    fresh = SqliteJournal(str(path))
    with pytest.raises(JournalUnwritable, match=r"is damaged: (record 2|a record in it) cannot be read") as caught:
        fresh.log()
    assert "newest good copy" in hint(caught.value)
    assert message(caught.value).endswith("Nothing was done.")


def test_after_a_record_no_error_says_that_nothing_was_done(journal, path):
    journal.record("apply.begin", "a", {})
    rewrite(path, "UPDATE journal SET body = '{' WHERE seq = 1")
    with pytest.raises(JournalUnwritable) as caught:
        journal.log()
    assert message(caught.value).endswith("What this command did before stands; the journal has it.")


def test_a_draft_never_fills_what_is_there_already(journal, path, monkeypatch):
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)
    path.parent.mkdir(parents=True)
    theirs, draft = path.parent / "theirs", path.parent / f"journal.db.new-{'00' * 8}"
    theirs.write_text("theirs")
    for make in (
        lambda: draft.symlink_to(theirs),
        lambda: draft.symlink_to("nowhere"),
        lambda: draft.write_text("theirs"),
    ):
        make()
        with pytest.raises(JournalUnwritable, match="file exists"):
            journal.record("e", "a", {})
        assert theirs.read_text() == "theirs"
        assert not (path.parent / "nowhere").exists()
        assert not path.exists()
        draft.unlink()
    journal.record("e", "a", {})
    assert [each.name for each in path.parent.iterdir() if "new" in each.name] == []
