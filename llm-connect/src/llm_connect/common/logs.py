"""One JSON object per line on standard error. No prompt, no answer, no key; only type and place of an exception."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from llm_connect.common.timestamps import utc_now

if TYPE_CHECKING:
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
