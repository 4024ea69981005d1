"""What sources have in common whose values nobody issues: there is nobody to ask about them."""

import datetime as dt
from collections.abc import Sequence

from warden.core.rotation.provider import Capabilities, Carry, KeyId, ProviderKey, Verdict
from warden.core.secret import Secret

NOBODY = Verdict(answer="unclear", reason="nobody-to-ask")


class WithoutProvider:
    """The port Source, but for `mint`: every question is answered with "nobody knows"."""

    def capabilities(self) -> Capabilities:
        """There is nobody to ask, and nothing that ends."""
        return Capabilities(provider=False)

    def identify(self, _value: Secret) -> KeyId | None:
        """It has no id."""
        return None

    def find(self, _marker: str) -> Sequence[ProviderKey]:
        """Nothing is left behind anywhere."""
        return ()

    def carried(self, _key: KeyId) -> Carry:
        """Nothing hangs on it."""
        return Carry()

    def bind(self, _key: KeyId, _carry: Carry) -> None:
        """Nothing to bind."""

    def test(self, _value: Secret) -> Verdict:
        """Nobody can say."""
        return NOBODY

    def refused(self, _value: Secret) -> Verdict:
        """Nobody can say."""
        return NOBODY

    def last_used(self, _key: KeyId) -> dt.datetime | None:
        """Nobody counts."""
        return None

    def disable(self, _key: KeyId) -> None:
        """Nothing to switch off."""

    def enable(self, _key: KeyId) -> None:
        """Nothing to switch on."""

    def delete(self, _key: KeyId) -> None:
        """Nothing to delete."""
