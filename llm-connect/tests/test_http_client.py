"""The HTTP client against servers that send exactly these bytes, on both event loops, and against real TLS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from free_ports import refusing_port
from raw_server import full, listening

from llm_connect.common.errors import ProviderFailed, TimedOut
from llm_connect.common.secret import Redactor
from llm_connect.common.tls import provider_context
from llm_connect.providers import http_client
from llm_connect.providers.http_client import MAX_ANSWER_BYTES, HttpClient
from llm_connect.providers.openai import OpenAI
from llm_connect.providers.port import Call, Connection, ProviderConfig

OK = b"HTTP/1.1 200 OK\r\n"
SMALL = OK + b"content-length: 2\r\n\r\nhi"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


class Server:
    """Answers the n-th request with the n-th of `answers`, and with the last one ever after.

    An answer is a list: bytes are sent, numbers are seconds to wait; "close", "reset" and "hold" end it.
    """

    def __init__(self, *answers):
        self.answers = answers
        self.requests = []
        self.connections = 0
        self.left = 0
        self.base = ""

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while await self.exchange(reader, writer):
                pass
        finally:
            self.left += 1

    async def exchange(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(head + await reader.readexactly(length))
        for step in answer:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step == "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                writer.transport.abort()
                return False
            elif step == "hold":
                return bool(await reader.read())
            else:
                return False
        return True


@asynccontextmanager
async def serving(*answers, tls=None, path="/v1/chat/completions", host="127.0.0.1", tls_context=None):
    """A server and the client to it."""
    server = Server(*answers)
    async with listening(server.serve, tls=tls) as port:
        server.base = f"{'https' if tls else 'http'}://{host}:{port}"
        async with contextlib.aclosing(HttpClient(f"{server.base}{path}", tls_context)) as client:
            yield server, client


async def asked(client, body=b"{}", headers=None, first_byte=5, idle=5):
    async with client.post(body, headers or {}, 5, first_byte) as answer:
        return answer.status, answer.headers, await answer.read_all(idle)


async def failure(client, **how):
    with pytest.raises((ProviderFailed, TimedOut)) as found:
        await asked(client, **how)
    return found.value


async def until(what):
    async with asyncio.timeout(10):
        while not what():  # noqa: ASYNC110 - what a server counts is not an event
            await asyncio.sleep(0.005)


async def test_the_request_as_it_goes_out():
    async with serving([SMALL], path="/a b/<v1>/%41") as (server, client):
        await asked(client, b'{"a":1}', {"content-type": "application/json", "authorization": "Bearer k"})
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    assert line == b"POST /a%20b/%3Cv1%3E/%41 HTTP/1.1"
    names = {field.partition(b": ")[0].lower(): field.partition(b": ")[2] for field in fields}
    assert names.pop(b"host").startswith(b"127.0.0.1:")
    assert names.pop(b"user-agent").startswith(b"llm-connect/")
    wanted = {b"content-type": b"application/json", b"authorization": b"Bearer k", b"content-length": b"7"}
    assert (names, body) == (wanted, b'{"a":1}')


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\0b"])
async def test_a_header_never_ends_early(value):
    async with serving([SMALL]) as (server, client):
        with pytest.raises(ValueError, match="header"):
            await asked(client, headers={"authorization": value})
    assert server.requests == []


WHOLE = {
    "announced": [SMALL],
    "in chunks": [CHUNKED + b"1\r\nh\r\n1;ext=1\r\ni\r\n0\r\n\r\n"],
    "with a trailer": [CHUNKED + b"2\r\nhi\r\n0\r\nx-late: 1\r\nretry-after: 9\r\n\r\n"],
    "byte by byte": [bytes([each]) for each in CHUNKED + b"2\r\nhi\r\n0\r\n\r\n"],
    "after interim answers": [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nretry-after: 9\r\n\r\n" + SMALL],
    "to the end of the connection": [OK + b"\r\nh", 0.02, b"i", "close"],
    "HTTP/1.0": [b"HTTP/1.0 200 OK\r\n\r\nhi", "close"],
    "names in capitals": [OK + b"Content-LENGTH: 2\r\n\r\nhi"],
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
async def test_every_way_to_frame_a_body(name):
    async with serving(WHOLE[name]) as (server, client):
        for _ in range(3):
            status, headers, body = await asked(client)
            assert (status, body, headers.get("retry-after")) == (200, b"hi", None)
    assert len(server.requests) == 3
    assert server.connections == (3 if "close" in WHOLE[name] else 1)


async def test_an_answer_without_a_body():
    async with serving([b"HTTP/1.1 204 No Content\r\n\r\n"]) as (_, client):
        assert (await asked(client))[0::2] == (204, b"")


BROKEN = {
    "no HTTP": ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "hold"], "provider_malformed"),
    "two lengths": ([OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", "hold"], "provider_malformed"),
    "a length and chunks": ([OK + b"content-length: 2\r\n" + CHUNKED[len(OK):], "hold"], "provider_malformed"),
    "another protocol": ([b"HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"], "provider_malformed"),
    "a head without an end": ([OK + b"x: " + b"a" * 300_000, "hold"], "provider_malformed"),
    "nothing, closed": (["close"], "provider_reset"),
    "nothing, reset": (["reset"], "provider_reset"),
    "half a head": ([OK + b"content-le", "close"], "provider_reset"),
    "half a body": ([OK + b"content-length: 9\r\n\r\nhi", "close"], "provider_cut"),
    "half a body, reset": ([OK + b"content-length: 9\r\n\r\nhi", 0.02, "reset"], "provider_cut"),
    "half the chunks": ([CHUNKED + b"2\r\nhi\r\n", "close"], "provider_cut"),
    "half the chunks, in capitals": ([CHUNKED.replace(b"chunked", b"Chunked") + b"5\r\nhi", "close"], "provider_cut"),
    "a trailer without an end": ([CHUNKED + b"2\r\nhi\r\n0\r\nx: ", *[b"a" * 2**16] * 6, "hold"], "provider_cut"),
    "an invalid chunk": ([CHUNKED + b"2\r\nhi\r\nxyz\r\n", "hold"], "provider_cut"),
    "no head in time": ([2.0, SMALL], "provider_first_byte"),
    "a head that drips": ([part for each in SMALL for part in (bytes([each]), 0.03)], "provider_first_byte"),
    "no body in time": ([OK + b"content-length: 2\r\n\r\nh", 2.0, b"i"], "provider_idle"),
    "too much": ([CHUNKED, *[b"100000\r\n" + b"a" * 2**20 + b"\r\n"] * 17, b"0\r\n\r\n"], "provider_too_large"),
}  # fmt: skip


UNLESS_AT_ONCE = dict.fromkeys(("a trailer without an end", "an invalid chunk"), "provider_malformed")
"""What it is called where it is read together with the head."""


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_the_documented_error_and_ends_the_connection(name):
    steps, type_ = BROKEN[name]
    async with serving(steps, [SMALL]) as (server, client):
        first_byte, idle = (0.4 if type_ == f"provider_{kind}" else 10 for kind in ("first_byte", "idle"))
        found = await failure(client, first_byte=first_byte, idle=idle)
        assert (found.type, found.unbilled) in {(type_, False), (UNLESS_AT_ONCE.get(name), False)}
        await until(lambda: server.left == 1)
        assert (await asked(client))[2] == b"hi"
    assert server.connections == 2


async def test_sixteen_megabytes_are_read():
    body = b"a" * MAX_ANSWER_BYTES
    async with serving([OK + b"content-length: %d\r\n\r\n" % len(body) + body]) as (server, client):
        for _ in range(2):
            assert (await asked(client))[2] == body
    assert server.connections == 1


async def test_a_reader_that_waits_makes_the_server_wait():
    endless = [CHUNKED, *[b"10000\r\n" + b"a" * 2**16 + b"\r\n"] * 1000, b"0\r\n\r\n"]
    async with serving(endless) as (server, client):
        async with client.post(b"{}", {}, 5, 5) as answer:
            await asyncio.sleep(0.3)
            first = await answer.read(5, "provider_idle", "byte")
            assert len(first) < 2 * 2**20  # 64 KiB, and what one reading gives
            rest = 0
            while piece := await answer.read(5, "provider_idle", "byte"):
                rest += len(piece)
        assert len(first) + rest == 1000 * 2**16
        assert server.left == 0


SURPLUS = {
    "another answer": SMALL + SMALL.replace(b"hi", b"no"),
    "rubbish": SMALL + b"rubbish",
    "a byte after close": OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhiX",
}


@pytest.mark.parametrize("name", SURPLUS)
async def test_what_nobody_asked_for_is_never_the_next_answer(name):
    async with serving([SURPLUS[name]], [SMALL]) as (server, client):
        if name == "another answer":
            assert (await asked(client))[2] == b"hi"
        else:  # read together with the answer, it makes all of it invalid
            assert (await failure(client)).type == "provider_malformed"
        assert (await asked(client))[2] == b"hi"
    assert server.connections == 2


async def test_an_answer_that_comes_to_an_idle_connection_is_nobodys():
    no = SMALL.replace(b"hi", b"no")
    async with serving([SMALL, 0.01, no], [SMALL]) as (server, client):
        assert (await asked(client))[2] == b"hi"
        await asyncio.sleep(0.5)
        assert (await failure(client)).type == "provider_reset"
        for _ in range(3):
            assert (await asked(client))[2] == b"hi"
    assert server.connections == 2


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used():
    async with serving([SMALL, 0.02, "close"]) as (server, client):
        for turn in range(3):
            assert (await asked(client))[2] == b"hi"
            await until(lambda turn=turn: server.left == turn + 1)
            await asyncio.sleep(0.02)
    assert server.connections == 3


async def test_a_connection_that_the_server_will_close_is_not_used():
    async with serving([SMALL.replace(OK, OK + b"connection: close\r\n"), "hold"]) as (server, client):
        for _ in range(3):
            assert (await asked(client))[2] == b"hi"
    assert server.connections == 3


async def test_a_connection_that_is_idle_for_long_is_closed(monkeypatch):
    monkeypatch.setattr(http_client, "KEEP_ALIVE_SECONDS", 0.1)
    async with serving([0.05, SMALL]) as (server, client):
        await asyncio.gather(asked(client), asked(client))
        await until(lambda: server.left == 2)
        await asked(client)
    assert server.connections == 3


async def test_as_many_connections_as_calls_at_once_and_no_more_afterwards():
    async with serving([0.05, SMALL]) as (server, client):
        for _ in range(3):
            await asyncio.gather(*(asked(client) for _ in range(5)))
    assert server.connections == 5


@pytest.mark.parametrize("moment", ["head", "body"])
async def test_who_gives_up_closes_the_connection(moment):
    steps = ["hold"] if moment == "head" else [OK + b"content-length: 9\r\n\r\nhi", "hold"]
    async with serving(steps, [SMALL]) as (server, client):
        task = asyncio.create_task(asked(client, first_byte=None))
        await until(lambda: len(server.requests) == 1)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: server.left == 1)
        assert (await asked(client))[2] == b"hi"
    assert server.connections == 2


async def test_leaving_before_the_body_is_read_closes_the_connection():
    async with serving([OK + b"content-length: 9\r\n\r\nhi", "hold"]) as (server, client):
        async with client.post(b"{}", {}, 5, 5) as answer:
            assert answer.status == 200
        await until(lambda: server.left == 1)


@pytest.mark.parametrize(
    "unread", [SMALL, CHUNKED + b"2\r\nhi\r\n2\r\nhi\r\n0\r\n\r\n"], ids=["announced", "in chunks"]
)
async def test_an_answer_that_was_not_read_is_never_part_of_the_next_one(unread):
    """As when a caller leaves while all of it is there already."""
    async with serving([unread], [SMALL.replace(b"hi", b"ok")]) as (_server, client):
        async with client.post(b"{}", {}, 5, 5) as answer:
            await asyncio.sleep(0.1)
            assert answer.status == 200
        assert (await asked(client))[2] == b"ok"


@pytest.mark.parametrize("pieces", [1, 2])
async def test_a_stream_that_was_read_halfway_is_never_part_of_the_next_one(pieces):
    events = [b'data: {"choices":[{"delta":{"content":"%d"}}]}\n\n' % number for number in range(5)]
    whole = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in [*events, b"data: [DONE]\n\n"]) + b"0\r\n\r\n"
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-type: text/event-stream\r\n\r\n")
    async with serving([head + whole]) as (server, _wire):
        provider = OpenAI().build(ProviderConfig("test", "openai", f"{server.base}/v1"), Connection(Redactor()))
        call = Call("model", {"messages": []})
        for _ in range(3):
            chunks = provider.stream(call)
            found = [await anext(chunks) for _ in range(pieces)]
            await asyncio.sleep(0.02)
            await chunks.aclose()
            assert [each["choices"][0]["delta"]["content"] for each in found] == ["0", "1"][:pieces]
        await provider.close()
    assert len(server.requests) == 3


async def test_a_stream_whose_last_chunk_comes_by_itself_keeps_its_connection(monkeypatch):
    monkeypatch.setattr(http_client, "_LAST_READ_SECONDS", 10)
    event = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n'
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-type: text/event-stream\r\n\r\n")
    async with serving([head + b"%x\r\n%b\r\n" % (len(event), event), 0.005, b"0\r\n\r\n"]) as (server, _wire):
        provider = OpenAI().build(ProviderConfig("test", "openai", f"{server.base}/v1"), Connection(Redactor()))
        for _ in range(5):
            assert len([each async for each in provider.stream(Call("model", {"messages": []}))]) == 1
        await provider.close()
    assert server.connections == 1


async def test_nobody_listens():
    with refusing_port() as port:
        async with contextlib.aclosing(HttpClient(f"http://127.0.0.1:{port}/")) as client:
            found = await failure(client)
    assert (found.type, found.unbilled) == ("provider_unreachable", True)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example"])
async def test_a_name_that_leads_nowhere(host):
    async with contextlib.aclosing(HttpClient(f"http://{host}:9/")) as client:
        found = await failure(client)
    assert (found.type, found.unbilled) == ("provider_unreachable", True)


async def test_a_server_that_takes_no_connection_in_time():
    with full("127.0.0.1") as port:
        async with contextlib.aclosing(HttpClient(f"http://127.0.0.1:{port}/")) as client:
            with pytest.raises(ProviderFailed) as found:
                async with client.post(b"{}", {}, 0.2, 5):
                    pass
    assert (found.value.type, found.value.unbilled) == ("provider_unreachable", True)


async def test_the_first_address_of_a_name_may_lead_nowhere(monkeypatch):
    """As with a host whose IPv6 is a black hole: the next address is tried after a quarter of a second."""
    server = Server([SMALL])
    async with listening(server.serve) as port:
        with full("127.0.0.2", port):  # second: clients bind ports of 127.0.0.1, none of this address
            loop = asyncio.get_running_loop()
            found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]

            async def both(*_args, **_how):
                monkeypatch.undo()  # uvloop asks once more for each address
                return found

            monkeypatch.setattr(loop, "getaddrinfo", both)
            async with contextlib.aclosing(HttpClient(f"http://two.example:{port}/")) as client:
                assert (await asked(client))[2] == b"hi"


# -- TLS ---------------------------------------------------------------------------------------------------------------


def certificate(subject, issuer=None, *, days=1, **names):
    """A key and a certificate; without an issuer it is an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[1].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=2))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        listed = [x509.DNSName(each) for each in names.get("dns", ())]
        listed += [x509.IPAddress(ipaddress.ip_address(each)) for each in names.get("ip", ())]
        builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=False)
    return key, builder.sign(issuer[0] if issuer else key, hashes.SHA256())


def pem(certificate_):
    return certificate_.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority():
    return certificate("authority of a test")


@pytest.fixture
def server_tls(authority, tmp_path):
    """A context for a server, with a certificate of the authority."""

    def make(issuer=authority, **how):
        key, found = certificate("server", issuer, **how)
        file = tmp_path / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + pem(found))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    return make


@pytest.fixture
def trusted(authority, tmp_path):
    """A context that trusts the authority."""
    path = tmp_path / "ca.pem"
    path.write_bytes("# Autorität eines Tests\n".encode() + pem(authority[1]))
    return provider_context(str(path), None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_over_tls_with_an_authority_of_ones_own(server_tls, trusted, host):
    context = server_tls(ip=["127.0.0.1"], dns=["localhost"])
    async with serving([SMALL], tls=context, tls_context=trusted, host=host) as (server, client):
        for _ in range(3):
            assert (await asked(client, b"a" * 200_000))[2] == b"hi"
    assert server.connections == 1


@pytest.mark.parametrize(("secure", "status"), [(False, 413), (True, 413), (False, 200)], ids=["plain", "TLS", "200"])
async def test_an_answer_may_come_while_a_large_request_is_still_being_sent(server_tls, trusted, secure, status):
    left = asyncio.Event()

    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d Soon\r\ncontent-length: 2\r\n\r\nno" % status)
        await asyncio.sleep(0.2)
        try:
            while await reader.read(2**20):
                pass
        finally:
            left.set()

    tls = server_tls(ip=["127.0.0.1"]) if secure else None
    async with (
        listening(refuse, tls=tls) as port,
        contextlib.aclosing(HttpClient(f"{'https' if secure else 'http'}://127.0.0.1:{port}/", trusted)) as client,
    ):
        assert (await asked(client, b"a" * 50_000_000))[0::2] == (status, b"no")
        await asyncio.wait_for(left.wait(), 10)  # the rest is not sent, and nothing is sent after it


UNTRUSTED = {
    "an authority nobody knows": {"ip": ["127.0.0.1"], "issuer": certificate("another authority")},
    "another name": {"ip": ["127.0.0.2"], "dns": ["other.example"]},
    "a certificate that is over": {"ip": ["127.0.0.1"], "days": -1},
}


@pytest.mark.parametrize("name", UNTRUSTED)
async def test_a_certificate_that_is_not_accepted_gets_no_request(server_tls, trusted, name):
    async with serving([SMALL], tls=server_tls(**UNTRUSTED[name]), tls_context=trusted) as (server, client):
        found = await failure(client, headers={"authorization": "Bearer secret"})
    assert (found.type, found.unbilled, server.requests) == ("provider_tls", True, [])


async def test_an_authority_of_ones_own_is_of_one_provider_only(server_tls, trusted):
    context = server_tls(ip=["127.0.0.1"])
    async with (
        serving([SMALL], tls=context, tls_context=trusted) as (_, client),
        serving([SMALL], tls=context) as (_, other),
    ):
        assert (await asked(client))[2] == b"hi"
        assert (await failure(other)).type == "provider_tls"


@pytest.mark.parametrize("behaviour", ["plain", "closes", "silent"])
async def test_an_https_url_with_no_tls_behind_it(behaviour):
    left = asyncio.Event()

    async def serve(reader, writer):
        await reader.read(100)
        if behaviour == "plain":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        try:
            if behaviour == "silent":
                await reader.read()
        finally:
            left.set()

    async with listening(serve) as port:
        async with contextlib.aclosing(HttpClient(f"https://127.0.0.1:{port}/")) as client:
            with pytest.raises(ProviderFailed) as found:
                async with client.post(b"{}", {}, 0.5, 5):
                    pass
        await asyncio.wait_for(left.wait(), 10)
    wanted = "provider_tls" if behaviour == "plain" else "provider_unreachable"
    assert (found.value.type, found.value.unbilled) == (wanted, True)


@pytest.fixture
def client_certificate(authority, tmp_path):
    """A file with a client's certificate of the authority, and its private key."""
    key, found = certificate("client", authority)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "client.pem"
    path.write_bytes(private + pem(found))
    return str(path)


async def test_a_server_that_wants_a_client_certificate_gets_it(server_tls, trusted, client_certificate, tmp_path):
    ca_file = str(tmp_path / "ca.pem")
    context = server_tls(ip=["127.0.0.1"])
    context.load_verify_locations(ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    own = provider_context(ca_file, client_certificate)
    async with serving([SMALL], tls=context, tls_context=own) as (_, client):
        assert (await asked(client))[2] == b"hi"
    async with serving([SMALL], tls=context, tls_context=trusted) as (server, client):
        assert (await failure(client)).type in {"provider_tls", "provider_reset"}
        assert server.requests == []
