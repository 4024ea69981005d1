"""The source ``random``: a text that nobody could guess, for what two of your own programs share.

    rotation: {every: 90d, source: random, settings: {length: 40, alphabet: hex}}

Drawn with `secrets`, the operating system's source of randomness.
"""

import math
import secrets
import string
from collections.abc import Mapping, Sequence

from warden.adapters.sources.without_provider import WithoutProvider
from warden.core.rotation.provider import Carry, Intent, KeyId, Minted, SettingFault
from warden.core.secret import Secret
from warden.ports.http import HttpClient

ALPHABETS: Mapping[str, str] = {
    "alphanumeric": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "digits": string.digits,
    "url-safe": f"{string.ascii_letters}{string.digits}-_",
    "printable": string.ascii_letters + string.digits + "!#$%&()*+,-./:;<=>?@[]^_{|}~",
}
"""The named alphabets; ``printable`` leaves quotes, backslash, backquote and space out, which shells and files mind."""

LENGTH, LONGEST = 40, 4096
ENOUGH_BITS = 96
"""Bits below which a value is refused: fewer than 128, so that a code of 20 letters still counts as one."""

_KEYS = ("length", "alphabet")


class RandomSource(WithoutProvider):
    """Draws values of one length from one alphabet."""

    def __init__(self, length: int, alphabet: str) -> None:
        self._length = length
        self._alphabet = alphabet

    def mint(self, _intent: Intent, _carry: Carry) -> Minted:
        """A new value; it has no id."""
        value = "".join(secrets.choice(self._alphabet) for _ in range(self._length))
        return Minted(key=KeyId(""), value=Secret(value))


class RandomPlugin:
    """The plug-in: ``length`` (a number of characters) and ``alphabet`` (a name, or the characters themselves)."""

    needs_management = False

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        """Unknown keys, an invalid length, and values that could be guessed."""
        found = [_unknown(key) for key in settings if key not in _KEYS]
        length, alphabet = settings.get("length", str(LENGTH)), _alphabet(settings)
        if not (length.isascii() and length.isdigit()) or not 0 < int(length) <= LONGEST:
            found.append(SettingFault("length", f"is not a number of characters from 1 to {LONGEST}"))
        elif len(set(alphabet)) != len(alphabet):
            found.append(SettingFault("alphabet", f"has a character twice; write each once, or {_named()}"))
        elif len(alphabet) < 2 or _bits(int(length), alphabet) < ENOUGH_BITS:  # noqa: PLR2004 - one character leaves no choice
            bits = int(_bits(int(length), alphabet))
            clause = f"could be guessed: {length} of {len(alphabet)} characters are {bits} bits"
            found.append(SettingFault("length", f"{clause}; write at least {ENOUGH_BITS} bits"))
        return found

    def source(self, settings: Mapping[str, str], _management: Secret | None, _http: HttpClient) -> RandomSource:
        """A source with these settings."""
        return RandomSource(int(settings.get("length", LENGTH)), _alphabet(settings))


def _unknown(key: str) -> SettingFault:
    return SettingFault(key, f"unknown setting of random; allowed: {', '.join(_KEYS)}")


def _alphabet(settings: Mapping[str, str]) -> str:
    named = settings.get("alphabet", "alphanumeric")
    return ALPHABETS.get(named, named)


def _named() -> str:
    return ", ".join(ALPHABETS)


def _bits(length: int, alphabet: str) -> float:
    return length * math.log2(len(alphabet)) if alphabet else 0.0


PLUGIN = RandomPlugin()
