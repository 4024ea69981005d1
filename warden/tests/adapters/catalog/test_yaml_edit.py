"""A file that is edited keeps everything that was not changed: comments, order, quotes, indentation, line ends."""

from pathlib import Path

import pytest

from warden.adapters.catalog.yaml_edit import edited
from warden.adapters.catalog.yaml_tree import Refusal

CATALOG = sorted((Path(__file__).parents[4] / "platform" / "catalog").glob("*.yaml"))

TEXT = """\
# Who owns it, and why.
lane: openrouter # the id
status: 'draft'
reviewed: 2026-07-02

needs:
- one
- "two: three"   # quoted
owners: {custody: {repo: a, doc: b}}
# the end
"""


@pytest.mark.parametrize("path", CATALOG, ids=lambda path: path.stem)
def test_a_file_of_the_catalog_is_unchanged_where_nothing_is_changed(path):
    assert edited(path.read_text(), lambda _: None) == path.read_text()


def test_only_what_is_changed_is_changed():
    def promote(tree):
        tree["status"] = "active"
        tree["needs"].append("four")

    wanted = TEXT.replace("'draft'", "'active'").replace("# quoted\n", "# quoted\n- four\n")
    assert edited(TEXT, promote) == wanted


def test_line_ends_of_windows_stay():
    text = TEXT.replace("\n", "\r\n")
    assert edited(text, lambda tree: tree.update(status="active")) == text.replace("draft", "active")


def test_a_long_line_is_not_folded():
    long = "title: " + "word " * 80 + "end\nstatus: draft\n"
    assert edited(long, lambda tree: tree.update(status="active")) == long.replace("draft", "active")


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "a: [", "a: b: c\n", "one\n"])
def test_what_is_not_a_mapping_is_refused(text):
    with pytest.raises(Refusal):
        edited(text, lambda _: None)
