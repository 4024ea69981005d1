"""The embedded platform's processes: found by what they run, not by a remembered number.

A process is ours when its program has the name and one of its arguments, or of the variables it was started with, is
the mark that names our files; so a pid that was reused, a server that outlived the command which started it, and one
that somebody else started are told apart. Linux only: a program's name is read from ``/proc``.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec
import psutil

from warden.adapters.dev.state import SYSTEM
from warden.core.errors import NotFound, ServerFault
from warden.core.remedies import Remedy

STOP_SECONDS = 20.0
PORT_SECONDS = 0.5
SHOWN_SECONDS = 0.5
_T = TypeVar("_T")


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One program as it is started and as it is found again.

    Attributes:
        title: as people call it.
        path: the executable; its file name is what `find` looks for.
        arguments: what it is started with, without the program's own name.
        mark: the argument, or the ``NAME=value`` of its environment, that no other process has.
        home: the directory that it works in.
        log: the file that its output goes to, emptied at each start.
        environ: its environment beside PATH and HOME.
        hint: what to do where it cannot be run.
        remedy: as a step, after the hint.
    """

    title: str
    path: str
    arguments: tuple[str, ...]
    mark: str
    home: str
    log: str
    environ: Mapping[str, str] = {}
    hint: str = ""
    remedy: Remedy = ()

    @property
    def pid(self) -> int | None:
        """The process that runs it now."""
        return find(os.path.basename(self.path), self.mark)

    def start(self) -> int:
        """Start it in a session of its own; answers its pid. Raises `NotFound` where it cannot be run."""
        return _spawn(self)

    def bring_up(self, is_ready: Callable[[int], bool]) -> bool:
        """Start it and ask `is_ready` of its pid; what is not ready, or was interrupted on its way, is ended.

        Found by its mark and not by its pid: Ctrl-C can come while it runs already and `start` has not answered yet.
        """
        ready = False
        try:
            ready = is_ready(self.start())
        except KeyboardInterrupt:
            wait_for(lambda: self.pid, SHOWN_SECONDS)  # it may run and not show its name yet
            raise
        finally:
            if not ready:
                self.stop()
        return ready

    def stop(self) -> bool:
        """End it; answers whether it ran. Raises `ServerFault` where it does not end."""
        pid = self.pid
        if pid is not None:
            stop(pid, self)
        return pid is not None


def find(name: str, mark: str) -> int | None:
    """The pid of the process whose program has that name and that has that mark."""
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error):
            if _runs(pid, name) and mark in _marks(psutil.Process(pid)):
                return pid
    return None


def _runs(pid: int, name: str) -> bool:
    """Whether the program has that name now.

    By the link itself: a `psutil.Process` of each process takes five times as long, which is waited for in a loop, and
    `psutil.process_iter` remembers what a process ran before it became another program.
    """
    try:
        return os.path.basename(os.readlink(f"/proc/{pid}/exe")).removesuffix(" (deleted)") == name
    except OSError:
        return False


def _marks(running: psutil.Process) -> Iterator[str]:
    yield from running.cmdline()
    yield from (f"{name}={value}" for name, value in running.environ().items())


def listens(pid: int, port: int) -> bool:
    """Whether that process owns a socket that listens on the port."""
    with contextlib.suppress(psutil.Error):
        sockets = psutil.Process(pid).net_connections("tcp4")
        return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in sockets)
    return False


def free_port(preferred: int = 0) -> int:
    """`preferred` where nobody listens there, else one that the kernel picks. It may be taken before it is used.

    A server that was killed a moment ago holds its port for some milliseconds more: that is waited for.
    """
    wait_for(lambda: _can_bind(preferred), PORT_SECONDS)
    found = _can_bind(preferred) or _can_bind(0)
    if found is None:
        raise ServerFault("no loopback port is free", system=SYSTEM)
    return found


def _can_bind(port: int) -> int | None:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: skip TIME_WAIT
        probe.bind(("127.0.0.1", port))
        number: int = probe.getsockname()[1]
        return number
    return None


def _spawn(program: Program) -> int:
    import subprocess  # only where a server is started

    with os.fdopen(os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        try:
            started = subprocess.Popen(
                [program.path, *program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=program.home,
                env={"PATH": "/usr/bin:/bin", "HOME": program.home, **program.environ},
                start_new_session=True,
            )
        except OSError as fault:
            raise NotFound(
                f"{program.path} cannot be run ({fault.strerror})",
                system=SYSTEM,
                subject=program.path,
                hint=program.hint,
                remedy=program.remedy,
            ) from fault
    started.returncode = 0  # it outlives us on purpose: no ResourceWarning, and nobody but `ended` waits for it
    return started.pid


def ended(pid: int) -> bool:
    """Whether that process has ended; reaps it where it is a child of ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_for(attempt: Callable[[], _T | None], seconds: float) -> _T | None:
    """Try until it answers something or the time is over, 100 times a second."""
    end = time.monotonic() + seconds
    while (answer := attempt()) is None and time.monotonic() < end:
        time.sleep(0.01)
    return answer


def stop(pid: int, program: Program) -> None:
    """End it: SIGTERM, and SIGKILL after `STOP_SECONDS`. Raises `ServerFault` where it is still there then."""
    for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        if program.pid == pid:  # never a process that got the number since
            os.kill(pid, number)
        if wait_for(lambda: ended(pid) or None, patience):
            return
    raise ServerFault(
        f"{program.title} (pid {pid}) does not end",
        system=SYSTEM,
        subject=str(pid),
        hint=f"kill -9 {pid}",
    )
