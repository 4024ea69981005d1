"""Have what the compatibility suites run, pinned by the files beside this one: `make test-compat` calls it first.

    python llm-connect/tests/compat/prepare.py

Each part goes to a directory of the cache that is named after a digest of its pins; it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llm-connect" / "compat"
TOXIPROXY = "github.com/Shopify/toxiproxy/v2/cmd/server"


class Missing(Exception):
    """A tool is not here; `str()` says which and what therefore cannot be run."""


def place(name: str, *pins: Path) -> Path:
    """Where a part is, as soon as it was prepared."""
    total = hashlib.sha256()
    for pin in pins:
        total.update(pin.read_bytes())
    return CACHE / f"{name}-{total.hexdigest()[:16]}"


def sources() -> Path:
    """The unpacked source distributions, each in a folder NAME-VERSION."""
    return place("sources", HERE / "sources.txt")


def npm() -> Path:
    """A folder with the npm packages in `node_modules`."""
    return place("npm", HERE / "npm/package.json", HERE / "npm/package-lock.json")


def toxiproxy() -> Path:
    """A folder with the program `toxiproxy-server`."""
    return place("toxiproxy", HERE / "toxiproxy/go.mod", HERE / "toxiproxy/go.sum")


def main() -> int:
    """Prepare what is not there; 1 where something is missing."""
    code = 0
    parts = ((sources, _sources), (npm, _npm), (toxiproxy, _toxiproxy))
    for where, prepare in parts:
        try:
            _once(where(), prepare)
        except (Missing, subprocess.CalledProcessError) as fault:
            sys.stderr.write(f"compat: {fault}\n")
            code = 1
    return code


def _once(there: Path, prepare: Callable[[Path], None]) -> None:
    if there.is_dir():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    sys.stderr.write(f"compat: preparing {there.name}\n")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        made = Path(folder) / "made"
        made.mkdir()
        prepare(made)
        if not there.is_dir():
            made.rename(there)


def _tool(name: str, what_for: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Missing(f"{name} is not here, so that {what_for} is not run; install it, or put it on PATH")
    return found


def _sources(folder: Path) -> None:
    """By pip, which takes nothing whose hash is another one."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    options = ("--no-binary", ":all:", "--no-deps", "--no-build-isolation", "--require-hashes")
    subprocess.run([*pip, *options, "-d", folder, "-r", HERE / "sources.txt"], check=True)
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def _npm(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "npm" / name, folder)
    command = [
        _tool("npm", "the suite of npm packages"),
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--silent",
    ]
    subprocess.run(command, cwd=folder, check=True)


def _toxiproxy(folder: Path) -> None:
    command = [_tool("go", "the suite behind toxiproxy"), "build", "-o", folder / "toxiproxy-server", TOXIPROXY]
    subprocess.run(command, cwd=HERE / "toxiproxy", check=True)


if __name__ == "__main__":
    sys.exit(main())
