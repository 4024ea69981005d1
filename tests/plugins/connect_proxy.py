"""A proxy that leads every CONNECT to one port of this machine, and tells what it was asked for."""

import contextlib
import socket
import threading


@contextlib.contextmanager
def proxying(port, *, refuse=b""):
    """Yields its host and port, and the head of each CONNECT. ``refuse`` is what it answers in place of a tunnel."""
    listener = socket.create_server(("127.0.0.1", 0))
    heads = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=tunnel, args=(client,), daemon=True).start()

    def tunnel(client):
        with contextlib.suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head and (piece := client.recv(4096)):
                head += piece
            heads.append(head.decode())
            if refuse:
                return client.sendall(refuse)
            with socket.create_connection(("127.0.0.1", port)) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                threading.Thread(target=pump, args=(server, client), daemon=True).start()
                pump(client, server)
        return None

    def pump(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", heads
    finally:
        listener.close()
