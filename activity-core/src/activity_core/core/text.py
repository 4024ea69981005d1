"""Make foreign text harmless: one line of bounded length, without control, format or unassigned characters.

Format characters (Unicode category Cf) hide or reorder text: zero-width and bidirectional characters, and the tag
characters U+E0000 to U+E007F, which can carry instructions that a reader does not see. Invisible letters and marks
(fillers, variation selectors, the grapheme joiner) are removed too, because they could split a word or a key.
"""

import unicodedata

from activity_core.core.lookalikes import INVISIBLE
from activity_core.core.masking import mask

_REMOVED = {"Cc", "Cf", "Cs", "Co", "Cn"}
ELLIPSIS = "…"
_LONGEST_READ = 20_000  # characters of one text; the longest field that is kept has 2,000


def plain(text: str) -> str:
    """The text on one line without control and invisible characters. Any white space becomes one space."""
    if not (text.isascii() and text.isprintable()):
        spaced = (" " if char.isspace() else char for char in text)
        text = INVISIBLE.sub("", "".join(char for char in spaced if unicodedata.category(char) not in _REMOVED))
    return " ".join(text.split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending in an ellipsis if something was cut off."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def clean(text: str, limit: int) -> tuple[str, list[str], bool]:
    """One harmless line without secret material, the kinds of what was masked, and whether it was cut."""
    line, masked, was_cut = clean_uncut(text)
    return cut(line, limit), masked, was_cut or len(line) > limit


def clean_uncut(text: str) -> tuple[str, list[str], bool]:
    """As `clean`, but not cut to a limit; whether it was cut says that the text is longer than is read at all.

    Invisible characters are removed before secrets are searched for, and secrets are masked before the line is cut, so
    that no half of a secret remains.
    """
    read = text[:_LONGEST_READ]
    if len(text) > _LONGEST_READ:
        read = read.rpartition(" ")[0] or read  # the last word may be the first half of a secret
    line, masked = mask(plain(read))
    return line, masked, len(text) > _LONGEST_READ
