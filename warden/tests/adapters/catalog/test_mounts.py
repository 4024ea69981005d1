"""Which part of a path is its mount: decided by what is declared, without asking a server."""

import pytest

from warden.adapters.catalog.files import load_catalog
from warden.core.errors import Invalid

LANE = """\
lane: one
title: One
status: draft
reviewed: 2026-11-01
needs: [one key]
owners:
  custody: {{repo: a, doc: README.md}}
  consumer: {{repo: b, doc: README.md}}
custody:
  path: {path}
  fields: [ONE_KEY]
{mount}
readers:
  - workload: team/app
rotation: {{every: 90d, source: somebody}}
"""


def catalog(folder, path, *, kv_mount="platform", mount=""):
    (folder / "catalog").mkdir(exist_ok=True)
    (folder / "platform.yaml").write_text(f"kv_mount: {kv_mount}\n")
    declared = f"  mount: {mount}" if mount else ""
    (folder / "catalog" / "one.yaml").write_text(LANE.format(path=path, mount=declared))
    return load_catalog(str(folder))


@pytest.mark.parametrize(
    ("path", "how", "mount", "key"),
    [
        ("platform/a/b", {}, "platform", "a/b"),
        ("team/kv/a/b", {"kv_mount": "team/kv"}, "team/kv", "a/b"),
        ("a/b/c/d/e", {"kv_mount": "a/b/c"}, "a/b/c", "d/e"),
        ("team/kv/a/b", {"mount": "team/kv"}, "team/kv", "a/b"),
        ("other/a/b", {"mount": "other"}, "other", "a/b"),
        ("team/kv/team/kv/b", {"kv_mount": "team/kv"}, "team/kv", "team/kv/b"),
        ("team/kv/<tenant>/b", {"kv_mount": "team/kv"}, "team/kv", "<tenant>/b"),
    ],
)
def test_the_mount_is_the_declared_one(tmp_path, path, how, mount, key):
    found = catalog(tmp_path, path, **how)
    assert [fault for fault in found.faults if not fault.warning] == []
    custody = found.lanes["one"].custody
    assert (custody.mount, custody.key) == (mount, key)


@pytest.mark.parametrize(
    ("path", "how", "words"),
    [
        ("team/a/b", {}, "is not on the mount platform/"),
        ("team/kv2/a/b", {"kv_mount": "team/kv"}, "is not on the mount team/kv/"),
        ("team/kv/a/b", {"mount": "team/kv2"}, "is not on the mount team/kv2/ (custody.mount)"),
        ("team/kv/a/b", {"mount": "/team/kv"}, "is not a mount"),
        ("team/kv/b", {"kv_mount": "team/kv"}, "write mount/folder/secret"),
        ("team/kv/data/a/b", {"kv_mount": "team/kv"}, "is a path of the API"),
        ("team/kv/data/a/b", {"kv_mount": "team/kv"}, "write team/kv/a/b"),
        ("platform/data/a/b", {}, "write platform/a/b"),
    ],
)
def test_a_path_that_is_not_there_is_a_fault(tmp_path, path, how, words):
    faults = catalog(tmp_path, path, **how).faults
    assert any(words in fault.message for fault in faults), faults


@pytest.mark.parametrize("mount", ["team/", "/team", "team//kv", "../kv"])
def test_a_platform_with_a_mount_that_is_none_is_a_fault(tmp_path, mount):
    with pytest.raises(Invalid) as caught:
        catalog(tmp_path, "team/a/b", kv_mount=mount)
    assert "is not a mount" in caught.value.faults[0].message
