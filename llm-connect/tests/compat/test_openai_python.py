"""The official Python client, unchanged: what it parses, which of its exceptions a failure becomes, what it repeats."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import completion_create_params
from pydantic import BaseModel

from llm_connect.calls.chat_request import STANDARD
from llm_connect.common.secret import Secret
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import FixedKey

NAME = CUSTODIAN_TRIAGE.name
HELLO = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}


class Item(BaseModel):
    title: str
    size: int


class Report(BaseModel):
    items: list[Item]
    summary: str


@pytest.fixture
def client(gateway):
    with OpenAI(base_url=f"{gateway}/v1", api_key="unused") as client:
        yield client


def test_a_completion(client):
    raw = client.chat.completions.with_raw_response.create(model=NAME, messages=HELLO, max_tokens=500)
    completion = raw.parse()
    assert completion.choices[0].message.content == "Simulated answer to a prompt of 5 characters."
    assert (completion.object, completion.model) == ("chat.completion", CUSTODIAN_TRIAGE.model)
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion._request_id == raw.headers["x-request-id"]


def test_a_stream(client):
    chunks = list(client.chat.completions.create(model=NAME, messages=HELLO, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).startswith("Simulated answer")
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.model for chunk in chunks} == {CUSTODIAN_TRIAGE.model}
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(client):
    options = {"include_usage": True}
    *_, last = client.chat.completions.create(model=NAME, messages=HELLO, stream=True, stream_options=options)
    assert (last.choices, last.usage.prompt_tokens) == ([], 2)


def test_structured_output_is_parsed(client):
    completion = client.chat.completions.parse(model=NAME, messages=HELLO, response_format=Report)
    assert isinstance(completion.choices[0].message.parsed, Report)
    assert json.loads(completion.metadata["validation"]) == {"valid": True}


def test_structured_output_is_parsed_from_a_stream(client):
    with client.chat.completions.stream(model=NAME, messages=HELLO, response_format=Report) as stream:
        events = [event.type for event in stream]
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Report)
    assert {"content.delta", "content.done"} <= set(events)


def test_a_cut_answer_is_the_clients_own_error_and_keeps_the_text(client):
    with pytest.raises(openai.LengthFinishReasonError) as found:
        client.chat.completions.parse(model="truncated", messages=HELLO, response_format=Report)
    assert found.value.completion.choices[0].message.content


def test_tools(client):
    completion = client.chat.completions.create(model=NAME, messages=HELLO, tools=[TOOL], tool_choice="required")
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.choices[0].message.tool_calls[0].function.name == "look_up"


def test_tools_in_a_stream(client):
    asked = {"model": NAME, "messages": HELLO, "tools": [TOOL], "tool_choice": "required"}
    with client.chat.completions.stream(**asked) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("look_up", "{}")


@pytest.mark.parametrize(
    ("model", "expected", "type_"),
    [
        ("400", openai.BadRequestError, "provider_refused_request"),
        ("401", openai.InternalServerError, "provider_key_refused"),
        ("402", openai.InternalServerError, "provider_credit"),
        ("404", openai.NotFoundError, "provider_no_endpoint"),
        ("429", openai.RateLimitError, "provider_rate_limit"),
        ("500", openai.InternalServerError, "provider_error"),
        ("504", openai.InternalServerError, "provider_timeout"),
        ("error-in-200", openai.InternalServerError, None),
        ("empty-choices", openai.InternalServerError, "provider_empty"),
        ("not-json", openai.InternalServerError, "provider_not_json"),
        ("reset", openai.InternalServerError, "provider_reset"),
        ("cut", openai.InternalServerError, "provider_cut"),
        ("silent", openai.InternalServerError, "deadline"),
        ("nobody/declared-this", openai.NotFoundError, "unknown_profile"),
    ],
)
def test_errors_are_the_clients_classes(client, model, expected, type_):
    with pytest.raises(openai.APIStatusError) as found:
        client.chat.completions.create(model=model, messages=HELLO)
    assert type(found.value) is expected
    assert type_ in (None, found.value.type)
    assert found.value.request_id


def test_a_faulty_field_is_named(client):
    with pytest.raises(openai.BadRequestError) as found:
        client.chat.completions.create(model=NAME, messages=HELLO, temperature=9)
    assert found.value.param == "temperature"


def test_every_field_that_the_client_has_is_known_and_no_other():
    declared = completion_create_params.CompletionCreateParamsBase.__annotations__
    streaming = completion_create_params.CompletionCreateParamsStreaming.__annotations__
    assert set(STANDARD) == {*declared, *streaming}


def test_what_cannot_be_honoured_is_refused_by_name(client):
    with pytest.raises(openai.BadRequestError) as found:
        client.chat.completions.create(
            model=NAME, messages=HELLO, store=True, n=2, audio={"format": "wav", "voice": "alloy"}
        )
    assert {fault["field"] for fault in found.value.body["faults"]} == {"store", "n", "audio"}


@pytest.mark.parametrize("model", ["stream-error", "stream-cut", "stream-reset", "stream-not-json"])
def test_a_stream_that_breaks_is_an_error_and_no_end(client, model):
    seen = []
    stream = client.chat.completions.create(model=model, messages=HELLO, stream=True)
    with pytest.raises(openai.APIError) as found:
        seen.extend(stream)
    assert seen
    assert found.value.type.startswith("provider_")


@pytest.mark.parametrize("model", ["500", "401", "reset", "no-content"])
def test_the_client_repeats_nothing_that_was_final(counted, model):
    url, upstream = counted
    with OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=2) as client, pytest.raises(openai.APIError):
        client.chat.completions.create(model=model, messages=HELLO)
    assert upstream.requests == 1


def test_its_timeout_is_answered_before_it_runs_out(serving, gateway_to, key):
    profile = replace(CUSTODIAN_TRIAGE, name="silent", model="simulate/silent", timeout_seconds=60)
    app = Simulator(FixedKey(Secret(key))).application()
    with (
        serving(app) as upstream,
        gateway_to(f"{upstream}/api/v1", {"silent": profile}) as url,
        OpenAI(base_url=f"{url}/v1", api_key="unused", timeout=3, max_retries=0) as client,
        pytest.raises(openai.InternalServerError) as found,
    ):
        client.chat.completions.create(model="silent", messages=HELLO)
    assert (found.value.status_code, found.value.type) == (504, "deadline")


def test_models(client):
    names = [model.id for model in client.models.list()]
    assert NAME in names
    assert all(model.object == "model" for model in client.models.list())
    assert client.models.retrieve(NAME).id == NAME
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


async def test_asynchronous_calls_side_by_side(gateway):
    async with AsyncOpenAI(base_url=f"{gateway}/v1", api_key="unused") as client:
        asked = [client.chat.completions.create(model=NAME, messages=HELLO) for _ in range(20)]
        completions = await asyncio.gather(*asked)
        stream = await client.chat.completions.create(model=NAME, messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert {completion.choices[0].message.content for completion in completions} == {text}
