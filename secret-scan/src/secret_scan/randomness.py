"""Random strings: long parts of a text that no word, number, digest or identifier explains."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_IDENTIFIER = re.compile(
    r"(?:sha(?:1|256|384|512)[:\-][A-Za-z0-9+/]{27,128}=*"  # digests of images, files, web resources
    r"|SHA256:[A-Za-z0-9+/]{43}"  # fingerprints of SSH keys
    r"|(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp[0-9]{3}) AAAA[A-Za-z0-9+/]{20,2000}=*"  # public keys
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"  # UUIDs
    r"|\b(?:[0-9a-f]{40}|[0-9a-f]{64})\b"  # commits, SHA-256
    r"|\b0[0-7][0-9A-HJKMNP-TV-Z]{24}\b)"  # ULIDs
)
_LONG = re.compile(r"[A-Za-z0-9+/_.~\-]{16,}={0,2}", re.ASCII)
_SEPARATOR = re.compile(r"[/_.~+=\-]+")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")  # the words of camel case, and numbers
_VOWELS = set("aeiouyAEIOUY")
_SHORTEST = 16  # characters; a pod's hash suffix has 5, a release's 10
# These bounds were set on tests/samples.toml; the longest word there is German.
_LONGEST_WORD, _SHORT_WORD, _ABBREVIATION = 40, 3, 4
_FEWEST_VOWELS, _MOST_VOWELS = 0.15, 0.7
_CONSONANTS = re.compile(r"[^aeiouyAEIOUY]{7}")
_SHORTEST_AVERAGE = 3.2  # letters per word in camel case
_MOST_CHANGES = 2  # between letters and digits: `llmConnect2`, `v1beta1`, `OAuth2Client`


def find(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield ("random string", start, end) for each of them."""
    identifiers = [match.span() for match in _IDENTIFIER.finditer(text)]
    for match in _LONG.finditer(text):
        inside = any(start < match.end() and match.start() < end for start, end in identifiers)
        if not inside and _is_random(match[0]):
            yield "random string", *match.span()


def _is_random(word: str) -> bool:
    """Whether the parts that cannot be read are long enough to be a key."""
    return sum(len(part) for part in _SEPARATOR.split(word) if not _is_readable(part)) >= _SHORTEST


def _is_readable(part: str) -> bool:
    """Whether it is a number, an abbreviation, or words in camel case with digits in few places."""
    humps = _HUMP.findall(part)
    words = [hump for hump in humps if not hump.isdigit()]
    if not words:
        return len(part) <= _SHORTEST
    if len(set(part)) == 1:  # `xxxxxxxx`
        return True
    if len(humps) - len(words) > _MOST_CHANGES or _is_choppy(words):
        return False
    return all(_is_word(word) for word in words)


def _is_choppy(words: list[str]) -> bool:
    """Whether the case changes too often for camel case."""
    short = sum(len(word) < _SHORT_WORD for word in words)
    return len(words) > 1 and (sum(map(len, words)) < _SHORTEST_AVERAGE * len(words) or short * 2 >= len(words) > short)


def _is_word(hump: str) -> bool:
    vowels = sum(char in _VOWELS for char in hump) / len(hump)
    if len(hump) <= _ABBREVIATION:
        return True
    return len(hump) <= _LONGEST_WORD and _FEWEST_VOWELS <= vowels <= _MOST_VOWELS and not _CONSONANTS.search(hump)
