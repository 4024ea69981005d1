"""From npm, unchanged: the official client, the Vercel AI SDK, and aimock as a provider other than our simulator."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import openai
import pytest
from free_ports import free_port
from listeners import listening
from openai import OpenAI

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

HERE = Path(__file__).parent
HELLO = [{"role": "user", "content": "hello"}]
ANSWERS = {
    "fixtures": [
        {"match": {"userMessage": "hello"}, "response": {"content": "Hello from elsewhere. " * 20}},
        {"match": {"userMessage": "limit"}, "response": {"error": {"message": "too many", "type": "x"}, "status": 429}},
        {"match": {"userMessage": "fault"}, "response": {"error": {"message": "broken", "type": "x"}, "status": 500}},
        {"match": {"userMessage": "tool"}, "response": {"toolCalls": [{"name": "look_up", "arguments": {"id": 7}}]}},
        {"match": {"userMessage": "report"}, "response": {"content": '{"title": "x", "size": 3}'}},
    ]
}  # fmt: skip


@pytest.fixture
def patient(simulator, gateway_to):
    """A gateway that waits longer than its caller for a provider that never answers."""
    silent = replace(CUSTODIAN_TRIAGE, name="silent", model="simulate/silent", timeout_seconds=60)
    with gateway_to(simulator, {silent.name: silent}) as url:
        yield url


def passed_in_node(npm, file, **environment):
    """How many cases of a file pass; none may fail."""
    for name in (file, "errors.mjs"):
        shutil.copy(HERE / "npm" / name, npm / name)
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", file],
        cwd=npm, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    return int(re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)[1])


def test_the_npm_client(npm, gateway, patient):
    assert passed_in_node(npm, "cases.test.mjs", GATEWAY_URL=gateway, PATIENT_URL=patient) >= 19


def test_the_ai_sdk(npm, gateway, counted, with_callers):
    url, upstream = counted
    declared, token = with_callers
    urls = {"GATEWAY_URL": gateway, "COUNTED_URL": url, "DECLARED_URL": declared}
    assert passed_in_node(npm, "ai-sdk.test.mjs", CALLER_TOKEN=token, **urls) >= 37
    assert upstream.requests == 1 + 2 + 1  # see its last case


@pytest.fixture(scope="module")
def through(npm, gateway_to, tmp_path_factory):
    """A client of a gateway whose provider is aimock."""
    file, port = tmp_path_factory.mktemp("aimock") / "answers.json", free_port()
    file.write_text(json.dumps(ANSWERS))
    cli = npm / "node_modules/@copilotkit/aimock/dist/cli.js"
    profile = replace(CUSTODIAN_TRIAGE, name="elsewhere", model="some/model", retries=0)
    with (
        listening(["node", cli, "-p", str(port), "-f", file, "--strict", "--chunk-size", "10"], port),
        gateway_to(f"http://127.0.0.1:{port}/v1", {"elsewhere": profile}) as url,
        OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client,
    ):
        yield client


def ask(client, text, **more):
    return client.chat.completions.create(model="elsewhere", messages=[{"role": "user", "content": text}], **more)


def test_a_provider_that_is_not_our_simulator(through):
    completion = ask(through, "hello")
    assert completion.choices[0].message.content == "Hello from elsewhere. " * 20
    assert completion.model == "some/model"


def test_its_stream(through):
    chunks = list(ask(through, "hello", stream=True))
    assert len(chunks) > 20
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello from elsewhere. " * 20


def test_its_tool_calls(through):
    tools = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]
    call = ask(through, "tool", tools=tools).choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("look_up", {"id": 7})


def test_its_answer_is_validated_here(through):
    schema = {"type": "object", "properties": {"size": {"type": "integer", "maximum": 2}}, "required": ["size"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "report", "schema": schema}}
    judged = json.loads(ask(through, "report", response_format=wanted).metadata["validation"])
    assert (judged["valid"], judged["problems"][0]["path"]) == (False, "/size")


@pytest.mark.parametrize(
    ("text", "expected", "type_"),
    [
        ("limit", openai.RateLimitError, "provider_rate_limit"),
        ("fault", openai.InternalServerError, "provider_error"),
    ],
)
def test_its_errors(through, text, expected, type_):
    with pytest.raises(expected) as found:
        ask(through, text)
    assert found.value.type == type_
