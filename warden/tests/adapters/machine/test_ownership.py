"""Who can change what a path leads to. Root makes files of others, so part of this runs as root only."""

import os

import pytest

from warden.adapters.machine.ownership import weaknesses

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def file(tmp_path):
    (tmp_path / "platform").mkdir()
    made = tmp_path / "platform" / "lane.yaml"
    made.write_text("")
    made.chmod(0o644)
    return made


def found(path, *trusted):
    return [(each.path, each.kind) for each in weaknesses([str(path)], trusted)]


def test_what_only_the_caller_and_root_can_change_is_believed(file):
    assert found(file) == []
    assert found("/etc/passwd") == []
    assert found(file.parent / "missing" / "too") == []


@pytest.mark.parametrize("mode", [0o646, 0o666, 0o602])
def test_a_file_that_everybody_can_write(file, mode):
    file.chmod(mode)
    assert found(file) == [(str(file), "writable")]


@pytest.mark.parametrize("mode", [0o757, 0o777, 0o1777])
def test_a_directory_that_everybody_can_write(file, mode):
    file.parent.chmod(mode)
    assert found(file.parent) == [(str(file.parent), "writable")]


def test_a_sticky_directory_on_the_way_is_no_danger_and_another_one_is(file):
    file.parent.chmod(0o1777)
    assert found(file) == []
    file.parent.chmod(0o777)
    assert found(file) == [(str(file.parent), "writable")]


@as_root
@pytest.mark.parametrize(("gid", "believed"), [(0, True), (4, False), (54321, False)])
def test_a_group_counts_as_others_unless_it_is_the_callers_own(file, gid, believed):
    os.chown(file, 0, gid)
    file.chmod(0o664)
    assert (found(file) == []) == believed


@as_root
def test_what_belongs_to_somebody_else(file, monkeypatch):
    os.chown(file, NOBODY, NOBODY)
    assert found(file) == [(str(file), "foreign")]
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert found(file) == [], "who called sudo is the caller"
    monkeypatch.setenv("SUDO_UID", "x")
    assert found(file) == [(str(file), "foreign")]


@as_root
def test_a_link_is_judged_by_its_owner_and_by_where_it_leads(file, tmp_path):
    link, target = tmp_path / "link", tmp_path / "elsewhere" / "target"
    target.parent.mkdir()
    target.write_text("")
    link.symlink_to(target)
    assert found(link) == []
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    assert found(link) == [(str(link), "foreign")]
    os.chown(link, 0, 0, follow_symlinks=False)
    os.chown(target.parent, NOBODY, NOBODY)
    assert found(link) == [(str(target.parent), "foreign")]


def test_links_in_a_ring_end(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert found(tmp_path / "a") == []


@pytest.mark.parametrize("trusted", [".", "..", "../.."])
def test_a_trusted_directory_excuses_what_is_in_it_and_above_it(file, trusted):
    file.chmod(0o666)
    assert found(file, str(file.parent / trusted)) == []
    file.parent.parent.chmod(0o777)
    assert found(file, str(file.parent / trusted)) == []
    assert found(file, str(file.parent / "other"), str(file.parent) + "x") != []
