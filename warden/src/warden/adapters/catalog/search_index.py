"""The index that `route find` searches, as it was compiled last time while nothing that it is made of has changed.

Compiling it means to parse every file of the catalog, which is most of what a search would take. Kept in one file under
the user's cache, bound to the state of the catalog's files, of the vocabulary and of the code. The index of a catalog
with faults is never kept. Nothing here is needed for a right answer: what cannot be read is compiled again.
"""

import datetime as dt
import os
import time
import zlib

import msgspec

from warden.adapters.catalog import kept as files
from warden.adapters.catalog import vocabulary
from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.catalog.entry_cache import SETTLED, Stamp, cache_file, code_stamps, platform_files, stamp
from warden.adapters.catalog.entry_cache import entry as kept_entry
from warden.adapters.catalog.stemming import Snowball
from warden.core.lanes.catalog import Catalog, Entry, Pointer
from warden.core.lanes.lane import Owner
from warden.core.search.index import Index, build


class Searchable:
    """A catalog to search.

    Attributes:
        index: what is searched.
        stemmers: the stemmers it was built with.
        faulty: the ids whose files have faults; they are in the index, and `entry` raises for them.
    """

    def __init__(self, platform_dir: str, index: Index, catalog: Catalog | None) -> None:
        self._directory = platform_dir
        self._catalog = catalog
        self.index = index
        self.stemmers = Snowball()
        self.faulty = catalog.faulty if catalog else ()

    def entry(self, entry_id: str) -> Entry:
        """An entry of the index. Raises `Invalid` where its file has faults."""
        return self._catalog.entry(entry_id) if self._catalog else kept_entry(self._directory, entry_id)


def searchable(platform_dir: str) -> Searchable:
    """The catalog of a platform directory. Raises as `files.load_catalog` does."""
    paths = _catalog_paths(platform_dir)
    expect_trusted(platform_dir, paths)
    now, stamps = time.time_ns(), [stamp(path) for path in (*paths, *platform_files(platform_dir))]
    basis = _basis([*paths], stamps)
    kept = cache_file(os.path.join(platform_dir, "catalog"))
    try:
        return Searchable(platform_dir, _read(kept, basis), None)
    except (OSError, ValueError):  # msgspec's errors are ValueErrors
        pass
    from warden.adapters.catalog.files import load_catalog

    catalog = load_catalog(platform_dir)
    index = compiled(catalog)
    if not catalog.faults and all(now - max(each[:2]) > SETTLED for each in stamps):
        files.write(kept, basis + msgspec.msgpack.encode(index))
    return Searchable(platform_dir, index, catalog)


def compiled(catalog: Catalog) -> Index:
    """The index of a catalog. Entries with faults are in it, so that a need for one is not told that nobody owns it."""
    stemmers = Snowball()
    unread = {entry_id: _unread(entry_id) for entry_id in catalog.faulty}
    return build({**unread, **catalog.declared}, vocabulary.vocabulary(stemmers), stemmers)


def _unread(entry_id: str) -> Entry:
    """What stands for a file that cannot be read at all: its name is known."""
    return Pointer(
        id=entry_id,
        title=entry_id,
        status="active",
        reviewed=dt.date.min,
        owner=Owner(repo="", doc=""),
        subsystem="",
        auth_method="",
        next="",
    )


def _catalog_paths(platform_dir: str) -> list[str]:
    folder = os.path.join(platform_dir, "catalog")
    try:
        with os.scandir(folder) as found:
            return sorted(each.path for each in found if each.name[0] != ".")
    except OSError:
        return []  # load_catalog names the reason


def _basis(paths: list[str], stamps: list[Stamp]) -> bytes:
    core = os.path.join(os.path.dirname(__file__), "..", "..", "core", "search")
    code = [*code_stamps(), *(stamp(path) for path in vocabulary.FILES), *_modules(core)]
    return b"%08x%08x" % (zlib.crc32(repr((paths, stamps)).encode()), zlib.crc32(repr(code).encode()))


def _modules(folder: str) -> list[Stamp]:
    return [stamp(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".py")]


def _read(path: str, basis: bytes) -> Index:
    content = files.read(path)
    if not content.startswith(basis):
        raise ValueError
    return msgspec.msgpack.decode(content[len(basis) :], type=Index)
