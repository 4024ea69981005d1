"""What a port speaks that did not speak what was expected, plain HTTP or TLS; asked after a failure."""

import socket
from typing import Literal

SECONDS = 1.0
_ASKED = b"GET / HTTP/1.0\r\n\r\n"
"""No path, no token: what is learnt is how the answer begins."""
SPEAKS_TLS = (b"\x15\x03", b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server")
"""How answers to plain HTTP begin where TLS is spoken: an alert (RFC 8446), or the sentence of Go's net/http."""


def spoken(host: str, port: int) -> Literal["http", "https", ""]:
    """What is spoken there; empty where that cannot be told."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS) as stream:
            stream.settimeout(SECONDS)
            stream.sendall(_ASKED)
            answer = b""
            while len(answer) < max(map(len, SPEAKS_TLS)) and (piece := stream.recv(4096)):
                answer += piece
    except OSError:
        answer = b""
    if answer.startswith(b"HTTP/") and not answer.startswith(SPEAKS_TLS):
        return "http"
    return "https" if answer.startswith(SPEAKS_TLS) or _shakes_hands(host, port) else ""


def _shakes_hands(host: str, port: int) -> bool:
    """Whether the port speaks TLS: any certificate shows that, also one that does not verify. Nothing is sent."""
    import ssl  # only where something was wrong already

    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as stream,
            ssl.create_default_context().wrap_socket(stream, server_hostname=host),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return True
    except (OSError, ValueError):
        return False
