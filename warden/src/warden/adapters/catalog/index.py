"""The compiled catalog: what was read from each file, so that an unchanged one is not parsed again.

A row counts only while its file has the times, size and inode it had when it was read, and only if it had been left
alone for a second by then (a later change might not show in its times). Files with faults are not kept: they are
parsed each time. All rows are bound to warden's own modules that judge entries and to ``platform.yaml``.
"""

import os
import time
from collections.abc import Iterator
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

import msgspec

from warden.adapters.catalog.index_file import NO_FILE, IndexFile, Row, Stamp, Unusable, index_path, stamp, write
from warden.core.lanes.route import Route

if TYPE_CHECKING:
    from warden.adapters.catalog.files import Source
    from warden.core.lanes.catalog import Catalog, Entry, Platform

_SETTLED = 1_000_000_000  # nanoseconds
_JUDGES = (
    *("files.py", "decoder.py", "yaml_tree.py", "index.py"),
    *(f"../../core/lanes/{name}.py" for name in ("catalog", "delivery_target", "lane", "route", "routing", "rules")),
    "../../core/journal/record.py",
)
_SCANNER_FILES = ("__init__.py", "known_formats.py", "patterns.py", "randomness.py", "scanner.py", "_native.abi3.so")
_PLATFORM_FILES = ("platform.yaml", "clusters.yaml")  # as `files.PLATFORM_FILES`, which would cost its imports


def show(platform_dir: str, entry_id: str) -> Route:
    """One entry's route as its file says. Raises `NotFound`, or `Invalid` where the file has faults.

    Reads one row, and looks at that one file, the folder and ``platform.yaml``. A clash that comes about by a change
    *inside another file* is seen by whatever reads the whole catalog.
    """
    found = _compiled(platform_dir, f"{entry_id}.yaml")
    if found is not None:
        return found
    from warden.core.lanes.routing import draw

    return draw(load(platform_dir).entry(entry_id))


def entry(platform_dir: str, entry_id: str) -> "Entry":
    """One entry, from one row where that is good. Raises as `Catalog.entry` does."""
    row = _good_row(platform_dir, f"{entry_id}.yaml")
    if row is not None:
        from warden.adapters.catalog.index_decoding import thawed

        try:
            return thawed(row.kind, row.entry)
        except msgspec.MsgspecError:
            pass
    return load(platform_dir).entry(entry_id)


def _compiled(platform_dir: str, name: str) -> Route | None:
    row = _good_row(platform_dir, name)
    try:
        return None if row is None else msgspec.json.decode(row.route, type=Route)
    except msgspec.MsgspecError:
        return None


def _good_row(platform_dir: str, name: str) -> Row | None:
    """A row without clashes whose file, and the folder, are as they were when it was written."""
    folder = os.path.join(platform_dir, "catalog")
    try:
        index = IndexFile(index_path(platform_dir), _binding(platform_dir))
        try:
            row = index.row(name) if index.folder == stamp(folder) else None
        finally:
            index.close()
    except Unusable:
        return None
    return row if row is not None and row.route and row.stamp == stamp(os.path.join(folder, name)) else None


def _binding(platform_dir: str) -> str:
    here = os.path.dirname(__file__)
    judges = [stamp(os.path.join(here, name)) for name in _JUDGES]
    judges += [stamp(os.path.join(each, name)) for each in _scanner_folders() for name in _SCANNER_FILES]
    return f"{platform_dir} {_platform_stamps(platform_dir)} {judges}"


def _scanner_folders() -> Iterator[str]:
    """Where the secret scanner is installed; found without importing it, which would cost the hot path 10 ms."""
    for package in ("secret_scan", "kingfisher_sdk"):
        spec = PathFinder.find_spec(package)
        yield from (spec.submodule_search_locations or ()) if spec else ()


def _platform_stamps(platform_dir: str) -> list[Stamp]:
    return [stamp(os.path.join(platform_dir, name)) for name in _PLATFORM_FILES]


def load(platform_dir: str) -> "Catalog":
    """As `files.load_catalog`, but only the files that changed since they were compiled are parsed."""
    from warden.adapters.catalog import files

    now, folder = time.time_ns(), stamp(os.path.join(platform_dir, "catalog"))
    binding = _binding(platform_dir)
    known = _known(platform_dir, binding)
    platform = known.platform or files.load_platform(platform_dir)
    sources, stamps = [], {}
    for path in files.catalog_files(platform_dir):
        name = os.path.basename(path)
        stamps[name] = stamp(path)
        sources.append(_source(path, stamps[name], known.rows.get(name), platform))
    catalog = files.judge(sources, platform)
    rows = {
        name: _row(name, found, catalog, known.rows.get(name))
        for name, found in stamps.items()
        if _settled(found, now) and name.removesuffix(".yaml") in catalog.entries
    }
    folder = folder if _settled(folder, now) else NO_FILE
    new = _Known(platform, folder, rows)
    if new != known and all(_settled(each, now) for each in _platform_stamps(platform_dir)):
        write(index_path(platform_dir), binding, folder, msgspec.json.encode(platform), rows.values())
    return catalog


class _Known(msgspec.Struct):
    """What the index says: ``platform.yaml``, the folder's stamp, and the rows by file name."""

    platform: "Platform | None" = None
    folder: Stamp = NO_FILE
    rows: dict[str, Row] = {}


def _settled(found: Stamp, now: int) -> bool:
    return now - max(found[0], found[1]) > _SETTLED


def _known(platform_dir: str, binding: str) -> _Known:
    from warden.core.lanes.catalog import Platform

    try:
        index = IndexFile(index_path(platform_dir), binding)
        try:
            return _Known(msgspec.json.decode(index.platform, type=Platform), index.folder, index.rows())
        finally:
            index.close()
    except (Unusable, msgspec.MsgspecError):
        return _Known()


def _source(path: str, found: Stamp, row: Row | None, platform: "Platform") -> "Source":
    from warden.adapters.catalog import files
    from warden.adapters.catalog.index_decoding import thawed

    if row is not None and row.stamp == found:
        try:
            entry = thawed(row.kind, row.entry)
        except msgspec.MsgspecError:
            pass
        else:
            return files.Source(file=files.shown(path), path=path, id=entry.id, entry=entry)
    return files.parse_entry(path, platform)


def _row(name: str, found: Stamp, catalog: "Catalog", known: Row | None) -> Row:
    if known is not None and known.stamp == found and known.route:
        return known
    from warden.core.lanes.catalog import kind_of
    from warden.core.lanes.routing import draw

    entry = catalog.entries[name.removesuffix(".yaml")]
    return Row(name, found, kind_of(entry), msgspec.json.encode(entry), msgspec.json.encode(draw(entry)))
