"""House rules that no linter knows: run by ``make check``, each fault with its place and what to do.

    python tools/house.py

Looks at the files that Git knows (`git ls-files`); needs nothing but the standard library.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator

LONGEST_FUNCTION = 50
LONGEST_MODULE = 400
NOT_USED_AS_NAMES = ("Manager", "Helper", "Util", "Utils", "Handler", "Info", "Data")
CORE = re.compile(r"warden/src/warden/(core|usecases|ports)/")
PRINTS = "warden/src/warden/present/terminal.py"
WARDEN = "warden/src/warden/"
WRITES_COMMANDS = (
    f"{WARDEN}present/",
    f"{WARDEN}core/remedies.py",
    f"{WARDEN}adapters/catalog/scaffold.py",  # files for people to edit, with comments that name commands
)
COMMAND = re.compile(
    r"(?<![\w./`-])(?:warden (?:--?\w|access|adopt|apply|approve|can-reach|catalog|change|completion|compromise"
    r"|deactivate|demote|dev|doctor|evidence|help|init|inventory|issue|journal|login|next|notices|plan|playbook|promote|prove|put|reactivate|render"
    r"|rotate|route|sign|ssh|status|sync|who-can)\b"
    r"|bao (?:audit|auth|kv|list|login|operator|policy|read|secrets|write)\b"
    r"|kubectl [-a-z]|export \w+=)"
)
COMMAND_NAME = re.compile(r"warden [a-z]+")  # the name alone, as for who holds a lock; in prose it has backquotes
SOURCE = re.compile(r"[a-z-]+/src/.*\.py$")

# Each dot and slash in brackets, so that this file does not find itself.
HOST = re.compile(r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|crates[.]io|proxy[.]golang|rubygems[.]org")
PLACE = re.compile(r"(?<![\w/.$}~])(?:/work[/]|/root[/]|/tmp/brief[/]|/Users[/])")

Fault = tuple[str, int, str]
"""File, line, and what is wrong and what to do."""


def main() -> int:
    """Print every fault; 1 where there is one."""
    faults = [fault for path in _tracked() for fault in _faults_of(path)]
    for path, line, message in faults:
        print(f"{path}:{line}: {message}")
    print("house: ok" if not faults else f"house: {len(faults)} fault{'s' * (len(faults) > 1)}")
    return 1 if faults else 0


def _tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode:
        sys.exit(f"house: git cannot list the files here ({listed.stderr.decode().strip()}). Run it in a checkout.")
    return [path for path in listed.stdout.decode().split("\0") if path and os.path.isfile(path)]


def _faults_of(path: str) -> Iterator[Fault]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except UnicodeDecodeError:
        return
    yield from _strays(path, text)
    if not SOURCE.search(path):
        return
    tree = ast.parse(text, path)
    for check in CHECKS:
        yield from check(path, text, tree)


def _strays(path: str, text: str) -> Iterator[Fault]:
    for number, line in enumerate(text.splitlines(), start=1):
        if found := HOST.search(line):
            yield path, number, f"names a package registry ({found[0]}): a mirror must do as well; leave the host out"
        if found := PLACE.search(line):
            yield path, number, f"names a path of one machine ({found[0]}…): write it relative, or as ~ or /path/to"


def _lengths(path: str, text: str, tree: ast.Module) -> Iterator[Fault]:
    lines = text.count("\n")
    if lines > LONGEST_MODULE:
        yield path, 1, f"has {lines} lines, more than {LONGEST_MODULE}: divide it by what changes together"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield path, node.lineno, f"{node.name} has {length} lines, more than {LONGEST_FUNCTION}: divide it"


def _names(path: str, _text: str, tree: ast.Module) -> Iterator[Fault]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name.endswith(NOT_USED_AS_NAMES):
            yield path, node.lineno, f"{node.name} says nothing of what it is: see docs/glossary.md, words we avoid"


def _third_parties(path: str, _text: str, tree: ast.Module) -> Iterator[Fault]:
    """Core, use cases and ports know the standard library, msgspec and secret_scan, which is ours, only."""
    if not CORE.match(path):
        return
    allowed = sys.stdlib_module_names | {"msgspec", "secret_scan", "warden"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name.partition(".")[0] not in allowed:
                yield path, node.lineno, f"imports {name}: third-party packages belong to adapters/ and cli/"


def _writes(path: str, _text: str, tree: ast.Module) -> Iterator[Fault]:
    """Inside warden one file prints; ruff finds `print`, this finds writing to the streams themselves."""
    if not path.startswith("warden/src/") or path == PRINTS:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"write", "writelines", "buffer"}:
            stream = ast.unparse(node.value)
            if stream in {"sys.stdout", "sys.stderr", "click"}:
                yield path, node.lineno, f"writes to {stream}: {PRINTS} is the only file that prints"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"click.echo", "click.secho", "print"}:
            yield path, node.lineno, f"prints: {PRINTS} is the only file that does; add what you need there"


def _commands(path: str, _text: str, tree: ast.Module) -> Iterator[Fault]:
    """Command lines are written by one package of warden, which quotes them; docstrings, also click's, are exempt."""
    if not path.startswith(WARDEN) or path.startswith(WRITES_COMMANDS):
        return
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) in documentation or COMMAND_NAME.fullmatch(node.value):
            continue
        if found := COMMAND.search(node.value):
            yield (
                path,
                node.lineno,
                f"writes a command line ({found[0].strip()} …): raise a step of core/remedies.py instead",
            )


CHECKS: tuple[Callable[[str, str, ast.Module], Iterator[Fault]], ...] = (
    _lengths,
    _names,
    _third_parties,
    _writes,
    _commands,
)


if __name__ == "__main__":
    sys.exit(main())
