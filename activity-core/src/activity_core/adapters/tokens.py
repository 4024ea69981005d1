"""Bearer tokens: read from a file for each use, stored in no attribute, shown nowhere."""

from __future__ import annotations

import os
import select
import time

from activity_core.core.errors import UsageError

_LONGEST = 16384  # service-account tokens have about 1,000 characters
_PIPE_SECONDS = 10.0
"""How long a pipe, `<(command)` or a FIFO, may take until its writer closes it."""
_VISIBLE = range(0x21, 0x7F)


def bearer(path: str | None, *, variable: str, effect: str = "The model was not asked.") -> dict[str, str]:
    """The authorization header with the token in a file; no header if there is no file.

    The file is read for each use, since a projected token is renewed in place.

    Raises:
        UsageError: the file cannot be read, or contains no token. `variable` names it, `effect` is what did not happen.
    """
    if not path:
        return {}
    try:
        octets = _read(path)
    except TimeoutError:
        problem = f"is a pipe that was not closed within {_PIPE_SECONDS:g} s"
        raise _unusable_file(variable, path, problem, effect) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "unreadable"
        raise _unusable_file(variable, path, f"cannot be read ({reason.lower()})", effect) from None
    token = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not token or len(token) > _LONGEST or not all(octet in _VISIBLE for octet in token):
        problem = "contains no token: expected one line of printable ASCII without spaces"
        raise _unusable_file(variable, path, problem, effect)
    return {"authorization": f"Bearer {token.decode('ascii')}"}


def _read(path: str) -> bytes:
    """Read at most one byte more than a token may have. A pipe that nobody writes to raises TimeoutError."""
    end, read = time.monotonic() + _PIPE_SECONDS, b""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        while len(read) <= _LONGEST:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                raise TimeoutError
            octets = os.read(descriptor, _LONGEST + 1 - len(read))
            if not octets:
                break
            read += octets
    finally:
        os.close(descriptor)
    return read


def _unusable_file(variable: str, path: str, problem: str, effect: str) -> UsageError:
    message = f"the file in {variable} {problem}. {effect}"
    return UsageError("token-file", message, system="activity-core", subject=path, hint=f"correct {variable}")
