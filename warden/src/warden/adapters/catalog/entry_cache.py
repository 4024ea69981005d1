"""One entry of the catalog, as it was read last time while nothing that it was read from has changed.

`access` and `route show` need one file. Parsing it costs 25 ms, most of them for importing PyYAML, which is a third of
what ``bao kv get`` takes (docs/adr/0029). Kept is the entry alone, in a file of its own under the user's cache, bound
to the times, size and inode of every file of the catalog, of ``platform.yaml`` and ``clusters.yaml``, and of the
modules that judge it. Entries with faults are never kept. Nothing here is needed for a right answer: what cannot be
read is parsed again.
"""

import os
import time
import zlib
from collections.abc import Iterator
from importlib.machinery import PathFinder
from typing import Any, get_args

import msgspec

from warden.adapters.catalog import kept as files
from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.machine import directories
from warden.core.lanes.catalog import KINDS, Entry, kind_of
from warden.core.lanes.lane import Lane, Reader

FORMAT = 2
SETTLED = 1_000_000_000
"""Nanoseconds a file has to have been left alone: a later change might not show in its times."""

_PLATFORM_FILES = ("platform.yaml", "clusters.yaml")  # as `files.PLATFORM_FILES`, which would cost its imports

Stamp = tuple[int, int, int, int]
"""A file's mtime and ctime in ns, size and inode; zeros where it does not exist."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is in the file: what it is bound to, and the entry."""

    basis: str
    kind: str
    entry: msgspec.Raw


def entry(platform_dir: str, entry_id: str) -> Entry:
    """One entry, judged by its own file alone. Raises as `files.load_entry` does."""
    path = os.path.join(platform_dir, "catalog", f"{entry_id}.yaml")
    expect_trusted(platform_dir, [path])
    now, stamps = time.time_ns(), [*map(stamp, platform_files(platform_dir)), *_catalog(os.path.dirname(path))]
    environment = os.environ.get("WARDEN_ENV", "")
    basis = f"{FORMAT} {environment} {path} {zlib.crc32(repr(stamps).encode())} {stamp(path)} {list(code_stamps())}"
    kept = cache_file(path)
    try:
        return _read(kept, basis)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        pass
    from warden.adapters.catalog.files import load_entry

    found = load_entry(platform_dir, entry_id)
    if not (isinstance(found, Lane) and found.environments) and all(now - max(each[:2]) > SETTLED for each in stamps):
        files.write(kept, msgspec.json.encode(_Kept(basis, kind_of(found), msgspec.Raw(msgspec.json.encode(found)))))
    return found


def stamp(path: str) -> Stamp:
    """What tells one state of a file from another."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return (0, 0, 0, 0)
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _catalog(folder: str) -> list[Stamp]:
    """The state of every file of the catalog: a derived name depends on what the others derive."""
    try:
        with os.scandir(folder) as found:
            return sorted(stamp(each.path) for each in found)
    except OSError:
        return []


def cache_file(path: str) -> str:
    """Where the entry of that catalog file is kept."""
    return os.path.join(directories.cache(), f"entry-{zlib.crc32(os.fsencode(path)):08x}")


def platform_files(platform_dir: str) -> list[str]:
    """What holds for every entry."""
    return [os.path.join(platform_dir, name) for name in _PLATFORM_FILES]


def code_stamps() -> Iterator[Stamp]:
    """The state of the modules that read and judge an entry, the secret scanner's among them."""
    here = os.path.dirname(__file__)
    lanes = os.path.join(here, "..", "..", "core", "lanes")
    for folder in (here, lanes, *_scanner_folders()):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py"):
                yield stamp(os.path.join(folder, name))


def _scanner_folders() -> Iterator[str]:
    """Where the secret scanner is installed; found without importing it, which would cost the hot path 10 ms."""
    for package in ("secret_scan", "kingfisher_sdk"):
        spec = PathFinder.find_spec(package)
        yield from (spec.submodule_search_locations or ()) if spec else ()


def _read(kept: str, basis: str) -> Entry:
    found = msgspec.json.decode(files.read(kept), type=_Kept)
    if found.basis != basis:
        raise ValueError
    return _entry(found.kind, found.entry)


class _StoredLane(Lane, frozen=True, kw_only=True):
    """A lane whose readers are still plain: msgspec cannot tell two structures apart that carry no tag."""

    readers: tuple[dict[str, Any], ...]  # type: ignore[assignment]  # on purpose, and only here
    environments: dict[str, Any] = msgspec.field(default_factory=dict)  # as above; only what is in none is kept


def _entry(kind: str, encoded: msgspec.Raw) -> Entry:
    """The entry of that kind. Raises `msgspec.MsgspecError` where the text is not one."""
    if kind != "lane":
        return msgspec.json.decode(encoded, type=KINDS[kind])
    stored = msgspec.json.decode(encoded, type=_StoredLane)
    values = {name: getattr(stored, name) for name in Lane.__struct_fields__}
    return Lane(**values | {"readers": tuple(map(_reader, stored.readers))})


_READERS = {structure.__struct_fields__[0]: structure for structure in get_args(Reader)}
"""The first key of a reader -> its structure."""


def _reader(stored: dict[str, Any]) -> Any:
    found = [structure for key, structure in _READERS.items() if key in stored]
    if len(found) != 1:
        raise ValueError
    return msgspec.convert(stored, found[0])
