"""The provider key as a value that does not print itself, and the gate that removes it from text."""

from __future__ import annotations

from typing import NoReturn

REMOVED = "[key removed]"


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
    """Replaces the key's value in text that is about to leave the process.

    Our own code never writes the value; a provider may send it back, in an error text for example, and
    a caller may send it as a request id.
    """

    def __init__(self, secret: Secret | None) -> None:
        self._secret = secret

    def text(self, text: str) -> str:
        """`text` without the key's value."""
        return text.replace(self._secret.reveal(), REMOVED) if self._secret else text

    def octets(self, octets: bytes) -> bytes:
        """`octets` without the key's value (keys are ASCII, see keys.py)."""
        return octets.replace(self._secret.reveal().encode(), REMOVED.encode()) if self._secret else octets
