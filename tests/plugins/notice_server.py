"""A receiver of notices: keeps what was posted to it, and answers as it is told."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Receiver:
    """What was posted, and how it is answered: each status once, then 204 for good; ``stuck`` answers nothing."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.posted: list[dict] = []
        self.headers: list[dict] = []
        self.stuck = threading.Event()
        self.release = threading.Event()
        self.arrived = threading.Event()
        self.url = ""

    @property
    def kinds(self) -> list[str]:
        """``kind`` of a hook, ``event`` of the State Hub."""
        return [each.get("kind") or each["event"] for each in self.posted]


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """A server on a random port of this machine."""
    found = Receiver(*statuses)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if found.stuck.is_set():
                found.release.wait(30)
            found.arrived.set()
            found.posted.append(json.loads(body))
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(status := found.statuses.pop(0) if found.statuses else 204)
            self.send_header("Content-Length", "0")
            if 300 <= status < 400:
                self.send_header("Location", found.url)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        found.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
