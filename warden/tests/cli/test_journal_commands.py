import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ssh_keys import write_key

from warden.adapters.journal.sqlite import SqliteJournal

WARDEN = str(Path(sys.executable).with_name("warden"))


@pytest.fixture
def warden(tmp_path, program):
    def run(*argv: str, cwd: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
        given = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"} | env
        return program.run(["journal", *argv], env=given, cwd=cwd or tmp_path, stdin="")

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


# -- checkpoints ------------------------------------------------------------------------------------------------------


@pytest.fixture
def signing(tmp_path, monkeypatch):
    """A platform directory whose platform.yaml names an SSH key; the key's file."""
    key = write_key(tmp_path / "signer")
    (tmp_path / "platform" / "catalog").mkdir(parents=True)
    (tmp_path / "platform" / "platform.yaml").write_text(f"signing:\n  ssh_key: {key}\n")
    return key


def test_a_checkpoint_is_signed_kept_and_verified(warden, journal, signing, tmp_path):
    file = str(tmp_path / "kept.checkpoint")
    made = warden("checkpoint", "-o", file)
    assert (made.returncode, made.stdout.splitlines()[0]) == (0, f"ok   signed {head_of(journal, 3)}")
    assert made.stderr.strip() == f"kept in {file}"
    assert json.loads((tmp_path / "kept.checkpoint").read_text())["payloadType"].startswith("application/vnd.")
    assert journal.log(last=1)[0].event == "checkpoint"
    found = warden("verify", "--checkpoint", file)
    assert found.returncode == 0, found.stderr
    assert "ok   4 records, unbroken" in found.stdout
    assert "1 signed checkpoint: signed up to record 3" in found.stdout
    assert "; 1 record since" in found.stdout
    # With nothing but the public key, and without a platform directory.
    bare = warden("verify", "--key", f"{signing}.pub", "--json", cwd="/")
    assert bare.returncode == 0, bare.stderr
    assert json.loads(bare.stdout)["checkpoints"]["signed"] == 1
    again = json.loads(warden("checkpoint", "-o", file, "--json").stdout)
    assert (again["signed"], again["journal"]) == (True, 5)


def head_of(journal, seq):
    return f"{journal.log()[seq - 1].hash}@{seq}"


def test_a_chain_that_was_computed_anew_is_broken(warden, journal, signing, tmp_path):
    file = str(tmp_path / "kept.checkpoint")
    warden("checkpoint", "-o", file)
    rewritten = SqliteJournal(str(tmp_path / "other.db"))
    for record in journal.log():
        rewritten.record(record.event, record.lane, dict(record.body) | {"changed": record.seq == 2})
    done = warden("verify", "--checkpoint", file, WARDEN_JOURNAL=rewritten.path)
    assert done.returncode == 1
    assert "BROKEN record 4: it was signed for another journal" in done.stdout
    assert "BROKEN the checkpoint kept elsewhere" in done.stdout
    kept = warden("checkpoint", "-o", file, WARDEN_JOURNAL=rewritten.path)
    assert kept.returncode == 5
    assert "does not extend" in kept.stderr
    found = json.loads(warden("verify", "--checkpoint", file, "--json", WARDEN_JOURNAL=rewritten.path).stdout)
    assert found["whole"] is False
    assert {each["kind"] for each in found["checkpoints"]["faults"]} == {"other-journal"}


def test_signatures_that_cannot_be_checked_are_no_pass(warden, journal, signing, tmp_path):
    warden("checkpoint")
    signing.rename(tmp_path / "gone")
    done = warden("verify")
    assert done.returncode == 3
    assert "??   1 signature not checked: no public key is known (SSH key" in done.stdout
    (tmp_path / "platform" / "platform.yaml").unlink()
    assert warden("verify").returncode == 3


def test_signing_without_a_checkpoint_is_no_pass(warden, journal, signing):
    done = warden("verify")
    assert done.returncode == 3
    assert "but the journal has no signed checkpoint. Next: warden journal checkpoint" in done.stdout


def test_a_key_that_is_none_and_a_checkpoint_that_is_none(warden, journal, tmp_path):
    (tmp_path / "none").write_text("nothing\n")
    for argv in (["--key", "none"], ["--key", "missing"], ["--checkpoint", "none"], ["--checkpoint", "missing"]):
        done = warden("verify", *argv, "--json")
        assert done.returncode == 2
        assert json.loads(done.stderr)["kind"] == "usage"
    done = warden("checkpoint")
    assert done.returncode == 2
    assert "platform.yaml names no key" in done.stderr
    done = warden("checkpoint", "-o", "none")
    assert (done.returncode, (tmp_path / "none").read_text()) == (2, "nothing\n")
    assert "none is there already, and is not a checkpoint of a journal. Nothing was written." in done.stderr


# -- in PostgreSQL ----------------------------------------------------------------------------------------------------

PLANTED = "planted-hunter2-planted"


@pytest.fixture
def shared(postgres_server, postgres_database, tmp_path):
    """A platform directory whose journal is in an empty database; its URL."""
    url = postgres_server.url(postgres_database())
    (tmp_path / "platform" / "catalog").mkdir(parents=True)
    (tmp_path / "platform" / "platform.yaml").write_text(f"platform: tests\njournal: {url}\n")
    return url


def test_a_journal_moves_into_the_database_that_platform_yaml_names(warden, journal, shared, tmp_path):
    assert "has no journal yet" in warden("log").stderr
    made = warden("init", "--json")
    assert (made.returncode, json.loads(made.stdout)) == (0, {"path": shared, "made": True, "writers": []})
    assert "it is there already" in warden("init").stdout
    done = warden("import", journal.path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"ok   3 records copied and verified · {shared}"
    assert warden("verify", "--head", str(journal.head())).stdout.startswith("ok   3 records, unbroken")
    again = warden("import", journal.path)
    assert again.returncode == 3
    assert "has records already" in again.stderr
    back = warden("import", shared, "--json", WARDEN_JOURNAL=str(tmp_path / "back.db"))
    assert json.loads(back.stdout)["head"] == str(journal.head())
    assert SqliteJournal(str(tmp_path / "back.db")).verify(journal.head()).breaks == ()


def test_a_broken_or_empty_journal_is_not_imported(warden, journal, shared, tmp_path):
    warden("init")
    assert "has no records, or does not exist" in warden("import", "nothing.db").stderr
    journal.close()
    db = sqlite3.connect(journal.path)
    (trigger,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'journal_no_update'").fetchone()
    db.executescript("DROP TRIGGER journal_no_update; UPDATE journal SET lane = 'c' WHERE seq = 2")
    db.execute(trigger)
    db.close()
    done = warden("import", journal.path)
    assert done.returncode == 1
    assert "is not whole: record 2" in done.stderr
    assert warden("log", "--json").stdout == "[]\n"


@pytest.mark.parametrize("argv", [["log"], ["verify"], ["init"], ["import", "x.db"], ["checkpoint"]])
def test_a_password_in_the_url_is_refused_and_shown_nowhere(warden, tmp_path, argv):
    for url in (f"postgresql://warden:{PLANTED}@db.example/warden", f"postgresql://db/warden?password={PLANTED}"):
        done = warden(*argv, "--json", WARDEN_JOURNAL=url)
        assert done.returncode == 2
        assert "holds a password" in json.loads(done.stderr)["message"]
        assert PLANTED not in done.stdout + done.stderr
    (tmp_path / "platform" / "catalog").mkdir(parents=True)
    (tmp_path / "platform" / "platform.yaml").write_text(f"platform: x\njournal: {url}\n")
    done = warden(*argv)
    assert done.returncode == 2
    assert PLANTED not in done.stdout + done.stderr


def test_a_file_is_not_made_by_init(warden):
    done = warden("init")
    assert done.returncode == 2
    assert "the journal is a file, which is made at its first record" in done.stderr


def events(done: "subprocess.CompletedProcess[str]") -> "list[dict[str, object]]":
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_export_prints_every_record_as_an_event(warden, journal):
    done = warden("export", "--format", "ocsf")
    found = events(done)
    assert [each["metadata"]["sequence"] for each in found] == [1, 2, 3]
    assert {each["metadata"]["uid"].partition(":")[0] for each in found} == {journal.origin()}
    assert "\x1b" not in done.stdout
    assert "warden journal export --format ocsf --after 3" in done.stderr


def test_an_export_goes_on_where_it_ended(warden, journal):
    """Nothing is lost or doubled, whatever is recorded between two exports, and however many records there are."""
    first = warden("export", "--format", "ocsf", "--after", "1")
    journal.record_all([("sync.begin", "b", {}) for _ in range(2001)])
    second = warden("export", "--format", "ocsf", "--after", "3")
    assert [each["metadata"]["sequence"] for each in events(first) + events(second)] == list(range(2, 2005))
    assert warden("export", "--format", "ocsf", "--after", "2004").stdout == ""


def test_export_of_one_lane(warden, journal):
    done = warden("export", "--format", "ocsf", "--lane", "a")
    assert [each["metadata"]["sequence"] for each in events(done)] == [1, 2]
    assert "warden journal export --format ocsf --lane a --after 2" in done.stderr


def test_export_after_a_record_that_the_journal_does_not_have(warden, journal):
    done = warden("export", "--format", "ocsf", "--after", "4")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no record 4; its newest is 3" in done.stderr


def test_an_export_replaces_its_file_whole_or_not_at_all(warden, journal, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text("earlier")
    assert warden("export", "--format", "ocsf", "--after", "9", "-o", str(file)).returncode == 1
    assert file.read_text() == "earlier"
    assert warden("export", "--format", "ocsf", "-o", str(file)).stdout == ""
    assert len(file.read_text().splitlines()) == 3
    assert file.stat().st_mode & 0o777 == 0o600
    assert warden("export", "--format", "ocsf", "-o", str(tmp_path / "none" / "x")).returncode == 2
    assert [each.name for each in tmp_path.glob("events*")] == ["events.jsonl"]


def test_export_of_nothing(warden):
    assert events(warden("export", "--format", "ocsf")) == []


def test_export_says_which_formats_there_are(warden):
    done = warden("export")
    assert done.returncode == 2
    assert done.stderr.endswith("Choose from:\n  ocsf\n")
