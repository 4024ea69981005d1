"""Writes activity_core/core/lookalikes.txt: what looks like a Latin letter or digit, after Unicode's own data.

The data are the confusables of UTS #39 as the Rust crate `unicode-security` ships them in src/tables.rs, since no
Python package ships a present release of them: `cargo add unicode-security` in an empty crate, `cargo fetch`, then

    .venv/bin/python tools/lookalikes.py ~/.cargo/registry/src/*/unicode-security-*/src/tables.rs

To these come letters that are Latin by their name and that no normalisation takes apart (small capitals, letters with a
stroke, white on black). Left out: ASCII, and what normalisation makes Latin anyway. Why so: docs/adr/0025.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = Path(__file__).parent.parent / "activity-core/src/activity_core/core/lookalikes.txt"
_ENTRY = re.compile(r"\('\\u\{([0-9a-f]+)\}',\s*&\[((?:\s*'\\u\{[0-9a-f]+\}',?)+)\s*\]\)")
_POINT = re.compile(r"\\u\{([0-9a-f]+)\}")
_LETTER = re.compile(
    r"(?:NEGATIVE \w+ |CROSSED )?LATIN (SMALL|CAPITAL|LETTER SMALL CAPITAL) (?:LETTER )?([A-Z])(?: WITH .*)?"
)
_SMALL = {"\u0138": "k", "\u028d": "m"}  # of Cyrillic letters that look like small capitals: kra, turned w
_NEVER = {"Mn", "Mc", "Me", "Sc"}  # marks are taken away, signs of currencies mean an amount
_MARKS = tuple("-_:=")  # of the rest, what the forms of keys and the labels of passwords are made of
_HEAD = """\
# What looks like a Latin letter or digit: TARGET = code points. Made by tools/lookalikes.py, not by hand.
# From the confusables of Unicode {version} (UTS #39), Copyright (c) 1991-present Unicode, Inc., under the Unicode
# License v3 (https://www.unicode.org/license.txt), and from the names of letters in Unicode {names}.
"""


def main(tables: Path) -> None:
    """Read the crate's tables, write ours."""
    source = tables.read_text(encoding="utf-8")
    version = ".".join(re.findall(r"UNICODE_VERSION: \(u64, u64, u64\) = \((\d+), (\d+), (\d+)\)", source)[0])
    found = dict(_named()) | dict(_confusable(source))
    lines = [
        f"{target} = {' '.join(f'{ord(each):04X}' for each, said in sorted(found.items()) if said == target)}"
        for target in sorted(set(found.values()))
    ]
    head = _HEAD.format(version=version, names=unicodedata.unidata_version)
    TARGET.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def _confusable(source: str) -> Iterator[tuple[str, str]]:
    small = str.maketrans(dict(_named()) | _SMALL)
    body = source.partition("pub mod confusable_detection")[2].partition("pub mod")[0]
    for point, prototype in _ENTRY.findall(body):
        each = chr(int(point, 16))
        target = _bare("".join(chr(int(one, 16)) for one in _POINT.findall(prototype))).translate(small)
        if _wanted(each) and target.isascii() and (target.isalnum() or target in _MARKS):
            yield each, target


def _named() -> Iterator[tuple[str, str]]:
    for each in map(chr, range(0x80, sys.maxunicode + 1)):
        if _wanted(each) and (found := _LETTER.fullmatch(unicodedata.name(each, ""))):
            yield each, found[2] if found[1] == "CAPITAL" else found[2].lower()


def _wanted(each: str) -> bool:
    """Neither ASCII, nor ASCII after normalisation and folding."""
    return not each.isascii() and not _bare(each).isascii() and unicodedata.category(each) not in _NEVER


def _bare(text: str) -> str:
    """Compatibility forms folded, marks taken away."""
    return "".join(each for each in unicodedata.normalize("NFKD", text) if unicodedata.category(each)[0] != "M")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
