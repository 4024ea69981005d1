"""What this machine holds of warden's certificates."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from warden.core.ssh.kept import Holder, Kept


class KeptCertificates(Protocol):
    """The certificates that were handed over on this machine, for one platform directory and environment.

    Each member raises `Inconclusive` where the files cannot be written. A record that cannot be read is ignored.
    """

    def find(self, actor: str, holder: Holder) -> Kept | None:
        """What that holder has for the actor."""

    def all(self) -> Sequence[Kept]:
        """Everything, of every platform directory and environment of this user, by actor."""

    def keep(self, kept: Kept) -> None:
        """Take note of it, in place of what that holder had before."""

    def show(self, kept: Kept) -> None:
        """Write the file of `certificate_file`, unless it has this certificate already."""

    def withdraw(self, kept: Kept) -> None:
        """Have what `ready_words` names look again: it is not to be used, whatever its time of renewal."""

    def forget(self, kept: Kept) -> None:
        """Remove the record, and the file of `certificate_file` if it has this certificate."""

    def certificate_file(self, actor: str, holder: Holder) -> str:
        """Where ssh looks for the certificate; see `identity_file`."""

    def ready_words(self, actor: str, holder: Holder) -> tuple[str, ...]:
        """The words of a command that runs the words behind it, unless the holder has what is not to be renewed yet."""

    def alone(self, actor: str, holder: Holder, patience: float) -> AbstractContextManager[None]:
        """Renew it as the only one on this machine. Raises `Held` after so many seconds."""

    def note_failure(self, actor: str, holder: Holder) -> None:
        """Remember that a renewal failed now."""

    def failed_at(self, actor: str, holder: Holder) -> float:
        """When a renewal failed last, as seconds since 1970; 0 where none has since the last that did not."""
