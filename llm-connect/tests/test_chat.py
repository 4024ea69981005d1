"""POST /v1/chat/completions and GET /v1/models: the shapes, and that no field is dropped in silence."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from llm_connect.calls.chat_request import STANDARD
from llm_connect.common.prices import Prices
from llm_connect.common.secret import Secret
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile
from llm_connect.providers.openrouter import REFUSED_FIELDS
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import FixedKey

PROFILE = CUSTODIAN_TRIAGE.name
HELLO = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
ANSWER = {
    "id": "gen-1",
    "model": "vendor/served",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}
# A value for each standard field that asks for something.
VALUES = {
    "audio": {"voice": "alloy", "format": "wav"}, "frequency_penalty": 1, "function_call": "auto",
    "functions": [{"name": "f"}], "logit_bias": {"1": 2}, "logprobs": True, "max_completion_tokens": 9,
    "max_tokens": 9, "metadata": {"a": "b"}, "modalities": ["text"], "moderation": {"model": "m"}, "n": 2,
    "parallel_tool_calls": False, "prediction": {"type": "content", "content": "x"}, "presence_penalty": 1,
    "prompt_cache_key": "k", "prompt_cache_options": {"mode": "implicit"}, "prompt_cache_retention": "24h",
    "reasoning_effort": "low", "response_format": {"type": "json_object"}, "safety_identifier": "s", "seed": 1,
    "service_tier": "auto", "stop": ["x"], "store": True, "temperature": 1, "tool_choice": "auto",
    "tools": [{"type": "function", "function": {"name": "f"}}], "top_logprobs": 1, "top_p": 0.5, "user": "u",
    "verbosity": "low", "web_search_options": {},
}  # fmt: skip


def chat(call, url, headers=None, **fields):
    return call("POST", f"{url}/v1/chat/completions", {"model": PROFILE, "messages": HELLO} | fields, headers)


def events(reply):
    """The data of each event; comments are left out."""
    return [line[6:] for line in reply.octets.decode().splitlines() if line.startswith("data: ")]


def chunks(reply):
    return [json.loads(data) for data in events(reply) if data != "[DONE]"]


@pytest.fixture
def upstream(serving):
    """A provider that keeps what it was sent."""
    seen = []

    async def complete(request):
        seen.append(await request.json())
        return JSONResponse(ANSWER)

    with serving(Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])) as url:
        yield f"{url}/v1", seen


@pytest.fixture
def keeping(upstream, gateway_to):
    """A gateway to it, with one profile that adds nothing, and what reached the provider."""
    base, seen = upstream
    with gateway_to(base, {PROFILE: Profile(PROFILE, "openrouter", "vendor/asked")}) as url:
        yield url, seen


def test_every_standard_field_has_a_value_here():
    assert set(VALUES) == set(STANDARD) - {"messages", "model", "stream", "stream_options"}


# The standard ones among the fields of `ChatRequest` in OpenRouter's OpenAPI document and on its page "Parameters".
OPENROUTER_DOCUMENTS = {
    "frequency_penalty", "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata",
    "modalities", "model", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key",
    "prompt_cache_options", "reasoning_effort", "response_format", "seed", "service_tier", "stop", "stream",
    "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity",
    "web_search_options",
}  # fmt: skip


def test_what_openrouter_does_not_document_is_what_is_refused():
    assert set(STANDARD) - OPENROUTER_DOCUMENTS == REFUSED_FIELDS


@pytest.mark.parametrize("name", sorted(set(VALUES) - REFUSED_FIELDS))
def test_a_field_that_the_route_honours_reaches_the_provider(keeping, call, name):
    url, seen = keeping
    assert chat(call, url, **{name: VALUES[name]}).status == 200
    expected = {"effort": "low"} if name == "reasoning_effort" else VALUES[name]
    assert seen[0]["reasoning" if name == "reasoning_effort" else name] == expected


@pytest.mark.parametrize("name", sorted(REFUSED_FIELDS))
def test_a_field_that_it_cannot_honour_is_refused_by_name_and_nothing_is_called(keeping, call, name):
    url, seen = keeping
    reply = chat(call, url, **{name: VALUES[name]})
    assert (reply.status, reply.json["error"]["type"], reply.json["error"]["param"]) == (400, "invalid_request", name)
    assert "is not supported by" in reply.json["error"]["message"]
    assert seen == []


@pytest.mark.parametrize(
    "fields", [dict.fromkeys(VALUES), {"n": 1, "store": False, "logprobs": False, "stream": False}]
)
def test_what_asks_for_nothing_is_no_request(keeping, call, fields):
    url, seen = keeping
    assert chat(call, url, **fields).status == 200
    assert set(seen[0]) == {"model", "messages", "stream", "provider", "usage"}


def test_openrouter_is_reported_the_declared_prices_as_the_highest(upstream, gateway_to, call):
    """The price of each request among them, also where it is zero: else an endpoint that has one may be chosen."""
    base, seen = upstream
    profile = Profile(PROFILE, "openrouter", "vendor/asked", prices=Prices(1.5, 2.0))
    with gateway_to(base, {PROFILE: profile}) as url:
        chat(call, url)
    assert seen[0]["provider"]["max_price"] == {"prompt": 1.5, "completion": 2.0, "request": 0.0}


def test_the_model_asked_for_is_the_model_called_and_the_answer_names_the_one_served(keeping, call):
    url, seen = keeping
    reply = chat(call, url)
    assert seen[0]["model"] == "vendor/asked"
    assert reply.json["model"] == "vendor/served"


@pytest.mark.parametrize("name", ["vendor/asked", "gpt-4", "", PROFILE.upper()])
def test_an_undeclared_model_is_404_or_400_and_nothing_is_called(keeping, call, name):
    url, seen = keeping
    assert chat(call, url, model=name).status in {400, 404}
    assert seen == []


def test_models_lists_exactly_what_may_be_asked_for(keeping, call):
    url, _ = keeping
    assert [each["id"] for each in call("GET", f"{url}/v1/models").json["data"]] == [PROFILE]
    assert call("GET", f"{url}/v1/models/{PROFILE}").json["object"] == "model"
    assert call("GET", f"{url}/v1/models/vendor/asked").status == 404


def test_the_error_has_the_shape_that_openais_clients_read(gateway, call):
    reply = chat(call, gateway, model="429")
    assert set(reply.json["error"]) == {"message", "type", "code", "param", "provider_status"}
    assert (reply.status, reply.headers["x-should-retry"], reply.headers["retry-after"]) == (429, "false", "7")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"temperature": 3}, "temperature"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"include_usage": "no"}}, "stream_options.include_usage"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": ["text"]}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_a_faulty_field_is_400_by_name(gateway, call, fields, named):
    reply = chat(call, gateway, **fields)
    assert (reply.status, reply.json["error"]["param"]) == (400, named)


def test_a_stream_ends_with_done_and_tells_no_usage_unasked(gateway, call):
    reply = chat(call, gateway, stream=True)
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert events(reply)[-1] == "[DONE]"
    assert {chunk["model"] for chunk in chunks(reply)} == {"google/gemini-2.5-flash"}
    assert not any("usage" in chunk for chunk in chunks(reply))
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks(reply) for choice in chunk["choices"])
    assert text == "Simulated answer to a prompt of 5 characters."


def test_a_stream_tells_usage_where_it_was_asked_for(gateway, call):
    reply = chat(call, gateway, stream=True, stream_options={"include_usage": True})
    assert (chunks(reply)[-1]["choices"], chunks(reply)[-1]["usage"]["total_tokens"]) == ([], 4014)


def test_the_schema_reaches_the_provider_and_the_answer_is_held_against_it(gateway, call):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    reply = chat(call, gateway, response_format=wanted)
    assert json.loads(reply.json["metadata"]["validation"]) == {"valid": True}
    streamed = chunks(chat(call, gateway, response_format=wanted, stream=True))
    assert [json.loads(chunk["metadata"]["validation"])["valid"] for chunk in streamed if "metadata" in chunk] == [True]
    prose = chunks(chat(call, gateway, model="prose", response_format=wanted, stream=True))
    assert [json.loads(chunk["metadata"]["validation"])["reason"] for chunk in prose if "metadata" in chunk] == [
        "not_json"
    ]


# by failure: the type of the event that ends a stream which has begun
BROKEN = {
    "stream-error": "provider_down",
    "stream-finish-error": "provider_error",
    "stream-cut": "provider_cut",
    "stream-reset": "provider_cut",
    "stream-not-json": "provider_not_json",
    "stream-silent": "deadline",
    "stream-keep-alives": "deadline",
}


@pytest.mark.parametrize("failure", BROKEN)
def test_a_broken_stream_ends_with_an_error_and_without_done(gateway, call, failure):
    reply = chat(call, gateway, model=failure, stream=True)
    assert reply.status == 200
    last = json.loads(events(reply)[-1])
    assert last["error"]["type"] == BROKEN[failure]
    assert "[DONE]" not in events(reply)
    assert len(events(reply)) > 2


@pytest.mark.parametrize(
    ("failure", "status", "type_"),
    [
        ("429", 429, "provider_rate_limit"),
        ("402", 502, "provider_credit"),
        ("error-in-200", 502, "provider_down"),
        ("reset", 502, "provider_reset"),
        ("silent", 504, "deadline"),
        ("keep-alives", 504, "deadline"),
        ("not-json", 502, "provider_not_json"),
    ],
)
def test_a_stream_that_never_begins_is_a_plain_error(gateway, call, failure, status, type_):
    reply = chat(call, gateway, model=failure, stream=True)
    assert (reply.status, reply.json["error"]["type"]) == (status, type_)


def test_all_events_without_done_is_a_whole_answer(gateway, call):
    assert events(chat(call, gateway, model="stream-no-done", stream=True))[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("model", "patience", "type_"),
    [
        ("keep-alives", {"first_byte_seconds": 0.3}, "provider_first_byte"),
        ("stream-keep-alives", {"progress_seconds": 0.3}, "provider_stalled"),
        ("stream-silent", {"idle_seconds": 0.3}, "provider_idle"),
        ("silent", {"first_byte_seconds": 0.3}, "provider_first_byte"),
    ],
)
def test_keep_alives_are_life_and_no_progress(simulator, gateway_to, call, *, model, patience, type_):
    profile = replace(CUSTODIAN_TRIAGE, model=f"simulate/{model}", retries=0, **patience)
    with gateway_to(simulator, {PROFILE: profile}) as url:
        reply = chat(call, url, stream=True)
    found = reply.json if reply.status != 200 else json.loads(events(reply)[-1])
    assert found["error"]["type"] == type_


def test_keep_alives_that_come_in_time_hold_up_the_idle_timeout(simulator, gateway_to, call):
    profile = replace(CUSTODIAN_TRIAGE, model="simulate/stream-keep-alives", idle_seconds=1, timeout_seconds=2.5)
    with gateway_to(simulator, {PROFILE: profile}) as url:
        reply = chat(call, url, stream=True)
    assert json.loads(events(reply)[-1])["error"]["type"] == "deadline"


TIMEOUTS = ["x-stainless-read-timeout", "x-stainless-timeout"]


@pytest.mark.parametrize("name", TIMEOUTS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_clients_own_timeout_shortens_the_deadline(serving, gateway_to, key, call, *, name, stream):
    profile = replace(CUSTODIAN_TRIAGE, model="simulate/silent")
    with (
        serving(Simulator(FixedKey(Secret(key))).application()) as upstream,
        gateway_to(f"{upstream}/api/v1", {PROFILE: profile}) as url,
    ):
        reply = chat(call, url, {name: "0.4"}, stream=stream)
    assert (reply.status, reply.json["error"]["type"]) == (504, "deadline")


def piece(content, reason=None):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return f"data: {json.dumps({'id': '1', 'model': 'm', 'choices': [choice]})}\n\n"


async def trickle(how):
    """Twenty-four events in six seconds, or one and then nothing, or one and then comments."""
    yield piece("x")
    for _ in range(40 if how == "comments" else 23):
        await asyncio.sleep(0.25 if how != "silent" else 5)
        yield ": alive\n\n" if how == "comments" else piece("x")
    yield piece("", "stop")


def test_of_a_stream_it_is_the_time_between_two_bytes(serving, gateway_to, call):
    """As OpenAI's clients wait: a stream that goes on may take longer, one that stops is told before they give up."""

    async def answer(request):
        return StreamingResponse(trickle((await request.json())["model"]), media_type="text/event-stream")

    times = {"slow": 60, "silent": 60, "comments": 6}
    profiles = {
        name: Profile(name, "openrouter", name, timeout_seconds=seconds, progress_seconds=50)
        for name, seconds in times.items()
    }
    with (
        serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as upstream,
        gateway_to(f"{upstream}/v1", profiles) as url,
        ThreadPoolExecutor() as side_by_side,
    ):
        header = {"x-stainless-read-timeout": "3"}
        replies = list(side_by_side.map(lambda name: chat(call, url, header, model=name, stream=True), profiles))
    slow, *errors = (events(reply)[-1] for reply in replies)
    assert slow == "[DONE]"
    assert [json.loads(each)["error"]["message"].partition(";")[0] for each in errors] == [
        "nothing more came in time for a client that waits 3 s for it",
        "no complete answer came in time for a caller that waits 6 s",
    ]
