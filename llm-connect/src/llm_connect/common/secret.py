"""A secret that does not print itself, and a redactor that removes secrets from text."""

from __future__ import annotations

import base64
import itertools
from typing import NoReturn
from urllib.parse import quote

REMOVED = "[key removed]"
_REMEMBERED = 16


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


def forms_of(secret: str) -> tuple[str, ...]:
    """How it may come back: as it is, in hexadecimal, percent-encoded, or in base64, whatever stands before it."""
    octets = secret.encode()
    hexadecimal = octets.hex()
    encoded = [form for skip in range(3) for form in _base64(octets, skip)]
    return tuple(dict.fromkeys((secret, hexadecimal, hexadecimal.upper(), quote(secret, safe=""), *encoded)))


def _base64(octets: bytes, skip: int) -> tuple[str, str]:
    """The characters that depend on `octets` alone where `skip` bytes stand before them, in both alphabets."""
    first, end = -(-skip * 8 // 6), (skip + len(octets)) * 8 // 6
    padded = b"\0" * skip + octets
    return base64.b64encode(padded).decode()[first:end], base64.urlsafe_b64encode(padded).decode()[first:end]


class Redactor:
    """Removes secrets from text that is about to leave the process, in each of their forms.

    This program never writes a key itself. But a provider may send it back, for example in an error message, and a
    caller may send it as a request id. A key stays known here after it was replaced: an answer to it may still come.

    Args:
        secrets: what to remove; `add` adds more.

    Attributes:
        forms: everything that is removed.
    """

    def __init__(self, *secrets: Secret | None) -> None:
        self._secrets: dict[str, tuple[str, ...]] = {}
        self.forms: tuple[str, ...] = ()
        self._octets: tuple[bytes, ...] = ()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Secret | None) -> None:
        """Remove this secret too. Secrets are ASCII: see keys/sources.py."""
        if secret is not None and secret.reveal() not in self._secrets:
            # The newest first, and at most so many: a key that is replaced every minute must not fill the memory.
            newest = {secret.reveal(): forms_of(secret.reveal()), **self._secrets}
            self._secrets = dict(itertools.islice(newest.items(), _REMEMBERED))
            self.forms = tuple(itertools.chain.from_iterable(self._secrets.values()))
            self._octets = tuple(form.encode() for form in self.forms)

    def text(self, text: str) -> str:
        """`text` without the secrets."""
        for value in self.forms:
            if value in text:
                text = text.replace(value, REMOVED)
        return text

    def octets(self, octets: bytes) -> bytes:
        """`octets` without the secrets."""
        for value in self._octets:
            if value in octets:
                octets = octets.replace(value, REMOVED.encode())
        return octets
