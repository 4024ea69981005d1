"""POST /execute: the contract, and what reaches the provider."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from statistics import median

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from llm_connect.config.config_file import read_configuration
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile
from llm_connect.config.settings import load_settings

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ANSWER = {
    "id": "gen-1",
    "model": "vendor/served",
    "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@pytest.fixture
def upstream(serving):
    """A provider that keeps what it was sent."""
    seen = []

    async def complete(request):
        seen.append((dict(request.headers), await request.json()))
        return JSONResponse(ANSWER)

    with serving(Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])) as url:
        yield f"{url}/v1", seen


def test_the_answer_has_the_fields_of_the_contract(gateway, call):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello"})
    assert reply.status == 200
    assert list(reply.json) == ["content", "model", "usage", "finish_reason", "metadata"]
    assert reply.json["model"] == "google/gemini-2.5-flash"
    assert reply.json["finish_reason"] == "stop"
    assert reply.json["usage"]["total_tokens"] == 4014  # half of max_tokens is reasoning
    assert reply.json["metadata"]["profile"] == "custodian-triage-balanced"
    assert reply.json["metadata"]["max_depth"] == 2


def test_a_profile_without_overrides_is_called_as_declared(upstream, gateway_to, call, key):
    base, seen = upstream
    with gateway_to(base, load_settings({}).profiles) as gateway:
        assert call("POST", f"{gateway}/execute", {"prompt": "why?"}).status == 200
    headers, body = seen[0]
    assert headers["authorization"] == f"Bearer {key}"
    assert body == {
        "model": "google/gemini-2.5-flash",
        "messages": [{"role": "user", "content": "why?"}],
        "temperature": 0.2,
        "max_tokens": 8000,
        "reasoning": {"effort": "medium"},
        "stream": False,
        "provider": {"require_parameters": True},
        "usage": {"include": True},
    }


@pytest.mark.parametrize("limit_field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("path", "given", "bound"),
    [
        ("/execute", {}, 9),
        ("/execute", {"max_tokens": 7}, 7),
        ("/v1/chat/completions", {}, 9),
        ("/v1/chat/completions", {"max_tokens": 7}, 7),
        ("/v1/chat/completions", {"max_completion_tokens": 8}, 8),
        ("/v1/chat/completions", {"max_tokens": 7, "max_completion_tokens": 8}, 7),
        ("/v1/chat/completions", {"max_tokens": 8, "max_completion_tokens": 7}, 7),
    ],
)
def test_the_bound_of_an_answer_goes_where_its_provider_takes_it(
    upstream, gateway_to, call, *, path, given, bound, limit_field
):
    base, seen = upstream
    table = {"kind": "openai", "base_url": base, "limit_field": limit_field}
    providers = {"local": read_configuration({"providers": {"local": table}}).providers["local"]}
    with gateway_to("", {"p": Profile("p", "local", "m", max_tokens=9)}, providers=providers) as gateway:
        chat = {"model": "p", "messages": [{"role": "user", "content": "why?"}], **given}
        execute = {"prompt": "why?", "config": {"model_name": "p", **given}}
        assert call("POST", f"{gateway}{path}", execute if path == "/execute" else chat).status == 200
    sent = {name: seen[0][1][name] for name in ("max_tokens", "max_completion_tokens") if name in seen[0][1]}
    if limit_field == "max_completion_tokens":
        assert sent == {limit_field: bound}
    else:
        assert sent == (given or {"max_tokens": bound})


def test_the_request_overrides_parameters_but_never_the_model(upstream, gateway_to, call):
    base, seen = upstream
    params = {"reasoning_effort": "none", "json_schema": SCHEMA}
    config = {"model_name": "mine", "temperature": 0, "max_tokens": 7, "max_depth": 0, "model_params": params}
    with gateway_to(base, {"mine": replace(CUSTODIAN_TRIAGE, name="mine", model="vendor/asked")}) as gateway:
        reply = call("POST", f"{gateway}/execute", {"prompt": "why?", "config": config})
    body = seen[0][1]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("vendor/asked", 0, 7)
    assert body["reasoning"] == {"effort": "none"}
    schema = {"name": "answer", "strict": True, "schema": SCHEMA}
    assert body["response_format"] == {"type": "json_schema", "json_schema": schema}
    assert body["provider"] == {"require_parameters": True}
    assert reply.json["metadata"]["max_depth"] == 0


def test_the_model_in_the_answer_is_the_one_served(upstream, gateway_to, call):
    with gateway_to(upstream[0], load_settings({}).profiles) as gateway:
        reply = call("POST", f"{gateway}/execute", {"prompt": "why?"})
    assert reply.json["model"] == "vendor/served"
    assert reply.json["metadata"]["model_requested"] == "google/gemini-2.5-flash"


def test_null_in_config_means_as_the_profile_says(gateway, call):
    config = {"model_name": None, "temperature": None, "max_tokens": None, "model_params": None}
    assert call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config}).status == 200
    assert call("POST", f"{gateway}/execute", {"prompt": "hello", "config": None}).status == 200


def test_a_schema_gives_a_document_of_that_schema(gateway, call):
    config = {"model_params": {"json_schema": SCHEMA}}
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config})
    assert list(json.loads(reply.json["content"])) == ["name"]


@pytest.mark.parametrize("name", ["gpt-4", "google/gemini-2.5-flash", "Custodian-Triage-Balanced", "default"])
def test_a_name_that_is_no_profile_is_404_and_names_the_profiles(gateway_to, upstream, call, name):
    base, seen = upstream
    with gateway_to(base, load_settings({}).profiles) as gateway:
        reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": {"model_name": name}})
    assert (reply.status, reply.json["type"]) == (404, "unknown_profile")
    assert "custodian-triage-balanced" in reply.json["message"]
    assert seen == []


def test_a_request_id_goes_in_and_out(gateway, call):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello"}, {"x-request-id": "triage-7"})
    assert reply.headers["x-request-id"] == reply.json["metadata"]["request_id"] == "triage-7"


@pytest.mark.parametrize("given", ["two words", "x" * 129, '{"forged": "line"}'])
def test_a_request_id_that_is_not_plain_is_replaced(gateway, call, given):
    reply = call("GET", f"{gateway}/health", headers={"x-request-id": given})
    assert reply.headers["x-request-id"] != given
    assert len(reply.headers["x-request-id"]) == 32


def test_without_a_key_it_lives_is_not_ready_and_says_what_is_missing(simulator, gateway_to, call):
    with gateway_to(simulator, key=None) as gateway:
        assert call("GET", f"{gateway}/health").status == 200
        ready = call("GET", f"{gateway}/ready")
        assert (ready.status, ready.json["message"]) == (503, "not ready: OPENROUTER_API_KEY is missing")
        reply = call("POST", f"{gateway}/execute", {"prompt": "hello"})
        assert (reply.status, reply.json["error"], reply.json["type"]) == (500, "configuration", "key_missing")


def test_ready_does_not_call_the_provider(gateway_to, call):
    with gateway_to("http://127.0.0.1:9/v1") as gateway:
        assert call("GET", f"{gateway}/ready").status == 200


def test_other_paths_and_methods_have_the_same_error_shape(gateway, call):
    reply = call("GET", f"{gateway}/nope")
    assert (reply.status, list(reply.json)) == (404, ["error", "message", "type", "provider_status"])
    reply = call("DELETE", f"{gateway}/execute")
    assert (reply.status, reply.headers["allow"], reply.json["type"]) == (405, "OPTIONS, POST", "method_not_allowed")


def test_answers_on_a_kept_connection_do_not_wait_for_acknowledgements(gateway):
    """40 ms each when TCP_NODELAY is not set, where a new connection, which has to be made first, does not wait."""
    kept = HTTPConnection(gateway.removeprefix("http://"), timeout=10)
    times, others = [], []
    for _ in range(9):
        times.append(seconds_of(kept))
        with closing(HTTPConnection(gateway.removeprefix("http://"), timeout=10)) as new:
            others.append(seconds_of(new))
    kept.close()
    assert median(times) < 5 * median(others)


def seconds_of(connection):
    started = time.monotonic()
    connection.request("GET", "/health")
    connection.getresponse().read()
    return time.monotonic() - started


def test_a_wait_that_the_caller_would_not_see_the_end_of_is_not_begun(simulator, gateway_to, call):
    """The provider asks for 3 s, and the profile would wait them; this caller says that it waits 2."""
    profile = replace(CUSTODIAN_TRIAGE, model="simulate/503", retries=1)
    with gateway_to(simulator, {CUSTODIAN_TRIAGE.name: profile}) as url:
        reply = call("POST", f"{url}/execute", {"prompt": "hello"}, {"x-stainless-read-timeout": "2"})
    assert (reply.status, reply.json["type"]) == (502, "provider_unavailable")
