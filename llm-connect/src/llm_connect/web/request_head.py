"""Checks the head of a request: nothing in it may have two meanings, and its Host may be nobody else's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llm_connect.common.errors import BadRequest, Misdirected
from llm_connect.common.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CLIENT_TIMEOUTS = (b"x-stainless-read-timeout", b"x-stainless-timeout")
"""Headers in which OpenAI's own clients say how many seconds they wait."""
ONCE = frozenset({
    b"authorization", b"content-encoding", b"content-length", b"content-type", b"host", b"x-request-id",
    *CLIENT_TIMEOUTS,
})  # fmt: skip
"""Headers that are read here. Of two, a proxy in front may have read the other one (RFC 9110, 5.3)."""

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^:\[\]]*?)\.?)(?::\d*)?", re.ASCII)


def check_once(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a request that has one of these headers twice, even with the same value.

    Raises:
        BadRequest: it names the header.
    """
    found = set()
    for name, _ in headers:
        if name in found:
            raise BadRequest("header_repeated", f"the header {name.decode()} is given twice; nothing was called")
        if name in ONCE:
            found.add(name)


def check_host(headers: Mapping[bytes, bytes], *, optional: bool) -> None:
    """Refuse a request without a Host (RFC 9112, 3.2); an empty one counts as missing (RFC 9110, 4.2.1).

    Args:
        headers: of the request.
        optional: it is in HTTP/1.0, which had no Host.

    Raises:
        BadRequest: there is none.
    """
    if not headers.get(b"host") and not optional:
        raise BadRequest("host_missing", "a request in HTTP/1.1 needs a Host header; nothing was called")


def check_local(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a request to another name than this machine's own, where everybody on this machine may call.

    A web page whose name its owner lets point to 127.0.0.1 would otherwise be one of them (DNS rebinding). A client
    that sends no name is not a browser.

    Raises:
        Misdirected: it is another name.
    """
    given = headers.get(b"host")
    if given and not is_loopback(_name(given.decode("latin-1").strip().lower())):
        message = (
            "the Host is not localhost or a loopback address, and no callers are declared; nothing was called. "
            "Use http://127.0.0.1:PORT, or declare [callers]"
        )
        raise Misdirected("host_not_local", message)


def _name(host: str) -> str:
    """The host without its port and without the dot of an absolute name; empty if it is malformed."""
    found = _HOST.fullmatch(host)
    return (found["six"] or found["name"]) if found else ""
