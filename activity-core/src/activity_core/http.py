"""One exchange over HTTP within bounds: time in all, octets, no redirects, no proxy from the environment.

The time is for the whole exchange (connecting, waiting, reading), so that a server that sends one octet a second is
late, too. A redirect is not followed: a token would travel to whoever is named there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from activity_core.faults import NoAnswer, WrongUsage
from activity_core.masking import mask

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_ERROR = 400
_FIRST_REDIRECT = 300


@dataclass(frozen=True)
class Reply:
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Target:
    """Who is asked.

    Attributes:
        system: how people name it.
        url: http or https, with neither user nor password.
        seconds: for the whole exchange.
        octets: the largest body that is read.
    """

    system: str
    url: str
    seconds: float
    octets: int


def checked_url(text: str, *, of: str) -> str:
    """The address without a slash at its end.

    Raises:
        WrongUsage: it is no http or https address, or has a password in it; `of` names where it was given.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        message = f"{of} is no http or https address. Nothing was asked."
        hint = f"correct {of}: http://HOST or https://HOST, other schemes are not read"
        raise WrongUsage("url", message, system="activity-core", hint=hint)
    if parts.username is not None or parts.password is not None:
        message = f"{of} has a user or password in it, which would end up in logs. Nothing was asked."
        raise WrongUsage("url", message, system="activity-core", hint="give a token by a file instead: --help")
    return text.rstrip("/")


def shown(url: str) -> str:
    """The address as it may stand in a message or a record: no query, no fragment, secret material masked."""
    return mask(urlsplit(url)._replace(query="", fragment="").geturl())[0]


def exchange(target: Target, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """GET, or POST where there is a body.

    Raises:
        NoAnswer: no whole answer within the bounds, or a redirect.
    """
    return asyncio.run(_exchange(target, body, dict(headers or {})))


async def _exchange(target: Target, body: bytes | None, headers: dict[str, str]) -> Reply:
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=target.seconds)) as session,
            session.request(
                "GET" if body is None else "POST", target.url, data=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            return await _whole(target, answer)
    except TimeoutError:
        raise _none(target, "late", f"gave no whole answer within {target.seconds:g} s") from None
    except aiohttp.ClientConnectorCertificateError:
        raise _none(target, "tls", "has a certificate that is not accepted") from None
    except aiohttp.ClientConnectorError as fault:
        raise _none(target, "unreachable", f"cannot be reached ({_reason(fault, target)})") from None
    except (aiohttp.ClientError, ValueError, OSError) as fault:
        raise _none(target, *_broken(fault)) from None


def _broken(fault: Exception) -> tuple[str, str]:
    """The kind and the words for an answer that began, or did not."""
    import aiohttp

    if "content-encoding" in str(fault):  # aiohttp has no class of its own for all of these
        return "encoding", "answered in a content-encoding other than gzip and deflate, or not in the one that it names"
    if isinstance(fault, aiohttp.ClientPayloadError):
        return "cut", "closed the connection within its answer"
    return "broken", "closed the connection without an answer, or answered with no HTTP"


async def _whole(target: Target, answer: object) -> Reply:
    from aiohttp import ClientResponse

    assert isinstance(answer, ClientResponse)  # noqa: S101 - what `session.request` gives
    if _FIRST_REDIRECT <= answer.status < _FIRST_ERROR:
        raise _none(target, "redirect", f"answered with a redirect ({answer.status}), which is not followed")
    read = bytearray()
    async for chunk in answer.content.iter_chunked(65536):
        read += chunk
        if len(read) > target.octets:
            raise _none(target, "too-large", f"answered with more than {target.octets} octets")
    return Reply(answer.status, {name.lower(): value for name, value in answer.headers.items()}, bytes(read))


def _reason(fault: Exception, target: Target) -> str:
    import os
    from ssl import SSLError

    from aiohttp import ClientConnectorDNSError

    cause = getattr(fault, "os_error", None)
    if isinstance(fault, ClientConnectorDNSError):
        return "no such host"
    if isinstance(fault, SSLError) or isinstance(cause, SSLError):  # its number is none of the system's
        return "no TLS is spoken there"
    number = getattr(cause, "errno", None)
    if isinstance(number, int) and number > 0:
        return os.strerror(number).lower()
    return "no TLS is spoken there" if urlsplit(target.url).scheme == "https" else "no way to it"


def _none(target: Target, kind: str, said: str) -> NoAnswer:
    return NoAnswer(kind, f"{target.system} {said}.", system=target.system, subject=shown(target.url))
