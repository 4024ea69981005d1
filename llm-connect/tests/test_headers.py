"""Every header of every kind of response, with its exact value."""

import hashlib

import pytest
from like import Like

from llm_connect.config.caller_config import Callers
from llm_connect.config.profiles import CUSTODIAN_TRIAGE

JSON = {"content-type": "application/json"}
TEXT = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no", "transfer-encoding": "chunked"}
FINAL = JSON | {"x-should-retry": "false"}
COMMON = {
    "cache-control": "no-store",
    "server": "llm-connect",
    "x-request-id": "an-id",
    "date": Like(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"),
}
STREAM = {
    "model": CUSTODIAN_TRIAGE.name,
    "messages": [{"role": "user", "content": "hello"}],
    "stream": True,
}


def failing(name):
    return {"prompt": "hello", "config": {"model_name": name}}


RESPONSES = {
    "an answer": ("POST", "/execute", {"prompt": "hello"}, {}, 200, JSON),
    "a stream": ("POST", "/v1/chat/completions", STREAM, {}, 200, EVENTS),
    "health": ("GET", "/health", None, {}, 200, JSON),
    "readiness": ("GET", "/ready", None, {}, 200, JSON),
    "metrics": ("GET", "/metrics", None, {}, 200, TEXT),
    "models": ("GET", "/v1/models", None, {}, 200, JSON),
    "options": ("OPTIONS", "/execute", None, {}, 204, JSON | {"allow": "OPTIONS, POST"}),
    "another method": ("GET", "/execute", None, {}, 405, FINAL | {"allow": "OPTIONS, POST"}),
    "another path": ("GET", "/nowhere", None, {}, 404, FINAL),
    "another type": (
        "POST",
        "/execute",
        b"{}",
        {"content-type": "text/plain"},
        415,
        FINAL | {"accept": "application/json"},
    ),
    "another coding": (
        "POST",
        "/execute",
        b"{}",
        {"content-encoding": "br"},
        415,
        FINAL | {"accept-encoding": "gzip, deflate"},
    ),
    "no JSON": ("POST", "/execute", b"{", {}, 400, FINAL),
    "a faulty request": ("POST", "/execute", {"prompt": ""}, {}, 400, FINAL),
    "no credit": ("POST", "/execute", failing("402"), {}, 502, FINAL),
    "a limited rate": ("POST", "/execute", failing("429"), {}, 429, FINAL | {"retry-after": "7"}),
    "no endpoint": ("POST", "/execute", failing("503"), {}, 502, FINAL | {"retry-after": "3"}),
    "no answer in time": ("POST", "/execute", failing("silent"), {}, 504, FINAL),
}


def without_length(reply):
    """Its headers; the length is the body's, and is there wherever there is a body in one piece."""
    length = reply.headers.get("content-length")
    expected = None if reply.status == 204 or "transfer-encoding" in reply.headers else str(len(reply.octets))
    assert length == expected
    return {name: value for name, value in reply.headers.items() if name != "content-length"}


@pytest.mark.parametrize("kind", RESPONSES)
def test_the_headers_of(gateway, call, kind):
    method, path, body, headers, status, expected = RESPONSES[kind]
    reply = call(method, f"{gateway}{path}", body, headers | {"x-request-id": "an-id"})
    assert (reply.status, without_length(reply)) == (status, COMMON | expected)


def test_the_headers_of_a_caller_who_is_not_known(simulator, gateway_to, call):
    callers = Callers({hashlib.sha256(b"a-token").hexdigest(): "ops"})
    with gateway_to(simulator, callers=callers) as url:
        for token in ({}, {"authorization": "Bearer another"}):
            reply = call("POST", f"{url}/execute", {"prompt": "hello"}, token | {"x-request-id": "an-id"})
            headers = without_length(reply)
            headers.pop("connection", None)  # closed where the refusal came before the body
            assert (reply.status, headers) == (401, COMMON | FINAL | {"www-authenticate": "Bearer"})


def test_an_id_that_is_not_plain_is_replaced(gateway, call):
    for given in ({}, {"x-request-id": "a b"}, {"x-request-id": "x" * 129}):
        reply = call("GET", f"{gateway}/health", None, given)
        assert reply.headers["x-request-id"] == Like("[0-9a-f]{32}")
