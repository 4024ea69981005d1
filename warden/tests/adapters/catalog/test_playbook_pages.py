"""Pages as files: written whole, with the mode they have, and never over somebody's edit."""

import os

import pytest

from warden.adapters.catalog.playbook_pages import PlaybookFiles
from warden.core.errors import Held, UsageError


@pytest.fixture
def pages(tmp_path):
    (tmp_path / "platform").mkdir()
    return PlaybookFiles(str(tmp_path / "platform"), "docs/playbooks")


def test_a_page_is_made_with_its_folder_and_read_again(pages, tmp_path):
    assert pages.read("first") is None
    pages.write("first", "text\r\n", None)
    assert (pages.read("first"), os.listdir(tmp_path / "docs" / "playbooks")) == ("text\r\n", ["first.md"])
    assert pages.path("first") == str(tmp_path / "docs" / "playbooks" / "first.md")


def test_it_is_named_as_seen_from_here(pages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert pages.path("first") == "docs/playbooks/first.md"


def test_its_mode_stays_and_a_link_stays_a_link(pages, tmp_path):
    pages.write("first", "one", None)
    real, link = tmp_path / "elsewhere.md", tmp_path / "docs" / "playbooks" / "first.md"
    link.rename(real)
    real.chmod(0o640)
    link.symlink_to(real)
    pages.write("first", "two", "one")
    assert (link.is_symlink(), real.read_text(), real.stat().st_mode & 0o777) == (True, "two", 0o640)


def test_what_somebody_wrote_meanwhile_is_not_overwritten(pages):
    pages.write("first", "mine", None)
    with pytest.raises(Held):
        pages.write("first", "rendered", "before")
    with pytest.raises(Held):
        pages.write("first", "rendered", None)
    assert pages.read("first") == "mine"


def test_a_page_that_cannot_be_written_is_said_and_leaves_nothing(pages, tmp_path):
    (tmp_path / "docs").write_text("a file")
    with pytest.raises(UsageError):
        pages.write("first", "text", None)
    assert sorted(os.listdir(tmp_path)) == ["docs", "platform"]
