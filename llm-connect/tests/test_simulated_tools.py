"""The simulated model calls tools as `tool_choice` says, with arguments that match each tool's own schema."""

from __future__ import annotations

import json
import time

import jsonschema_rs
import pytest

from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Profile
from llm_connect.simulator.documents import Unsupported, document

ADDRESS = {
    "type": "object",
    "properties": {"street": {"type": "string", "minLength": 3}, "zip": {"type": "string", "pattern": r"^\d{5}$"}},
    "required": ["street", "zip"],
    "additionalProperties": False,
}
SCHEMAS = {
    "nested": {
        "type": "object",
        "properties": {"who": {"type": "object", "properties": {"at": ADDRESS}, "required": ["at"]}},
        "required": ["who"],
    },
    "pydantic": {
        "$defs": {
            "Address": ADDRESS,
            "Unit": {"enum": ["celsius", "fahrenheit"], "title": "Unit", "type": "string"},
        },
        "properties": {
            "city": {"title": "City", "type": "string", "description": "Where"},
            "unit": {"$ref": "#/$defs/Unit", "default": "celsius"},
            "days": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 14}, {"type": "null"}], "default": None},
            "addresses": {"items": {"$ref": "#/$defs/Address"}, "maxItems": 5, "minItems": 3, "type": "array"},
            "weights": {"additionalProperties": {"type": "number"}, "type": "object"},
            "pair": {
                "maxItems": 2, "minItems": 2, "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
            },
            "tags": {"items": {"type": "string"}, "type": "array", "uniqueItems": True},
            "price": {"anyOf": [{"type": "number"}, {"pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", "type": "string"}]},
        },
        "required": ["city", "addresses", "pair"],
        "title": "Weather",
        "type": "object",
    },
    "a union by a tag": {
        "type": "object",
        "properties": {
            "pet": {
                "discriminator": {"propertyName": "kind", "mapping": {"cat": "#/$defs/Cat", "dog": "#/$defs/Dog"}},
                "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
            }
        },
        "required": ["pet"],
        "$defs": {
            "Cat": {"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
            "Dog": {
                "type": "object",
                "properties": {"kind": {"const": "dog"}, "age": {"type": "integer"}},
                "required": ["kind", "age"],
            },
        },
    },
    "a union by type": {"type": "object", "properties": {"a": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}},
    "zod": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "email": {"type": "string", "format": "email", "pattern": r"^[^@\s]+@[^@\s]+\.[^@\s]+$"},
            "id": {"type": "string", "format": "uuid", "pattern": r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"},
            "count": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991},
            "code": {"type": "string", "pattern": r"^[A-Z]{3}$"},
            "word": {"type": "string", "pattern": r"^(yes|no)$"},
        },
        "required": ["email", "id", "count", "code", "word"],
        "additionalProperties": False,
    },
    "draft 7": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"n": {"type": "number", "multipleOf": 0.25, "minimum": 3}},
        "type": "object",
        "properties": {"n": {"allOf": [{"$ref": "#/definitions/n"}], "description": "A number"}},
        "required": ["n"],
    },
    "joined": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]},
        ]
    },
    "by reference": {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"b": {"$ref": "#/$defs/B"}}},
                                                    "B": {"enum": [3, 4]}}},
    "recursive": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name"],
    },
    "formats": {
        "type": "object",
        "properties": {
            name: {"type": "string", "format": name}
            for name in ("date", "date-time", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid",
                         "uri-reference", "json-pointer", "regex", "iri")
        },
    },
    "number formats": {"type": "object", "properties": {"a": {"type": "integer", "format": "int32"}}},
    "a map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3},
    "at most": {"type": "object", "properties": {n: {"type": "integer"} for n in "abcd"}, "maxProperties": 2},
    "no properties": {"type": "object", "properties": {}, "additionalProperties": False},
    "without a type": {"properties": {"a": {"type": "boolean"}}, "required": ["a"]},
    "empty": {},
}  # fmt: skip


def tool(name, parameters=None, **more):
    function = {"name": name, "description": "A tool", **({} if parameters is None else {"parameters": parameters})}
    return {"type": "function", "function": function | more}


def asked(text="hello", **more):
    return {"model": CUSTODIAN_TRIAGE.name, "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture
def ask(gateway, call):
    def ask(**more):
        reply = call("POST", f"{gateway}/v1/chat/completions", asked(**more))
        return reply.json["choices"][0] if reply.status == 200 else reply.json["error"]

    return ask


def called(choice):
    return [each["function"]["name"] for each in choice["message"].get("tool_calls") or ()]


def validator(schema):
    return jsonschema_rs.validator_for(schema, validate_formats=True)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_arguments_match_the_tools_own_schema(ask, name):
    choice = ask(tools=[tool("other", {"type": "object"}), tool("look_up", SCHEMAS[name])],
                 tool_choice={"type": "function", "function": {"name": "look_up"}})  # fmt: skip
    assert (choice["finish_reason"], called(choice)) == ("tool_calls", ["look_up"])
    arguments = json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])
    assert isinstance(arguments, dict)
    validator(SCHEMAS[name]).validate(arguments)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_stream_has_the_same_arguments_in_pieces(gateway, call, ask, name):
    body = {"tools": [tool("look_up", SCHEMAS[name])], "tool_choice": "required"}
    whole = json.loads(ask(**body)["message"]["tool_calls"][0]["function"]["arguments"])
    reply = call("POST", f"{gateway}/v1/chat/completions", asked(stream=True, **body))
    chunks = [json.loads(line[6:]) for line in reply.octets.decode().split("\n") if line.startswith("data: {")]
    parts = [part for each in chunks for part in each["choices"][0]["delta"].get("tool_calls") or ()]
    first, *others = parts
    assert (first["index"], first["type"], first["function"]) == (0, "function", {"name": "look_up", "arguments": ""})
    assert first["id"]
    assert all(set(each) == {"index", "function"} and set(each["function"]) == {"arguments"} for each in others)
    arguments = json.loads("".join(each["function"]["arguments"] for each in parts))
    validator(SCHEMAS[name]).validate(arguments)
    assert arguments == whole
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def allowed(mode, *tools):
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


TWO = [tool("weather", {"type": "object", "properties": {"city": {"type": "string"}}}), tool("time_of")]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, []),
        ({"tool_choice": "auto"}, []),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": None}, []),
        ({"tool_choice": "none", "text": "use weather"}, []),
        ({"tool_choice": "required"}, ["weather"]),
        ({"tool_choice": "required", "text": "use time_of"}, ["time_of"]),
        ({"tool_choice": {"type": "function", "function": {"name": "time_of"}}}, ["time_of"]),
        ({"tool_choice": {"type": "function", "function": {"name": "time_of"}}, "text": "use weather"}, ["time_of"]),
        ({"text": "use weather"}, ["weather"]),
        ({"text": [{"type": "text", "text": "use weather"}]}, ["weather"]),
        ({"text": "weather and time_of, please"}, ["weather", "time_of"]),
        ({"text": "weather and time_of, please", "parallel_tool_calls": True}, ["weather", "time_of"]),
        ({"text": "weather and time_of, please", "parallel_tool_calls": False}, ["weather"]),
        ({"text": "weathering"}, []),
        ({"tool_choice": allowed("required", TWO[1])}, ["time_of"]),
        ({"tool_choice": allowed("auto", TWO[1])}, []),
        ({"tool_choice": allowed("auto", TWO[1]), "text": "weather and time_of, please"}, ["time_of"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_the_choice(gateway, call, more, names, stream):
    reply = call("POST", f"{gateway}/v1/chat/completions", asked(tools=TWO, stream=stream, **more))
    if not stream:
        choice = reply.json["choices"][0]
        assert called(choice) == names
        assert (choice["finish_reason"] == "tool_calls") is bool(names)
        assert (choice["message"]["content"] is None) is bool(names)
        return
    chunks = [json.loads(line[6:]) for line in reply.octets.decode().split("\n") if line.startswith("data: {")]
    parts = [part for each in chunks for part in each["choices"][0]["delta"].get("tool_calls") or ()]
    assert [part["function"]["name"] for part in parts if "id" in part] == names


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"tool_choice": "required"}, "there are no tools"),
        ({"tool_choice": "required", "tools": []}, "there are no tools"),
        ({"tool_choice": {"type": "function", "function": {"name": "x"}}, "tools": TWO}, "x is not one of the tools"),
        ({"tool_choice": "any", "tools": TWO}, "tool_choice"),
        ({"tool_choice": {"type": "function"}, "tools": TWO}, "tool_choice"),
        ({"tool_choice": "required", "tools": [{"type": "custom", "custom": {"name": "x"}}]}, "functions with a name"),
        ({"tool_choice": "required", "tools": [tool("x", {"type": "array"})]}, "not the schema of an object"),
        ({"tool_choice": "required", "tools": [tool("x", {"type": "object", "if": {}})]}, "keyword if"),
    ],
)
def test_what_cannot_be_called_is_400_by_name(ask, more, named):
    error = ask(**more)
    assert (error["type"], named in error["message"]) == ("provider_refused_request", True)


def test_a_tool_is_called_once_for_a_message_of_the_user(gateway, call):
    """An agent's loop ends: what has its result is not called again, unless one is required and none is left."""

    def next_calls(messages, **more):
        body = {"model": CUSTODIAN_TRIAGE.name, "messages": messages, "tools": TWO, **more}
        reply = call("POST", f"{gateway}/v1/chat/completions", body)
        message = reply.json["choices"][0]["message"]
        messages.append(message)
        for each in message.get("tool_calls") or ():
            messages.append({"role": "tool", "tool_call_id": each["id"], "content": "fine"})
        return [each["function"]["name"] for each in message.get("tool_calls") or ()]

    auto = [{"role": "user", "content": "weather, please"}]
    assert [next_calls(auto), next_calls(auto)] == [["weather"], []]
    auto.append({"role": "user", "content": "weather again"})
    assert [next_calls(auto), next_calls(auto)] == [["weather"], []]
    required = [{"role": "user", "content": "hello"}]
    found = [next_calls(required, tool_choice="required") for _ in range(3)]
    assert found == [["weather"], ["time_of"], ["time_of"]]


def test_arguments_that_are_longer_than_max_tokens_are_cut(ask):
    choice = ask(tools=[tool("x", SCHEMAS["pydantic"])], tool_choice="required", max_tokens=6)
    assert choice["finish_reason"] == "length"
    assert len(choice["message"]["tool_calls"][0]["function"]["arguments"]) <= 24


def test_the_arguments_count_as_tokens(gateway, call):
    body = asked(tools=[tool("x", SCHEMAS["pydantic"])], tool_choice="required", reasoning_effort="none")
    reply = call("POST", f"{gateway}/v1/chat/completions", body)
    written = len(reply.json["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])
    assert reply.json["usage"]["completion_tokens"] == -(-written // 4)


def test_the_provider_within_the_gateway_does_the_same(gateway_to, call):
    with gateway_to("", {"s": Profile("s", "simulate", "a/b")}) as url:
        body = asked(tools=[tool("x", SCHEMAS["pydantic"])], tool_choice="required") | {"model": "s"}
        choice = call("POST", f"{url}/v1/chat/completions", body).json["choices"][0]
    written = json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])
    assert validator(SCHEMAS["pydantic"]).is_valid(written)


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(\\w+\\s?)*!$", "(x+x+)+y", "[a-z]{1000}", "(?:a|aa)+b{900}"])
def test_a_pattern_takes_no_long_time(pattern):
    started = time.process_time()
    try:
        text = document({"type": "string", "pattern": pattern})
    except Unsupported:
        text = None
    assert time.process_time() - started < 2
    assert text is None or jsonschema_rs.is_valid({"pattern": pattern}, text)
