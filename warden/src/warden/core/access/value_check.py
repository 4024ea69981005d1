"""Is this the whole value? What a pasted, piped or masked secret looks like after something went wrong on the way."""

import json
import re
from enum import Enum

from warden.core.secret import Secret

TERMINAL_LINE = 4095
"""Bytes of one line that a terminal passes on (termios(3): canonical mode, MAX_CANON); the rest is cut silently."""

_LENGTHS = (
    (re.compile(r"sk-or-v1-"), 73),
    (re.compile(r"ghp_|gho_|ghs_"), 40),
    (re.compile(r"npm_"), 40),
    (re.compile(r"glpat-"), 26),
    (re.compile(r"AKIA"), 20),
)
"""Known prefixes and the length of the whole: a shorter one is cut (the providers' documented formats)."""


_OPENS_JSON = re.compile(r'\s*[{[]\s*["{]')
"""How a JSON document begins, and hardly any password."""


class Doubt(Enum):
    """Why a value is probably not the one that was meant."""

    EMPTY = "empty"
    SEVERAL_LINES = "several-lines"
    NUL_BYTE = "nul-byte"
    INVISIBLE = "invisible"
    PADDED = "padded"
    TRUNCATED = "truncated"
    MASKED = "masked"
    QUOTED = "quoted"
    TERMINAL_CUT = "terminal-cut"
    ASSIGNMENT = "assignment"
    OBJECT = "object"


def doubts(secret: Secret, field: str = "", *, from_terminal: bool = False) -> tuple[Doubt, ...]:
    """Why this is probably not the value that was meant for `field`; empty where nothing speaks against it."""
    value = secret.reveal()
    if not value.strip():
        return (Doubt.EMPTY,)
    found = {
        Doubt.SEVERAL_LINES: "\n" in value or "\r" in value,
        Doubt.NUL_BYTE: "\0" in value,
        Doubt.INVISIBLE: _has_invisible(value),
        Doubt.PADDED: value != value.strip(),
        Doubt.TRUNCATED: _is_cut(value),
        Doubt.MASKED: _is_masked(value),
        Doubt.QUOTED: value[0] == value[-1] and value[0] in "'\"`",
        Doubt.TERMINAL_CUT: from_terminal and len(value.encode()) >= TERMINAL_LINE,
        Doubt.ASSIGNMENT: bool(field) and _is_assignment(value, field),
        Doubt.OBJECT: bool(field) and value.lstrip().startswith("{") and f'"{field}"' in value,
    }
    return tuple(doubt for doubt, wrong in found.items() if wrong)


def _is_assignment(value: str, field: str) -> bool:
    """A line of an ``.env`` file, a shell or a YAML file, pasted as a whole."""
    return re.match(rf"\s*(export\s+|set\s+)?{re.escape(field)}\s*(=|:\s)", value, re.IGNORECASE) is not None


def _has_invisible(value: str) -> bool:
    """Apart from line breaks, tabs, white space at the ends and NUL, which have doubts of their own."""
    return any(not (char.isprintable() or char in "\n\r\t\0") for char in value.strip())


def _is_cut(value: str) -> bool:
    if value.endswith(("…", "...")):
        return True
    if "-----BEGIN " in value and "-----END " not in value:
        return True
    if value.startswith("eyJ") and value.count(".") == 1:
        return True
    if _OPENS_JSON.match(value) and not _is_json(value):
        return True
    return any(start.match(value) and len(value) < length for start, length in _LENGTHS)


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def _is_masked(value: str) -> bool:
    inner = re.sub(r"[*•xX.]", "", value)
    return (value.startswith("<") and value.endswith(">")) or (len(value) > 2 and len(inner) * 2 < len(value))  # noqa: PLR2004 - mostly mask
