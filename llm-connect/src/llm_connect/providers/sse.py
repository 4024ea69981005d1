"""Reads server-sent events as they come. Source: the HTML standard, "Parsing an event stream"."""

from __future__ import annotations

from codecs import BOM_UTF8

from llm_connect.providers.answers import malformed

MAX_EVENT_BYTES = 16 * 1024 * 1024


class EventReader:
    """Splits a stream of bytes into events.

    `feed` returns what became complete: the data of each event as a string, and None for a comment, which only keeps
    the connection alive.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, octets: bytes) -> list[str | None]:
        """The events that these bytes complete.

        Raises:
            GatewayError: an event is larger than MAX_EVENT_BYTES.
        """
        *lines, self._rest = (self._rest + octets).replace(b"\r\n", b"\n").split(b"\n")
        if lines and not self._begun:
            self._begun, lines[0] = True, lines[0].removeprefix(BOM_UTF8)
        found: list[str | None] = []
        for line in lines:
            self._take(line, found)
        if self._size + len(self._rest) > MAX_EVENT_BYTES:
            raise malformed("provider_too_large", f"an event of its stream is larger than {MAX_EVENT_BYTES} bytes")
        return found

    def _take(self, line: bytes, found: list[str | None]) -> None:
        if line.startswith(b":"):
            found.append(None)
        elif line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))
            self._size += len(line)
        elif not line.rstrip(b"\r") and self._data:
            found.append(b"\n".join(self._data).decode("utf-8", "replace").strip())
            self._data, self._size = [], 0
