"""The port KrlSource on HTTP: two files of a web server, the KRL at the URL and its signature at ``URL.sig``.

Both are signed content, so plain HTTP does; what an attacker can do there is to hold a newer one back, which its age
shows. ``If-None-Match`` is RFC 9110, 13.1.2. Redirects are not followed, and nothing is unpacked.
"""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from warden.adapters.machine import tls
from warden.adapters.machine.network_problem import network_problem
from warden.adapters.machine.proxy import proxy_for
from warden.adapters.machine.within import within
from warden.core.errors import Effect, ServerFault, Unreachable, UsageError
from warden.core.ssh.krl import SignedKrl

if TYPE_CHECKING:
    import httpx2

LARGEST = 64 * 1024 * 1024
"""Bytes: eight million serials."""
LARGEST_SIGNATURE = 16 * 1024
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,200}"', re.ASCII)
_OK, _NOT_MODIFIED = 200, 304


class KrlAtUrl:
    """A URL of http or https, asked for at most `patience` seconds."""

    def __init__(self, url: str, patience: float, environ: Mapping[str, str] = os.environ) -> None:
        scheme, host, port = _parts(url)
        self.where = url
        self._patience = patience
        self._proxy = proxy_for(environ, host, port or 443) if scheme == "https" else ""
        if self._proxy and not self._proxy.startswith(("http://", "https://")):
            clause = "HTTPS_PROXY is not the URL of an http or https proxy"
            raise UsageError(clause, effect=Effect.NOTHING_CHANGED, hint="write http://host:port")

    def fetch(self, known: SignedKrl | None) -> SignedKrl | None:
        """Both files, over one connection."""
        import httpx2  # costs more than all the rest

        try:
            return within(self._patience, lambda: self._fetched(known))
        except (httpx2.TimeoutException, TimeoutError):
            raise self._unreachable(f"gave no answer within {self._patience:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as fault:
            raise self._unreachable(network_problem(fault)) from None

    def _fetched(self, known: SignedKrl | None) -> SignedKrl | None:
        import httpx2  # as in `fetch`

        etag = known.etag if known and known.url == self.where else ""
        secure = self.where.startswith("https:")
        with httpx2.Client(
            verify=tls.context() if secure else False,
            timeout=self._patience,
            proxy=self._proxy or None,
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
        ) as client:
            found = self._get(client, self.where, LARGEST, {"If-None-Match": etag} if etag else {})
            if found is None:
                return None
            content, named = found
            signature = self._get(client, f"{self.where}.sig", LARGEST_SIGNATURE, {})
        assert signature is not None  # noqa: S101 - asked without a condition
        return SignedKrl(krl=content, signature=signature[0], etag=named, url=self.where)

    def _get(
        self, client: "httpx2.Client", url: str, largest: int, headers: Mapping[str, str]
    ) -> tuple[bytes, str] | None:
        """The body and its ETag; ``None`` for one that has not changed."""
        with client.stream("GET", url, headers=dict(headers)) as answer:
            if answer.status_code == _NOT_MODIFIED and headers:
                return None
            if answer.status_code != _OK:
                raise self._fault(f"answered {answer.status_code} for {url}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise self._fault(f"packed {url}, which nobody asked it for")
            content = bytearray()
            for piece in answer.iter_raw():
                content += piece
                if len(content) > largest:
                    raise self._fault(f"sent more than {largest} bytes for {url}")
            etag = answer.headers.get("etag", "")
            return bytes(content), etag if _ETAG.fullmatch(etag) else ""

    def _unreachable(self, why: str) -> Unreachable:
        hint = "check the address, and whether this machine may reach it"
        return Unreachable(f"{self.where} {why}", effect=Effect.NOTHING_CHANGED, system=self.where, hint=hint)

    def _fault(self, why: str) -> ServerFault:
        hint = "the server publishes the KRL and its signature as two files"
        return ServerFault(f"the server of the KRL {why}", effect=Effect.NOTHING_CHANGED, system=self.where, hint=hint)


def _parts(url: str) -> tuple[str, str, int]:
    """Scheme, host and port (0: the usual one). Raises `UsageError`."""
    try:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https"} and parts.hostname and not parts.query and not parts.fragment:
            return parts.scheme, parts.hostname, parts.port or 0
    except ValueError:
        pass
    raise UsageError(
        f"{url[:200]!r} is not the URL of a KRL",
        effect=Effect.NOTHING_CHANGED,
        hint="write https://HOST/krl; its signature is expected at https://HOST/krl.sig",
    )
