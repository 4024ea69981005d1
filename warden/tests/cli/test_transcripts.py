"""What the commands say, word by word: each file beside this one is a transcript, run and compared as a whole.

A line ``$ …`` is run; the lines below it are its stdout, those with ``2>`` its stderr, and the last is its exit code. A
line ``# …`` arranges something (`ARRANGE`). Names, times, durations and ids are those of every run.

After an intended change, WRITE_TRANSCRIPTS=1 writes what is said now; read the difference before it is committed.
"""

import getpass
import os
import re
import shlex
import sqlite3
from pathlib import Path

import pytest
from platform_server import own_server

platform_server = own_server("function")
"""A server for each: on a shared one the lanes of other tests are orphans."""


HERE = Path(__file__).parent / "transcripts"
CHANGING = {
    r"\d{4}-\d\d-\d\dT[\d:.]+Z": "TIME",
    r"\b\d+ (s|ms|min)\b": "N s",
    r'"ms": [1-9][\d.]*': '"ms": N',
    r"\b[0-9a-f]{64}\b": "HASH",
    r"\baudit [0-9a-f]{8}\b": "audit ID",
    r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b": "ID",
    r"\bwp-[0-9a-f]{12}\b": "RUN",
    r"\blooked at \d+": "looked at N",
    r"\b\d+ identities, \d+ tokens": "N identities, N tokens",
    r" {2,}": "  ",
    rf"(?<=TIME ){getpass.getuser()}\b|(?<=  ){getpass.getuser()}(?=  )": "USER",
}


def refuse_record(engineer, event):
    """From now on the journal does not take this event, as if the disk had just become full."""
    with sqlite3.connect(engineer.own["WARDEN_JOURNAL"]) as journal:
        journal.execute(
            f"CREATE TRIGGER \"{event}\" BEFORE INSERT ON journal WHEN NEW.event = '{event}'"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    journal.close()


def take_record(engineer, event):
    with sqlite3.connect(engineer.own["WARDEN_JOURNAL"]) as journal:
        journal.execute(f'DROP TRIGGER "{event}"')
    journal.close()


def delete_policy(engineer, _):
    engineer.world.server.must("DELETE", f"sys/policies/acl/workload-kv-read-{engineer.world.lane}")


ARRANGE = {"refuse-record": refuse_record, "take-record": take_record, "delete-policy": delete_policy}


def plain(world, text):
    names = {world.lane: "LANE", world.tenant: "TENANT", world.server.address: "OPENBAO", str(world.folder): "FOLDER"}
    for name, word in names.items():
        text = text.replace(name, word)
    for pattern, word in CHANGING.items():
        text = re.sub(pattern, word, text)
    return [line.rstrip() for line in text.splitlines()]


def run(engineer, line):
    """What the command of a line says, as lines of a transcript."""
    words = [word.replace("LANE", engineer.world.lane) for word in shlex.split(line.removeprefix("$ "))]
    changed = dict(word.split("=", 1) for word in words[: words.index("warden")])
    done = engineer(*words[words.index("warden") + 1 :], stdin="a-planted-value-0123456789", **changed)
    told = [f"2> {each}" for each in plain(engineer.world, done.stderr) if each]
    return [line, *plain(engineer.world, done.stdout), *told, f"exit {done.returncode}", ""]


@pytest.mark.parametrize("name", [file.stem for file in sorted(HERE.iterdir())])
def test_every_word_is_as_it_was(engineer, name):
    expected = (HERE / f"{name}.txt").read_text().splitlines()
    found = []
    for line in expected:
        if line.startswith("# "):
            what, _, argument = line.removeprefix("# ").partition(" ")
            ARRANGE[what](engineer, argument)
            found.append(line)
        elif line.startswith("$ "):
            found += run(engineer, line)
    if os.environ.get("WRITE_TRANSCRIPTS"):
        (HERE / f"{name}.txt").write_text("\n".join(found) + "\n")
    assert found == expected
