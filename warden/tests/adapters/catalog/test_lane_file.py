"""The one change that is made to a lane's file: nothing else in it changes, whoever wrote it with whatever editor."""

import os
import stat

import pytest

from warden.adapters.catalog.files import load_platform, parse_entry
from warden.adapters.catalog.lane_file import declare_delivered

LANE = """\
lane: one # é, ü, 🔑
title: One
status: draft
reviewed: 2026-11-01
needs: [one key]
owners:
  custody: {repo: a, doc: README.md}
  consumer: {repo: b, doc: README.md}
  runtime: {repo: b, doc: README.md}
custody:
  path: platform/workloads/team/app/one
  fields: [ONE_KEY]
readers:
  - workload: team/app
deliveries:
  here:
    bootstrap_secret: team/app-secrets  # made by hand
rotation: {every: 90d, source: somebody}
"""
LAST = "    bootstrap_secret: team/app-secrets"


def changed(folder, text, path=None):
    """What the file's bytes are afterwards."""
    file = folder / "one.yaml"
    file.write_bytes(text.encode())
    platform = load_platform(str(folder))
    lane = parse_entry(str(file), platform).entry
    assert lane is not None, parse_entry(str(file), platform).faults
    assert declare_delivered(str(path or file), lane, "here", platform)
    return file.read_bytes().decode()


def wanted(text):
    return text.replace("bootstrap_secret", "external_secret").replace("  # made by hand", "")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_ends_stay_as_they_are(tmp_path, ending):
    text = LANE.replace("\n", ending)
    assert changed(tmp_path, text) == wanted(text)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\n# last words"])
def test_the_end_of_the_file_stays_as_it_is(tmp_path, ending, end):
    head, _, tail = LANE.partition("deliveries:\n")
    rest = tail.partition("\n    ")[2].partition("\n")[2].rstrip("\n")
    text = f"{head}{rest}\ndeliveries:\n  here:\n{LAST}{end}".replace("\n", ending)
    assert changed(tmp_path, text) == wanted(text)


def test_of_a_file_of_both_kinds_each_line_keeps_its_own(tmp_path):
    lines = LANE.split("\n")
    text = "".join(line + ("\r\n" if index % 2 else "\n") for index, line in enumerate(lines[:-1]))
    assert changed(tmp_path, text) == wanted(text)


def test_a_link_to_the_file_stays_a_link_and_the_mode_stays(tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    linked = tmp_path / "one.yaml"
    linked.symlink_to(kept / "one.yaml")
    (kept / "one.yaml").touch(mode=0o640)
    assert changed(kept, LANE, path=linked) == wanted(LANE)
    assert linked.is_symlink()
    assert stat.S_IMODE(os.stat(kept / "one.yaml").st_mode) == 0o640
    assert sorted(os.listdir(kept)) == ["one.yaml"]
