"""The provider key as a value that does not print itself, and the gate that removes it from text."""

from __future__ import annotations

from typing import NoReturn

REMOVED = "[key removed]"
_REMEMBERED = 32


class Secret:
    """A string whose value is read with `reveal()` only: str, repr, format and pickle do not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where the value is put to use."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised")


class Redactor:
    """Replaces keys in text that is about to leave the process.

    Our own code never writes a key; a provider may send it back, in an error text for example, and a caller may
    send it as a request id. A key that was replaced stays known here, since an answer to it may still come.

    Args:
        secrets: the keys; more are added with `add`.
    """

    def __init__(self, *secrets: Secret | None) -> None:
        self._texts: tuple[str, ...] = ()
        self._octets: tuple[bytes, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | None) -> None:
        """Remove this key's value too (keys are ASCII, see keys.py)."""
        if secret is not None and secret.reveal() not in self._texts:
            # The newest first, and a bounded number: a key that is replaced every minute must not fill the memory.
            self._texts = (secret.reveal(), *self._texts)[:_REMEMBERED]
            self._octets = tuple(text.encode() for text in self._texts)

    def text(self, text: str) -> str:
        """`text` without the keys."""
        for value in self._texts:
            if value in text:
                text = text.replace(value, REMOVED)
        return text

    def octets(self, octets: bytes) -> bytes:
        """`octets` without the keys."""
        for value in self._octets:
            if value in octets:
                octets = octets.replace(value, REMOVED.encode())
        return octets
