"""The files of the embedded platform: one directory, mode 0700, that belongs to the person who runs it."""

import contextlib
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator

import msgspec

from warden.domain.errors import Held, Inconclusive, NotFound

SYSTEM = "embedded platform"
LOCK_SECONDS = 90.0


class Layout(msgspec.Struct, frozen=True):
    """Where everything lies below one directory (absolute)."""

    root: str

    @property
    def config(self) -> str:
        return f"{self.root}/openbao.hcl"

    @property
    def raft(self) -> str:
        return f"{self.root}/data"

    @property
    def audit_file(self) -> str:
        return f"{self.root}/audit/audit.log"

    @property
    def log(self) -> str:
        return f"{self.root}/server.log"

    @property
    def keys(self) -> str:
        return f"{self.root}/keys"

    @property
    def unseal_key(self) -> str:
        return f"{self.root}/keys/unseal.key"

    @property
    def published(self) -> str:
        """The file that says where the server is; written when it is ready."""
        return f"{self.root}/platform.json"

    @property
    def initialising(self) -> str:
        """Exists from before the first start until the first login: only then may a data directory be discarded."""
        return f"{self.root}/initialising"

    def password(self, part: str) -> str:
        """The password of one of the parts that people play."""
        return f"{self.root}/passwords/{part}"

    def token(self, part: str) -> str:
        """The token that a part got at its last login."""
        return f"{self.root}/tokens/{part}"


def make_directory(path: str) -> None:
    """Make `path`, and what leads to it, for nobody else. Raises `Inconclusive` where that cannot be done."""
    with _explained(path, "cannot be made"):
        os.makedirs(path, mode=0o700, exist_ok=True)
        found = os.lstat(path)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(0, "it is not a directory of yours")
        os.chmod(path, 0o700)


def write(path: str, content: str | bytes) -> None:
    """Put `content` at `path`, mode 0600, whole or not at all."""
    raw = content.encode() if isinstance(content, str) else content
    beside = f"{path}.{os.getpid()}"
    with _explained(path, "cannot be written"):
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            raise


def read(path: str) -> str:
    """The text at `path`. Raises `NotFound` where there is none: the platform was never up."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as fault:
        raise NotFound(
            f"{path} cannot be read ({_words(fault)})", system=SYSTEM, subject=path, hint="warden dev up"
        ) from None


def remove(path: str) -> bool:
    """Remove a file or a directory with all that is in it; answers whether there was one."""
    if not os.path.lexists(path):
        return False
    with _explained(path, "cannot be removed"):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    return True


def sync(directory: str) -> None:
    """Have what was made, renamed or removed in `directory` survive a power loss."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def size(path: str) -> int:
    """Bytes that a file, or all files below a directory, take up on the disk."""
    total = 0
    files = [path] if os.path.isfile(path) else [f"{at}/{name}" for at, _, names in os.walk(path) for name in names]
    for file in files:
        with contextlib.suppress(OSError):
            total += os.stat(file).st_blocks * 512
    return total


@contextlib.contextmanager
def alone(path: str, patience: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock file at `path`; the kernel lets go of it whatever becomes of this process.

    Raises `Held` where another one keeps it for longer than `patience` seconds.
    """
    with _explained(path, "cannot be locked"):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        end = time.monotonic() + patience
        while not _locked(handle):
            if time.monotonic() > end:
                raise Held(
                    "another `warden dev` is at work on this platform; nothing was done",
                    system=SYSTEM,
                    subject=path,
                    hint="wait for it, then repeat the command",
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _words(fault: OSError) -> str:
    return (fault.strerror or "no reason given").lower()


@contextlib.contextmanager
def _explained(path: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise Inconclusive(
            f"{path} {what} ({_words(fault)}); the embedded platform was left as it is",
            system=SYSTEM,
            subject=path,
            hint="name a directory of yours on a disk with room: export WARDEN_STATE=DIRECTORY",
        ) from None
