"""Who may call: digests, and service accounts by an API server that plays its part of TokenReview."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import http.client
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from llm_connect.common.errors import ConfigurationError
from llm_connect.config.caller_config import Callers, KubernetesCallers
from llm_connect.config.config_file import read_configuration
from llm_connect.config.model import AuditConfig

TOKEN = "ops-token-0123456789"
STATIC = Callers({hashlib.sha256(TOKEN.encode()).hexdigest(): "ops"})


def jwt(name, lasts=3600, part=None):
    claims = base64.urlsafe_b64encode(json.dumps({"sub": name, "exp": time.time() + lasts}).encode()).rstrip(b"=")
    return f"e30.{claims.decode()}.{part or name}"


class ApiServer:
    """Answers TokenReviews: a token is valid when its last part is a known account, for the audience llm-connect."""

    def __init__(self):
        self.asked = 0
        self.broken = False
        self.audiences = ["llm-connect"]
        self.seconds = 0.0
        self.at_once = self.most_at_once = 0

    async def review(self, request):
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        if self.broken or request.headers["authorization"] != "Bearer own-token":
            return JSONResponse({"kind": "Status"}, 403)
        body = await request.json()
        name = body["spec"]["token"].split(".")[-1]
        if name == "nobody" or body["spec"]["audiences"] != ["llm-connect"]:
            return JSONResponse({"status": {"authenticated": False}}, 201)
        user = {"username": f"system:serviceaccount:activity-core:{name}"}
        return JSONResponse({"status": {"authenticated": True, "user": user, "audiences": self.audiences}}, 201)


@pytest.fixture
def api_server(serving, tmp_path):
    server = ApiServer()
    (tmp_path / "token").write_text("own-token\n")
    (tmp_path / "ca.crt").write_text("")
    route = Route("/apis/authentication.k8s.io/v1/tokenreviews", server.review, methods=["POST"])
    with serving(Starlette(routes=[route])) as url:
        declared = KubernetesCallers(
            "llm-connect", ("activity-core/activity-core",), url, str(tmp_path / "token"), str(tmp_path / "ca.crt")
        )
        yield server, declared


def ask(call, url, token=None, path="/execute"):
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return call("POST", f"{url}{path}", {"prompt": "hello"}, headers)


def test_an_empty_token_is_none_even_if_its_digest_is_declared(simulator, gateway_to, call):
    with gateway_to(simulator, callers=Callers({hashlib.sha256(b"").hexdigest(): "nobody"})) as url:
        for token in ("", "  "):
            assert (ask(call, url, token).status, ask(call, url, token).json["type"]) == (401, "caller_unknown")


def test_a_static_token_by_its_digest(simulator, gateway_to, call):
    with gateway_to(simulator, callers=STATIC) as url:
        assert ask(call, url, TOKEN).status == 200
        for wrong in (None, "", TOKEN[:-1], TOKEN + "x"):
            reply = ask(call, url, wrong)
            assert (reply.status, reply.json["type"]) == (401, "caller_unknown")
            assert reply.headers["www-authenticate"] == "Bearer"
        assert call("GET", f"{url}/v1/models").status == 401


def test_probes_need_no_token(simulator, gateway_to, call):
    with gateway_to(simulator, callers=STATIC) as url:
        assert [call("GET", f"{url}{path}").status for path in ("/health", "/ready")] == [200, 200]


def test_a_service_account_is_asked_for_once_a_minute(simulator, gateway_to, call, api_server):
    server, declared = api_server
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        token = jwt("activity-core")
        assert [ask(call, url, token).status for _ in range(5)] == [200] * 5
        assert server.asked == 1
        other = ask(call, url, jwt("issue-core"))
        assert (other.status, other.json["type"]) == (403, "caller_not_allowed")
        nobody = ask(call, url, jwt("nobody"))
        assert (nobody.status, nobody.json["type"]) == (401, "caller_unknown")


def test_log_and_record_tell_who_it_was_also_where_nothing_was_called(
    gateway_to, call, api_server, tmp_path, request_lines
):
    """A token that is good for somebody else names who came with it; a faulty request who sent it."""
    _, declared = api_server
    path = tmp_path / "audit.jsonl"
    callers = replace(STATIC, kubernetes=declared)
    with gateway_to("http://127.0.0.1:9/v1", callers=callers, audit=AuditConfig(str(path))) as url:
        assert ask(call, url, jwt("other")).status == 403
        assert call("POST", f"{url}/execute", {}, {"authorization": f"Bearer {TOKEN}"}).status == 400
        assert call("GET", f"{url}/v1/models", None, {"authorization": f"Bearer {TOKEN}"}).status == 200
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    assert [each["caller"] for each in recorded] == ["activity-core/other", "ops"]
    assert [each["caller"] for each in request_lines()] == ["activity-core/other", "ops", "ops"]


def test_a_crowd_of_unknown_tokens_is_asked_about_sixteen_at_once(simulator, gateway_to, call, api_server, monkeypatch):
    monkeypatch.setattr("llm_connect.callers.token_review._REVIEW_SECONDS", 60)  # the wait for a turn is in it
    server, declared = api_server
    server.seconds = 0.3
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url, ThreadPoolExecutor(50) as crowd:
        tokens = [f"e30.{number}.nobody" for number in range(50)]
        answers = list(crowd.map(lambda token: ask(call, url, token).status, tokens))
        assert answers == [401] * 50
        assert server.asked == 50
        assert 1 < server.most_at_once <= 16
        assert ask(call, url, jwt("activity-core")).status == 200


@pytest.mark.parametrize("audiences", [[], ["https://kubernetes.default.svc"], None])
def test_a_token_for_another_audience_is_refused(simulator, gateway_to, call, api_server, audiences):
    server, declared = api_server
    server.audiences = audiences
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        assert ask(call, url, jwt("activity-core")).status == 401


def test_where_the_api_server_gives_no_answer_nobody_is_let_in(simulator, gateway_to, call, api_server):
    server, declared = api_server
    server.broken = True
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        reply = ask(call, url, jwt("activity-core"))
        assert (reply.status, reply.json["type"]) == (503, "callers_unverifiable")
        assert (reply.headers["x-should-retry"], reply.headers["retry-after"]) == ("true", "1")
        server.broken = False
        assert ask(call, url, jwt("activity-core")).status == 200
    with gateway_to(simulator, callers=Callers(kubernetes=replace(declared, api_server="http://127.0.0.1:9"))) as url:
        assert ask(call, url, jwt("activity-core")).status == 503


@pytest.fixture
def asked_with(simulator, gateway_to, call, api_server):
    """A call where a file of the gateway's own is another one."""

    def ask_with(setting, path):
        declared = replace(api_server[1], **{setting: path})
        if setting == "ca_file":  # read for https only
            declared = replace(declared, api_server="https://127.0.0.1:1")
        with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
            return ask(call, url, jwt("activity-core"))

    return ask_with


@pytest.mark.parametrize("setting", ["token_file", "ca_file"])
@pytest.mark.parametrize(
    "found",
    [
        ("pipe", "did not end within 0 s"),
        ("/dev/zero", "more than "),
        ("none", "No such file"),
    ],
)
def test_a_file_of_the_gateways_own_holds_nobody_up(asked_with, tmp_path, caplog, setting, found):
    name, expected = found
    os.mkfifo(tmp_path / "pipe")
    path = str(tmp_path / name)
    reply = asked_with(setting, path)
    assert (reply.status, reply.json["type"]) == (503, "callers_unverifiable")
    assert reply.headers["retry-after"] == "1"
    assert path not in reply.octets.decode()
    (logged,) = (record.fields for record in caplog.records if record.message == "callers cannot be verified")
    assert (logged["setting"], logged["file"]) == (f"callers.kubernetes.{setting}", path)
    assert expected in logged["problem"]


def test_an_authority_that_is_none_is_reported_in_the_log(gateway_to, simulator, call, api_server, caplog):
    declared = replace(api_server[1], api_server="https://127.0.0.1:1", ca_file="/dev/null")
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        reply = ask(call, url, jwt("activity-core"))
    assert (reply.status, reply.json["type"]) == (503, "callers_unverifiable")
    (logged,) = (record.fields for record in caplog.records if record.message == "callers cannot be verified")
    assert (logged["file"], logged["problem"]) == ("/dev/null", "holds no certificate in PEM")


def test_what_the_api_server_said_counts_as_long_as_it_is_declared_and_not_beyond_the_tokens_end(
    simulator, gateway_to, call, api_server
):
    server, declared = api_server
    with gateway_to(simulator, callers=Callers(kubernetes=replace(declared, cache_seconds=0.2))) as url:
        token = jwt("activity-core")
        ask(call, url, token)
        time.sleep(0.3)
        server.broken = True
        assert ask(call, url, token).status == 503
    server.broken, server.asked = False, 0
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        expired = jwt("activity-core", lasts=-1)
        assert [ask(call, url, expired).status for _ in range(2)] == [200, 200]
        assert server.asked == 2


def test_where_nothing_is_reported_it_counts_for_a_minute():
    read = read_configuration({"callers": {"kubernetes": {"audience": "x", "allow": ["a/b"]}}})
    assert read.callers.kubernetes.cache_seconds == 60


@pytest.mark.parametrize(
    ("callers", "named"),
    [
        ({"static": {"ops": {"sha256": TOKEN}}}, "callers.static.ops.sha256"),
        ({"kubernetes": {"audience": "llm-connect", "allow": []}}, "callers.kubernetes.allow"),
        ({"kubernetes": {"allow": ["a/b"]}}, "callers.kubernetes.audience"),
        ({"kubernetes": {"audience": "x", "allow": ["activity-core"]}}, "callers.kubernetes.allow"),
        ({"kubernetes": {"audience": "x", "allow": ["a/*"]}}, "callers.kubernetes.allow"),  # it would match nobody
        ({"kubernetes": {"audience": "x", "allow": ["a/b", "system:serviceaccount:a:b"]}}, "callers.kubernetes.allow"),
        ({"kubernetes": {"audience": "x", "allow": ["a/b"], "cache_seconds": 61}}, "callers.kubernetes.cache_seconds"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_reported_without_the_token(callers, named):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration({"callers": callers})
    assert named in {fault.field for fault in caught.value.faults}
    assert TOKEN not in str(caught.value)


def test_beyond_loopback_it_does_not_start_without_callers(run, key):
    found = run("serve", "--port", "0", "--host", "0.0.0.0", environment={"OPENROUTER_API_KEY": key})
    assert (found.returncode, found.stdout) == (2, "")
    assert "no callers are declared" in found.stderr


MADE_UP = {
    "without claims": lambda number: f"e30.{number}.nobody",
    "with somebody else's name": lambda number: jwt(f"somebody-{number}", part="nobody"),
    "with claims of any shape": lambda number: jwt([number], part="nobody"),
}


@pytest.fixture
def asking_each_time(simulator, gateway_to, api_server):
    """A gateway that asks the API server for each call; and that server."""
    declared = replace(api_server[1], cache_seconds=0.01)
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        yield url, api_server[0]


@pytest.mark.parametrize("made_up", MADE_UP)
@pytest.mark.parametrize("known", [False, True])
def test_made_up_tokens_do_not_lock_a_declared_caller_out(call, asking_each_time, made_up, known):
    """They wait among themselves, and are refused where too many do."""
    url, server = asking_each_time
    with ThreadPoolExecutor(200) as crowd:
        token = jwt("activity-core")
        if known:
            assert ask(call, url, token).status == 200
        server.seconds = 0.5
        flood = [crowd.submit(ask, call, url, MADE_UP[made_up](number)) for number in range(200)]
        time.sleep(0.5)
        assert ask(call, url, token).status == 200  # behind the others it is given up after 5 s
        server.seconds = 0.0
        assert {each.result().status for each in flood} <= {401, 503}


def test_made_up_tokens_push_no_declared_caller_out_of_the_cache(simulator, gateway_to, call, api_server, monkeypatch):
    monkeypatch.setattr("llm_connect.callers.token_review._CACHE_SIZE", 4)
    server, declared = api_server
    with gateway_to(simulator, callers=Callers(kubernetes=declared)) as url:
        token = jwt("activity-core")
        assert ask(call, url, token).status == 200
        assert {ask(call, url, f"e30.{number}.nobody").status for number in range(8)} == {401}
        assert ask(call, url, token).status == 200
        assert server.asked == 9


def test_an_authorization_that_is_given_twice_is_refused(simulator, gateway_to):
    """Which of the two is the caller's? A proxy in front may have read the other one."""
    with gateway_to(simulator, callers=STATIC) as url:
        parts = urlsplit(url)
        for name in ("authorization", "Authorization", "AUTHORIZATION"):
            for other in (TOKEN, "x"):
                client = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
                client.putrequest("GET", "/v1/models")
                client.putheader("authorization", f"Bearer {other}")
                client.putheader(name, f"Bearer {TOKEN}")
                client.endheaders()
                reply = client.getresponse()
                assert (reply.status, json.load(reply)["error"]["type"]) == (400, "header_repeated")
                client.close()


LOCAL = ("localhost", "LOCALHOST:80", "localhost.", "127.0.0.1", "127.9.9.9:8080", "[::1]", "[::1]:99", "[0:0::1]")
FOREIGN = (
    "evil.example", "evil.example:80", "localhost.evil.example", "evil.localhost.example", "127.0.0.1.evil.example",
    "0.0.0.0", "10.0.0.1", "[::]", "[::2]:80", "[::1", "[::1]x", "::1", "localhost@evil.example", "localhost:x",
    "localhost, evil.example", "localhost evil", "2130706433", "0x7f000001", "127.1", "localhost..", "localhost:80:80",
)  # fmt: skip


def from_host(call, url, host):
    return {call("GET", f"{url}{path}", None, {"host": host}).status for path in ("/health", "/v1/models", "/metrics")}


def test_where_nobody_is_declared_only_this_machine_may_be_meant(simulator, gateway_to, call):
    """A web page whose name points to 127.0.0.1 (DNS rebinding) sends its own name as the Host."""
    with gateway_to(simulator) as url:
        assert {host: from_host(call, url, host) for host in LOCAL} == {host: {200} for host in LOCAL}
        assert {host: from_host(call, url, host) for host in FOREIGN} == {host: {421} for host in FOREIGN}
        reply = call("POST", f"{url}/execute", {"prompt": "hello"}, {"host": "evil.example"})
        assert (reply.status, reply.json["type"]) == (421, "host_not_local")


def test_where_callers_are_declared_it_may_have_any_name(simulator, gateway_to, call):
    with gateway_to(simulator, callers=STATIC) as url:
        headers = {"host": "llm-connect.activity-core.svc", "authorization": f"Bearer {TOKEN}"}
        assert call("GET", f"{url}/v1/models", None, headers).status == 200
