"""HTTP/1.1 to one server over one keep-alive connection.

The bytes that come back are read by httptools, the binding of llhttp, which Node.js reads HTTP with; http.client takes
twice as long to import and accepts lengths and chunk sizes that RFC 9112 does not know (docs/adr/0029). The socket,
its deadline and the limits are here. Redirects are not followed: a token must not travel to an address that nobody
named. A proxy is tunnelled through. ``ssl`` is imported for an https address only.
"""

import json
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

import httptools

from warden.adapters.machine.loopback import is_loopback
from warden.adapters.machine.spoken import SPEAKS_TLS, spoken
from warden.adapters.openbao.endpoint import Endpoint
from warden.adapters.openbao.proxy import NoTunnel, tunnel
from warden.core.errors import Effect, ServerFault, Unreachable, UsageError
from warden.core.openbao.api import Answer
from warden.core.openbao.values import loads
from warden.core.remedies import Remedy, SetVariable, warden

MAX_BODY = 32 * 1024 * 1024
"""Bytes; OpenBao's own limit on a request is 32 MiB and no answer that warden asks for comes near it."""
MAX_HEAD = 65536
_OF_ANOTHER_NAME = (62, 64)
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (x509_vfy.h)."""
_REPEATABLE = frozenset({"GET", "LIST", "SCAN"})


class Connection:
    """A connection that is opened when first used and opened again when the server has closed it.

    Not safe to share between threads: each thread has its own.
    """

    def __init__(self, endpoint: Endpoint, system: str) -> None:
        self.endpoint = endpoint
        self.system = system
        self._socket: socket.socket | None = None

    def __del__(self) -> None:
        """A connection that nobody holds any more is closed: a twin made for one question needs no care."""
        self.close()

    def close(self) -> None:
        """Close the socket, if one is open."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        patience: float | None = None,
    ) -> Answer:
        """Send one request and read its answer; the endpoint's timeout holds for all of it, or `patience` if shorter.

        Raises:
            Unreachable: no connection, no answer in time, a certificate that does not verify.
            ServerFault: what came back is not HTTP, is not JSON, or is too large.
        """
        request = self._encode(method, path, body, headers)
        deadline = time.monotonic() + min(self.endpoint.timeout, patience or self.endpoint.timeout)
        # A server may close an idle connection between two requests. Only then, and only where repeating is
        # harmless, is the request sent again.
        if self._socket is not None and method in _REPEATABLE:
            try:
                return self._exchange(request, deadline)
            except _ConnectionLost:
                pass
        try:
            return self._exchange(request, deadline)
        except _ConnectionLost:
            where = self.endpoint
            if where.scheme == "http" and where.proxy is None and spoken(where.host, where.port) == "https":
                raise self._speaks_tls() from None
            raise self._unreachable("closed the connection without an answer") from None

    def _encode(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> bytes:
        payload = b"" if body is None else json.dumps(body).encode()
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        lines = [f"{method} {self.endpoint.prefix}{path} HTTP/1.1", f"Host: {host}:{self.endpoint.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"{name}: {value.reveal()}" for name, value in self.endpoint.headers.items()]
        if body is not None:
            lines += [f"Content-Type: application/{'merge-patch+json' if method == 'PATCH' else 'json'}"]
        lines += [f"Content-Length: {len(payload)}", "", ""]
        if any("\r" in line or "\n" in line for line in lines):
            raise UsageError(
                "a name, a path or the token contains a line break",
                effect=Effect.NOTHING_ASKED,
                system=self.system,
                hint="check the environment's values",
            )
        return "\r\n".join(lines).encode() + payload

    def _exchange(self, request: bytes, deadline: float) -> Answer:
        """One request and its answer. Raises `_ConnectionLost` where the server closed the connection first."""
        try:
            stream = self._connected(deadline)
            stream.settimeout(_left(deadline))
            stream.sendall(request)
            reply = self._read(stream, deadline)
            body = self._decode(reply)
        except ConnectionRefusedError as fault:
            self.close()
            raise self._unreachable(_network_problem(fault), fault) from None
        except (ConnectionError, _ConnectionLost):
            self.close()
            raise _ConnectionLost from None
        except TimeoutError:
            self.close()
            raise self._unreachable(f"gave no answer within {self.endpoint.timeout:g} s") from None
        except OSError as fault:
            self.close()
            self._expect_tls(fault)
            raise self._unreachable(_network_problem(fault), fault) from None
        except BaseException:
            # Half an answer may still be on the wire: the next request must not read it as its own.
            self.close()
            raise
        if not reply.reusable:
            self.close()
        return Answer(status=reply.status, body=body or {}, headers=reply.headers, is_page=body is None)

    def _connected(self, deadline: float) -> socket.socket:
        if self._socket is None:
            plain = self._reached(deadline)
            try:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                plain.settimeout(_left(deadline))
                self._socket = plain if self.endpoint.scheme == "http" else _verified(plain, self.endpoint)
            except BaseException:
                plain.close()
                raise
        return self._socket

    def _reached(self, deadline: float) -> socket.socket:
        where, proxy = self.endpoint, self.endpoint.proxy
        if proxy is None:
            return socket.create_connection((where.host, where.port), timeout=_left(deadline))
        try:
            return tunnel(proxy, where.host, where.port, deadline)
        except TimeoutError:
            raise self._behind(f"{proxy} gave no answer in time") from None
        except OSError as fault:
            raise self._behind(f"{proxy} {_network_problem(fault)}") from None
        except NoTunnel as fault:
            raise self._behind(f"{proxy} {fault}") from None

    def _behind(self, why: str) -> Unreachable:
        return Unreachable(
            f"{self.system} cannot be reached: {why}",
            system=self.system,
            hint="check the proxy, or name the host in NO_PROXY",
        )

    def _read(self, stream: socket.socket, deadline: float) -> "_Reply":
        reply, size = _Reply(), 0
        while not reply.complete:
            stream.settimeout(_left(deadline))
            piece = stream.recv(65536)
            if not piece:
                reply.end()
                break
            if not size and self.endpoint.scheme == "http" and piece.startswith(SPEAKS_TLS):
                raise self._speaks_tls()
            try:
                reply.feed(piece)
            except _Malformed as fault:
                raise self._fault(f"does not speak HTTP/1.1 correctly ({fault})") from None
            size += len(piece)
            if reply.length > MAX_BODY:
                raise self._fault("sent an answer that is too large")
            if not reply.status and size > MAX_HEAD:
                raise self._fault("sent headers that are too large")
        return reply

    def _decode(self, reply: "_Reply") -> dict[str, Any] | None:
        """The object in the body; None where an error has another one, of which the status alone counts."""
        if not reply.body.strip():
            return {}
        try:
            body = loads(reply.body)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        if reply.status >= 400:  # noqa: PLR2004 - RFC 9110, 15.5
            return None
        raise self._fault("sent an answer that is not a JSON object, so it is not OpenBao")

    def _unreachable(self, why: str, fault: OSError | None = None) -> Unreachable:
        return Unreachable(f"{self.system} {why}", system=self.system, **self._help(fault))

    def _help(self, fault: OSError | None) -> dict[str, Any]:
        verify_code = getattr(fault, "verify_code", 0)
        named = self.endpoint.ca_file or ("BAO_CACERT_BYTES" if self.endpoint.ca_bytes else self.endpoint.ca_path)
        if not verify_code:
            return {
                "hint": f"check that it runs and that {self.endpoint.source} is right",
                "remedy": (warden("doctor"),),
            }
        if verify_code in _OF_ANOTHER_NAME:
            return {"hint": f"have {self.endpoint.source} or BAO_TLS_SERVER_NAME give a name that the certificate has"}
        if named:
            return {"hint": f"{named} (BAO_CACERT, BAO_CAPATH) does not hold the authority that signed it"}
        return {
            "hint": "BAO_CACERT is not set, and this machine does not trust the authority that signed it",
            "remedy": (SetVariable("BAO_CACERT", "FILE"),),
        }

    def _speaks_tls(self) -> ServerFault:
        return self._fault(f"speaks https, and {self.endpoint.source} says http", self._address_with("https"))

    def _expect_tls(self, fault: OSError) -> None:
        """Raises `ServerFault` where TLS failed because the server speaks plain HTTP."""
        where = self.endpoint
        of_tls = type(fault).__name__ == "SSLError" and where.proxy is None
        if of_tls and spoken(where.host, where.port) == "http":
            why = f"speaks plain http, and {where.source} says https"
            raise self._fault(why, self._address_with("http")) from None

    def _address_with(self, scheme: str) -> Remedy:
        """The address with the scheme that is spoken there; http for this machine alone, where no token travels."""
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        if scheme == "http" and not is_loopback(self.endpoint.host):
            return (warden("doctor"),)
        return (SetVariable(self.endpoint.source, f"{scheme}://{host}:{self.endpoint.port}{self.endpoint.prefix}"),)

    def _fault(self, why: str, remedy: Remedy = ()) -> ServerFault:
        return ServerFault(f"{self.system} {why}", system=self.system, remedy=remedy or (warden("doctor"),))


class _Reply:
    """One answer while it is read. ``status`` is 0 until its head is complete; interim ones (1xx) are passed over."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.complete = False
        self.reusable = False
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)  # RFC 9112, 2.2: may be recognized

    @property
    def length(self) -> int:
        """Bytes of the body: those announced, or those there so far."""
        return max(len(self.body), int(self.headers.get("content-length", 0)) if self.status else 0)

    def feed(self, piece: bytes) -> None:
        """Read what came. Raises `_Malformed`."""
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserCallbackError as fault:
            raise fault.__context__ or fault from None  # what a callback raised; Ctrl-C may come there, too
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as fault:
            if not self.complete:
                raise _Malformed(str(fault)) from None
            self.reusable = False

    def end(self) -> None:
        """The server closed the connection: the end of an answer without a length. Raises `_ConnectionLost`."""
        chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        if not self.status or chunked or "content-length" in self.headers:
            raise _ConnectionLost
        self.complete = True

    # -- called by the parser -------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A second answer to one request: the connection is good for nothing more."""
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers are not kept."""
        if not self.status:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1").strip()

    def on_headers_complete(self) -> None:
        """The end of a head. Raises `_Malformed` for a version other than 1.x."""
        if not self._parser.get_http_version().startswith("1."):
            raise _Malformed("not version 1")
        status = self._parser.get_status_code()
        if status >= 200:  # noqa: PLR2004 - RFC 9110, 15.2: others are interim answers
            self.status = self.status or status
        else:
            self.headers.clear()

    def on_body(self, piece: bytes) -> None:
        """A part of the body."""
        if not self.complete:
            self.body += piece

    def on_message_complete(self) -> None:
        """The end of an answer that says where it ends."""
        if self.status and not self.complete:
            self.complete, self.reusable = True, self._parser.should_keep_alive()


class _ConnectionLost(Exception):
    """The server closed the connection before its answer was complete."""


class _Malformed(Exception):
    """What came back is not HTTP/1.1."""


def _left(deadline: float) -> float:
    """Seconds until then. Raises `TimeoutError` where it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _network_problem(fault: OSError) -> str:
    """What happened on the network in words; the texts of OSError name files and numbers that help nobody."""
    reason = getattr(fault, "verify_message", "")
    if reason:
        return f"shows a certificate that does not verify ({reason})"
    if isinstance(fault, socket.gaierror):
        return "has a host name that does not resolve"
    if type(fault).__name__ == "SSLError":
        spoken = str(getattr(fault, "reason", None) or "").replace("_", " ").lower()
        return f"does not speak TLS there ({spoken})" if spoken else "does not speak TLS there"
    return f"cannot be reached ({os.strerror(fault.errno).lower()})" if fault.errno else "cannot be reached"


def _verified(plain: socket.socket, endpoint: Endpoint) -> socket.socket:
    from warden.adapters.machine import tls
    from warden.adapters.openbao.certificates import authorities, client_certificate

    try:
        context = tls.context(authorities(endpoint), *client_certificate(endpoint))
    except (OSError, ValueError) as fault:
        named = ", ".join(filter(None, (endpoint.ca_file, endpoint.ca_path, endpoint.client_cert, endpoint.client_key)))
        why = os.strerror(fault.errno).lower() if isinstance(fault, OSError) and fault.errno else str(fault)
        raise UsageError(
            f"the certificates for {endpoint} cannot be used: {named or why}",
            effect=Effect.NOTHING_ASKED,
            system=f"OpenBao {endpoint}",
            hint="BAO_CACERT, BAO_CAPATH, BAO_CLIENT_CERT and BAO_CLIENT_KEY name PEM files",
        ) from None
    return context.wrap_socket(plain, server_hostname=endpoint.server_name or endpoint.host)
