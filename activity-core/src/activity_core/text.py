"""Anybody's text, made harmless: no control, format or unassigned character, one line, a bounded length.

Format characters (Unicode category Cf) are what hides or reorders text: zero-width and bidirectional characters, and
the tag characters U+E0000 to U+E007F by which instructions are smuggled past a reader. Letters and marks that nobody
sees go with them (fillers, variation selectors, the grapheme joiner): they would break up a word or a key unseen.
"""

import unicodedata

from activity_core.lookalikes import INVISIBLE
from activity_core.masking import mask

_REMOVED = {"Cc", "Cf", "Cs", "Co", "Cn"}
ELLIPSIS = "…"
_READ = 20_000  # characters of one text that are looked at; the longest that is kept has 2,000


def plain(text: str) -> str:
    """The text on one line without characters that steer or hide; white space of any kind becomes one space."""
    if not (text.isascii() and text.isprintable()):
        spaced = (" " if each.isspace() else each for each in text)
        text = INVISIBLE.sub("", "".join(each for each in spaced if unicodedata.category(each) not in _REMOVED))
    return " ".join(text.split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was cut off."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def clean(text: str, limit: int) -> tuple[str, list[str], bool]:
    """One harmless line without secret material, the kinds of what was masked, and whether it was cut."""
    line, masked, was_cut = whole(text)
    return cut(line, limit), masked, was_cut or len(line) > limit


def whole(text: str) -> tuple[str, list[str], bool]:
    """As `clean`, as far as the text is read.

    What hides in a secret is taken out before it is looked for, and it is masked before the line is cut: no half stays.
    """
    read = text[:_READ]
    if len(text) > _READ:
        read = read.rpartition(" ")[0] or read  # the last word may be the first half of something
    line, masked = mask(plain(read))
    return line, masked, len(text) > _READ
