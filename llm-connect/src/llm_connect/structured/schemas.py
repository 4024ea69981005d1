"""Checks the schemas of requests, caches them, and validates answers in the cheapest way that is safe."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.common.json_encoding import encode
from llm_connect.structured.schema_cost import tree_size
from llm_connect.structured.validation import InvalidSchema, compile_schema, not_judged, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SCHEMA_BYTES = 64 * 1024
PROCESS_SECONDS = 4.0
_CACHE_SIZE = 256
_PROCESSES = 2
_MAX_STEPS = 10_000_000
"""Nodes of the schema's tree times characters of the text: about a tenth of a second, on the event loop."""
_MAX_LENGTH = 256 * 1024
"""Characters; parsing a megabyte of JSON takes half a second, whatever the schema."""


@dataclass(frozen=True)
class Schema:
    """A schema that can be used; `size` is None if only a separate process may validate by it."""

    document: Any
    size: int | None
    validator: Any = None


class Schemas:
    """The most recent schemas of all requests."""

    def __init__(self) -> None:
        self._cache: OrderedDict[bytes, Schema] = OrderedDict()
        self._processes = asyncio.Semaphore(_PROCESSES)

    async def checked(self, document: Any) -> Schema:
        """The schema, ready for validation.

        Raises:
            InvalidSchema: it is not a schema, is too large, or refers to another document.
        """
        octets = encode(document)
        if octets in self._cache:
            self._cache.move_to_end(octets)
            return self._cache[octets]
        if len(octets) > MAX_SCHEMA_BYTES:
            raise InvalidSchema(f"is larger than {MAX_SCHEMA_BYTES} bytes")
        schema = _bounded(document) or await self._unbounded(document)
        self._cache[octets] = schema
        if len(self._cache) > _CACHE_SIZE:
            self._cache.popitem(last=False)
        return schema

    async def _unbounded(self, document: Any) -> Schema:
        result = await self._run(document, None, None)
        if "unusable" in result:
            raise InvalidSchema(result["unusable"])
        if result:
            raise InvalidSchema("cannot be compiled within the limits for time and memory")
        return Schema(document, None)

    async def validate(self, schema: Schema, text: str, finish_reason: str | None) -> Mapping[str, Any]:
        """The content of `metadata.validation`; see `validation.validate`, and `not_judged` for what takes too long."""
        if schema.size is not None and len(text) <= min(_MAX_LENGTH, _MAX_STEPS // schema.size):
            return validate(schema.validator, text, finish_reason)
        return await self._run(schema.document, text, finish_reason)

    async def _run(self, document: Any, text: str | None, finish_reason: str | None) -> Mapping[str, Any]:
        """Run worker.py, within its limits."""
        task = json.dumps({"schema": document, "text": text, "finish_reason": finish_reason}).encode()
        async with self._processes:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-m", "llm_connect.structured.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env={},
            )  # fmt: skip
            try:
                async with asyncio.timeout(PROCESS_SECONDS):
                    result, _ = await process.communicate(task)
            except TimeoutError:
                return not_judged(f"the validation took longer than {PROCESS_SECONDS:g} s and was given up")
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return json.loads(result) if process.returncode == 0 else not_judged("the validation exceeded its limits")


def _bounded(document: Any) -> Schema | None:
    """The schema, if validating by it is fast; else None, also if only the other engine supports its patterns."""
    size = tree_size(document)
    if size is None:
        return None
    try:
        return Schema(document, size, compile_schema(document, linear=True))
    except InvalidSchema:
        return None
