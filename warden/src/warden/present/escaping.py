r"""Foreign text on one line: what cannot be seen, or steers a terminal, is shown by its escape.

escaped("a\nb\x1b[2J")  ->  a\nb\x1b[2J     word("a b")  ->  'a b'     word("a\nb")  ->  $'a\nb'
"""

import re
import shlex

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt) and the blank Braille pattern: letters that show
nothing. Python calls some of them printable."""
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def is_visible(text: str) -> bool:
    """Whether the text is one line of characters that can be seen."""
    return text.isprintable() and (text.isascii() or not _INVISIBLE.search(text))


def escaped(text: str, *, keep: str = "") -> str:
    """The text with each character that cannot be seen as an escape, but for those in `keep`."""
    if is_visible(text):
        return text
    return "".join(each if each in keep or is_visible(each) else _escape(each) for each in text)


def word(text: str) -> str:
    """The text as one word of a shell, on one line: plain, in quotes, or as ``$'…'`` (bash, zsh, POSIX.1-2024)."""
    if is_visible(text):
        return shlex.quote(text)
    special = {"\\": r"\\", "'": r"\'", "!": r"\x21"}  # bash looks for its history even in there
    return "$'" + "".join(special.get(each) or (each if is_visible(each) else _escape(each)) for each in text) + "'"


def _escape(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    raw = character.encode("utf-8", "surrogateescape") if _is_byte(character) else b""
    if raw or character.isascii():
        return rf"\x{(raw or character.encode())[0]:02x}"
    return rf"\u{ord(character):04x}" if ord(character) < _ASTRAL else rf"\U{ord(character):08x}"


_ASTRAL = 0x10000


def _is_byte(character: str) -> bool:
    """Whether it stands for a byte of a file's name that is not UTF-8 (PEP 383)."""
    return "\udc80" <= character <= "\udcff"
