"""The programs of a cluster, built once from published Go modules.

    build.programs(report, tick) -> Programs(directory, kubernetes="v1.36.3", eso="v0.20.4")

``go/controlplane`` pins etcd, kube-apiserver, kube-controller-manager and kubectl as Go tools; ``go/eso`` is the
External Secrets Operator's own entry point. What is built goes to ``<cache>/warden/cluster/<digest>``, where the
digest is of those files: it is there whole or not at all, and one build is under way at a time.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from warden.adapters.embedded import state
from warden.adapters.embedded.golang import Go
from warden.domain.errors import Held, Inconclusive

SYSTEM = "cluster build"
SOURCES = Path(__file__).with_name("go")
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
OPERATOR = "external-secrets"
CRDS = "crds.yaml"
WAIT_SECONDS = 3600.0
_NEEDED = 1024**3  # bytes on the cache's disk: 0.5 GB of programs, and Go's own temporary files

Report = Callable[[str], None]
Tick = Callable[[str, float], None]
"""Takes what is being done and for how many seconds, about once a second."""


class Programs(msgspec.Struct, frozen=True, kw_only=True):
    """Where the programs of a cluster are, and of which versions."""

    directory: str
    kubernetes: str
    eso: str

    def path(self, name: str) -> str:
        """The executable of that name."""
        return f"{self.directory}/{name}"

    @property
    def crds(self) -> str:
        """The file with External Secrets Operator's custom resource definitions."""
        return f"{self.directory}/{CRDS}"


def cache_directory(environ: Mapping[str, str] = os.environ) -> str:
    """``$XDG_CACHE_HOME/warden/cluster``, else ``~/.cache/warden/cluster``."""
    base = environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "warden", "cluster")


def programs(report: Report, tick: Tick) -> Programs:
    """The programs, built first where they are not there. Safe to call by several at once.

    Raises:
        NotFound: there is no Go, or it is too old.
        Unreachable: a module could not be fetched.
        Inconclusive: the cache cannot be written, or a module does not compile.
        Held: another build took longer than `WAIT_SECONDS`.
    """
    found = located()
    if _whole(found):
        return found
    _expect_writable(os.path.dirname(found.directory))
    with _turn(f"{found.directory}.lock", report, tick):
        if not _whole(found):
            _build(found, report, tick)
    return found


def located() -> Programs:
    """Where the programs are as soon as they were built."""
    return Programs(
        directory=f"{cache_directory()}/{_digest()}",
        kubernetes=_required("controlplane", "k8s.io/kubernetes"),
        eso=_required("eso", "github.com/external-secrets/external-secrets"),
    )


def _required(module: str, package: str) -> str:
    for line in (SOURCES / module / "go.mod").read_text(encoding="utf-8").splitlines():
        words = line.removeprefix("require").split()
        if words[:1] == [package]:
            return words[1]
    raise AssertionError(package)  # a file of our own


def _digest() -> str:
    total = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for file in sorted(SOURCES.rglob("*")):
        if file.is_file():
            total.update(f"\0{file.relative_to(SOURCES)}\0".encode() + file.read_bytes())
    return total.hexdigest()[:16]


def _whole(found: Programs) -> bool:
    return Path(found.directory).is_dir()


def _build(found: Programs, report: Report, tick: Tick) -> None:
    began = time.monotonic()
    go = Go(f"{found.directory}.log")
    go.require(SOURCES / "controlplane")
    report(
        f"the programs of a cluster are not here yet: Kubernetes {found.kubernetes} and External Secrets Operator "
        f"{found.eso} are built from their published Go modules, once"
    )
    report(
        "  that takes 4 to 10 minutes on two cores, about 6 GB in Go's caches and 0.5 GB in "
        f"{os.path.dirname(found.directory)}; Ctrl-C is safe"
    )
    fresh = f"{found.directory}.{os.getpid()}"
    _expect_room(os.path.dirname(found.directory))
    _sweep(found.directory)
    try:
        _build_into(fresh, found, go, report, tick)
        os.rename(fresh, found.directory)
    except OSError as fault:
        raise Inconclusive(
            f"{fresh} cannot be written ({(fault.strerror or '').lower()}); nothing was kept of the build",
            system=SYSTEM,
            subject=fresh,
            hint="name a directory with room: export XDG_CACHE_HOME=DIRECTORY",
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    report(f"built in {time.monotonic() - began:.0f} s: {found.directory}")


def _build_into(fresh: str, found: Programs, go: Go, report: Report, tick: Tick) -> None:
    os.mkdir(fresh, 0o700)
    version = f"-s -w -X k8s.io/component-base/version.gitVersion={found.kubernetes}"
    report("building etcd, kube-apiserver, kube-controller-manager, kubectl (1 of 2)")
    go.build(SOURCES / "controlplane", "tool", f"{fresh}/", version, tick)
    os.rename(f"{fresh}/server", f"{fresh}/etcd")  # Go names a program after its folder
    report("building external-secrets (2 of 2)")
    go.build(SOURCES / "eso", ".", f"{fresh}/{OPERATOR}", "-s -w", tick)
    module = go.directory(SOURCES / "eso", "github.com/external-secrets/external-secrets")
    shutil.copyfile(f"{module}/deploy/crds/bundle.yaml", f"{fresh}/{CRDS}")


def _expect_room(directory: str) -> None:
    free = shutil.disk_usage(directory).free
    if free < _NEEDED:
        raise Inconclusive(
            f"{directory} has {free / 1e9:.1f} GB left and the build needs {_NEEDED / 1e9:.0f}; nothing was built",
            system=SYSTEM,
            subject=directory,
            hint="make room, or name another directory: export XDG_CACHE_HOME=DIRECTORY",
        )


def _sweep(directory: str) -> None:
    """Remove what builds left that were killed; the lock is ours, so none of them is at work."""
    parent = Path(directory).parent
    for left in parent.glob(f"{Path(directory).name}.[0-9]*"):
        shutil.rmtree(left, ignore_errors=True)


def _expect_writable(cache: str) -> None:
    try:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        with open(f"{cache}/.probe", "wb"):
            pass
        os.unlink(f"{cache}/.probe")
    except OSError as fault:
        raise Inconclusive(
            f"{cache} cannot be written ({(fault.strerror or '').lower()}); nothing was built",
            system=SYSTEM,
            subject=cache,
            hint="name a directory of yours: export XDG_CACHE_HOME=DIRECTORY",
        ) from None


@contextlib.contextmanager
def _turn(lock: str, report: Report, tick: Tick) -> Iterator[None]:
    """Hold the lock; says that another build is waited for, and for how long."""
    began, told = time.monotonic(), False
    with contextlib.ExitStack() as holding:
        while True:
            try:
                holding.enter_context(state.alone(lock, 0.0))
                break
            except Held:
                if not told:
                    report("another warden is building the programs of a cluster: this one waits for it")
                told = True
                tick("waiting for the other build", time.monotonic() - began)
                if time.monotonic() - began > WAIT_SECONDS:
                    raise
                time.sleep(1)
        yield
