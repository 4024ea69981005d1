"""Publishes a KRL and its signature over HTTP with aiohttp (https://docs.aiohttp.org/en/stable/web_reference.html).

Two files of one directory, whatever they are at that moment; aiohttp answers conditional requests by their ETag.
Nothing is secret here, and both files are signed: TLS is for a proxy before it.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from warden.core.errors import Effect, UsageError
from warden.core.ssh.krl import NAME

if TYPE_CHECKING:
    from aiohttp import web

MOST = 400
"""Connections at once. With as many files that is below 1,024 open ones: beyond, asyncio writes errors without end."""
IDLE = 20.0
"""Seconds for a request to come, the first one as well."""
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
}


class KrlServer:
    """Serves that directory at an address of this machine; port 0 is any free one."""

    def __init__(self, directory: str, host: str, port: int) -> None:
        self._directory = directory
        self._socket = _bound(host, port)
        named = f"[{host}]" if ":" in host else host
        self.url = f"http://{named}:{self._socket.getsockname()[1]}/{NAME}"

    def run(self, ready: Callable[[], None]) -> None:
        """Until SIGTERM or Ctrl-C."""
        from aiohttp import web  # 200 ms, only here

        with suppress(web.GracefulExit):
            asyncio.run(self._serve(ready))

    async def _serve(self, ready: Callable[[], None]) -> None:
        from aiohttp import web  # as in `run`

        app = web.Application()
        app.router.add_get(f"/{{name:{NAME}|{NAME}\\.sig}}", self._answer)
        runner = web.AppRunner(app, handle_signals=True, access_log=None, keepalive_timeout=IDLE, shutdown_timeout=1.0)
        await runner.setup()
        server = runner.server
        assert server is not None  # noqa: S101 - it is set up

        def connected() -> asyncio.Protocol:
            return server() if len(server.connections) < MOST else _Refused()

        listening = await asyncio.get_running_loop().create_server(connected, sock=self._socket)
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            listening.close()
            await runner.cleanup()

    async def _answer(self, request: "web.Request") -> "web.FileResponse":
        from aiohttp import web  # as in `run`

        return web.FileResponse(os.path.join(self._directory, request.match_info["name"]), headers=_HEADERS)


class _Refused(asyncio.Protocol):
    """A connection too many, which ends at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, reuse_port=False)
    except (OSError, OverflowError) as fault:
        why = os.strerror(fault.errno).lower() if isinstance(fault, OSError) and fault.errno else "not an address"
        raise UsageError(
            f"cannot listen on {host}:{port}: {why}",
            effect=Effect.NOTHING_DONE,
            subject=f"{host}:{port}",
            hint="name another with --listen ADDRESS:PORT",
        ) from None
