import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warden.adapters.catalog import entry_cache, files
from warden.adapters.catalog.entry_cache import cache_file, entry
from warden.core.errors import Invalid, NotFound

SPEC = importlib.util.spec_from_file_location("catalog_files", Path(__file__).parent / "catalog_files.py")
catalog_files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(catalog_files)
SHIPPED = Path(__file__).parents[4] / "platform"


@pytest.fixture
def directory(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(entry_cache, "SETTLED", 0)
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


def kept(directory, name="one") -> Path:
    return Path(cache_file(str(directory.root / "catalog" / f"{name}.yaml")))


def test_only_the_file_that_is_asked_for_is_parsed_and_only_once(directory, parsed):
    directory.lane("one")
    directory.lane("two")
    for _ in range(2):
        assert entry(str(directory), "one").title == "A key"
    assert parsed == ["one.yaml"]
    directory.lane("one", old="title: A key", new="title: B key")
    assert entry(str(directory), "one").title == "B key"
    assert parsed == ["one.yaml"] * 2


def test_a_kept_entry_is_the_parsed_one(directory):
    shutil.copytree(SHIPPED, directory.root, dirs_exist_ok=True)
    expected = files.load_catalog(str(directory)).entries
    assert len(expected) > 10
    for entry_id, parsed_entry in expected.items():
        for _ in range(2):
            found = entry(str(directory), entry_id)
            assert found == parsed_entry
            assert type(found) is type(parsed_entry)
        assert kept(directory, entry_id).stat().st_mode & 0o077 == 0


def test_a_change_that_keeps_size_and_mtime_is_seen(directory):
    path = directory.lane("one")
    entry(str(directory), "one")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    with path.open("r+") as file:
        file.write(path.read_text().replace("A key", "C key"))
    os.utime(path, ns=times)
    assert entry(str(directory), "one").title == "C key"


@pytest.mark.parametrize("name", ["catalog/one.yaml", "platform.yaml", "clusters.yaml"])
def test_what_was_written_just_now_is_not_trusted(directory, monkeypatch, parsed, name):
    directory.lane("one")
    monkeypatch.setattr(entry_cache, "SETTLED", 3_600_000_000_000)
    old = 1_000_000_000
    monkeypatch.setattr(entry_cache, "stamp", lambda path: (time.time_ns() if path.endswith(name) else old, old, 1, 1))
    for _ in range(2):
        assert entry(str(directory), "one").id == "one"
    assert parsed == ["one.yaml"] * 2
    assert not kept(directory).exists()


def test_an_entry_with_errors_is_never_kept(directory):
    directory.lane("one")
    entry(str(directory), "one")
    directory.lane("one", old="status: active", new="status: live")
    for _ in range(2):
        with pytest.raises(Invalid) as caught:
            entry(str(directory), "one")
        assert caught.value.faults[0].line == 3


def test_another_file_that_is_invalid_or_clashes_does_not_count_here(directory):
    directory.lane("two")
    directory.lane("one", old="app/one", new="app/two")
    (directory.root / "catalog" / "broken.yaml").write_text("no: entry")
    assert entry(str(directory), "two").id == "two"
    assert files.load_catalog(str(directory)).faulty == ("broken", "two")


def test_a_lane_that_derives_the_same_name_is_noticed(directory):
    directory.lane("one", old="app/one", new="app/key")
    assert entry(str(directory), "one").custody.policy_name == "workload-kv-read-key"
    other = directory.lane("two", old="app/two", new="other/key")
    for _ in range(2):
        assert entry(str(directory), "one").custody.policy_name == "workload-kv-read-workloads.team.app.key"
    other.unlink()
    assert entry(str(directory), "one").custody.policy_name == "workload-kv-read-key"


def test_a_file_that_is_gone_is_not_served(directory):
    path = directory.lane("one")
    entry(str(directory), "one")
    path.unlink()
    with pytest.raises(NotFound):
        entry(str(directory), "one")


def test_an_unknown_id_names_those_like_it_and_a_wrong_ending_is_said(directory):
    directory.lane("first-key")
    with pytest.raises(NotFound) as caught:
        entry(str(directory), "frst-key")
    assert "first-key" in caught.value.problem.nearest
    directory.lane("second").rename(directory.root / "catalog" / "second.yml")
    with pytest.raises(Invalid):
        entry(str(directory), "second")


@pytest.mark.parametrize("name", ["platform.yaml", "clusters.yaml"])
def test_a_change_of_what_holds_for_all_counts_for_every_entry(directory, name):
    directory.lane("one")
    entry(str(directory), "one")
    wrong = {"platform.yaml": "kv_mount: elsewhere\n", "clusters.yaml": "wrong\n"}[name]
    (directory.root / name).write_text(wrong)
    with pytest.raises(Invalid):
        entry(str(directory), "one")


def test_other_rules_of_warden_are_applied_anew(directory, monkeypatch, parsed):
    directory.lane("one")
    entry(str(directory), "one")
    real = entry_cache.stamp
    changed = {"rules.py": (1, 1, 1, 1)}
    monkeypatch.setattr(entry_cache, "stamp", lambda path: changed.get(os.path.basename(path)) or real(path))
    entry(str(directory), "one")
    assert parsed == ["one.yaml"] * 2


@pytest.mark.parametrize("harm", ["garbage", "empty", "truncated", "folder"])
def test_a_damaged_copy_is_replaced(directory, parsed, harm):
    directory.lane("one")
    entry(str(directory), "one")
    path = kept(directory)
    whole = path.read_bytes()
    if harm == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes({"garbage": os.urandom(4096), "empty": b"", "truncated": whole[:-9]}[harm])
    assert entry(str(directory), "one").title == "A key"
    assert parsed == ["one.yaml"] * 2
    if harm != "folder":
        assert entry(str(directory), "one").title == "A key"
        assert len(parsed) == 2


def test_a_byte_flipped_anywhere_never_changes_the_answer(directory):
    directory.lane("one")
    expected = entry(str(directory), "one")
    whole = kept(directory).read_bytes()
    for at in range(0, len(whole), 7):
        kept(directory).write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        assert entry(str(directory), "one") == expected


def test_without_a_cache_everything_works(directory, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    directory.lane("one")
    assert entry(str(directory), "one").id == "one"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(blocked))
    assert entry(str(directory), "one").id == "one"


def test_an_id_is_not_a_path(directory):
    directory.lane("one")
    entry(str(directory), "one")
    for bad in ("../catalog/one", "one\0", "", ".", "ö" * 5000, "one.yaml"):
        with pytest.raises(NotFound):
            entry(str(directory), bad)


LOADER = """
import sys
from warden.adapters.catalog import entry_cache
entry_cache.SETTLED = 0
for _ in range(100):
    assert entry_cache.entry(sys.argv[1], "one").title in {"A key", "B key"}
"""


def test_many_processes_share_it_while_its_file_changes(directory):
    directory.lane("one")
    running = [subprocess.Popen([sys.executable, "-c", LOADER, str(directory)]) for _ in range(4)]
    until = time.monotonic() + 30
    path = directory.root / "catalog" / "one.yaml"
    number = 0
    while any(each.poll() is None for each in running) and time.monotonic() < until:
        number += 1
        fresh = path.with_suffix(".new")
        fresh.write_text(path.read_text().replace("A key", "B key") if number % 2 else path.read_text())
        fresh.replace(path)
        time.sleep(0.01)
    assert [each.wait(30) for each in running] == [0] * 4
    assert [each.name for each in kept(directory).parent.iterdir()] == [kept(directory).name]
    assert entry(str(directory), "one") == files.load_entry(str(directory), "one")


@pytest.mark.parametrize("how", ["writable", "foreign", "link"])
def test_what_somebody_else_can_write_is_not_what_was_kept(directory, parsed, how):
    directory.lane("one")
    entry(str(directory), "one")
    path = kept(directory)
    if how == "writable":
        path.chmod(0o666)
    elif how == "link":
        path.rename(path.with_suffix(".real"))
        path.symlink_to(path.with_suffix(".real"))
    elif os.geteuid() == 0:
        os.chown(path, 65534, 65534)
    else:
        pytest.skip("only root can give a file away")
    entry(str(directory), "one")
    assert parsed == ["one.yaml"] * 2
    assert (path.stat().st_uid, path.stat().st_mode & 0o077, path.is_symlink()) == (os.geteuid(), 0, False)
