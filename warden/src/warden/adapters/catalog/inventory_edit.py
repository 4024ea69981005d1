"""Adds an actor or a host to ``inventory.yaml``: its lines are inserted, and every other byte stays as it is.

Where the file's form does not allow that (``actors: {}`` on one line), ruamel.yaml edits it as lanes are edited. What
comes out is read by the inventory's own reader and has to say exactly what was meant.
"""

import io
import os
import re
import tempfile
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.catalog.files import load_platform, shown
from warden.adapters.catalog.inventory import Parsed, errors_of, inventory_file, parse_inventory
from warden.adapters.catalog.yaml_edit import edited
from warden.adapters.catalog.yaml_tree import Refusal
from warden.adapters.machine import regular_file
from warden.adapters.machine.whole_file import replace, whole_file
from warden.core.errors import Effect, Invalid, UsageError
from warden.core.inventory.inventory import Inventory
from warden.core.lanes.catalog import Platform
from warden.core.ssh.errors import AlreadyDeclared, InventoryNotEdited

_HEAD = "# yaml-language-server: $schema=schema/inventory.json\n"
_SECTION = r"^{}:[ \t]*(#.*)?$"
_TOP = re.compile(r"^[^\s#]", re.MULTILINE)
_NAME = re.compile(r"^( +)[a-z0-9.-]+:", re.MULTILINE)
_WIDTH = 1 << 20
What = Literal["actor", "host"]
Entry = Mapping[str, Any]
"""An actor or a host as the file has it: texts, lists and mappings."""


def add(platform_dir: str, what: What, name: str, entry: Entry) -> str:
    """Add it; answers the file. Raises `Invalid` with every fault, `UsageError` where that is not possible."""
    path, platform = inventory_file(platform_dir), load_platform(platform_dir)
    before, text = Inventory(), ""
    if os.path.lexists(path):
        expect_trusted(platform_dir, [path])
        found = parse_inventory(path, platform)
        if found.wrong:
            raise errors_of(found)
        before, text = found.inventory, _read(path)
    section = f"{what}s"
    declared = getattr(before, section)
    if name in declared:
        raise UsageError(AlreadyDeclared(what, name), effect=Effect.NOTHING_CHANGED, system="platform", subject=name)
    alone = _HEAD + _dumped({section: {name: entry}})
    added = getattr(_parsed(alone, platform).inventory, section)
    wanted = msgspec.structs.replace(before, **{section: {**declared, **added}})
    new = alone
    if text:
        inserted = _inserted(text, section, {name: entry})
        fits = inserted and _parsed(inserted, platform).inventory == wanted
        new = inserted if fits else _edited(text, section, name, entry)
    _expect(_parsed(new, platform), wanted, name, shown(path))
    _write(path, new, new_file=not text)
    return shown(path)


def as_entry(text: str) -> dict[str, Any] | None:
    """The keys and values of a text like ``approle: backup, ttl: 5m``; ``None`` where it has none."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe").load(f"{{{text}}}")
    except (YAMLError, ValueError):
        return None
    return found if isinstance(found, dict) and found and None not in found.values() else None


def _edited(text: str, section: str, name: str, entry: Entry) -> str:
    def edit(tree: Any) -> None:
        tree.setdefault(section, {})[name] = dict(entry)

    try:
        return edited(text, edit)
    except Refusal:
        return ""


def _inserted(text: str, section: str, added: Mapping[str, Entry]) -> str:
    """With those lines behind the last of its section; empty where the file has no block of it."""
    begin = re.search(_SECTION.format(section), text, re.MULTILINE)
    if begin is None:
        return ""
    following = _TOP.search(text, begin.end())
    block = text[begin.end() : following.start() if following else len(text)]
    kept = _without_tail(block)
    indent = found[1] if (found := _NAME.search(kept)) else "  "
    ends = "\r\n" if "\r\n" in text else "\n"
    lines = "".join(f"{indent}{line}{ends}" for line in _dumped(added).splitlines())
    apart = ends if re.search(r"\n[ \t]*\r?\n +[a-z0-9.-]+:", kept) else ""
    whole = kept if kept.endswith("\n") else f"{kept}{ends}"
    at = begin.end()
    return text[:at] + whole + apart + lines + text[at + len(kept) :]


def _without_tail(block: str) -> str:
    """The block without the blank lines and the comments at its end, which belong to what follows."""
    lines = block.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return "".join(lines) or block[: len(block) - len(block.lstrip("\r\n"))] or "\n"


def _dumped(value: Entry) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(dict(value), out)
    return out.getvalue()


def _parsed(text: str, platform: Platform) -> Parsed:
    with tempfile.TemporaryDirectory(prefix="warden-") as folder:
        path = os.path.join(folder, "inventory.yaml")
        with open(path, "x", encoding="utf-8", newline="") as file:
            file.write(text)
        return parse_inventory(path, platform)


def _expect(found: Parsed, wanted: Inventory, name: str, file: str) -> None:
    """Raise where the edited file has errors, or says anything else than what is wanted."""
    if found.wrong:
        faults = [msgspec.structs.replace(each, file=file) for each in found.wrong]
        raise Invalid(faults, f"{name} has errors", effect=Effect.NOTHING_CHANGED, subject=name)
    if found.inventory != wanted:
        raise UsageError(InventoryNotEdited(file), effect=Effect.NOTHING_CHANGED, system="platform", subject=file)


def _read(path: str) -> str:
    try:
        return regular_file.read_bytes(path).decode()
    except (regular_file.NotUsable, UnicodeDecodeError) as fault:
        raise UsageError(
            f"{shown(path)} cannot be read: {fault}", effect=Effect.NOTHING_CHANGED, system="platform", subject=path
        ) from None


def _write(path: str, text: str, *, new_file: bool) -> None:
    try:
        if not new_file:
            replace(path, text)
            return
        with whole_file(path, new=True) as file:
            file.write(text.encode())
    except OSError as fault:
        why = os.strerror(fault.errno or 0).lower()
        raise UsageError(
            f"{shown(path)} cannot be written ({why})", effect=Effect.NOTHING_CHANGED, system="platform", subject=path
        ) from None
