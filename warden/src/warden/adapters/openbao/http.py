"""One keep-alive HTTP/1.1 connection to one server, on a bare socket.

Why not a library: `access` must start quicker than ``bao kv get``. As ratios to ``python -c pass``, importing costs
2.2 here (socket, json), http.client 4.3, h11 5.2, urllib3 7.5, httpx 12 (docs/adr/0003). ``ssl`` is imported only for
an https address. What this client supports is what OpenBao's API sends: a status line, headers, and a body framed by
Content-Length, chunked coding or the end of the connection (RFC 9112, sections 4 to 6). Redirects are not followed: a
token must not travel to an address nobody named.
"""

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from warden.adapters.openbao.endpoint import Endpoint
from warden.core.errors import ServerFault, Unreachable, UsageError
from warden.core.openbao.api import Answer

MAX_BODY = 32 * 1024 * 1024
"""Bytes; OpenBao's own limit on a request is 32 MiB and no answer that warden asks for comes near it."""
MAX_LINE = 65536
UNVERIFIED = "shows a certificate that does not verify"


class Connection:
    """A connection that is opened when first used and opened again when the server has closed it.

    Not safe to share between threads: each thread has its own.
    """

    def __init__(self, endpoint: Endpoint, system: str) -> None:
        self.endpoint = endpoint
        self.system = system
        self._socket: socket.socket | None = None
        self._buffer = b""

    def __del__(self) -> None:
        """A connection that nobody holds any more is closed: a twin made for one question needs no care."""
        self.close()

    def close(self) -> None:
        """Close the socket, if one is open."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._buffer = None, b""

    def send(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Answer:
        """Send one request and read its answer.

        Raises:
            Unreachable: no connection, no answer in time, a certificate that does not verify.
            ServerFault: what came back is not HTTP or too large.
        """
        payload = self._encode(method, path, body, headers)
        reused = self._socket is not None
        try:
            return self._exchange(method, payload)
        except ConnectionRefusedError as fault:
            self.close()
            raise self._unreachable(_plain(fault)) from None
        except (ConnectionError, _Closed):
            self.close()
            # A server may close an idle connection between two requests. Only then, and only where repeating is
            # harmless, is the request sent again.
            if not (reused and method in {"GET", "LIST", "SCAN"}):
                raise self._unreachable("closed the connection without an answer") from None
        except TimeoutError:
            self.close()
            raise self._unreachable(f"gave no answer within {self.endpoint.timeout:g} s") from None
        except OSError as fault:
            self.close()
            raise self._unreachable(_plain(fault)) from None
        except BaseException:
            # Half an answer may still be on the wire: the next request must not read it as its own.
            self.close()
            raise
        return self.send(method, path, body, headers)

    def _encode(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> bytes:
        payload = b"" if body is None else json.dumps(body).encode()
        host = f"[{self.endpoint.host}]" if ":" in self.endpoint.host else self.endpoint.host
        lines = [f"{method} {self.endpoint.prefix}{path} HTTP/1.1", f"Host: {host}:{self.endpoint.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines += [
                "Content-Type: application/merge-patch+json" if method == "PATCH" else "Content-Type: application/json"
            ]
        lines += [f"Content-Length: {len(payload)}", "", ""]
        if any("\r" in line or "\n" in line for line in lines):
            raise UsageError(
                "a name, path or token holds a line break. Nothing was sent.", hint="check the environment's values"
            )
        return "\r\n".join(lines).encode() + payload

    def _exchange(self, method: str, payload: bytes) -> Answer:
        if self._socket is None:
            self._socket = self._connect()
        self._socket.sendall(payload)
        status, headers = self._read_head()
        while 100 <= status < 200:  # noqa: PLR2004 - interim answers, RFC 9110 15.2
            status, headers = self._read_head()
        raw = b"" if method == "HEAD" or status in {204, 304} else self._read_body(headers)
        if headers.get("connection", "").lower() == "close":
            self.close()
        body = self._decode(raw, status)
        return Answer(status=status, body=body or {}, headers=headers, is_page=body is None)

    def _connect(self) -> socket.socket:
        plain = socket.create_connection((self.endpoint.host, self.endpoint.port), timeout=self.endpoint.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.endpoint.scheme == "http":
            return plain
        try:
            return _verified(plain, self.endpoint)
        except BaseException:
            plain.close()
            raise

    def _fill(self) -> None:
        assert self._socket is not None  # noqa: S101 - only called inside an exchange
        piece = self._socket.recv(65536)
        if not piece:
            raise _Closed
        self._buffer += piece

    def _read_line(self) -> str:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_LINE:
                raise ServerFault("answered with a line that is no HTTP", system=self.system)
            self._fill()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def _read_exactly(self, size: int) -> bytes:
        if size > MAX_BODY:
            raise self._fault("answered with a body that is too large")
        while len(self._buffer) < size:
            self._fill()
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def _read_head(self) -> tuple[int, dict[str, str]]:
        protocol, _, rest = self._read_line().partition(" ")
        status = rest[:3]
        if not protocol.startswith("HTTP/1.") or not status.isdigit():
            raise self._fault("does not speak HTTP/1.1 there")
        headers: dict[str, str] = {}
        while line := self._read_line():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(status), headers

    def _read_body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = headers.get("content-length", "")
        if length.isdigit():
            return self._read_exactly(int(length))
        return self._read_to_end()

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            size = self._read_line().partition(";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise self._fault("sent a body that is not framed as it says") from None
            if not length:
                break
            body += self._read_exactly(length)
            self._read_line()
            if len(body) > MAX_BODY:
                raise self._fault("answered with a body that is too large")
        while self._read_line():
            pass
        return body

    def _read_to_end(self) -> bytes:
        try:
            while len(self._buffer) <= MAX_BODY:
                self._fill()
        except _Closed:
            body, self._buffer = self._buffer, b""
            self.close()
            return body
        raise self._fault("answered with a body that is too large")

    def _decode(self, raw: bytes, status: int) -> dict[str, Any] | None:
        """The object in the body; None where an error has another one, of which the status alone counts."""
        if not raw.strip():
            return {}
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        if status >= 400:  # noqa: PLR2004 - RFC 9110, 15.5
            return None
        raise self._fault("answered with something that is no JSON object, as no OpenBao does")

    def _unreachable(self, why: str) -> Unreachable:
        return Unreachable(
            f"{self.system} {why}.",
            system=self.system,
            hint=self._mend(why),
        )

    def _mend(self, why: str) -> str:
        if UNVERIFIED not in why:
            return f"check that it runs and that {self.endpoint.source} is right: warden doctor"
        named = self.endpoint.ca_file or self.endpoint.ca_path
        if named:
            return f"{named} (BAO_CACERT, BAO_CAPATH) is not of the authority that signed it, or the name is another"
        return "BAO_CACERT is not set, and this machine does not trust who signed it: export BAO_CACERT=FILE"

    def _fault(self, why: str) -> ServerFault:
        self.close()
        return ServerFault(f"{self.system} {why}.", system=self.system, hint="warden doctor")


class _Closed(Exception):
    """The peer closed the connection."""


def _plain(fault: OSError) -> str:
    """What happened on the network in words; the texts of OSError name files and numbers that help nobody."""
    reason = getattr(fault, "verify_message", "")
    if reason:
        return f"{UNVERIFIED} ({reason})"
    if isinstance(fault, socket.gaierror):
        return "has a host name that does not resolve"
    if type(fault).__name__ == "SSLError":
        return "does not speak TLS there"
    return f"cannot be reached ({os.strerror(fault.errno).lower()})" if fault.errno else "cannot be reached"


def _verified(plain: socket.socket, endpoint: Endpoint) -> socket.socket:
    import ssl

    try:
        context = ssl.create_default_context(cafile=endpoint.ca_file or None, capath=endpoint.ca_path or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if endpoint.client_cert:
            context.load_cert_chain(endpoint.client_cert, endpoint.client_key or None)
    except (OSError, ValueError):
        named = ", ".join(filter(None, (endpoint.ca_file, endpoint.ca_path, endpoint.client_cert, endpoint.client_key)))
        raise UsageError(
            f"the certificate files for {endpoint} cannot be used: {named}. Nothing was sent.",
            hint="BAO_CACERT, BAO_CAPATH, BAO_CLIENT_CERT and BAO_CLIENT_KEY name PEM files",
        ) from None
    return context.wrap_socket(plain, server_hostname=endpoint.server_name or endpoint.host)
