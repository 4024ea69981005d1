"""pydantic-ai, unchanged: agents with tools, structured output in each of its modes, streams, and what fails."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Literal

import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from pydantic import BaseModel, Field
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, RunContext, ToolOutput, capture_run_messages
from pydantic_ai.exceptions import ModelHTTPError, UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import UsageLimits

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

NAME = CUSTODIAN_TRIAGE.name


class Place(BaseModel):
    city: str = Field(min_length=2)
    unit: Literal["celsius", "fahrenheit"]


class Forecast(BaseModel):
    place: Place
    days: list[int] = Field(min_length=3)


@pytest_asyncio.fixture
async def model(gateway):
    """Builds models, with clients that are closed in the end, on the loop that they belong to."""
    async with AsyncExitStack() as clients:

        async def build(name=NAME, url=gateway, key="unused"):
            client = await clients.enter_async_context(AsyncOpenAI(base_url=f"{url}/v1", api_key=key))
            return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))

        yield build


async def test_a_run(model):
    found = await Agent(await model(), instructions="Be short").run("hello", model_settings={"max_tokens": 500})
    assert found.output.startswith("Simulated answer")
    assert found.usage.input_tokens > 0
    assert found.usage.requests == 1
    assert found.response.model_name == CUSTODIAN_TRIAGE.model


async def test_a_conversation(model):
    agent = Agent(await model())
    first = await agent.run("hello")
    second = await agent.run("and again", message_history=first.all_messages())
    assert second.usage.input_tokens > first.usage.input_tokens


async def test_a_stream(model):
    async with Agent(await model()).run_stream("hello") as found:
        pieces = [piece async for piece in found.stream_text(delta=True, debounce_by=None)]
    assert len(pieces) > 1
    assert "".join(pieces) == "Simulated answer to a prompt of 5 characters."
    assert found.usage.output_tokens > 0


async def streamed(agent):
    async with agent.run_stream("hello") as found:
        return await found.get_output()


OUTPUTS = {"tool": ToolOutput, "native": NativeOutput, "prompted": PromptedOutput}


@pytest.mark.parametrize("mode", ["tool", "native"])
async def test_structured_output(model, mode):
    found = await Agent(await model(), output_type=OUTPUTS[mode](Forecast)).run("hello")
    assert isinstance(found.output, Forecast)


@pytest.mark.parametrize("mode", ["tool", "native"])
async def test_structured_output_from_a_stream(model, mode):
    async with Agent(await model(), output_type=OUTPUTS[mode](Forecast)).run_stream("hello") as found:
        outputs = [each async for each in found.stream_output(debounce_by=None)]
    assert isinstance(outputs[-1], Forecast)
    assert len(outputs) > 1


async def test_an_agent_calls_its_tools_and_then_answers(model):
    seen = []
    agent = Agent(await model(), output_type=Forecast)

    @agent.tool_plain
    def weather(place: Place, days: int = 1) -> str:
        """The weather at a place."""
        seen.append((place, days))
        return "sun"

    @agent.tool
    def clock(context: RunContext[None], zone: str) -> str:
        """The time."""
        seen.append(zone)
        return "noon"

    found = await agent.run("weather and clock, please")
    assert isinstance(found.output, Forecast)
    assert sorted(type(each).__name__ for each in seen) == ["str", "tuple"]
    assert found.usage.tool_calls == 2


async def test_a_tool_in_a_run_with_text(model):
    agent = Agent(await model())
    agent.tool_plain(name="weather")(lambda city: f"sun in {city}")
    found = await agent.run("weather, please")
    assert found.output.startswith("Simulated answer")
    assert found.usage.requests == 2


async def test_a_tool_in_a_stream(model):
    agent, seen = Agent(await model()), []

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather."""
        seen.append(city)
        return "sun"

    async with agent.run_stream("weather, please") as found:
        assert (await found.get_output()).startswith("Simulated answer")
    assert len(seen) == 1


async def test_an_output_that_it_refuses_is_asked_for_again(model):
    agent, asked = Agent(await model(), output_type=Forecast, retries=2), []

    @agent.output_validator
    def check(output: Forecast) -> Forecast:
        asked.append(output)
        if len(asked) < 3:
            raise ModelRetry("more days, please")
        return output

    assert isinstance((await agent.run("hello")).output, Forecast)
    assert len(asked) == 3


async def test_prose_is_no_structured_output(model):
    with pytest.raises(UnexpectedModelBehavior), capture_run_messages() as messages:
        await Agent(await model("prose"), output_type=PromptedOutput(Forecast), retries=1).run("hello")
    assert len(messages) > 2


@pytest.mark.parametrize(
    ("name", "status", "type_", "words"),
    [
        ("429", 429, "provider_rate_limit", "Rate limit exceeded"),
        ("400", 400, "provider_refused_request", "Invalid parameter"),
        ("401", 502, "provider_key_refused", "No auth credentials found"),
        ("503", 502, "provider_unavailable", "No provider is available"),
        ("not-json", 502, "provider_not_json", "nginx"),
        ("nobody/declared-this", 404, "unknown_profile", "choose one of"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_errors_say_what_the_provider_said(model, name, status, type_, *, words, stream):
    agent = Agent(await model(name))
    with pytest.raises(ModelHTTPError) as found:
        await (streamed(agent) if stream else agent.run("hello"))
    assert (found.value.status_code, found.value.body["type"]) == (status, type_)
    assert words in json.dumps(found.value.body)


async def test_a_refused_caller(model, with_callers):
    url, token = with_callers
    assert (await Agent(await model(url=url, key=token)).run("hello")).output
    with pytest.raises(ModelHTTPError) as found:
        await Agent(await model(url=url, key="another")).run("hello")
    assert (found.value.status_code, found.value.body["type"]) == (401, "caller_unknown")


@pytest.mark.parametrize("name", ["429", "500", "401"])
async def test_it_repeats_nothing_that_was_final(model, counted, name):
    url, upstream = counted
    with pytest.raises(ModelHTTPError):
        await Agent(await model(name, url)).run("hello")
    assert upstream.requests == 1


async def test_a_fallback_of_its_own(model):
    assert (await Agent(FallbackModel(await model("503"), await model())).run("hello")).output


async def test_its_limit_of_tokens(model):
    with pytest.raises(UsageLimitExceeded):
        await Agent(await model()).run("hello", usage_limits=UsageLimits(output_tokens_limit=1))
