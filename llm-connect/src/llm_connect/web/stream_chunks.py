"""A provider's chunks as the caller's: usage only where it was requested, and always the name of the served model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connect.calls.completion import NOT_TEXT, is_not_text, text_of
from llm_connect.common.json_encoding import encode
from llm_connect.providers.answers import StreamEnds
from llm_connect.web.delta_merge import merge_deltas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.calls.chat_request import ChatRequest
    from llm_connect.providers.port import Chunk

_MAX_KEPT_BYTES = 16 * 1024 * 1024
_MIN_PART_BYTES = 256
"""What a part of a tool call counts at least: 60 bytes of JSON take 700 as objects."""


class StreamChunks:
    """Rewrites the chunks of one stream, and keeps what has to be known at its end.

    Args:
        request: the caller's.
        model: the id that was called, for chunks without a model.
        keep: whether the content is needed, for a schema or for the audit record.

    Attributes:
        ends: whether each choice that began has a finish reason: only then was each of them validated.
        not_text: the choices so far that are a tool call or a refusal, where the content is kept.
    """

    def __init__(self, request: ChatRequest, model: str, *, keep: bool) -> None:
        self._request = request
        self._keep = keep
        self._content: dict[int, list[str]] = {}
        self._other: dict[int, list[Mapping[str, Any]]] = {}
        self._kept = 0
        self.ends = StreamEnds()
        self.model = model
        self.finish_reason: str | None = None
        self.not_text: set[int] = set()

    def rewrite(self, chunk: Chunk) -> Chunk | None:
        """The caller's chunk; None where nothing is left of it."""
        if isinstance(chunk.get("model"), str) and chunk["model"]:
            self.model = chunk["model"]
        chunk["model"] = self.model
        if not self._request.include_usage and "usage" in chunk:
            del chunk["usage"]
            if not chunk.get("choices"):
                return None
        for choice in chunk.get("choices") or ():
            self._note(choice)
        return chunk

    def _note(self, choice: Mapping[str, Any]) -> None:
        reason, index = choice.get("finish_reason"), choice.get("index") or 0
        self.ends.note(choice)
        if isinstance(reason, str):
            self.finish_reason = reason
        if self._keep:
            self._keep_delta(index, choice.get("delta") or {})

    def _keep_delta(self, index: int, delta: Mapping[str, Any]) -> None:
        not_text = is_not_text(delta)
        if not_text:
            self.not_text.add(index)
        if self._kept >= _MAX_KEPT_BYTES:
            return
        if not_text:
            other = {name: delta[name] for name in NOT_TEXT if delta.get(name)}
            self._kept += max(len(encode(other)), _MIN_PART_BYTES)
            self._other.setdefault(index, []).append(other)
        content = text_of(delta.get("content"))
        if content is not None:
            self._kept += len(content)
            self._content.setdefault(index, []).append(content)

    def content(self, index: int) -> str:
        """The content of a choice so far, where it is kept."""
        return "".join(self._content.get(index, ()))

    def contents(self) -> list[Any]:
        """The content of each choice; for a tool call or a refusal, an object with both."""
        return [self._merged(index) for index in sorted({*self._content, *self._other})]

    def _merged(self, index: int) -> Any:
        other = self._other.get(index)
        content = self.content(index)
        return {"content": content, **merge_deltas(other)} if other else content
