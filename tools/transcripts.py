"""Transcripts in the documents are kept true: each ```console block is run, and what it prints is compared.

    python tools/transcripts.py --check [FILE…]     exit 1 where a document says something else than the programs
    python tools/transcripts.py --write [FILE…]     put in what they print

Without FILE: every Markdown file that Git knows. A line that begins with ``$ `` is typed; what follows, up to the next
one, is what a terminal of 100 columns shows. ``[exit 1]`` ends the output of a command that does not end with 0, and a
line ``…`` stands for any number of lines. All blocks of one file run in one shell, in order, at the root of the
checkout (written ``~/ops-warden``), with a home of their own (written ``~``) that is removed at the end. What differs
from run to run (ports, ids, times) is not compared.

A block ``yaml ~/FILE`` is put into that home first. A file with a block ``console cluster`` needs the programs of an
embedded cluster: without FILE it is left out, and ``make test-cluster`` runs it.
"""

import argparse
import contextlib
import difflib
import fcntl
import os
import pty
import re
import secrets
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator

COLUMNS = 100
SECONDS = 120
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.path.dirname(sys.executable)
BLOCK = re.compile(r"^```console(?: cluster)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS_CLUSTER = re.compile(r"^```console cluster$", re.MULTILINE)
FILE = re.compile(r"^```yaml ~/(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARYING = (
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\baudit [0-9a-f]{8}\b"), "audit ID"),
    (re.compile(r"\bpod/([a-z-]+)-[0-9a-z]+-[0-9a-z]{5}\b"), r"pod/\1-ID"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?"), "TIME"),
    (re.compile(r"\b\d+ asked about\b"), "N asked about"),
    (re.compile(r"\b\d+ (s|min|h|d)\b"), "T"),
    (re.compile(r"\b\d+(\.\d+)? (ms|KiB)\b"), r"N \2"),
    (re.compile(r"[ \t]+"), " "),
)
"""What one run does not share with the next, and what stands for it in the comparison."""

Command = tuple[str, list[str]]
"""What is typed, and the lines that come back."""


def main() -> int:
    """Check or write each file."""
    parser = argparse.ArgumentParser(description="Run the transcripts in documents.")
    parser.add_argument("--write", action="store_true", help="put in what the programs print")
    parser.add_argument("--check", action="store_true", help="compare only (this is the default)")
    parser.add_argument("files", nargs="*", metavar="FILE")
    asked = parser.parse_args()
    os.chdir(ROOT)
    return max([_one(path, write=asked.write) for path in asked.files or _documents()], default=0)


def _documents() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, check=True, text=True)
    texts = {path: _read(path) for path in listed.stdout.splitlines()}
    return [path for path, text in texts.items() if BLOCK.search(text) and not NEEDS_CLUSTER.search(text)]


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _one(path: str, *, write: bool) -> int:
    text = _read(path)
    told = [command for block in BLOCK.finditer(text) for command in _commands(block[1])]
    seen = list(zip([line for line, _ in told], _run([line for line, _ in told], text), strict=True))
    different = [(old, new) for old, new in zip(told, seen, strict=True) if not _same(old[1], new[1])]
    if not different:
        print(f"{path}: {len(told)} commands print what it says")
        return 0
    if write:
        kept = iter([old if _same(old[1], new[1]) else new for old, new in zip(told, seen, strict=True)])
        with open(path, "w", encoding="utf-8") as file:
            file.write(BLOCK.sub(lambda block: _rewritten(block, kept), text))
        print(f"{path}: {len(different)} of {len(told)} outputs written")
        return 0
    for old, new in different:
        _show(path, old, new)
    print(f"{path}: {len(different)} of {len(told)} commands print something else. If that is right:")
    print(f"  {os.path.relpath(sys.executable)} tools/transcripts.py --write {path}")
    return 1


def _commands(block: str) -> Iterator[Command]:
    current: Command | None = None
    for line in block.splitlines():
        if line.startswith("$ "):
            if current:
                yield current
            current = (line[2:], [])
        elif current:
            current[1].append(line)
    if current:
        yield current


def _rewritten(block: re.Match[str], kept: Iterator[Command]) -> str:
    shown = [next(kept) for _ in _commands(block[1])]
    lines = [line for typed, output in shown for line in (f"$ {typed}", *output)]
    return "\n".join([block[0].partition("\n")[0], *lines, "```"])


def _show(path: str, old: Command, new: Command) -> None:
    print(f"{path}: $ {old[0]}")
    for line in list(difflib.unified_diff(old[1], new[1], n=1, lineterm=""))[2:]:
        if not line.startswith("@@"):
            print(f"  {line[0]} {line[1:]}")


def _same(told: list[str], seen: list[str]) -> bool:
    parts = (r"(?:.*\n)*?" if line.strip() == "…" else re.escape(_plain(line)) + r"\n" for line in told)
    return bool(re.fullmatch("".join(parts), "".join(f"{_plain(line)}\n" for line in seen)))


def _plain(line: str) -> str:
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.strip()


# -- running ----------------------------------------------------------------------------------------------------------


def _run(commands: list[str], text: str) -> list[list[str]]:
    """What each command prints, in one shell; the home is gone afterwards, and so is a platform that was brought up."""
    home = tempfile.mkdtemp(prefix="transcript-")
    environment = _environment(home)
    try:
        _furnish(home, environment, text)
        mark = f"mark-{secrets.token_hex(8)}"
        output = _in_terminal(_script(commands, mark), environment)
    finally:
        down = ["warden", "dev", "down", "--wipe", "--yes"]
        subprocess.run(down, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        shutil.rmtree(home)
    parts = re.split(rf"{mark} (\d+)\n", output.replace(home, "~").replace(ROOT, "~/ops-warden"))
    if len(parts) != 2 * len(commands) + 1:
        sys.exit(
            f"after {len(parts) // 2} of {len(commands)} commands the shell ended or {SECONDS} s were over:\n{output}"
        )
    return [_lines(text, int(code)) for text, code in zip(parts[::2], parts[1::2], strict=False)]


def _environment(home: str) -> dict[str, str]:
    """The caller's, without what could lead to systems or settings of the caller's own."""
    programs = ("BAO_", "VAULT_", "WARDEN_", "LLM_CONNECT_", "OPENROUTER_", "ACTIVITY_CORE_")
    foreign = (*programs, "XDG_", "COLUMNS", "LINES", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"HOME": home, "PATH": path, "NO_COLOR": "1", "TERM": "xterm", "LC_ALL": "C.UTF-8"}


def _furnish(home: str, environment: dict[str, str], text: str) -> None:
    """Put the files of a document into its home and, where it brings clusters up, the programs that were built."""
    for file in FILE.finditer(text):
        path = os.path.join(home, file[1])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as made:
            made.write(file[2])
    if NEEDS_CLUSTER.search(text):
        from warden.adapters.dev.build import cache_directory, located

        programs = os.path.dirname(located().path("kubectl"))
        if not os.path.isdir(programs):
            sys.exit("the programs of a cluster are not built here: .venv/bin/python tests/plugins/built.py")
        os.makedirs(os.path.join(home, ".cache", "warden"))
        os.symlink(cache_directory(), os.path.join(home, ".cache", "warden", "cluster"))
        environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"


def _script(commands: list[str], mark: str) -> str:
    return "".join(f"{command}\necho {shlex.quote(mark)} $?\n" for command in commands)


def _in_terminal(script: str, environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    shell = ["timeout", "--kill-after=5", str(SECONDS), "bash", "--norc", "-c", script]
    with subprocess.Popen(shell, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs):
        os.close(theirs)
        chunks = []
        with contextlib.suppress(OSError):  # Linux: EIO when the last one who writes is gone
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        os.close(ours)
    return b"".join(chunks).decode(errors="replace").replace("\r\n", "\n")


def _lines(text: str, code: int) -> list[str]:
    """The lines as they stay on the screen: of a line that was written over, what came last."""
    lines = [line.rpartition("\x1b[K")[2].rpartition("\r")[2].rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return [*lines, f"[exit {code}]"] if code else lines


if __name__ == "__main__":
    sys.exit(main())
