"""What callers send wrongly: always a 4xx that says what is wrong and where; never a crash, never a call."""

from __future__ import annotations

import json
import random
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connect.calls.execute_request import Execution, read_execution
from llm_connect.common.errors import GatewayError

HUGE_INTEGER = b"9" * 5000

NOT_JSON = {
    "empty": b"",
    "half": b'{"prompt": "hello',
    "random bytes": random.Random(7).randbytes(2000),
    "latin-1": '{"prompt": "café"}'.encode("latin-1"),
    "utf-16": json.dumps({"prompt": "hello"}).encode("utf-16"),
    "two byte order marks": b'\xef\xbb\xbf\xef\xbb\xbf{"prompt": "hello"}',
    "NaN": b'{"prompt": "hello", "config": {"temperature": NaN}}',
    "Infinity": b'{"prompt": "hello", "config": {"timeout_seconds": Infinity}}',
    "-Infinity": b'{"prompt": "hello", "config": {"timeout_seconds": -Infinity}}',
    "1e999": b'{"prompt": "hello", "config": {"temperature": 1e999}}',
    "5,000 digits": b'{"prompt": "hello", "config": {"max_tokens": ' + HUGE_INTEGER + b"}}",
    "5,000 levels of lists": b'{"prompt": "hello", "config": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "5,000 levels of objects": b'{"prompt":' * 5000 + b"1" + b"}" * 5000,
    "200 levels in a schema": b'{"prompt": "hello", "config": {"model_params": {"json_schema": '
    + b'{"items":' * 200
    + b"{}"
    + b"}" * 203,
    "lone surrogate": b'{"prompt": "\\ud800"}',
    "lone surrogate as a name": b'{"prompt": "hello", "\\udfff": 1}',
    "a name twice": b'{"prompt": "hello", "config": {"model_name": "a", "model_name": "b"}}',
    "two documents": b'{"prompt": "hello"}{"prompt": "hello"}',
}

# request: (field of the fault, what its `problem` holds)
FAULTY = {
    "null": (b"null", "the body", "is null"),
    "list": (b"[]", "the body", "is a list"),
    "number": (b"5", "the body", "is a number"),
    "no prompt": (b"{}", "prompt", "missing"),
    "null prompt": (b'{"prompt": null}', "prompt", "missing"),
    "blank prompt": (b'{"prompt": " \\n"}', "prompt", "is empty"),
    "prompt list": (b'{"prompt": ["hello"]}', "prompt", "is a list"),
    "unknown field": (b'{"prompt": "a", "stream": true}', "stream", "unknown field"),
    "unknown config": (b'{"prompt": "a", "config": {"model": "x"}}', "config.model", "unknown field"),
    "config list": (b'{"prompt": "a", "config": []}', "config", "is a list"),
    "params text": (b'{"prompt": "a", "config": {"model_params": "x"}}', "config.model_params", "is a string"),
    "hot": (b'{"prompt": "a", "config": {"temperature": 2.1}}', "config.temperature", "is 2.1"),
    "text number": (b'{"prompt": "a", "config": {"temperature": "0"}}', "config.temperature", 'is "0"'),
    "true tokens": (b'{"prompt": "a", "config": {"max_tokens": true}}', "config.max_tokens", "is true"),
    "half a token": (b'{"prompt": "a", "config": {"max_tokens": 1.5}}', "config.max_tokens", "is 1.5"),
    "whole, and written as if not": (
        b'{"prompt": "a", "config": {"max_tokens": 10.0}}',
        "config.max_tokens",
        "is 10.0",
    ),
    "no tokens": (b'{"prompt": "a", "config": {"max_tokens": 0}}', "config.max_tokens", "is 0"),
    "4,000 digits": (b'{"prompt": "a", "config": {"max_tokens": ' + b"9" * 4000 + b"}}", "config.max_tokens", "is 999"),
    "no time": (b'{"prompt": "a", "config": {"timeout_seconds": 0}}', "config.timeout_seconds", "is 0"),
    "negative depth": (b'{"prompt": "a", "config": {"max_depth": -1}}', "config.max_depth", "is -1"),
    "effort": (
        b'{"prompt": "a", "config": {"model_params": {"reasoning_effort": "huge"}}}',
        "config.model_params.reasoning_effort",
        'is "huge"',
    ),
    "schema text": (
        b'{"prompt": "a", "config": {"model_params": {"json_schema": "{}"}}}',
        "config.model_params.json_schema",
        "is a string",
    ),
    "schema wrapped": (
        b'{"prompt": "a", "config": {"model_params": {"json_schema": {"name": "x", "schema": {}}}}}',
        "config.model_params.json_schema",
        "is wrapped",
    ),
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_what_is_no_json_is_400(gateway, call, case):
    reply = call("POST", f"{gateway}/execute", NOT_JSON[case])
    assert (reply.status, reply.json["type"]) == (400, "invalid_json")


@pytest.mark.parametrize("case", FAULTY)
def test_a_fault_names_its_field_and_what_is_allowed(gateway, call, case):
    body, field, problem = FAULTY[case]
    reply = call("POST", f"{gateway}/execute", body)
    assert (reply.status, reply.json["type"]) == (400, "invalid_request")
    fault = next(fault for fault in reply.json["faults"] if fault["field"] == field)
    assert problem in fault["problem"]
    assert fault["allowed"]
    assert len(reply.octets) < 2000


def test_all_faults_are_reported_at_once(gateway, call):
    config = {
        "model_name": "x",
        "temperature": "warm",
        "max_tokens": -1,
        "colour": "red",
        "model_params": {"json_schema": 1},
    }
    reply = call("POST", f"{gateway}/execute", {"prompt": 5, "config": config, "extra": 1})
    assert {fault["field"] for fault in reply.json["faults"]} == {
        "prompt",
        "extra",
        "config.model_name",
        "config.temperature",
        "config.max_tokens",
        "config.colour",
        "config.model_params.json_schema",
    }


def test_ten_megabytes_are_413_and_the_next_request_is_served(gateway, call):
    reply = call("POST", f"{gateway}/execute", b'{"prompt": "' + b"a" * 10_000_000 + b'"}')
    assert (reply.status, reply.json["type"]) == (413, "body_too_large")
    assert call("POST", f"{gateway}/execute", {"prompt": "hello"}).status == 200


def test_three_megabytes_of_prompt_are_served(gateway, call):
    assert call("POST", f"{gateway}/execute", {"prompt": "ä" * 500_000}).status == 200


def test_a_caller_that_leaves_within_its_body_is_no_fault_of_the_gateway(gateway, request_lines, caplog):
    with socket.create_connection(tuple(gateway.removeprefix("http://").split(":"))) as client:
        client.sendall(
            b"POST /execute HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\ncontent-length: 99\r\n\r\n{"
        )
        time.sleep(0.05)
    deadline = time.monotonic() + 30
    found = []  # beside it there may be the line of the request before, which is written after its answer
    while not found and time.monotonic() < deadline:
        time.sleep(0.02)
        found = [line for line in request_lines() if line.get("type") == "body_cut"]
    assert [line["status"] for line in found] == [400]
    assert [record for record in caplog.records if record.levelname != "INFO"] == []


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_web_page_cannot_post_without_asking(gateway, call, content_type):
    reply = call("POST", f"{gateway}/execute", b'{"prompt": "hello"}', {"content-type": content_type})
    assert (reply.status, reply.json["faults"][0]["field"]) == (415, "header content-type")


def test_the_error_repeats_neither_prompt_nor_long_values(gateway, call):
    body = {"prompt": "my private words", "config": {"temperature": "t" * 5000, "u" * 5000: 1}}
    reply = call("POST", f"{gateway}/execute", body)
    assert reply.status == 400
    assert b"private" not in reply.octets
    assert len(reply.octets) < 2000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONFIG = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("model_name", "temperature", "max_tokens", "timeout_seconds", "model_params"), JSON)
)


@settings(max_examples=150, deadline=None)
@given(JSON | st.fixed_dictionaries({"prompt": JSON}, optional={"config": CONFIG | JSON}))
def test_any_document_is_a_request_or_an_error_with_a_status(document):
    try:
        outcome = read_execution(document, ["p", "custodian-triage-balanced"])
    except GatewayError as error:
        outcome = error
    assert isinstance(outcome, Execution) or (outcome.status in {400, 404} and outcome.faults)


def test_a_body_that_does_not_come_to_its_end_has_a_time(gateway, monkeypatch):
    monkeypatch.setattr("llm_connect.web.request_body._BODY_SECONDS", 0.3)
    with socket.create_connection(tuple(gateway.removeprefix("http://").split(":"))) as client:
        client.settimeout(10)
        client.sendall(
            b"POST /execute HTTP/1.1\r\nhost: localhost\r\n"
            b"content-type: application/json\r\ncontent-length: 99\r\n\r\n{"
        )
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"body_slow"' in answer


@pytest.mark.parametrize("sent", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: "])
@pytest.mark.parametrize("kept", [False, True], ids=["first request", "second request"])
def test_the_head_of_a_request_has_a_time_limit(simulator, gateway_to, monkeypatch, kept, sent):
    monkeypatch.setattr("llm_connect.web.server.HEADER_SECONDS", 1)
    with (
        gateway_to(simulator) as gateway,
        socket.create_connection(tuple(gateway.removeprefix("http://").split(":"))) as client,
    ):
        client.settimeout(10)
        if kept:
            client.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        client.sendall(sent)
        assert client.recv(65536) == b""
