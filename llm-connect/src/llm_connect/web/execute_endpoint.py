"""`POST /execute`: the contract that its users know; whatever is new is an addition."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from llm_connect.calls.completion import answer_of
from llm_connect.calls.execute_request import read_execution
from llm_connect.calls.router import Job
from llm_connect.common.errors import ProviderFailed
from llm_connect.web.call_endpoint import CallEndpoint

if TYPE_CHECKING:
    from llm_connect.calls.execute_request import Execution
    from llm_connect.structured.schemas import Schema
    from llm_connect.web.exchange import Exchange

_CUT = frozenset({"length", "content_filter"})


class ExecuteEndpoint(CallEndpoint):
    """One prompt, one answer."""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer `exchange`."""
        document = await self.bodies.json(exchange)
        execution = read_execution(document, self.settings.profiles)
        profile = self.settings.profiles[execution.chat.model]
        patience = min(execution.timeout_seconds or profile.timeout_seconds, profile.timeout_seconds)
        job = Job(execution.chat, profile, exchange.caller, self.deadline(exchange, patience))
        schema = await self.schema(exchange, execution.chat.schema, "config.model_params.json_schema")
        await self.call(exchange, job, lambda: self._answer(exchange, execution, job, schema))

    async def _answer(self, exchange: Exchange, execution: Execution, job: Job, schema: Schema | None) -> None:
        started = time.monotonic()
        completion = await self.router.complete(job)
        milliseconds = round((time.monotonic() - started) * 1000)
        body = answer_of(completion)
        if not body["content"] and body["finish_reason"] not in _CUT:
            message = "the provider's answer cannot be used: its first choice has no text"
            raise ProviderFailed("provider_empty", message, provider_status=200)
        exchange.content = body["content"]
        exchange.fields |= {"model": body["model"], "finish_reason": body["finish_reason"]}
        profile, served = job.profile, job.served or job.profile.targets[0]
        metadata: dict[str, Any] = {
            "profile": profile.name,
            "provider": served.provider,
            "model_requested": profile.model,
            "provider_id": _text(completion.get("id")),
            "endpoint": _text(completion.get("provider")),
            "max_depth": profile.max_depth if execution.max_depth is None else execution.max_depth,
            "provider_ms": milliseconds,
            "attempts": job.attempts,
            "request_id": exchange.request_id,
        }
        if schema is not None:
            mode = execution.validation or profile.validation
            metadata["validation"] = await self.validate(
                schema, body["content"], body["finish_reason"], mode, job.caller
            )
        await exchange.respond_json(200, body | {"metadata": metadata})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
