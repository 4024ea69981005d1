"""The only file that prints.

No caller can forget that a text is foreign: whatever is printed is escaped on its way out, so that a name with a line
break or a control sequence in it stays one line of harmless characters.

The rules of output: data goes to stdout, everything else to stderr. A word stands beside each symbol, so that colour
can be switched off (NO_COLOR); it is only used on a terminal. What is printed fits the terminal, whatever its width,
and breaks between words; piped output is never cut. Times are relative for people and ISO 8601 UTC in JSON. ``--json``
prints one document, an error is one object on stderr. No function here but `value` can print a `Secret`.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from warden.core.errors import Inconclusive, Invalid, WardenError
from warden.core.secret import Secret
from warden.present import layout
from warden.present.commands import GLUE
from warden.present.escaping import escaped, is_visible

if TYPE_CHECKING:
    import click

STYLES = {"ok": "32", "bad": "1;31", "warn": "33", "dim": "2", "head": "1", "": "0"}
_FIRST = 0xF0000 + int.from_bytes(os.urandom(2)) % 0xFF00
_MARKS = {style: chr(_FIRST + number) for number, style in enumerate(STYLES)}
"""Stands for a style until the text is printed; as `GLUE`, no foreign text can hold it."""
_OURS = "".join((*_MARKS.values(), GLUE))


def _coloured(stream: IO[str]) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, stream: IO[str] | None = None) -> str:
    """The text in a named style where the stream (default stdout) is a terminal, otherwise unchanged."""
    return f"{_MARKS[style]}{text}{_MARKS['']}" if _coloured(stream or sys.stdout) else text


def width() -> int:
    """Columns to use: the terminal's; 0 (no limit) where stdout is not a terminal."""
    return _columns(sys.stdout) if sys.stdout.isatty() else 0


def _columns(stream: IO[str]) -> int:
    """A terminal that does not say how wide it is counts as one of 80."""
    return max(NARROWEST, os.get_terminal_size(stream.fileno()).columns or 80)


NARROWEST = 40
"""Columns below which nothing is laid out anew."""


def line(text: str = "") -> None:
    """One line of data. Raises `Unwritable`."""
    _out(f"{harmless(text)}\n")


def text(document: str) -> None:
    """A document of our own as it is, such as a shell's script. Raises `Unwritable`."""
    _out(document if document.endswith("\n") else f"{document}\n")


class Unwritable(OSError):
    """Stdout cannot be written."""


class ReaderGone(Exception):
    """Stdout is a pipe that nobody reads any more. Not an `OSError`: click ends a broken pipe with 1, an answer."""


def _out(text: str) -> None:
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as fault:
        raise Unwritable(fault.errno, fault.strerror) from None


def sentence(text: str) -> None:
    """A sentence of data: on a terminal in lines that end between words, indented as it is; one line when piped."""
    rest = text.lstrip(" ")
    for each in wrapped(rest, indent=len(text) - len(rest)) if width() else [text]:
        line(each)


def note(text: str) -> None:
    """A sentence for people, on stderr; on a terminal in lines that end between words, indented as the first one is."""
    for each in _for_people(text):
        sys.stderr.write(f"{harmless(each)}\n")


def question(text: str) -> str:
    """What somebody is asked, in lines that end between words."""
    return "\n".join(map(harmless, _for_people(text)))


def _for_people(text: str) -> list[str]:
    if not sys.stderr.isatty():
        return [text]
    rest = text.lstrip(" ")
    return folded(rest, _columns(sys.stderr), indent=len(text) - len(rest)) or [text]


def harmless(text: str) -> str:
    """The text as it is printed: our own styles as they are, everything else that cannot be seen as an escape."""
    text = escaped(text, keep=_OURS).replace(GLUE, " ")
    for style, mark in _MARKS.items():
        text = text.replace(mark, f"\x1b[{STYLES[style]}m")
    return text


def document(value: object) -> None:
    """The one JSON document of ``--json``."""
    _out(f"{_json(msgspec.to_builtins(value), indent=2)}\n")


def json_line(value: object) -> str:
    """One JSON document on one line, with its end: what a stream of documents consists of."""
    return f"{_json(msgspec.to_builtins(value))}\n"


def _json(value: object, *, indent: int | None = None) -> str:
    """JSON; invisible characters are escaped, since they can steer a terminal too."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    invisible = {char for char in set(text) if char != "\n" and not is_visible(char)}
    return text.translate({ord(char): json.dumps(char)[1:-1] for char in invisible}) if invisible else text


def plain(value: object) -> dict[str, Any]:
    """A structure as the object that `document` would print."""
    return dict(msgspec.to_builtins(value))


class ValueCutShort(msgspec.Struct, frozen=True):
    """The effect: the value was not written, or not all of it."""


def value(secret: Secret) -> None:
    """A secret's value and nothing else, for ``--fetch``; no newline is added.

    Raises `Inconclusive` where stdout cannot be written.
    """
    try:
        # Bytes: a value may contain half a surrogate pair, and an error of the text layer would quote it. Unbuffered:
        # Python must not try again at exit what could not be written.
        rest = memoryview(secret.reveal().encode("utf-8", "surrogatepass"))
        while rest:
            rest = rest[os.write(sys.stdout.fileno(), rest) :]
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as fault:
        why = os.strerror(fault.errno or 0).lower()
        raise Inconclusive(
            f"stdout cannot be written ({why})",
            effect=ValueCutShort(),
            system="stdout",
            hint="discard what has arrived there",
        ) from None


def progress(text: str) -> None:
    """What warden is waiting for: on a terminal one line that the next one replaces, nothing when piped."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{harmless(text)}")
        sys.stderr.flush()


def progress_done() -> None:
    """Remove the progress line."""
    progress("")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, whole: bool = False) -> None:
    """Columns padded to their content. On a terminal cells are cut between words, from the last column.

    Where only cut words would fit, each row is a block: its first cell, and below it the others with their names. So it
    is where a cell of a table that must be shown `whole` would be cut.
    """
    cells = [list(head), *[[escaped(cell, keep=_OURS) for cell in row] for row in rows]]
    widths = layout.shrunk(cells, width()) if width() else layout.natural(cells)
    if widths is None or (whole and widths != layout.natural(cells)):
        for row in cells[1:]:
            for each in layout.stacked(head, row, width()):
                line(each)
        return
    for number, row in enumerate(cells):
        text = (" " * layout.GAP).join(map(layout.cut, row, widths)).rstrip()
        line(styled(text, "head") if number == 0 else text)


def heading(first: str, second: str) -> None:
    """Two parts on one line where they fit, otherwise one below the other."""
    for part in joined(first, second):
        line(part)


def joined(first: str, second: str, *, indent: int = 0) -> list[str]:
    """Two parts as one line where they fit, otherwise as two: the edge of a terminal must not cut a command."""
    whole = f"{' ' * indent}{first} · {second}"
    if not width() or len(whole) <= width():
        return [whole]
    return [f"{' ' * indent}{first}", f"{' ' * (indent + 2)}{second}"]


def fits(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Whether the whole table fits the terminal without a cut; always true when piped."""
    return not width() or layout.total(layout.natural([head, *rows])) <= width()


def wrapped(text: str, *, indent: int) -> list[str]:
    """The text in lines of at most `width` columns (100 when piped), each indented; see `folded`."""
    return folded(text, width() or 100, indent=indent)


def folded(text: str, columns: int, *, indent: int) -> list[str]:
    """The text in lines that end between words; a command line from `to_paste` stays on one line, however long."""
    return layout.folded(escaped(text, keep=_OURS), columns, indent=indent)


def hanging(lead: str, text: str) -> None:
    """A text behind a lead; on a terminal in lines below each other."""
    shown = escaped(text, keep=_OURS)
    for each in layout.hanging(lead, shown, width()) if width() else [f"{lead}{shown}"]:
        line(each)


def ago(moment: datetime | str | int, now: datetime | None = None) -> str:
    """``3 h ago``; `moment` is aware, an ISO 8601 text, or seconds since 1970."""
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment, UTC)
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = max(0, int(((now or datetime.now(UTC)) - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def counted(number: int, noun: str) -> str:
    """``1 record``, ``2 records``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC: ``2026-11-30T21:00:00Z``."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")


def error(fault: WardenError, *, as_json: bool) -> None:
    """An error: problem, effect and remedy for people, one object with ``--json``."""
    from warden.present import errors

    progress_done()
    if as_json:
        sys.stderr.write(f"{_json(errors.as_json(fault))}\n")
        return
    if isinstance(fault, Invalid):
        for each in fault.faults:
            note(str(each))
    first, *rest = _for_people(f"        {errors.message(fault)}")
    for text in (f"{styled('warden:', 'bad', sys.stderr)} {first.lstrip(' ')}", *rest):
        sys.stderr.write(f"{harmless(text)}\n")
    if hint := errors.hint_to_paste(fault):
        note(f"        {hint}")


def usage(fault: "click.ClickException", *, as_json: bool) -> None:
    """A usage error in click's words."""
    if as_json:
        ctx = getattr(fault, "ctx", None)
        hint = f"{ctx.command_path if ctx else 'warden'} --help"
        shown: dict[str, Any] = {"code": 2, "kind": "usage", "system": "warden", "subject": "", "hint": hint}
        sys.stderr.write(json.dumps(shown | {"message": fault.format_message()}) + "\n")
        return
    words = io.StringIO()
    fault.show(file=words)
    for each in words.getvalue().expandtabs(2).splitlines():
        sys.stderr.write(f"{harmless(each)}\n")


def interrupted() -> None:
    """Ctrl-C: one line."""
    progress_done()
    note("warden: interrupted.")


def flush() -> None:
    """Write what is buffered, so that a reader that has gone is noticed here and not at exit."""
    sys.stdout.flush()
