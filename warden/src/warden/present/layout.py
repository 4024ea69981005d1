"""How text fits a terminal of any width: nothing is broken inside a word, and no command line is broken at all."""

import textwrap
from collections.abc import Sequence

from warden.present.commands import GLUE

GAP = 2
"""Columns between two columns of a table."""

_Cells = Sequence[Sequence[str]]
_MARKS = 0xF0000
"""From here on, characters mark styles, but for `GLUE`: `terminal` has escaped those of a foreign text."""


def _size(text: str) -> int:
    """Columns of the screen that a text takes; the marks of its style take none."""
    return sum(each == GLUE or ord(each) < _MARKS for each in text)


def natural(cells: _Cells) -> list[int]:
    """The width of each column's longest cell."""
    return [max(map(_size, column)) for column in zip(*cells, strict=True)]


def total(widths: Sequence[int]) -> int:
    """Columns of the screen that a table of these takes."""
    return sum(widths) + GAP * (len(widths) - 1)


def shrunk(cells: _Cells, columns: int) -> list[int] | None:
    """Widths with which the table fits, the last column shrunk first; ``None`` where only a cut word would fit."""
    widths = natural(cells)
    least = [max(_size(_shortest(cell)) for cell in column) for column in zip(*cells, strict=True)]
    for column in range(len(widths) - 1, 0, -1):
        over = max(0, total(widths) - columns)
        widths[column] = max(least[column], widths[column] - over)
    return widths if total(widths) <= columns else None


def cut(cell: str, size: int) -> str:
    """The text in exactly `size` columns, cut between words with an ellipsis where it is longer."""
    if (free := size - _size(cell)) >= 0:
        return cell + " " * free
    kept = cell[: size - 1]
    if cell[size - 1] != " ":
        kept = kept.rpartition(" ")[0]
    return f"{kept.rstrip(' ,;:·')}…".ljust(size)


def _shortest(cell: str) -> str:
    """What is left of a cell that is cut as far as it can be."""
    first, space, _ = cell.partition(" ")
    return f"{first.rstrip(' ,;:·')}…" if space else first


def stacked(head: Sequence[str], row: Sequence[str], columns: int) -> list[str]:
    """A row as lines: its first cell, and below it each other cell behind its column's name."""
    names = [name.lower() for name in head]
    size = max(map(len, names[1:]), default=0)
    lines = [row[0]]
    for name, cell in zip(names[1:], row[1:], strict=True):
        lines += hanging(f"  {name:<{size}}  ", cell, columns) if cell else []
    return lines


def hanging(lead: str, text: str, columns: int) -> list[str]:
    """The text behind a lead, in lines below each other."""
    lines = folded(text, max(columns - len(lead), 1), indent=0) or [""]
    return [f"{lead}{lines[0]}".rstrip(), *(f"{' ' * len(lead)}{each}" for each in lines[1:])]


def folded(text: str, columns: int, *, indent: int) -> list[str]:
    """The text in lines that end between words; a command line from `to_paste` stays on one line, however long."""
    margin = " " * indent
    lines = textwrap.wrap(
        text, columns, initial_indent=margin, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )
    return [each.replace(GLUE, " ") for each in lines]
