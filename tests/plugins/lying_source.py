"""A provider of keys in memory that lies as real ones do, and the plug-in for it: what the engine of rotations is
tested with. Remote providers are simulated elsewhere; here each lie is set by a test.
"""

import datetime as dt
import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence

from warden.core.errors import Inconclusive, Missing, Refused
from warden.core.rotation.provider import (
    Capabilities,
    Carry,
    Intent,
    KeyId,
    Minted,
    ProviderKey,
    SettingFault,
    SourceNotInstalled,
    Verdict,
)
from warden.core.secret import Secret


class Key:
    """One key: its value, its name, and whether it works."""

    def __init__(self, key: str, value: str, name: str) -> None:
        self.key, self.value, self.name = key, value, name
        self.disabled = False
        self.settings: Mapping[str, object] = {}
        self.bindings: tuple[str, ...] = ()


class LyingProvider:
    """Keys by id, what was asked of it, and its lies.

    Attributes:
        lag: how often an ended key is accepted still; each question counts one down.
        lost_answers: how many creations get no answer although the key was made.
        down: how many of the next requests get no answer.
        refuses_new: keys of rotations are refused.
        unclear: how many of the next questions after a value get an answer that says nothing.
        before: is called before each request with its name; a test may change the world there, or raise.
    """

    def __init__(self, **can: object) -> None:
        self.can = Capabilities(**{"disable": True} | can)
        self.keys: dict[str, Key] = {}
        self.ended: dict[str, Key] = {}
        self.lag = 0
        self.lost_answers = 0
        self.down = 0
        self.unclear = 0
        self.refuses_new = False
        self.asked: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self._numbers: Iterator[int] = itertools.count(1)

    def add(self, name: str = "by hand") -> Key:
        """A key that somebody made."""
        key = Key(f"key-{next(self._numbers)}", f"planted-{secrets.token_hex(16)}", name)
        self.keys[key.key] = key
        return key

    def with_value(self, value: str) -> Key | None:
        return next((each for each in self.keys.values() if each.value == value), None)

    def _request(self, name: str) -> None:
        self.before(name)
        self.asked.append(name)
        if self.down:
            self.down -= 1
            raise Inconclusive(f"the provider gave no answer to {name}", system="provider lying")

    # -- the port Source --------------------------------------------------------------------------------------------

    def capabilities(self) -> Capabilities:
        return self.can

    def identify(self, value: Secret) -> KeyId | None:
        self._request("identify")
        found = self.with_value(value.reveal())
        return KeyId(found.key) if found else None

    def find(self, marker: str) -> Sequence[ProviderKey]:
        self._request("find")
        return [
            ProviderKey(key=each.key, name=each.name, disabled=each.disabled)
            for each in self.keys.values()
            if marker in each.name
        ]

    def carried(self, key: KeyId) -> Carry:
        self._request("carried")
        found = self.keys[key]
        return Carry(settings={"limit": 20}, bindings=found.bindings)

    def mint(self, intent: Intent, carry: Carry) -> Minted:
        self._request("mint")
        if self.can.max_keys is not None and len(self.keys) >= self.can.max_keys:
            raise Refused("too many keys", system="provider lying")
        made = self.add(f"{intent.lane} {intent.marker}")
        made.settings = carry.settings
        if not self.can.overlap:
            for key in [each for each in self.keys if each != made.key]:
                self.ended[key] = self.keys.pop(key)
        if self.lost_answers:
            self.lost_answers -= 1
            raise Inconclusive("the provider gave no answer to mint", system="provider lying")
        self.before("minted")
        return Minted(key=KeyId(made.key), value=Secret(made.value))

    def bind(self, key: KeyId, carry: Carry) -> None:
        self._request("bind")
        self.keys[key].bindings = carry.bindings

    def test(self, value: Secret) -> Verdict:
        return self._verdict("test", value)

    def refused(self, value: Secret) -> Verdict:
        return self._verdict("refused", value)

    def _verdict(self, question: str, value: Secret) -> Verdict:
        self.before(question)
        self.asked.append(question)
        if self.down or self.unclear:
            self.down, self.unclear = max(0, self.down - 1), max(0, self.unclear - 1)
            return Verdict(answer="unclear", status=503, reason="unwell")
        found = self.with_value(value.reveal())
        works = found is not None and not found.disabled
        if works and self.refuses_new and "warden-" in found.name:
            works = False
        if not works and self.lag and self._once_worked(value):
            self.lag -= 1
            works = True
        return Verdict(answer="accepted", status=200) if works else Verdict(answer="refused", status=401)

    def _once_worked(self, value: Secret) -> bool:
        return any(each.value == value.reveal() for each in (*self.keys.values(), *self.ended.values()))

    def last_used(self, key: KeyId) -> dt.datetime | None:
        return None

    def disable(self, key: KeyId) -> None:
        self._request("disable")
        if key in self.keys:
            self.keys[key].disabled = True

    def enable(self, key: KeyId) -> None:
        self._request("enable")
        if key in self.keys:
            self.keys[key].disabled = False

    def delete(self, key: KeyId) -> None:
        self._request("delete")
        if key in self.keys:
            self.ended[key] = self.keys.pop(key)


class OneSource:
    """The port Sources with one plug-in, ``lying``; it is also that plug-in."""

    needs_management = False

    def __init__(self, source: object) -> None:
        self._source = source
        self.management: Secret | None = None

    def names(self) -> Sequence[str]:
        return ("lying",)

    def plugin(self, name: str) -> "OneSource":
        if name != "lying":
            raise Missing(SourceNotInstalled(name, ("lying",)))
        return self

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        return [SettingFault(each, "unknown") for each in settings if each == "wrong"]

    def source(self, _settings: Mapping[str, str], management: Secret | None, _http: object) -> object:
        self.management = management
        return self._source
