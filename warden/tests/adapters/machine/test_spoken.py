"""TLS against plain HTTP and the reverse, for OpenBao and for clusters, on real servers."""

import contextlib
import http.server
import socket
import ssl
import threading

import msgspec
import pytest
import trustme
from free_ports import refusing_port

from warden.adapters.kubernetes.client import Kubernetes
from warden.adapters.kubernetes.kubeconfig_format import Access, Cluster, User
from warden.adapters.machine.spoken import spoken
from warden.adapters.openbao.endpoint import parse_address
from warden.adapters.openbao.http import Connection
from warden.core.clusters.manifests import Ref
from warden.core.errors import ServerFault, Unreachable
from warden.core.secret import Secret
from warden.present import errors


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Clients that speak something else are what is tested."""


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *_):
        """Nothing."""


@contextlib.contextmanager
def serving(*, tls):
    """A port of this machine where HTTP is spoken, over TLS or not."""
    server = _Server(("127.0.0.1", 0), _Answer)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def cluster(address):
    user = User(token=Secret("some-token"))
    return Kubernetes("here", Access(context="here", cluster=Cluster(server=address), user=user))


def test_a_port_that_says_nothing_or_is_closed_is_not_told():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up():
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert spoken("127.0.0.1", port) == ""
        thread.join()
    with refusing_port() as port:
        assert spoken("127.0.0.1", port) == ""


@pytest.mark.parametrize(
    ("tls", "scheme", "words"),
    [
        (False, "https", "speaks plain http, and BAO_ADDR says https"),
        (True, "http", "speaks https, and BAO_ADDR says http"),
    ],
)
def test_an_openbao_that_speaks_the_other_is_named_as_such(tls, scheme, words):
    with serving(tls=tls) as port:
        where = msgspec.structs.replace(parse_address(f"{scheme}://127.0.0.1:{port}", "BAO_ADDR"), timeout=10.0)
        with pytest.raises(ServerFault) as caught:
            Connection(where, "OpenBao there").send("GET", "/v1/sys/health", None, {})
    other = "https" if scheme == "http" else "http"
    assert words in errors.message(caught.value)
    assert errors.hint(caught.value) == f"export BAO_ADDR={other}://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("tls", "scheme", "words"),
    [
        (False, "https", "speaks plain http, and the kubeconfig says https"),
        (True, "http", "speaks https, and the kubeconfig says http"),
    ],
)
def test_a_cluster_that_speaks_the_other_is_named_as_such(tls, scheme, words):
    with serving(tls=tls) as port, pytest.raises(Unreachable) as caught:
        cluster(f"{scheme}://127.0.0.1:{port}").get(Ref("Secret", "a", "b"))
    assert words in errors.message(caught.value)
