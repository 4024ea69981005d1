"""A secret that does not print itself, and a redactor that removes secrets from text."""

from __future__ import annotations

from typing import NoReturn

REMOVED = "[key removed]"
_REMEMBERED = 32


class Secret:
    """A string that only `reveal()` returns: str, repr, format and pickle do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where the value is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be serialised")


class Redactor:
    """Removes secrets from text that is about to leave the process.

    This program never writes a key itself. But a provider may send it back, for example in an error message, and a
    caller may send it as a request id. A key stays known here after it was replaced: an answer to it may still come.

    Args:
        secrets: what to remove; `add` adds more.
    """

    def __init__(self, *secrets: Secret | None) -> None:
        self._texts: tuple[str, ...] = ()
        self._octets: tuple[bytes, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | None) -> None:
        """Remove this secret too. Secrets are ASCII: see keys/sources.py."""
        if secret is not None and secret.reveal() not in self._texts:
            # The newest first, and at most so many: a key that is replaced every minute must not fill the memory.
            self._texts = (secret.reveal(), *self._texts)[:_REMEMBERED]
            self._octets = tuple(text.encode() for text in self._texts)

    def text(self, text: str) -> str:
        """`text` without the secrets."""
        for value in self._texts:
            if value in text:
                text = text.replace(value, REMOVED)
        return text

    def octets(self, octets: bytes) -> bytes:
        """`octets` without the secrets."""
        for value in self._octets:
            if value in octets:
                octets = octets.replace(value, REMOVED.encode())
        return octets
