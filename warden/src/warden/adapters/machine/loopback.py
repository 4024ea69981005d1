"""Which addresses are this machine itself."""

import socket


def is_loopback(host: str) -> bool:
    """Whether the host can only be this machine: ``localhost``, ``::1`` or an address of 127.0.0.0/8.

    In IPv6 also one that is mapped, ``::ffff:127.0.0.1`` (RFC 4291, 2.5.5.2).
    """
    host = host.lower()
    if host in {"localhost", "localhost.", "::1"}:
        return True
    try:
        return _v4(host)[0] == 127 and host.count(".") == 3  # noqa: PLR2004 - 127.0.0.0/8, RFC 1122
    except OSError:
        return False


def _v4(host: str) -> bytes:
    return socket.inet_aton(host.removeprefix("::ffff:"))
