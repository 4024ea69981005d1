"""`POST /v1/chat/completions`: what OpenAI's clients send and read, streamed or not."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from llm_connect.calls.chat_request import read_chat
from llm_connect.calls.execute_request import says_otherwise, text_of
from llm_connect.calls.router import Job
from llm_connect.common.errors import GatewayError, ProviderFailed
from llm_connect.common.json_encoding import encode
from llm_connect.web.call_endpoint import Endpoint
from llm_connect.web.stream_chunks import Chunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connect.providers.port import Chunk
    from llm_connect.structured.schemas import Schema
    from llm_connect.web.exchange import Exchange


class ChatEndpoint(Endpoint):
    """One request in OpenAI's shape."""

    async def __call__(self, exchange: Exchange) -> None:
        """Answer `exchange`."""
        document = await exchange.json(self.settings.limits.max_body_bytes)
        request = read_chat(document, self.settings.profiles)
        profile = self.settings.profiles[request.model]
        job = Job(request, profile, exchange.caller, self.deadline(exchange, profile.timeout_seconds))
        schema = await self.schema(request.schema, "response_format.json_schema.schema")
        answer = self._stream if request.stream else self._whole
        await self.call(exchange, job, lambda: answer(exchange, job, schema))

    async def _whole(self, exchange: Exchange, job: Job, schema: Schema | None) -> None:
        completion = await self.calling.complete(job)
        first = completion["choices"][0]
        exchange.content = completion["choices"]
        exchange.fields |= {"model": completion["model"], "finish_reason": first.get("finish_reason")}
        if schema is not None:
            judgement = await self._worst(job, schema, _texts(completion["choices"]))
            if judgement is not None:
                completion["metadata"] = _metadata(judgement)
        await exchange.answer_json(200, completion)

    async def _worst(self, job: Job, schema: Schema, said: Sequence[tuple[str, Any]]) -> Mapping[str, Any] | None:
        """The judgement on texts and why they end: the first that is not valid, else that they are; None of none."""
        found: Mapping[str, Any] | None = None
        for content, reason in said:
            judgement = await self.judged(schema, content, reason, job.profile.validation)
            found = judgement if found is None or found["valid"] else found
        return found

    async def _stream(self, exchange: Exchange, job: Job, schema: Schema | None) -> None:
        chunks: Chunks | None = None
        refused: ProviderFailed | None = None
        wait = self.between_bytes(exchange, job)
        try:
            async with aclosing(self.calling.stream(job)) as source:
                async for chunk in source:
                    if chunk is None:
                        await exchange.sign_of_life()
                    elif refused is not None:
                        continue  # only read to its end, which tells what was used
                    else:
                        if chunks is None:
                            chunks = self._chunks(job)
                            await exchange.begin_events()
                        refused = await self._send(exchange, job, schema, chunks, chunk)
                    self.goes_on(exchange, job, wait)
        except GatewayError:
            if refused is None:  # else what became of the rest is nobody's concern
                raise
        except asyncio.CancelledError:
            exchange.overdue = refused or exchange.overdue
            raise
        finally:
            exchange.content = chunks.contents() if chunks else None
        if refused is not None:
            raise refused
        if schema is not None and not (chunks and chunks.ends.whole):
            message = "the provider's answer cannot be used: its stream does not say why it ends, and was not judged"
            raise ProviderFailed("provider_malformed", message, provider_status=200)
        await exchange.event(b"[DONE]")
        await exchange.end()

    def _chunks(self, job: Job) -> Chunks:
        model = job.served.model if job.served else job.profile.model
        return Chunks(job.request, model, keep=self.keeps_content or job.request.schema is not None)

    async def _send(
        self, exchange: Exchange, job: Job, schema: Schema | None, chunks: Chunks, chunk: Chunk
    ) -> ProviderFailed | None:
        """Pass the chunk on; the error where strict validation forbids it."""
        told = chunks.rewritten(chunk)
        exchange.fields |= {"model": chunks.model, "finish_reason": chunks.finish_reason}
        if told is None:
            return None
        try:
            if schema is not None:
                await self._judge(job, schema, chunks, told)
        except ProviderFailed as refused:
            return refused
        await exchange.event(encode(told))
        return None

    async def _judge(self, job: Job, schema: Schema, chunks: Chunks, chunk: Chunk) -> None:
        """With the chunk that ends a choice goes the judgement on it: its content is whole then."""
        ends = [(each.get("index") or 0, each.get("finish_reason")) for each in chunk.get("choices") or ()]
        said = [(chunks.content(index), why) for index, why in ends if why and index not in chunks.otherwise]
        found = await self._worst(job, schema, said)
        if found is not None:
            chunk["metadata"] = _metadata(found)


def _texts(choices: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """What choices say and why they end; a call of a tool, or a refusal, is no answer in the sense of a schema."""
    messages = [(choice.get("message") or {}, choice.get("finish_reason")) for choice in choices]
    return [(text_of(each.get("content")) or "", reason) for each, reason in messages if not says_otherwise(each)]


def _metadata(judgement: Mapping[str, Any]) -> dict[str, str]:
    """As JSON in a text: the values of OpenAI's `metadata` are texts, and clients that check their answers say so."""
    return {"validation": encode(judgement).decode()}
