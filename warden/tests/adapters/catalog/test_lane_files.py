"""A status is written into a lane's file, and everything else in it stays byte by byte."""

import datetime as dt
import os
import resource
import stat

import pytest

from warden.adapters.catalog.lane_files import CatalogLaneFiles
from warden.core.errors import Held, Invalid, UsageError

TODAY = dt.date(2026, 11, 30)
TEXT = """\
# Who owns it, and why.
lane:    first      # the id
title: "The key: of first"
status:    draft  # until it is proven
reviewed: '2026-07-02'


needs:
- one
-   two
owners: { custody: {repo: a,   doc: b}, consumer: {repo: c, doc: d} }
custody:
    path: platform/workloads/tenant/first/first-secrets
    fields: [ A,B ]
readers:
- workload: tenant/first
# the end
"""


@pytest.fixture
def platform(tmp_path):
    (tmp_path / "catalog").mkdir()
    (tmp_path / "platform.yaml").write_text("platform: p\n")
    (tmp_path / "catalog" / "first.yaml").write_text(TEXT)
    return tmp_path


def lane_file(platform):
    return platform / "catalog" / "first.yaml"


def promote(platform, status="active", reviewed=TODAY):
    files = CatalogLaneFiles(str(platform))
    edit = files.edit("first", status=status, reviewed=reviewed)
    files.write(edit)
    return edit


def test_two_values_are_replaced_where_they_stand(platform):
    edit = promote(platform)
    assert lane_file(platform).read_text() == TEXT.replace("draft", "active").replace("2026-07-02", "2026-11-30")
    assert [(each.field, each.before, each.after) for each in edit.changes] == [
        ("status", "draft", "active"),
        ("reviewed", "2026-07-02", "2026-11-30"),
    ]


def test_windows_line_ends_and_no_end_at_the_end_stay(platform):
    text = TEXT.rstrip("\n").replace("\n", "\r\n")
    lane_file(platform).write_bytes(text.encode())
    promote(platform)
    wanted = text.replace("draft", "active").replace("2026-07-02", "2026-11-30")
    assert lane_file(platform).read_bytes() == wanted.encode()


def test_where_the_file_says_it_already_nothing_changes(platform):
    promote(platform)
    before = lane_file(platform).read_bytes()
    assert promote(platform).changes == ()
    assert lane_file(platform).read_bytes() == before


def test_a_demotion_leaves_the_date_of_the_review(platform):
    promote(platform)
    promote(platform, "draft", None)
    assert lane_file(platform).read_text() == TEXT.replace("2026-07-02", "2026-11-30")


def test_mode_and_link_stay_and_nothing_else_is_left_in_the_folder(platform):
    real = platform / "elsewhere.yaml"
    real.write_text(TEXT)
    real.chmod(0o640)
    lane_file(platform).unlink()
    lane_file(platform).symlink_to(real)
    promote(platform)
    assert lane_file(platform).is_symlink()
    assert "active" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(os.listdir(platform)) == ["catalog", "elsewhere.yaml", "platform.yaml"]
    assert os.listdir(platform / "catalog") == ["first.yaml"]


def test_a_file_that_was_changed_meanwhile_is_left_as_it_is(platform):
    files = CatalogLaneFiles(str(platform))
    edit = files.edit("first", status="active", reviewed=TODAY)
    changed = TEXT.replace("tenant/first\n", "tenant/somebody-else\n")
    lane_file(platform).write_text(changed)
    with pytest.raises(Held):
        files.write(edit)
    with pytest.raises(Held):
        files.edit("first", status="active", reviewed=TODAY)
    assert lane_file(platform).read_text() == changed


def test_a_file_that_changed_since_the_catalog_was_read_is_refused(platform):
    files = CatalogLaneFiles(str(platform))
    files.look("first")
    lane_file(platform).write_text(TEXT + "# another thought\n")
    with pytest.raises(Held):
        files.edit("first", status="active", reviewed=TODAY)


def test_a_file_that_would_have_errors_is_named_with_its_line(platform):
    lane_file(platform).write_text(TEXT.replace("first-secrets", "<secret>"))
    with pytest.raises(Invalid) as caught:
        CatalogLaneFiles(str(platform)).edit("first", status="active", reviewed=TODAY)
    (fault,) = caught.value.faults
    assert (os.path.basename(fault.file), fault.line, fault.field) == ("first.yaml", 13, "custody.path")


def test_a_file_that_cannot_be_written_stays(platform):
    files = CatalogLaneFiles(str(platform))
    edit = files.edit("first", status="active", reviewed=TODAY)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        with pytest.raises(UsageError, match="cannot be written"):
            files.write(edit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert lane_file(platform).read_text() == TEXT


ENVIRONMENTS = """\
environments:
  dev: {openbao: http://127.0.0.1:1}
  prod: {openbao: http://127.0.0.1:2}
"""


PLAIN = """\
lane: first
title: The key of first
status: draft # until it is proven
reviewed: 2026-07-02
owners: {custody: {repo: a, doc: b}, consumer: {repo: c, doc: d}}
custody:
  path: platform/workloads/tenant/first/first-secrets
  fields: [A, B]
readers:
  - workload: tenant/first
"""


@pytest.mark.parametrize(
    ("declared", "wanted", "also_in"),
    [
        ("", "", ("dev",)),
        ("environments: {prod: {}}\n", "", ()),
        ("environments: {dev: {}, prod: {}}\n", "environments: {dev: {}, prod: {status: active}}\n", ()),
        (
            "environments:\n  dev: {}   # first\n  prod: {} # last\n",
            "environments:\n  dev: {}   # first\n  prod: {status: active} # last\n",
            (),
        ),
        (
            "environments:\n  dev: {}\n  prod:\n    # theirs\n    path: platform/a/b/c   # there\n",
            "environments:\n  dev: {}\n  prod:\n    # theirs\n    path: platform/a/b/c   # there\n    status: active\n",
            (),
        ),
        (
            "environments:\n  dev: {}   # first\n  prod: {status: draft}   # last\n",
            "environments:\n  dev: {}   # first\n  prod: {status: active}   # last\n",
            (),
        ),
    ],
)
def test_in_an_environment_its_own_status_is_written(platform, monkeypatch, declared, wanted, also_in):
    (platform / "platform.yaml").write_text("platform: p\n" + ENVIRONMENTS)
    monkeypatch.setenv("WARDEN_ENV", "prod")
    lane_file(platform).write_text(PLAIN + declared)
    assert promote(platform).also_in == also_in
    reviewed = PLAIN.replace("2026-07-02", "2026-11-30")
    expected = reviewed + wanted if wanted else reviewed.replace("draft", "active") + declared
    assert lane_file(platform).read_text() == expected
