"""Checked schemas, kept for the next request with the same one, and the judgement by the cheapest way that is safe."""

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
JUDGED_WITHIN_SECONDS = 4.0
_KEPT = 256
_PROCESSES = 2
_MOST_STEPS = 10_000_000
"""Nodes of the schema's tree times characters of the text: about a tenth of a second, on the event loop."""
_LONGEST_TEXT = 256 * 1024
"""Characters; reading one of a megabyte as JSON takes half a second, whatever the schema."""


@dataclass(frozen=True)
class Schema:
    """A schema that can be used; `size` is None where it is judged in a process of its own only."""

    document: Any
    size: int | None
    validator: Any = None


class Schemas:
    """The schemas of the requests so far."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Schema] = OrderedDict()
        self._processes = asyncio.Semaphore(_PROCESSES)

    async def checked(self, document: Any) -> Schema:
        """The schema, ready to judge by.

        Raises:
            InvalidSchema: it is no schema, is too large, or refers to another document.
        """
        octets = encode(document)
        if octets in self._kept:
            self._kept.move_to_end(octets)
            return self._kept[octets]
        if len(octets) > MAX_SCHEMA_BYTES:
            raise InvalidSchema(f"is larger than {MAX_SCHEMA_BYTES} bytes")
        schema = _in_process(document) or await self._apart(document)
        self._kept[octets] = schema
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return schema

    async def _apart(self, document: Any) -> Schema:
        found = await self._ask(document, None, None)
        if "unusable" in found:
            raise InvalidSchema(found["unusable"])
        if found:
            raise InvalidSchema("cannot be compiled within the time and memory that a schema gets")
        return Schema(document, None)

    async def validate(self, schema: Schema, text: str, finish_reason: str | None) -> Mapping[str, Any]:
        """What `metadata.validation` says; see `judgement.judge`, and `not_judged` for what takes too long."""
        if schema.size is not None and len(text) <= min(_LONGEST_TEXT, _MOST_STEPS // schema.size):
            return validate(schema.validator, text, finish_reason)
        return await self._ask(schema.document, text, finish_reason)

    async def _ask(self, document: Any, text: str | None, finish_reason: str | None) -> Mapping[str, Any]:
        asked = json.dumps({"schema": document, "text": text, "finish_reason": finish_reason}).encode()
        async with self._processes:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-m", "llm_connect.structured.worker",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env={},
            )  # fmt: skip
            try:
                async with asyncio.timeout(JUDGED_WITHIN_SECONDS):
                    told, _ = await process.communicate(asked)
            except TimeoutError:
                return not_judged(f"judging took longer than {JUDGED_WITHIN_SECONDS:g} s, and was given up")
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return json.loads(told) if process.returncode == 0 else not_judged("judging took more than it gets")


def _in_process(document: Any) -> Schema | None:
    """The schema, if it can be judged by in no time; else None, also where only the other engine knows its patterns."""
    size = tree_size(document)
    if size is None:
        return None
    try:
        return Schema(document, size, compile_schema(document, linear=True))
    except InvalidSchema:
        return None
