"""The http proxy that leads to OpenBao: which one, and the tunnel through it (CONNECT, RFC 9110, 9.3.6).

BAO_PROXY_ADDR goes before BAO_HTTP_PROXY, and both before HTTPS_PROXY and NO_PROXY, as in ``bao``. The proxy learns
host and port; token and values pass it encrypted. This machine itself is never reached through a proxy.
"""

import socket
import time
from collections.abc import Mapping

import msgspec

from warden.adapters.machine.loopback import is_loopback
from warden.adapters.machine.proxy import proxy_for
from warden.adapters.openbao.variables import named, variable
from warden.core.errors import Effect, UsageError
from warden.core.secret import Secret

MAX_HEAD = 65536


class Proxy(msgspec.Struct, frozen=True):
    """Where it is, what says who the caller is, and which variable named it."""

    host: str
    port: int
    authorization: Secret | None
    source: str

    def __str__(self) -> str:
        return f"the proxy {self.host}:{self.port} ({self.source})"


class NoTunnel(Exception):
    """The proxy does not lead to the server: why."""


def find(environ: Mapping[str, str], host: str, port: int) -> Proxy | None:
    """The proxy for an https server. Raises `UsageError` where it is not an http proxy."""
    if is_loopback(host):
        return None
    for name in ("PROXY_ADDR", "HTTP_PROXY"):
        if own := variable(environ, name):
            return _parsed(own, named(environ, name))
    if found := proxy_for(environ, host, port):
        return _parsed(found, "HTTPS_PROXY")
    return None


def _parsed(text: str, source: str) -> Proxy:
    import base64  # only where there is a proxy, as the next
    from urllib.parse import unquote, urlsplit

    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port or 80
    except ValueError:
        host, port = None, 0
    if host is None or url.scheme != "http":
        raise UsageError(
            f"{source} is not the URL of an http proxy",
            effect=Effect.NOTHING_ASKED,
            hint="write http://host:port; https and socks5 proxies are not supported",
        )
    authorization = None
    if url.username is not None:
        words = f"{unquote(url.username)}:{unquote(url.password or '')}"
        authorization = Secret(f"Basic {base64.b64encode(words.encode()).decode()}")
    return Proxy(host, port, authorization, source)


def tunnel(proxy: Proxy, host: str, port: int, deadline: float) -> socket.socket:
    """A socket that ends at the server; `deadline` is of `time.monotonic`.

    Raises:
        OSError: the proxy cannot be reached, or not in time.
        NoTunnel: it refused, or does not speak HTTP.
    """
    stream = socket.create_connection((proxy.host, proxy.port), timeout=_left(deadline))
    try:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {proxy.authorization.reveal()}")
        stream.sendall("\r\n".join([*lines, "", ""]).encode())
        _expect_tunnel(stream, deadline)
    except BaseException:
        stream.close()
        raise
    return stream


def _expect_tunnel(stream: socket.socket, deadline: float) -> None:
    """Read the head of the proxy's answer and nothing beyond it: what follows is the server's."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        stream.settimeout(_left(deadline))
        piece = stream.recv(1)
        if not piece or len(head) > MAX_HEAD:
            raise NoTunnel("closed the connection without an answer")
        head += piece
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise NoTunnel("does not speak HTTP")
    if not rest.startswith(b"2"):
        raise NoTunnel(f"refused to lead there ({rest[:3].decode()})")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
