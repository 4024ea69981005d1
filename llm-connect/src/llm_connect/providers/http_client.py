"""POST requests to one URL through aiohttp; every failure becomes the documented error (docs/adr/0027).

aiohttp brings connection pooling, TLS, proxies and HTTP parsing. What is decided here: how long to wait for each step,
what a failure is called, and whether the request may have reached the server. Redirects are not followed: they would
carry the key to an undeclared address.
"""

from __future__ import annotations

import asyncio
import io
import urllib.request
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from llm_connect import __version__
from llm_connect.common.content_coding import SUPPORTED, Decoder, UndecodableError, coding_of
from llm_connect.common.errors import GatewayError, ProviderFailed, TimedOut
from llm_connect.common.tls import system_context
from llm_connect.common.urls import is_loopback
from llm_connect.providers.port import UNSENT

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Mapping

MAX_ANSWER_BYTES = 16 * 1024 * 1024
KEEP_ALIVE_SECONDS = 30.0
_MAX_HEADER_BYTES = 64 * 1024
_OK, _SWITCHING_PROTOCOLS = 200, 101
_MAX_PART_BYTES = 256 * 1024
"""Of what a part of an encoded body becomes; the rest of it is decoded when the next part is asked for."""
_MAX_SINGLE_WRITE_BYTES = 1024 * 1024
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"
_LAST_READS, _LAST_READ_SECONDS = 2, 0.05


class _Progress:
    """How far a request has come: whether it may have been sent, and from then on how long its answer may take."""

    def __init__(self, timeout: asyncio.Timeout, first_byte_seconds: float | None) -> None:
        self.sent = False
        self.may_be_answered = False
        self._timeout = timeout
        self._first_byte_seconds = first_byte_seconds

    def start_sending(self) -> None:
        """There is a connection, and the request goes out now."""
        loop = asyncio.get_running_loop()
        self.sent = True
        loop.call_soon(self._next_turn)
        if self._first_byte_seconds is not None:
            self._timeout.reschedule(loop.time() + self._first_byte_seconds)

    def _next_turn(self) -> None:
        """Only from the next turn of the event loop on, something can be read that answers the request."""
        self.may_be_answered = True


class HttpResponse:
    """Status and headers of a response whose body is still to be read.

    gzip and deflate are decoded here and not by aiohttp, for which a coding that it does not know, or that is not what
    its name says, hides the status of an error. An error's body that cannot be decoded is read as it is.
    """

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._content = response.content
        coding = coding_of(response.headers.getall("content-encoding", ()))
        self._decoder = Decoder(coding, _MAX_PART_BYTES) if coding in SUPPORTED else None
        if coding and self._decoder is None and self.status == _OK:
            raise _undecodable(f"its content coding ({coding}) is not supported")

    async def read(self, seconds: float, type_: str, what: str) -> bytes:
        """The next part of the body; empty at its end.

        Args:
            seconds: how long to wait for it.
            type_: the type of the error when the time is over.
            what: what did not come, for the message.

        Raises:
            GatewayError: nothing comes in time, or the connection ends before the body is complete.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._content.readany() if self._decoder is None else await self._decoded(self._decoder)
        except TimeoutError:
            message = f"the provider sent no {what} for {seconds:g} s; the call was given up"
            raise TimedOut(type_, message) from None
        except (aiohttp.ClientError, OSError):
            raise ProviderFailed("provider_cut", "the provider's answer ended before it was complete") from None

    async def _decoded(self, decoder: Decoder) -> bytes:
        decoded = part = b""
        try:
            while not decoded:
                part = b"" if decoder.pending else await self._content.readany()
                if not part and not decoder.pending:
                    decoder.finish()
                    return b""
                decoded = decoder.decode(part)
        except UndecodableError as error:
            if self.status == _OK:
                raise _undecodable(f"its body {error}") from None
            self._decoder = None
            return part
        return decoded

    async def finish(self) -> None:
        """Read the end of a body whose content is known to be over, so that its connection can be used again."""
        with suppress(TimeoutError, aiohttp.ClientError, OSError):
            for _ in range(_LAST_READS):
                async with asyncio.timeout(_LAST_READ_SECONDS):
                    if not await self._content.readany():
                        return

    async def read_all(self, idle_seconds: float) -> bytes:
        """The whole body.

        Args:
            idle_seconds: how long to wait for each next part.

        Raises:
            GatewayError: as `read`, or the body is larger than MAX_ANSWER_BYTES.
        """
        parts: list[bytes] = []
        size = 0
        while part := await self.read(idle_seconds, "provider_idle", "byte"):
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                message = f"the provider's answer is larger than {MAX_ANSWER_BYTES} bytes; reading was given up"
                raise ProviderFailed("provider_too_large", message, provider_status=self.status)
            parts.append(part)
        return b"".join(parts)


class HttpClient:
    """Connections to the server of one URL. Create it on the running event loop, and close it there.

    Args:
        url: http or https, without user, query and fragment.
        tls: the context for https; without one the system's certificate authorities count.
        use_proxy: whether the proxy that the environment names for this URL is used. Loopback addresses are always
            called directly.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None, *, use_proxy: bool = True) -> None:
        parts = urlsplit(url)
        path = quote(parts.path or "/", safe=_PATH_CHARACTERS)
        self._url = URL(f"{parts.scheme}://{parts.netloc}{path}", encoded=True)
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                ssl=(tls or system_context()) if parts.scheme == "https" else True,
            ),
            proxy=proxy_for(url) if use_proxy else None,
            headers={"user-agent": f"llm-connect/{__version__}"},
            skip_auto_headers=("Accept", "Accept-Encoding"),
            auto_decompress=False,  # see HttpResponse
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[tracing],
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )

    @asynccontextmanager
    async def post(
        self, body: bytes, headers: Mapping[str, str], connect_seconds: float, first_byte_seconds: float | None
    ) -> AsyncGenerator[HttpResponse, None]:
        """Send a request. Leaving the context before the body was read closes the connection.

        Args:
            body: what is sent.
            headers: beside those that HTTP needs.
            connect_seconds: how long it may take to get a connection.
            first_byte_seconds: from the request to the head of the response; None for no limit.

        Raises:
            GatewayError: there is no connection, or no response in time.
        """
        response = await self._send(body, headers, connect_seconds, first_byte_seconds)
        try:
            yield HttpResponse(response)
        finally:
            response.release()

    async def _send(
        self, body: bytes, headers: Mapping[str, str], connect_seconds: float, first_byte_seconds: float | None
    ) -> aiohttp.ClientResponse:
        # A large body goes out in parts, so that it does not hold up the event loop.
        data = body if len(body) <= _MAX_SINGLE_WRITE_BYTES else io.BytesIO(body)
        limits = aiohttp.ClientTimeout(total=None, connect=connect_seconds)
        timeout = asyncio.timeout(None)
        progress = _Progress(timeout, first_byte_seconds)
        try:
            async with timeout:
                response = await self._session.post(
                    self._url, data=data, headers=headers, allow_redirects=False, timeout=limits,
                    trace_request_ctx=progress,
                )  # fmt: skip
        except asyncio.CancelledError as cancelled:
            if not progress.sent:
                cancelled.add_note(UNSENT)  # a class of its own would not be recognised by asyncio.timeout
            raise
        except TimeoutError:
            if not progress.sent:
                raise _unreachable() from None
            message = f"the provider began no answer within {first_byte_seconds:g} s; the call was given up"
            raise TimedOut("provider_first_byte", message) from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:  # the last: an invalid host name
            raise _send_error(error, sent=progress.sent) from None
        if not progress.may_be_answered:
            # The connection was idle when this response came: it belongs to nobody, least of all to this caller.
            response.close()
            raise _reset()
        if response.status == _SWITCHING_PROTOCOLS:
            response.close()
            raise _malformed()
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()
        await asyncio.sleep(0)  # the event loop closes the sockets in its next turn


async def _note_sent(_session: object, context: object, _parameters: object) -> None:
    context.trace_request_ctx.start_sending()  # type: ignore[attr-defined]  # what `post` was given


def _send_error(error: Exception, *, sent: bool) -> GatewayError:
    if isinstance(error, aiohttp.ClientSSLError):
        message = "the provider's certificate was not accepted, or it does not speak TLS; nothing was sent"
        return ProviderFailed("provider_tls", message, unbilled=True)
    if not sent or isinstance(error, aiohttp.ClientHttpProxyError):
        return _unreachable()
    if isinstance(error, aiohttp.ClientResponseError):
        return _malformed()
    return _reset()


def _reset() -> ProviderFailed:
    message = "the provider closed the connection without an answer; whether it served the request is unknown"
    return ProviderFailed("provider_reset", message)


def _unreachable() -> ProviderFailed:
    return ProviderFailed("provider_unreachable", "the provider cannot be reached; nothing was sent", unbilled=True)


def _undecodable(what: str) -> ProviderFailed:
    return ProviderFailed("provider_malformed", f"the provider's answer cannot be used: {what}", provider_status=_OK)


def _malformed() -> ProviderFailed:
    return ProviderFailed("provider_malformed", "the provider's answer is not valid HTTP")


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this URL (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), as curl reads it.

    aiohttp's own `trust_env` is not used: for each request it reads ~/.netrc in a thread, and would send what is there.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass_environment(host):  # type: ignore[attr-defined]
        return None
    return urllib.request.getproxies_environment().get(parts.scheme)
