"""The simulator as an aiohttp application: chat completions, whole and streamed, the key's own page, key management.

Source of the shapes: OpenRouter's API reference ("Create a chat completion", "Streaming", "Get the current API key");
`management` names that of the rest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from llm_connect.common import strict_json
from llm_connect.simulator import faults
from llm_connect.simulator.account import Account, ManagedKey
from llm_connect.simulator.completions import NotSimulated, Wanted, completion, wanted
from llm_connect.simulator.failures import FAILURES, error_body
from llm_connect.simulator.management import PAGE, Management, bearer_of
from llm_connect.simulator.refusals import Refused
from llm_connect.simulator.streaming import STREAM_FAILURES, respond_with_stream

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from llm_connect.simulator.key import AcceptedKey

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PREFIX = "simulate/"
HEADER = "x-simulate"
_MAX_BODY_BYTES = 64 * 1024 * 1024
_SHUTDOWN_SECONDS = 1.0


class Simulator:
    """The handlers, and the account whose keys are accepted.

    Args:
        key: the key that is there from the start.
        latency_ms: how long each completion takes at least.
        limit_usd: the key's credit; when it is used up, completions are answered with 402.
        management_key: the key that manages the others; without one nobody does.
        page: how many keys a page of the list has.
    """

    def __init__(
        self,
        key: AcceptedKey,
        latency_ms: int = 0,
        limit_usd: float = 10.0,
        management_key: AcceptedKey | None = None,
        page: int = PAGE,
    ) -> None:
        self.account = Account()
        self.account.add(ManagedKey(key, "there from the start", limit=limit_usd))
        self.faults = faults.Faults()
        self._management = Management(self.account, management_key, self.faults, page)
        self._latency_seconds = latency_ms / 1000

    def application(self) -> web.Application:
        """The application."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[_errors, self._lie])
        app.router.add_route("POST", "/api/v1/chat/completions", self.complete, name="complete")
        app.router.add_route("GET", "/api/v1/key", self.show_key, name="show-own-key")
        self._management.add_to(app)
        return app

    @web.middleware
    async def _lie(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The false answer that was chosen for this operation; what was asked for may happen nevertheless."""
        fault = self.faults.next(request.match_info.route.name or "")
        if fault is None:
            return await handler(request)
        if fault.done:
            await handler(request)
        return await faults.respond(fault, request)

    async def show_key(self, request: web.Request) -> web.StreamResponse:
        """Limit and use of the key that asks."""
        if self._management.is_management_key(bearer_of(request)):
            return web.json_response({"data": {"label": "management", "limit": None, "is_management_key": True}})
        page = self._authenticate(request).page()
        shown = ("label", "limit", "limit_remaining", "limit_reset", "include_byok_in_limit", "usage", "expires_at")
        data = {name: page[name] for name in shown}
        return web.json_response({"data": data | {"is_free_tier": False, "is_management_key": False}})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """One completion, or the failure that was asked for."""
        key = self._authenticate(request)
        asked = _asked(await request.read())
        failure = _failure(request, asked.model)
        if key.limit is not None and key.used >= key.limit:
            raise Refused(402, "Insufficient credits", "payment_required")
        await asyncio.sleep(self._latency_seconds)
        whole = _completion(asked, key)
        if asked.stream:
            return await respond_with_stream(request, asked, whole, failure, FAILURES.get(failure or ""))
        if failure is None:
            return web.json_response(whole)
        if failure not in FAILURES:
            raise Refused(400, f"{failure} is for streams only", "invalid_request")
        return await FAILURES[failure].respond(request, whole)

    def _authenticate(self, request: web.Request) -> ManagedKey:
        bearer = bearer_of(request)
        if self._management.is_management_key(bearer):
            raise Refused(403, "Management keys cannot be used for completions", "forbidden")
        found = self.account.accepted(bearer)
        if found is None:
            raise Refused(401, "No auth credentials found", "authentication")
        return found


def _completion(asked: Wanted, key: ManagedKey) -> dict[str, object]:
    try:
        whole = completion(asked)
    except NotSimulated as error:
        raise Refused(400, str(error), "invalid_request") from None
    key.used += whole["usage"]["cost"]
    return whole


async def serve(app: web.Application, sock: socket.socket, stopped: asyncio.Event) -> None:
    """Serve the application on a bound socket until `stopped` is set."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.SockSite(runner, sock, backlog=2048).start()
        await stopped.wait()
    finally:
        await runner.cleanup()


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refused as refused:
        return web.json_response(refused.body, status=refused.code)
    except web.HTTPException as error:
        message = "there are POST /api/v1/chat/completions, GET /api/v1/key, and the key management under /api/v1/keys"
        return web.json_response(error_body(error.status_code, message, "not_found"), status=error.status_code)


def _failure(request: web.Request, model: str) -> str | None:
    name = request.headers.get(HEADER) or (model.removeprefix(PREFIX) if model.startswith(PREFIX) else None)
    known = (*FAILURES, *STREAM_FAILURES)
    if name is not None and name not in known:
        raise Refused(400, f"unknown failure to simulate; choose one of {', '.join(known)}", "invalid_request")
    return name


def _asked(octets: bytes) -> Wanted:
    try:
        return wanted(strict_json.loads(octets))
    except strict_json.NotJson as error:
        raise Refused(400, f"the body is not valid JSON: {error}", "invalid_request") from None
    except NotSimulated as error:
        raise Refused(400, str(error), "invalid_request") from None
