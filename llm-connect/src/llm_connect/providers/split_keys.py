"""Removes keys that a provider sends back in pieces: over several events of a stream, or over the parts of an answer.

Whoever reads the answer joins what has the same place in it: the content of a choice, the arguments of a tool call, the
tokens of `logprobs`. So it is joined here, too. An event that may be the middle of a key is held until the next one
says whether it was. Fewer than HELD_CHARACTERS are not held: an answer often ends its events like a key begins.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from llm_connect.common.errors import GatewayError
from llm_connect.common.secret import REMOVED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from llm_connect.providers.port import Chunk

HELD_CHARACTERS = 4
_LONGEST_END = 16
"""Of a key that an answer may end with; the names that keys of a provider begin with are shorter."""
_MAX_LEVELS = 20
"""Nobody joins texts that are deeper in an answer; the longest place is that of an alternative token."""
_Place = tuple[object, ...]


class _Piece:
    """One text in an event: `number` is that of the event, `holder[key]` where the text is."""

    def __init__(self, number: int, holder: Any, key: Any) -> None:
        self.number = number
        self.text: str = holder[key]
        self._holder, self._key = holder, key

    def replace(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]
        self._holder[self._key] = self.text
        if isinstance(self._holder, dict) and "bytes" in self._holder:  # a token's text once more, as numbers
            self._holder["bytes"] = None


class _Open:
    """The pieces of a text whose end may be the beginning of a key, and how many characters of it."""

    def __init__(self, pieces: list[_Piece], length: int, whole: int) -> None:
        self.pieces, self.length, self.whole = pieces, length, whole


class SplitKeys:
    """One answer.

    Args:
        forms: what is removed; see `Redactor`.
    """

    def __init__(self, forms: Sequence[str]) -> None:
        self._forms = forms
        self._firsts = {form[0] for form in forms}
        self._longest = max(map(len, forms), default=0)
        self._held: deque[Chunk] = deque()
        self._count = 0
        self._open: dict[_Place, _Open] = {}

    def take(self, event: Chunk) -> list[Chunk]:
        """The events that can be passed on now, in their order."""
        self._held.append(event)
        self._count += 1
        for place, holder, key in _texts(event.get("choices"), ()):
            self._join(place, _Piece(self._count, holder, key))
        held = [each.pieces[0].number for each in self._open.values() if each.length >= HELD_CHARACTERS]
        return self._passed(before=min(held, default=self._count + 1))

    def end(self) -> list[Chunk]:
        """The events that are left; an end that is most of a key is removed."""
        for each in self._open.values():
            if each.length > min(_LONGEST_END, each.whole // 2):
                end = sum(len(piece.text) for piece in each.pieces)
                _cut(each.pieces, end - each.length, end)
        self._open.clear()
        return self._passed(before=self._count + 1)

    def _passed(self, before: int) -> list[Chunk]:
        first = self._count - len(self._held) + 1
        return [self._held.popleft() for _ in range(before - first)]

    def _join(self, place: _Place, piece: _Piece) -> None:
        before = self._open.pop(place, None)
        end = piece.text[-self._longest :]
        if before is None and not any(first in end for first in self._firsts):
            return  # most texts, and an event may have thousands
        pieces = [*(before.pieces if before else ()), piece]
        for form in self._forms:
            at = 0
            while (at := "".join(each.text for each in pieces).find(form, at)) >= 0:
                _cut(pieces, at, at + len(form))
                at += len(REMOVED)
        text = "".join(each.text for each in pieces)
        length, whole = max((_begun(text, form), len(form)) for form in self._forms)
        if length:
            self._open[place] = _Open(_last(pieces, length), length, whole)


def _begun(text: str, form: str) -> int:
    """How many characters at the end of the text are the beginning of `form`."""
    at = text.find(form[0], max(len(text) - len(form) + 1, 0))
    while at >= 0 and not form.startswith(text[at:]):
        at = text.find(form[0], at + 1)
    return len(text) - at if at >= 0 else 0


def _last(pieces: list[_Piece], length: int) -> list[_Piece]:
    """The pieces that the last `length` characters are in."""
    kept: list[_Piece] = []
    for piece in reversed(pieces):
        if length <= 0:
            break
        kept.append(piece)
        length -= len(piece.text)
    return kept[::-1]


def _cut(pieces: Sequence[_Piece], start: int, end: int) -> None:
    """Replace these characters of the joined text; in pieces that were passed on it changes nothing any more."""
    replacement = REMOVED
    offset = sum(len(piece.text) for piece in pieces)
    for piece in reversed(pieces):
        offset -= len(piece.text)
        first, last = max(start - offset, 0), min(end - offset, len(piece.text))
        if first < last:
            piece.replace(first, last, replacement)
            replacement = ""


def _texts(value: Any, place: _Place) -> Iterator[tuple[_Place, Any, Any]]:
    """Each text in a value, where it is, and the place that it has for whoever joins texts."""
    if len(place) > _MAX_LEVELS:
        return
    if isinstance(value, dict):
        items: Any = ((key, (*place, key)) for key in list(value))
    elif isinstance(value, list):
        items = ((number, (*place, _index(each))) for number, each in enumerate(value))
    else:
        return
    for key, below in items:
        if isinstance(value[key], str):
            yield below, value, key
        else:
            yield from _texts(value[key], below)


def _index(entry: Any) -> object:
    """Entries of a list with an `index` are told apart by it; the texts of others are read one after the other."""
    index = entry.get("index") if isinstance(entry, dict) else None
    return index if isinstance(index, int) else None


async def without_split_keys(
    events: AsyncGenerator[Chunk | None, None], forms: Sequence[str]
) -> AsyncGenerator[Chunk | None, None]:
    """The events of a stream, without keys that are split over several of them; None is a keep-alive.

    Raises:
        GatewayError: that of the stream, after the events that came before it.
    """
    if not forms:
        async for event in events:
            yield event
        return
    split = SplitKeys(forms)
    try:
        async for event in events:
            for each in [None] if event is None else split.take(event):
                yield each
    except GatewayError:
        for each in split.end():
            yield each
        raise
    for each in split.end():
        yield each


def remove_split_keys(completion: dict[str, Any], forms: Sequence[str]) -> dict[str, Any]:
    """The completion, without keys that are split over the parts of its choices."""
    if forms:
        for choice in completion["choices"]:
            _drop_revealing_tokens(choice, forms)
        messages = {"choices": [{"message": choice.get("message")} for choice in completion["choices"]]}
        if _reveals(messages, forms):
            split = SplitKeys(forms)
            split.take(messages)
            split.end()
    return completion


def _reveals(messages: dict[str, Any], forms: Sequence[str]) -> bool:
    """Whether there is anything to remove: an answer may have a hundred thousand parts, and hardly ever has."""
    joined: dict[_Place, list[str]] = {}
    for place, holder, key in _texts(messages["choices"], ()):
        joined.setdefault(place, []).append(holder[key])
    texts = ["".join(parts) for parts in joined.values()]
    return any(form in text or _begun(text, form) > _LONGEST_END for text in texts for form in forms)


def _drop_revealing_tokens(choice: dict[str, Any], forms: Sequence[str]) -> None:
    """A long answer has a hundred thousand tokens with twenty alternatives: they are joined at once, or dropped."""
    logprobs = choice.get("logprobs")
    for tokens in logprobs.values() if isinstance(logprobs, dict) else ():
        listed = tokens if isinstance(tokens, list) else ()
        text = "".join([str(each.get("token", "")) for each in listed if isinstance(each, dict)])
        if any(form in text for form in forms):
            choice["logprobs"] = None
            return
