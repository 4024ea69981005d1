"""Which addresses are this machine itself."""

import socket


def is_loopback(host: str) -> bool:
    """Whether the host can only be this machine: ``localhost``, ``::1`` or an address of 127.0.0.0/8."""
    if host in {"localhost", "::1"}:
        return True
    try:
        return socket.inet_aton(host)[0] == 127 and host.count(".") == 3  # noqa: PLR2004 - 127.0.0.0/8, RFC 1122
    except OSError:
        return False
