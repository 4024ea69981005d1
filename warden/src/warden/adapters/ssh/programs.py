"""ssh-keygen and ssh-add of this machine, run without the caller's way to OpenBao in their environment."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec

from warden.adapters.machine.child import environment
from warden.core.quoting import quoted

SECONDS = 300
"""How long one may take: somebody may have to type a passphrase, or to touch a key."""


class NotRun(Exception):
    """Why a program could not be run, as a clause. It does not leave the adapters."""


class NotEnded(NotRun):
    """It was run, and did not end in time."""


class Ended(msgspec.Struct, frozen=True):
    """How a program ended, and what it said."""

    code: int
    out: bytes
    err: str

    @property
    def last_words(self) -> str:
        """The last line of its standard error, as a clause; where that is empty, how it ended."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        return quoted(lines[-1].rstrip(".")) if lines else f"it ended with code {self.code}"


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    given: bytes = b"",
    *,
    asks: bool = False,
    folder: str | None = None,
) -> Ended:
    """Run it in `folder` with `given` at its standard input. Raises `NotRun`.

    What `asks` may ask for a passphrase or a PIN: at the terminal, if standard input is one, or else by the program
    that SSH_ASKPASS names. Nothing else can wait for anybody.
    """
    terminal = asks and sys.stdin is not None and sys.stdin.isatty()
    quiet = {} if terminal else {"SSH_ASKPASS_REQUIRE": _require(environ) if asks else "never"}
    try:
        done = subprocess.run(
            list(argv),
            input=given,
            capture_output=True,
            env={**environment(environ), **quiet, "LC_ALL": "C"},
            timeout=SECONDS,
            check=False,
            cwd=folder,
            start_new_session=not terminal,  # no terminal of its own to wait at
        )
    except FileNotFoundError:
        raise NotRun(f"{argv[0]} is not here{'; it comes with OpenSSH' if argv[0].startswith('ssh') else ''}") from None
    except OSError as fault:
        raise NotRun(f"{argv[0]} cannot be run ({os.strerror(fault.errno or 0).lower()})") from None
    except subprocess.TimeoutExpired:
        raise NotEnded(f"{argv[0]} did not end within {SECONDS} s") from None
    return Ended(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def _require(environ: Mapping[str, str]) -> str:
    """Whether ssh's programs are to ask with SSH_ASKPASS: where the caller named one, and did not say never."""
    named = environ.get("SSH_ASKPASS") and environ.get("SSH_ASKPASS_REQUIRE", "").lower() != "never"
    return "force" if named else "never"
