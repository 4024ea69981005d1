"""The port LaneFiles on the files of ``catalog/``: a status is written, and everything else stays as it is.

A field that is there is replaced where it stands, at the place that ruamel.yaml says; one that is missing is added by
it (`yaml_edit`). What comes out is read by the catalog's own reader and has to say exactly that.
"""

import datetime as dt
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from typing import Any

import msgspec

from warden.adapters.catalog.files import Source, chosen, load_platform, parse_entry, shown
from warden.adapters.catalog.yaml_edit import edited
from warden.adapters.catalog.yaml_tree import MAX_BYTES, Refusal
from warden.adapters.machine import regular_file
from warden.adapters.machine.whole_file import replace
from warden.core.errors import Effect, Held, Invalid, UsageError
from warden.core.lanes.catalog import DeclaredWithFaults
from warden.core.lanes.lane import Lane, Status
from warden.core.lanes.lane_edit import (
    REVIEWED,
    CannotBeEdited,
    FieldChange,
    FileChanged,
    LaneEdit,
    status_field,
)
from warden.core.remedies import EditFile, warden

_SCALAR = re.compile(r"""(['"]?)([A-Za-z0-9-]+)\1""")
"""A status or a date, plain or in quotes."""


class CatalogLaneFiles:
    """The files of one platform directory, as they are when this is made: an edit of another state is refused."""

    def __init__(self, platform_dir: str) -> None:
        self._platform_dir = platform_dir
        self._seen: dict[str, str] = {}

    def look(self, lane: str) -> None:
        """Remember the file as it is now, before the catalog is read: what is proven is what it declares."""
        self._seen[lane] = _digest(self._read_if_there(lane))

    def edit(self, lane: str, *, status: Status, reviewed: dt.date | None = None) -> LaneEdit:
        """See the port."""
        path, content = self._path(lane), self._read(lane)
        if self._seen.setdefault(lane, _digest(content)) != _digest(content):
            raise _changed(path)
        platform = load_platform(self._platform_dir)
        before = parse_entry(path, platform)
        if not isinstance(before.entry, Lane):
            raise _not_edited(path, lane, {})
        text = content.decode()
        tree = _tree(text, path, lane)
        own = {name: bool(isinstance(each, dict) and "status" in each) for name, each in _environments(tree).items()}
        where = status_field(own, chosen())
        wanted = {where: str(status)} | ({(REVIEWED,): reviewed.isoformat()} if reviewed else {})
        changes = tuple(_changes(tree, wanted))
        if changes:
            text = _with(text, {tuple(each.field.split(".")): each.after for each in changes}, path, lane)
        declared = msgspec.structs.replace(before.entry, status=status, reviewed=reviewed or before.entry.reviewed)
        _expect(self._parsed(lane, text), declared, path, {".".join(field): each for field, each in wanted.items()})
        also = tuple(platform.environments) if not own and any(each.field == "status" for each in changes) else ()
        return LaneEdit(
            lane=lane,
            file=shown(path),
            digest=_digest(content),
            changes=changes,
            text=text,
            also_in=tuple(name for name in also if name != chosen()),
        )

    def write(self, edit: LaneEdit) -> None:
        """See the port."""
        path = self._path(edit.lane)
        if _digest(self._read(edit.lane)) != edit.digest:
            raise _changed(path)
        try:
            replace(path, edit.text)
        except OSError as fault:
            raise UsageError(
                f"{shown(path)} cannot be written ({os.strerror(fault.errno or 0).lower()})",
                effect=Effect.NOTHING_CHANGED,
                system="platform",
                subject=edit.lane,
            ) from None
        self._seen[edit.lane] = _digest(edit.text.encode())

    def _path(self, lane: str) -> str:
        return os.path.join(self._platform_dir, "catalog", f"{lane}.yaml")

    def _read(self, lane: str) -> bytes:
        """The file. Raises `UsageError`."""
        try:
            return regular_file.read_bytes(self._path(lane), MAX_BYTES)
        except regular_file.NotUsable as fault:
            problem = f"{shown(self._path(lane))} cannot be read: {fault}"
            raise UsageError(problem, effect=Effect.NOTHING_DONE, system="platform", subject=lane) from None

    def _read_if_there(self, lane: str) -> bytes:
        try:
            return regular_file.read_bytes(self._path(lane), MAX_BYTES)
        except regular_file.NotUsable:
            return b""

    def _parsed(self, lane: str, text: str) -> Source:
        """The text as the catalog reads it, under the name that it has there."""
        platform = load_platform(self._platform_dir)
        with tempfile.TemporaryDirectory(prefix="warden-") as folder:
            path = os.path.join(folder, f"{lane}.yaml")
            with open(path, "x", encoding="utf-8", newline="") as file:
                file.write(text)
            return parse_entry(path, platform)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _environments(tree: Mapping[str, Any]) -> Mapping[str, Any]:
    found = tree.get("environments")
    return found if isinstance(found, dict) else {}


def _tree(text: str, path: str, lane: str) -> Any:
    """The mapping as ruamel.yaml reads it, which knows where each value stands."""
    trees: list[Any] = []
    try:
        edited(text, trees.append)
    except Refusal:
        raise _not_edited(path, lane, {}) from None
    return trees[0]


def _changes(tree: Any, wanted: Mapping[tuple[str, ...], str]) -> "list[FieldChange]":
    found = []
    for field, after in wanted.items():
        before = _value(tree, field)
        if before != after:
            found.append(FieldChange(field=".".join(field), before=before, after=after))
    return found


def _value(tree: Any, field: tuple[str, ...]) -> str:
    for key in field:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return "" if tree is None else str(tree)


def _with(text: str, wanted: Mapping[tuple[str, ...], str], path: str, lane: str) -> str:
    """The text with these values: in their places where they are there, otherwise added."""
    missing = {}
    for field, after in wanted.items():
        place = _place(_tree(text, path, lane), field)
        if place is None:
            missing[field] = after
            continue
        text = _spliced(text, *place, after) or text
    return edited(text, lambda tree: _add(tree, missing)) if missing else text


def _place(tree: Any, field: tuple[str, ...]) -> tuple[int, int] | None:
    """Line and column of the value, from 0; ``None`` where there is none."""
    *above, key = field
    for each in above:
        tree = tree.get(each) if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or key not in tree:
        return None
    line, column = tree.lc.value(key)  # type: ignore[attr-defined]  # a CommentedMap of ruamel.yaml
    return int(line), int(column)


def _spliced(text: str, line: int, column: int, after: str) -> str:
    """The text with another scalar at that place; empty where no plain one stands there."""
    lines = text.splitlines(keepends=True)
    found = _SCALAR.match(lines[line], column)
    if found is None:
        return ""
    quote = found[1]
    lines[line] = f"{lines[line][:column]}{quote}{after}{quote}{lines[line][found.end() :]}"
    return "".join(lines)


def _add(tree: Any, missing: Mapping[tuple[str, ...], str]) -> None:
    for (*above, key), after in missing.items():
        into = tree
        for each in above:
            into = into[each]
        if not into:  # `{}` stays on its line, and so does a comment behind it
            into.fa.set_flow_style()
        into[key] = after


def _expect(source: Source, wanted: Lane, path: str, fields: Mapping[str, str]) -> None:
    """Raise where the edited file has errors, or says anything else than what is wanted."""
    if source.wrong:
        faults = [msgspec.structs.replace(each, file=shown(path)) for each in source.wrong]
        raise Invalid(
            faults,
            DeclaredWithFaults(wanted.id),
            effect=Effect.NOTHING_CHANGED,
            subject=wanted.id,
            remedy=(warden("catalog check"),),
        )
    if source.entry != wanted:
        raise _not_edited(path, wanted.id, fields)


def _not_edited(path: str, lane: str, fields: Mapping[str, str]) -> UsageError:
    return UsageError(
        CannotBeEdited(shown(path), tuple(fields.items())),
        effect=Effect.NOTHING_CHANGED,
        system="platform",
        subject=lane,
        remedy=tuple(EditFile(file="lane", field=field, value=value) for field, value in fields.items()),
    )


def _changed(path: str) -> Held:
    return Held(FileChanged(shown(path)), effect=Effect.NOTHING_CHANGED, system="platform", subject=shown(path))
