"""A process that validates once and ends: `python -m llm_connect.structured.worker`, JSON in, JSON out.

The kernel limits its time and memory, so that no schema can block the gateway.
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
    """Validate what standard input names: `schema`, `text` (null: only compile) and `finish_reason`."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(_result(json.load(sys.stdin))))


def _result(task: dict[str, Any]) -> dict[str, Any]:
    try:
        validator = compile_schema(task["schema"], linear=False)
    except InvalidSchema as error:
        return {"unusable": str(error)}
    return {} if task["text"] is None else validate(validator, task["text"], task["finish_reason"])


if __name__ == "__main__":
    main()
