"""Which key has a value, where the provider shows of each key its beginning and end only."""

import re
from collections.abc import Iterable

from warden.core.secret import Secret

_MASKED = re.compile(r"([^.*…]+)(?:\.{3,}|\*{3,}[.*]*|…)([^.*…]+)")
_ENOUGH = 7
"""Characters that have to be shown; fewer could be those of another key."""
_ENOUGH_AT_THE_END = 3


def shows(masked: str, value: Secret) -> bool:
    """Whether ``sk-or-v1-0e6...1c96`` may be this value with its middle left out."""
    found = _MASKED.fullmatch(masked)
    if found is None or len(found[1]) + len(found[2]) < _ENOUGH or len(found[2]) < _ENOUGH_AT_THE_END:
        return False
    whole = value.reveal()
    return len(whole) > len(found[1]) + len(found[2]) and whole.startswith(found[1]) and whole.endswith(found[2])


def only(found: Iterable[str]) -> str | None:
    """The only one of them; None where there is none, or several: then nobody can tell."""
    distinct = set(found)
    return distinct.pop() if len(distinct) == 1 else None
