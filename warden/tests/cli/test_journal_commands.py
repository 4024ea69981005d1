import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from warden.adapters.journal.sqlite import SqliteJournal

WARDEN = str(Path(sys.executable).with_name("warden"))


@pytest.fixture
def warden(tmp_path):
    def run(*argv: str, **env: str) -> "subprocess.CompletedProcess[str]":
        given = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"} | env
        return subprocess.run(
            [WARDEN, "journal", *argv], capture_output=True, text=True, check=False, env=given, cwd=tmp_path
        )

    return run


@pytest.fixture
def journal(tmp_path) -> SqliteJournal:
    made = SqliteJournal(str(tmp_path / "warden" / "journal.db"))
    made.record("apply.begin", "a", {"changes": 2, "nested": {"x": 1}})
    made.record("apply.done", "a", {"changes": 2})
    made.record("decision", "b", {"effect": "deny", "reason": "two\nlines\x1b[31m"})
    return made


def test_log_is_a_table_for_people(warden, journal):
    done = warden("log")
    assert done.returncode == 0
    head, first, second, third = done.stdout.splitlines()
    assert head.split() == ["SEQ", "WHEN", "EVENT", "LANE", "WHO", "WHAT"]
    assert first.split()[0] == "1"
    assert "changes=2" in first
    assert "apply.done" in second
    assert "reason=two lines" in third
    assert "\x1b" not in done.stdout


def test_log_of_one_lane_and_the_last_ones(warden, journal):
    assert len(warden("log", "--lane", "a").stdout.splitlines()) == 3
    assert "decision" in warden("log", "--last", "1").stdout
    assert warden("log", "--last", "0").returncode == 2


def test_log_as_json(warden, journal):
    records = json.loads(warden("log", "--json").stdout)
    assert [record["seq"] for record in records] == [1, 2, 3]
    assert records[0].keys() == {"seq", "at", "event", "lane", "actor", "body", "hash"}
    assert records[0]["body"]["nested"] == {"x": 1}


def test_nothing_recorded(warden):
    done = warden("log")
    assert (done.returncode, done.stdout) == (0, "")
    assert "has no records" in done.stderr
    assert json.loads(warden("log", "--json").stdout) == []


def test_verify_and_a_kept_head(warden, journal, tmp_path):
    head = warden("log", "--head").stdout.strip()
    assert head == str(journal.head())
    assert warden("verify", "--head", head).stdout.startswith("ok   3 records, unbroken")
    found = json.loads(warden("verify", "--json").stdout)
    assert found["whole"] is True
    assert found["head"] == head
    assert found["breaks"] == []
    journal.close()
    cut(tmp_path / "warden" / "journal.db")
    assert warden("verify").returncode == 0
    done = warden("verify", "--head", head)
    assert done.returncode == 1
    assert "BROKEN record 3: the journal ends at record 2: the newest 1 were cut off" in done.stdout
    assert json.loads(warden("verify", "--head", head, "--json").stdout)["breaks"][0]["seq"] == 3


def cut(path) -> None:
    db = sqlite3.connect(path)
    (trigger,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_no_delete'").fetchone()
    db.executescript("DROP TRIGGER journal_no_delete; DELETE FROM journal WHERE seq = 3")
    db.execute(trigger)
    db.close()


@pytest.mark.parametrize("head", ["", "x", "@3", "0" * 64, "0" * 64 + "@x", "g" * 64 + "@1", "0" * 64 + "@-1"])
def test_a_head_that_is_none(warden, journal, head):
    done = warden("verify", "--head", head, "--json")
    assert done.returncode == 2
    assert json.loads(done.stderr)["kind"] == "usage"


def test_a_journal_that_cannot_be_read(warden, tmp_path):
    (tmp_path / "j").write_text("no journal at all")
    for argv in (["log"], ["log", "--head"], ["verify"]):
        done = warden(*argv, "--json", WARDEN_JOURNAL=str(tmp_path / "j"))
        assert done.returncode == 3
        error = json.loads(done.stderr)
        assert error["kind"] == "journal"
        assert error["subject"] == str(tmp_path / "j")


def test_piped_into_head(warden, journal, tmp_path):
    for _ in range(2000):
        journal.record("probe", "a", {"pad": "x" * 60})
    script = f"{WARDEN} journal log | head -1; echo ${{PIPESTATUS[0]}}"
    env = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=env)
    assert done.stdout.splitlines()[0].startswith("SEQ")
    assert done.stderr == ""
