"""The address that a server listens on, and the signals that end it."""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130


class CannotListen(Exception):
    """The address cannot be used; `str()` says why."""


def reserve(host: str, port: int) -> socket.socket:
    """A socket that is bound and does not listen: the port stays ours until granian listens on it; 0 takes a free one.

    Raises:
        CannotListen: the host is unknown here, or the port is in use or not permitted.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return _bound(family, address)
    except (OSError, UnicodeError) as error:
        in_use = getattr(error, "errno", None) == errno.EADDRINUSE
        reason = "the port is in use" if in_use else _reason(error)
        raise CannotListen(f"cannot listen on {host}:{port}: {reason}") from None


def _bound(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or "not a valid host name").lower()


def url_of(sock: socket.socket) -> str:
    """The http URL of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if sock.family == socket.AF_INET6 else f"http://{host}:{port}"


def announce_url(url: str) -> None:
    """Print the one line on standard output that whoever started this process waits for."""
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


def stop_on_signals(stop: Callable[[int], None]) -> None:
    """Call `stop` with the exit code at SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, INTERRUPTED)
