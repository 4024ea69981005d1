import contextlib
import http.server
import json
import ssl
import threading

import byte_server
import pytest
import trustme
from connect_proxy import proxying

from warden.adapters.sources.http import ProviderHttp
from warden.core.errors import Unreachable, UsageError
from warden.core.secret import Secret
from warden.ports.http import HttpRequest


class Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["content-length"] or 0)).decode()
        told = {"auth": self.headers["authorization"], "got": text}
        body = b"not json" if self.path == "/page" else json.dumps(told).encode()
        self.send_response(302 if self.path == "/moved" else 500 if self.path == "/page" else 200)
        self.send_header("location", "http://127.0.0.1:1/")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_request_with_secrets_and_its_answer(address):
    headers = {"authorization": Secret("Bearer hidden-one")}
    found = ProviderHttp().send(HttpRequest(method="POST", url=f"{address}/x", headers=headers, body={"a": 1}))
    assert (found.status, found.body["auth"], json.loads(found.body["got"])) == (200, "Bearer hidden-one", {"a": 1})
    assert "hidden-one" not in repr(found)
    form = ProviderHttp().send(HttpRequest(method="POST", url=f"{address}/x", form={"a": Secret("b c")}))
    assert form.body["got"] == "a=b+c"


def test_redirects_are_not_followed_and_a_page_is_an_answer_without_a_body(address):
    client = ProviderHttp()
    assert client.send(HttpRequest(method="POST", url=f"{address}/moved", body={})).status == 302
    found = client.send(HttpRequest(method="POST", url=f"{address}/page", body={}))
    assert (found.status, found.body) == (500, None)


def test_no_answer_names_the_provider_and_nothing_of_the_request():
    secret = Secret("hidden-one")
    with pytest.raises(Unreachable) as error:
        ProviderHttp().send(HttpRequest(method="GET", url="http://127.0.0.1:1/keys/x", headers={"a": secret}))
    assert "http://127.0.0.1:1" in str(error.value.problem)
    assert "hidden-one" not in str(error.value.problem)


@pytest.mark.parametrize("url", ["http://api.example.com/x", "ftp://api.example.com", "api.example.com", ""])
def test_keys_are_not_sent_in_clear(url):
    with pytest.raises(UsageError, match="not an https address"):
        ProviderHttp().send(HttpRequest(method="GET", url=url))


def test_an_answer_that_drips_ends_with_the_time_of_the_request():
    def drip(client):
        client.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.sendall(b"x")
                threading.Event().wait(0.05)

    # A drip that nobody gives up is cut off after 5 s, and is another error.
    with byte_server.serving(drip) as (url, _), pytest.raises(Unreachable, match=r"within 0\.3 s"):
        ProviderHttp().send(HttpRequest(method="GET", url=url, timeout=0.3))


def test_a_body_that_is_too_large_is_none():
    whole = b"HTTP/1.1 200 X\r\ncontent-length: 9000002\r\n\r\n" + b'"' + b"x" * 9_000_000 + b'"'
    with byte_server.serving(whole) as (url, _):
        found = ProviderHttp().send(HttpRequest(method="GET", url=url))
    assert (found.status, found.body) == (200, None)


def test_this_machine_is_not_asked_through_a_proxy(address):
    environ = {
        "HTTP_PROXY": "http://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }
    assert ProviderHttp(environ).send(HttpRequest(method="POST", url=f"{address}/x", body={})).status == 200


@pytest.fixture
def encrypted(tmp_path, monkeypatch):
    """A server that speaks TLS as ``api.example.test``, which only the proxy knows; and its authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.test").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with byte_server.serving(byte_server.status(200, b"{}"), context=context) as (url, received):
        yield int(url.rpartition(":")[2]), received


def test_the_proxy_sees_the_host_and_no_key(encrypted):
    port, received = encrypted
    with proxying(port) as (proxy, heads):
        client = ProviderHttp({"HTTPS_PROXY": f"http://{proxy}"})
        request = HttpRequest(
            method="GET", url="https://api.example.test/keys", headers={"x-key": Secret("hidden-one")}
        )
        assert client.send(request).status == 200
    assert heads[0].startswith("CONNECT api.example.test:443")
    assert "hidden-one" not in "".join(heads)
    assert b"hidden-one" in received[0]


def test_a_certificate_of_somebody_else_is_not_accepted(encrypted, monkeypatch):
    port, received = encrypted
    monkeypatch.delenv("SSL_CERT_FILE")
    with proxying(port) as (proxy, _):
        client = ProviderHttp({"HTTPS_PROXY": f"http://{proxy}"})
        with pytest.raises(Unreachable, match="shows a certificate that does not verify through the proxy 127"):
            client.send(HttpRequest(method="GET", url="https://api.example.test/keys"))
    assert received == []


@pytest.mark.parametrize(
    ("url", "says"),
    [("http://127.0.0.1:1", "connection refused"), ("https://no-such-host.invalid", "does not resolve")],
)
def test_what_happened_on_the_network_is_said_in_words(url, says):
    with pytest.raises(Unreachable, match=says) as raised:
        ProviderHttp({}).send(HttpRequest(method="GET", url=url))
    assert "Error" not in str(raised.value.problem)


def test_a_proxy_of_another_kind_is_said(address):
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        ProviderHttp({"HTTPS_PROXY": "socks5://x"}).send(HttpRequest(method="GET", url="https://api.example.test"))
