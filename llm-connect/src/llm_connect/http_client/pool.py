"""The connections to one server: opened when they are needed, kept for the next request, closed when they are idle."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from aiohappyeyeballs import start_connection

from llm_connect import __version__
from llm_connect.http_client.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDLE_SECONDS = 30.0
_NEXT_ADDRESS_SECONDS = 0.25
"""RFC 8305 ("Happy Eyeballs"), "Connection Attempt Delay": what a host costs whose IPv6 leads nowhere."""
_PORTS = {"http": 80, "https": 443}
_LEFT_IN_PATHS = "/%:@!$&'()*+,;=~"


class Unreachable(Exception):
    """No connection: the name is unknown, nobody listens, nobody answered in time, or it ended in the handshake."""


class Untrusted(Exception):
    """There is no TLS with it, or its certificate is not accepted."""


class Pool:
    """Connections to the server of one URL.

    Args:
        url: http or https, without user, query and fragment.
        authorities: PEM; they are accepted beside the system's.

    Raises:
        ValueError: the authorities hold no certificate.
    """

    def __init__(self, url: str, authorities: bytes | None = None) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = trusting(authorities) if parts.scheme == "https" else None
        path = quote(parts.path or "/", safe=_LEFT_IN_PATHS)
        self._line = f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\nuser-agent: llm-connect/{__version__}\r\n"
        self._idle: list[Connection] = []
        self._dropping: asyncio.TimerHandle | None = None

    def head(self, headers: Mapping[str, str], length: int) -> bytes:
        """Request line and headers of a POST with a body of `length` bytes.

        Raises:
            ValueError: a header holds what would end it.
        """
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        if any(not line[:-2].isprintable() for line in lines):
            raise ValueError("a header holds a control character")
        return f"{self._line}{''.join(lines)}content-length: {length}\r\n\r\n".encode("latin-1")

    async def take(self, seconds: float) -> Connection:
        """A connection, one of before if there is one; it is given back by `give`.

        Args:
            seconds: how long opening one may take.

        Raises:
            Unreachable, Untrusted: see there; nothing was sent.
        """
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:  # nobody closed it meanwhile
                return connection
        try:
            async with asyncio.timeout(seconds):
                return await self._opened(seconds)
        except TimeoutError:
            raise Unreachable from None

    async def _opened(self, seconds: float) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            sock = await start_connection(addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS)
        except (OSError, RuntimeError, UnicodeError):  # RuntimeError: some of uvloop's; UnicodeError: of no name's form
            raise Unreachable from None
        # The loop's own time for a handshake is a minute, and ours may be longer.
        tls: dict[str, Any] = {"server_hostname": self._host, "ssl_handshake_timeout": seconds + 1} if self._tls else {}
        try:  # from here on the socket is the transport's, which closes it
            _, connection = await loop.create_connection(lambda: Connection(loop), sock=sock, ssl=self._tls, **tls)
        except ssl.SSLError:
            raise Untrusted from None
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise Unreachable from None
        return connection

    def give(self, connection: Connection) -> None:
        """Keep it for the next request, or close it where its answer was not read to the end."""
        if not connection.reusable:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._dropping is None:
            self._dropping = loop.call_later(_IDLE_SECONDS, self._drop)

    def _drop(self) -> None:
        """Close what has been idle for long, and look again when the next one will have been."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._idle and self._idle[0].idle_since + _IDLE_SECONDS <= now:
            self._idle.pop(0).abort()
        self._dropping = loop.call_at(self._idle[0].idle_since + _IDLE_SECONDS, self._drop) if self._idle else None

    def close(self) -> None:
        """Close those that are idle."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()
        if self._dropping is not None:
            self._dropping.cancel()
            self._dropping = None


@lru_cache(maxsize=8)
def trusting(authorities: bytes | None) -> ssl.SSLContext:
    """TLS that accepts the system's authorities, and these. Reading the system's takes 20 ms: once for all providers.

    Args:
        authorities: PEM; what is no certificate in it is passed over.

    Raises:
        ValueError: they hold no certificate.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if authorities is not None:
        try:
            context.load_verify_locations(cadata=authorities.decode("ascii", "ignore"))
        except (ssl.SSLError, ValueError):  # of an empty text the latter
            raise ValueError("holds no certificate in PEM") from None
    return context
