"""An API server of a kind that tells who asked: what reached it, and as whom."""

import contextlib
import http.server
import json
import ssl
import threading

import trustme


class Asked(list):
    """The headers of each request, names in lower case; one that is there twice has its values in a list."""


@contextlib.contextmanager
def telling(*, names=("127.0.0.1",), client_authority=None, accepted=None):
    """Yields its URL, the PEM of its authority, and what was asked. ``accepted`` is the one Authorization it takes."""
    authority, asked = trustme.CA(), Asked()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    if client_authority:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            told = {"path": self.path}
            for name in {each.lower() for each in self.headers}:
                values = self.headers.get_all(name)
                told[name] = values if len(values) > 1 else values[0]
            if hasattr(self.connection, "getpeercert") and (peer := self.connection.getpeercert()):
                told["certificate"] = dict(each[0] for each in peer["subject"]).get("commonName", "named")
            asked.append(told)
            fits = accepted is None or told.get("authorization") == accepted
            body = json.dumps({"kind": "Namespace" if fits else "Status", "metadata": {}}).encode()
            self.send_response(200 if fits else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", authority.cert_pem.bytes().decode(), asked
    finally:
        server.shutdown()
        server.server_close()
