"""The port HttpClient on httpx2, which the cluster's adapter uses too. Documentation: https://www.python-httpx.org/api/.

httpx2's timeouts are for each wait and its bodies have no limit: both are held here, for the request as a whole. A
proxy is asked as Go's programs ask it (`proxy_for`), never for this machine. Authorities are the system's, or those of
the file that SSL_CERT_FILE names (OpenSSL).
"""

import os
import time
import weakref
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2
import msgspec

from warden.adapters.machine import tls
from warden.adapters.machine.loopback import is_loopback
from warden.adapters.machine.network_problem import network_problem
from warden.adapters.machine.proxy import proxy_for
from warden.core.errors import Effect, Unreachable, UsageError
from warden.core.secret import Secret
from warden.ports.http import HttpReply, HttpRequest

MAX_BODY = 8 * 1024 * 1024
"""Bytes; no answer about keys comes near it."""


class ProviderHttp:
    """Sends one request at a time."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._clients: dict[tuple[str, str], httpx2.Client] = {}

    def send(self, request: HttpRequest) -> HttpReply:
        """Send it once; see the port. What httpx2 says of an error is not repeated: it may quote the request."""
        where = _expect_private(request.url)
        deadline = time.monotonic() + request.timeout
        client, through = self._client(request.url)
        try:
            with client.stream(
                request.method,
                request.url,
                headers=_revealed(request.headers),
                json=request.body,
                data=None if request.form is None else _revealed(request.form),
                timeout=request.timeout,
            ) as found:
                content = _content(found, deadline)
        except (httpx2.TimeoutException, TimeoutError):
            raise _unreachable(where, f"gave no answer within {request.timeout:g} s{through}") from None
        except (httpx2.HTTPError, OSError) as fault:
            raise _unreachable(where, f"{network_problem(fault)}{through}") from None
        return HttpReply(status=found.status_code, headers=dict(found.headers), body=_json(content))

    def _client(self, url: str) -> tuple[httpx2.Client, str]:
        """The client for the way to an address, and the proxy on it in words."""
        parts = urlsplit(url)
        proxy = proxy_for(self._environ, parts.hostname or "", parts.port or 443) if parts.scheme == "https" else ""
        if (parts.scheme, proxy) not in self._clients:
            made = httpx2.Client(
                follow_redirects=False,
                trust_env=False,
                proxy=_proxy(proxy),
                verify=tls.context() if parts.scheme == "https" else False,
            )
            weakref.finalize(self, made.close)  # also at the end of the program, before modules are gone
            self._clients[parts.scheme, proxy] = made
        through = f" through the proxy {proxy.rpartition('@')[2].rpartition('//')[2]}" if proxy else ""
        return self._clients[parts.scheme, proxy], through


def _proxy(url: str) -> str | None:
    """Raises `UsageError` where it is not an http or https proxy."""
    if not url or url.startswith(("http://", "https://")):
        return url or None
    clause = "HTTPS_PROXY is not the URL of an http or https proxy"
    raise UsageError(clause, effect=Effect.NOTHING_ASKED, hint="write http://host:port")


def _content(reply: httpx2.Response, deadline: float) -> bytes:
    """The whole body; empty for one that is too large. Raises `TimeoutError` where it is not there in time."""
    content = bytearray()
    for piece in reply.iter_bytes():
        content += piece
        if len(content) > MAX_BODY:
            return b""
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(content)


def _revealed(texts: Mapping[str, str | Secret]) -> dict[str, str]:
    return {name: text.reveal() if isinstance(text, Secret) else text for name, text in texts.items()}


def _json(content: bytes) -> object:
    try:
        return msgspec.json.decode(content) if content else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _expect_private(url: str) -> str:
    """The provider's address. Raises `UsageError` for one that is not https, unless it is this machine's own."""
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return where
    clause = f"{where} is not an https address, and keys are sent to it"
    raise UsageError(clause, effect=Effect.NOTHING_ASKED, system=f"provider {where}")


def _unreachable(where: str, why: str) -> Unreachable:
    hint = "check the address, and whether this machine may reach it"
    return Unreachable(f"provider {where} {why}", system=f"provider {where}", hint=hint)
