"""The port KeptCertificates: a small file for each, in ``ssh`` of warden's state directory.

`find` and `show` are on the way of every login, so names are made with crc32 (no OpenSSL is loaded). Two may get the
same name: each record says whose it is, and another's is ignored.
"""

import os
import time
from binascii import crc32
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

import msgspec

from warden.core.errors import Effect, Held, Inconclusive, UsageError
from warden.core.remedies import SetVariable
from warden.core.ssh.kept import Holder, Kept, certificate_file

_SCRIPT = "ready.sh"
_INTERVAL = 0.25
"""Seconds between two looks at whether another process has renewed the certificate."""


class KeptFiles:
    """The certificates of one platform directory and environment; see the port.

    Args:
        state: warden's state directory.
        platform: the platform directory, absolute.
        environment: the environment that was named; empty where none was.
    """

    def __init__(self, state: str, platform: str, environment: str) -> None:
        self._folder = os.path.join(state, "ssh")
        self._platform = platform
        self._environment = environment

    def find(self, actor: str, holder: Holder) -> Kept | None:
        """What that holder has."""
        found = _read(self._record(actor, holder))
        mine = found is not None and (
            (found.actor, found.holder, found.platform, found.environment)
            == (actor, holder, self._platform, self._environment)
        )
        return found if mine else None

    def all(self) -> Sequence[Kept]:
        """Every record that can be read."""
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return ()
        found = (_read(os.path.join(self._folder, name)) for name in names if name.endswith(".json"))
        return tuple(each for each in found if each is not None)

    def keep(self, kept: Kept) -> None:
        """Write what ssh is shown, then the record: whoever finds that has the rest. A failure before is forgotten.

        While a key is replaced, ssh is shown nothing: certificate and key may not belong together.
        """
        if kept.replaces:
            self.withdraw(kept)
        else:
            self.show(kept)
        with self._written():
            self._write(self._record(kept.actor, kept.holder), msgspec.json.encode(kept))
        with suppress(FileNotFoundError):
            os.unlink(self._failure(kept.actor, kept.holder))

    def show(self, kept: Kept) -> None:
        """Write the certificate where ssh looks for it, if it is another one; a folder has its own. And its stamp."""
        path, text = self.certificate_file(kept.actor, kept.holder), f"{kept.line}\n".encode()
        stamp = self._stamp(kept.actor, kept.holder)
        renew_at = f"{kept.renew_at}\n".encode()
        if (kept.holder.handed == "file" or _content(path) == text) and _content(stamp) == renew_at:
            return
        with self._written():
            self._make_folder()
            if kept.holder.handed == "agent":
                self._write(path, text)
            self._write(stamp, renew_at)

    def withdraw(self, kept: Kept) -> None:
        """Remove its stamp."""
        at = KeptFiles(os.path.dirname(self._folder), kept.platform, kept.environment)
        with self._written(), suppress(FileNotFoundError):
            os.unlink(at._stamp(kept.actor, kept.holder))

    def forget(self, kept: Kept) -> None:
        """Remove its record and its certificate file."""
        at = KeptFiles(os.path.dirname(self._folder), kept.platform, kept.environment)
        shown = at.certificate_file(kept.actor, kept.holder)
        paths = [at._record(kept.actor, kept.holder), at._failure(kept.actor, kept.holder)]
        if kept.holder.handed == "file":
            paths.append(at._stamp(kept.actor, kept.holder))
        elif _content(shown) == f"{kept.line}\n".encode():
            paths += [shown, at._stamp(kept.actor, kept.holder)]
        with self._written():
            for path in paths:
                with suppress(FileNotFoundError):
                    os.unlink(path)

    def certificate_file(self, actor: str, holder: Holder) -> str:
        """In the folder beside the key, or in warden's own: one for each actor, whatever the agent."""
        if holder.handed != "agent":
            return certificate_file(holder.where, actor)
        return certificate_file(self._folder, self._named(actor))

    def ready_words(self, actor: str, holder: Holder) -> tuple[str, ...]:
        """A script for sh, which is put beside the records: Python's start would cost more than all the rest.

        Raises `UsageError` where somebody else could put another one there: ssh will run it.
        """
        script = os.path.join(self._folder, _SCRIPT)
        content = _content(os.path.join(os.path.dirname(__file__), _SCRIPT))
        if _content(script) != content:
            with self._written():
                self._make_folder()
                self._write(script, content)
        _expect_own(script)
        return ("/bin/sh", script, self._stamp(actor, holder), self.certificate_file(actor, holder))

    def alone(self, actor: str, holder: Holder, patience: float) -> AbstractContextManager[None]:
        """The lock of this actor and holder."""
        from warden.adapters.machine.lock import file_lock  # only a renewal needs it

        path = f"{self._record(actor, holder)}.lock"
        busy = Held(
            f"another process has been renewing the certificate of {actor} for {patience:.0f} s",
            effect=Effect.NOTHING_DONE,
            subject=path,
            hint="wait for it, then run this again",
        )
        return file_lock(path, busy, patience=patience, interval=_INTERVAL)

    def note_failure(self, actor: str, holder: Holder) -> None:
        """Leave a file whose time says when."""
        with self._written():
            self._make_folder()
            path = self._failure(actor, holder)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            os.utime(path, (time.time(), time.time()))

    def failed_at(self, actor: str, holder: Holder) -> float:
        """The time of that file."""
        try:
            return os.stat(self._failure(actor, holder)).st_mtime
        except OSError:
            return 0.0

    def _named(self, actor: str, *holder: str) -> str:
        """A file's name for it: the actor, and a number that tells platforms and holders apart."""
        told = "\0".join((self._platform, self._environment, *holder))
        actor = actor.replace(os.sep, "_")  # one that is not declared may be called anything
        return f"{actor}-{crc32(told.encode('utf-8', 'surrogateescape')):08x}"

    def _record(self, actor: str, holder: Holder) -> str:
        return os.path.join(self._folder, f"{self._named(actor, holder.handed, holder.where)}.json")

    def _stamp(self, actor: str, holder: Holder) -> str:
        """What says when the certificate of `certificate_file` is to be renewed: one for every agent, as that is."""
        where = () if holder.handed == "agent" else (holder.handed, holder.where)
        return os.path.join(self._folder, f"{self._named(actor, *where)}.renew")

    def _failure(self, actor: str, holder: Holder) -> str:
        return f"{self._record(actor, holder)}.failed"

    def _make_folder(self) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)

    def _write(self, path: str, content: bytes) -> None:
        from warden.adapters.machine.whole_file import whole_file

        with whole_file(path, 0o600) as file:
            file.write(content)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as fault:
            raise Inconclusive(
                f"{self._folder} cannot be written: {os.strerror(fault.errno or 0).lower()}",
                effect=Effect.NOTHING_WRITTEN,
                subject=self._folder,
                hint="name a directory of yours",
                remedy=(SetVariable("WARDEN_STATE", "DIRECTORY"),),
            ) from None


def _expect_own(script: str) -> None:
    from warden.adapters.machine.ownership import weaknesses  # a login needs neither
    from warden.core.lanes.trust import NotTrusted

    if weak := weaknesses([script]):
        raise UsageError(
            NotTrusted(script, tuple(weak)),
            effect=Effect.NOTHING_PRINTED,
            subject=script,
            hint="name a directory that only you can change",
            remedy=(SetVariable("WARDEN_STATE", "DIRECTORY"),),
        )


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _read(path: str) -> Kept | None:
    try:
        return msgspec.json.decode(_content(path), type=Kept)
    except msgspec.DecodeError:
        return None
