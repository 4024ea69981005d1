"""Content codings of requests and answers: gzip and deflate. Source: RFC 9110, 8.4.1; RFC 1950 to 1952."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

SUPPORTED = ("gzip", "deflate")
_ZLIB_METHOD = 8
_TOKEN = re.compile(r"[a-z0-9_-]{1,20}", re.ASCII)


class UndecodableError(ValueError):
    """The octets are not what their coding says, or end too early."""


def coding_of(headers: Iterable[str]) -> str:
    """The coding that Content-Encoding headers name; empty for none, `several` for more than one.

    Several would multiply what a few bytes can become, and nobody sends them.
    """
    names = [name.strip().lower() for header in headers for name in header.split(",")]
    codings = [name for name in names if name not in ("", "identity")]
    if len(codings) > 1:
        return "several"
    coding = codings[0] if codings else ""
    if coding == "x-gzip":
        return "gzip"
    return coding if not coding or _TOKEN.fullmatch(coding) else "unknown"


class Decoder:
    """Decodes what comes in parts. Each call returns at most `limit` bytes: few bytes can become many.

    Args:
        coding: one of SUPPORTED.
        limit: in bytes.

    Attributes:
        pending: there may be more from the octets so far; call `decode` with none.
    """

    def __init__(self, coding: str, limit: int) -> None:
        self._coding = coding
        self._limit = limit
        self._unread = b""
        self._inflate: Any = None
        self.pending = False

    def decode(self, octets: bytes) -> bytes:
        """What these octets become, after those before.

        Raises:
            UndecodableError: they are not encoded so.
        """
        data = self._unread + octets
        if self._inflate is None:
            if len(data) < 2:  # noqa: PLR2004 - the first two bytes tell the format
                self._unread = data
                return b""
            self._inflate = zlib.decompressobj(_window_bits(self._coding, data))
        try:
            decoded: bytes = self._inflate.decompress(data, self._limit)
        except zlib.error:
            raise UndecodableError(f"is not {self._coding}") from None
        self._unread = self._inflate.unconsumed_tail
        self.pending = bool(self._unread) or len(decoded) == self._limit
        return decoded

    def finish(self) -> None:
        """Nothing comes after what was decoded.

        Raises:
            UndecodableError: it is not complete, or has more behind its end.
        """
        if self._inflate is None or not self._inflate.eof:
            raise UndecodableError(f"ends before its {self._coding} is complete")
        if self._inflate.unused_data:
            raise UndecodableError(f"has more after the end of its {self._coding}")


def _window_bits(coding: str, data: bytes) -> int:
    """What zlib calls the format. `deflate` means zlib's (RFC 9110, 8.4.1.2); some send it without its header."""
    if coding == "gzip":
        return 16 + zlib.MAX_WBITS
    has_header = data[0] & 0x0F == _ZLIB_METHOD and int.from_bytes(data[:2], "big") % 31 == 0
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
