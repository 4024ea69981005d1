"""The words of the languages in which needs are written, as text files; each says what is in it."""

import os

from warden.core.search.vocabulary import Stems, Vocabulary
from warden.core.search.vocabulary import vocabulary as compiled

_HERE = os.path.dirname(__file__)
FILES = tuple(os.path.join(_HERE, name) for name in ("concepts.txt", "stopwords.txt", "elsewhere.txt"))


def vocabulary(stemmers: Stems) -> Vocabulary:
    """The vocabulary that the files declare."""
    concepts, stop, elsewhere = (_text(path) for path in FILES)
    return compiled(concepts, stop, elsewhere, stemmers)


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
