"""Anybody's text, made harmless: no control, format or unassigned character, one line, a bounded length.

Format characters (Unicode category Cf) are what hides or reorders text: zero-width and bidirectional characters, and
the tag characters U+E0000 to U+E007F by which instructions are smuggled past a reader.
"""

import unicodedata

_REMOVED = {"Cc", "Cf", "Cs", "Co", "Cn"}
ELLIPSIS = "…"


def plain(text: str) -> str:
    """The text on one line without characters that steer or hide; white space of any kind becomes one space."""
    if not (text.isascii() and text.isprintable()):
        spaced = (" " if each.isspace() else each for each in text)
        text = "".join(each for each in spaced if unicodedata.category(each) not in _REMOVED)
    return " ".join(text.split())


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, the last one an ellipsis where something was cut off."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS
