"""The parts of a page that are generated, between two markers each; everything else is written by hand and kept.

    <!-- warden:begin owners -->
    …
    <!-- warden:end owners -->

A marker stands alone on its line. A page in which one is damaged is not changed: it cannot be told what is whose.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

BlockName = Literal[
    "about", "owners", "do-not-ask", "custody", "gate", "checklist", "smoke", "rotation", "next", "see-also"
]
BLOCKS: tuple[BlockName, ...] = get_args(BlockName)
"""Every generated part, in the order of a new page. On a page that exists they may be in any order."""

_MARKER = re.compile(r"<!-- warden:(begin|end) ([a-z-]+) -->")
_LIKE_ONE = re.compile(r"(?<!\\)<!-{0,3}\s*warden\b|\bwarden:(begin|end)\b.*-->", re.IGNORECASE)


class Damage(msgspec.Struct, frozen=True, order=True):
    """What is wrong with a marker: `line` is 1-based; ``block`` is the part that it names, empty where it names none.

    ``unreadable``: it looks like a marker; ``inside``: it begins within another part; ``not-begun``, ``not-ended``;
    ``unknown``: there is no such part; ``twice``: the page has the part already.
    """

    line: int
    kind: Literal["unreadable", "inside", "not-begun", "not-ended", "unknown", "twice"]
    block: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where a part stands: the 0-based lines of its two markers."""

    begin: int
    end: int


def begin(block: str) -> str:
    """The marker before a part."""
    return f"<!-- warden:begin {block} -->"


def end(block: str) -> str:
    """The marker behind a part."""
    return f"<!-- warden:end {block} -->"


def places(lines: Sequence[str]) -> tuple[dict[str, Place], tuple[Damage, ...]]:
    """Where each part of a page stands, and every damaged marker, in the order of lines."""
    found: dict[str, Place] = {}
    damages: list[Damage] = []
    opened: tuple[str, int] | None = None
    for number, text in enumerate(lines):
        marker = _MARKER.fullmatch(text.strip())
        if marker is None:
            damages += [Damage(number + 1, "unreadable")] if _LIKE_ONE.search(text) else []
        elif marker[1] == "begin":
            damages += _begun(marker[2], number, opened, found)
            opened = opened or (marker[2], number)
        elif opened is None or opened[0] != marker[2]:
            damages.append(Damage(number + 1, "not-begun", marker[2]))
        else:
            found.setdefault(opened[0], Place(opened[1], number))
            opened = None
    if opened is not None:
        damages.append(Damage(opened[1] + 1, "not-ended", opened[0]))
    return found, tuple(sorted(damages))


def _begun(block: str, number: int, opened: tuple[str, int] | None, found: Mapping[str, Place]) -> list[Damage]:
    """What is wrong with a marker that begins a part."""
    if opened is not None:
        return [Damage(number + 1, "inside", block)]
    if block not in BLOCKS:
        return [Damage(number + 1, "unknown", block)]
    return [Damage(number + 1, "twice", block)] if block in found else []


def merged(lines: Sequence[str], blocks: Mapping[str, Sequence[str]]) -> list[str]:
    """The page with each part as it is now; a part that it lacks comes behind the one before it.

    The page has no damaged marker. A page without any part keeps its text, and the parts follow it.
    """
    found, _ = places(lines)
    parts: dict[str, list[str]] = {
        name: [begin(name), *blocks[name], end(name)] for name in (*BLOCKS, *found) if name in blocks
    }
    added = _added(parts, found)
    page: list[str] = []
    number = 0
    starts = {place.begin: name for name, place in found.items()}
    while number < len(lines):
        name = starts.get(number)
        if name is None:
            page.append(lines[number])
            number += 1
            continue
        page += [*parts[name], *(line for each in added.get(name, ()) for line in ("", *parts[each]))]
        number = found[name].end + 1
    for each in added.get("", ()):
        page += ["", *parts[each]] if page else parts[each]
    return page


def _added(parts: Mapping[str, Sequence[str]], found: Mapping[str, Place]) -> dict[str, list[str]]:
    """Each part that the page lacks, by the one that it comes behind; by "" where the page has none at all."""
    added: dict[str, list[str]] = {}
    before = next((name for name in BLOCKS if name in found), "")
    for name in parts:
        if name in found:
            before = name
        else:
            added.setdefault(before, []).append(name)
    return added
