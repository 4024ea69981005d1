"""Is this the whole value? What a pasted, piped or masked secret looks like when something went wrong on the way."""

import re

from warden.core.secret import Secret

TERMINAL_LINE = 4095
"""Bytes of one line that a terminal hands over (termios(3): canonical mode, MAX_CANON); the rest is cut silently."""

_LENGTHS = (
    (re.compile(r"sk-or-v1-"), 73),
    (re.compile(r"ghp_|gho_|ghs_"), 40),
    (re.compile(r"npm_"), 40),
    (re.compile(r"glpat-"), 26),
    (re.compile(r"AKIA"), 20),
)
"""Known beginnings and the length of the whole: shorter is cut (the providers' documented formats)."""


def doubts(secret: Secret, *, from_terminal: bool = False) -> list[str]:
    """Why this is probably not the value that was meant; each a phrase that does not quote it."""
    value = secret.reveal()
    if not value.strip():
        return ["it is empty"]
    found = [
        ("\n" in value or "\r" in value, "it has several lines"),
        ("\0" in value, "it holds a NUL byte, which no environment variable can carry"),
        (_has_unseen(value), "it holds a character that cannot be seen, as pasting or a byte order mark adds"),
        (value != value.strip(), "it begins or ends with white space"),
        (_is_cut(value), "it looks truncated"),
        (_is_masked(value), "it looks masked or like a placeholder"),
        (value[0] == value[-1] and value[0] in "'\"`", "it is wrapped in quotes"),
        (from_terminal and len(value.encode()) >= TERMINAL_LINE, "a terminal cuts lines of that length"),
    ]
    return [phrase for wrong, phrase in found if wrong]


def _has_unseen(value: str) -> bool:
    """Beyond line breaks, tabs, white space at the ends and NUL, of which more is said."""
    return any(not (char.isprintable() or char in "\n\r\t\0") for char in value.strip())


def _is_cut(value: str) -> bool:
    if value.endswith(("…", "...")):
        return True
    if "-----BEGIN " in value and "-----END " not in value:
        return True
    if value.startswith("eyJ") and value.count(".") == 1:
        return True
    return any(start.match(value) and len(value) < length for start, length in _LENGTHS)


def _is_masked(value: str) -> bool:
    inner = re.sub(r"[*•xX.]", "", value)
    return (value.startswith("<") and value.endswith(">")) or (len(value) > 2 and len(inner) * 2 < len(value))  # noqa: PLR2004 - mostly mask
