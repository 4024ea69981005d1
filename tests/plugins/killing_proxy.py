"""A proxy before OpenBao that kills its client at a request, so that a test knows how far the client came."""

import http.client
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Asked = tuple[str, str]
"""Method and path, without ``/v1/``."""


class KillingProxy:
    """Passes requests on to a plain http server; at one of them its client is killed with SIGKILL.

    `answered`: the server has answered that request, and the client does not learn it; otherwise it never arrived.
    """

    def __init__(self, address: str) -> None:
        self.address = ""
        self.asked: list[Asked] = []
        self.server = urlsplit(address)
        self.at: Callable[[list[Asked]], bool] = lambda _: False
        self.answered = True
        self.client = 0

    def run(self, argv: list[str], environ: Mapping[str, str], stdin: str = "") -> int:
        """Run a command until it ends or is killed; answers its exit code (-9: it was killed)."""
        self.asked.clear()
        process = subprocess.Popen(
            argv, env=dict(environ), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.client = process.pid
        process.communicate(stdin.encode(), timeout=60)
        return process.returncode

    def kill(self) -> None:
        os.kill(self.client, signal.SIGKILL)


@contextmanager
def killing_proxy(address: str) -> Iterator[KillingProxy]:
    """One in front of the server at that address, on a port of loopback."""
    proxy = KillingProxy(address)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def __getattr__(self, name: str) -> Callable[[], None]:
            if name.startswith("do_"):
                return self._pass_on
            raise AttributeError(name)

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.asked.append((self.command, self.path.removeprefix("/v1/")))
            fatal = proxy.at(proxy.asked)
            if fatal and not proxy.answered:
                proxy.kill()
                self.close_connection = True
                return
            server = http.client.HTTPConnection(proxy.server.hostname or "", proxy.server.port, timeout=30)
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            text = answer.read()
            server.close()
            if fatal:
                proxy.kill()
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for header, value in answer.getheaders():
                if header.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(header, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            return  # a client that was killed

    with Server(("127.0.0.1", 0), Handler) as listening:
        proxy.address = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown()
            thread.join()
