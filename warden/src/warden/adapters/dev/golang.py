"""The Go toolchain, as far as building a program from a pinned module needs it.

What is built must not depend on the machine: GOTOOLCHAIN=local (no other Go is fetched), CGO off, -mod=readonly (go.sum
decides), -trimpath. Where modules come from is the caller's own setting (GOPROXY, GOFLAGS are theirs but for the mode).
"""

import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from warden.adapters.machine.child import environment
from warden.core.errors import Effect, Inconclusive, NotFound, Unreachable

SYSTEM = "cluster build"
_INSTALL = "install Go and put it on PATH (https://go.dev/doc/install), then repeat the command"
_NETWORK = re.compile(r"dial tcp|no such host|connection refused|i/o timeout|proxyconnect|TLS handshake|40[34] |50\d ")
_FULL = "no space left on device"
_PER_CPU, _BASE = 1.5e9, 2.0e9  # bytes that compilers without garbage collection were seen to take

Tick = Callable[[str, float], None]


class Go:
    """Go on PATH; its output goes to the file `log`."""

    def __init__(self, log: str) -> None:
        self._log = log
        self._program = shutil.which("go") or ""

    def require(self, modules: Sequence[Path]) -> None:
        """Raise `NotFound` where there is no Go, or one older than a module's ``go.mod`` asks for."""
        wanted = max(_wanted(module) for module in modules)
        needed = f"the programs of a cluster are built with Go {wanted[0]}.{wanted[1]} or newer"
        if not self._program:
            raise NotFound(
                f"{needed}, and there is no go on PATH",
                effect=Effect.NOTHING_DONE,
                system=SYSTEM,
                subject="go",
                hint=_INSTALL,
            )
        found = self._output("env", "GOVERSION")
        number = re.match(r"go(\d+)\.(\d+)", found)
        if not number or (int(number[1]), int(number[2])) < wanted:
            raise NotFound(
                f"{needed}, and {self._program} is {found or 'a program that does not answer as Go does'}",
                effect=Effect.NOTHING_DONE,
                system=SYSTEM,
                subject=self._program,
                hint=_INSTALL,
            )

    def directory(self, module: Path, package: str) -> str:
        """Where the sources of a module that `module` requires lie."""
        return self._output("list", "-m", "-f", "{{.Dir}}", package, cwd=module)

    def build(self, module: Path, target: str, out: str, linked: str, tick: Tick) -> None:
        """Build `target` of `module` to `out`; `linked` are the linker's flags. Ends its children when interrupted.

        Raises:
            Unreachable: a module could not be fetched.
            Inconclusive: it was not built, and why in Go's words.
        """
        arguments = ["build", "-v", "-trimpath", "-ldflags", linked, "-o", out, target]
        with _running([self._program, *arguments], module, self._environ()) as child:
            output = self._follow(child, tick)
            code = child.wait()
        if code:
            raise self._fault(output)

    def _follow(self, child: "subprocess.Popen[str]", tick: Tick) -> list[str]:
        began, output, fetched, compiled = time.monotonic(), [], 0, 0
        with open(self._log, "a", encoding="utf-8") as log:
            for line in _lines(child):
                if line:
                    output.append(line)
                    log.write(line)
                    fetched += line.startswith("go: downloading")
                    compiled += not line.startswith(("go: ", "#"))
                tick(f"{fetched} modules fetched, {compiled} packages compiled", time.monotonic() - began)
        return output

    def _output(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [self._program, *arguments],
            cwd=cwd or "/",
            env=self._environ(),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.strip()

    def _environ(self) -> dict[str, str]:
        flags = "-mod=readonly -buildvcs=false"
        fixed = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": flags}
        roomy = _available() > _BASE + _PER_CPU * (os.cpu_count() or 1)
        return environment(os.environ) | fixed | ({"GOGC": "off"} if roomy else {})

    def _fault(self, output: list[str]) -> Inconclusive:
        words = [line.strip() for line in output if not line.startswith("go: downloading") and " " in line.strip()]
        reason = next((line for line in words if _FULL in line or _NETWORK.search(line)), words[-1] if words else "")
        if _FULL in reason:
            return Inconclusive(
                "the disk filled up during the build, which needs about 6 GB in Go's caches",
                system=SYSTEM,
                subject=self._log,
                hint="free some space, or set GOCACHE, GOMODCACHE and GOTMPDIR to directories elsewhere",
            )
        if _NETWORK.search(reason):
            return Unreachable(
                f"a Go module cannot be fetched: {reason}",
                system=SYSTEM,
                subject=self._log,
                hint="check the network and GOPROXY (go env GOPROXY), then repeat: what was fetched is kept",
            )
        return Inconclusive(
            f"Go could not build a cluster's programs: {reason or 'it wrote nothing'}",
            system=SYSTEM,
            subject=self._log,
            hint=f"read {self._log}, then repeat the command",
        )


def _wanted(module: Path) -> tuple[int, int]:
    found = re.search(r"(?m)^go (\d+)\.(\d+)", (module / "go.mod").read_text(encoding="utf-8"))
    assert found is not None  # noqa: S101  # a file of our own
    return int(found[1]), int(found[2])


@contextlib.contextmanager
def _running(argv: list[str], cwd: Path, environ: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """The child, in a group of its own, whose members are all ended when this is left early."""
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as child:
        try:
            yield child
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # compilers write to Go's cache whole or not at all
            raise


def _lines(child: "subprocess.Popen[str]") -> Iterator[str]:
    """The child's output line by line, and an empty text each second without any."""
    waiting: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert child.stderr is not None  # noqa: S101  # it is a pipe
        for line in child.stderr:
            waiting.put(line)
        waiting.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = waiting.get(timeout=1)
        except queue.Empty:
            yield ""
            continue
        if line is None:
            return
        yield line


def _available() -> float:
    """Bytes of memory that are free or can be freed."""
    import psutil  # only where something is built

    return float(psutil.virtual_memory().available)
