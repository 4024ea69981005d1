"""Whatever a server of KRLs answers, nothing but two whole files comes out, in time."""

import gzip
import socket
import time

import pytest
from byte_server import serving

from warden.adapters.ssh import krl_http
from warden.adapters.ssh.krl_http import KrlAtUrl
from warden.core.errors import ServerFault, Unreachable, UsageError
from warden.core.ssh.krl import EMPTY, SignedKrl


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def fetch(*answers, known: SignedKrl | None = None, patience: float = 3.0):
    with serving(*answers) as (url, received):
        source = KrlAtUrl(f"{url}/krl", patience, {})
        if known is not None:
            known = SignedKrl(krl=known.krl, signature=known.signature, etag=known.etag, url=source.where)
        return source.fetch(known), received


KNOWN = SignedKrl(krl=EMPTY, signature=b"s", etag='"one"')


def test_both_files_and_the_etag():
    found, received = fetch(answer(EMPTY, 'ETag: "one"'), answer(b"signature"))
    assert (found.krl, found.signature, found.etag) == (EMPTY, b"signature", '"one"')
    assert [each.split()[1] for each in received] == [b"/krl", b"/krl.sig"]
    assert b"none-match" not in received[0].lower()


def test_what_is_known_is_not_sent_again():
    found, received = fetch(answer(b"", status="304 Not Modified"), known=KNOWN)
    assert found is None
    assert b'"one"' in received[0]


def test_an_etag_of_another_url_is_not_asked_with():
    with serving(answer(EMPTY), answer(b"s")) as (url, received):
        elsewhere = SignedKrl(krl=EMPTY, signature=b"s", etag='"one"', url="http://elsewhere/krl")
        assert KrlAtUrl(f"{url}/krl", 3, {}).fetch(elsewhere) is not None
    assert b'"one"' not in received[0]


def test_a_304_that_nobody_asked_for_is_not_an_answer():
    with pytest.raises(ServerFault, match="answered 304"):
        fetch(answer(b"", status="304 Not Modified"))


@pytest.mark.parametrize("etag", ["one", '"a b"', f'"{"x" * 300}"', '"é"'])
def test_an_etag_that_is_not_one_is_not_kept(etag):
    found, _ = fetch(answer(EMPTY, f"ETag: {etag}"), answer(b"s"))
    assert found.etag == ""


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (answer(b"", status="404 Not Found"), "answered 404"),
        (answer(b"", status="500 Oops"), "answered 500"),
        (answer(b"", "Location: http://127.0.0.1:1/", status="302 Found"), "answered 302"),
        (answer(gzip.compress(EMPTY, mtime=0), "Content-Encoding: gzip"), "packed"),
    ],
)
def test_what_is_not_the_file_is_a_fault_of_the_server(first, said):
    with pytest.raises(ServerFault, match=said):
        fetch(first)


def test_without_its_signature_a_krl_is_nothing():
    with pytest.raises(ServerFault, match=r"answered 404 for .*\.sig"):
        fetch(answer(EMPTY), answer(b"", status="404 Not Found"))


def test_a_body_without_an_end_is_cut(monkeypatch):
    monkeypatch.setattr(krl_http, "LARGEST", 10_000)
    with pytest.raises(ServerFault, match="more than 10000 bytes"):
        fetch(answer(b"x" * 20_000))


def test_a_signature_without_an_end_is_cut():
    with pytest.raises(ServerFault, match="more than 16384 bytes"):
        fetch(answer(EMPTY), answer(b"x" * 20_000))


def slowly(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(40):
        peer.sendall(b"x")
        time.sleep(0.05)


def slow_head(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(40):
        peer.sendall(b"X-%d: x\r\n" % number)
        time.sleep(0.05)


@pytest.mark.parametrize("drips", [slowly, slow_head], ids=["body", "head"])
def test_a_server_that_drips_is_given_up_in_time(drips):
    """Whoever waits has the lock of the file: the timer's next runs would wait, too, and report nothing."""
    with pytest.raises(Unreachable, match="no answer within"):  # and not that the connection was closed, as it is later
        fetch(drips, patience=0.5)


def test_a_connection_that_ends_early_is_not_an_answer():
    with pytest.raises(Unreachable, match="closed the connection"):
        fetch(lambda peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))


def test_nobody_there_is_said():
    with pytest.raises(Unreachable, match="connection refused"):
        KrlAtUrl("http://127.0.0.1:1/krl", 3, {}).fetch(None)
    with pytest.raises(Unreachable, match="does not resolve"):
        KrlAtUrl("http://nowhere.invalid/krl", 3, {}).fetch(None)


@pytest.mark.parametrize(
    "url",
    ["", "krl", "file:///etc/passwd", "http://", "http://x/krl?a", "http://x/krl#a", "http://[x/krl", "http://x:y/krl"],
)
def test_what_is_not_a_url_of_http_is_a_usage_error(url):
    with pytest.raises(UsageError, match="is not the URL of a KRL"):
        KrlAtUrl(url, 3, {})


def test_a_proxy_that_is_not_one_is_a_usage_error():
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        KrlAtUrl("https://ops.example/krl", 3, {"HTTPS_PROXY": "socks5://proxy:1"})
