"""Is this the value that was meant? What a secret looks like after something went wrong on its way into OpenBao.

`doubts` is asked before a value is written, `form_doubts` of one that is there: what may have several lines has them
then, and whoever put it with ``--as-is`` meant it (``put.done`` in the journal).
"""

import json
import re
from base64 import b64decode
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
    PLACEHOLDER = "placeholder"
    REFERENCE = "reference"
    PATH = "path"
    ENCODED = "encoded"
    MESSAGE = "message"
    NULL = "null"
    NOT_TEXT = "not-text"


_WHILE_TYPING = frozenset({Doubt.SEVERAL_LINES, Doubt.TERMINAL_CUT})
"""Say something of how a value was given, and nothing of one that is stored: a PEM key has several lines."""


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
        Doubt.PLACEHOLDER: _is_placeholder(value) and not _is_masked(value),
        Doubt.REFERENCE: _is_reference(value),
        Doubt.PATH: _PATH.fullmatch(value.strip()) is not None,
        Doubt.ENCODED: _encodes_nothing(value),
        Doubt.MESSAGE: _MESSAGE.match(value) is not None,
    }
    return tuple(doubt for doubt, wrong in found.items() if wrong)


def form_doubts(value: object, field: str) -> tuple[Doubt, ...]:
    """Why what is stored in `field` is probably not the secret that was meant. `value` is as OpenBao's JSON has it.

    White space at the ends of a value of several lines is its last line break, which many tools write.
    """
    if value is None:
        return (Doubt.NULL,)
    if not isinstance(value, str):
        return (Doubt.NOT_TEXT,)
    found = doubts(Secret(value), field)
    several = "\n" in value.strip()
    passed_over = _WHILE_TYPING | ({Doubt.PADDED} if several else frozenset())
    return tuple(each for each in found if each not in passed_over)


def _is_assignment(value: str, field: str) -> bool:
    """A line of an ``.env`` file, a shell or a YAML file, pasted as a whole: of this field, or of another variable."""
    if re.match(rf"\s*(export\s+|set\s+)?{re.escape(field)}\s*(=|:\s)", value, re.IGNORECASE):
        return True
    return any(each.fullmatch(value.strip()) is not None for each in (_VARIABLE, _EXPORTED))


_VARIABLE = re.compile(r"(export\s+|set\s+)?[A-Z][A-Z0-9]+_[A-Z0-9_]{2,}=[^=\s;][^;\n]*")
"""``OTHER_KEY=…`` on one line. Without an underscore, or with a semicolon, it may be a connection string."""

_EXPORTED = re.compile(r"(export|set|setx|declare\s+-x)\s+[A-Za-z_]\w*=[^\n]*")
"""``export X=…``: with the word before it, a line of a shell whatever the variable is called."""

_STAND_INS = re.compile(
    r"(please)?(change|replace)(me|it|this|withyourkey)|todo|tbd|fixme|"
    r"(placeholder|example|sample|dummy|test|my|secret)(value|key|token|secret|password|apikey)|"
    r"placeholder|example|sample|dummy|test|testing|foobar|(token|secret|password|apikey)?|n/a|na|"
    r"(value|key|token|secret|password)here|"
    r"null|none|nil|undefined|unset|notset|redacted|hidden|removed|masked|fill(me)?(in)?"
)
"""What is written where a value is still to come; compared without case, hyphens, underscores, spaces and dots."""

_NUMBERED = re.compile(
    r"((please)?(change|replace)(me|it|this)|placeholder|password|passw0rd|todo|fixme|dummy(value|key|token|secret)?)\d{1,4}!?"
)
"""The same with a number behind it (``changeme123``): only words that nobody gives a real value."""

_STILL_TO_COME = re.compile(
    r"(your|insert|enter|paste|replace|change|add|put|fill)([-_ ][a-z]+){0,4}"
    r"[-_ ](key|token|secret|password|value|here|id|me|this|it|in)",
    re.IGNORECASE,
)
"""``your-openrouter-api-key``, ``insert_token_here``."""

_DOCUMENTED = re.compile(r"\w+[/+\w]*EXAMPLE(KEY)?")
"""How AWS ends the keys of its documentation (``AKIAIOSFODNN7EXAMPLE``)."""

_TEMPLATE = re.compile(r"\$\{[A-Za-z_][\w.:-]*\}|\{\{-?\s*[\w.$][^}\n]*\}\}|\{%.*%\}|<%.*%>")
"""A part that a shell, Helm, Jinja or ERB would have filled in."""

_POINTER = re.compile(
    r"\$\(.+\)|\$[A-Z_][A-Z0-9_]*|%[A-Z_][A-Z0-9_]*%|(op|bao|vault|file)://\S+|ref\+\w+://\S+|vault:\S+#\S+"
)
"""As a whole: names where the value is, in a shell or for a secret manager (1Password, vals, Bank-Vaults)."""

_PATH = re.compile(r"(/[a-z0-9._-]+){2,}|(~|\.{1,2})(/[A-Za-z0-9._-]+)+|[A-Za-z]:\\[\w .\\-]+")
"""A file's path. Without ``~`` or dots before it, one of capital letters as well may be base64."""

_MESSAGE = re.compile(
    r"\s*(<!doctype\s|<html[\s>]|(\w+: )?(error|fatal|warning|usage):\s|traceback \(most recent call last\))"
    r"|[^\n]*: (command not found|no such file or directory|permission denied)\s*$",
    re.IGNORECASE,
)
"""How a web page and what a program says about a failure begin, or end: the output of a command that went wrong."""


def _is_placeholder(value: str) -> bool:
    text = value.strip().strip("<>[](){}'\"`")
    plain = re.sub(r"[-_ .]", "", text).lower()
    return (
        any(each.fullmatch(plain) for each in (_STAND_INS, _NUMBERED))
        or any(each.fullmatch(text) for each in (_STILL_TO_COME, _DOCUMENTED))
        or _is_blank_form(value.strip())
    )


def _is_blank_form(value: str) -> bool:
    """A known prefix, and one character again and again: ``sk-or-v1-0000…``."""
    start = next((found for each, _ in _LENGTHS if (found := each.match(value))), None)
    rest = value[start.end() :] if start else ""
    return len(rest) > 4 and len(set(rest)) == 1  # noqa: PLR2004 - ``ghp_aa`` is merely cut


def _is_reference(value: str) -> bool:
    return _TEMPLATE.search(value) is not None or _POINTER.fullmatch(value.strip()) is not None


def _encodes_nothing(value: str) -> bool:
    """Base64 of what would be refused as it is: a Secret's manifest is often where a value is copied from."""
    try:
        text = b64decode(value.strip(), validate=True).decode()
    except ValueError:
        return False
    return len(text) > 2 and (_is_placeholder(text) or _is_reference(text))  # noqa: PLR2004 - ``xx`` may be random


def _has_invisible(value: str) -> bool:
    """Apart from line breaks, tabs, white space at the ends and NUL, which have doubts of their own."""
    return any(not (char.isprintable() or char in "\n\r\t\0") for char in value.strip())


_ANGLES = re.compile(r"<[A-Za-z][\w .:/-]*>")


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
    return _ANGLES.fullmatch(value) is not None or (len(value) > 2 and len(inner) * 2 < len(value))  # noqa: PLR2004 - mostly mask
