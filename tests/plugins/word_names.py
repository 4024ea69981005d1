"""Names of words: a path with random digits in it looks like a secret, which no catalog takes and no output shows."""

import secrets

WORDS = (
    *("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"),
    *("inlet", "jetty", "knoll", "larch", "maple", "north", "ocean", "pearl"),
)
_given: set[str] = set()


def word_name(stem: str = "") -> str:
    """A name of four words that this process has not given before: its tests share servers."""
    while (name := "-".join([*filter(None, [stem]), *(secrets.choice(WORDS) for _ in range(4))])) in _given:
        pass
    _given.add(name)
    return name
