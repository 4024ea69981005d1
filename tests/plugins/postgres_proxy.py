"""Between a client and PostgreSQL: ends connections at the worst moment, or speaks TLS where the server does not."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

Fault = Literal["", "before-commit", "after-commit", "late-commit"]
"""before-commit: the commit is never sent. after-commit: its answer never comes. late-commit: the client is cut off at
once, and the server gets the commit a moment later."""

LATE = 1.0
"""Seconds."""
_COMMIT = b"COMMIT\0"  # and not what begins a transaction: READ COMMITTED
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # "SSLRequest" (PostgreSQL, "Message Formats")


class PostgresProxy:
    """Listens on `port`; `fault` is done once, to the next commit, and then counted in `done`."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = ("127.0.0.1", port)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.fault: Fault = ""
        self.done = 0
        self._sockets: list[socket.socket] = []

    def url(self, database: str, host: str = "127.0.0.1", **parameters: str) -> str:
        """Of the database, through here."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://postgres@{host}:{self.port}/{database}{f'?{query}' if query else ''}"

    def serve(self) -> None:
        """Take connections until `close`."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def close(self) -> None:
        """End everything."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _connection(self, plain: socket.socket) -> None:
        with plain, suppress(OSError, ssl.SSLError):
            client = self._with_tls(plain) if self._tls is not None else plain
            with client, socket.create_connection(self._target) as server:
                self._sockets += [client, server]
                answers = threading.Thread(target=self._answers, args=(server, client), daemon=True)
                answers.start()
                self._requests(client, server)
                answers.join(5)

    def _with_tls(self, client: socket.socket) -> socket.socket:
        assert self._tls is not None
        if client.recv(8, socket.MSG_PEEK) != _SSL_REQUEST:
            return client
        client.recv(8)
        client.sendall(b"S")
        wrapped = self._tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        try:
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(65536):
            fault = self.fault if _COMMIT in data else ""
            if not fault:
                server.sendall(data)
                continue
            self.fault, self.done = "", self.done + 1
            _cut(client)
            if fault == "after-commit":
                server.sendall(data)
                time.sleep(0.2)  # the server commits; what it answers goes nowhere
            if fault == "late-commit":
                time.sleep(LATE)
                server.sendall(data)
                time.sleep(0.2)
            break
        _end(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            while data := server.recv(65536):
                client.sendall(data)
        _end(client)


def _end(one: socket.socket) -> None:
    """End it although another thread waits for what it says."""
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _cut(client: socket.socket) -> None:
    """End it as a network does that fails: nothing is said in order."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
    client.close()


@contextmanager
def postgres_proxy(port: int, tls: ssl.SSLContext | None = None) -> Iterator[PostgresProxy]:
    """A proxy to the server at that port of loopback."""
    proxy = PostgresProxy(port, tls)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(5)
