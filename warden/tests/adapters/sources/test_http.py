import http.server
import json
import threading

import pytest

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
