"""The programs of a cluster, built once from published Go modules.

    build.programs(report, tick) -> Programs(control_plane="~/.cache/warden/cluster/controlplane-…", eso="…/eso-…")

``go/controlplane`` pins etcd, kube-apiserver, kube-controller-manager and kubectl as Go tools; ``go/eso`` is the
External Secrets Operator's own entry point. What is built of each goes to a directory named after a digest of its
files: it is there whole or not at all, and one build is under way at a time.
"""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from warden.adapters.dev.golang import SYSTEM, Go
from warden.adapters.machine import directories
from warden.adapters.machine.lock import file_lock
from warden.core.errors import Effect, Held, Inconclusive
from warden.core.remedies import SetVariable

SOURCES = Path(__file__).with_name("go")
WAIT_SECONDS = 3600.0
_NEEDED = 1e9  # bytes on the cache's disk: 0.5 GB of programs, and room to link them in

_ELSEWHERE = (SetVariable("XDG_CACHE_HOME", "DIRECTORY"),)

Report = Callable[[str], None]
Tick = Callable[[str, float], None]
"""Takes what is being done and for how many seconds, about once a second."""


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One Go module of ours and what is built from it.

    Attributes:
        name: its folder.
        title: what people know it by.
        package: the module whose version is the one that counts.
        target: the argument of ``go build``.
        linked: the linker's flags; ``{version}`` is filled in.
        renamed: built name -> the name it is to have.
        copied: file of `package` -> the name it is to have beside the programs.
        sources: the folder that its folder is in.
    """

    name: str
    title: str
    package: str
    target: str
    linked: str
    renamed: Mapping[str, str]
    copied: Mapping[str, str]
    sources: Path = SOURCES

    @property
    def source(self) -> Path:
        """Where its ``go.mod`` lies."""
        return self.sources / self.name

    @property
    def version(self) -> str:
        """The version that ``go.mod`` pins: ``v1.36.3``."""
        for line in (self.source / "go.mod").read_text(encoding="utf-8").splitlines():
            words = line.removeprefix("require").split()
            if words[:1] == [self.package]:
                return words[1]
        raise AssertionError(self.package)  # a file of our own

    @property
    def directory(self) -> str:
        """Where its programs are as soon as they were built: named after its files and this kind of machine."""
        total = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
        for file in sorted(self.source.iterdir()):
            total.update(f"\0{file.name}\0".encode() + file.read_bytes())
        return f"{cache_directory()}/{self.name}-{total.hexdigest()[:16]}"


CONTROL_PLANE = Module(
    name="controlplane",
    title="Kubernetes",
    package="k8s.io/kubernetes",
    target="tool",
    linked="-s -w -X k8s.io/component-base/version.gitVersion={version}",
    renamed={"server": "etcd"},  # Go names a program after its folder
    copied={},
)
OPERATOR = Module(
    name="eso",
    title="External Secrets Operator",
    package="github.com/external-secrets/external-secrets",
    target=".",
    linked="-s -w",
    renamed={"eso": "external-secrets"},
    copied={"deploy/crds/bundle.yaml": "crds.yaml"},
)


class Programs(msgspec.Struct, frozen=True, kw_only=True):
    """The directories of the programs of a cluster."""

    control_plane: str
    eso: str

    def path(self, name: str) -> str:
        """The executable of that name."""
        return f"{self.eso if name == 'external-secrets' else self.control_plane}/{name}"

    @property
    def crds(self) -> str:
        """The file with External Secrets Operator's custom resource definitions."""
        return f"{self.eso}/crds.yaml"


def cache_directory() -> str:
    """``$XDG_CACHE_HOME/warden/cluster``, else ``~/.cache/warden/cluster``."""
    return os.path.join(directories.cache(), "cluster")


def located() -> Programs:
    """Where the programs are as soon as they were built."""
    return Programs(control_plane=CONTROL_PLANE.directory, eso=OPERATOR.directory)


def programs(report: Report, tick: Tick, modules: Sequence[Module] = (CONTROL_PLANE, OPERATOR)) -> Programs:
    """The programs, built first where they are not there. Safe to call by several at once.

    Raises:
        NotFound: there is no Go, or it is too old.
        Unreachable: a module could not be fetched.
        Inconclusive: the cache cannot be written, or a module does not compile.
        Held: another build took longer than `WAIT_SECONDS`.
    """
    if any(not _whole(module) for module in modules):
        cache = cache_directory()
        _expect_writable(cache)
        with _build_lock(f"{cache}/lock", report, tick):
            _build_all([module for module in modules if not _whole(module)], report, tick)
    return located()


def _whole(module: Module) -> bool:
    return os.path.isdir(module.directory)


def _build_all(missing: Sequence[Module], report: Report, tick: Tick) -> None:
    if not missing:
        return
    go = Go(f"{cache_directory()}/build.log")
    go.require([module.source for module in missing])
    _expect_room(cache_directory())
    _sweep()
    named = " and ".join(f"{module.title} {module.version}" for module in missing)
    report(f"{named} {'are' if len(missing) > 1 else 'is'} built from published Go modules, once for all platforms:")
    report("  4 to 10 minutes on two cores, about 6 GB in Go's caches (go env GOCACHE GOMODCACHE)")
    report(f"  and 0.5 GB in {cache_directory()}; Ctrl-C stops it, what was compiled is kept")
    for module in missing:
        _build(module, go, report, tick)


def _build(module: Module, go: Go, report: Report, tick: Tick) -> None:
    began = time.monotonic()
    report(f"building {module.title} {module.version}")
    fresh = f"{module.directory}.{os.getpid()}"
    try:
        os.mkdir(fresh, 0o700)
        go.build(module.source, module.target, f"{fresh}/", module.linked.format(version=module.version), tick)
        _complete(module, go, fresh)
        os.rename(fresh, module.directory)
    except OSError as fault:
        raise Inconclusive(
            f"{fresh} cannot be written: {(fault.strerror or '').lower()}",
            effect=Effect.NOTHING_WRITTEN,
            system=SYSTEM,
            subject=fresh,
            hint="name a directory with room",
            remedy=_ELSEWHERE,
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    report(f"built {module.title} {module.version} in {time.monotonic() - began:.0f} s")


def _complete(module: Module, go: Go, fresh: str) -> None:
    for built, name in module.renamed.items():
        os.rename(f"{fresh}/{built}", f"{fresh}/{name}")
    for file, name in module.copied.items():
        shutil.copyfile(f"{go.directory(module.source, module.package)}/{file}", f"{fresh}/{name}")


def _expect_room(directory: str) -> None:
    free = shutil.disk_usage(directory).free
    if free < _NEEDED:
        raise Inconclusive(
            f"{directory} has {free / 1e9:.1f} GB left and a build needs {_NEEDED / 1e9:.0f}",
            effect=Effect.NOTHING_DONE,
            system=SYSTEM,
            subject=directory,
            hint="make room, or name another directory",
            remedy=_ELSEWHERE,
        )


def _sweep() -> None:
    """Remove what builds left that were killed; the lock is ours, so none of them is at work."""
    for left in Path(cache_directory()).glob("*-*.[0-9]*"):
        shutil.rmtree(left, ignore_errors=True)


def _expect_writable(cache: str) -> None:
    try:
        os.makedirs(cache, mode=0o700, exist_ok=True)
        with open(f"{cache}/lock", "ab"):
            pass
    except OSError as fault:
        raise Inconclusive(
            f"{cache} cannot be written: {(fault.strerror or '').lower()}",
            effect=Effect.NOTHING_DONE,
            system=SYSTEM,
            subject=cache,
            hint="name a directory of yours",
            remedy=_ELSEWHERE,
        ) from None


def _build_lock(path: str, report: Report, tick: Tick) -> AbstractContextManager[None]:
    """Hold the lock; reports that another build is waited for, and for how long."""
    reported: list[bool] = []

    def waiting(seconds: float) -> None:
        if not reported:
            reported.append(True)
            report("another warden is building the programs of a cluster: waiting for it")
        tick("waiting for the other build", seconds)

    busy = Held(
        f"another warden has been building the programs of a cluster for {WAIT_SECONDS / 60:.0f} minutes",
        effect=Effect.NOTHING_DONE,
        system=SYSTEM,
        subject=path,
        hint="wait for it, then repeat the command",
    )
    return file_lock(path, busy, patience=WAIT_SECONDS, waiting=waiting)
