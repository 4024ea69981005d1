"""One operation at a time, also between two processes, and never longer than the process lives."""

import os
import subprocess
import sys
import threading

import pytest

from warden.adapters.machine.lock import file_lock, held
from warden.cli.wiring_krl import pulling
from warden.core.errors import Held, Inconclusive
from warden.present.errors import hint

HOLD = """
import sys
from warden.adapters.machine.lock import held
with held(sys.argv[1], "x", "busy"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_told_and_the_next_may_when_the_first_is_done(tmp_path):
    path = str(tmp_path / "locks" / "a.lock")
    with (
        held(path, "warden apply", "changing the same server"),
        pytest.raises(Held, match="is changing the same server from this machine, and warden apply does not wait"),
        held(path, "warden apply", "changing the same server"),
    ):
        pytest.fail("two hold it")
    with held(path, "warden apply", "changing the same server"):
        assert os.stat(path).st_mode & 0o077 == 0
        assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0


def test_another_process_holds_it_until_it_is_killed(tmp_path):
    path = str(tmp_path / "a.lock")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Held), held(path, "x", "busy"):
            pytest.fail("two hold it")
        other.kill()
    with held(path, "x", "busy"):
        pass


def test_what_goes_wrong_meanwhile_leaves_as_it_is_and_lets_go(tmp_path):
    path = str(tmp_path / "a.lock")
    with pytest.raises(BlockingIOError), held(path, "x", "busy"):
        raise BlockingIOError("of the work, not of the lock")
    with held(path, "x", "busy"):
        pass


def test_a_lock_that_cannot_be_made_says_what_to_name_instead():
    with pytest.raises(Inconclusive, match="cannot be made") as fault, held("/proc/none/a.lock", "x", "busy"):
        pytest.fail("it was made")
    assert "WARDEN_STATE" in hint(fault.value)


def test_the_lock_of_a_krl_is_beside_its_file_and_says_so(tmp_path):
    (tmp_path / "revoked_keys.lock").mkdir()
    with pytest.raises(Inconclusive, match="cannot be made") as fault, pulling(str(tmp_path / "revoked_keys")):
        pytest.fail("it was made")
    assert "--file" in hint(fault.value)
    assert "WARDEN_STATE" not in hint(fault.value)


def test_who_waits_is_called_and_gets_it_when_it_is_free_or_gives_up(tmp_path):
    path, waited = str(tmp_path / "a.lock"), []
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, path], **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Held, match="busy"), file_lock(path, Held("busy"), patience=1.2, waiting=waited.append):
            pytest.fail("two hold it")
        assert waited
        began = threading.Timer(0.3, other.kill)
        began.start()
        with file_lock(path, Held("busy"), patience=30, waiting=waited.append):
            assert not began.is_alive()
