"""End what a program left running when it was killed: ``reaper.py PID DIRECTORY``.

Nothing cleans up after SIGKILL or a time limit, and the servers of a test run or a demo live on. A reaper is a process
of its own session. It waits until PID has ended, however that came, and then ends every process that names DIRECTORY in
its command line, its environment or its working directory; with ``--remove`` the directory goes, too.
"""

import contextlib
import os
import re
import select
import shutil
import sys
from pathlib import Path

import psutil

PATIENCE = 3.0
"""Seconds between SIGTERM and SIGKILL."""


def watch(directory: Path, *, remove: bool = False) -> None:
    """Start a reaper for this process and for what it starts in `directory`."""
    argv = [sys.executable, __file__, str(os.getpid()), str(directory), *(["--remove"] if remove else [])]
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    os.posix_spawn(sys.executable, argv, {}, file_actions=silent, setsid=True)


def wait_for(pid: int) -> None:
    """Return when that process, which must be the parent, has ended."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        if os.getppid() == pid:  # otherwise it ended before, and its number may be another process's
            ended = select.poll()
            ended.register(descriptor, select.POLLIN)
            ended.poll()
        os.close(descriptor)


def of(directory: Path) -> list[psutil.Process]:
    """The processes that name the directory; neither this one nor another reaper."""
    path = re.compile(re.escape(str(directory)) + r"(?![\w.-])")
    return [each for each in psutil.process_iter() if each.pid != os.getpid() and _names(each, path)]


def _names(process: psutil.Process, path: re.Pattern[str]) -> bool:
    try:
        command = process.cmdline()
        places = (*command, *process.environ().values(), process.cwd())
    except psutil.Error:
        return False
    return __file__ not in command and any(map(path.search, places))


def end(directory: Path) -> None:
    """SIGTERM, and SIGKILL for those that stay; again, because a server may have started another one."""
    while found := of(directory):
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        _, left = psutil.wait_procs(found, PATIENCE)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, PATIENCE)


def main(pid: str, directory: str, *options: str) -> None:
    """Wait, end, and remove."""
    wait_for(int(pid))
    end(Path(directory))
    if "--remove" in options:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
