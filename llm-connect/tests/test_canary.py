"""A planted key is in no output of any command, at full verbosity, in success and in failure."""

from __future__ import annotations

import base64
import contextlib
import socket

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.simulator.failures import FAILURES

CANARY = "sk-or-v1-CANARY-6f1c1b5e0d7e4c4e9a573f5b0c1d2e3f"
QUIET = {"silent", "stalled"}


def traces(text):
    """The key, half of it, and its base64, where they occur."""
    forms = [CANARY, CANARY[9:], CANARY[: len(CANARY) // 2 + 4], base64.b64encode(CANARY.encode()).decode()]
    return [form for form in forms if form in text]


def test_the_search_finds_what_it_looks_for():
    assert len(traces(f"x{CANARY}y")) == 3


def test_no_command_shows_the_key(program, run, call, tmp_path):
    path, config = tmp_path / "key", tmp_path / "llm-connect.toml"
    path.write_text(f"{CANARY}\n")
    config.write_text("[audit]\ncontent = true\n")
    outputs = []
    with program("simulate-openrouter", "--key-file", str(path), "--log-level", "debug") as simulator:
        environment = {
            "OPENROUTER_API_KEY": CANARY,
            "LLM_CONNECT_OPENROUTER_BASE_URL": simulator.url,
            "PYTHONASYNCIODEBUG": "1",
            "LLM_CONNECT_AUDIT_FILE": str(tmp_path / "audit.jsonl"),
            "LLM_CONNECT_CONFIG": str(config),
        }
        with contextlib.ExitStack() as stack:
            gateways = [
                stack.enter_context(
                    program("serve", "--port", "0", "--log-level", "debug", environment=environment | more)
                )
                for more in (
                    {},
                    {"LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL": "simulate/echo-key"},
                )
            ]
            for gateway in gateways:
                outputs += drive(gateway.url, call)
            smoke = run("smoke", "--url", gateways[1].url, "--json", environment=environment)
            outputs += [smoke.stdout, smoke.stderr, run("profiles", environment=environment).stdout]
            for gateway in gateways:
                gateway.terminate()
                outputs += gateway.communicate(timeout=10)
        simulator.terminate()
        outputs += simulator.communicate(timeout=10)
    outputs.append((tmp_path / "audit.jsonl").read_text())
    assert any('"level":"debug"' in output for output in outputs)
    assert [trace for output in outputs for trace in traces(output)] == []


def drive(url, call):
    bodies = [{"prompt": "hello"}, b"{", {"prompt": "hello", "config": {"model_name": CANARY[:3]}}]
    for body in bodies:
        reply = call("POST", f"{url}/execute", body, {"x-request-id": CANARY, "authorization": "Bearer other"})
        yield reply.octets.decode()
    for stream in (False, True):
        chat = {
            "model": "custodian-triage-balanced",
            "messages": [{"role": "user", "content": CANARY}],
            "stream": stream,
        }
        yield call("POST", f"{url}/v1/chat/completions", chat, {"x-request-id": CANARY}).octets.decode()
    for path in ("ready", "metrics", "openapi.json", "v1/models", f"v1/models/{CANARY}"):
        yield call("GET", f"{url}/{path}").octets.decode()
    yield call("GET", f"{url}/{CANARY[9:]}").octets.decode()
    with socket.create_connection(tuple(url.removeprefix("http://").split(":"))) as broken:
        broken.sendall(f"GET {CANARY} {CANARY}\r\n\r\n".encode())
        yield broken.recv(65536).decode()


def test_wrong_configuration_does_not_show_the_key(run):
    """Also a key pasted into the wrong variable."""
    key = {"OPENROUTER_API_KEY": CANARY}
    environments = [
        key | {"OPENROUTER_API_KEY_FILE": "/nowhere"},
        {"OPENROUTER_API_KEY": f"{CANARY} ", "LLM_CONNECT_OPENROUTER_BASE_URL": f"https://{CANARY}@host/"}
        | {f"LLM_CONNECT_CUSTODIAN_TRIAGE_{name}": CANARY for name in ("PROVIDER", "MODEL", "MAX_TOKENS")},
    ]
    for environment in environments:
        found = run("serve", "--port", "0", "--log-level", "debug", environment=environment)
        assert found.returncode == 2
        assert traces(found.stdout + found.stderr) == []
    found = run("simulate-openrouter", "--key-env", "A_KEY", environment={"A_KEY": f"{CANARY}\n"})
    assert (found.returncode, traces(found.stderr)) == (2, [])


def test_no_failure_of_the_provider_shows_the_key(simulator, gateway_to, gateway, call, key):
    for failure in sorted(set(FAILURES) - QUIET):
        config = {"model_name": failure}
        reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config}, {"x-request-id": key})
        assert key not in reply.octets.decode(), failure


ESCAPED = "".join(f"\\u{ord(letter):04x}" for letter in CANARY)
"""As a provider's JSON may hold it: it is the key again when it has been read."""


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_that_the_provider_writes_in_another_way_does_not_leave_either(serving, gateway_to, call, stream):
    choice = f'{{"index": 0, "finish_reason": "stop", "%s": {{"role": "assistant", "content": "{ESCAPED}"}}}}'
    body = '{"id": "1", "model": "m", "choices": [' + choice % ("delta" if stream else "message") + "]}"

    async def echo(_request):
        kind = "text/event-stream" if stream else "application/json"
        return PlainTextResponse(f"data: {body}\n\ndata: [DONE]\n\n" if stream else body, media_type=kind)

    name = CUSTODIAN_TRIAGE.name
    chat = {"model": name, "messages": [{"role": "user", "content": "hello"}], "stream": stream}
    with (
        serving(Starlette(routes=[Route("/v1/chat/completions", echo, methods=["POST"])])) as upstream,
        gateway_to(f"{upstream}/v1", {name: CUSTODIAN_TRIAGE}, CANARY) as url,
    ):
        reply = call("POST", f"{url}/v1/chat/completions", chat)
    assert reply.status == 200
    assert b"[key removed]" in reply.octets
    assert traces(reply.octets.decode()) == []
