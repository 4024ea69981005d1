"""A folder that is gone afterwards, also where its process was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from warden.adapters.machine.own_folder import own_folder

LEAVES_IT = "import sys, time; from warden.adapters.machine.own_folder import own_folder\n"
LEAVES_IT += "with own_folder('warden-x-', sys.argv[1]) as folder: print(folder, flush=True); time.sleep(60)"


@pytest.fixture
def other(tmp_path):
    """Another process that has such a folder, and the folder."""
    with subprocess.Popen([sys.executable, "-c", LEAVES_IT, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def age(folder):
    os.utime(folder, (1, 1))


def test_it_is_gone_afterwards(tmp_path):
    with own_folder("warden-x-", str(tmp_path)) as folder:
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        Path(folder, "key").write_text("k")
    assert list(tmp_path.iterdir()) == []


def test_the_next_one_removes_what_a_killed_process_left(tmp_path, other):
    process, left = other
    (left / "host_key").write_text("k")
    age(left)
    with own_folder("warden-x-", str(tmp_path)):
        assert left.is_dir(), "it still runs"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with own_folder("warden-x-", str(tmp_path)):
        assert not left.exists()


def test_what_is_new_or_not_such_a_folder_stays(tmp_path):
    """Another process may be about to lock a new one; a link could lead to any folder."""
    there = tmp_path / "there"
    for folder in (there, tmp_path / "warden-x-new", tmp_path / "warden-y-old"):
        folder.mkdir()
    (tmp_path / "warden-x-link").symlink_to(there)
    (tmp_path / "warden-x-file").write_text("")
    for path in (there, tmp_path / "warden-y-old", tmp_path / "warden-x-file"):
        age(path)
    os.utime(tmp_path / "warden-x-link", (1, 1), follow_symlinks=False)
    before = set(tmp_path.iterdir())
    with own_folder("warden-x-", str(tmp_path)) as made:
        assert set(tmp_path.iterdir()) == before | {Path(made)}
