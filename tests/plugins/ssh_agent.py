"""A real ssh-agent of a test: in the foreground, at a socket of its own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Agent:
    """An ssh-agent; ``socket`` is what SSH_AUTH_SOCK names."""

    def __init__(self, socket: Path) -> None:
        self.socket = str(socket)

    def add(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """``ssh-add ARGUMENTS`` at this agent."""
        return subprocess.run(
            ["ssh-add", *arguments],
            env={"SSH_AUTH_SOCK": self.socket, "PATH": "/usr/bin:/bin", "SSH_ASKPASS_REQUIRE": "never"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    def listed(self) -> list[str]:
        """The lines of ``ssh-add -L``."""
        return [line for line in self.add("-L").stdout.splitlines() if line.startswith(("ssh-", "ecdsa-", "sk-"))]


@contextmanager
def running(folder: Path) -> Iterator[Agent]:
    """An agent for as long as the block runs. Folders of tests can be longer than a socket's name may be."""
    socket = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not socket.exists():
            assert process.poll() is None, "ssh-agent ended"
            assert time.monotonic() < end, "ssh-agent did not make its socket"
            time.sleep(0.01)
        yield Agent(socket)
    finally:
        process.terminate()
        process.wait(10)
        with suppress(FileNotFoundError):
            socket.unlink()
