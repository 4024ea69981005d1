"""The HTTP client against servers that behave as the RFC says, and against those that do not."""

import contextlib
import datetime as dt
import ipaddress
import json
import os
import signal
import ssl
import threading
import time

import msgspec
import pytest
from byte_server import serving, status
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from warden.adapters.machine.loopback import is_loopback
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import endpoint, namespace, parse_address, percent_encoded
from warden.adapters.openbao.http import Connection
from warden.adapters.openbao.ssh_engine import SshEngine
from warden.adapters.openbao.ssh_mounts import SshMounts
from warden.core.errors import (
    Inconclusive,
    Refused,
    Sealed,
    ServerFault,
    Unidentified,
    Unreachable,
    UsageError,
    WardenError,
)
from warden.core.lanes.lane import RoleName
from warden.core.openbao.api import jwt_login
from warden.core.secret import Secret
from warden.core.ssh.certificate import CertificateSpec
from warden.present import errors


def connect(address, **how):
    where = msgspec.structs.replace(parse_address(address, "BAO_ADDR"), **({"timeout": 20.0} | how))
    return Connection(where, "OpenBao there")


def ask(address, method="GET", body=None, **how):
    return connect(address, **how).send(method, "/v1/x", body, {})


def ok(body=b'{"a": 1}', *headers):
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


def test_a_request_is_what_was_asked_for():
    with serving(ok()) as (address, received):
        answer = connect(address).send("PATCH", "/v1/a/b", {"k": "v"}, {"X-Vault-Token": "t"})
    assert (answer.status, answer.body) == (200, {"a": 1})
    head, _, body = received[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"PATCH /v1/a/b HTTP/1.1"
    assert b"X-Vault-Token: t" in lines
    assert b"Content-Type: application/merge-patch+json" in lines
    assert body == b'{"k": "v"}'


FRAMES = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'4\r\n{"a"\r\n4;x=y\r\n: 1}\r\n0\r\nTrailer: x\r\n\r\n',
    "to the end": b'HTTP/1.1 200 OK\r\n\r\n{"a": 1}',
    "interim answer first": b"HTTP/1.1 100 Continue\r\n\r\n" + ok(),
    "bare line feeds": b'HTTP/1.1 200 OK\nContent-Length: 8\n\n{"a": 1}',
    "in one byte pieces": lambda client: [client.sendall(bytes([byte])) for byte in ok()],
}


@pytest.mark.parametrize("frame", FRAMES)
def test_every_framing_is_read(frame):
    answer = FRAMES[frame]
    once = answer if callable(answer) else lambda client: client.sendall(answer)
    with serving(once) as (address, _):
        assert ask(address).body == {"a": 1}


def test_one_connection_serves_many_requests():
    with serving(*[ok()] * 3) as (address, received):
        connection = connect(address)
        for _ in range(3):
            assert connection.send("GET", "/v1/x", None, {}).status == 200
        assert len(received) == 3


def test_an_idle_connection_that_was_closed_is_opened_again_for_a_read_and_never_for_a_write():
    for method, expected in (("GET", True), ("POST", False)):
        with serving(ok(b"{}", b"X: 1"), lambda client: client.close(), ok()) as (address, _):
            connection = connect(address)
            connection.send("GET", "/v1/x", None, {})
            if expected:
                assert connection.send(method, "/v1/x", None, {}).body == {"a": 1}
            else:
                with pytest.raises(Unreachable, match="closed the connection"):
                    connection.send(method, "/v1/x", {}, {})


def test_a_connection_that_the_server_ends_is_not_used_for_the_next_write():
    def last(client):
        client.sendall(ok(b"{}", b"Connection: close"))

    with serving(last, ok()) as (address, _):
        connection = connect(address)
        connection.send("GET", "/v1/x", None, {})
        assert connection.send("POST", "/v1/x", {}, {}).body == {"a": 1}


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
def test_a_body_without_an_end_is_cut_off(head, monkeypatch):
    monkeypatch.setattr("warden.adapters.openbao.http.MAX_BODY", 1 << 20)

    def endless(client):
        client.sendall(head)
        piece = b"x" * 65536
        with contextlib.suppress(OSError):
            for _ in range(100):
                client.sendall(b"10000\r\n%s\r\n" % piece if b"chunked" in head else piece)

    with serving(endless) as (address, _), pytest.raises(ServerFault, match="too large"):
        ask(address)


def head(*lines):
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])


CHUNKED = head(b"Transfer-Encoding: chunked")
SUPERSCRIPT_TWO = "²".encode()
BROKEN = {
    "not http": (b"220 smtp\r\n\r\n", ServerFault, "does not speak HTTP"),
    "another version": (b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", ServerFault, "does not speak HTTP"),
    "cut in the head": (lambda client: client.sendall(b"HTTP/1.1 200"), Unreachable, "closed the connection"),
    "cut in the body": (lambda client: client.sendall(head(b"Content-Length: 99") + b"{"), Unreachable, "closed"),
    "cut in a chunk": (lambda client: client.sendall(CHUNKED + b"9\r\n{"), Unreachable, "closed"),
    "cut before the last chunk": (lambda client: client.sendall(CHUNKED + b"2\r\n{}\r\n"), Unreachable, "closed"),
    "a bad chunk": (CHUNKED + b"zz\r\n", ServerFault, "HTTP/1.1 correctly .*chunk size"),
    "a chunk size in 0x": (
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        ServerFault,
        "HTTP/1.1 correctly .*chunk",
    ),
    "a chunk of more than is said": (CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n", ServerFault, "does not speak HTTP"),
    "a length in other digits": (head(b"Content-Length: " + SUPERSCRIPT_TWO) + b"{}", ServerFault, "Content-Length"),
    "a negative length": (head(b"Content-Length: -1") + b"{}", ServerFault, "Content-Length"),
    "two lengths": (head(b"Content-Length: 2", b"Content-Length: 3") + b"{}", ServerFault, "Content-Length"),
    "a length beside chunks": (
        head(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"{}",
        ServerFault,
        "does not speak HTTP",
    ),
    "a status in other digits": (
        b"HTTP/1.1 %s OK\r\nContent-Length: 2\r\n\r\n{}" % (SUPERSCRIPT_TWO * 3),
        ServerFault,
        "does not speak HTTP",
    ),
    "another protocol from here on": (
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        ServerFault,
        "does not speak HTTP",
    ),
    "too large": (head(b"Content-Length: 99999999999"), ServerFault, "too large"),
    "a length beyond all numbers": (head(b"Content-Length: " + b"9" * 5000), ServerFault, "does not speak HTTP"),
    "an endless line": (lambda client: client.sendall(b"x" * 200000), ServerFault, "does not speak HTTP"),
    "headers without an end": (
        lambda client: client.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000),
        ServerFault,
        "headers that are too large",
    ),
    "one header without an end": (
        lambda client: client.sendall(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200000),
        ServerFault,
        "headers that are too large",
    ),
    "interim answers without an end": (
        lambda client: client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 10000),
        ServerFault,
        "headers that are too large",
    ),
    "html": (b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", ServerFault, "not a JSON object"),
    "a list": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", ServerFault, "not a JSON object"),
    "nothing": (lambda client: client.close(), Unreachable, "closed the connection"),
    "silence": (lambda _: time.sleep(1), Unreachable, "no answer within 0.3 s"),
    "deep nesting": (ok(b"[" * 100000), ServerFault, "not a JSON object"),
    "https": (b"\x15\x03\x01\x00\x02\x02\x46", ServerFault, "speaks https, and BAO_ADDR says http"),
    "https, as Go says it": (
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        ServerFault,
        "speaks https, and BAO_ADDR says http",
    ),
}


@pytest.mark.parametrize("way", BROKEN)
def test_an_unusable_answer_is_an_error_that_names_it(way):
    answer, kind, words = BROKEN[way]
    began = time.monotonic()
    with serving(answer) as (address, _), pytest.raises(kind, match=words):
        ask(address, timeout=0.3 if way == "silence" else 20.0)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", CHUNKED + b"63\r\n"])
def test_one_deadline_holds_for_all_of_an_answer_however_it_trickles(start):
    def trickle(client):
        with contextlib.suppress(OSError):
            for byte in start + b"x" * 99:
                client.sendall(bytes([byte]))
                time.sleep(0.05)

    with serving(trickle) as (address, _), pytest.raises(Unreachable, match=r"no answer within 0\.4 s"):
        ask(address, timeout=0.4)


def test_an_error_page_of_a_proxy_is_a_status_without_a_body():
    with serving(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>") as (address, _):
        answer = ask(address)
    assert (answer.status, answer.body, answer.is_page) == (502, {}, True)


@pytest.mark.parametrize("body", [b"{}", b'{"data": []}', b'{"auth": "x"}'])
def test_an_answer_of_some_other_server_is_no_answer(body):
    with serving(*[ok(body)] * 3) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        for ask_it in (
            bao.identity,
            lambda: bao.kv_metadata("m", "k"),
            lambda: bao.enter(jwt_login("m", "r", Secret("a.b.c"))),
        ):
            with pytest.raises(ServerFault, match="which OpenBao never does; not counted as an answer") as fault:
                ask_it()
            assert "500" not in fault.value.hint


OTHER_VALUES = {
    "a name that is a number": ("identity", {"display_name": 7}),
    "a name that nobody can write": ("identity", {"display_name": "\ud800"}),
    "a name without an end": ("identity", {"meta": {"role": "r" * 300_000}}),
    "a policy that is a number": ("identity", {"policies": ["default", 7]}),
    "policies that are true": ("identity", {"policies": True}),
    "a list of metadata": ("identity", {"meta": ["role"]}),
    "a time in words": ("identity", {"ttl": "soon"}),
    "a time without an end": ("identity", {"ttl": float("inf")}),
    "a time beyond the calendar": ("identity", {"ttl": 10**20}),
    "a token that nobody can write": ("enter", {"client_token": "\ud800"}),
    "a token that is a number": ("enter", {"client_token": 7}),
    "no token": ("enter", {}),
    "a key that is a number": ("public_keys", {"key_info": {"a": {"public_key": 7}}}),
    "an empty key": ("public_keys", {"key_info": {"a": {"public_key": " "}}}),
    "a list of keys": ("public_keys", {"key_info": ["a"]}),
    "no keys": ("public_keys", {}),
    "no certificate": ("sign", {}),
    "a certificate that is a list": ("sign", {"signed_key": []}),
    "text in place of an issuer": ("issuers", {"key_info": {"a": "b"}}),
    "an issuer without a key": ("issuers", {"key_info": {"a": {"is_default": True}}}),
    "no issuers": ("issuers", {}),
    "a mount without a type": ("mount", {}),
    "a policy without a text": ("acl_policy", {}),
}


@pytest.mark.parametrize("which", OTHER_VALUES)
def test_an_answer_with_other_values_is_no_answer(which):
    """They are neither shown nor used, and no defect of warden's."""
    name, part = OTHER_VALUES[which]
    spec = CertificateSpec(
        type="user", subject="agt-a", public_key="", key_id="", principals=(), valid_after=0, valid_before=1
    )
    with serving(ok(json.dumps({"auth" if name == "enter" else "data": part}).encode())) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        ask_it = {
            "identity": bao.identity,
            "enter": lambda: bao.enter(jwt_login("m", "r", Secret("a.b.c"))),
            "public_keys": SshEngine(bao, "ssh").public_keys,
            "sign": lambda: SshEngine(bao, "ssh").sign(spec),
            "issuers": lambda: SshMounts(bao).issuers("ssh"),
            "mount": lambda: bao.mount("ssh"),
            "acl_policy": lambda: bao.acl_policy("p"),
        }
        with pytest.raises(ServerFault, match="which OpenBao never does; not counted as an answer"):
            ask_it[name]()


def test_redirects_are_not_followed():
    with serving(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as (
        address,
        _,
    ):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        with pytest.raises(ServerFault, match="answered 307") as fault:
            bao.policy("x")
    assert errors.hint(fault.value) == "check what stands between here and OpenBao: warden doctor"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_whatever_bytes_come_only_our_errors_leave(noise):
    with serving(lambda client: client.sendall(noise)) as (address, _), contextlib.suppress(Inconclusive):
        assert ask(address, timeout=0.5).status  # some noise is an answer


def test_a_dead_port_and_an_unknown_name_are_told_apart():
    with pytest.raises(Unreachable, match="connection refused"):
        ask("http://127.0.0.1:1")
    with pytest.raises(Unreachable, match="does not resolve"):
        ask("https://no-such-host.invalid:8200")


# -- TLS --------------------------------------------------------------------------------------------------------------


def authority(directory, name):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("bao.example")]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / f"{name}.pem").write_bytes(pem)
    (directory / f"{name}.key").write_bytes(private)
    return directory / f"{name}.pem", directory / f"{name}.key"


def tls(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_tls_is_verified_against_the_named_authority(tmp_path):
    certificate, key = authority(tmp_path, "right")
    other, _ = authority(tmp_path, "other")
    with serving(ok(), context=tls(certificate, key)) as (address, _):
        assert ask(address, ca_file=str(certificate)).body == {"a": 1}
    with serving(ok(), context=tls(certificate, key)) as (address, received):
        with pytest.raises(Unreachable, match="certificate that does not verify") as named:
            ask(address, ca_file=str(other))
        with pytest.raises(Unreachable) as unnamed:
            ask(address)
        assert str(other) in named.value.hint
        assert "BAO_TLS_SERVER_NAME" not in named.value.hint
        assert "export BAO_CACERT=FILE" in errors.hint(unnamed.value)
        assert received == []


def test_the_server_name_is_verified_and_can_be_named(tmp_path):
    certificate, key = authority(tmp_path, "right")
    with serving(ok(), context=tls(certificate, key)) as (address, _):
        assert ask(address, ca_file=str(certificate), server_name="bao.example").status == 200
    with (
        serving(ok(), context=tls(certificate, key)) as (address, _),
        pytest.raises(Unreachable, match="does not verify") as named,
    ):
        ask(address, ca_file=str(certificate), server_name="else.example")
    assert "BAO_TLS_SERVER_NAME" in named.value.hint


def test_no_variable_switches_verification_off(tmp_path):
    certificate, key = authority(tmp_path, "right")
    with serving(ok(), context=tls(certificate, key)) as (address, received):
        for name in ("BAO_SKIP_VERIFY", "VAULT_SKIP_VERIFY"):
            with pytest.raises(UsageError, match=f"{name} cannot be honoured"):
                endpoint({"BAO_ADDR": address, name: "true"})
        where = endpoint({"BAO_ADDR": address, "BAO_SKIP_VERIFY": "false"})
        with pytest.raises(Unreachable, match="does not verify"):
            Connection(where, "OpenBao there").send("GET", "/v1/x", None, {})
        assert received == []


def test_a_missing_authority_file_is_wrong_usage_and_nothing_is_sent(tmp_path):
    certificate, key = authority(tmp_path, "right")
    with serving(ok(), context=tls(certificate, key)) as (address, received):
        with pytest.raises(UsageError, match=r"none\.pem"):
            ask(address, ca_file=str(tmp_path / "none.pem"))
        assert received == []


def test_authorities_can_be_a_directory_and_the_caller_can_show_a_certificate(tmp_path):
    certificate, key = authority(tmp_path, "right")
    folder = tmp_path / "authorities"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "ours.crt").write_bytes(certificate.read_bytes())
    (folder / "README").write_text("where these are from")
    context = tls(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate)
    with serving(ok(), context=context) as (address, _):
        variables = {"BAO_CAPATH": str(folder), "VAULT_CLIENT_CERT": str(certificate), "BAO_CLIENT_KEY": str(key)}
        where = endpoint({"BAO_ADDR": address, **variables})
        assert Connection(where, "OpenBao there").send("GET", "/v1/x", None, {}).body == {"a": 1}


def test_an_answer_that_nobody_asked_for_is_not_the_next_one():
    def two(client):
        client.sendall(ok(b'{"n": 1}') + ok(b'{"n": "smuggled"}'))
        client.recv(1 << 16)

    for first in (two, lambda client: client.sendall(ok(b'{"n": 1}') + b"and more")):
        with serving(first, ok(b'{"n": 2}')) as (address, _):
            connection = connect(address)
            assert connection.send("GET", "/v1/x", None, {}).body == {"n": 1}
            assert connection.send("POST", "/v1/x", {}, {}).body == {"n": 2}


def test_https_to_a_plain_server_is_named_as_such():
    with (
        serving(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (address, _),
        pytest.raises(Unreachable, match="does not speak TLS there"),
    ):
        ask(address.replace("http://", "https://"))


# -- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bao.example",
        "ftp://x",
        "http://",
        "https://user@x",
        "https://x:0",
        "https://x:99999",
        "https://x y",
        "https://x?y",
    ],
)
def test_what_is_no_address_is_told_with_its_variable(text):
    with pytest.raises(UsageError, match="VAULT_ADDR"):
        parse_address(text, "VAULT_ADDR")


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "bao.example", "127.evil.example", "localhost.evil.example", "0.0.0.0", "127.1"]
)
def test_plain_http_goes_to_loopback_only(host):
    assert not is_loopback(host)
    with pytest.raises(UsageError, match="another machine"):
        parse_address(f"http://{host}:8200", "BAO_ADDR")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.9.9.9", "[::1]"])
def test_plain_http_to_this_machine_is_allowed(host):
    assert parse_address(f"http://{host}:8200", "BAO_ADDR").port == 8200


def test_variables_are_found_as_users_of_bao_and_vault_expect(tmp_path):
    where = endpoint(
        {
            "VAULT_ADDR": "https://old:1",
            "BAO_ADDR": "https://new:2/prefix/",
            "VAULT_CACERT": "/ca",
            "BAO_TLS_SERVER_NAME": "n",
            "BAO_CLIENT_TIMEOUT": "45s",
        }
    )
    assert (where.host, where.port, where.prefix, where.source) == ("new", 2, "/prefix", "BAO_ADDR")
    assert (where.ca_file, where.server_name, where.timeout) == ("/ca", "n", 45.0)
    assert endpoint({"VAULT_ADDR": "https://old:1"}).source == "VAULT_ADDR"
    assert namespace({"VAULT_NAMESPACE": "team/"}) == "team"
    with pytest.raises(UsageError, match="BAO_ADDR is not set"):
        endpoint({})
    for never in ("soon", "-1", "1.5", "5 s", "1y"):
        with pytest.raises(UsageError, match="BAO_CLIENT_TIMEOUT"):
            endpoint({"BAO_ADDR": "https://new:2", "BAO_CLIENT_TIMEOUT": never})


def test_a_prefix_of_the_address_comes_before_every_path():
    with serving(ok()) as (address, received):
        ask(f"{address}/behind/a/proxy/")
    assert received[0].startswith(b"GET /behind/a/proxy/v1/x HTTP/1.1")


def test_the_namespace_travels_as_a_header():
    with serving(ok(b'{"data": {"policy": "p"}}')) as (address, received):
        OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"), namespace="team").policy("x")
    assert b"X-Vault-Namespace: team" in received[0]


def test_a_twin_asks_the_same_namespace_as_the_same_caller_or_as_another():
    with serving(ok(b'{"data": {"policy": "p"}}'), ok(b'{"data": {"policy": "p"}}')) as (address, received):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("mine"), namespace="team")
        bao.twin().policy("x")
        bao.twin(Secret("theirs")).policy("x")
    assert b"X-Vault-Token: mine" in received[0]
    assert b"X-Vault-Token: theirs" in received[1]
    assert all(b"X-Vault-Namespace: team" in request for request in received)


def test_a_path_cannot_smuggle_a_second_request():
    assert percent_encoded("a b\r\nHost: evil") == "a%20b%0D%0AHost%3A%20evil"
    assert percent_encoded("ü") == "%C3%BC"
    assert percent_encoded("a%2fb#c") == "a%252fb%23c"
    with pytest.raises(UsageError, match="line break"):
        connect("http://127.0.0.1:1").send("GET", "/x", None, {"X-Vault-Token": "a\r\nb"})


# -- what statuses mean -----------------------------------------------------------------------------------------------

ERRORS = {
    "sealed": (503, Sealed),
    "fault": (500, ServerFault),
    "gateway": (502, ServerFault),
    "too many": (429, ServerFault),
    "bad request": (400, Refused),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_status_becomes_the_error_it_means(name):
    status, kind = ERRORS[name]
    body = b'{"errors": ["said so"]}'
    answer = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
    with serving(answer) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        with pytest.raises(kind) as fault:
            bao.kv_metadata("m", "k")
    assert fault.value.system == f"OpenBao {address}"


def test_403_is_a_refusal_for_a_known_token_and_an_unknown_caller_otherwise(platform_server):
    with pytest.raises(Refused) as refusal:
        platform_server.vault("developer").policy("default")
    assert not isinstance(refusal.value, Unidentified)
    with pytest.raises(Unidentified, match="expired, revoked or unknown"):
        platform_server.vault("s.unknown").policy("default")
    with pytest.raises(Unidentified, match="no token was given"):
        platform_server.vault().policy("default")


@pytest.mark.parametrize(
    ("code", "kind"),
    [(400, Refused), (403, Refused), (404, ServerFault), (429, ServerFault), (500, ServerFault), (503, Sealed)],
)
def test_a_login_is_refused_by_400_and_403_alone(code, kind):
    with serving(status(code)) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"))
        with pytest.raises(kind):
            bao.enter(jwt_login("kubernetes", "r", Secret("a.b.c")))


@pytest.mark.parametrize("code", [400, 403, 404, 503])
def test_a_page_of_a_proxy_refuses_nothing_and_says_of_nothing_that_it_is_not_there(code):
    with serving(*[status(code, b"<html>")] * 5) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        for ask_it in (
            bao.identity,
            lambda: bao.policy("x"),
            lambda: bao.mount("m"),
            lambda: bao.enter(jwt_login("m", "r", Secret("a.b.c"))),
            lambda: bao.revoke_self(Secret("t")),
        ):
            with pytest.raises(ServerFault, match=f"answered {code} .*; not counted as an answer"):
                ask_it()


def test_a_known_token_is_not_made_out_by_a_page_of_a_proxy():
    with serving(status(403), status(403, b"<html>")) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        with pytest.raises(ServerFault, match="answered 403 to GET auth/token/lookup-self"):
            bao.policy("x")


OVERTAKEN = b'{"errors": ["1 error occurred:\\n\\t* transaction commit failed"]}'


def test_a_write_that_was_overtaken_by_another_is_sent_again():
    kept = ok(b'{"data": {"version": 3}}')
    with serving(*[status(500, OVERTAKEN)] * 2, kept, status(404), status(500, OVERTAKEN), kept) as (address, sent):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        bao.write_role(RoleName("m", "r"), {"a": 1})
        assert len(sent) == 3
        assert len(set(sent)) == 1
        assert bao.put_fields("m", "k", {"F": Secret("v")}) == 3
    assert len(sent) == 6


def test_one_that_is_overtaken_each_time_and_any_other_fault_is_told():
    with serving(*[status(500, OVERTAKEN)] * 9) as (address, sent):
        with pytest.raises(ServerFault, match="transaction commit failed"):
            OpenBao(parse_address(address, "BAO_ADDR"), Secret("t")).write_policy("p", "")
        assert len(sent) == 5
    with serving(*[status(500)] * 9) as (address, sent):
        with pytest.raises(ServerFault, match="said so") as fault:
            OpenBao(parse_address(address, "BAO_ADDR"), Secret("t")).write_policy("p", "")
        assert len(sent) == 1
    assert "audit disk" in fault.value.hint


def test_whether_a_refused_token_is_known_is_not_guessed_from_a_server_in_trouble():
    with serving(status(403), status(503)) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        with pytest.raises(Sealed):
            bao.policy("x")


def test_a_token_that_is_gone_was_not_ended_and_a_fault_is_one():
    with serving(status(403), status(500)) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"))
        assert not bao.revoke_self(Secret("t"))
        with pytest.raises(ServerFault):
            bao.revoke_self(Secret("t"))


def test_only_headers_in_clear_and_only_files_count_for_the_audit_log():
    headers = b'{"data": {"headers": {"X-Lane-Probe": {"hmac": false}, "X-Hidden": {"hmac": true}}}}'
    devices = b"""{"data": {"a/": {"type": "file", "options": {"file_path": "/a.log"}},
                            "b/": {"type": "socket", "options": {"file_path": "/b.log"}}, "c/": {"type": "file"}}}"""
    with serving(ok(headers), ok(devices)) as (address, _):
        bao = OpenBao(parse_address(address, "BAO_ADDR"), Secret("t"))
        assert bao.audit_headers() == {"x-lane-probe"}
        assert bao.audit_files() == ("/a.log",)


def test_a_version_is_live_until_it_is_deleted_or_destroyed(platform_server, unique):
    admin, key = platform_server.vault("admin"), unique("live")
    assert admin.kv_metadata("platform", key) is None
    platform_server.must("POST", f"platform/metadata/{key}", {"delete_version_after": "1h"})
    assert not admin.kv_metadata("platform", key).live
    admin.put_fields("platform", key, {"A": Secret("a")})
    assert admin.kv_metadata("platform", key).live
    platform_server.must("PUT", f"platform/destroy/{key}", {"versions": [1]})
    destroyed = admin.kv_metadata("platform", key)
    assert (destroyed.current, destroyed.live) == (1, False)


def test_marks_are_merged_and_one_to_be_removed_does_not_stop_a_new_path(platform_server, unique):
    admin, key = platform_server.vault("admin"), unique("marked")
    for marks, expected in (
        ({"a": "1", "gone": None}, {"a": "1"}),
        ({"b": "2"}, {"a": "1", "b": "2"}),
        ({"a": None}, {"b": "2"}),
    ):
        admin.mark("platform", key, marks)
        assert admin.kv_metadata("platform", key).custom == expected


def test_a_version_is_told_of_kv_mounts_only(platform_server):
    admin = platform_server.vault("admin")
    assert (admin.mount("cubbyhole").type, admin.mount("cubbyhole").version) == ("cubbyhole", 0)
    assert (admin.mount("platform").type, admin.mount("platform").version) == ("kv", 2)


def test_no_error_quotes_a_token_or_a_value(platform_server):
    planted = "s.PLANTEDTOKEN"
    told = []
    for act in (
        lambda bao: bao.identity(),
        lambda bao: bao.policy("x"),
        lambda bao: bao.put_fields("platform", "a", {"F": Secret("planted-value")}),
        lambda bao: bao.enter(jwt_login("kubernetes", "nobody", Secret("planted.jwt.value"))),
    ):
        with pytest.raises(WardenError) as fault:
            act(platform_server.vault(planted))
        told.append(f"{fault.value} {errors.as_json(fault.value)}")
    assert "PLANTED" not in "".join(told)
    assert "planted" not in "".join(told)


def test_after_a_timeout_the_next_request_does_not_read_the_late_answer():
    given_up = threading.Event()

    def late(client):
        given_up.wait(20)
        with contextlib.suppress(OSError):
            client.sendall(ok())
            client.recv(1 << 20)

    with serving(late, ok(b'{"b": 2}')) as (address, _):
        connection = connect(address, timeout=0.2)
        with pytest.raises(Unreachable, match="no answer within"):
            connection.send("GET", "/v1/x", None, {})
        given_up.set()
        connection.endpoint = msgspec.structs.replace(connection.endpoint, timeout=20.0)
        assert connection.send("GET", "/v1/x", None, {}).body == {"b": 2}


def test_interrupted_in_the_middle_the_next_request_does_not_read_the_old_answer():
    interrupted = threading.Event()

    def half_then_rest(client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
        time.sleep(0.1)  # the answer's beginning is read by then, or is not: an interrupted request is one in any case
        os.kill(os.getpid(), signal.SIGINT)
        interrupted.wait(20)
        with contextlib.suppress(OSError):
            client.sendall(b'{"a": 1}')

    with serving(half_then_rest, ok(b'{"b": 2}')) as (address, _):
        connection = connect(address)
        with pytest.raises(KeyboardInterrupt):
            connection.send("GET", "/v1/x", None, {})
        interrupted.set()
        assert connection.send("GET", "/v1/x", None, {}).body == {"b": 2}
