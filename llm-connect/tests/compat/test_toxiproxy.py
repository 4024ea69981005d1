"""A bad network between gateway and provider, by toxiproxy: each way ends as the documented error, in time."""

from __future__ import annotations

import time
from dataclasses import replace

import openai
import pytest
from free_ports import free_port
from listeners import listening
from openai import OpenAI

from llm_connect.config.profiles import CUSTODIAN_TRIAGE

PROFILE = replace(
    CUSTODIAN_TRIAGE, name="far", timeout_seconds=20, first_byte_seconds=1.5, idle_seconds=1.5, progress_seconds=1.5,
    connect_seconds=1, retries=0,
)  # fmt: skip
PATIENT = replace(PROFILE, name="patient", first_byte_seconds=8, idle_seconds=8, progress_seconds=8)
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def network(toxiproxy_server, simulator, gateway_to, call):
    """(client of a gateway behind the proxy, a function that sets the proxy's toxics).

    A proxy and a gateway for each test: toxiproxy 2.5 does not answer for good when a toxic is removed in the moment
    in which its connection ends (`ToxicLink.RemoveToxic` waits for a stub that is gone), so none is ever removed.
    """
    port, proxied = free_port(), free_port()
    api = f"http://127.0.0.1:{port}"
    with listening([toxiproxy_server, "-port", str(port), "-host", "127.0.0.1"], port):
        upstream = simulator.removeprefix("http://").partition("/")[0]
        proxy = {"name": "provider", "listen": f"127.0.0.1:{proxied}", "upstream": upstream}
        assert call("POST", f"{api}/proxies", proxy).status == 201

        def toxics(*wanted, enabled=True):
            for type_, attributes in wanted:
                toxic = {"name": type_, "type": type_, "stream": "downstream", "attributes": attributes}
                assert call("POST", f"{api}/proxies/provider/toxics", toxic).status == 200
            assert call("POST", f"{api}/proxies/provider", {"enabled": enabled}).status == 200

        base = f"http://127.0.0.1:{proxied}/api/v1"
        with (
            gateway_to(base, {"far": PROFILE, "patient": PATIENT}) as url,
            OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client,
        ):
            yield client, toxics


def failure_of(client, *, stream):
    """Type of the error, and whether anything came before it."""
    seen = []
    with pytest.raises(openai.APIError) as found:
        seen.extend(client.chat.completions.create(model="far", messages=HELLO, stream=stream))
    return found.value.type, bool(seen)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("toxic", "types"),
    [
        (("reset_peer", {"timeout": 0}), {"provider_reset", "provider_cut"}),
        (("timeout", {"timeout": 0}), {"provider_first_byte", "provider_idle"}),
        (("timeout", {"timeout": 300}), {"provider_reset", "provider_cut"}),
        (("latency", {"latency": 6000}), {"provider_first_byte", "provider_idle"}),
        (("limit_data", {"bytes": 40}), {"provider_reset", "provider_cut", "provider_malformed"}),
        (("limit_data", {"bytes": 500}), {"provider_reset", "provider_cut"}),
    ],
    ids=["reset", "nothing", "nothing, then closed", "latency", "cut in the head", "cut in the body"],
)
def test_it_ends_as_the_documented_error_in_time(network, toxic, types, stream):
    client, toxics = network
    toxics(toxic)
    type_, _ = failure_of(client, stream=stream)
    assert type_ in types  # in time: else it were `deadline`, the end of all patience


def test_a_provider_that_is_not_there(network):
    client, toxics = network
    toxics(enabled=False)
    assert failure_of(client, stream=False) == ("provider_unreachable", False)


def test_a_stream_that_is_cut_after_its_beginning_is_no_whole_one(network):
    client, toxics = network
    toxics(("limit_data", {"bytes": 1200}))
    assert failure_of(client, stream=True) == ("provider_cut", True)


@pytest.mark.parametrize(
    "toxic",
    [
        ("latency", {"latency": 400, "jitter": 100}),
        ("bandwidth", {"rate": 2}),
        ("slow_close", {"delay": 3000}),
        ("slicer", {"average_size": 7, "size_variation": 3, "delay": 200}),
    ],
    ids=lambda toxic: toxic[0],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_only_slow_arrives_whole(network, toxic, stream):
    client, toxics = network
    toxics(toxic)
    answer = client.chat.completions.create(model="patient", messages=HELLO, stream=stream)
    if stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    else:
        text = answer.choices[0].message.content
    assert text == "Simulated answer to a prompt of 5 characters."


def test_a_slow_close_does_not_hold_the_answer_up(network):
    client, toxics = network
    delay = 5
    toxics(("slow_close", {"delay": delay * 1000}))
    started = time.monotonic()
    client.chat.completions.create(model="far", messages=HELLO)
    assert time.monotonic() - started < delay
