"""The channel that is a command of the platform team: each notice is one JSON document on its stdin.

No shell, and no credential of the caller in its environment; what it prints is nobody's. A command that takes longer
than it may is killed with everything it started.
"""

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Sequence

from warden.adapters.machine.child import environment
from warden.core.notices.notice import Notice
from warden.core.notices.outbox import Channel
from warden.ports.notices import NotSent


class NoticeCommand:
    """The port NoticeChannel on a program; `directory` is where it runs, and where a relative name is looked for."""

    name: Channel = "notify"

    def __init__(self, argv: Sequence[str], directory: str) -> None:
        self._argv = list(argv)
        self._directory = directory
        self.where = shlex.join(self._argv)

    def send(self, document: bytes, notice: Notice, patience: float) -> None:
        """Run it. Raises `NotSent` where it cannot be run, is too slow, or ends with another code than 0."""
        extra = {"NOTICE_KIND": notice.kind, "NOTICE_ID": notice.id}
        try:
            started = subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._directory,
                env=environment(os.environ) | extra,
                process_group=0,
            )
        except (OSError, ValueError):
            raise NotSent("not-run") from None
        with started:
            try:
                started.communicate(document, timeout=patience)
            except subprocess.TimeoutExpired:
                _kill(started)
                raise NotSent("timed-out") from None
            except BaseException:
                _kill(started)
                raise
        if started.returncode:
            raise NotSent("ended", started.returncode, again=True)


def _kill(started: "subprocess.Popen[bytes]") -> None:
    """End the program and what it started; they are a process group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
