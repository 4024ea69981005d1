"""Audit records: before and after each call, without content unless it is opted for; no record, no call."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from dataclasses import replace

import pytest
from like import NUMBER, TIME
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from llm_connect.accounts.audit import AuditFile
from llm_connect.calls.chat_request import ChatRequest
from llm_connect.common.secret import Redactor
from llm_connect.config.caller_config import Callers
from llm_connect.config.model import AuditConfig
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.web.stream_chunks import StreamChunks

NAME = CUSTODIAN_TRIAGE.name


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_call_has_two_lines_of_metadata(simulator, gateway_to, call, tmp_path):
    path = tmp_path / "audit.jsonl"
    with gateway_to(simulator, audit=AuditConfig(str(path))) as url:
        call("POST", f"{url}/execute", {"prompt": "my private words"}, {"x-request-id": "one"})
        call("GET", f"{url}/health")
    begin, end = lines_of(path)
    assert (begin["event"], begin["request_id"], begin["profile"], begin["caller"]) == (
        "call.begin", "one", NAME, "anonymous",
    )  # fmt: skip
    assert (end["event"], end["status"], end["total_tokens"], end["finish_reason"]) == ("call.end", 200, 4016, "stop")
    assert "private" not in path.read_text()


COUNTS = {"completion_tokens": 4012, "reasoning_tokens": 4000, "provider": "openrouter", "attempts": 1}
ANSWERED = {"status": 200, "finish_reason": "stop"} | COUNTS | {"prompt_tokens": 2, "total_tokens": 4014}
COST = {"cost": 0.0100306}
FAILED = {"provider": "openrouter", "attempts": 1}
ENDS = {
    NAME: ANSWERED | COST | {"model": CUSTODIAN_TRIAGE.model},
    "other-model": ANSWERED | COST | {"model": "simulate/served-instead", "model_requested": "simulate/other-model"},
    "no-usage": {"status": 200, "finish_reason": "stop"} | FAILED,
    "402": {"status": 502, "type": "provider_credit", "provider_status": 402} | FAILED,
    "429": {"status": 429, "type": "provider_rate_limit", "provider_status": 429} | FAILED,
    "silent": {"status": 504, "type": "deadline"} | FAILED,
}


@pytest.fixture
def recorded(simulator, gateway_to, call, tmp_path):
    """Makes one request, and answers its audit records."""

    def one(path, body, headers):
        with gateway_to(simulator, audit=AuditConfig(str(tmp_path / "audit.jsonl"))) as url:
            call("POST", f"{url}{path}", body, headers | {"x-request-id": "an-id"})
        return lines_of(tmp_path / "audit.jsonl")

    return one


@pytest.mark.parametrize("profile", ENDS)
@pytest.mark.parametrize("path", ["/execute", "/v1/chat/completions"])
def test_what_is_recorded_of_a_call_as_a_whole(recorded, profile, path):
    body = {"prompt": "hello", "config": {"model_name": profile}}
    if path.startswith("/v1"):
        body = {"model": profile, "messages": [{"role": "user", "content": "hello"}]}
    model = CUSTODIAN_TRIAGE.model if profile == NAME else f"simulate/{profile}"
    begun = {"request_id": "an-id", "profile": profile, "caller": "anonymous", "model": model}
    begin, end = recorded(path, body, {})
    assert begin == {"ts": TIME, "event": "call.begin", "path": path} | begun
    assert end == begun | {"ts": TIME, "event": "call.end", "ms": NUMBER} | ENDS[profile]


REFUSED = {
    "invalid_json": (b"{", {}, 400),
    "content_type": (b"{}", {"content-type": "text/plain"}, 415),
    "content_encoding": (b"{}", {"content-encoding": "br"}, 415),
    "invalid_request": ({"prompt": ""}, {}, 400),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_recorded_of_a_refusal_as_a_whole(recorded, kind):
    body, headers, status = REFUSED[kind]
    about = {"event": "call.refused", "request_id": "an-id", "path": "/execute", "caller": "anonymous"}
    assert recorded("/execute", body, headers) == [about | {"ts": TIME, "status": status, "type": kind}]


@pytest.mark.parametrize("stream", [False, True])
def test_content_is_kept_where_it_is_opted_for(simulator, gateway_to, call, tmp_path, stream):
    path = tmp_path / "audit.jsonl"
    body = {"model": NAME, "messages": [{"role": "user", "content": "my words"}], "stream": stream}
    with gateway_to(simulator, audit=AuditConfig(str(path), content=True)) as url:
        call("POST", f"{url}/v1/chat/completions", body)
    begin, end = lines_of(path)
    assert begin["request"]["messages"][0]["content"] == "my words"
    assert "Simulated answer" in json.dumps(end["answer"])


def test_a_failed_call_and_a_refused_one_are_reported_apart(simulator, gateway_to, call, tmp_path):
    path = tmp_path / "audit.jsonl"
    profile = replace(CUSTODIAN_TRIAGE, model="simulate/402")
    callers = Callers({"0" * 64: "ops"})
    with gateway_to(simulator, {NAME: profile}, audit=AuditConfig(str(path))) as url:
        call("POST", f"{url}/execute", {"prompt": "hello"})
        call("POST", f"{url}/execute", {"prompt": ""})
    with gateway_to(simulator, audit=AuditConfig(str(path)), callers=callers) as url:
        call("POST", f"{url}/execute", {"prompt": "hello"}, {"authorization": "Bearer guess"})
    found = [(line["event"], line.get("type"), line.get("status")) for line in lines_of(path)]
    assert found == [
        ("call.begin", None, None),
        ("call.end", "provider_credit", 502),
        ("call.refused", "invalid_request", 400),
        ("call.refused", "caller_unknown", 401),
    ]
    assert [line.get("provider_status") for line in lines_of(path)] == [None, 402, None, None]
    assert [line.get("caller") for line in lines_of(path)] == ["anonymous"] * 3 + [None]
    assert "guess" not in path.read_text()


@pytest.mark.parametrize(("stream", "status"), [(False, 504), (True, 200)])
def test_the_status_of_a_call_that_took_too_long_is_the_one_that_was_answered(
    simulator, gateway_to, call, tmp_path, *, stream, status
):
    path = tmp_path / "audit.jsonl"
    profile = replace(
        CUSTODIAN_TRIAGE, model="simulate/stream-silent" if stream else "simulate/silent", timeout_seconds=0.4
    )
    body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with gateway_to(simulator, {NAME: profile}, audit=AuditConfig(str(path))) as url:
        assert call("POST", f"{url}/v1/chat/completions", body).status == status
    assert [(line["type"], line["status"]) for line in lines_of(path)[1:]] == [("deadline", status)]


def test_a_renamed_file_is_begun_anew(simulator, gateway_to, call, tmp_path):
    path = tmp_path / "audit.jsonl"
    with gateway_to(simulator, audit=AuditConfig(str(path))) as url:
        call("POST", f"{url}/execute", {"prompt": "hello"}, {"x-request-id": "one"})
        path.rename(tmp_path / "audit.1")
        call("POST", f"{url}/execute", {"prompt": "hello"}, {"x-request-id": "two"})
    assert {line["request_id"] for line in lines_of(path)} >= {"two"}
    assert {line["request_id"] for line in lines_of(tmp_path / "audit.1")} == {"one"}


def test_without_a_record_there_is_no_call(serving, gateway_to, call):
    called = []

    async def complete(_request):
        called.append(1)
        return JSONResponse({})

    routes = [Route("/v1/chat/completions", complete, methods=["POST"])]
    with serving(Starlette(routes=routes)) as upstream:
        with gateway_to(f"{upstream}/v1", audit=AuditConfig("/dev/full")) as url:
            reply = call("POST", f"{url}/execute", {"prompt": "hello"})
        assert (reply.status, reply.json["type"], called) == (503, "audit_unwritable", [])
        with gateway_to(f"{upstream}/v1", audit=AuditConfig("/dev/null")) as url:
            call("POST", f"{url}/execute", {"prompt": "hello"})
        assert called == [1]


def ready(call, url):
    reply = call("GET", f"{url}/ready")
    return reply.status, reply.json.get("type")


def unwritable(call, url):
    lines = call("GET", f"{url}/metrics").octets.decode().splitlines()
    return next(line.rpartition(" ")[2] for line in lines if line.startswith('llm_connect_unwritable{what="audit"}'))


def test_readiness_tells_of_a_record_that_cannot_be_written_and_comes_back_without_a_call(
    simulator, gateway_to, call, tmp_path
):
    directory = tmp_path / "records"
    directory.mkdir()
    path = directory / "audit.jsonl"
    with gateway_to(simulator, audit=AuditConfig(str(path))) as url:
        assert (ready(call, url), unwritable(call, url)) == ((200, None), "0.0")
        shutil.rmtree(directory)
        assert call("POST", f"{url}/execute", {"prompt": "hello"}).json["type"] == "audit_unwritable"
        assert {ready(call, url) for _ in range(20)} == {(503, "audit_unwritable")}
        assert unwritable(call, url) == "1.0"
        directory.mkdir()
        end = time.monotonic() + 10
        while ready(call, url) != (200, None) and time.monotonic() < end:
            time.sleep(0.05)
        assert (ready(call, url), unwritable(call, url)) == ((200, None), "0.0")
        assert [line["event"] for line in lines_of(path)] == ["call.refused"]  # and nothing of the probes
        assert call("POST", f"{url}/execute", {"prompt": "hello"}).status == 200


def test_a_file_that_cannot_be_opened_is_reported_at_start(run, key):
    environment = {"OPENROUTER_API_KEY": key, "LLM_CONNECT_AUDIT_FILE": "/nowhere/audit.jsonl"}
    found = run("serve", "--port", "0", environment=environment)
    assert found.returncode == 2
    assert "LLM_CONNECT_AUDIT_FILE: /nowhere/audit.jsonl cannot be written" in found.stderr


async def test_a_record_is_on_disk_when_the_call_may_begin(tmp_path):
    file = tmp_path / "audit.jsonl"
    audit = AuditFile(str(file), Redactor(), content=False)
    await audit.begin({"n": 1})
    assert file.read_text().count("call.begin") == 1
    await asyncio.gather(audit.begin({"n": 2}), audit.begin({"n": 3}))
    assert [json.loads(line)["n"] for line in file.read_text().splitlines()] == [1, 2, 3]
    await audit.close()


def test_what_is_kept_of_a_streams_calls_is_bounded_as_memory_is(monkeypatch):
    """A call comes in pieces of a few letters, of which each takes ten times as much as its JSON has."""
    monkeypatch.setattr("llm_connect.web.stream_chunks._MAX_KEPT_BYTES", 1000)
    chunks = StreamChunks(ChatRequest("m", {}), "m", keep=True)
    for _ in range(20):
        delta = {"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}
        chunks.rewrite({"choices": [{"index": 0, "delta": delta}]})
    assert chunks.contents()[0]["tool_calls"][0]["function"]["arguments"] == "xxxx"
