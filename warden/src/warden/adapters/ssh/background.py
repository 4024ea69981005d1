"""Programs that run beside warden for a while, and end with it, however it ends.

Each runs below a shell that holds one end of a pipe. When the other end is closed, by warden or by the end of warden,
the shell ends the program. ``PR_SET_PDEATHSIG`` would not do: it is cleared for ssh-agent, which is set-group-ID.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from warden.adapters.machine.child import environment
from warden.adapters.ssh.programs import NotRun

_SECONDS = 5
"""How long one may take to end when it is asked to."""
_SHELL = """\
exec 3<&0
"$@" </dev/null 3<&- & program=$!
{ read -r _ <&3; kill $program; } 2>/dev/null & watcher=$!
exec 3<&-
wait $program; code=$?
kill $watcher 2>/dev/null
exit $code
"""


def start(
    argv: Sequence[str], environ: Mapping[str, str], folder: str | None = None, *, heard: bool = False
) -> "subprocess.Popen[bytes]":
    """Start it in `folder`, with nothing to read; what it writes is read if it is to be `heard`. Raises `NotRun`."""
    there = subprocess.PIPE if heard else subprocess.DEVNULL
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _SHELL, "sh", *argv],
            stdin=subprocess.PIPE,
            stdout=there,
            stderr=there,
            cwd=folder,
            env={**environment(environ), "LC_ALL": "C"},
            start_new_session=True,  # Ctrl-C is warden's to handle
        )
    except OSError as fault:
        raise NotRun(f"{argv[0]} cannot be run ({os.strerror(fault.errno or 0).lower()})") from None


def ask_to_end(process: "subprocess.Popen[bytes]") -> None:
    """Have it ended, and do not wait for it."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()


def end(process: "subprocess.Popen[bytes]") -> None:
    """End it, and wait until it has."""
    ask_to_end(process)
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
