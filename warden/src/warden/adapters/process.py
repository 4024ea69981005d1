"""Becoming another program: the child is this process, so signals, exit code, terminal and job control are its own.

``env``  all fields of the lane in its environment, which it can print and its own children inherit
``fd``   each field as a sealed memory file (memfd_create(2)), ``<FIELD>_FILE=/proc/self/fd/N``: not in the environment,
         on no disk, and nobody can change it
"""

import errno
import fcntl
import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from warden.adapters.machine.child import is_credential
from warden.core.errors import CannotRun, CommandNotFound, Effect
from warden.core.remedies import RunProgram
from warden.core.secret import Secret

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


class Exec:
    """The port Runner: exec in place of this process."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, command: str) -> str:
        """The program that `command` names, as execvp(3) would find it.

        Raises:
            CommandNotFound: there is none (exit 127).
            CannotRun: there is one, and it cannot be run (exit 126).
        """
        if os.sep in command:
            candidates = [command]
        else:
            path = self._environ.get("PATH", os.defpath)
            candidates = [os.path.join(folder or os.curdir, command) for folder in path.split(os.pathsep)]
        there = [each for each in candidates if command and os.path.exists(each)]
        for each in there:
            if os.path.isfile(each) and os.access(each, os.X_OK):
                return each
        if not there:
            raise _not_found(command)
        raise _cannot(there[0], "is a directory" if os.path.isdir(there[0]) else "is not executable")

    def exec(self, program: str, argv: Sequence[str], secrets: Mapping[str, Secret], *, as_files: bool) -> NoReturn:
        """Become `program`. Raises `CannotRun` where that is not possible; then nothing was started."""
        # Neither form of a field is left from before: which of the two a program looks at first is its own affair.
        replaced = {form.encode() for name in secrets for form in (name, f"{name}_FILE")}
        environ = {
            name: value
            for name, value in os.environb.items()
            if not is_credential(os.fsdecode(name)) and name not in replaced
        }
        environ |= _as_files(secrets) if as_files else _as_variables(secrets)
        _restore_signals()
        try:
            os.execve(program, list(argv), environ)  # noqa: S606 - no shell, and the caller's own command
        except OSError as fault:
            raise _cannot(program, _exec_problem(fault)) from None
        except ValueError:
            raise _cannot(
                program, "was given an argument or value with a NUL byte, which no program can be given"
            ) from None


def _as_variables(secrets: Mapping[str, Secret]) -> dict[bytes, bytes]:
    return {name.encode(): _bytes(secret) for name, secret in secrets.items()}


def _as_files(secrets: Mapping[str, Secret]) -> dict[bytes, bytes]:
    return {f"{name}_FILE".encode(): f"/proc/self/fd/{_sealed(name, s)}".encode() for name, s in secrets.items()}


def _sealed(name: str, secret: Secret) -> int:
    """A read-only descriptor of a memory file that can be changed by nobody, and that the child inherits."""
    writable = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        rest = memoryview(_bytes(secret))
        while rest:
            rest = rest[os.write(writable, rest) :]
        fcntl.fcntl(writable, fcntl.F_ADD_SEALS, _SEALS)
        readable = os.open(f"/proc/self/fd/{writable}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writable)
    os.set_inheritable(readable, True)
    return readable


def _bytes(secret: Secret) -> bytes:
    """JSON may hold half a surrogate pair; an error about it would quote the value."""
    return secret.reveal().encode("utf-8", "surrogatepass")


def _restore_signals() -> None:
    """Leave nothing of Python's behind: what it ignores would stay ignored in the child."""
    import signal

    sys.stdout.flush()
    sys.stderr.flush()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def _exec_problem(fault: OSError) -> str:
    if fault.errno == errno.ENOEXEC:
        return "is neither a program nor a script with a #! line"
    if fault.errno == errno.E2BIG:
        return "was given more than the system takes (a value over 128 KiB goes with --as fd)"
    return f"cannot be run ({os.strerror(fault.errno or 0).lower()})"


def _not_found(command: str) -> CommandNotFound:
    return CommandNotFound(
        f"{command or '(an empty name)'} was not found",
        effect=Effect.NOTHING_READ,
        system="command",
        subject=command,
        hint="check the name, or give the whole path: -- /path/to/COMMAND",
    )


def _cannot(program: str, why: str) -> CannotRun:
    return CannotRun(
        f"{program} {why}",
        system="command",
        subject=program,
        hint="check it",
        remedy=(RunProgram(("ls", "-l"), (program,)),),
    )
