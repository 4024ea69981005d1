"""The record: once a day, two at a time, killed in the middle, full and unwritable disks."""

import fcntl
import json
import os
import pty
import re
import signal
import sqlite3
import struct
import subprocess
import termios
import threading
import time
from pathlib import Path

import pytest
from like import TIME, Like

from activity_core.adapters.lock import record_path
from activity_core.core import dates

PROGRAM_SECONDS = 15


class Held:
    """A gateway that answers once it is let go."""

    def __init__(self, say):
        self.gone = threading.Event()
        self._say = say

    def __call__(self, *_):
        self.gone.wait(PROGRAM_SECONDS)
        return self._say.reply(self._say.content(self._say.item("N-1")))


@pytest.fixture
def held(gateway, say):
    gateway.play = Held(say)
    playing = gateway.play
    yield playing
    playing.gone.set()


def start(world, *arguments):
    command = [str(Path(os.sys.executable).parent / "activity-core"), "triage", "--digest", world.home / "digest.json"]
    return subprocess.Popen(
        [*command, *arguments],
        env=world.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(holds):
    deadline = time.monotonic() + PROGRAM_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_once_a_day_and_again_on_request(world, gateway):
    first, second = world.triage(), world.triage()
    assert (first.returncode, second.returncode, len(gateway.seen)) == (0, 0, 1)
    assert first.stdout == second.stdout
    assert "the model was not asked" in second.stderr
    third = world.triage(None, "--again")
    assert json.loads(third.stdout)["run"] != json.loads(first.stdout)["run"]
    assert world.triage().stdout == third.stdout
    assert len(gateway.seen) == 2


def test_a_replayed_report_of_another_digest_is_marked(world, say):
    first = world.triage()
    assert "another digest" not in world.triage().stderr
    second = world.triage(say.digest(source="another"))
    assert (second.returncode, second.stdout) == (0, first.stdout)
    assert "of another digest; the model was not asked" in second.stderr
    assert world.triage("nowhere.json").returncode == 2


def test_a_failed_run_does_not_count_as_the_days(world, gateway, say):
    gateway.play = lambda *_: (503, {}, b"")
    assert world.triage().returncode == 3
    gateway.play = say.answering(say.item("N-1"))
    assert world.triage().returncode == 0
    assert [run["state"] for run in world.runs] == ["whole", "failed"]


EMPTY = dict.fromkeys(("items", "needs_human", "quarantined", "model", "tokens", "cost_usd", "digest_sha256", "fault"))
SERVED = {"model": "example/model-1", "tokens": 1200, "cost_usd": 0.0021, "digest_sha256": Like("[0-9a-f]{64}")}
FAULT = {"kind": "status", "system": "llm-connect", "message": "llm-connect gave no answer (503). There is no report."}


def test_what_is_recorded_of_each_run_as_a_whole(world, gateway, hub, say):
    world.triage(None, "--post", hub.url)
    gateway.play = lambda *_: (503, {}, b"")
    world.triage(None, "--again")
    gateway.play = say.answering({"bad": 1})
    world.triage(None, "--again")
    of_each = {
        "id": Like(r"\d{8}T\d{6}Z-[0-9a-f]{6}"),
        "day": Like(r"\d{4}-\d\d-\d\d"),
        "began_at": TIME,
        "ended_at": TIME,
        "profile": "custodian-triage-balanced",
        "posted_at": None,
    }
    whole = {"state": "whole", "items": 1, "needs_human": 0, "quarantined": 0, "posted_at": TIME}
    unusable = {"state": "unusable", "items": 0, "needs_human": 0, "quarantined": 1}
    assert world.runs == [
        of_each | EMPTY | SERVED | unusable,
        of_each | EMPTY | {"state": "failed", "fault": FAULT},
        of_each | EMPTY | SERVED | whole,
    ]


def test_two_at_the_same_moment_ask_once(world, gateway, say, held):
    world.digest(say.digest())
    first = start(world)
    until(lambda: gateway.seen)
    second = world.run("triage", "--digest", "digest.json")
    assert second.returncode == 5
    assert "another run of triage is in progress. The model was not asked." in second.stderr
    assert world.runs[0]["state"] == "running"
    held.gone.set()
    assert first.wait(PROGRAM_SECONDS) == 0
    first.communicate()
    assert (len(gateway.seen), len(world.runs)) == (1, 1)


def test_many_at_the_same_moment_ask_once(world, gateway, say, held):
    world.digest(say.digest())
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(world.triage("digest.json").returncode)) for _ in range(6)]
    for each in threads:
        each.start()
    until(lambda: len(codes) == len(threads) - 1)
    held.gone.set()
    for each in threads:
        each.join()
    assert len(gateway.seen) == 1
    assert sorted(codes) == [0, 5, 5, 5, 5, 5]


@pytest.mark.usefixtures("held")
def test_killed_in_the_middle_the_record_says_so_and_the_next_run_works(world, gateway, say):
    world.digest(say.digest())
    process = start(world)
    until(lambda: gateway.seen)
    process.kill()
    process.communicate()
    assert world.runs[0]["state"] == "interrupted"
    gateway.play = say.answering(say.item("N-1"))
    assert world.triage().returncode == 0
    assert [run["state"] for run in world.runs] == ["whole", "interrupted"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("held")
def test_interrupted_it_says_so_and_records_it(world, gateway, say, how):
    world.digest(say.digest())
    process = start(world)
    until(lambda: gateway.seen)
    process.send_signal(how)
    out, err = process.communicate(timeout=PROGRAM_SECONDS)
    assert (process.returncode, out) == (130 if how == signal.SIGINT else 143, "")
    assert "Traceback" not in err
    assert "interrupted" in err
    assert world.runs[0]["state"] == "interrupted"
    assert world.runs[0]["ended_at"]


def test_the_model_is_not_asked_if_the_record_cannot_be_created(world, gateway):
    blocked = world.home / "file"
    blocked.write_text("")
    done = world.triage(None, ACTIVITY_CORE_RECORD=str(blocked / "runs.db"))
    assert (done.returncode, gateway.seen) == (3, [])
    assert "The model was not asked." in done.stderr
    assert "ACTIVITY_CORE_RECORD" in done.stderr


@pytest.mark.parametrize("octets", [b"this is not a database, but it is long enough to be one" * 99])
def test_the_model_is_not_asked_if_the_record_is_not_a_database(world, gateway, octets):
    path = world.home / "runs.db"
    path.write_bytes(octets)
    done = world.triage(None, ACTIVITY_CORE_RECORD=str(path))
    assert (done.returncode, gateway.seen) == (3, [])
    assert path.read_bytes() == octets


def test_reading_rolls_back_what_a_killed_run_had_half_written(world):
    world.triage()
    path = world.home / ".local/state/activity-core/runs.db"
    half = (
        "import os, sqlite3, sys; sql = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "sql.execute('PRAGMA cache_size = 1'); sql.execute('BEGIN IMMEDIATE')\n"
        "sql.execute('UPDATE run SET report = zeroblob(4000000) || report'); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([os.sys.executable, "-c", half, path], check=False)
    assert (killed.returncode, os.path.exists(f"{path}-journal")) == (-signal.SIGKILL, True)
    assert [run["state"] for run in world.runs] == ["whole"]


def test_an_empty_record_has_no_runs_and_an_unreadable_one_is_reported(world):
    (world.home / "empty.db").touch()
    done = world.run("runs", ACTIVITY_CORE_RECORD=str(world.home / "empty.db"))
    assert (done.returncode, "no runs yet" in done.stderr) == (0, True)
    assert (world.home / "empty.db").stat().st_size == 0  # who only reads makes nothing
    done = world.run("runs", ACTIVITY_CORE_RECORD=str(world.home / ("x" * 300)))
    assert (done.returncode, "the record cannot be read (file name too long)" in done.stderr) == (3, True)


def test_a_later_versions_record_is_left_alone(world, gateway):
    path = world.home / "runs.db"
    with sqlite3.connect(path) as sql:
        sql.execute("PRAGMA user_version = 99")
    sql.close()
    done = world.triage(None, ACTIVITY_CORE_RECORD=str(path))
    assert (done.returncode, gateway.seen) == (3, [])
    assert "later version" in done.stderr


def test_the_model_is_not_asked_if_the_disk_is_full(world, gateway):
    done = world.triage(None, largest_file=4096)
    assert (done.returncode, gateway.seen) == (3, [])
    assert "the record cannot be" in done.stderr
    assert world.triage().returncode == 0


def test_a_disk_that_fills_up_while_the_model_is_asked_costs_the_record_and_not_the_report(world, gateway, say):
    gateway.play = say.answering(say.item("N-1"))
    steps = [{"id": f"N-{number}", "title": "a long title " * 15} for number in range(8)]
    many = [{"id": f"M-{number}", "title": "a long title " * 15} for number in range(40)]
    done = world.triage(say.digest(*steps, messages=many), largest_file=20480)
    assert done.returncode == 3
    assert len(json.loads(done.stdout)["items"]) == 1
    assert "The report is complete but not recorded" in done.stderr
    assert world.runs[0]["state"] == "interrupted"
    assert world.triage().returncode == 0


def test_a_disk_that_is_full_under_the_report(world):
    report = world.home / "report.json"
    report.write_text("yesterday")
    world.triage()
    done = world.triage(None, "--out", str(report), largest_file=1024)
    assert (done.returncode, report.read_text()) == (3, "yesterday")
    assert "file too large" in done.stderr
    assert [path.name for path in world.home.glob(".activity*")] == []


def test_a_report_that_cannot_be_written_is_still_shown_and_not_asked_for_twice(world, gateway):
    done = world.triage(None, "--out", "/dev/full/report.md", "--out", str(world.home / "fine.md"))
    assert (done.returncode, bool(done.stdout)) == (3, True)
    assert "cannot be written to /dev/full/report.md" in done.stderr
    assert (world.home / "fine.md").read_text().startswith("# Triage for ")
    assert world.triage(None, "--out", str(world.home / "r.json")).returncode == 0
    assert json.loads((world.home / "r.json").read_text()) == json.loads(done.stdout)
    assert len(gateway.seen) == 1


@pytest.mark.parametrize("name", ["report.md", "report.json"])
@pytest.mark.parametrize("again", [(), ("--again",)])
def test_the_hint_for_a_report_that_cannot_be_written_asks_no_model(world, gateway, name, again):
    done = world.triage(None, *again, "--out", f"/dev/full/{name}")
    hint = re.search(r"activity-core (runs \S+(?: --json)?) > FILE", done.stderr)[1].split()
    shown = world.run(*hint)
    assert (shown.returncode, len(gateway.seen)) == (0, 1)
    assert world.triage(None, "--out", str(world.home / name)).returncode == 0
    assert (world.home / name).read_text() == shown.stdout


def test_a_report_that_is_neither_recorded_nor_written_says_so(world, gateway, say):
    gateway.play = say.answering(say.item("N-1"))
    steps = [{"id": f"N-{number}", "title": "a long title " * 15} for number in range(8)]
    many = [{"id": f"M-{number}", "title": "a long title " * 15} for number in range(40)]
    done = world.triage(say.digest(*steps, messages=many), "--out", "/dev/full/report.md", largest_file=20480)
    assert (done.returncode, bool(done.stdout)) == (3, True)
    assert "It is not recorded either" in done.stderr
    assert "It is recorded" not in done.stderr
    assert "> FILE" not in done.stderr


def test_a_full_standard_output_is_reported(world, say):
    world.digest(say.digest())
    with open("/dev/full", "w") as full:
        command = [str(Path(os.sys.executable).parent / "activity-core"), "triage", "--digest", "digest.json"]
        done = subprocess.run(
            command, env=world.environment, cwd=world.home, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 3
    assert "standard output cannot be written (no space left on device)" in done.stderr
    assert world.runs[0]["state"] == "whole"


def test_the_report_of_a_run_is_shown_again(world):
    run = json.loads(world.triage().stdout)["run"]
    assert json.loads(world.run("runs", run[:18], "--json").stdout)["run"] == run
    assert world.run("runs", run).stdout.startswith("# Triage for ")
    missing = world.run("runs", "2020")
    assert (missing.returncode, missing.stdout) == (1, "")


@pytest.mark.parametrize("beginning", ["2", ""])
def test_an_ambiguous_run_shows_none_and_lists_the_matches(world, beginning):
    ids = [json.loads(world.triage(None, "--again").stdout)["run"] for _ in range(2)]
    done = world.run("runs", beginning, "--json")
    fault = json.loads(done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Nothing is shown." in fault["message"]
    if beginning:
        assert fault["faults"] == ids[::-1]
    assert world.run("runs", ids[0]).returncode == 0


def on_terminal(world, columns, stream, *arguments, **environment):
    """The program with one of its two streams on a terminal of that many columns: its lines, and the other stream."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [str(Path(os.sys.executable).parent / "activity-core"), *arguments]
    environment = world.environment | {"NO_COLOR": "1"} | environment
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | {stream: side}
    done = subprocess.run(command, env=environment, text=True, check=False, cwd=world.home, **streams)
    os.close(side)
    with open(main, "rb", buffering=0) as terminal:
        lines = terminal.read(65536).decode().splitlines()
    return lines, done.stderr if stream == "stdout" else done.stdout


def table(world, columns):
    """The lines of `runs` on a terminal of that many columns."""
    return on_terminal(world, columns, "stdout", "runs")


@pytest.mark.parametrize(("columns", "widest"), [(60, 80), (80, 80), (90, 90), (200, 100)])
def test_notes_fit_the_terminal(world, say, columns, widest):
    asked = ("triage", "--digest", "./" * 36 + "digest.json")  # with "digest: reading " before it 99 wide
    world.digest(say.digest())
    lines = on_terminal(world, columns, "stderr", *asked, LLM_CONNECT_URL="http://127.0.0.1:9")[0]
    world.triage()
    world.digest(say.digest(source="another"))
    lines += on_terminal(world, columns, "stderr", *asked)[0]
    told = [line.replace("\x1b[K", "") for line in lines]
    assert any("There is no" in line for line in told)
    assert any("of another digest" in line for line in told)
    assert max(map(len, told)) <= widest
    progress = [line for line in told if line.startswith(("digest: ", "llm-connect: "))]
    assert any(line.startswith("llm-connect: asked for") for line in progress)
    assert max(map(len, progress)) < columns


def test_the_table_fits_the_terminal_and_is_whole_in_a_pipe(world, gateway, say):
    world.triage()
    gateway.play = lambda *_: (502, {}, json.dumps({"type": "provider_down", "message": "word " * 40}).encode())
    world.triage(None, "--again")
    for columns in (40, 80, 90):
        lines, note = table(world, columns)
        assert max(map(len, lines)) <= columns
        assert "not enough width for: " in note
    assert {"RUN", "BEGAN", "STATE", "COST"} <= set(table(world, 80)[0][0].split())
    wide, note = table(world, 140)
    piped = world.run("runs").stdout.splitlines()
    assert (wide[0].split(), note) == (piped[0].split(), "")
    assert piped[0].split()[-2:] == ["TOKENS", "COST"]
    assert max(map(len, piped)) > 140


def test_runs_before_the_first(world):
    done = world.run("runs")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no runs yet" in done.stderr
    assert not (world.home / ".local").exists()


def test_the_record_is_for_its_owner_alone(world):
    world.triage()
    state = world.home / ".local/state/activity-core"
    assert [oct(path.stat().st_mode & 0o777) for path in (state, state / "runs.db")] == ["0o700", "0o600"]


@pytest.mark.parametrize(
    ("moment", "day", "clock"),
    [
        ("2026-11-23T23:30:00Z", "2026-11-24", "00:30 CET"),
        ("2026-03-29T00:59:00Z", "2026-03-29", "01:59 CET"),
        ("2026-03-29T01:00:00Z", "2026-03-29", "03:00 CEST"),
        ("2026-03-28T23:30:00Z", "2026-03-29", "00:30 CET"),
        ("2026-10-24T22:30:00Z", "2026-10-25", "00:30 CEST"),
        ("2026-10-25T00:30:00Z", "2026-10-25", "02:30 CEST"),
        ("2026-10-25T01:30:00Z", "2026-10-25", "02:30 CET"),
        ("2026-10-25T22:59:00Z", "2026-10-25", "23:59 CET"),
        ("2026-10-25T23:00:00Z", "2026-10-26", "00:00 CET"),
    ],
)
def test_a_day_is_one_in_berlin(moment, day, clock):
    assert (dates.day(dates.parsed(moment)), dates.clock_time(dates.parsed(moment))) == (day, clock)


@pytest.mark.parametrize(("given", "base"), [("", "/h/.local/state"), ("here", "/h/.local/state"), ("/s", "/s")])
def test_the_record_is_in_the_state_directory_and_a_relative_one_is_ignored(given, base):
    assert record_path({"HOME": "/h", "XDG_STATE_HOME": given}).path == f"{base}/activity-core/runs.db"
