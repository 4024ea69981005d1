"""Providers are called through the proxy that the environment names; this machine and the API server never are."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from raw_server import listening

from llm_connect.common.errors import ProviderFailed
from llm_connect.providers.http_client import HttpClient, proxy_for


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://llm.example/v1", "http://secure:1"),
        ("http://llm.example/v1", "http://plain:1"),
        ("https://inside.corp.example/v1", None),
        ("https://127.0.0.1/v1", None),
        ("http://localhost:9000/v1", None),
        ("http://[::1]:9000/v1", None),
    ],
)
def test_which_proxy_is_used(monkeypatch, url, proxy):
    monkeypatch.setenv("HTTPS_PROXY", "http://secure:1")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:1")
    monkeypatch.setenv("NO_PROXY", "corp.example")
    assert proxy_for(url) == proxy


def test_without_a_proxy_it_is_called_directly():
    assert proxy_for("https://llm.example/v1") is None


async def through(proxy, url, monkeypatch, **how):
    """What the proxy was asked, and what came of the request."""
    asked = []

    async def serve(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        writer.write(proxy)
        await writer.drain()
        await asyncio.sleep(0.05)

    async with listening(serve) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        async with contextlib.aclosing(HttpClient(url, **how)) as client:
            try:
                async with client.post(b"{}", {}, 2, 2) as response:
                    return asked, await response.read_all(2)
            except ProviderFailed as error:
                return asked, error


async def test_a_plain_request_names_the_server_to_the_proxy(monkeypatch):
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    asked, found = await through(answer, "http://llm.example/v1", monkeypatch)
    assert (asked, found) == ([b"POST http://llm.example/v1 HTTP/1.1"], b"hi")


async def test_tls_goes_through_a_tunnel_and_a_proxy_that_refuses_it_has_sent_nothing(monkeypatch):
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
    asked, found = await through(refusal, "https://llm.example/v1", monkeypatch)
    assert asked == [b"CONNECT llm.example:443 HTTP/1.1"]
    assert (found.type, found.unbilled) == ("provider_unreachable", True)


async def test_the_api_server_is_called_directly(monkeypatch):
    asked, found = await through(b"", "http://no-such-host.invalid/", monkeypatch, use_proxy=False)
    assert (asked, found.type) == ([], "provider_unreachable")
