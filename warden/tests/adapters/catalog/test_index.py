import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warden.adapters.catalog import files, index
from warden.adapters.catalog.index_file import index_path, stamp
from warden.core.errors import Invalid, NotFound
from warden.core.lanes.routing import draw

SPEC = importlib.util.spec_from_file_location("catalog_files", Path(__file__).parent / "catalog_files.py")
catalog_files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(catalog_files)
SHIPPED = Path(__file__).parents[4] / "platform"


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "_SETTLED", 0)
    return catalog_files.Directory(tmp_path)


@pytest.fixture
def parsed(monkeypatch):
    """The names of the files that are parsed."""
    names = []
    real = files.parse_entry

    def spy(path, platform):
        names.append(os.path.basename(path))
        return real(path, platform)

    monkeypatch.setattr(files, "parse_entry", spy)
    return names


def database(directory) -> Path:
    return Path(index_path(str(directory)))


def test_an_unchanged_file_is_parsed_once_and_a_changed_one_again(directory, parsed):
    directory.lane("one")
    directory.lane("two")
    index.load(str(directory))
    assert parsed == ["one.yaml", "two.yaml"]
    index.load(str(directory))
    assert index.show(str(directory), "one").title == "A key"
    assert len(parsed) == 2
    directory.lane("two", old="title: A key", new="title: B key")
    assert index.show(str(directory), "one").title == "A key"
    assert len(parsed) == 2
    assert index.show(str(directory), "two").title == "B key"
    assert parsed[2:] == ["two.yaml"]


def test_the_compiled_catalog_is_the_parsed_one(directory):
    shutil.copytree(SHIPPED, directory.root, dirs_exist_ok=True)
    expected = files.load_catalog(str(directory))
    for _ in range(2):
        found = index.load(str(directory))
        assert found.entries == expected.entries
        assert found.faults == expected.faults
        assert [type(entry) for entry in found.entries.values()] == [type(e) for e in expected.entries.values()]
    for entry_id, entry in expected.entries.items():
        assert index.show(str(directory), entry_id) == draw(entry)
        assert index.entry(str(directory), entry_id) == entry


def test_a_change_that_keeps_size_and_mtime_is_seen(directory):
    path = directory.lane("one")
    index.load(str(directory))
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    with path.open("r+") as file:
        file.write(path.read_text().replace("A key", "C key"))
    os.utime(path, ns=times)
    assert index.show(str(directory), "one").title == "C key"


def test_a_file_that_was_just_written_is_not_trusted(directory, monkeypatch):
    monkeypatch.setattr(index, "_SETTLED", 3_600_000_000_000)
    directory.lane("one")
    index.load(str(directory))
    assert index._compiled(str(directory), "one.yaml") is None
    assert index.show(str(directory), "one").id == "one"


def test_a_file_changed_in_place_just_now_is_not_trusted_though_its_folder_is(directory, monkeypatch):
    path = directory.lane("one")
    directory.lane("two")
    before = time.time_ns()
    time.sleep(0.1)
    with path.open("a") as file:
        file.write("\n")
    changed = path.stat().st_mtime_ns
    monkeypatch.setattr(index, "_SETTLED", (changed - before) // 2)
    monkeypatch.setattr(time, "time_ns", lambda: changed)
    index.load(str(directory))
    assert index._compiled(str(directory), "two.yaml") is not None
    assert index._compiled(str(directory), "one.yaml") is None


def test_faulty_data_is_never_served(directory):
    directory.lane("one")
    index.load(str(directory))
    directory.lane("one", old="status: active", new="status: live")
    for _ in range(2):
        with pytest.raises(Invalid) as caught:
            index.show(str(directory), "one")
        assert caught.value.faults[0].line == 3


def test_a_new_file_that_clashes_is_seen_by_show_and_its_going_too(directory):
    directory.lane("two")
    index.load(str(directory))
    assert index.show(str(directory), "two").id == "two"
    clash = directory.lane("one", old="app/one", new="app/two")
    for _ in range(2):
        with pytest.raises(Invalid) as caught:
            index.show(str(directory), "two")
        assert (caught.value.faults[0].line, caught.value.faults[0].field) == (10, "custody.path")
    clash.unlink()
    assert index.show(str(directory), "two").id == "two"


def test_a_file_that_is_gone_is_not_served(directory):
    path = directory.lane("one")
    index.load(str(directory))
    path.unlink()
    with pytest.raises(NotFound):
        index.show(str(directory), "one")


def test_a_change_of_platform_yaml_counts_for_every_entry(directory):
    directory.lane("one")
    index.load(str(directory))
    (directory.root / "platform.yaml").write_text("kv_mount: elsewhere\n")
    with pytest.raises(Invalid, match="faults"):
        index.show(str(directory), "one")


@pytest.mark.parametrize("harm", ["garbage", "empty", "truncated", "folder", "other tables", "other format", "row"])
def test_a_damaged_index_is_rebuilt(directory, parsed, harm):
    directory.lane("one")
    index.load(str(directory))
    path = database(directory)
    if harm == "garbage":
        path.write_bytes(os.urandom(4096))
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif harm == "folder":
        path.unlink()
        path.mkdir()
    else:
        change = {
            "other tables": "DROP TABLE about",
            "other format": "UPDATE about SET binding = 'x'",
            "row": "UPDATE files SET route = replace(route, 'A key', 'B key')",
        }[harm]
        with sqlite3.connect(path) as db:
            db.execute(change)
        db.close()
    assert index.show(str(directory), "one").title == "A key"
    assert parsed == ["one.yaml"] * 2
    if harm != "folder":
        assert index.show(str(directory), "one").title == "A key"
        assert len(parsed) == 2


def test_a_byte_flipped_anywhere_never_changes_the_answer(directory):
    directory.lane("one")
    expected = index.show(str(directory), "one")
    whole = database(directory).read_bytes()
    for at in range(0, len(whole), 37):
        database(directory).write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        assert index.show(str(directory), "one") == expected


def test_without_a_cache_everything_works(directory, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    directory.lane("one")
    assert index.show(str(directory), "one").id == "one"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(blocked))
    assert index.show(str(directory), "one").id == "one"


def test_what_a_killed_process_left_behind_is_taken_away(directory):
    directory.lane("one")
    database(directory).parent.mkdir(parents=True)
    name = database(directory).name
    left, young, other = (database(directory).with_name(each) for each in (f"{name}.1", f"{name}.2", "other"))
    for path in (left, young, other):
        path.write_text("")
    os.utime(left, (1, 1))
    os.utime(other, (1, 1))
    index.load(str(directory))
    assert [path.exists() for path in (left, young, other)] == [False, True, True]


def test_an_id_is_no_path(directory, tmp_path):
    directory.lane("one")
    for bad in ("../catalog/one", "one\0", "", ".", "ö" * 5000, "one.yaml"):
        with pytest.raises(NotFound):
            index.show(str(directory), bad)


LOADER = """
import sys
from warden.adapters.catalog import index
index._SETTLED = 0
for _ in range(20):
    assert index.show(sys.argv[1], "one").title == "A key"
"""


def test_many_processes_share_it_while_files_change(directory):
    directory.lane("one")
    running = [subprocess.Popen([sys.executable, "-c", LOADER, str(directory)]) for _ in range(4)]
    until = time.monotonic() + 30
    number = 0
    while any(each.poll() is None for each in running) and time.monotonic() < until:
        number += 1
        directory.lane(f"other-{number % 5}", old="A key", new=f"{number}")
        time.sleep(0.01)
    assert [each.wait(30) for each in running] == [0] * 4
    left = [path.name for path in database(directory).parent.iterdir()]
    assert left == [database(directory).name]
    assert stamp(str(database(directory))) != (0, 0, 0, 0)
