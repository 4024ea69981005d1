"""Text that people type: the same letters are the same text, however a keyboard or a file system composes them."""

import unicodedata


def composed(text: str) -> str:
    """The text in Unicode's normal form C (UAX 15). Not for values: those are kept byte by byte."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
