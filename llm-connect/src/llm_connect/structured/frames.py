"""What the gateway and its workers send each other through pipes: each part is preceded by its length."""

from __future__ import annotations

LENGTH = 4
"""Bytes of a length, big-endian."""


def framed(*parts: bytes) -> bytes:
    """The parts, each with its length."""
    return b"".join(piece for part in parts for piece in (len(part).to_bytes(LENGTH), part))
