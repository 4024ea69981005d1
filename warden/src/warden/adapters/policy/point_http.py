"""HTTP to one policy point, on httpx2 as elsewhere (https://www.python-httpx.org/api/).

One request at a time on a connection that is kept. Redirects are not followed: what is asked, and the token, must not
travel to an address that nobody named. Nothing is repeated. An answer is read up to `MAX_BODY`, as it was sent: no
coding is undone. The timeout is for all of it.
"""

import os
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import msgspec

from warden.adapters.machine import regular_file
from warden.adapters.machine.bearer import LONGEST_TOKEN, bearer
from warden.adapters.machine.network_problem import network_problem
from warden.adapters.machine.proxy import proxy_for
from warden.adapters.machine.within import within
from warden.core.errors import Effect, Inconclusive, Unreachable
from warden.core.lanes.policy_points import token_variable
from warden.core.remedies import Remedy, SetVariable, warden

if TYPE_CHECKING:
    import httpx2

MAX_BODY = 64 * 1024
"""Bytes. A decision with its reasons has a few hundred."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; the names of ``headers`` are in small letters."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class PointHttp:
    """Requests to the policy point `name`.

    Args:
        name: as ``platform.yaml`` calls it.
        url: where it is, for messages.
        timeout: seconds for a whole answer.
        authorities: reads the PEM of the authorities that verify it; empty: the system's.
        environ: where its token is named, and a proxy.
    """

    def __init__(
        self,
        name: str,
        url: str,
        timeout: float,
        authorities: Callable[[], str] = str,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.name = name
        self.url = url
        self._timeout = timeout
        self._authorities = authorities
        self._environ = environ
        self._open: httpx2.Client | None = None

    def get(self, url: str) -> Reply:
        """Ask for a document. Raises `Unreachable` where no whole answer came in time."""
        return self._request("GET", url, None, {})

    def post(self, url: str, document: object, headers: Mapping[str, str] = {}) -> Reply:
        """Send a document as JSON. Raises `Unreachable` where no whole answer came in time."""
        content = msgspec.json.encode(document)
        return self._request("POST", url, content, {"Content-Type": "application/json", **headers})

    def unusable(self, why: str, hint: str = "", remedy: Remedy = ()) -> NoReturn:
        """Raise `Inconclusive`: there is an answer, and it decides nothing."""
        raise Inconclusive(
            f"policy point {self.name} at {self.url} {why}",
            effect=Effect.NOTHING_DONE,
            system=f"policy point {self.name}",
            subject=self.url,
            hint=hint or f"ask whoever runs {self.name}, then",
            remedy=remedy or (warden("doctor"),),
        )

    def wants_token(self, why: str) -> NoReturn:
        """Raise `Inconclusive`: it is the token that is wrong."""
        step = SetVariable(f"{token_variable(self.name)}_FILE", "FILE")
        self.unusable(why, f"name a file with the token that {self.name} takes", (step,))

    def _request(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Reply:
        import httpx2

        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **self._bearer(), **headers}
        try:
            client = self._client(url)
            reply = within(self._timeout, lambda: self._sent(client, method, url, content, sent))
        except (httpx2.TimeoutException, TimeoutError):
            self._silent(f"gave no answer within {self._timeout:g} s")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as fault:
            self._silent(network_problem(fault))
        if len(reply.content) > MAX_BODY:
            self.unusable(f"answered with more than {MAX_BODY // 1024} KiB")
        return reply

    def _sent(
        self, client: "httpx2.Client", method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        found = bytearray()
        with client.stream(method, url, content=content, headers=dict(headers), timeout=self._timeout) as answer:
            for piece in answer.iter_raw():
                found += piece
                if len(found) > MAX_BODY:
                    break
            return Reply(status=answer.status_code, headers=dict(answer.headers), content=bytes(found))

    def _client(self, url: str) -> "httpx2.Client":
        """Raises `OSError` or `ValueError` for authorities that cannot be used."""
        import httpx2

        from warden.adapters.machine import tls

        if self._open is None:
            where = urlsplit(url)
            secure = where.scheme == "https"
            proxy = proxy_for(self._environ, where.hostname or "", where.port or 443) if secure else ""
            self._open = httpx2.Client(
                follow_redirects=False,
                trust_env=False,
                proxy=proxy or None,
                verify=tls.context(self._authorities().encode()) if secure else False,
            )
            weakref.finalize(self, self._open.close)
        return self._open

    def _bearer(self) -> dict[str, str]:
        """The header with the token, where the environment has one. Raises `Inconclusive` for one that is not one."""
        variable = token_variable(self.name)
        token = self._environ.get(variable, "").strip().encode()
        if path := self._environ.get(f"{variable}_FILE", ""):
            variable += "_FILE"
            try:
                token = regular_file.read_bytes(path, LONGEST_TOKEN)
            except regular_file.NotUsable as fault:
                self.wants_token(f"needs the token in {path}, which cannot be read ({fault})")
        if not (path or token):
            return {}
        try:
            return bearer(token)
        except ValueError:
            self.wants_token(f"needs a token, and {variable} has none that a header can hold")

    def _silent(self, why: str) -> NoReturn:
        raise Unreachable(
            f"policy point {self.name} at {self.url} {why}",
            effect=Effect.NOTHING_DONE,
            system=f"policy point {self.name}",
            subject=self.url,
            hint=f"check policy_points in platform.yaml and whether {self.name} runs, then",
            remedy=(warden("doctor"),),
        ) from None
