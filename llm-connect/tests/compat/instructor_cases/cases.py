"""What users of instructor do, against the gateways that the environment names; run by test_instructor.py."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal

import instructor
import openai
import pytest
from instructor import Mode
from instructor.core.exceptions import InstructorRetryException
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field, field_validator

NAME = "custodian-triage-balanced"
HELLO = [{"role": "user", "content": "hello"}]


class Place(BaseModel):
    city: str = Field(min_length=2)
    unit: Literal["celsius", "fahrenheit"]


class Forecast(BaseModel):
    """What the weather will be."""

    place: Place
    days: list[int] = Field(min_length=3)
    note: str | None = None


class Refused(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def check(cls, value: str) -> str:
        raise ValueError(f"not {value}")


@pytest.fixture
def client():
    with OpenAI(base_url=f"{os.environ['GATEWAY_URL']}/v1", api_key="unused", max_retries=0) as plain:
        yield lambda mode: instructor.from_openai(plain, mode=mode)


MODES = [Mode.TOOLS, Mode.JSON_SCHEMA]


@pytest.mark.parametrize("mode", MODES)
def test_a_model_is_filled(client, mode):
    found = client(mode).chat.completions.create(model=NAME, messages=HELLO, response_model=Forecast)
    assert isinstance(found, Forecast)
    assert len(found.days) >= 3


@pytest.mark.parametrize("mode", MODES)
def test_with_the_completion_and_its_usage(client, mode):
    found, completion = client(mode).chat.completions.create_with_completion(
        model=NAME, messages=HELLO, response_model=Forecast
    )
    assert isinstance(found, Forecast)
    assert completion.usage.total_tokens > completion.usage.completion_tokens > 0


@pytest.mark.parametrize("mode", MODES)
def test_it_grows_in_a_stream(client, mode):
    found = list(client(mode).chat.completions.create_partial(model=NAME, messages=HELLO, response_model=Forecast))
    assert len(found) > 1
    assert len(found[-1].days) >= 3
    assert found[-1].place.unit in ("celsius", "fahrenheit")


@pytest.mark.parametrize("mode", MODES)
def test_several_from_one_stream(client, mode):
    found = list(client(mode).chat.completions.create_iterable(model=NAME, messages=HELLO, response_model=Place))
    assert len(found) >= 1
    assert all(isinstance(each, Place) for each in found)


def test_a_list(client):
    found = client(Mode.TOOLS).chat.completions.create(model=NAME, messages=HELLO, response_model=list[Place])
    assert all(isinstance(each, Place) for each in found)


def test_tools_side_by_side(client):
    messages = [{"role": "user", "content": "Place and Forecast, please"}]
    found = client(Mode.PARALLEL_TOOLS).chat.completions.create(
        model=NAME, messages=messages, response_model=Iterable[Place | Forecast]
    )
    assert {type(each) for each in found} == {Place, Forecast}


def test_without_a_model_it_is_the_plain_client(client):
    found = client(Mode.TOOLS).chat.completions.create(model=NAME, messages=HELLO, response_model=None)
    assert found.choices[0].message.content.startswith("Simulated answer")


async def _asynchronous():
    async with AsyncOpenAI(base_url=f"{os.environ['GATEWAY_URL']}/v1", api_key="unused") as plain:
        asked = instructor.from_openai(plain)
        return await asked.chat.completions.create(model=NAME, messages=HELLO, response_model=Forecast)


def test_asynchronous_calls():
    import asyncio

    assert isinstance(asyncio.run(_asynchronous()), Forecast)


@pytest.mark.parametrize(
    ("name", "expected", "words"),
    [
        ("429", openai.RateLimitError, "Rate limit exceeded"),
        ("400", openai.BadRequestError, "Invalid parameter"),
        ("401", openai.InternalServerError, "No auth credentials found"),
        ("html-502", openai.InternalServerError, "502 Bad Gateway"),
        ("nobody/declared-this", openai.NotFoundError, "choose one of"),
    ],
)
def test_errors_say_what_the_provider_said(client, name, expected, words):
    with pytest.raises(Exception, match=words) as found:
        client(Mode.TOOLS).chat.completions.create(model=name, messages=HELLO, response_model=Forecast, max_retries=0)
    error, seen = found.value, []
    while error is not None:
        seen.append(error)
        error = error.__cause__ or error.__context__
    assert any(isinstance(each, expected) for each in seen)


def test_a_refused_caller():
    for token, refused in ((os.environ["CALLER_TOKEN"], False), ("another", True)):
        with OpenAI(base_url=f"{os.environ['DECLARED_URL']}/v1", api_key=token) as plain:
            asked = instructor.from_openai(plain)
            if refused:
                with pytest.raises(Exception, match="bearer token"):
                    asked.chat.completions.create(model=NAME, messages=HELLO, response_model=Forecast)
            else:
                assert asked.chat.completions.create(model=NAME, messages=HELLO, response_model=Forecast)


def test_the_client_repeats_nothing_that_was_final():
    """One request at the provider, which test_instructor.py counts."""
    with (
        OpenAI(base_url=f"{os.environ['COUNTED_URL']}/v1", api_key="unused", max_retries=2) as plain,
        pytest.raises(Exception, match="Internal server error"),
    ):
        instructor.from_openai(plain).chat.completions.create(
            model="500", messages=HELLO, response_model=Forecast, max_retries=0
        )


def test_an_answer_that_is_not_valid_is_asked_for_again():
    """Three requests at the provider: instructor sends the problem back to the model."""
    with (
        OpenAI(base_url=f"{os.environ['COUNTED_URL']}/v1", api_key="unused") as plain,
        pytest.raises(InstructorRetryException, match="not simulated"),
    ):
        instructor.from_openai(plain).chat.completions.create(
            model=NAME, messages=HELLO, response_model=Refused, max_retries=2
        )
