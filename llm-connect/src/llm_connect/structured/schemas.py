"""Checks the schemas of requests and validates answers by them, in worker processes."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_connect.common.json_encoding import encode
from llm_connect.structured.validation import InvalidSchema, not_judged
from llm_connect.structured.workers import Exceeded, Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_SCHEMA_BYTES = 64 * 1024
MAX_TEXT_BYTES = 4 * 1024 * 1024
_REMEMBERED = 1024


@dataclass(frozen=True)
class Schema:
    """A schema that can be used, as JSON."""

    octets: bytes


class Schemas:
    """Checks and validates; remembers the digests of schemas that were valid."""

    def __init__(self) -> None:
        self._valid: OrderedDict[bytes, None] = OrderedDict()
        self._workers = Workers()

    async def checked(self, document: Any, caller: str = "") -> Schema:
        """The schema, ready for validation.

        Raises:
            InvalidSchema: it is not a schema, is too large or too expensive, or refers to another document.
            QueueFull: as many schemas and texts of this caller wait as may wait.
        """
        octets = encode(document)
        if len(octets) > MAX_SCHEMA_BYTES:
            raise InvalidSchema(f"is larger than {MAX_SCHEMA_BYTES} bytes")
        digest = hashlib.sha256(octets).digest()
        if digest not in self._valid:
            await self._check(octets, caller)
            self._valid[digest] = None
        self._valid.move_to_end(digest)
        if len(self._valid) > _REMEMBERED:
            self._valid.popitem(last=False)
        return Schema(octets)

    async def _check(self, octets: bytes, caller: str) -> None:
        try:
            result = await self._workers.run(caller, octets, None, None)
        except Exceeded as exceeded:
            raise InvalidSchema(f"cannot be compiled: it {exceeded}") from None
        if "unusable" in result:
            raise InvalidSchema(result["unusable"])

    async def validate(
        self, schema: Schema, text: str, finish_reason: str | None, caller: str = ""
    ) -> Mapping[str, Any]:
        """The content of `metadata.validation`; see `validation.verdicts`, and `not_judged` for what is too expensive.

        Raises:
            QueueFull: as `checked`.
        """
        octets = text.encode("utf-8", "replace")
        if len(octets) > MAX_TEXT_BYTES:
            return not_judged(f"the content is larger than {MAX_TEXT_BYTES} bytes")
        try:
            return await self._workers.run(caller, schema.octets, octets, finish_reason)
        except Exceeded as exceeded:
            return not_judged(f"the validation {exceeded}, and was given up")

    async def close(self) -> None:
        """End the worker processes."""
        await self._workers.close()
