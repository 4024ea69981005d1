"""The lines of a generated part, and how those of a committed page differ from them.

What is not compared are dates and record numbers, which change without the state, and what this run did not look at.
So a page is stale only when something else is declared, or something stands otherwise.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec


class Part(NamedTuple):
    """A piece of a line; where it is not ``compared``, any text may stand in its place."""

    text: str
    compared: bool = True


Line = tuple[Part, ...]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A generated part of a page; where it is not ``compared``, this run knows nothing of what it says."""

    name: str
    lines: tuple[Line, ...]
    compared: bool = True

    @property
    def text(self) -> tuple[str, ...]:
        """Its lines as they are written."""
        return tuple(map(written, self.lines))


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the page that is not as it should be.

    Attributes:
        line: its 1-based number; of a line that is missing, the number of the one that it should stand before.
        found: what stands there; ``None`` where a line is missing.
        expected: what should; ``None`` where the line should not be there.
    """

    line: int
    found: str | None
    expected: str | None


def written(line: Line) -> str:
    """The line as it is written."""
    return "".join(part.text for part in line)


def differences(found: Sequence[str], block: Block, first: int) -> tuple[Difference, ...]:
    """How the lines of a page differ from the part that should stand there; `first` is the number of the first one."""
    if not block.compared:
        return ()
    patterns = [re.compile("".join(re.escape(p.text) if p.compared else ".*" for p in line)) for line in block.lines]
    fits = [next((each for each, one in enumerate(patterns) if one.fullmatch(text)), text) for text in found]
    # Equal lines have one key: the first of them.
    wanted = [next(each for each, one in enumerate(patterns) if one.fullmatch(text)) for text in block.text]
    return tuple(_differing(found, block.text, difflib.SequenceMatcher(None, fits, wanted, autojunk=False), first))


def _differing(
    found: Sequence[str], wanted: Sequence[str], matcher: "difflib.SequenceMatcher[int | str]", first: int
) -> Iterator[Difference]:
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        for offset in range(max(b - a, d - c)):
            yield Difference(
                line=first + min(a + offset, b),
                found=found[a + offset] if a + offset < b else None,
                expected=wanted[c + offset] if c + offset < d else None,
            )
