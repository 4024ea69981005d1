"""What both endpoints that call a model share: admission, deadline, disconnects, and the audit record."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.accounts.batch_writer import CancelledAfterWrite
from llm_connect.common.errors import Fault, GatewayError, ProviderFailed, TimedOut, Unavailable, invalid_request
from llm_connect.common.fair_slots import QueueFull
from llm_connect.config.profiles import deadline_seconds
from llm_connect.structured.validation import InvalidSchema, not_judged
from llm_connect.web.exchange import CALLER_GONE, CLIENT_CLOSED
from llm_connect.web.request_head import CLIENT_TIMEOUTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from llm_connect.accounts.audit import Audit
    from llm_connect.calls.admission import Admission
    from llm_connect.calls.router import Job, Router
    from llm_connect.config.settings import Settings
    from llm_connect.structured.schemas import Schema, Schemas
    from llm_connect.web.exchange import Exchange
    from llm_connect.web.request_body import RequestBodies

_MAX_NUMBER_LENGTH = 8
_MIN_TIMEOUT_SECONDS = 0.1


@dataclass(frozen=True)
class Shared:
    """What the endpoints share."""

    settings: Settings
    router: Router
    bodies: RequestBodies
    admission: Admission
    schemas: Schemas
    audit: Audit


class CallEndpoint:
    """See the module; `ChatEndpoint` and `ExecuteEndpoint` read a request and write an answer."""

    def __init__(self, shared: Shared) -> None:
        self.settings = shared.settings
        self.router = shared.router
        self.bodies = shared.bodies
        self._admission = shared.admission
        self._schemas = shared.schemas
        self._audit = shared.audit
        self.keeps_content = shared.audit.content

    def deadline(self, exchange: Exchange, timeout_seconds: float) -> float:
        """When the call has to be answered, in the time of the event loop. It is enforced from now on.

        From now on a disconnect cancels the call, too: checking a schema may have to wait for other requests.

        Raises:
            TimedOut: it is over already, because the body came slowly.
        """
        patience = min(timeout_seconds, _client_timeout(exchange.headers))
        at = exchange.arrived + deadline_seconds(patience)
        if at <= asyncio.get_running_loop().time():
            raise _too_late(patience)
        exchange.limit(at, lambda: _overdue(patience))
        exchange.watch()
        return at

    def idle_timeout(self, exchange: Exchange, job: Job) -> float | None:
        """How many seconds the client waits for each next byte of a stream; None where the profile's time ends first.

        Source: OpenAI's clients, whose timeout ends with the head of the response (npm), or is that of their transport
        for each read (Python). The profile's timeout holds for the whole stream.
        """
        wait = _client_timeout(exchange.headers)
        return wait if wait < job.profile.timeout_seconds else None

    def extend(self, exchange: Exchange, job: Job, wait: float | None) -> None:
        """Something of a stream was sent: the client's wait for the next byte begins again."""
        if wait is None:
            return
        whole = exchange.arrived + deadline_seconds(job.profile.timeout_seconds)
        following = asyncio.get_running_loop().time() + deadline_seconds(wait)
        if following < whole:
            exchange.limit(following, lambda: _idle(wait))
        else:
            exchange.limit(whole, lambda: _overdue(job.profile.timeout_seconds))

    async def schema(self, exchange: Exchange, document: Any, field: str) -> Schema | None:
        """The checked schema of a request.

        Raises:
            BadRequest: it cannot be used.
            Unavailable: too many schemas and answers of this caller wait.
        """
        if document is None:
            return None
        try:
            return await self._schemas.checked(document, exchange.caller)
        except InvalidSchema as error:
            allowed = "a JSON Schema of draft 4 to 2020-12 without external references, at most 65536 bytes"
            raise invalid_request([Fault(field, str(error), allowed)]) from None
        except QueueFull:
            message = "the caller has too many schemas and answers that wait to be validated; nothing was called"
            raise Unavailable("gateway_busy", message, retry_after="1") from None

    async def validate(
        self, schema: Schema, text: str, finish_reason: str | None, mode: str, caller: str
    ) -> Mapping[str, Any]:
        """The validation result of an answer.

        Raises:
            ProviderFailed: the mode is strict, and the answer is not valid.
        """
        try:
            result = await self._schemas.validate(schema, text, finish_reason, caller)
        except QueueFull:
            result = not_judged("the caller has too many answers that wait to be validated")
        if mode == "strict" and not result["valid"]:
            problem = result["problems"][0]
            detail = f"{problem['path']} {problem['problem']}"
            message = f"the answer does not match the schema ({result['reason']}): {detail}"
            raise ProviderFailed("answer_invalid", message, provider_status=200)
        return result

    async def call(self, exchange: Exchange, job: Job, answer: Callable[[], Awaitable[None]]) -> None:
        """Run `answer`, which makes the call, with everything around it.

        Raises:
            GatewayError: the queue is full, the audit record cannot be written, or the call failed.
            asyncio.CancelledError: the caller left, the time is over, or the gateway stops; see `Exchange`.
        """
        self.router.check(job)
        record = self._begin_record(exchange, job)
        status = GatewayError.status  # for an unexpected exception
        try:
            async with self._admission.slot(exchange.caller):
                await self._begin(exchange, record)
                await answer()
        except GatewayError as error:
            exchange.fields |= error.log_fields
            status = error.status
            raise
        except asyncio.CancelledError:
            exchange.fields["type"], status = _cancel_reason(exchange)
            raise
        finally:
            self.router.settle(job)
            self._note(exchange, job)
            self._end(exchange, status)

    async def _begin(self, exchange: Exchange, record: Mapping[str, Any]) -> None:
        try:
            await self._audit.begin(record)
        except CancelledAfterWrite:
            exchange.audited = True
            raise
        exchange.audited = True

    def _end(self, exchange: Exchange, status: int) -> None:
        """Write the end of the record; `status` is the one that follows where nothing was answered yet."""
        if exchange.audited:
            status = exchange.final_status or status
            ended = {"request_id": exchange.request_id, "status": status, "ms": exchange.milliseconds}
            content = {"answer": exchange.content} if self.keeps_content else {}
            self._audit.end(ended | exchange.fields | content)

    def _begin_record(self, exchange: Exchange, job: Job) -> dict[str, Any]:
        fields = {"profile": job.profile.name, "model": job.profile.model, "caller": job.caller}
        exchange.fields |= fields
        content = {"request": job.request.fields} if self.keeps_content else {}
        return {"request_id": exchange.request_id, "path": exchange.path, **fields, **content}

    def _note(self, exchange: Exchange, job: Job) -> None:
        """Add counts and names for log and record; a model other than the requested one shows there."""
        counts = {name: value for name, value in job.usage.items() if value is not None}
        provider = (job.served or job.profile.targets[0]).provider
        exchange.fields |= counts | {"attempts": job.attempts, "provider": provider}
        if exchange.fields["model"] != job.profile.model:
            exchange.fields["model_requested"] = job.profile.model


def _overdue(patience: float) -> GatewayError:
    message = f"no complete answer came in time for a caller that waits {patience:g} s; the call was given up"
    return TimedOut("deadline", message)


def _too_late(patience: float) -> GatewayError:
    message = f"the body was complete too late for a caller that waits {patience:g} s; nothing was called"
    return TimedOut("deadline", message)


def _idle(wait: float) -> GatewayError:
    message = f"nothing more came in time for a client that waits {wait:g} s for it; the call was given up"
    return TimedOut("deadline", message)


def _cancel_reason(exchange: Exchange) -> tuple[str, int]:
    if exchange.gone:
        return CALLER_GONE, CLIENT_CLOSED
    return (exchange.overdue.type, exchange.overdue.status) if exchange.overdue else ("stopping", Unavailable.status)


def _client_timeout(headers: Mapping[bytes, bytes]) -> float:
    """How many seconds the client waits, by the smallest number that it sends; infinity where it says nothing."""
    seconds = float("inf")
    for name in CLIENT_TIMEOUTS:
        text = headers.get(name)
        if text and len(text) <= _MAX_NUMBER_LENGTH:
            with suppress(ValueError):
                seconds = min(seconds, max(float(text), _MIN_TIMEOUT_SECONDS))
    return seconds
