"""The only file that prints.

Data goes to stdout, everything else to stderr. Colour only on a terminal and never with NO_COLOR; a word stands
beside it. On a terminal lines are wrapped to its width, from 80 to 100 columns. Nothing that is printed can steer a
terminal.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import IO, TYPE_CHECKING

from activity_core.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from activity_core.faults import Fault

_STYLES = {"head": "1", "bad": "1;31", "warn": "33", "dim": "2"}
NARROWEST, WIDEST = 80, 100
_MARGIN = len("activity-core: ")


def styled(text: str, style: str) -> str:
    """The harmless text, in colour where stdout is a terminal."""
    return _styled(text, style, sys.stdout)


def _styled(text: str, style: str, stream: IO[str]) -> str:
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if wanted else text


def on_terminal() -> bool:
    """Whether stdout is one."""
    return sys.stdout.isatty()


def width() -> int:
    """The columns to fill on stdout."""
    return _width(sys.stdout) if on_terminal() else WIDEST


def _width(stream: IO[str]) -> int:
    return max(NARROWEST, min(WIDEST, os.get_terminal_size(stream.fileno()).columns))


def _wrapped(text: str, margin: int) -> list[str]:
    """The lines of a harmless text on stderr; one, where that is no terminal."""
    if not sys.stderr.isatty():
        return [text]
    return textwrap.wrap(text, _width(sys.stderr) - margin, break_long_words=False, break_on_hyphens=False)


def columns() -> int | None:
    """How wide a table may be: as the terminal is; None where stdout is none, or it does not say."""
    return (os.get_terminal_size().columns or None) if on_terminal() else None


def lines(texts: Iterable[str]) -> None:
    """Lines of data."""
    for text in texts:
        sys.stdout.write(f"{text}\n")


def document(text: str) -> None:
    """A document that ends with a line break of its own."""
    sys.stdout.write(text)


def json_of(value: object) -> str:
    """One JSON document as it is printed and written."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def note(text: str) -> None:
    """What is no data."""
    progress_done()
    for line in _wrapped(plain(text), 0):
        sys.stderr.write(f"{line}\n")


def progress(text: str) -> None:
    """What is being done: on a terminal one line that the next one replaces, else nothing."""
    if sys.stderr.isatty():
        columns = os.get_terminal_size(sys.stderr.fileno()).columns or WIDEST
        shown = plain(text)[: columns - 1]  # of a longer one only the last row could be taken away
        sys.stderr.write(f"\r\x1b[K{shown}")
        sys.stderr.flush()


def progress_done() -> None:
    """Take the progress line away."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def fault(found: Fault, *, as_json: bool) -> None:
    """A fault: three parts for people, one object with ``--json``."""
    progress_done()
    if as_json:
        sys.stderr.write(json.dumps(found.as_json(), ensure_ascii=False) + "\n")
        return
    for each in found.faults:
        note(each)
    about = f" ({plain(found.subject)})" if found.subject and found.subject not in found.message else ""
    name = _styled("activity-core:", "bad", sys.stderr)
    told = [plain(found.message) + about, *([plain(found.hint)] if found.hint else [])]
    told = [line for text in told for line in _wrapped(text, _MARGIN)]
    sys.stderr.write(f"{name} {told[0]}\n")
    for line in told[1:]:
        sys.stderr.write(f"{' ' * _MARGIN}{line}\n")


def usage(found: click.ClickException, *, as_json: bool) -> None:
    """Wrong usage, in click's words."""
    progress_done()
    if as_json:
        told = {"code": 2, "kind": "usage", "system": "activity-core", "subject": "", "message": found.format_message()}
        sys.stderr.write(json.dumps(told | {"hint": "activity-core --help"}) + "\n")
        return
    found.show(file=sys.stderr)


def flush() -> None:
    """Hand over what is buffered, so that a full disk or a reader that left is noticed here."""
    sys.stdout.flush()


def forget_stdout() -> None:
    """What is still buffered cannot be delivered; Python would complain once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
