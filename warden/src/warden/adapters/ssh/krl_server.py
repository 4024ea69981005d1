"""Publishes a KRL and its signature over HTTP with aiohttp (https://docs.aiohttp.org/en/stable/web_reference.html).

Two files of one directory, whatever they are at that moment; aiohttp answers conditional requests by their ETag.
Nothing is secret here, and both files are signed: TLS is for a proxy before it.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from warden.core.errors import Effect, UsageError
from warden.core.ssh.krl import NAME

if TYPE_CHECKING:
    from aiohttp import web

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

        app = web.Application()
        app.router.add_get(f"/{{name:{NAME}|{NAME}\\.sig}}", self._answer)

        async def started(_: "web.Application") -> None:
            asyncio.get_running_loop().call_soon(ready)

        app.on_startup.append(started)
        web.run_app(app, sock=self._socket, print=None, access_log=None, shutdown_timeout=1.0)

    async def _answer(self, request: "web.Request") -> "web.FileResponse":
        from aiohttp import web  # as in `run`

        return web.FileResponse(os.path.join(self._directory, request.match_info["name"]), headers=_HEADERS)


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
