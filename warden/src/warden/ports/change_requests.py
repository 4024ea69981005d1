"""The change requests of a platform directory, and the signatures under their decisions."""

from collections.abc import Callable, Sequence
from typing import Protocol

from warden.core.changes.request import Application, ChangeRequest, Decision, Status
from warden.core.changes.verdict import Checked
from warden.core.errors import Fault


class ChangeRequests(Protocol):
    """Files that people keep: what is written into one leaves the rest of it as it is."""

    def all(self) -> Sequence[ChangeRequest]:
        """Every request whose file has no errors, by id. Raises `UsageError` where they cannot be read."""

    def faults(self) -> Sequence[Fault]:
        """The errors of the others."""

    def get(self, request_id: str) -> ChangeRequest:
        """One request. Raises `NotFound`, or `Invalid` with every error of its file."""

    def path(self, request_id: str) -> str:
        """Its file, as people name it."""

    def add(self, make: Callable[[str], ChangeRequest], year: int) -> ChangeRequest:
        """Write a new one under the next free number of that year; two at once get two numbers.

        Raises `UsageError` where the place cannot be written to.
        """

    def decide(self, before: ChangeRequest, after: ChangeRequest) -> None:
        """Add to the file of the request that was read the last decision of `after`, and what follows from it.

        Raises `Held` where the file was changed since it was read, `UsageError` where it cannot be written.
        """

    def follow(self, request_id: str, status: Status, applied: Application | None = None) -> bool:
        """Say in the file how far it is; false where it cannot be written."""


class Signatures(Protocol):
    """SSH signatures under decisions, by the keys of allowed_signers."""

    def knows(self, name: str) -> bool:
        """Whether allowed_signers has a key for that name; false where it cannot be read."""

    def signer(self) -> str:
        """Whose key signs: a name of allowed_signers. Raises `UsageError` where that is not one."""

    def sign(self, payload: bytes) -> str:
        """The signature, without armour. Raises `UsageError` where the key cannot sign."""

    def check(self, decision: Decision) -> Checked:
        """Whether the signature is that person's. Nothing is raised: what cannot be verified is a flaw."""
