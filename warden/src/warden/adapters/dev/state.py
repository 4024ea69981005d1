"""The files of the embedded platform: one directory, mode 0700, that belongs to the person who runs it."""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from warden.adapters.machine.lock import file_lock
from warden.core.errors import Effect, Held, Inconclusive, NotFound
from warden.core.remedies import SetVariable, warden

SYSTEM = "embedded platform"
LOCK_SECONDS = 90.0


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything lies; made by `layout`.

    Attributes:
        root: the directory that all of it is in, absolute.
        config: the server's configuration.
        raft: the data directory.
        audit_file: the audit log.
        log: the server's output.
        keys: the directory of the signing keys and the unseal key.
        unseal_key: 32 random bytes.
        passwords: a file for each persona.
        tokens: a file for each persona: the token of its last login.
        published: says where the server is; written when it is ready.
        initialising: exists from before the first start until the first login; only then may data be discarded.
        tls: the directory of OpenBao's certificate; empty or not there while it speaks plain http.
        ca_file: the authority that signed it.
        clusters: the directory of the clusters, one for each.
        cluster_names: says which clusters there are, the first one first.
        kubeconfig: how to reach them.
    """

    root: str
    config: str
    raft: str
    audit_file: str
    log: str
    keys: str
    unseal_key: str
    passwords: str
    tokens: str
    published: str
    initialising: str
    tls: str
    ca_file: str
    clusters: str
    cluster_names: str
    kubeconfig: str


def layout(root: str) -> Layout:
    """The files of the platform that lives in `root`."""
    return Layout(
        root=root,
        config=f"{root}/openbao.hcl",
        raft=f"{root}/data",
        audit_file=f"{root}/audit/audit.log",
        log=f"{root}/server.log",
        keys=f"{root}/keys",
        unseal_key=f"{root}/keys/unseal.key",
        passwords=f"{root}/passwords",
        tokens=f"{root}/tokens",
        published=f"{root}/platform.json",
        initialising=f"{root}/initialising",
        tls=f"{root}/tls",
        ca_file=f"{root}/tls/ca.pem",
        clusters=f"{root}/clusters",
        cluster_names=f"{root}/clusters.json",
        kubeconfig=f"{root}/kubeconfig",
    )


def make_directory(path: str) -> None:
    """Make `path`, and what leads to it, for nobody else; one that is there already is left as it is.

    Raises `Inconclusive` where that cannot be done.
    """
    with _explained(path, "cannot be made"):
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)


def make_private(path: str) -> None:
    """Make `path`, or take it back from others. Raises `Inconclusive` where it is not the caller's own."""
    make_directory(path)
    with _explained(path, "cannot be made private"):
        if Path(path).lstat().st_uid != os.geteuid():
            raise PermissionError(0, "it belongs to somebody else")
        Path(path).chmod(0o700)


def write(path: str, content: str | bytes) -> None:
    """Put `content` at `path`, mode 0600, whole or not at all."""
    raw = content.encode() if isinstance(content, str) else content
    beside = Path(f"{path}.{os.getpid()}")
    with _explained(path, "cannot be written"):
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise


def read(path: str) -> str:
    """The text at `path`. Raises `NotFound` where there is none: the platform was never up."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as fault:
        raise NotFound(
            f"{path} cannot be read ({_reason(fault)})", system=SYSTEM, subject=path, remedy=(warden("dev up"),)
        ) from None


def remove(path: str) -> bool:
    """Remove a file or a directory with all that is in it; answers whether there was one."""
    with _explained(path, "cannot be removed"):
        try:
            found = Path(path).lstat()
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(found.st_mode):
            shutil.rmtree(path)
        else:
            Path(path).unlink()
    return True


def sync(directory: str) -> None:
    """Have what was made, renamed or removed in `directory` survive a power loss."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def length(path: str) -> int:
    """Bytes in a file; 0 where there is none."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def size(path: str) -> int:
    """Bytes that all files below a directory take up on the disk; OpenBao's are sparse."""
    total = 0
    for file in Path(path).rglob("*"):
        with contextlib.suppress(OSError):
            found = file.lstat()
            total += found.st_blocks * 512 if stat.S_ISREG(found.st_mode) else 0
    return total


def alone(path: str, patience: float = LOCK_SECONDS) -> AbstractContextManager[None]:
    """Hold the lock file at `path`. Raises `Held` where another process keeps it for longer than `patience` seconds."""
    busy = Held(
        "another `warden dev` is working on this platform",
        effect=Effect.NOTHING_DONE,
        system=SYSTEM,
        subject=path,
        hint="wait for it, then repeat the command",
    )
    return file_lock(path, busy, patience=patience)


def _reason(fault: OSError) -> str:
    return (fault.strerror or "no reason given").lower()


@contextlib.contextmanager
def _explained(path: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise Inconclusive(
            f"{path} {what} ({_reason(fault)})",
            effect=Effect.NOTHING_CHANGED,
            system=SYSTEM,
            subject=path,
            hint="name a directory of yours on a disk with room",
            remedy=(SetVariable("WARDEN_STATE", "DIRECTORY"),),
        ) from None
