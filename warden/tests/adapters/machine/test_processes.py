"""Whether the process that a record names still runs: by its number and its start, on this host."""

import datetime as dt
import subprocess
import sys

import pytest

from warden.adapters.machine.processes import FAR, runs, this_process
from warden.core.journal.operations import Process

NOW = dt.datetime.now(dt.UTC)


def test_this_process_runs():
    assert runs(this_process(), dt.datetime.now(dt.UTC), NOW)


def test_a_process_that_was_killed_does_not_run_even_as_a_zombie():
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    one = Process(this_process().host, started.pid)
    since = dt.datetime.now(dt.UTC)
    assert runs(one, since, since)
    started.kill()
    started.wait()
    assert not runs(one, since, since)


def test_a_process_that_got_the_number_later_is_another_one():
    assert not runs(this_process(), NOW - dt.timedelta(days=1), NOW)


@pytest.mark.parametrize("process", [None, Process("elsewhere", 1)])
def test_what_cannot_be_looked_at_counts_as_running_for_a_while(process):
    assert runs(process, NOW, NOW + FAR - dt.timedelta(seconds=1))
    assert not runs(process, NOW, NOW + FAR)
