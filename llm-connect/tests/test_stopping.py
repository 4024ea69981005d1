"""What is given up when the gateway stops is settled and recorded, also where that takes a moment."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

CONFIGURATION = """
[profiles.apart]
provider = "openrouter"
model = "m"
max_tokens = 1000
[[budgets]]
period = "total"
tokens = 100000
"""
# Each level of the answer doubles the work (structured/cost.py), so that it is judged apart, for seconds.
DOUBLING = {
    "$defs": {"n": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}}] * 2 + [{"type": "integer"}]}},
    "$ref": "#/$defs/n",
}
ANSWER = {
    "model": "m",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "[" * 40 + '"x"' + "]" * 40}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


@pytest.fixture
def provider(serving):
    """The URL of a provider that gives ANSWER, and an event for that it was asked."""
    asked = threading.Event()

    async def answer(_request):
        asked.set()
        return JSONResponse(ANSWER)

    with serving(Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])) as url:
        yield f"{url}/v1", asked


def children(pid):
    return any(path.read_text().strip() for path in Path(f"/proc/{pid}/task").glob("*/children"))


def test_a_judgement_that_is_given_up_leaves_its_record_and_what_was_used(program, provider, call, key, tmp_path):
    base, asked = provider
    (tmp_path / "llm-connect.toml").write_text(CONFIGURATION)
    environment = {
        "LLM_CONNECT_CONFIG": str(tmp_path),
        "LLM_CONNECT_STATE": str(tmp_path / "state"),
        "LLM_CONNECT_AUDIT_FILE": str(tmp_path / "audit.jsonl"),
        "OPENROUTER_API_KEY": key,
        "LLM_CONNECT_OPENROUTER_BASE_URL": base,
    }
    config = {"model_name": "apart", "model_params": {"json_schema": DOUBLING}}
    replies = []
    with program("serve", "--port", "0", "--drain-seconds", "0", environment=environment) as process:
        asking = threading.Thread(
            target=lambda: replies.append(call("POST", f"{process.url}/execute", {"prompt": "x", "config": config}))
        )
        asking.start()
        assert asked.wait(30)  # the schema was checked by then, apart as well
        end = time.monotonic() + 30
        while not children(process.pid) and asking.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        process.terminate()
        _, stderr = process.communicate(timeout=30)
        asking.join(30)
    records = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [record["event"] for record in records] == ["call.begin", "call.end"]
    assert (records[1]["status"], records[1]["total_tokens"]) == (replies[0].status, 15)
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.sqlite")) as database:
        assert database.execute("SELECT tokens FROM account").fetchall() == [(15,)]
    logged = [json.loads(line) for line in stderr.splitlines() if '"event":"request"' in line]
    assert [line["status"] for line in logged] == [replies[0].status]


def test_a_client_that_does_not_read_does_not_hold_up_the_end(program, serving, key, call):
    """Its connection is left behind, and the exit code is that of a drain."""
    sent = []

    async def flood(_request):
        async def body():
            while True:
                yield event
                sent.append(1)
                await asyncio.sleep(0)

        chunk = {"model": "m", "choices": [{"index": 0, "delta": {"content": "x" * 65_536}}]}
        event = f"data: {json.dumps(chunk)}\n\n"
        return StreamingResponse(body(), media_type="text/event-stream")

    with serving(Starlette(routes=[Route("/v1/chat/completions", flood, methods=["POST"])])) as upstream:
        environment = {"OPENROUTER_API_KEY": key, "LLM_CONNECT_OPENROUTER_BASE_URL": f"{upstream}/v1"}
        with program("serve", "--port", "0", "--drain-seconds", "1", environment=environment) as process:
            host, _, port = process.url.removeprefix("http://").partition(":")
            with socket.create_connection((host, int(port))) as client:
                body = json.dumps(
                    {
                        "model": "custodian-triage-balanced",
                        "messages": [{"role": "user", "content": "x"}],
                        "stream": True,
                    }
                ).encode()
                head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                client.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                end = time.monotonic() + 20
                while not sent or len(sent) != (before := len(sent)) or time.sleep(0.3) or len(sent) != before:
                    assert time.monotonic() < end
                process.terminate()
                _, stderr = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in stderr
