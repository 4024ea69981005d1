"""The stemmers of the languages in which needs are written: Snowball's, in C, because a search may take 100 ms."""

import Stemmer  # type: ignore[import-not-found]  # PyStemmer has no types

_LANGUAGES = ("english", "german", "french", "spanish")


class Snowball:
    """The port `Stems`."""

    def __init__(self) -> None:
        self._stem = [Stemmer.Stemmer(language).stemWord for language in _LANGUAGES]

    def stems(self, word: str) -> tuple[str, ...]:
        """The stem of the word in each language; the first one is English."""
        return tuple(stem(word) for stem in self._stem)
