"""A process that judges once and ends: `python -m llm_connect.structured.worker`, JSON in, JSON out.

Its time and memory are limited by the kernel, so that no schema can hold the gateway.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from llm_connect.structured.validation import InvalidSchema, compile_schema, validate

CPU_SECONDS = 3
_MEMORY_BYTES = 1024 * 1024 * 1024


def main() -> None:
    """Judge what standard input asks: `schema`, `text` (null: compile only) and `finish_reason`."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(_answer(json.load(sys.stdin))))


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        validator = compile_schema(asked["schema"], linear=False)
    except InvalidSchema as found:
        return {"unusable": str(found)}
    return {} if asked["text"] is None else validate(validator, asked["text"], asked["finish_reason"])


if __name__ == "__main__":
    main()
