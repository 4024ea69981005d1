"""Writes JSON as UTF-8, without spaces."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """`value` as JSON.

    msgspec is ten times faster than the standard library, but does not support integers beyond 64 bits; JSON does.
    """
    try:
        return _ENCODER.encode(value)
    except OverflowError:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
