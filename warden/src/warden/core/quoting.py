"""Quote what another system said or named: bounded, and without secret material.

A value stands where a name should more often than one would think: a key that was pasted as the name of a field, in a
label, in the comment of a policy. Structures of facts about other systems are `Facts`, so nobody has to remember it.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec

LONGEST = 200
"""Characters of another system's text that are quoted."""

_READ = 1 << 14
"""Characters of it that are looked through for secrets; a private key of 16,384 bits fits."""

REMOVED = "secret-removed"
"""What stands in the place of secret material."""

_WORDS = re.compile(r"(?:[a-z]{1,14}|[A-Z]{1,14}|[0-9]{1,3})(?:[-_./:]+(?:[a-z]{1,14}|[A-Z]{1,14}|[0-9]{1,3}))*")
"""Plain words: not secret, which is found out faster than the scanner is imported."""


def quoted(text: str) -> str:
    """The text on one line, redacted and cut."""
    line = " ".join(name(text[:_READ]).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def name(text: str) -> str:
    """A name that another system gave, without what looks like secret material."""
    if is_plain(text):
        return text
    # A path of names in small letters is not one random string; a key with slashes has capitals (base64).
    return "/".join(map(_redacted, text.split("/"))) if text == text.lower() else _redacted(text)


def is_plain(text: str) -> bool:
    """Whether the text is nothing but short words and numbers, which are not secret."""
    return _WORDS.fullmatch(text) is not None


@lru_cache(maxsize=8192)
def _redacted(text: str) -> str:
    """The same names come again and again: paths of policies share nearly all of their segments."""
    from secret_scan import redact  # imported here, since the hot paths import modules that only might quote

    return redact(text)


def placeholder(text: str) -> str:
    """The name for a command line; ``NAME`` where it was redacted, since no command can be made of the rest."""
    return "NAME" if REMOVED in text else text


def without_secrets(value: Any, known: Any = None) -> Any:
    """A value of any shape with each text in it redacted; a line that is `known` (declared by us) stays."""
    if value == known and value is not None:
        return value
    if isinstance(value, str):
        ours = set(known.splitlines()) if isinstance(known, str) else set()
        return "".join(each if each.rstrip("\n") in ours else name(each) for each in value.splitlines(keepends=True))
    if isinstance(value, dict):
        return {without_secrets(key): without_secrets(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, frozenset)):
        return type(value)(without_secrets(item) for item in value)
    if isinstance(value, msgspec.Struct) and not isinstance(value, Facts):
        changed = {field: without_secrets(getattr(value, field)) for field in value.__struct_fields__}
        return msgspec.structs.replace(value, **changed)
    return value


class Facts(msgspec.Struct, frozen=True):
    """Facts about another system, to be printed and journaled: no text in them looks like secret material."""

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            _set(self, field, without_secrets(getattr(self, field)))


def _set(facts: Facts, field: str, clean: Any) -> None:
    if clean != getattr(facts, field):
        msgspec.structs.force_setattr(facts, field, clean)
