"""The port KeyPlace on files: the key (0600), its public half, and the certificate where ssh looks for it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from warden.adapters.machine.regular_file import NotUsable, read_bytes
from warden.adapters.machine.whole_file import whole_file
from warden.core.errors import Effect, Inconclusive, UsageError
from warden.core.ssh.kept import FOLDER_OPTION, Holder, Prepared, certificate_file, key_file

if TYPE_CHECKING:
    from warden.core.secret import Secret
    from warden.core.ssh.certificate import Certificate
    from warden.core.ssh.kept import Kept


class InFolder:
    """A folder as a place for keys; see the port. It is made, for its owner alone, where it is not there.

    ``folder_option`` is how the caller names one.
    """

    def __init__(self, folder: str, folder_option: str = FOLDER_OPTION) -> None:
        self._folder_option = folder_option
        self.holder = Holder(handed="file", where=os.path.realpath(os.path.expanduser(folder)))
        self._actor = ""
        self._public = ""
        self._private: Secret | None = None

    def prepare(self, actor: str, before: Kept | None, *, fresh: bool) -> Prepared:
        """The folder's own key, or a fresh one, also where warden was stopped while it replaced it.

        A key that warden did not make is not replaced.
        """
        self._actor, self._private = actor, None
        there = self._key_there()
        fingerprint = _fingerprint(there)
        own = before is not None and before.is_own(fingerprint)
        stopped = own and before is not None and bool(before.replaces)
        if there and not fresh and not stopped:
            return Prepared(public_key=there, own_key=own)
        if there and not own:
            raise self._not_replaced()
        return self._fresh(replaces=fingerprint)

    def hand(self, certificate: Certificate, now: float) -> None:  # noqa: ARG002 - files do not go by themselves
        """Write what is new, whole, and the certificate first: nothing takes a place where something cannot."""
        key = key_file(self.holder.where, self._actor)
        try:
            with ExitStack() as places:
                if self._private is not None:
                    _write(places, key, self._private.reveal(), 0o600)
                    _write(places, f"{key}.pub", f"{self._public} {self._actor}\n", 0o644)
                _write(places, certificate_file(self.holder.where, self._actor), f"{certificate.line}\n", 0o644)
        except OSError as fault:
            raise self._unwritable(fault) from None
        self._private = None

    def abandon(self) -> None:
        """Nothing was written yet."""
        self._private = None

    def holds(self, kept: Kept) -> bool:
        """Whether the certificate's file has it, and the key's file is there and not one that was to be replaced."""
        shown = _line(certificate_file(self.holder.where, kept.actor))
        return not kept.replaces and shown == kept.line and os.path.isfile(key_file(self.holder.where, kept.actor))

    def remove(self, kept: Kept) -> bool:
        """Remove the certificate's file if it has this one, and the key's if it is that certificate's and ours."""
        key, cert = key_file(self.holder.where, kept.actor), certificate_file(self.holder.where, kept.actor)
        paths = [cert] if _line(cert) == kept.line else []
        if self._is_own(key, kept):
            paths += [key, f"{key}.pub"]
        removed = [path for path in paths if self._removed(path)]
        return bool(removed)

    def _is_own(self, path: str, kept: Kept) -> bool:
        """Whether warden made the private key there; its public half beside it may be another one's."""
        try:
            return kept.is_own(_fingerprint(_public_half(path)))
        except NotUsable:
            return False

    def _removed(self, path: str) -> bool:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        except OSError as fault:
            raise self._unwritable(fault) from None
        return True

    def _fresh(self, *, replaces: str) -> Prepared:
        from warden.adapters.ssh.fresh_keys import fresh_key

        try:
            os.makedirs(self.holder.where, mode=0o700, exist_ok=True)
        except OSError as fault:
            raise self._unwritable(fault) from None
        if not os.access(self.holder.where, os.W_OK | os.X_OK):
            raise self._unwritable(PermissionError(13, ""))
        made = fresh_key()
        self._public, self._private = made.public_key, made.private_key
        return Prepared(public_key=made.public_key, own_key=True, replaces=replaces)

    def _key_there(self) -> str:
        """The public half of the private key in the folder; empty where there is none. Raises `UsageError`."""
        path = key_file(self.holder.where, self._actor)
        if not os.path.lexists(path):
            return ""
        try:
            return _public_half(path, own=True)  # who wrote it has it, too, and would have what it is certified for
        except NotUsable as fault:
            raise UsageError(
                f"{path} cannot be used: {fault}",
                effect=Effect.NOTHING_ASKED,
                subject=path,
                hint=f"remove it, or name another folder with {self._folder_option}",
            ) from None

    def _not_replaced(self) -> UsageError:
        path = key_file(self.holder.where, self._actor)
        return UsageError(
            f"{path} is a key that warden did not make, so it is not replaced",
            effect=Effect.NOTHING_ASKED,
            subject=path,
            hint=f"remove it, or name another folder with {self._folder_option}",
        )

    def _unwritable(self, fault: OSError) -> Inconclusive:
        return Inconclusive(
            f"{self.holder.where} cannot be written: {os.strerror(fault.errno or 0).lower()}",
            effect=Effect.NOTHING_WRITTEN,
            subject=self.holder.where,
            hint=f"name another folder with {self._folder_option}",
        )


def _public_half(path: str, *, own: bool = False) -> str:
    """The public half of the private key in that file. Raises `NotUsable`, as `read_bytes` does."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

    try:
        pair = load_ssh_private_key(read_bytes(path, own=own), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotUsable("not a private key of OpenSSH that can be read without a passphrase") from None
    return pair.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _write(places: ExitStack, path: str, text: str, mode: int) -> None:
    """Beside its place, which it takes when `places` is left: the last one first, and none after one that cannot."""
    file = places.enter_context(whole_file(path, mode))
    os.fchmod(file.fileno(), mode)
    file.write(text.encode())
    file.flush()


def _line(path: str) -> str:
    """The type and the key in the first line of a file; empty where it cannot be read."""
    try:
        return " ".join(read_bytes(path).decode("ascii", "replace").split()[:2])
    except NotUsable:
        return ""


def _fingerprint(line: str) -> str:
    from warden.core.inventory.public_keys import public_key  # a login with a good certificate needs none

    found = public_key(line)
    return found.fingerprint if found else ""
