"""The only module that prints.

Data goes to stdout, everything else to stderr. Colour is used only on a terminal and never with NO_COLOR; a word is
beside it. On a terminal, lines are wrapped to its width, from 80 to 100 columns. Nothing that is printed can control a
terminal.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import IO, TYPE_CHECKING

from activity_core.core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from activity_core.core.errors import TriageError

_STYLES = {"head": "1", "bad": "1;31", "warn": "33", "dim": "2"}
NARROWEST, WIDEST = 80, 100
_MARGIN = len("activity-core: ")


def styled(text: str, style: str) -> str:
    """The harmless text, in colour if stdout is a terminal."""
    return _styled_for(sys.stdout, text, style)


def _styled_for(stream: IO[str], text: str, style: str) -> str:
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if wanted else text


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def width() -> int:
    """The columns to fill on stdout."""
    return _terminal_width(sys.stdout) if is_terminal() else WIDEST


def _terminal_width(stream: IO[str]) -> int:
    return max(NARROWEST, min(WIDEST, os.get_terminal_size(stream.fileno()).columns))


def _wrapped_for_stderr(text: str, margin: int) -> list[str]:
    """The lines of a harmless text on stderr; one line if that is not a terminal."""
    if not sys.stderr.isatty():
        return [text]
    width = _terminal_width(sys.stderr) - margin
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def columns() -> int | None:
    """How wide a table may be: as the terminal is. None if stdout is not a terminal, or its width is unknown."""
    return (os.get_terminal_size().columns or None) if is_terminal() else None


def lines(texts: Iterable[str]) -> None:
    """Print lines of data."""
    for text in texts:
        sys.stdout.write(f"{text}\n")


def document(text: str) -> None:
    """Print a document that ends with a line break of its own."""
    sys.stdout.write(text)


def json_of(value: object) -> str:
    """One JSON document as it is printed and written to files."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def note(text: str) -> None:
    """Print something that is not data."""
    end_progress()
    for line in _wrapped_for_stderr(plain(text), 0):
        sys.stderr.write(f"{line}\n")


def progress(text: str) -> None:
    """Show what is being done: on a terminal, one line that the next one replaces; else nothing."""
    if sys.stderr.isatty():
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or WIDEST
        line = plain(text)[: columns - 1]  # a longer one would wrap, and only its last row could be removed
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def end_progress() -> None:
    """Remove the progress line."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def error(found: TriageError, *, as_json: bool) -> None:
    """Print an error: problem, effect and fix for people, one object with ``--json``."""
    end_progress()
    if as_json:
        sys.stderr.write(json.dumps(found.as_json(), ensure_ascii=False) + "\n")
        return
    for each in found.details:
        note(each)
    about = f" ({plain(found.subject)})" if found.subject and found.subject not in found.message else ""
    name = _styled_for(sys.stderr, "activity-core:", "bad")
    texts = [plain(found.message) + about, *([plain(found.hint)] if found.hint else [])]
    first, *rest = [line for text in texts for line in _wrapped_for_stderr(text, _MARGIN)]
    sys.stderr.write(f"{name} {first}\n")
    for line in rest:
        sys.stderr.write(f"{' ' * _MARGIN}{line}\n")


def usage_error(found: click.ClickException, *, as_json: bool) -> None:
    """Print a usage error, in click's words."""
    end_progress()
    if as_json:
        message = found.format_message()
        fixed = {"code": 2, "kind": "usage", "system": "activity-core", "subject": "", "message": message}
        sys.stderr.write(json.dumps(fixed | {"hint": "activity-core --help"}) + "\n")
        return
    found.show(file=sys.stderr)


def flush() -> None:
    """Write what is buffered, so that a full disk or a closed pipe is noticed here."""
    sys.stdout.flush()


def discard_stdout() -> None:
    """Drop what is buffered and cannot be delivered; Python would report it again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
