"""What both endpoints that call a model have in common: a place, a deadline, an eye on the caller, an audit record."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from llm_connect.accounts.batch_writer import Written
from llm_connect.common.errors import Fault, GatewayError, ProviderFailed, TimedOut, Unavailable, invalid_request
from llm_connect.config.profiles import deadline_seconds
from llm_connect.structured.validation import Unusable
from llm_connect.web.exchange import CALLER_GONE, GONE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from llm_connect.accounts.audit import Audit
    from llm_connect.calls.admission import Admission
    from llm_connect.calls.router import Calling, Job
    from llm_connect.config.settings import Settings
    from llm_connect.structured.schemas import Schema, Schemas
    from llm_connect.web.exchange import Exchange

_CLIENT_TIMEOUTS = (b"x-stainless-read-timeout", b"x-stainless-timeout")
"""Seconds that OpenAI's own clients wait; they say so in each request."""
_LONGEST_NUMBER = 8


class Endpoint:
    """See the module; `ChatEndpoint` and `ExecuteEndpoint` read a request and write an answer."""

    def __init__(
        self, settings: Settings, calling: Calling, admission: Admission, schemas: Schemas, audit: Audit
    ) -> None:
        self.settings = settings
        self.calling = calling
        self._admission = admission
        self._schemas = schemas
        self._audit = audit
        self.keeps_content = audit.content

    def deadline(self, exchange: Exchange, timeout_seconds: float) -> float:
        """When the call has to be answered, in the time of the event loop. It holds from now on.

        From now on the caller is watched, too: checking a schema may have to wait for others.

        Raises:
            TimedOut: it is over already, since the body came slowly.
        """
        patience = min(timeout_seconds, _client_timeout(exchange.headers))
        at = exchange.arrived + deadline_seconds(patience)
        if at <= asyncio.get_running_loop().time():
            raise _too_late(patience)
        exchange.limit(at, lambda: _overdue(patience))
        exchange.watch()
        return at

    def between_bytes(self, exchange: Exchange, job: Job) -> float | None:
        """Seconds that the client waits for each next byte of a stream; None where the profile's time is over first.

        Source: OpenAI's clients, whose timeout ends with the head of the answer (npm), or is the transport's own one
        for each read (Python). The profile's holds for the whole stream.
        """
        wait = _client_timeout(exchange.headers)
        return wait if wait < job.profile.timeout_seconds else None

    def goes_on(self, exchange: Exchange, job: Job, wait: float | None) -> None:
        """Something of a stream went out: the time between two bytes begins anew."""
        if wait is None:
            return
        whole = exchange.arrived + deadline_seconds(job.profile.timeout_seconds)
        following = asyncio.get_running_loop().time() + deadline_seconds(wait)
        if following < whole:
            exchange.limit(following, lambda: _nothing_more(wait))
        else:
            exchange.limit(whole, lambda: _overdue(job.profile.timeout_seconds))

    async def schema(self, document: Any, field: str) -> Schema | None:
        """The checked schema of a request.

        Raises:
            BadRequest: it cannot be used.
        """
        if document is None:
            return None
        try:
            return await self._schemas.checked(document)
        except Unusable as found:
            allowed = "a JSON Schema of draft 4 to 2020-12 without references out of it, at most 65536 bytes"
            raise invalid_request([Fault(field, str(found), allowed)]) from None

    async def judged(self, schema: Schema, text: str, finish_reason: str | None, mode: str) -> Mapping[str, Any]:
        """The judgement on an answer.

        Raises:
            ProviderFailed: the mode is strict, and it is not valid.
        """
        found = await self._schemas.judge(schema, text, finish_reason)
        if mode == "strict" and not found["valid"]:
            problem = found["problems"][0]
            message = (
                f"the answer does not satisfy the schema ({found['reason']}): {problem['path']} {problem['problem']}"
            )
            raise ProviderFailed("answer_invalid", message, provider_status=200)
        return found

    async def call(self, exchange: Exchange, job: Job, answer: Callable[[], Awaitable[None]]) -> None:
        """`answer`, which makes the call, with everything around it.

        Raises:
            GatewayError: no place, no audit record, or the call's own.
            asyncio.CancelledError: the caller left, the time is over, or the gateway stops; see `Exchange`.
        """
        self.calling.check(job)
        begun = self._begun(exchange, job)
        refused = GatewayError.status  # of what is unexpected
        try:
            await self._admission.enter()
            try:
                await self._begin(exchange, begun)
                await answer()
            finally:
                self._admission.leave()
        except GatewayError as error:
            exchange.fields |= error.told
            refused = error.status
            raise
        except asyncio.CancelledError:
            exchange.fields["type"], refused = _why_given_up(exchange)
            raise
        finally:
            self.calling.settle(job)
            self._note(exchange, job)
            self._ended(exchange, refused)

    async def _begin(self, exchange: Exchange, record: Mapping[str, Any]) -> None:
        try:
            await self._audit.begin(record)
        except Written:
            exchange.audited = True
            raise
        exchange.audited = True

    def _ended(self, exchange: Exchange, refused: int) -> None:
        """The record; `refused` is the status that follows where nothing was answered yet."""
        if exchange.audited:
            status = exchange.told_status or refused
            ended = {"request_id": exchange.request_id, "status": status, "ms": exchange.milliseconds}
            content = {"answer": exchange.content} if self.keeps_content else {}
            self._audit.end(ended | exchange.fields | content)

    def _begun(self, exchange: Exchange, job: Job) -> dict[str, Any]:
        fields = {"profile": job.profile.name, "model": job.profile.model, "caller": job.caller}
        exchange.fields |= fields
        content = {"request": job.request.fields} if self.keeps_content else {}
        return {"request_id": exchange.request_id, "path": exchange.path, **fields, **content}

    def _note(self, exchange: Exchange, job: Job) -> None:
        """Counts and names for log and audit; a model other than the one asked for is made visible there."""
        counts = {name: value for name, value in job.usage.items() if value is not None}
        provider = (job.served or job.profile.targets[0]).provider
        exchange.fields |= counts | {"attempts": job.attempts, "provider": provider}
        if exchange.fields["model"] != job.profile.model:
            exchange.fields["model_requested"] = job.profile.model


def _overdue(patience: float) -> GatewayError:
    message = f"no whole answer came in time for a caller that waits {patience:g} s; the call was given up"
    return TimedOut("deadline", message)


def _too_late(patience: float) -> GatewayError:
    message = f"the body was whole too late for a caller that waits {patience:g} s; nothing was called"
    return TimedOut("deadline", message)


def _nothing_more(wait: float) -> GatewayError:
    message = f"nothing more came in time for a client that waits {wait:g} s for it; the call was given up"
    return TimedOut("deadline", message)


def _why_given_up(exchange: Exchange) -> tuple[str, int]:
    if exchange.gone:
        return CALLER_GONE, GONE
    return (exchange.overdue.type, exchange.overdue.status) if exchange.overdue else ("stopping", Unavailable.status)


def _client_timeout(headers: Mapping[bytes, bytes]) -> float:
    """Seconds that the client waits, the least that it says; without a word no limit."""
    seconds = float("inf")
    for name in _CLIENT_TIMEOUTS:
        text = headers.get(name)
        if text and len(text) <= _LONGEST_NUMBER:
            with suppress(ValueError):
                seconds = min(seconds, max(float(text), 0.1))
    return seconds
