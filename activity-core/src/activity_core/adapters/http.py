"""One bounded HTTP exchange: total time, size, no redirects, no proxy from the environment.

The time limit covers connecting, waiting and reading, so a server that sends one byte a second is late, too. Redirects
are not followed: a token would be sent to whatever host they name.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from activity_core.core.errors import Unavailable, UsageError
from activity_core.core.masking import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientConnectorError, ClientResponse

_FIRST_REDIRECT, _FIRST_ERROR = 300, 400
_CHUNK_OCTETS = 65536


@dataclass(frozen=True)
class Reply:
    """A complete answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """The server to ask.

    Attributes:
        system: what people call it.
        url: http or https, without user or password.
        seconds: for the whole exchange.
        octets: the largest body that is read.
    """

    system: str
    url: str
    seconds: float
    octets: int


def checked_url(text: str, *, option: str) -> str:
    """The URL without a slash at its end.

    Raises:
        UsageError: not a valid http or https URL, or it contains a password; `option` names where it was given.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        message = f"{option} is not a valid http or https URL. The model was not asked."
        hint = f"correct {option}: http://HOST or https://HOST"
        raise UsageError("url", message, system="activity-core", hint=hint)
    if parts.username is not None or parts.password is not None:
        message = f"{option} contains a user or password, which would end up in logs. The model was not asked."
        raise UsageError("url", message, system="activity-core", hint="pass a token in a file instead: --help")
    return text.rstrip("/")


def display_url(url: str) -> str:
    """The URL for a message or a record: no query, no fragment, secret material masked."""
    return mask(urlsplit(url)._replace(query="", fragment="").geturl())[0]


def exchange(target: Target, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """GET, or POST if there is a body.

    Raises:
        Unavailable: no complete answer within the limits, or a redirect.
    """
    return asyncio.run(_exchange(target, body, dict(headers or {})))


async def _exchange(target: Target, body: bytes | None, headers: dict[str, str]) -> Reply:
    import aiohttp

    method = "GET" if body is None else "POST"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=target.seconds)) as session,
            session.request(method, target.url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            return await _read_reply(target, response)
    except TimeoutError:
        raise _unavailable(target, "late", f"did not answer completely within {target.seconds:g} s") from None
    except aiohttp.ClientConnectorCertificateError:
        raise _unavailable(target, "tls", "has a certificate that is not trusted") from None
    except aiohttp.ClientConnectorError as error:
        raise _unavailable(target, "unreachable", f"cannot be reached ({_connect_reason(error, target)})") from None
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise _unavailable(target, *_broken_answer(error)) from None


async def _read_reply(target: Target, response: ClientResponse) -> Reply:
    if _FIRST_REDIRECT <= response.status < _FIRST_ERROR:
        problem = f"answered with a redirect ({response.status}), which is not followed"
        raise _unavailable(target, "redirect", problem)
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_OCTETS):
        body += chunk
        if len(body) > target.octets:
            raise _unavailable(target, "too-large", f"answered with more than {target.octets} bytes")
    return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, bytes(body))


def _broken_answer(error: Exception) -> tuple[str, str]:
    """The kind and the description of an answer that was broken, or never began."""
    from aiohttp import ClientPayloadError

    if "content-encoding" in str(error):  # aiohttp has no class of its own for all of these
        return "encoding", "used a content-encoding other than gzip and deflate, or sent an invalid body in one of them"
    if isinstance(error, ClientPayloadError):
        return "cut", "closed the connection before the end of its answer"
    return "broken", "closed the connection without an answer, or did not answer in HTTP"


def _connect_reason(error: ClientConnectorError, target: Target) -> str:
    from ssl import SSLError

    from aiohttp import ClientConnectorDNSError

    cause = error.os_error
    if isinstance(error, ClientConnectorDNSError):
        return "no such host"
    if isinstance(error, SSLError) or isinstance(cause, SSLError):  # its errno is not the system's
        return "the server does not speak TLS"
    if isinstance(cause.errno, int) and cause.errno > 0:
        return os.strerror(cause.errno).lower()
    return "the server does not speak TLS" if urlsplit(target.url).scheme == "https" else "no route to host"


def _unavailable(target: Target, kind: str, problem: str) -> Unavailable:
    return Unavailable(kind, f"{target.system} {problem}.", system=target.system, subject=display_url(target.url))
