"""The simulator over HTTP, as a provider's client sees it."""

from __future__ import annotations

import json
import time

import pytest

from llm_connect.secret import Secret
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import FixedKey, key_from_environment, key_from_file

MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def bearer(key):
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize("authorization", [{}, {"authorization": "Bearer sk-wrong"}, {"authorization": "Bearer "}])
@pytest.mark.parametrize(("method", "path"), [("POST", "/chat/completions"), ("GET", "/key")])
def test_another_key_is_401_in_openrouters_shape(simulator, call, authorization, method, path):
    reply = call(
        method, simulator + path, {"model": "a/b", "messages": MESSAGES} if method == "POST" else None, authorization
    )
    assert reply.status == 401
    assert set(reply.json["error"]) == {"code", "message", "metadata"}
    assert reply.json["error"]["code"] == 401


def test_a_completion_echoes_the_model_and_counts(simulator, call, bearer):
    reply = call("POST", f"{simulator}/chat/completions", {"model": "a/b", "messages": MESSAGES}, bearer)
    assert reply.json["model"] == "a/b"
    usage = reply.json["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_the_key_page_shows_what_was_used(serving, call, bearer, key):
    with serving(Simulator(FixedKey(Secret(key)), limit_usd=1).application()) as url:
        call("POST", f"{url}/api/v1/chat/completions", {"model": "a/b", "messages": MESSAGES}, bearer)
        page = call("GET", f"{url}/api/v1/key", headers=bearer).json["data"]
    assert page["limit"] == 1
    assert 0 < page["usage"] < 0.01
    assert page["limit_remaining"] == 1 - page["usage"]
    assert page["limit_reset"] is None


def test_used_up_credit_is_402(serving, call, bearer, key):
    with serving(Simulator(FixedKey(Secret(key)), limit_usd=0).application()) as url:
        reply = call("POST", f"{url}/api/v1/chat/completions", {"model": "a/b", "messages": MESSAGES}, bearer)
    assert (reply.status, reply.json["error"]["code"]) == (402, 402)


def test_latency(serving, call, bearer, key):
    with serving(Simulator(FixedKey(Secret(key)), latency_ms=150).application()) as url:
        started = time.monotonic()
        call("POST", f"{url}/api/v1/chat/completions", {"model": "a/b", "messages": MESSAGES}, bearer)
        assert time.monotonic() - started >= 0.15


def test_a_failure_by_header(simulator, call, bearer):
    headers = bearer | {"x-simulate": "429"}
    reply = call("POST", f"{simulator}/chat/completions", {"model": "a/b", "messages": MESSAGES}, headers)
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")


def test_max_tokens_cuts_as_a_model_would(simulator, call, bearer):
    body = {"model": "a/b", "messages": MESSAGES, "max_tokens": 2}
    reply = call("POST", f"{simulator}/chat/completions", body, bearer)
    assert reply.json["choices"][0]["finish_reason"] == "length"
    assert reply.json["choices"][0]["message"]["content"] == "Simulate"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"model": "a/b", "messages": MESSAGES, "stream": True}, "stream"),
        ({"messages": MESSAGES}, "model"),
        ({"model": "a/b", "messages": []}, "messages"),
        ({"model": "a/b", "messages": [{"content": [{}]}]}, "messages"),
        ({"model": "a/b", "messages": MESSAGES, "max_tokens": 0}, "max_tokens"),
        ({"model": "a/b", "messages": MESSAGES, "response_format": {"type": "json_object"}}, "response_format"),
        ({"model": "simulate/nothing", "messages": MESSAGES}, "error-in-200"),
        (b"{", "no JSON"),
        (b"[" * 5000, "nested"),
    ],
)
def test_what_it_cannot_do_is_400_by_name(simulator, call, bearer, body, named):
    reply = call("POST", f"{simulator}/chat/completions", body, bearer)
    assert (reply.status, reply.json["error"]["code"]) == (400, 400)
    assert named in reply.json["error"]["message"]


def test_an_unsupported_schema_reaches_the_gateways_caller_by_name(gateway, call):
    config = {"model_params": {"json_schema": {"type": "string", "pattern": "^a$"}}}
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config})
    assert (reply.status, reply.json["type"]) == (400, "provider_refused_request")
    assert "the keyword pattern" in reply.json["message"]


def test_a_large_report_fits_the_built_in_profile(gateway, call):
    """Seven recommendations of the daily triage, with 1,800 tokens."""
    estimate = {"enum": [1, 2, 3, 5, 8, 13, 20]}
    names = ("user_business_value", "time_criticality", "risk_reduction", "job_size")
    item = {
        "rank": {"type": "integer", "minimum": 1},
        "candidate": {"type": "string"},
        "action": {"type": "string"},
        "why": {"type": "string", "minLength": 120},
        "wsjf": {"type": "object", "properties": dict.fromkeys(names, estimate), "required": list(names)},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    }
    items = {"type": "array", "items": {"type": "object", "properties": item, "required": list(item)}, "minItems": 7}
    schema = {"type": "object", "properties": {"summary": {"type": "string"}, "recommendations": items}}
    reply = call(
        "POST", f"{gateway}/execute", {"prompt": "triage", "config": {"model_params": {"json_schema": schema}}}
    )
    assert reply.json["finish_reason"] == "stop"
    assert len(json.loads(reply.json["content"])["recommendations"]) == 7


def test_a_replaced_key_file_is_a_rotated_key(tmp_path):
    path = tmp_path / "key"
    path.write_text("first-key-value\n")
    accepted = key_from_file(str(path))
    assert accepted.current().reveal() == "first-key-value"
    path.write_text("second-key-value")
    assert accepted.current().reveal() == "second-key-value"
    path.unlink()
    assert accepted.current().reveal() == "second-key-value"


def test_the_key_by_the_name_of_a_variable():
    assert key_from_environment({"A_KEY": "first-key-value"}, "A_KEY").current().reveal() == "first-key-value"
