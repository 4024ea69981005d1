"""The port HttpClient on httpx2, which the cluster's adapter uses too. Documentation: https://www.python-httpx.org/api/."""

import weakref
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2
import msgspec

from warden.adapters.machine.loopback import is_loopback
from warden.core.errors import Effect, Unreachable, UsageError
from warden.core.secret import Secret
from warden.ports.http import HttpReply, HttpRequest

MAX_BODY = 8 * 1024 * 1024
"""Bytes; no answer about keys comes near it."""


class ProviderHttp:
    """Sends one request at a time. Proxies and authorities are those of the environment (HTTPS_PROXY)."""

    def __init__(self) -> None:
        self._client: httpx2.Client | None = None

    def send(self, request: HttpRequest) -> HttpReply:
        """Send it once; see the port. What httpx2 says of an error is not repeated: it may quote the request."""
        where = _expect_private(request.url)
        if self._client is None:
            self._client = httpx2.Client(follow_redirects=False, trust_env=True)
            weakref.finalize(self, self._client.close)  # also at the end of the program, before modules are gone
        try:
            found = self._client.request(
                request.method,
                request.url,
                headers=_revealed(request.headers),
                json=request.body,
                data=None if request.form is None else _revealed(request.form),
                timeout=request.timeout,
            )
        except httpx2.TimeoutException:
            raise _unreachable(where, f"gave no answer within {request.timeout:g} s") from None
        except (httpx2.HTTPError, OSError) as fault:
            raise _unreachable(where, f"cannot be reached ({type(fault).__name__})") from None
        return HttpReply(status=found.status_code, headers=dict(found.headers), body=_json(found.content))


def _revealed(texts: Mapping[str, str | Secret]) -> dict[str, str]:
    return {name: text.reveal() if isinstance(text, Secret) else text for name, text in texts.items()}


def _json(content: bytes) -> object:
    try:
        return msgspec.json.decode(content) if content and len(content) <= MAX_BODY else None
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
    return Unreachable(f"provider {where} {why}", system=f"provider {where}")
