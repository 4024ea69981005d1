"""A process that compiles schemas and validates texts, one after the other: `python -m llm_connect.structured.worker`.

A task comes as three parts on standard input: `finish_reason` and `validate` as JSON, the schema, the text. The kernel
limits the memory of the process and the CPU time of each task, and ends it where one needs more. It yields to the
gateway, which is on the same CPU.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_connect.structured.frames import LENGTH, framed
from llm_connect.structured.validation import InvalidSchema, compile_schema, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

CPU_SECONDS = 1.0
MEMORY_BYTES = 96 * 1024 * 1024
"""Beside what the interpreter and its libraries take."""
_KEPT_GROWTH_BYTES = 24 * 1024 * 1024
"""A process that has grown by more ends after its task: memory that was used once is not given back."""
_KEPT_SCHEMAS = 8
_NICE = 5
"""A third of the gateway's weight for the scheduler."""


def main() -> None:
    """Serve tasks until standard input ends."""
    limit_process()
    at_start = _peak_bytes()
    validators: OrderedDict[bytes, Any] = OrderedDict()
    while head := _read():
        schema, text = _read(), _read()
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # nobody handles SIGPROF: it ends the process
        for result in _results(validators, json.loads(head), schema, text):
            _write(result | {"retires": _peak_bytes() - at_start > _KEPT_GROWTH_BYTES})
        signal.setitimer(signal.ITIMER_PROF, 0)


def limit_process() -> None:
    """Limit memory, yield to the gateway, and be the first that ends where the machine's memory does."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _read() -> bytes:
    size = sys.stdin.buffer.read(LENGTH)
    return sys.stdin.buffer.read(int.from_bytes(size)) if size else b""


def _write(result: dict[str, Any]) -> None:
    sys.stdout.buffer.write(framed(json.dumps(result).encode()))
    sys.stdout.buffer.flush()


def _peak_bytes() -> int:
    """The most memory that the process took; `ru_maxrss` would be that of the gateway it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split(maxsplit=1)[0]) * 1024


def _results(
    validators: OrderedDict[bytes, Any], head: dict[str, Any], schema: bytes, text: bytes
) -> Iterator[dict[str, Any]]:
    try:
        if schema not in validators:
            validators[schema] = compile_schema(json.loads(schema))
    except InvalidSchema as error:
        yield {"unusable": str(error)}
        return
    validators.move_to_end(schema)
    if len(validators) > _KEPT_SCHEMAS:
        validators.popitem(last=False)
    if head["validate"]:
        yield from verdicts(validators[schema], text, head["finish_reason"])
    else:
        yield {}


if __name__ == "__main__":
    main()
