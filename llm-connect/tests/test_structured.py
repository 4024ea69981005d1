"""Structured output: schemas are bounded and never fetched for, answers are judged and never repaired."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.structured.schemas import Schemas
from llm_connect.structured.validation import InvalidSchema

NAME = CUSTODIAN_TRIAGE.name
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
# Doubles with each level of the answer, whatever engine judges.
DOUBLING = {
    "$defs": {"n": {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/n"}}, "required": ["y"]}] * 2}},
    "$ref": "#/$defs/n",
}


def deep(levels):
    return '{"x":' * levels + "1" + "}" * levels


@pytest.fixture
async def schemas():
    found = Schemas()
    yield found
    await found.close()


@pytest.fixture
def judged(schemas):
    async def judge(schema, text, reason=None, caller=""):
        return await schemas.validate(await schemas.checked(schema, caller), text, reason, caller)

    return judge


@pytest.mark.parametrize(
    ("text", "reason", "expected"),
    [
        ('{"name": "x"}', "stop", (True, None)),
        ('{"name": 5}', "stop", (False, "schema")),
        ('{"name": "x', "length", (False, "truncated")),
        ('{"name": "x', "stop", (False, "not_json")),
        ('{"name": "x", "name": "y"}', "stop", (False, "not_json")),
        ('```json\n{"name": "x"}\n```', "stop", (False, "not_json")),
        ("", "length", (False, "truncated")),
    ],
)
async def test_an_answer_is_judged_and_not_repaired(judged, text, reason, expected):
    found = await judged(SCHEMA, text, reason)
    assert (found["valid"], found.get("reason")) == expected


async def test_problems_name_their_place_and_are_bounded(judged):
    schema = {"type": "array", "items": {"type": "object", "properties": {"a/b": {"type": "string"}}}}
    found = await judged(schema, json.dumps([{"a/b": 1}] * 50))
    assert len(found["problems"]) == 10
    assert found["problems"][0]["path"] == "/0/a~1b"


@pytest.mark.parametrize("scheme", ["http", "https", "file", "urn"])
async def test_a_reference_out_of_the_schema_is_refused_and_never_followed(schemas, scheme):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        port = trap.getsockname()[1]
        place = {"file": "file:///etc/hostname", "urn": "urn:a:b"}.get(scheme, f"{scheme}://127.0.0.1:{port}/s")
        for schema in ({"$ref": place}, {"properties": {"a": {"$ref": place}}}, {"allOf": [{"$dynamicRef": place}]}):
            with pytest.raises(InvalidSchema):
                await schemas.checked(schema)
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize(
    "schema", [{"type": "nope"}, {"$ref": "#/nope"}, {"pattern": "["}, {"$schema": "https://x.y/z"}]
)
async def test_what_is_no_schema_is_refused(schemas, schema):
    with pytest.raises(InvalidSchema):
        await schemas.checked(schema)


async def test_a_schema_is_bounded_in_size(schemas):
    with pytest.raises(InvalidSchema, match="larger than 65536 bytes"):
        await schemas.checked({"enum": ["x" * 70_000]})


async def test_a_schema_that_doubles_with_each_level_cannot_hold_the_gateway(judged):
    found = await judged(DOUBLING, deep(60))
    assert (found["valid"], found["reason"]) == (None, "not_judged")


SLOW = {"items": {"pattern": "^(\\w{1,300}){1,100}x"}}
LARGE = {"allOf": [{"pattern": f"\\pL{{60}}{number}"} for number in range(400)]}


async def test_what_takes_long_to_match_is_not_judged(judged):
    found = await judged(SLOW, json.dumps(["a" * 60_000]))
    assert (found["valid"], found["reason"]) == (None, "not_judged")
    assert "was given up" in found["problems"][0]["problem"]
    assert (await judged(SLOW, '["x"]'))["valid"] is False  # another process goes on


async def test_what_takes_much_to_compile_is_refused(schemas):
    with pytest.raises(InvalidSchema, match=r"cannot be compiled: it (needs more than|takes longer)"):
        await schemas.checked(LARGE)


async def test_a_verdict_stands_where_the_list_of_its_problems_takes_too_much(judged):
    """jsonschema-rs collects all problems, each with a copy of its path: here 5 GB."""
    text = f'{{"{"k" * 1_000_000}": {[1] * 5_000}}}'
    found = await judged({"additionalProperties": {"items": {"type": "string"}}}, text)
    assert (found["valid"], found["reason"], len(found["problems"])) == (False, "schema", 1)
    assert len(found["problems"][0]["path"]) <= 300


@pytest.mark.parametrize(
    ("text", "problem"),
    [(json.dumps("x" * 4_200_000), "larger than 4194304 bytes"), (f"[{'1,' * 500_000}1]", "more than 500000 values")],
)
async def test_a_text_that_is_too_large_is_not_judged(judged, text, problem):
    found = await judged({}, text)
    assert found["valid"] is None
    assert problem in found["problems"][0]["problem"]


def processes():
    return Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()


async def test_a_process_is_kept_until_it_has_grown(judged, schemas):
    before = set(processes())
    await judged(SCHEMA, "{}")
    (kept,) = set(processes()) - before
    await judged({"type": "array"}, "[]")
    assert kept in processes()
    texts = '"text",' * 490_000
    assert (await judged({"items": {"type": "string"}}, f"[{texts}1]"))["valid"] is False
    assert kept not in processes()
    assert (await judged(SCHEMA, '{"name": "x"}'))["valid"] is True
    await schemas.close()
    assert set(processes()) == before


async def test_a_process_that_was_killed_is_replaced(judged):
    before = set(processes())
    await judged(SCHEMA, "{}")
    (kept,) = set(processes()) - before
    os.kill(int(kept), signal.SIGKILL)
    await asyncio.sleep(0.5)
    assert (await judged(SCHEMA, '{"name": "x"}'))["valid"] is True


async def test_what_one_caller_waits_for_another_does_not(judged):
    """One after the other, these take as many seconds of CPU time."""
    tasks = [asyncio.create_task(judged(SLOW, json.dumps(["a" * 60_000 + str(n)]), "stop", "slow")) for n in range(8)]
    await asyncio.sleep(0.1)
    assert (await judged(SCHEMA, '{"name": "x"}', "stop", "quick"))["valid"] is True
    assert sum(task.done() for task in tasks) <= 4
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_pattern_that_backtracks_takes_no_time(judged):
    found = await judged({"type": "string", "pattern": "^(a+)+$"}, json.dumps("a" * 50_000 + "!"))
    assert found["valid"] is False  # None where judging was given up


async def test_look_around_is_judged_apart(judged):
    schema = {"type": "string", "pattern": "^(?=.*b)a"}
    assert (await judged(schema, '"ab"'))["valid"] is True
    assert (await judged(schema, '"aa"'))["valid"] is False


async def test_a_recursive_schema_of_a_usual_kind_is_judged(judged):
    schema = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}, "required": ["children"]}  # fmt: skip  # noqa: E501
    assert (await judged(schema, '{"children": [{"children": []}]}'))["valid"] is True
    assert (await judged(schema, '{"children": [{}]}'))["valid"] is False


@pytest.mark.parametrize("stream", [False, True])
def test_strict_is_502_or_an_error_at_the_end_of_the_stream(simulator, gateway_to, call, stream):
    profile = replace(CUSTODIAN_TRIAGE, model="simulate/prose", validation="strict")
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    body = {"model": NAME, "messages": [{"role": "user", "content": "x"}], "response_format": wanted, "stream": stream}
    with gateway_to(simulator, {NAME: profile}) as url:
        reply = call("POST", f"{url}/v1/chat/completions", body)
        plain = call("POST", f"{url}/execute", {"prompt": "x", "config": {"model_params": {"json_schema": SCHEMA}}})
    assert (plain.status, plain.json["type"]) == (502, "answer_invalid")
    assert b"answer_invalid" in reply.octets
    assert reply.status == (200 if stream else 502)
    assert b"[DONE]" not in reply.octets


def test_a_truncated_answer_is_passed_on_with_its_judgement(gateway, call):
    config = {"model_name": "truncated", "model_params": {"json_schema": SCHEMA}}
    reply = call("POST", f"{gateway}/execute", {"prompt": "x", "config": config})
    assert (reply.status, reply.json["finish_reason"]) == (200, "length")
    assert reply.json["content"].startswith('{"')
    assert reply.json["metadata"]["validation"]["reason"] == "truncated"


def test_a_remote_reference_is_400_by_name(gateway, call):
    config = {"model_params": {"json_schema": {"$ref": "http://127.0.0.1:9/x"}}}
    reply = call("POST", f"{gateway}/execute", {"prompt": "x", "config": config})
    assert (reply.status, reply.json["faults"][0]["field"]) == (400, "config.model_params.json_schema")
    assert "nothing is fetched" in reply.json["message"]
