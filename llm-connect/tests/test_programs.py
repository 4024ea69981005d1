"""The programs as their users run them: processes, signals, exit codes, help."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from free_ports import refusing_port

from llm_connect.commands.smoke_checks import checks
from llm_connect.common.secret import Secret
from llm_connect.simulator.app import Simulator
from llm_connect.simulator.key import FixedKey

PROGRAM = Path(sys.executable).parent / "llm-connect"
VERBS = ["serve", "smoke", "profiles", "simulate-openrouter"]


@pytest.fixture(scope="module")
def gateway_program(program, simulator, key):
    """`llm-connect serve`, with the key in a memory file as warden hands it over."""
    descriptor = os.memfd_create("key")
    os.write(descriptor, key.encode())
    environment = {
        "OPENROUTER_API_KEY_FILE": f"/proc/self/fd/{descriptor}",
        "LLM_CONNECT_OPENROUTER_BASE_URL": simulator,
    }
    with program("serve", "--port", "0", environment=environment, pass_fds=[descriptor]) as process:
        os.close(descriptor)
        yield process


def test_serve_announces_where_it_listens_and_answers_there(gateway_program, call):
    assert call("GET", f"{gateway_program.url}/ready").status == 200
    assert call("POST", f"{gateway_program.url}/execute", {"prompt": "hello"}).status == 200


def test_smoke_is_ok(gateway_program, run):
    found = run("smoke", "--url", gateway_program.url)
    assert (found.returncode, found.stderr) == (0, "")
    assert [line.split()[:3] for line in found.stdout.splitlines()] == [
        ["ok", "health", "200"],
        ["ok", "ready", "200"],
        ["ok", "execute", "200"],
    ]


def test_smoke_fails_where_the_answer_lacks_its_fields(gateway, run):
    found = run("smoke", "--url", gateway, "--profile", "prose", "--json")
    assert found.returncode == 1
    document = json.loads(found.stdout)
    assert [check["ok"] for check in document["checks"]] == [True, True, False]
    assert "not a triage report" in document["checks"][2]["found"]


def test_smoke_says_when_nothing_answers(run):
    with refusing_port() as port:
        found = run("smoke", "--url", f"http://127.0.0.1:{port}", "--json")
    assert (found.returncode, found.stdout) == (3, "")
    assert json.loads(found.stderr)["kind"] == "unreachable"


@pytest.fixture(scope="module")
def slow_provider(serving, key):
    """The environment for a gateway to a provider that takes 0.9 s."""
    with serving(Simulator(FixedKey(Secret(key)), latency_ms=900).application()) as url:
        yield {"OPENROUTER_API_KEY": key, "LLM_CONNECT_OPENROUTER_BASE_URL": f"{url}/api/v1"}


@pytest.mark.parametrize("url", ["ftp://host", "host:8080", "http://", "http://[::1", "http://a b/", "http://a:99999"])
def test_smoke_wants_a_url(url):
    with pytest.raises(ValueError, match=re.escape(url)):
        next(checks(url, "p", 1))


def test_output_that_cannot_be_written_is_reported():
    with open("/dev/full", "w") as full:
        found = subprocess.run([PROGRAM, "profiles"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (found.returncode, found.stderr) == (
        1,
        "llm-connect: cannot write to standard output (No space left on device).\n",
    )


def until_under_way(call, url, state="under_way"):
    """Wait until a call is under way there, or in another state."""
    while f'llm_connect_calls{{state="{state}"}} 1.0' not in call("GET", f"{url}/metrics").octets.decode():
        time.sleep(0.02)


def given_up(call, url, replies, name):
    reply = call("POST", f"{url}/execute", {"prompt": "hello"})
    replies[name] = (reply.status, reply.json["type"], reply.headers["x-should-retry"])


def takes_connections(address):
    try:
        socket.create_connection(address).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_second_signal_ends_at_once(program, simulator, call, key):
    environment = {"OPENROUTER_API_KEY": key, "LLM_CONNECT_OPENROUTER_BASE_URL": simulator}
    environment["LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL"] = "simulate/silent"
    with program("serve", "--port", "0", environment=environment) as process:
        address = tuple(process.url.removeprefix("http://").split(":"))
        with socket.create_connection(address) as client:
            body = b'{"prompt": "hello"}'
            head = "POST /execute HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json"
            client.sendall(f"{head}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            until_under_way(call, process.url)
            process.send_signal(signal.SIGINT)
            while takes_connections(address):  # until it has taken the first one in
                time.sleep(0.02)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_lets_the_request_under_way_finish(program, slow_provider, call, number, code):
    replies = []
    with program("serve", "--port", "0", environment=slow_provider) as process:
        url = f"{process.url}/execute"
        thread = threading.Thread(target=lambda: replies.append(call("POST", url, {"prompt": "hello"})))
        thread.start()
        until_under_way(call, process.url)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=10)
        thread.join(10)
    assert replies[0].status == 200
    assert (process.returncode, stdout) == (code, "")
    assert "Traceback" not in stderr
    assert all(json.loads(line)["level"] == "info" for line in stderr.splitlines())


def test_a_request_that_outlives_the_drain_is_given_up_with_an_answer(program, simulator, call, key, tmp_path):
    """One that waited for its place may be sent again: nothing was called for it."""
    (tmp_path / "llm-connect.toml").write_text("[server]\nmax_concurrency = 1\n")
    environment = {
        "LLM_CONNECT_CONFIG": str(tmp_path),
        "OPENROUTER_API_KEY": key,
        "LLM_CONNECT_OPENROUTER_BASE_URL": simulator,
        "LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL": "simulate/silent",
    }
    replies = {}
    with program("serve", "--port", "0", "--drain-seconds", "0", environment=environment) as process:
        threads = []
        for state in ("under_way", "waiting"):
            threads.append(threading.Thread(target=given_up, args=(call, process.url, replies, state)))
            threads[-1].start()
            until_under_way(call, process.url, state)
        process.terminate()
        _, stderr = process.communicate(timeout=10)
        for thread in threads:
            thread.join(10)
    assert process.returncode == 0
    assert replies == {"under_way": (503, "stopping", "false"), "waiting": (503, "stopping", "true")}
    assert "Traceback" not in stderr


def test_a_bad_environment_is_reported_whole_before_anything_starts(run, key):
    environment = {
        "OPENROUTER_API_KEY": key,
        "OPENROUTER_API_KEY_FILE": "/nowhere",
        "LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS": "many",
        "LLM_CONNECT_OPENROUTER_BASE_URL": "http://elsewhere.example/",
    }
    found = run("serve", "--port", "0", environment=environment)
    assert (found.returncode, found.stdout) == (2, "")
    for name in (
        "unset OPENROUTER_API_KEY",
        "_MAX_TOKENS: is not valid",
        "_BASE_URL: would send the key unencrypted",
    ):
        assert name in found.stderr
    assert key not in found.stderr


def test_a_taken_port_is_reported(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = run("serve", "--port", str(taken.getsockname()[1]))
    assert found.returncode == 1
    assert "the port is in use; nothing was started" in found.stderr


def test_a_host_that_is_none_is_reported(run, tmp_path):
    config = tmp_path / "llm-connect.toml"
    config.write_text(f'[callers.static]\nops = {{sha256 = "{"0" * 64}"}}\n')
    found = run("serve", "--port", "0", "--host", "no such host", "--config", str(config))
    assert found.returncode == 1
    assert "cannot listen on no such host" in found.stderr


@pytest.mark.parametrize("arguments", [[], ["--key-file", "a", "--key-env", "B"]])
def test_the_simulator_wants_one_key(run, arguments):
    found = run("simulate-openrouter", *arguments)
    assert found.returncode == 2
    assert "--key-file PATH and --key-env NAME" in found.stderr


def test_the_simulator_announces_its_base_url(program, tmp_path, call):
    path = tmp_path / "key"
    path.write_text("first-key-value\n")
    with program("simulate-openrouter", "--key-file", str(path)) as process:
        assert process.url.endswith("/api/v1")
        assert call("GET", f"{process.url}/key", headers={"authorization": "Bearer first-key-value"}).status == 200
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert (process.returncode, stderr) == (130, "")


def test_profiles_as_a_table_and_as_json(run):
    environment = {"LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS": "4000"}
    table = run("profiles", environment=environment).stdout
    assert "custodian-triage-balanced · default" in table
    assert "  max_tokens          4000                            LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS" in table
    (profile,) = json.loads(run("profiles", "--json", environment=environment).stdout)
    assert (profile["max_tokens"], profile["default"]) == (4000, True)
    assert profile["overridden"] == {"max_tokens": "LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS"}


def test_profiles_tell_what_the_file_declares(run, tmp_path):
    config = tmp_path / "a.toml"
    config.write_text(
        '[profiles.x]\nprovider = "simulate"\nmodel = "a/b"\nprices = {prompt = 1, completion = 2}\n'
        'fallbacks = [{provider = "openrouter", model = "c/d"}]\n'
    )
    table = run("profiles", "--config", str(config)).stdout.partition("\nx\n")[2]
    assert [line.split() for line in table.splitlines()[:2]] == [
        ["provider", "simulate", "file"],
        ["model", "a/b", "file"],
    ]
    assert "  fallbacks           openrouter c/d                  file" in table
    assert "  prices              1 / 2 / 0 USD                   file" in table
    assert json.loads(run("profiles", "--json", "--config", str(config)).stdout)[1]["prices"]["completion"] == 2


def test_with_json_an_error_is_json_on_standard_error(run):
    found = run("profiles", "--json", environment={"LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL": "x"})
    assert (found.returncode, found.stdout) == (2, "")
    assert set(json.loads(found.stderr)) == {"code", "kind", "system", "subject", "message", "hint", "faults"}


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_a_sentence_and_two_examples(run, verb):
    found = run(verb, "--help")
    assert found.returncode == 0
    examples = found.stdout.partition("Examples:")[2].split("\n")
    assert len([line for line in examples if f"llm-connect {verb}" in line]) == 2


def test_profiles_needs_no_http_server():
    code = "import sys, llm_connect.commands.profiles; sys.exit('granian' in sys.modules or 'aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_log_that_cannot_be_written_costs_its_lines_and_nothing_else(program, simulator, key, call):
    environment = {"OPENROUTER_API_KEY": key, "LLM_CONNECT_OPENROUTER_BASE_URL": simulator}
    before = ("sh", "-c", 'exec "$0" "$@" 2>/dev/full')
    with program("serve", "--port", "0", environment=environment, before=before) as process:
        connection = http.client.HTTPConnection(process.url.removeprefix("http://"))
        for _ in range(3):  # on one connection, which an exception would have closed
            connection.request("POST", "/execute", b'{"prompt": "hello"}', {"content-type": "application/json"})
            assert connection.getresponse().read()
            assert connection.sock is not None
        connection.close()
        counted = call("GET", f"{process.url}/metrics").octets.decode()
    assert 'llm_connect_requests_total{path="/execute",status="200",type=""} 3.0' in counted
