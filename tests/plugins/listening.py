"""A small HTTP server of the tests, for as long as a context lasts."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def listening(answer):
    """Serves on a free port of loopback what `answer` gives for a method and a body: status and octets; the address."""

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(*answer("GET", b""))

        def do_POST(self):
            self.reply(*answer("POST", self.rfile.read(int(self.headers["content-length"]))))

        def reply(self, status, octets):
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(5)
