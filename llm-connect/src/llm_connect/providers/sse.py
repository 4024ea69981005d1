"""Reads server-sent events as they come. Source: the HTML standard, "Parsing an event stream"."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import NamedTuple

from llm_connect.providers.answers import malformed

MAX_EVENT_BYTES = 16 * 1024 * 1024
_LINE_ENDS = (b"\n", b"\r")


class Event(NamedTuple):
    """One event; `name` is empty for most."""

    name: str
    data: str


class EventReader:
    """Splits a stream of bytes into events. Lines end with LF, CR or CRLF.

    `feed` returns what became complete: events, and None for a comment or an event without data, which only keep the
    connection alive.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []  # of the line that is not complete yet
        self._rest_size = 0
        self._after_cr = False
        self._name = b""
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, octets: bytes) -> list[Event | None]:
        """The events that these bytes complete.

        Raises:
            GatewayError: an event is larger than MAX_EVENT_BYTES.
        """
        if self._after_cr and octets:  # a CRLF may come in two parts
            self._after_cr = False
            octets = octets.removeprefix(b"\n")
        found: list[Event | None] = []
        for line in self._lines(octets):
            self._take(line, found)
        if self._size + self._rest_size > MAX_EVENT_BYTES:
            raise malformed("provider_too_large", f"an event of its stream is larger than {MAX_EVENT_BYTES} bytes")
        return found

    def end(self) -> list[Event | None]:
        """The event that the end of the stream completes: many servers leave out the last empty line."""
        found: list[Event | None] = []
        if self._rest:
            self._take(self._whole(b""), found)
        self._dispatch(found)
        return found

    def _lines(self, octets: bytes) -> list[bytes]:
        if not octets:
            return []
        lines = octets.splitlines()
        partial = b"" if octets.endswith(_LINE_ENDS) else lines.pop()
        self._after_cr = octets.endswith(b"\r")
        if lines:
            lines[0] = self._whole(lines[0])
        if partial:
            self._rest.append(partial)
            self._rest_size += len(partial)
        return lines

    def _whole(self, last: bytes) -> bytes:
        """The line that ends with these bytes."""
        line = b"".join((*self._rest, last))
        self._rest, self._rest_size = [], 0
        if not self._begun:
            self._begun, line = True, line.removeprefix(BOM_UTF8)
        return line

    def _take(self, line: bytes, found: list[Event | None]) -> None:
        if not line:
            self._dispatch(found)
            return
        name, _, value = line.partition(b":")
        if not name:
            found.append(None)
        elif name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(line)
        elif name == b"event":
            self._name = value.removeprefix(b" ")

    def _dispatch(self, found: list[Event | None]) -> None:
        if self._data:
            data = b"\n".join(self._data).decode("utf-8", "replace").strip()
            found.append(Event(self._name.decode("utf-8", "replace"), data) if data else None)
        self._name, self._data, self._size = b"", [], 0
