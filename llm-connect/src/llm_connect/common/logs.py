"""One JSON object per line on standard error. No prompt, no answer, no key; only type and place of an exception."""

from __future__ import annotations

import logging
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from llm_connect.common.timestamps import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.common.secret import Redactor

LEVELS = ("debug", "info", "warning", "error")
logger = logging.getLogger("llm_connect")
_ENCODER = msgspec.json.Encoder(enc_hook=repr)


class JsonLines(logging.Formatter):
    """Formats a record as one line; fields are passed as `extra={"fields": {...}}`."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        line: dict[str, Any] = {
            "ts": utc_now(),
            "level": record.levelname.lower(),
            "logger": record.name,
            # Only the first line: a library's message may contain a whole traceback, with the exception's text.
            "event": record.getMessage().strip().partition("\n")[0],
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            line |= _exception(record.exc_info[1])
        return self._redactor.text(_ENCODER.encode(line).decode())


def log_request(fields: Mapping[str, Any], redactor: Redactor) -> None:
    """Write the line of a request, as `logger.info` would: the way through `logging` takes four times as long.

    As there, a full disk or a reader that is gone costs the line, and nothing else.
    """
    if logger.isEnabledFor(logging.INFO):
        line = {"ts": utc_now(), "level": "info", "logger": logger.name, "event": "request", **fields}
        with suppress(OSError, ValueError):
            sys.stderr.write(redactor.text(_ENCODER.encode(line).decode()) + "\n")


def _exception(error: BaseException) -> dict[str, Any]:
    """Type and place: an exception's message may contain what a caller or a provider sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return {"exception": type(error).__name__, "at": [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in frames]}


def set_up(level: str, redactor: Redactor) -> None:
    """Send every logger of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(redactor))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    # No line tells them, and finding them out is a third of the time a line takes ("Optimization" in logging's HOWTO).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
