"""What a provider can do with keys, and what it says of one: the words of the port `warden.ports.provider`.

A key is known by the provider's own id, which is not secret. Three answers are possible to "do you accept this value?",
and the third is not a refusal: a time-out, a 429, a 5xx and a 200 that has an error inside say nothing about the key.
"""

from collections.abc import Mapping
from typing import Literal, NewType

import msgspec

from warden.core.quoting import Facts
from warden.core.secret import Secret

KeyId = NewType("KeyId", str)
"""The provider's id of a key (a hash, a number, a name): what it is disabled and deleted by. Never the value."""

HumanTask = Literal["create", "delete"]
"""What a person does where the provider has no API for it."""

Setting = str | int | float | bool | None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a source can do.

    Attributes:
        provider: somebody can be asked whether a value is accepted; False for values that nobody issues (`random`).
        overlap: the old value works until it is disabled or deleted; False where making the new one ends the old one.
        disable: a key can be switched off without being deleted.
        expiry: keys end by themselves.
        last_used: the provider says when a key was used last.
        max_keys: how many keys there can be at once; ``None``: no limit that matters.
        human_needed: what a person has to do.
    """

    provider: bool = True
    overlap: bool = True
    disable: bool = False
    expiry: bool = False
    last_used: bool = False
    max_keys: int | None = None
    human_needed: tuple[HumanTask, ...] = ()


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What a new value is made for.

    ``rotation`` is the rotation's id. ``given`` is the value that a person brought, where that is how it is made.
    """

    rotation: str
    lane: str
    field: str
    given: Secret | None = None

    @property
    def marker(self) -> str:
        """What the new key's name at the provider has to contain: by it a key is found whose creation was cut off."""
        return marker_of(self.rotation)


def marker_of(rotation: str) -> str:
    """The marker of a rotation's keys, from the rotation's id."""
    return f"warden-{rotation}"


class Carry(msgspec.Struct, frozen=True, kw_only=True):
    """What the new key takes over from the old one.

    ``settings`` are what a key is made with (limit, reset, bring-your-own-key flag, scopes…), by the source's own
    names. ``bindings`` are what hangs on the key's id and has to be bound to the new one again (a guardrail's id).
    """

    settings: Mapping[str, Setting | tuple[str, ...]] = {}
    bindings: tuple[str, ...] = ()


class Minted(msgspec.Struct, frozen=True, kw_only=True):
    """A new value; ``key`` is the provider's id of it, empty where it has none."""

    key: KeyId
    value: Secret


class ProviderKey(Facts, frozen=True, kw_only=True):
    """A key as the provider lists it. ``created`` and ``last_used`` are ISO 8601 UTC, empty where it does not say.

    ``key`` is whole, so that it can be deleted by it, even where it looks like secret material; quote it to show it.
    """

    key: str
    name: str = ""
    disabled: bool = False
    created: str = ""
    last_used: str = ""

    def __post_init__(self) -> None:
        """Everything else is what Facts are."""
        key = self.key
        super().__post_init__()
        msgspec.structs.force_setattr(self, "key", key)


Answer = Literal["accepted", "refused", "unclear"]


class Verdict(Facts, frozen=True, kw_only=True):
    """What a provider answered to a value.

    ``unclear`` is neither: no answer, 429, 5xx, or a 200 with an error inside. ``status`` is the HTTP status, 0 without
    one; ``reason`` a short code (``timeout``, ``rate-limited``, ``error-inside``, ``disabled``) or the provider's own.
    """

    answer: Answer
    status: int = 0
    reason: str = ""


class SettingFault(msgspec.Struct, frozen=True):
    """What is wrong with a setting in the lane file: its key (empty: all of them), and one clause for a person."""

    key: str
    message: str


class SourceNotInstalled(msgspec.Struct, frozen=True):
    """No plug-in has this name; ``installed`` are those that there are."""

    name: str
    installed: tuple[str, ...]


class SourceBroken(Facts, frozen=True):
    """A plug-in that cannot be used: which package registered it as what, and why it cannot be."""

    name: str
    package: str
    target: str
    why: str
