"""The gateway as an ASGI application: routes, who calls, and one error shape for each kind of client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llm_connect import __version__
from llm_connect.accounts.audit import Audit, AuditFile, NoAudit
from llm_connect.accounts.budgets import Budgets, NoBudgets
from llm_connect.accounts.ledger import Ledger
from llm_connect.callers.authentication import Doorkeeper
from llm_connect.calls.admission import Admission
from llm_connect.calls.router import Calling
from llm_connect.common.errors import GatewayError, MethodNotAllowed, NotAllowed, NotFound, Unavailable, chat_body
from llm_connect.common.logs import logger, told
from llm_connect.providers.registry import built
from llm_connect.structured.schemas import Schemas
from llm_connect.web.chat_endpoint import ChatEndpoint
from llm_connect.web.exchange import CALLER_GONE, GONE, Exchange
from llm_connect.web.execute_endpoint import ExecuteEndpoint
from llm_connect.web.metrics import CONTENT_TYPE, Metrics
from llm_connect.web.openapi import openapi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from llm_connect.config.settings import Settings
    from llm_connect.providers.port import Provider
    from llm_connect.web.exchange import Receive, Scope, Send

    Endpoint = Callable[[Exchange], Awaitable[None]]

_KEY_LOOK_SECONDS = 1.0
_LAST_SECONDS = 2.0
"""For what was given up at the end to say so: an error as the last event of a stream has one."""
_MODELS = "/v1/models"
_CALLING = frozenset({"/execute", "/v1/chat/completions"})
_WRITTEN = {"audit": "audit record", "budget": "ledger"}
"""What is written before a call, by the first word of the error that there is without it."""
OPEN = frozenset({"/health", "/ready", "/metrics", "/openapi.json"})
"""Paths that need no token: probes and scrapers have none. They tell names and counts, and call nobody."""


class Gateway:
    """The application, with all that it holds while it runs.

    Raises:
        FaultyConfiguration: the ledger or the audit file cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._providers: Mapping[str, Provider] = {}
        self._routes: dict[str, dict[str, Endpoint]] = {}
        self._look: asyncio.Task[None] | None = None
        self._doorkeeper = Doorkeeper(settings.callers)
        self._metrics = Metrics()
        self._admission = Admission(settings.limits.max_concurrency, settings.limits.max_queue)
        self._budgets: Budgets = NoBudgets()
        if settings.budgets and settings.state:
            self._budgets = Ledger(settings.state, settings.budgets)
        self._audit: Audit = NoAudit()
        if settings.audit.file:
            self._audit = AuditFile(settings.audit.file, settings.redactor, content=settings.audit.content)
        self._exchanges: set[asyncio.Task[Any]] = set()
        self.stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._exchange(Exchange(scope, receive, send, self._settings.redactor))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        settings = self._settings
        await self._budgets.open()
        self._providers = built(settings)
        calling = Calling(self._providers, self._budgets)
        shared = (settings, calling, self._admission, Schemas(), self._audit)
        self._routes = {
            "/health": {"GET": self.health},
            "/ready": {"GET": self.ready},
            "/metrics": {"GET": self.metrics},
            "/openapi.json": {"GET": self.openapi},
            "/execute": {"POST": ExecuteEndpoint(*shared)},
            "/v1/chat/completions": {"POST": ChatEndpoint(*shared)},
            _MODELS: {"GET": self.models},
        }
        self._look = asyncio.create_task(self._look_after_keys())

    def stop_soon(self) -> None:
        """No longer ready; what comes is still served."""
        logger.info("stopping")
        self.stopping = True

    async def _stop(self) -> None:
        """What was given up is settled and recorded first: a judgement apart takes a moment to end."""
        if self._exchanges:
            await asyncio.wait(self._exchanges, timeout=_LAST_SECONDS)
        if self._look is not None:
            self._look.cancel()
            with suppress(asyncio.CancelledError):
                await self._look
        for provider in self._providers.values():
            await provider.close()
        await self._doorkeeper.close()
        await self._budgets.close()
        await self._audit.close()

    async def _look_after_keys(self) -> None:
        while True:
            await asyncio.sleep(_KEY_LOOK_SECONDS)
            for ring in self._settings.keys.values():
                with suppress(GatewayError):
                    ring.look()

    async def _exchange(self, exchange: Exchange) -> None:
        self._exchanges.add(exchange.task)
        try:
            endpoint = self._route(exchange)
            if exchange.path not in OPEN:
                await self._admit(exchange)
            await endpoint(exchange)
        except GatewayError as error:
            await self._refuse(exchange, error)
        except asyncio.CancelledError:
            exchange.task.uncancel()  # Python before 3.11.3 takes a later timeout of this task for the cancellation
            await self._given_up(exchange)
        except Exception:  # noqa: BLE001 - the last catch: the caller gets the error shape, the log the place
            logger.exception("unexpected", extra={"fields": {"request_id": exchange.request_id}})
            message = "something unexpected happened in the gateway; its log has the place under this request id"
            await self._refuse(exchange, GatewayError("internal", message))
        finally:
            exchange.over()
            self._told(exchange)
            self._exchanges.discard(exchange.task)

    async def _admit(self, exchange: Exchange) -> None:
        """Find out who calls: for log and record also of whom nothing is taken."""
        try:
            exchange.caller = await self._doorkeeper.admit(exchange.headers.get(b"authorization"))
        except NotAllowed as refused:
            exchange.fields["caller"] = refused.caller
            raise
        exchange.fields["caller"] = exchange.caller

    def _route(self, exchange: Exchange) -> Endpoint:
        by_method = self._routes.get(exchange.path)
        if by_method is None and exchange.path.startswith(f"{_MODELS}/"):
            by_method = {"GET": self.model}
        if by_method is None:
            known = ", ".join(f"{method} {path}" for path, methods in self._routes.items() for method in methods)
            raise NotFound("unknown_path", f"no such path; there are {known}, GET {_MODELS}/NAME")
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in by_method:
            error = MethodNotAllowed("method_not_allowed", f"this path takes {', '.join(by_method)}")
            error.headers["allow"] = ", ".join(by_method)
            raise error
        return by_method[method]

    async def _given_up(self, exchange: Exchange) -> None:
        """The task was cancelled: the caller left, its time is over, or the gateway stops and the drain is over."""
        if exchange.gone:
            exchange.fields["type"] = CALLER_GONE
            self._record(exchange, GONE)
            return
        served = "whether the provider served it is unknown" if exchange.audited else "nothing was called"
        message = f"the gateway is stopping and gave the call up; {served}"
        await self._refuse(
            exchange, exchange.overdue or Unavailable("stopping", message, unbilled=not exchange.audited)
        )

    async def _refuse(self, exchange: Exchange, error: GatewayError) -> None:
        exchange.over()  # from here on nothing may cancel it: it is on its way out
        exchange.fields |= error.told
        self._record(exchange, error.status)
        body = chat_body(error) if exchange.path.startswith("/v1/") else error.body()
        with suppress(TimeoutError, OSError):
            await exchange.error(error, body)

    def _record(self, exchange: Exchange, status: int) -> None:
        """That no call was made, where none was; what was made has its end in the record."""
        if exchange.path in _CALLING and not exchange.audited:
            known = {"request_id": exchange.request_id, "path": exchange.path}
            self._audit.refused(known | {"status": status} | exchange.fields)

    def _told(self, exchange: Exchange) -> None:
        """Log and metrics; a path that is no route of ours is not repeated."""
        path = exchange.path
        if path not in self._routes:
            path = f"{_MODELS}/…" if path.startswith(f"{_MODELS}/") else "(unknown)"
        status, milliseconds, fields = exchange.told_status, exchange.milliseconds, exchange.fields
        place = {"request_id": exchange.request_id, "method": exchange.method, "path": path}
        told(place | {"status": status, "ms": milliseconds} | fields, self._settings.redactor)
        self._metrics.answered(path, status or 0, fields.get("type", ""), milliseconds / 1000, fields)

    async def health(self, exchange: Exchange) -> None:
        """The process lives."""
        await exchange.answer_json(200, {"status": "alive", "version": __version__})

    async def ready(self, exchange: Exchange) -> None:
        """The keys are there, what is written before a call can be, and the gateway is not stopping.

        Nothing is asked or written for it: whether a provider accepts a key is not known here.
        """
        if self.stopping:
            raise Unavailable("stopping", "not ready: the gateway is stopping", unbilled=True)
        if missing := self._settings.missing_keys():
            raise Unavailable("key_missing", f"not ready: {', '.join(missing)} is missing")
        for what, unwritable in self._unwritable().items():
            if unwritable:
                message = f"not ready: the {_WRITTEN[what]} cannot be written, so that calls are refused"
                raise Unavailable(f"{what}_unwritable", message)
        versions = {name: ring.current.version for name, ring in self._settings.keys.items() if ring.current}
        body = {"status": "ready", "profiles": list(self._settings.profiles), "key_versions": versions}
        await exchange.answer_json(200, body | {"key_versions_comparable": self._settings.versions_comparable})

    def _unwritable(self) -> dict[str, bool]:
        """What cannot be written now, by the names of `_WRITTEN`."""
        return {"audit": self._audit.unwritable, "budget": self._budgets.unwritable}

    async def metrics(self, exchange: Exchange) -> None:
        """For Prometheus."""
        text = self._metrics.text(self._admission, self._settings.keys, self._budgets.spent, self._unwritable())
        await exchange.answer(200, text, kind=CONTENT_TYPE)

    async def openapi(self, exchange: Exchange) -> None:
        """The description of all this."""
        await exchange.answer_json(200, openapi(list(self._settings.profiles)))

    async def models(self, exchange: Exchange) -> None:
        """The names that `model` may have, and no others."""
        data = [self._model(name) for name in self._settings.profiles]
        await exchange.answer_json(200, {"object": "list", "data": data})

    async def model(self, exchange: Exchange) -> None:
        """One of them."""
        name = exchange.path.removeprefix(f"{_MODELS}/")
        if name not in self._settings.profiles:
            known = ", ".join(self._settings.profiles)
            raise NotFound("unknown_profile", f"neither a profile nor an allowed model id; there is: {known}")
        await exchange.answer_json(200, self._model(name))

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 0, "owned_by": self._settings.profiles[name].provider}
