"""The key formats that Kingfisher knows: 488 rules, in process and offline (docs/adr/0028).

Only its scanner is used. Its validators, which would send a key to the issuer, are never imported.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kingfisher_sdk import Scanner

_RUN, _DIGIT = re.compile(r"[A-Za-z0-9]+"), re.compile(r"[0-9]")
_SHORTEST_RUN, _FEWEST_DIGITS = 8, 3
_IGNORED = frozenset({"curl auth user"})
"""Reports placeholders, and `docker run -u app:staff` after a call of curl; patterns.py has a narrower one."""
_DECORATION = re.compile(r"^(?:betterleaks\.|veles\.secrets/)|\.[0-9]+$")
_PUBLIC = (" id", " pub key", " public key")
"""Rules for the public half of a pair: a client's id is not a secret."""


def find(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) for each key in a known format."""
    if not _may_hold_a_key(text):
        return
    # NUL characters and a byte order mark would be read as another encoding.
    readable = text.replace("\0", " ").replace("\ufeff", " ")
    octets = readable.encode("utf-8", errors="replace")
    for finding in _scanner().scan(octets):
        kind = _kind(finding.rule_id)
        if finding.visible and kind not in _IGNORED and not kind.endswith(_PUBLIC):
            start, end = finding.location["start_offset"], finding.location["end_offset"]
            yield kind, _characters(octets[:start]), _characters(octets[:end])


def _may_hold_a_key(text: str) -> bool:
    """Whether some run of letters and digits is long and has several digits, as a UUID and a hexadecimal key have.

    Loading the rules takes 0.4 s, so it is not done for ordinary text. Keys with fewer digits are found by
    `randomness` and `patterns`.
    """
    return any(len(run) >= _SHORTEST_RUN and len(_DIGIT.findall(run)) >= _FEWEST_DIGITS for run in _RUN.findall(text))


@cache
def _scanner() -> Scanner:
    """Load the rules: 4 s the first time on a machine, then 0.4 s (a cache in the user's cache directory)."""
    from kingfisher_sdk import Scanner

    return Scanner()


def _characters(octets: bytes) -> int:
    return len(octets.decode(errors="ignore"))


def _kind(rule_id: str) -> str:
    """``betterleaks.github-pat`` -> ``github pat``."""
    return _DECORATION.sub("", rule_id).replace("-", " ")
