"""HTTP to somebody else's API, for the plug-ins that speak to providers."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from warden.core.secret import Secret


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request. ``url`` is whole, and never holds a value; ``headers`` may be secret, and ``body`` is sent as JSON.

    ``form`` is sent instead of it (``application/x-www-form-urlencoded``). ``timeout`` in seconds is for all of it.
    """

    method: str
    url: str
    headers: Mapping[str, str | Secret] = {}
    body: Any = None
    form: Mapping[str, str | Secret] | None = None
    timeout: float = 15.0


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back; ``body`` is the JSON in it, ``None`` where there is none. It may hold a value: never print it."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def __repr__(self) -> str:
        """Nothing of the body."""
        return f"HttpReply(status={self.status})"


class HttpClient(Protocol):
    """Sends requests. Redirects are not followed: a key must not travel to an address that nobody named."""

    def send(self, request: HttpRequest) -> HttpReply:
        """Send one request, once, and read its answer; any status is an answer.

        Raises `Unreachable` where none came (no connection, a time-out, a certificate that does not verify): the
        provider may have done what was asked all the same. Raises `UsageError` where the URL is not one, or is plain
        http to another machine.
        """
