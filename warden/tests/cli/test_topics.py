"""The topics say what the code does: the table of exit codes, and every variable that is read."""

import json
import re
import subprocess
import sys
from pathlib import Path

import warden
from warden.core.errors import EXIT_MEANING

BIN = str(Path(sys.executable).parent / "warden")
SOURCE = Path(warden.__file__).parent


def told(topic):
    return json.loads(subprocess.run([BIN, "help", topic, "--json"], capture_output=True, check=True).stdout)


def test_every_exit_code_is_in_the_table():
    assert [row["code"] for row in told("exit-codes")] == [int(code) for code in EXIT_MEANING]


def test_every_variable_of_wardens_own_that_is_read_is_explained():
    read = set()
    for path in SOURCE.rglob("*.py"):
        read |= set(re.findall(r"WARDEN_[A-Z_]+", path.read_text()))
    explained = " ".join(row["variables"] for row in told("environment"))
    assert {name for name in read - {"WARDEN_COMPLETE"} if name not in explained} == set()


def test_every_command_that_the_topic_of_ssh_names_exists():
    for row in told("ssh"):
        argv = [word for word in row["command"].split()[1:] if word.islower() and not word.startswith("-")]
        assert subprocess.run([BIN, *argv, "--help"], capture_output=True, check=False).returncode == 0, row


def test_every_topic_is_listed():
    listed = [row["topic"] for row in told("topics")]
    assert {"exit-codes", "environment", "ssh"} == set(listed)
    for topic in listed:
        assert told(topic)
