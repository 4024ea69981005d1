"""Writing JSON: quickly, as UTF-8, without a space."""

from __future__ import annotations

import json
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """`value` as JSON.

    msgspec is ten times as quick as the standard library and writes no integer beyond 64 bits; JSON has no such limit.
    """
    try:
        return _ENCODER.encode(value)
    except OverflowError:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")
