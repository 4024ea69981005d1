"""One row for each failure of a provider: what the caller gets."""

from __future__ import annotations

import socket

import pytest
from free_ports import refusing_port

from llm_connect.simulator.failures import FAILURES

# by failure: status, error, type, provider_status and Retry-After
MAPPING = {
    "400": (400, "bad_request", "provider_refused_request", 400, None),
    "401": (502, "provider", "provider_key_refused", 401, None),
    "402": (502, "provider", "provider_credit", 402, None),
    "403": (502, "provider", "provider_forbidden", 403, None),
    "404": (404, "not_found", "provider_no_endpoint", 404, None),
    "408": (504, "timeout", "provider_timeout", 408, None),
    "429": (429, "rate_limited", "provider_rate_limit", 429, "7"),
    "500": (502, "provider", "provider_error", 500, None),
    "502": (502, "provider", "provider_down", 502, None),
    "503": (502, "provider", "provider_unavailable", 503, "3"),
    "504": (504, "timeout", "provider_timeout", 504, None),
    "error-in-200": (502, "provider", "provider_down", 502, None),
    "error-in-choice": (429, "rate_limited", "provider_rate_limit", 429, None),
    "finish-error": (502, "provider", "provider_error", 200, None),
    "empty-choices": (502, "provider", "provider_empty", 200, None),
    "no-content": (502, "provider", "provider_empty", 200, None),
    "no-model": (502, "provider", "provider_malformed", 200, None),
    "not-json": (502, "provider", "provider_not_json", 200, None),
    "html-502": (502, "provider", "provider_down", 502, None),
    "not-object": (502, "provider", "provider_not_json", 200, None),
    "empty-body": (502, "provider", "provider_not_json", 200, None),
    "huge": (502, "provider", "provider_too_large", 200, None),
    "redirect": (502, "provider", "provider_error", 307, None),
    "echo-key": (502, "provider", "provider_key_refused", 401, None),
    "silent": (504, "timeout", "deadline", None, None),
    "stalled": (504, "timeout", "deadline", None, None),
    "reset": (502, "provider", "provider_reset", None, None),
    "reset-midway": (502, "provider", "provider_cut", None, None),
    "cut": (502, "provider", "provider_cut", None, None),
}
# by failure: finish_reason, model, whether content is empty; answers that are usable in part or in whole
ANSWERS = {
    "no-usage": ("stop", "simulate/no-usage", False),
    "other-model": ("stop", "simulate/served-instead", False),
    "truncated": ("length", "simulate/truncated", False),
    "reasoned-away": ("length", "simulate/reasoned-away", True),
    "prose": ("stop", "simulate/prose", False),
}


def test_every_failure_of_the_simulator_is_in_a_table():
    assert set(FAILURES) == set(MAPPING) | set(ANSWERS)


@pytest.mark.parametrize("failure", MAPPING)
def test_failure_becomes_the_documented_error(gateway, call, failure):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": {"model_name": failure}})
    body = reply.json
    assert list(body) == ["error", "message", "type", "provider_status"]
    found = (reply.status, body["error"], body["type"], body["provider_status"], reply.headers.get("retry-after"))
    assert found == MAPPING[failure]


@pytest.mark.parametrize("failure", ANSWERS)
def test_answer_with_a_flaw_is_passed_on_with_the_flaw_visible(gateway, call, failure):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": {"model_name": failure}})
    assert reply.status == 200
    body = reply.json
    assert (body["finish_reason"], body["model"], body["content"] == "") == ANSWERS[failure]


def test_unknown_usage_is_null_and_not_zero(gateway, call):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": {"model_name": "no-usage"}})
    assert reply.json["usage"]["total_tokens"] is None


def test_the_message_repeats_what_the_provider_says(gateway, call):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": {"model_name": "402"}})
    assert "status 402" in reply.json["message"]
    assert "message: Insufficient credits" in reply.json["message"]


def test_a_provider_that_repeats_the_key_does_not_get_it_to_the_caller(gateway, call, key):
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": {"model_name": "echo-key"}})
    assert key[:12].encode() not in reply.octets
    assert "Bearer [key removed]" in reply.json["message"]


def test_a_dead_provider_is_unreachable(gateway_to, call):
    with refusing_port() as port, gateway_to(f"http://127.0.0.1:{port}/v1") as gateway:
        reply = call("POST", f"{gateway}/execute", {"prompt": "hello"})
    assert (reply.status, reply.json["type"], reply.json["provider_status"]) == (502, "provider_unreachable", None)


def test_a_provider_that_speaks_no_http_is_malformed(gateway_to, call):
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        with gateway_to(f"http://127.0.0.1:{listener.getsockname()[1]}/v1") as gateway:
            reply = call("POST", f"{gateway}/execute", {"prompt": "hello"})
        thread.join(5)
    assert (reply.status, reply.json["type"]) == (502, "provider_malformed")


def test_a_plain_server_behind_an_https_url_is_a_tls_error(gateway_to, simulator, call):
    with gateway_to(simulator.replace("http:", "https:")) as gateway:
        reply = call("POST", f"{gateway}/execute", {"prompt": "hello"})
    assert (reply.status, reply.json["type"]) == (502, "provider_tls")


def test_the_deadline_of_the_request_wins_over_the_profile(gateway, call):
    config = {"model_name": "silent", "timeout_seconds": 0.1}
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config})
    assert (reply.status, reply.json["type"]) == (504, "deadline")
    assert "0.1 s" in reply.json["message"]


def test_a_refused_key_is_the_providers_401(simulator, gateway_to, call):
    with gateway_to(simulator, key="sk-or-another-key") as gateway:
        reply = call("POST", f"{gateway}/execute", {"prompt": "hello"})
    assert (reply.status, reply.json["type"], reply.json["provider_status"]) == (502, "provider_key_refused", 401)


def test_a_longer_time_of_the_request_is_not_waited_for(gateway, call):
    config = {"model_name": "silent", "timeout_seconds": 60}  # the profile waits 0.4 s
    reply = call("POST", f"{gateway}/execute", {"prompt": "hello", "config": config})
    assert (reply.status, reply.json["type"]) == (504, "deadline")
    assert "0.4 s" in reply.json["message"]
