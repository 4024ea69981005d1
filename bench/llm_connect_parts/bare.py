"""A gateway in Python that does nothing: ASGI on uvicorn, aiohttp behind it, bytes passed on and not looked at.

It shows how much of what llm-connect adds is Python on this machine. Runs in .venv-bench; QUICK and SLOW are the ports
of the two upstreams.
"""

import os
from typing import Any

import aiohttp

sessions: list[aiohttp.ClientSession] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    port = os.environ[scope["path"].split("/")[1].upper()]
    url, headers = f"http://127.0.0.1:{port}/v1/chat/completions", {"content-type": "application/json"}
    async with sessions[0].post(url, data=body, headers=headers) as answer:
        given = (b"content-type", answer.headers["content-type"].encode())
        await send({"type": "http.response.start", "status": answer.status, "headers": [given]})
        async for piece in answer.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def lifespan(receive: Any, send: Any) -> None:
    await receive()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        sessions.append(session)
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
