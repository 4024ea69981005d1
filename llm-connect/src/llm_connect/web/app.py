"""The gateway as an ASGI application: three routes, one error shape."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from llm_connect import __version__
from llm_connect.execution import execute, read_execution
from llm_connect.faults import GatewayError, MethodNotAllowed, NotFound, Unavailable
from llm_connect.providers.openrouter import OpenRouter
from llm_connect.secret import Redactor
from llm_connect.web.answers import Answer, error_answer
from llm_connect.web.body import json_body
from llm_connect.web.record import Record, Recording, record_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from llm_connect.profiles import Profile
    from llm_connect.providers import Provider
    from llm_connect.settings import Settings

_CONNECTIONS = 256
_METHOD_NOT_ALLOWED = 405


class Gateway:
    """The handlers, with what they need; `providers` is filled while the application runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._redactor = Redactor(settings.key)
        self._providers: Mapping[str, Provider] = {}

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/health", self.health, methods=["GET"]),
            Route("/ready", self.ready, methods=["GET"]),
            Route("/execute", self.execute, methods=["POST"]),
        ]
        handlers: Any = {GatewayError: self._on_error, HTTPException: self._on_http_exception}
        recording = Middleware(Recording, redactor=self._redactor)
        return Starlette(routes=routes, middleware=[recording], exception_handlers=handlers, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        settings = self._settings
        # No total here: the deadline of each call is set by its profile (providers.ask).
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=None)
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        async with aiohttp.ClientSession(timeout=unlimited, connector=connector) as session:
            openrouter = OpenRouter(session, settings.base_url, settings.key, settings.key_field)
            self._providers = {"openrouter": openrouter}
            yield

    async def health(self, _request: Request) -> Response:
        """The process lives."""
        return Answer({"status": "alive", "version": __version__}, self._redactor)

    async def ready(self, _request: Request) -> Response:
        """A key is there; whether the provider accepts it is not asked."""
        if self._settings.key is None:
            missing = self._settings.key_field
            raise Unavailable("key_missing", f"not ready: {missing} is missing")
        return Answer({"status": "ready", "profiles": list(self._settings.profiles)}, self._redactor)

    async def execute(self, request: Request) -> Response:
        """One prompt, one answer."""
        document = await json_body(request, self._settings.max_body_bytes)
        execution = read_execution(document, self._settings.profiles)
        profile = self._settings.profiles[execution.profile]
        record = record_of(request)
        record.fields |= {"profile": profile.name, "model": profile.model}
        body = await execute(execution, profile, self._providers[profile.provider])
        _note(record, body, profile)
        body["metadata"]["request_id"] = record.request_id
        return Answer(body, self._redactor)

    async def _on_error(self, request: Request, error: GatewayError) -> Response:
        fields = {"type": error.type, "provider_status": error.provider_status}
        record_of(request).fields |= {key: value for key, value in fields.items() if value is not None}
        return error_answer(error, self._redactor)

    async def _on_http_exception(self, request: Request, error: HTTPException) -> Response:
        if error.status_code == _METHOD_NOT_ALLOWED:
            allow = (error.headers or {}).get("Allow", "")
            answer = await self._on_error(request, MethodNotAllowed("method_not_allowed", f"this path takes {allow}"))
            answer.headers["allow"] = allow
            return answer
        message = "no such path; there are GET /health, GET /ready, POST /execute"
        return await self._on_error(request, NotFound("unknown_path", message))


def _note(record: Record, body: Mapping[str, Any], profile: Profile) -> None:
    """Counts and names for the log line; a model other than the one asked for is made visible there."""
    tokens = {name: body["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    record.fields |= {"model": body["model"], "finish_reason": body["finish_reason"], **tokens}
    if body["model"] != profile.model:
        record.fields["model_requested"] = profile.model
