"""Ports of 127.0.0.1: one for a server that is yet to start, and one where nobody listens.

The kernel gives whoever connects, or asks for any port, one of a range (``ip_local_port_range``, ip(7)). A port of that
range that was free a moment ago can be somebody else's by the time that a server binds it, or starts again.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOWEST = 10_000
"""Below are ports that services of a machine have by custom."""
_AT_RANDOM = random.SystemRandom()  # and not the shared generator, which Hypothesis sets to the same in each process


def free_port() -> int:
    """A port that nobody has, outside the kernel's range: nobody is given it by chance."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    outside = [*range(LOWEST, first), *range(last + 1, 65536)] or range(LOWEST, 65536)
    while not _binds(port := _AT_RANDOM.choice(outside)):
        pass
    return port


def _binds(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port where nobody listens, nor can anybody else begin to: it is bound, and connections are refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
