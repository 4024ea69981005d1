"""Publishes a KRL and its signature over HTTP with aiohttp (https://docs.aiohttp.org/en/stable/web_reference.html).

Two files of one directory, read anew when they change. The ETag is the KRL's SHA-256, so it stays the same on every
server that publishes this KRL. Nothing is secret here, and both files are signed: TLS is for a proxy before it.
"""

import asyncio
import hashlib
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from warden.adapters.ssh.krl_folder import PublishedKrl
from warden.core.errors import Effect, Inconclusive, UsageError
from warden.core.ssh.krl import NAME, SignedKrl

if TYPE_CHECKING:
    from aiohttp import web

_HEADERS = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


class _Kept:
    """What is published, read again when its files are other ones."""

    def __init__(self, folder: PublishedKrl) -> None:
        self._folder = folder
        self._stamp: tuple[object, ...] = ()
        self._found: SignedKrl | None = None
        self.etag = ""

    def now(self) -> SignedKrl | None:
        """Raises `Inconclusive`."""
        stamp = tuple(_stamp(os.path.join(self._folder.where, name)) for name in (NAME, f"{NAME}.sig"))
        if stamp != self._stamp:
            self._found = self._folder.published()
            self.etag = hashlib.sha256(self._found.krl).hexdigest() if self._found else ""
            self._stamp = stamp
        return self._found


class KrlServer:
    """Serves that directory at an address of this machine; port 0 is any free one."""

    def __init__(self, directory: str, host: str, port: int) -> None:
        self._kept = _Kept(PublishedKrl(directory))
        self._socket = _bound(host, port)
        named = f"[{host}]" if ":" in host else host
        self.url = f"http://{named}:{self._socket.getsockname()[1]}/{NAME}"

    def run(self, ready: Callable[[], None]) -> None:
        """Until SIGTERM or Ctrl-C."""
        from aiohttp import web  # 200 ms, only here

        app = web.Application()
        app.router.add_get(f"/{NAME}", self._krl)
        app.router.add_get(f"/{NAME}.sig", self._signature)

        async def started(_: "web.Application") -> None:
            asyncio.get_running_loop().call_soon(ready)

        app.on_startup.append(started)
        web.run_app(app, sock=self._socket, print=None, access_log=None, shutdown_timeout=1.0)

    async def _krl(self, request: "web.Request") -> "web.StreamResponse":
        return self._answer(request, lambda found: found.krl, "")

    async def _signature(self, request: "web.Request") -> "web.StreamResponse":
        return self._answer(request, lambda found: found.signature, "-sig")

    def _answer(self, request: "web.Request", part: Callable[[SignedKrl], bytes], suffix: str) -> "web.StreamResponse":
        from aiohttp import web  # as in `run`

        try:
            found = self._kept.now()
        except Inconclusive:
            return web.Response(status=503, text="the KRL cannot be read\n")
        if found is None:
            return web.Response(status=404, text="no KRL is published\n")
        etag = f"{self._kept.etag}{suffix}"
        headers = {**_HEADERS, "ETag": f'"{etag}"'}
        if any(each.value in {etag, "*"} for each in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=part(found), headers=headers, content_type="application/octet-stream")


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, reuse_port=False)
    except (OSError, OverflowError) as fault:
        why = os.strerror(fault.errno).lower() if isinstance(fault, OSError) and fault.errno else "not an address"
        raise UsageError(
            f"{host}:{port} cannot be listened at: {why}",
            effect=Effect.NOTHING_DONE,
            subject=f"{host}:{port}",
            hint="name another with --listen ADDRESS:PORT",
        ) from None
