"""The simulator over HTTP, as a provider's client sees it."""

from __future__ import annotations

import json
import time

import pytest

from llm_connect.commands.smoke_checks import triage_schema
from llm_connect.common.secret import Secret
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
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
        ({"messages": MESSAGES}, "model"),
        ({"model": "a/b", "messages": []}, "messages"),
        ({"model": "a/b", "messages": [{"content": [{"image_url": {}}]}]}, "messages"),
        ({"model": "a/b", "messages": MESSAGES, "max_tokens": 0}, "max_tokens"),
        ({"model": "a/b", "messages": MESSAGES, "response_format": {"type": "grammar"}}, "response_format"),
        ({"model": "a/b", "messages": MESSAGES, "tools": [5], "tool_choice": "required"}, "tools"),
        ({"model": "a/b", "messages": MESSAGES, "tools": [{"function": 5}], "tool_choice": "required"}, "tools"),
        ({"model": "a/b", "messages": MESSAGES, "tools": [{}], "tool_choice": {"function": []}}, "tool_choice"),
        ({"model": "simulate/nothing", "messages": MESSAGES}, "error-in-200"),
        (b"{", "not valid JSON"),
        (b"[" * 5000, "recursion limit"),
    ],
)
def test_what_it_cannot_do_is_400_by_name(simulator, call, bearer, body, named):
    reply = call("POST", f"{simulator}/chat/completions", body, bearer)
    assert (reply.status, reply.json["error"]["code"]) == (400, 400)
    assert named in reply.json["error"]["message"]


def test_an_unsupported_schema_reaches_the_gateways_caller_by_name(gateway, call):
    config = {"model_params": {"json_schema": {"type": "string", "pattern": "^(?=a)a$"}}}
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config})
    assert (reply.status, reply.json["type"]) == (400, "provider_refused_request")
    assert "the keyword pattern" in reply.json["message"]


LONGEST = {"summary": 800, "candidate": 120, "action": 300, "why": 500, "needs_human_reason": 200}
"""As the descriptions in the schema say."""


def largest(schema):
    """The triage schema, in which only the largest report is valid."""
    if not isinstance(schema, dict):
        return schema
    changed = {name: largest(value) for name, value in schema.items()}
    for name in set(LONGEST) & set(changed.get("properties", {})):
        changed["properties"][name] |= {"minLength": LONGEST[name], "maxLength": LONGEST[name]}
    if "properties" in changed:
        changed["required"] = list(changed["properties"])
    return changed | ({"minItems": 7} if "maxItems" in changed else {})


def test_the_largest_valid_triage_report_fits_the_built_in_profile_with_its_reasoning(gateway, call):
    """The simulated model reasons as much as its effort allows (medium: half of max_tokens), then writes the report."""
    schema = largest(triage_schema())
    params = {"prompt": "triage", "config": {"model_params": {"json_schema": schema}}}
    reply = call("POST", f"{gateway}/execute", params)
    assert (reply.status, reply.json["finish_reason"]) == (200, "stop")
    assert reply.json["usage"]["reasoning_tokens"] == CUSTODIAN_TRIAGE.max_tokens // 2
    assert reply.json["metadata"]["validation"] == {"valid": True}
    report = json.loads(reply.json["content"])
    assert [len(item["why"]) for item in report["recommendations"]] == [500] * 7
    # Models write with indents, and German or code has three characters a token, not the simulator's four.
    tokens = len(json.dumps(report, indent=2, ensure_ascii=False)) / 3
    assert tokens < CUSTODIAN_TRIAGE.max_tokens // 2
    too_few = call("POST", f"{gateway}/execute", {**params, "config": params["config"] | {"max_tokens": 1800}})
    assert (too_few.json["finish_reason"], too_few.json["metadata"]["validation"]["reason"]) == ("length", "truncated")


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
