"""Programs that run beside warden for a while, and end with it, however it ends."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from warden.adapters.machine.child import environment
from warden.adapters.ssh.programs import NotRun

_SECONDS = 5
"""How long one may take to end when it is asked to."""


def start(argv: Sequence[str], environ: Mapping[str, str], folder: str) -> "subprocess.Popen[bytes]":
    """Start it in `folder`, with nothing to read and nowhere to write. Raises `NotRun`.

    Where there is ``setpriv`` (util-linux), the kernel ends it when this process is killed.
    """
    ends_with_us = shutil.which("setpriv", path=environ.get("PATH"))
    whole = [ends_with_us, "--pdeathsig", "TERM", *argv] if ends_with_us else list(argv)
    nowhere = subprocess.DEVNULL
    try:
        return subprocess.Popen(
            whole, stdin=nowhere, stdout=nowhere, stderr=nowhere, cwd=folder, env=environment(environ)
        )
    except OSError as fault:
        raise NotRun(f"{argv[0]} cannot be run ({os.strerror(fault.errno or 0).lower()})") from None


def end(process: "subprocess.Popen[bytes]") -> None:
    """End it, and wait until it has."""
    process.terminate()
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
