"""A provider's chunks as the caller's: usage only where it was asked for, and always the name of the model served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llm_connect.calls.execute_request import OTHERWISE, says_otherwise, text_of
from llm_connect.common.json_encoding import encode
from llm_connect.providers.answers import Ends
from llm_connect.web.delta_merge import put_together

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.calls.chat_request import ChatRequest
    from llm_connect.providers.port import Chunk

_LONGEST_CONTENT = 16 * 1024 * 1024
_LEAST_BESIDE = 256
"""What a piece of a call counts at least: 60 bytes of JSON take 700 as objects."""


class Chunks:
    """Rewrites the chunks of one stream, and keeps what has to be known of it at its end.

    Args:
        request: the caller's.
        model: the id that was called, for chunks that name none.
        keep: whether the content is needed: by a schema, or for the audit record.

    Attributes:
        ends: whether each choice that began has said why it ends: only then was each of them judged.
        otherwise: the choices so far that are no answer in the sense of a schema, where the content is kept; see
            `says_otherwise`.
    """

    def __init__(self, request: ChatRequest, model: str, *, keep: bool) -> None:
        self._request = request
        self._keep = keep
        self._content: dict[int, list[str]] = {}
        self._beside: dict[int, list[Mapping[str, Any]]] = {}
        self._kept = 0
        self.ends = Ends()
        self.model = model
        self.finish_reason: str | None = None
        self.otherwise: set[int] = set()

    def rewritten(self, chunk: Chunk) -> Chunk | None:
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
            self._note_said(index, choice.get("delta") or {})

    def _note_said(self, index: int, delta: Mapping[str, Any]) -> None:
        otherwise = says_otherwise(delta)
        if otherwise:
            self.otherwise.add(index)
        if self._kept >= _LONGEST_CONTENT:
            return
        if otherwise:
            said = {name: delta[name] for name in OTHERWISE if delta.get(name)}
            self._kept += max(len(encode(said)), _LEAST_BESIDE)
            self._beside.setdefault(index, []).append(said)
        content = text_of(delta.get("content"))
        if content is not None:
            self._kept += len(content)
            self._content.setdefault(index, []).append(content)

    def content(self, index: int) -> str:
        """The content of a choice so far, where it is kept."""
        return "".join(self._content.get(index, ()))

    def contents(self) -> list[Any]:
        """The content of each choice; of one that calls a tool, or says otherwise, an object with that beside it."""
        return [self._said(index) for index in sorted({*self._content, *self._beside})]

    def _said(self, index: int) -> Any:
        beside = self._beside.get(index)
        content = self.content(index)
        return {"content": content, **put_together(beside)} if beside else content
