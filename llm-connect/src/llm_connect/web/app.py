"""The gateway as an ASGI application: routes, authentication, and one shape of error for each kind of client."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llm_connect import __version__
from llm_connect.accounts.audit import Audit, AuditFile, NoAudit
from llm_connect.accounts.budgets import Budgets, NoBudgets
from llm_connect.callers.authentication import Authenticator
from llm_connect.calls.admission import Admission
from llm_connect.calls.router import Router
from llm_connect.common.errors import GatewayError, MethodNotAllowed, NotAllowed, NotFound, Unavailable, openai_error
from llm_connect.common.logs import logger
from llm_connect.providers.port import Connection
from llm_connect.providers.registry import KINDS
from llm_connect.structured.schemas import Schemas
from llm_connect.web.call_endpoint import Shared
from llm_connect.web.chat_endpoint import ChatEndpoint
from llm_connect.web.exchange import CALLER_GONE, CLIENT_CLOSED, Exchange
from llm_connect.web.execute_endpoint import ExecuteEndpoint
from llm_connect.web.metrics import CONTENT_TYPE, Metrics
from llm_connect.web.openapi import openapi
from llm_connect.web.request_body import RequestBodies
from llm_connect.web.request_head import check_host, check_local, check_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from llm_connect.config.settings import Settings
    from llm_connect.providers.port import Provider
    from llm_connect.web.exchange import Receive, Scope, Send

    Endpoint = Callable[[Exchange], Awaitable[None]]

_KEY_CHECK_SECONDS = 1.0
_ABORT_SECONDS = 2.0
"""For requests that were aborted to end: a stream has an error as its last event."""
_MODELS = "/v1/models"
_CALLING_PATHS = frozenset({"/execute", "/v1/chat/completions"})
_WRITTEN = {"audit": "audit record", "budget": "ledger"}
"""What is written before a call, by the first word of the error type when that fails."""
OPEN_PATHS = frozenset({"/health", "/ready", "/metrics", "/openapi.json"})
"""Paths that need no token, because probes and scrapers have none. They show names and counts, and call nobody."""


class Gateway:
    """The application, and everything that it holds while it runs.

    Raises:
        ConfigurationError: the ledger or the audit file cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._providers: Mapping[str, Provider] = {}
        self._routes: dict[str, dict[str, Endpoint]] = {}
        self._key_checks: asyncio.Task[None] | None = None
        self._authenticator = Authenticator(settings.callers)
        self._metrics = Metrics()
        several = len(settings.callers.names) > 1
        self._admission = Admission(settings.limits.max_concurrency, settings.limits.max_queue, several=several)
        self._bodies = RequestBodies(settings.limits.max_body_bytes, several=several)
        self._schemas = Schemas()
        self._budgets = _budgets(settings)
        self._audit: Audit = NoAudit()
        if settings.audit.file:
            self._audit = AuditFile(settings.audit.file, settings.redactor, content=settings.audit.content)
        self._in_progress: set[asyncio.Task[Any]] = set()
        self.draining = False

    async def start(self) -> None:
        """Open the ledger and the providers; requests can be answered from then on."""
        settings = self._settings
        await self._budgets.open()
        self._providers = {name: self._provider(name) for name in settings.providers}
        router = Router(self._providers, self._budgets)
        shared = Shared(settings, router, self._bodies, self._admission, self._schemas, self._audit)
        self._routes = {
            "/health": {"GET": self.health},
            "/ready": {"GET": self.ready},
            "/metrics": {"GET": self.metrics},
            "/openapi.json": {"GET": self.openapi},
            "/execute": {"POST": ExecuteEndpoint(shared)},
            "/v1/chat/completions": {"POST": ChatEndpoint(shared)},
            _MODELS: {"GET": self.models},
        }
        self._key_checks = asyncio.create_task(self._check_keys())

    def _provider(self, name: str) -> Provider:
        settings, config = self._settings, self._settings.providers[name]
        connection = Connection(settings.redactor, settings.keys.get(name), settings.tls.get(name))
        return KINDS[config.kind].build(config, connection)

    def drain(self) -> None:
        """Report not ready; requests are still answered."""
        logger.info("stopping")
        self.draining = True

    def abort(self) -> None:
        """Give up the requests in progress; each of them gets an error as its answer."""
        for task in self._in_progress:
            task.cancel()

    async def stop(self) -> None:
        """Close everything. What was aborted is settled and recorded first: a validation process takes a moment."""
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=_ABORT_SECONDS)
        if self._key_checks is not None:
            self._key_checks.cancel()
            with suppress(asyncio.CancelledError):
                await self._key_checks
        for provider in self._providers.values():
            await provider.close()
        await self._authenticator.close()
        await self._schemas.close()
        await self._budgets.close()
        await self._audit.close()

    async def _check_keys(self) -> None:
        while True:
            await asyncio.sleep(_KEY_CHECK_SECONDS)
            for keyring in self._settings.keys.values():
                with suppress(GatewayError):
                    keyring.refresh()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; see the ASGI specification."""
        exchange = Exchange(scope, receive, send, self._settings.redactor)
        self._in_progress.add(exchange.task)
        try:
            check_once(scope["headers"])
            check_host(exchange.headers, optional=exchange.is_http_1_0)
            if not self._settings.callers.declared:
                check_local(exchange.headers)
            endpoint = self._route(exchange)
            if exchange.path not in OPEN_PATHS and exchange.method != "OPTIONS":
                await self._authenticate(exchange)
            await endpoint(exchange)
        except GatewayError as error:
            await self._refuse(exchange, error)
        except asyncio.CancelledError:
            exchange.task.uncancel()  # Python before 3.11.3 would take a later timeout in this task for a cancellation
            await self._end_cancelled(exchange)
        except Exception:  # noqa: BLE001 - the last catch: the caller gets an error, the log the stack
            logger.exception("unexpected", extra={"fields": {"request_id": exchange.request_id}})
            message = "something unexpected happened in the gateway; its log has the details under this request id"
            await self._refuse(exchange, GatewayError("internal", message))
        finally:
            exchange.close()
            self._log(exchange)
            self._in_progress.discard(exchange.task)

    async def _authenticate(self, exchange: Exchange) -> None:
        """Find out who calls; log and record name also a caller who is not allowed."""
        try:
            exchange.caller = await self._authenticator.authenticate(
                exchange.headers.get(b"authorization"), exchange.address
            )
        except NotAllowed as refused:
            exchange.fields["caller"] = refused.caller
            raise
        exchange.fields["caller"] = exchange.caller

    def _route(self, exchange: Exchange) -> Endpoint:
        if exchange.method == "OPTIONS" and exchange.path == "*":
            return self.options
        by_method = self._methods(exchange.path)
        if by_method is None:
            known = ", ".join(f"{method} {path}" for path, methods in self._routes.items() for method in methods)
            raise NotFound("unknown_path", f"path not found; there are {known}, GET {_MODELS}/NAME")
        if exchange.method == "OPTIONS":
            return self.options
        method = "GET" if exchange.method == "HEAD" else exchange.method
        if method not in by_method:
            allowed = _allow(by_method)
            error = MethodNotAllowed("method_not_allowed", f"this path accepts {allowed}")
            error.headers["allow"] = allowed
            raise error
        return by_method[method]

    def _methods(self, path: str) -> Mapping[str, Endpoint] | None:
        return {"GET": self.model} if path.startswith(f"{_MODELS}/") else self._routes.get(path)

    async def _end_cancelled(self, exchange: Exchange) -> None:
        """The task was cancelled: the caller left, its time is over, or the gateway stops."""
        if exchange.gone:
            exchange.fields["type"] = CALLER_GONE
            self._record(exchange, CLIENT_CLOSED)
            return
        served = "whether the provider served it is unknown" if exchange.audited else "nothing was called"
        message = f"the gateway is stopping and gave the call up; {served}"
        stopping = Unavailable("stopping", message, unbilled=not exchange.audited)
        await self._refuse(exchange, exchange.overdue or stopping)

    async def _refuse(self, exchange: Exchange, error: GatewayError) -> None:
        exchange.release()  # the answer is on its way: from here on nothing may cancel it
        exchange.fields |= error.log_fields
        self._record(exchange, error.status)
        body = openai_error(error) if exchange.path.startswith("/v1/") else error.body()
        with suppress(TimeoutError, OSError):
            await exchange.error(error, body)

    def _record(self, exchange: Exchange, status: int) -> None:
        """Record that no call was made, where none was; a call that was made has its own end in the record."""
        if exchange.path in _CALLING_PATHS and not exchange.audited:
            known = {"request_id": exchange.request_id, "path": exchange.path}
            self._audit.refused(known | {"status": status} | exchange.fields)

    def _log(self, exchange: Exchange) -> None:
        """Log and metrics; a path that is not one of ours is not repeated."""
        path = exchange.path
        if path not in self._routes:
            path = f"{_MODELS}/…" if path.startswith(f"{_MODELS}/") else "(unknown)"
        status, milliseconds, fields = exchange.final_status, exchange.milliseconds, exchange.fields
        request = {"request_id": exchange.request_id, "method": exchange.method, "path": path}
        logger.info("request", extra={"fields": request | {"status": status, "ms": milliseconds} | fields})
        self._metrics.count(path, status or 0, fields.get("type", ""), milliseconds / 1000, fields)

    async def options(self, exchange: Exchange) -> None:
        """The methods of a path, or of the whole server for `*` (RFC 9110, 9.3.7). It needs no token, as 405 does not.

        Pages of other origins are allowed nothing by it.
        """
        methods = self._methods(exchange.path) or {name for methods in self._routes.values() for name in methods}
        await exchange.respond(204, b"", ((b"allow", _allow(methods).encode()),))

    async def health(self, exchange: Exchange) -> None:
        """The process is alive."""
        await exchange.respond_json(200, {"status": "alive", "version": __version__})

    async def ready(self, exchange: Exchange) -> None:
        """The keys are there, audit record and ledger can be written, and the gateway is not stopping.

        Nothing is called or written for it: whether a provider accepts a key is not known here.
        """
        if self.draining:
            raise Unavailable("stopping", "not ready: the gateway is stopping", unbilled=True)
        if missing := self._settings.missing_keys():
            raise Unavailable("key_missing", f"not ready: {', '.join(missing)} is missing")
        for what, unwritable in self._unwritable().items():
            if unwritable:
                message = f"not ready: the {_WRITTEN[what]} cannot be written, so calls are refused"
                raise Unavailable(f"{what}_unwritable", message)
        versions = {name: ring.current.version for name, ring in self._settings.keys.items() if ring.current}
        body = {"status": "ready", "profiles": list(self._settings.profiles), "key_versions": versions}
        await exchange.respond_json(200, body | {"key_versions_comparable": self._settings.versions_comparable})

    def _unwritable(self) -> dict[str, bool]:
        """What cannot be written now, by the names of `_WRITTEN`."""
        return {"audit": self._audit.unwritable, "budget": self._budgets.unwritable}

    async def metrics(self, exchange: Exchange) -> None:
        """For Prometheus."""
        text = self._metrics.text(self._admission, self._settings.keys, self._budgets.spent, self._unwritable())
        await exchange.respond(200, text, kind=CONTENT_TYPE)

    async def openapi(self, exchange: Exchange) -> None:
        """The description of this API."""
        await exchange.respond_json(200, openapi(list(self._settings.profiles)))

    async def models(self, exchange: Exchange) -> None:
        """The names that `model` may have."""
        data = [self._model(name) for name in self._settings.profiles]
        await exchange.respond_json(200, {"object": "list", "data": data})

    async def model(self, exchange: Exchange) -> None:
        """One of them."""
        name = exchange.path.removeprefix(f"{_MODELS}/")
        if name not in self._settings.profiles:
            known = ", ".join(self._settings.profiles)
            raise NotFound("unknown_profile", f"neither a profile nor an allowed model id; choose one of {known}")
        await exchange.respond_json(200, self._model(name))

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 0, "owned_by": self._settings.profiles[name].provider}


def _allow(methods: Collection[str]) -> str:
    """The value of an Allow header: with HEAD where there is GET, and OPTIONS everywhere."""
    return ", ".join(sorted({*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"}))


def _budgets(settings: Settings) -> Budgets:
    """The ledger that was chosen, with what it needs to be imported."""
    if settings.budgets and settings.ledger:
        from llm_connect.accounts.postgresql_ledger import PostgresqlLedger

        return PostgresqlLedger(settings.ledger, settings.budgets)
    if settings.budgets and settings.state:
        from llm_connect.accounts.ledger import Ledger

        return Ledger(settings.state, settings.budgets)
    return NoBudgets()
