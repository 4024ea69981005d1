"""Check the transcripts in the documentation: run the commands of each ```console block and compare the output.

    python tools/transcripts.py --check [FILE…]     exit 1 if a document differs from what the programs print
    python tools/transcripts.py --write [FILE…]     write the current output into the documents

Without FILE: every Markdown file in Git. A line that starts with ``$ `` is a command; the lines up to the next command
are its output on a terminal of 100 columns. ``[exit 1]`` ends the output of a command that exits with 1, and a line
``…`` stands for any number of lines. All blocks of a file run in one shell, in order, in the root of the checkout
(written ``~/ops-warden``), with a home directory of their own (written ``~``) that is removed afterwards. What differs
from run to run (ports, ids, times) is not compared. ``--write`` changes only the lines that differ: the ids and times
in other lines stay, and so does ``…``.

A block ``yaml ~/FILE`` is written to that home directory first. A file with a block ``console cluster`` needs the
programs of an embedded cluster: it is skipped unless it is named, and ``make test-cluster`` runs it.
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
SECONDS = 180
"""For all commands of a page. The walk with a cluster of its own takes 110 s beside other tests."""
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
    (re.compile(r"\b\d+ asked\b"), "N asked"),  # accounts: a new cluster makes its own bit by bit
    (re.compile(r"\blooked at \d+"), "looked at N"),
    (re.compile(r"\b\d+ (identities|tokens)\b"), r"N \1"),
    (re.compile(r"\(\d+ objects\)"), "(N objects)"),
    # Two records more where the operator had a token at that moment, which is revoked.
    (re.compile(r"(\bis closed, .*\bjournal) \d+"), r"\1 N"),
    (re.compile(r"\b\d+ (s|min|h|d)\b"), "T"),
    (re.compile(r"\b\d+(\.\d+)? (ms|KiB)\b"), r"N \2"),
    (re.compile(r"[ \t]+"), " "),
)
"""What differs from run to run, and its placeholder in the comparison."""

Command = tuple[str, list[str]]
"""A command line and its output."""


def main() -> int:
    """Check or rewrite each file."""
    parser = argparse.ArgumentParser(description="Run the transcripts in the documentation.")
    parser.add_argument("--write", action="store_true", help="write the current output into the documents")
    parser.add_argument("--check", action="store_true", help="compare only (default)")
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args()
    os.chdir(ROOT)
    return max([check_file(path, write=options.write) for path in options.files or documents()], default=0)


def documents() -> list[str]:
    """The Markdown files in Git with transcripts that run without a cluster."""
    listed = subprocess.run(["git", "ls-files", "*.md"], capture_output=True, check=True, text=True)
    texts = {path: read(path) for path in listed.stdout.splitlines()}
    return [path for path, text in texts.items() if BLOCK.search(text) and not NEEDS_CLUSTER.search(text)]


def read(path: str) -> str:
    """The text of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def transcript(text: str) -> list[Command]:
    """The commands of a document, in order."""
    return [command for block in BLOCK.finditer(text) for command in commands(block[1])]


def check_file(path: str, *, write: bool) -> int:
    """Run one document's commands; report each difference, or write the new output."""
    text = read(path)
    expected = transcript(text)
    typed = [line for line, _ in expected]
    actual = list(zip(typed, run(typed, text), strict=True))
    pairs = list(zip(expected, actual, strict=True))
    different = [(old, new) for old, new in pairs if not matches(old[1], new[1])]
    if not different:
        print(f"{path}: {len(expected)} commands print what it says")
        return 0
    if write:
        updated = iter([old if matches(old[1], new[1]) else (new[0], merged(old[1], new[1])) for old, new in pairs])
        with open(path, "w", encoding="utf-8") as file:
            file.write(BLOCK.sub(lambda block: rewritten(block, updated), text))
        print(f"{path}: {len(different)} of {len(expected)} outputs updated")
        return 0
    for old, new in different:
        print_difference(path, old, new)
    print(f"{path}: {len(different)} of {len(expected)} commands print something else. To accept the new output:")
    print(f"  {os.path.relpath(sys.executable)} tools/transcripts.py --write {path}")
    return 1


def commands(block: str) -> Iterator[Command]:
    """The commands of one block."""
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


def rewritten(block: re.Match[str], updated: Iterator[Command]) -> str:
    """The block with the next commands of `updated` in it."""
    shown = [next(updated) for _ in commands(block[1])]
    lines = [line for typed, output in shown for line in (f"$ {typed}", *output)]
    return "\n".join([block[0].partition("\n")[0], *lines, "```"])


def print_difference(path: str, old: Command, new: Command) -> None:
    """Show what the document says and what the program printed."""
    print(f"{path}: $ {old[0]}")
    for line in list(difflib.unified_diff(old[1], new[1], n=1, lineterm=""))[2:]:
        if not line.startswith("@@"):
            print(f"  {line[0]} {line[1:]}")


def matches(expected: list[str], actual: list[str]) -> bool:
    """Whether the output is the expected one, apart from what differs in each run."""
    parts = (r"(?:.*\n)*?" if line.strip() == "…" else re.escape(masked(line)) + r"\n" for line in expected)
    return bool(re.fullmatch("".join(parts), "".join(f"{masked(line)}\n" for line in actual)))


def merged(expected: list[str], actual: list[str]) -> list[str]:
    """The new output, with every line of the document kept that is still right, and ``…`` where lines were left out."""
    matcher = difflib.SequenceMatcher(
        None, [masked(line) for line in expected], [masked(line) for line in actual], False
    )
    result: list[str] = []
    for kind, low, high, first, last in matcher.get_opcodes():
        old, new = expected[low:high], actual[first:last]
        dots = [index for index, line in enumerate(old) if line.strip() == "…"]
        if kind == "equal":
            result += old
        elif len(dots) == 1 and len(old) - 1 <= len(new):
            after = len(old) - 1 - dots[0]
            result += [*new[: dots[0]], old[dots[0]], *new[len(new) - after :]]
        else:
            result += new
    return result


def masked(line: str) -> str:
    """The line with a placeholder for everything that differs in each run."""
    for pattern, word in VARYING:
        line = pattern.sub(word, line)
    return line.strip()


# -- running ----------------------------------------------------------------------------------------------------------


def run(typed: list[str], text: str) -> list[list[str]]:
    """The output of each command, run in one shell. Afterwards its home directory and embedded platform are removed."""
    home = tempfile.mkdtemp(prefix="transcript-")
    environment = _environment(home)
    try:
        _prepare(home, environment, text)
        mark = f"mark-{secrets.token_hex(8)}"
        output = _in_terminal(_script(typed, mark), environment)
    finally:
        down = ["warden", "dev", "down", "--wipe", "--yes"]
        subprocess.run(down, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
        shutil.rmtree(home)
    parts = re.split(rf"{mark} (\d+)\n", output.replace(home, "~").replace(ROOT, "~/ops-warden"))
    if len(parts) != 2 * len(typed) + 1:
        sys.exit(
            f"the shell ended, or {SECONDS} s had passed, after {len(parts) // 2} of {len(typed)} commands:\n{output}"
        )
    return [_lines(text, int(code)) for text, code in zip(parts[::2], parts[1::2], strict=False)]


def _environment(home: str) -> dict[str, str]:
    """The caller's environment without anything that names the caller's own systems or settings."""
    programs = ("BAO_", "VAULT_", "WARDEN_", "LLM_CONNECT_", "OPENROUTER_", "ACTIVITY_CORE_")
    foreign = (*programs, "XDG_", "COLUMNS", "LINES", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    path = f"{BIN}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return kept | {"HOME": home, "PATH": path, "NO_COLOR": "1", "TERM": "xterm", "LC_ALL": "C.UTF-8"}


def _prepare(home: str, environment: dict[str, str], text: str) -> None:
    """Write the files of a document to its home directory; if it starts clusters, add the programs they need."""
    for file in FILE.finditer(text):
        path = os.path.join(home, file[1])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as made:
            made.write(file[2])
    if NEEDS_CLUSTER.search(text):
        from warden.adapters.dev.build import cache_directory, located

        programs = os.path.dirname(located().path("kubectl"))
        if not os.path.isdir(programs):
            sys.exit("The programs of a cluster are not built. Build them: .venv/bin/python tests/plugins/built.py")
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
        with contextlib.suppress(OSError):  # Linux reports EIO when the last writer has closed the terminal
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        os.close(ours)
    return b"".join(chunks).decode(errors="replace").replace("\r\n", "\n")


def _lines(text: str, code: int) -> list[str]:
    """The lines as they remain on the screen: of a line that was overwritten, only the last text."""
    lines = [line.rpartition("\x1b[K")[2].rpartition("\r")[2].rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return [*lines, f"[exit {code}]"] if code else lines


if __name__ == "__main__":
    sys.exit(main())
