"""Where a key and its certificate are handed over."""

from typing import Protocol

from warden.core.ssh.certificate import Certificate
from warden.core.ssh.kept import Holder, Kept, Prepared


class KeyPlace(Protocol):
    """The agent, or a folder. Each member raises `Inconclusive`, `NotNow` or `UsageError` where it cannot be used."""

    holder: Holder

    def prepare(self, actor: str, before: Kept | None, *, fresh: bool) -> Prepared:
        """The key to have certified, once it is sure that it could be handed over.

        `before` is what it holds now. Not `fresh`: a folder's own key is certified again.
        """

    def hand(self, certificate: Certificate, now: float) -> None:
        """Hand over the key that was prepared and its certificate. If this raises, the place has what it had before."""

    def abandon(self) -> None:
        """Take back what was prepared. Raises nothing."""

    def holds(self, kept: Kept) -> bool:
        """Whether the certificate and its key are there."""

    def remove(self, kept: Kept) -> bool:
        """Take away the certificate, and the key if warden made it; whether something was there."""
