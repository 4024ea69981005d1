"""langchain-openai, unchanged: what its users do with a chat model, and what they get to see when it fails."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

NAME = CUSTODIAN_TRIAGE.name


class Place(BaseModel):
    city: str = Field(min_length=2)
    unit: Literal["celsius", "fahrenheit"]


class Forecast(BaseModel):
    place: Place
    days: list[int] = Field(min_length=3)
    note: str | None = None


@tool
def weather(place: Place, days: int = 1) -> str:
    """The weather at a place."""
    return f"{place.city}: {days} days of sun"


@pytest.fixture
def model(gateway):
    def build(name=NAME, **more):
        return ChatOpenAI(base_url=f"{gateway}/v1", api_key="unused", model=name, **more)

    return build


def test_a_chat(model):
    found = model(temperature=0.5, max_tokens=500).invoke([SystemMessage("Be short"), HumanMessage("hello")])
    assert found.content.startswith("Simulated answer")
    assert found.response_metadata["model_name"] == CUSTODIAN_TRIAGE.model
    assert found.response_metadata["finish_reason"] == "stop"
    usage = found.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_chain(model):
    chain = ChatPromptTemplate.from_messages([("system", "Be short"), ("human", "{it}")]) | model() | StrOutputParser()
    assert chain.invoke({"it": "hello"}).startswith("Simulated answer")
    assert len(chain.batch([{"it": "a"}, {"it": "b"}])) == 2


def test_a_stream_with_its_usage(model):
    chunks = list(model(stream_usage=True).stream("hello"))
    assert len([chunk for chunk in chunks if chunk.content]) > 1
    whole = sum(chunks[1:], chunks[0])
    assert whole.content == "Simulated answer to a prompt of 5 characters."
    assert whole.usage_metadata["input_tokens"] == 2
    assert whole.response_metadata["finish_reason"] == "stop"


async def test_asynchronous_calls(model):
    async with openai.DefaultAsyncHttpxClient() as client:
        asked = model(http_async_client=client)
        one, *two = [await asked.ainvoke("hello"), *(await asked.abatch(["hello", "hello"]))]
        text = "".join([chunk.content async for chunk in asked.astream("hello")])
    assert {one.content, *(each.content for each in two)} == {text}


@pytest.mark.parametrize("choice", ["any", "required", "weather", True])
def test_a_tool_call_has_arguments_of_its_schema(model, choice):
    found = model().bind_tools([weather], tool_choice=choice).invoke("hello")
    (call,) = found.tool_calls
    assert (call["name"], found.response_metadata["finish_reason"]) == ("weather", "tool_calls")
    assert weather.args_schema.model_validate(call["args"]).place.unit in ("celsius", "fahrenheit")


@pytest.mark.parametrize("choice", ["none", "auto", None])
def test_a_tool_that_need_not_be_called(model, choice):
    assert model().bind_tools([weather], tool_choice=choice).invoke("hello").tool_calls == []


def test_a_tool_call_in_a_stream(model):
    chunks = list(model().bind_tools([weather], tool_choice="any").stream("hello"))
    assert len([chunk for chunk in chunks if chunk.tool_call_chunks]) > 2
    whole = sum(chunks[1:], chunks[0])
    assert weather.args_schema.model_validate(whole.tool_calls[0]["args"])


def test_a_conversation_with_tools(model):
    @tool
    def clock(zone: str) -> str:
        """The time."""
        return f"noon in {zone}"

    tools = {each.name: each for each in (weather, clock)}
    asked = model().bind_tools([*tools.values()])
    messages = [HumanMessage("weather and clock, please")]
    found = asked.invoke(messages)
    assert [call["name"] for call in found.tool_calls] == ["weather", "clock"]
    messages += [found, *(tools[call["name"]].invoke(call) for call in found.tool_calls)]
    assert all(isinstance(message, ToolMessage) for message in messages[-2:])
    assert asked.invoke(messages).content.startswith("Simulated answer")
    alone = model().bind_tools([*tools.values()], parallel_tool_calls=False).invoke(messages[:1])
    assert [call["name"] for call in alone.tool_calls] == ["weather"]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("strict", [True, None])
def test_structured_output(model, method, strict):
    found = model().with_structured_output(Forecast, method=method, strict=strict, include_raw=True).invoke("hello")
    assert found["parsing_error"] is None
    assert len(found["parsed"].days) >= 3
    assert isinstance(found["raw"], AIMessage)


def test_json_mode(model):
    found = model().with_structured_output(None, method="json_mode").invoke("hello, as JSON")
    assert set(found) == {"answer"}


# It serialises OpenAI's parsed message as the type without a parsed one; nothing of it is ours.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_structured_output_from_a_stream(model):
    *_, last = model().with_structured_output(Forecast, method="json_schema").stream("hello")
    assert isinstance(last, Forecast)


def test_an_answer_of_another_shape_is_an_error_of_the_parser(model):
    with pytest.raises(ValueError, match="JSON"):
        model("prose").with_structured_output(Forecast, method="json_schema").invoke("hello")


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("429", openai.RateLimitError, "Rate limit exceeded"),
        ("400", openai.BadRequestError, "Invalid parameter"),
        ("401", openai.InternalServerError, "does not accept the gateway's key"),
        ("402", openai.InternalServerError, "Insufficient credits"),
        ("503", openai.InternalServerError, "No provider is available"),
        ("html-502", openai.InternalServerError, "502 Bad Gateway"),
        ("nobody/declared-this", openai.NotFoundError, "neither a profile nor"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_say_what_the_provider_said(model, name, expected, words, stream):
    asked = model(name, max_retries=0)
    with pytest.raises(expected, match=words) as found:
        list(asked.stream("hello")) if stream else asked.invoke("hello")
    assert found.value.request_id


def test_a_stream_that_breaks_is_an_error(model):
    with pytest.raises(openai.APIError, match="Provider disconnected"):
        list(model("stream-error").stream("hello"))


def test_a_refused_caller(with_callers):
    url, token = with_callers
    asked = {"base_url": f"{url}/v1", "model": NAME, "max_retries": 0}
    assert ChatOpenAI(api_key=token, **asked).invoke("hello").content
    with pytest.raises(openai.AuthenticationError):
        ChatOpenAI(api_key="another", **asked).invoke("hello")


@pytest.mark.parametrize("name", ["429", "500", "401", "reset"])
def test_it_repeats_nothing_that_was_final(counted, name):
    url, upstream = counted
    with pytest.raises(openai.APIError):
        ChatOpenAI(base_url=f"{url}/v1", api_key="unused", model=name, max_retries=3).invoke("hello")
    assert upstream.requests == 1


def test_a_fallback_of_its_own(model):
    assert model("503", max_retries=0).with_fallbacks([model()]).invoke("hello").content


def test_its_timeout_is_answered_before_it_runs_out(simulator, gateway_to):
    profile = replace(CUSTODIAN_TRIAGE, name="silent", model="simulate/silent", timeout_seconds=60)
    with (
        gateway_to(simulator, {"silent": profile}) as url,
        pytest.raises(openai.InternalServerError, match="8 s") as found,
    ):
        ChatOpenAI(base_url=f"{url}/v1", api_key="unused", model="silent", timeout=8, max_retries=0).invoke("hello")
    assert found.value.status_code == 504


def test_what_cannot_be_honoured_is_refused_by_name(model):
    with pytest.raises(openai.BadRequestError, match="store"):
        model(store=True).invoke("hello")
