"""Resetting a connection: what a crashed upstream looks like, which ASGI has no word for."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

_LINGER_NOT = struct.pack("ii", 1, 0)


class ResettableProtocol(H11Protocol):
    """uvicorn's protocol, which remembers its connections by the client's address."""

    open_connections: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn's, and remember."""
        super().connection_made(transport)
        if self.client:
            self.open_connections[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's, and forget."""
        if self.client:
            self.open_connections.pop(self.client, None)
        super().connection_lost(exc)


def reset(client: tuple[str, int]) -> None:
    """Send RST to `client`: closing with a linger of zero seconds makes the kernel do so."""
    transport = ResettableProtocol.open_connections.get(client)
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()


def cut(client: tuple[str, int]) -> None:
    """Close the connection to `client` after what was written, whether or not the answer is whole."""
    transport = ResettableProtocol.open_connections.get(client)
    if transport is not None:
        transport.close()
