"""Where new values come from: a provider with an API, a generator, or a person.

Each source is a plug-in: an entry point of the group ``warden.sources`` names an object that has what `SourcePlugin`
says (docs/rotate.md has a worked example). Nothing but `Secret` holds a value, and nothing a source says may quote one.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Protocol

from warden.core.rotation.provider import Capabilities, Carry, Intent, KeyId, Minted, ProviderKey, SettingFault, Verdict
from warden.core.secret import Secret
from warden.ports.http import HttpClient

ENTRY_POINTS = "warden.sources"
"""The group of entry points in which a package registers its plug-ins; the name there is the lane file's ``source``."""


class Source(Protocol):
    """One provider, with one management key.

    Each method may raise `Inconclusive` where the provider did not answer or answered 429 or 5xx, and `Refused` where
    it does not accept the management key. `test` and `refused` never raise: what they could not find out is `unclear`.
    Ids that the provider does not know are not an error in `disable`, `delete` and `last_used`: the end of a rotation
    is repeated after a kill.
    """

    def capabilities(self) -> Capabilities:
        """What it can do. Asks nobody."""

    def identify(self, value: Secret) -> KeyId | None:
        """The id of the key that has this value; ``None`` where the provider knows none, or cannot tell."""

    def find(self, marker: str) -> Sequence[ProviderKey]:
        """Every key whose name contains the marker, disabled ones too: what a creation that was cut off left behind."""

    def carried(self, key: KeyId) -> Carry:
        """What a new key has to take over from this one."""

    def mint(self, intent: Intent, carry: Carry) -> Minted:
        """Make a new key, whose name contains `intent.marker`, with these settings; asked once, never repeated here.

        An error that is `Inconclusive` means that the key may exist: the caller looks with `find`, deletes what it
        finds, which nobody has the value of, and tries again.
        """

    def bind(self, key: KeyId, carry: Carry) -> None:
        """Bind to the key what hangs on ids (`Carry.bindings`); does nothing where that is so already."""

    def test(self, value: Secret) -> Verdict:
        """Whether the provider accepts this value, asked in a way that costs nothing."""

    def refused(self, value: Secret) -> Verdict:
        """The same question about a value that should be refused; asked anew, past every cache that can be passed."""

    def last_used(self, key: KeyId) -> dt.datetime | None:
        """When the key was used last (UTC); ``None`` where it never was, or where the provider does not say."""

    def disable(self, key: KeyId) -> None:
        """Switch the key off; called only where `capabilities` says that it can be. `enable` is the way back."""

    def enable(self, key: KeyId) -> None:
        """Switch it on again."""

    def delete(self, key: KeyId) -> None:
        """End the key for good. Never called for a key while no other is known to be accepted."""


class SourcePlugin(Protocol):
    """What an entry point names: makes sources."""

    @property
    def needs_management(self) -> bool:
        """Whether the lane file has to name the lane of a management key (``management``)."""

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        """What is wrong with a lane file's ``settings``, unknown keys included. Asks nobody."""

    def source(self, settings: Mapping[str, str], management: Secret | None, http: HttpClient) -> Source:
        """A source with these settings, which `faults` found nothing wrong with."""


class Sources(Protocol):
    """The plug-ins that are installed."""

    def names(self) -> Sequence[str]:
        """Every name, sorted; those of broken plug-ins too."""

    def plugin(self, name: str) -> SourcePlugin:
        """The plug-in of that name.

        Raises `Missing` where none is installed (`SourceNotInstalled`), or where it cannot be loaded
        (`SourceBroken`, which names the package).
        """
