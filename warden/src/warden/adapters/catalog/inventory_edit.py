"""Adds an actor to ``inventory.yaml``: its lines are inserted, and every other byte stays as it is.

Where the file's form does not allow that (``actors: {}`` on one line), ruamel.yaml edits it as lanes are edited. What
comes out is read by the inventory's own reader and has to say exactly what was meant.
"""

import io
import os
import re
import tempfile
from typing import Any

import msgspec

from warden.adapters.catalog.change_request_text import plain
from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.catalog.files import load_platform, shown
from warden.adapters.catalog.inventory import Parsed, errors_of, inventory_file, parse_inventory
from warden.adapters.catalog.yaml_edit import edited
from warden.adapters.catalog.yaml_tree import Refusal
from warden.adapters.machine import regular_file
from warden.adapters.machine.whole_file import replace, whole_file
from warden.core.errors import Effect, Invalid, UsageError
from warden.core.inventory.inventory import Actor, Inventory
from warden.core.lanes.catalog import Platform
from warden.core.ssh.errors import ActorExists, InventoryNotEdited

_HEAD = "# yaml-language-server: $schema=schema/inventory.json\n"
_ACTORS = re.compile(r"^actors:[ \t]*(#.*)?$", re.MULTILINE)
_TOP = re.compile(r"^[^\s#]", re.MULTILINE)
_NAME = re.compile(r"^( +)[a-z0-9-]+:", re.MULTILINE)
_WIDTH = 1 << 20


def add_actor(platform_dir: str, name: str, actor: Actor) -> str:
    """Add it; answers the file. Raises `Invalid` with every fault, `UsageError` where that is not possible."""
    path, platform = inventory_file(platform_dir), load_platform(platform_dir)
    before, text = Inventory(), ""
    if os.path.lexists(path):
        expect_trusted(platform_dir, [path])
        found = parse_inventory(path, platform)
        if found.wrong:
            raise errors_of(found)
        before, text = found.inventory, _read(path)
    if name in before.actors:
        raise UsageError(ActorExists(name), effect=Effect.NOTHING_CHANGED, system="platform", subject=name)
    wanted = msgspec.structs.replace(before, actors={**before.actors, name: actor})
    new = _edited(text, name, actor, wanted, platform) if text else _whole(name, actor)
    _expect(_parsed(new, platform), wanted, name, shown(path))
    _write(path, new, new_file=not text)
    return shown(path)


def _whole(name: str, actor: Actor) -> str:
    return _HEAD + _dumped({"actors": {name: as_file(actor)}})


def _edited(text: str, name: str, actor: Actor, wanted: Inventory, platform: Platform) -> str:
    inserted = _inserted(text, name, actor)
    if inserted and _parsed(inserted, platform).inventory == wanted:
        return inserted

    def add(tree: Any) -> None:
        tree.setdefault("actors", {})[name] = as_file(actor)

    try:
        return edited(text, add)
    except Refusal:
        return ""


def _inserted(text: str, name: str, actor: Actor) -> str:
    """With the actor's lines behind the last actor; empty where the file has no block of actors."""
    begin = _ACTORS.search(text)
    if begin is None:
        return ""
    following = _TOP.search(text, begin.end())
    block = text[begin.end() : following.start() if following else len(text)]
    kept = _without_tail(block)
    indent = found[1] if (found := _NAME.search(kept)) else "  "
    ends = "\r\n" if "\r\n" in text else "\n"
    lines = _dumped({name: as_file(actor)}).splitlines()
    added = "".join(f"{indent}{line}{ends}" for line in lines)
    apart = ends if re.search(r"\n[ \t]*\r?\n +[a-z0-9-]+:", kept) else ""
    whole = kept if kept.endswith("\n") else f"{kept}{ends}"
    at = begin.end()
    return text[:at] + whole + apart + added + text[at + len(kept) :]


def _without_tail(block: str) -> str:
    """The block without the blank lines and the comments at its end, which belong to what follows."""
    lines = block.splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].startswith("#")):
        lines.pop()
    return "".join(lines) or block[: len(block) - len(block.lstrip("\r\n"))] or "\n"


def as_file(actor: Actor) -> dict[str, Any]:
    """The actor as a file has it: without what is left out, durations and accounts as they are spelled."""
    found = plain(actor)
    for part in (found, *found.get("identities", ())):
        part |= {key: _duration(part[key]) for key in ("ttl", "secret_id_ttl") if key in part}
        if "workload" in part:
            part["workload"] = f"{part['workload']['namespace']}/{part['workload']['account']}"
    return found


def _duration(seconds: int) -> str:
    size, unit = next((each for each in ((3600, "h"), (60, "m")) if seconds % each[0] == 0), (1, "s"))
    return f"{seconds // size}{unit}"


def _dumped(value: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(value, out)
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
