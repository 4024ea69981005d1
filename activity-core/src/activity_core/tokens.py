"""Bearer tokens: read from a file for each use, held in no attribute, shown nowhere."""

from __future__ import annotations

import os
import select
import time

from activity_core.faults import WrongUsage

_LONGEST = 16384  # service-account tokens have about 1,000 characters
_SECONDS = 10.0
"""For a pipe, `<(command)` or a FIFO, until its writer is done."""
_VISIBLE = range(0x21, 0x7F)


def bearer(path: str | None, *, of: str, therefore: str = "Nothing was asked.") -> dict[str, str]:
    """The authorization header with the token in a file; no header where no file is named.

    The file is read for each use: a projected token is renewed in place.

    Raises:
        WrongUsage: the file cannot be read, or holds no token; `of` is where it was given, `therefore` what that costs.
    """
    if not path:
        return {}
    try:
        octets = _read(path)
    except TimeoutError:
        raise _unusable(of, path, f"is a pipe that did not come to its end within {_SECONDS:g} s", therefore) from None
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or "unreadable"
        raise _unusable(of, path, f"cannot be read ({reason.lower()})", therefore) from None
    token = octets.removesuffix(b"\n").removesuffix(b"\r")
    if not token or len(token) > _LONGEST or not all(octet in _VISIBLE for octet in token):
        raise _unusable(of, path, "holds no token: one line of printable ASCII without spaces", therefore)
    return {"authorization": f"Bearer {token.decode('ascii')}"}


def _read(path: str) -> bytes:
    """At most one octet more than a token has. A pipe that nobody writes to has a time: TimeoutError."""
    end, read = time.monotonic() + _SECONDS, b""
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


def _unusable(of: str, path: str, said: str, therefore: str) -> WrongUsage:
    message = f"the file of {of} {said}. {therefore}"
    return WrongUsage("token-file", message, system="activity-core", subject=path, hint=f"correct {of}")
