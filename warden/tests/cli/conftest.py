"""The platform engineer at the command line, with a lane."""

import os
import pty
import subprocess

import pytest


@pytest.fixture
def engineer(lane_world):
    """The platform engineer at the command line: rights of the shipped policies, journal of its own."""
    own = {
        "BAO_TOKEN": lane_world.server.token("platform"),
        "WARDEN_STATE": lane_world.server.state,
        "WARDEN_JOURNAL": str(lane_world.folder / "journal.db"),
        "COLUMNS": "100",
    }

    def run(*argv, **how):
        return lane_world.run(*argv, **(own | how))

    run.world, run.own = lane_world, own
    return run


@pytest.fixture
def applied(engineer):
    """What was made by hand before is taken over."""
    done = engineer("apply", engineer.world.lane, "--take-over", "--yes")
    assert done.returncode == 0, done.stderr
    return engineer


@pytest.fixture
def typing(engineer):
    """Starts ``warden ARGV`` on a terminal of its own: answers the process and the terminal's other end."""

    def start(*argv, **changed):
        master, slave = pty.openpty()
        environment = engineer.world.env(**engineer.own | changed)
        process = subprocess.Popen(
            ["warden", *argv], stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True
        )
        os.close(slave)
        return process, master

    return start
