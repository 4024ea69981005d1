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

_SHORTEST_KEY = 12
_IGNORED = frozenset({"betterleaks.curl-auth-user"})
"""Reports placeholders, and `docker run -u app:staff` after a call of curl; patterns.py has a narrower one."""
_DECORATION = re.compile(r"^(?:betterleaks\.|veles\.secrets/)|\.[0-9]+$")
_PUBLIC = ("-id", "-pub-key", "-public-key")
"""Rules for the public half of a pair: a client's id is not a secret."""


def find(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) for each key in a known format."""
    if not _may_hold_a_key(text):
        return
    # NUL characters and a byte order mark would be read as another encoding.
    readable = text.replace("\0", " ").replace("\ufeff", " ")
    octets = readable.encode("utf-8", errors="replace")
    for finding in _scanner().scan(octets):
        if finding.visible and finding.rule_id not in _IGNORED and not finding.rule_id.endswith(_PUBLIC):
            start, end = finding.location["start_offset"], finding.location["end_offset"]
            yield _kind(finding.rule_id), _characters(octets[:start]), _characters(octets[:end])


def _may_hold_a_key(text: str) -> bool:
    """Whether some word is long and has a digit.

    Loading the rules takes 0.4 s, so it is not done for ordinary text. A key without a digit is found by randomness.py.
    """
    return any(len(word) >= _SHORTEST_KEY and any(map(str.isdigit, word)) for word in text.split())


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
