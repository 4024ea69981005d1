"""`POST /v1/chat/completions`: what OpenAI's clients send and read, streamed or not."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from llm_connect.calls.chat_request import read_chat
from llm_connect.calls.completion import is_not_text, text_of
from llm_connect.calls.router import Job
from llm_connect.common.errors import GatewayError, ProviderFailed
from llm_connect.common.json_encoding import encode
from llm_connect.web.call_endpoint import CallEndpoint
from llm_connect.web.stream_chunks import StreamChunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connect.providers.port import Chunk
    from llm_connect.structured.schemas import Schema
    from llm_connect.web.exchange import Exchange


class ChatEndpoint(CallEndpoint):
    """One request in OpenAI's shape."""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer `exchange`."""
        document = await self.bodies.json(exchange)
        request = read_chat(document, self.settings.profiles)
        profile = self.settings.profiles[request.model]
        job = Job(request, profile, exchange.caller, self.deadline(exchange, profile.timeout_seconds))
        schema = await self.schema(exchange, request.schema, "response_format.json_schema.schema")
        answer = self._stream if request.stream else self._complete
        await self.call(exchange, job, lambda: answer(exchange, job, schema))

    async def _complete(self, exchange: Exchange, job: Job, schema: Schema | None) -> None:
        completion = await self.router.complete(job)
        first = completion["choices"][0]
        exchange.content = completion["choices"]
        exchange.fields |= {"model": completion["model"], "finish_reason": first.get("finish_reason")}
        if schema is not None:
            result = await self._validate_all(job, schema, _texts(completion["choices"]))
            if result is not None:
                completion["metadata"] = _metadata(result)
        await exchange.respond_json(200, completion)

    async def _validate_all(
        self, job: Job, schema: Schema, texts: Sequence[tuple[str, Any]]
    ) -> Mapping[str, Any] | None:
        """The result for texts and their finish reasons: the first that is not valid, else valid; None for no text."""
        worst: Mapping[str, Any] | None = None
        for content, reason in texts:
            result = await self.validate(schema, content, reason, job.profile.validation, job.caller)
            worst = result if worst is None or worst["valid"] else worst
        return worst

    async def _stream(self, exchange: Exchange, job: Job, schema: Schema | None) -> None:
        chunks: StreamChunks | None = None
        refused: ProviderFailed | None = None
        wait = self.idle_timeout(exchange, job)
        try:
            async with aclosing(self.router.stream(job)) as source:
                async for chunk in source:
                    if chunk is None:
                        await exchange.keep_alive()
                    elif refused is not None:
                        continue  # only read to its end, for the usage
                    else:
                        if chunks is None:
                            chunks = self._chunks(job)
                            await exchange.begin_events()
                        refused = await self._send(exchange, job, schema, chunks, chunk)
                    self.extend(exchange, job, wait)
        except GatewayError:
            if refused is None:  # otherwise it does not matter how the rest ended
                raise
        except asyncio.CancelledError:
            exchange.overdue = refused or exchange.overdue
            raise
        finally:
            exchange.content = chunks.contents() if chunks else None
        if refused is not None:
            raise refused
        if schema is not None and not (chunks and chunks.ends.complete):
            message = "the provider's stream has no finish_reason, so the answer could not be validated"
            raise ProviderFailed("provider_malformed", message, provider_status=200)
        await exchange.event(b"[DONE]")
        await exchange.end()

    def _chunks(self, job: Job) -> StreamChunks:
        model = job.served.model if job.served else job.profile.model
        return StreamChunks(job.request, model, keep=self.keeps_content or job.request.schema is not None)

    async def _send(
        self, exchange: Exchange, job: Job, schema: Schema | None, chunks: StreamChunks, chunk: Chunk
    ) -> ProviderFailed | None:
        """Pass the chunk on; the error where strict validation forbids it."""
        rewritten = chunks.rewrite(chunk)
        exchange.fields |= {"model": chunks.model, "finish_reason": chunks.finish_reason}
        if rewritten is None:
            return None
        try:
            if schema is not None:
                await self._validate_chunk(job, schema, chunks, rewritten)
        except ProviderFailed as refused:
            return refused
        await exchange.event(encode(rewritten))
        return None

    async def _validate_chunk(self, job: Job, schema: Schema, chunks: StreamChunks, chunk: Chunk) -> None:
        """The chunk that ends a choice carries the validation result: the content is complete then."""
        ends = [(each.get("index") or 0, each.get("finish_reason")) for each in chunk.get("choices") or ()]
        texts = [(chunks.content(index), why) for index, why in ends if why and index not in chunks.not_text]
        result = await self._validate_all(job, schema, texts)
        if result is not None:
            chunk["metadata"] = _metadata(result)


def _texts(choices: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """The texts of choices and their finish reasons; a tool call or a refusal is not validated."""
    messages = [(choice.get("message") or {}, choice.get("finish_reason")) for choice in choices]
    return [(text_of(each.get("content")) or "", reason) for each, reason in messages if not is_not_text(each)]


def _metadata(result: Mapping[str, Any]) -> dict[str, str]:
    """The result as JSON text: the values of OpenAI's `metadata` are strings, and some clients check that."""
    return {"validation": encode(result).decode()}
