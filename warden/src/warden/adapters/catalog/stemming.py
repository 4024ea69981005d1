"""English, as far as finding an entry needs it: stems by Snowball, typos by edit distance."""

from collections.abc import Sequence


class English:
    """The port `Words`: Snowball's English stemmer, and optimal string alignment for typos.

    A typo is one letter changed, added, left out or swapped with its neighbour, two in a word of eight letters or
    more. Words of three letters may only have letters swapped; shorter ones are never corrected.
    """

    def __init__(self) -> None:
        import snowballstemmer  # type: ignore[import-untyped]

        self._stemmer = snowballstemmer.stemmer("english")

    def stem(self, word: str) -> str:
        """The stem that the forms of a word share."""
        return str(self._stemmer.stemWord(word))

    def alike(self, word: str, known: Sequence[str]) -> list[tuple[str, float]]:
        """The known words that `word` may be a typo of; likeness is 1 less the share of letters that differ."""
        from rapidfuzz import process  # only where a word is unknown
        from rapidfuzz.distance import OSA

        if len(word) < 3:  # noqa: PLR2004  # see above
            return []
        most = 2 if len(word) >= 8 else 1  # noqa: PLR2004  # see above
        found = process.extract(word, known, scorer=OSA.distance, score_cutoff=most, limit=5)
        return [
            (other, 1 - distance / max(len(word), len(other)))
            for other, distance, _ in found
            if len(word) > 3 or sorted(word) == sorted(other)  # noqa: PLR2004  # see above
        ]
