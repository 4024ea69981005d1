"""An answer on its way out: what may still cancel it, and what a request that was given up leaves behind."""

from __future__ import annotations

import asyncio
import json

import pytest
from raw_server import full, listening

from llm_connect.config.model import AuditConfig, Budget
from llm_connect.config.profiles import Profile
from llm_connect.providers.port import ProviderConfig


class Connection:
    """ASGI without a server: one request on a connection that the test can end; what is sent takes a turn of the loop.

    Args:
        body: the request's.
        sending: called with each message that is about to be sent.
        before: seconds until the body comes.
        path: of the request.
    """

    def __init__(self, body, sending=lambda _message: None, before=0.0, path="/execute"):
        self.left = asyncio.Event()
        self._received = False
        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        self.scope = {
            "type": "http", "method": "POST", "path": path, "headers": headers,
        }  # fmt: skip
        self._body = json.dumps(body).encode()
        self._sending = sending
        self._before = before
        self.sent = []

    async def receive(self):
        if self._received:
            await self.left.wait()
            return {"type": "http.disconnect"}
        self._received = True
        await asyncio.sleep(self._before)
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message):
        self._sending(message)
        await asyncio.sleep(0)
        self.sent.append(message)

    async def served_by(self, gateway):
        """What is left of the request, as the server finds it: how often its task counts as cancelled."""
        await gateway(self.scope, self.receive, self.send)
        return asyncio.current_task().cancelling()


@pytest.fixture
async def started(gateway_of, simulator):
    """A gateway between its start and its end, without a server."""
    running = []

    async def start(**more):
        gateway = gateway_of(simulator, **more)
        await gateway.start()
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        await gateway.stop()


async def test_a_refusal_on_its_way_out_is_not_cancelled_by_a_caller_who_leaves(started):
    gateway = await started(audit=AuditConfig("/dev/full"))
    connection = Connection({"prompt": "hello"}, lambda _message: connection.left.set())
    await asyncio.wait_for(connection.served_by(gateway), 10)
    assert connection.sent[0]["status"] == 503
    assert json.loads(connection.sent[1]["body"])["type"] == "audit_unwritable"


async def test_a_call_may_take_longer_than_its_body_may_and_ends_with_its_own_deadline(started, monkeypatch):
    """One timer for both: when the time of the body comes, the call's own is looked at."""
    monkeypatch.setattr("llm_connect.web.request_body._BODY_SECONDS", 0.05)
    gateway = await started()
    silent = Connection({"prompt": "hello", "config": {"model_name": "silent"}})  # 0.4 s is all that it has
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(silent.served_by(gateway), 10)
    assert asyncio.get_running_loop().time() - began > 0.3
    assert (silent.sent[0]["status"], json.loads(silent.sent[1]["body"])["type"]) == (504, "deadline")


async def test_a_request_that_was_given_up_leaves_a_task_that_does_not_count_as_cancelled(started):
    """Python before 3.11.3 takes any later timeout in such a task for the cancellation, and ends it with that."""
    gateway = await started()
    prompt = {"prompt": "hello", "config": {"model_name": "silent"}}  # gives no answer; 0.4 s is all that it has
    given_up = Connection(prompt)
    assert await asyncio.wait_for(given_up.served_by(gateway), 10) == 0
    assert (given_up.sent[0]["status"], json.loads(given_up.sent[1]["body"])["type"]) == (504, "deadline")


async def written(audit):
    """What is recorded, as soon as anything is; that follows the answer."""
    async with asyncio.timeout(30):
        while not (found := audit.read_text()):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.05)
    return found


@pytest.mark.parametrize("leaves", [False, True])
async def test_the_time_of_a_call_runs_while_its_schema_waits_to_be_checked(started, monkeypatch, tmp_path, leaves):
    """And its caller may leave meanwhile. Nothing was called then, and the record says so."""
    monkeypatch.setattr("llm_connect.structured.workers._PROCESSES", 0)  # as if others had them all
    audit = tmp_path / "audit.jsonl"
    gateway = await started(audit=AuditConfig(str(audit)))
    recursive = {"properties": {"child": {"$ref": "#"}}}
    config = {"timeout_seconds": 30 if leaves else 0.3, "model_params": {"json_schema": recursive}}
    waiting = Connection({"prompt": "hello", "config": config})
    if leaves:
        asyncio.get_running_loop().call_later(0.2, waiting.left.set)
    await asyncio.wait_for(waiting.served_by(gateway), 10)
    if leaves:
        assert waiting.sent == []
    else:
        assert (waiting.sent[0]["status"], json.loads(waiting.sent[1]["body"])["type"]) == (504, "deadline")
    record = json.loads(await written(audit))
    expected = (499, "caller_gone") if leaves else (504, "deadline")
    assert (record["event"], record["status"], record["type"]) == ("call.refused", *expected)


async def test_a_body_that_came_too_late_for_its_caller_calls_nobody(started, tmp_path):
    """The time counts from the head on. A call that is begun after it would be paid for, and read by nobody."""
    gateway = await started(audit=AuditConfig(str(tmp_path / "audit.jsonl")))
    late = Connection({"prompt": "hello", "config": {"timeout_seconds": 0.1}}, before=0.2)
    await asyncio.wait_for(late.served_by(gateway), 10)
    problem = json.loads(late.sent[1]["body"])
    assert (late.sent[0]["status"], problem["type"]) == (504, "deadline")
    assert "nothing was called" in problem["message"]
    events = [json.loads(line)["event"] for line in (await written(tmp_path / "audit.jsonl")).splitlines()]
    assert events == ["call.refused"]


async def test_a_caller_who_leaves_while_the_record_waits_to_be_written_has_one_line_in_it(
    started, monkeypatch, tmp_path
):
    """A begin without an end would be a call that was under way when the gateway was killed."""
    monkeypatch.setattr("llm_connect.accounts.batch_writer.BatchWriter._plan", lambda _self: None)
    audit = tmp_path / "audit.jsonl"
    gateway = await started(audit=AuditConfig(str(audit)))
    await Connection({"prompt": ""}).served_by(gateway)
    gateway._audit._writer.flush()  # what comes next has to wait for an hour
    leaving = Connection({"prompt": "hello"})
    asyncio.get_running_loop().call_later(0.1, leaving.left.set)
    await asyncio.wait_for(leaving.served_by(gateway), 10)
    assert leaving.sent == []
    gateway._audit._writer.flush()
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(line["event"], line["status"]) for line in lines] == [("call.refused", 400), ("call.refused", 499)]


REFUSED = {"model": "m", "choices": [{"index": 0, "delta": {"content": "prose"}, "finish_reason": "stop"}]}


async def test_a_stream_that_was_refused_ends_with_that_also_where_its_rest_is_given_up(started):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(f"data: {json.dumps(REFUSED)}\n\n: a sign of life\n\n".encode())
        await asyncio.Event().wait()

    def sending(message):
        if message.get("body", b"").startswith(b":"):  # it was judged by then, and nothing follows
            asyncio.get_running_loop().call_soon(task.cancel)

    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    body = {"model": "strict", "messages": [{"role": "user", "content": "x"}], "stream": True, "response_format": form}
    async with listening(serve) as port:
        gateway = await started(
            profiles={"strict": Profile("strict", "local", "m", validation="strict")},
            providers={"local": ProviderConfig("local", "openai", f"http://127.0.0.1:{port}/v1")},
        )
        refused = Connection(body, sending, path="/v1/chat/completions")
        task = asyncio.create_task(refused.served_by(gateway))
        await asyncio.wait_for(task, 30)
    last = refused.sent[-2]["body"].decode().removeprefix("data: ")
    assert json.loads(last)["error"]["type"] == "answer_invalid"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_is_given_up_before_there_is_a_connection_takes_nothing_of_a_budget(
    started, tmp_path, stream
):
    """Nothing was sent. What was, keeps its bound."""
    body = {"model": "away", "messages": [{"role": "user", "content": "x"}], "stream": stream}
    with full("127.0.0.1") as port:
        gateway = await started(
            profiles={"away": Profile("away", "local", "m", max_tokens=100, timeout_seconds=0.4)},
            providers={"local": ProviderConfig("local", "openai", f"http://127.0.0.1:{port}/v1")},
            budgets=(Budget("total", tokens=1000),),
            state=str(tmp_path),
        )
        given_up = Connection(body, path="/v1/chat/completions")
        await asyncio.wait_for(given_up.served_by(gateway), 30)
    assert (given_up.sent[0]["status"], json.loads(given_up.sent[1]["body"])["error"]["type"]) == (504, "deadline")
    assert not any(amount.tokens for amount in gateway._budgets.spent.values())
