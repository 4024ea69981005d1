"""A server that says exactly the bytes that it was given."""

import contextlib
import re
import socket
import ssl
import threading


@contextlib.contextmanager
def serving(*answers, context=None):
    """One connection after another; each request gets the next answer (bytes, or a function of the socket)."""
    listener = socket.create_server(("127.0.0.1", 0))
    received, pending = [], list(answers)

    def encrypted(client):
        return context.wrap_socket(client, server_side=True) if context else client

    def serve():
        with contextlib.suppress(OSError):
            while pending:
                client, _ = listener.accept()
                with contextlib.suppress(OSError, ssl.SSLError), encrypted(client) as peer:
                    talk(peer)

    def talk(client):
        while pending and (request := _request(client)):
            received.append(request)
            answer = pending.pop(0)
            if callable(answer):
                return answer(client)
            client.sendall(answer)
        return None

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{listener.getsockname()[1]}", received
    finally:
        listener.close()


def _request(client):
    """What came first, and the rest of a body that its head announces; nothing where the client went away."""
    request = client.recv(1 << 20)
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    lacking = int(length[1]) - len(body) if length else 0
    while lacking > 0 and (more := client.recv(1 << 20)):
        request, lacking = request + more, lacking - len(more)
    return request


def status(code, body=b'{"errors": ["said so"]}'):
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (code, len(body), body)
