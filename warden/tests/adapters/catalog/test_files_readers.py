"""Readers that are not pods, as files spell them."""

import pytest
from warden.tests.adapters.catalog.catalog_files import Directory

from warden.adapters.catalog.entry_cache import entry
from warden.adapters.catalog.files import load_catalog
from warden.core.lanes.readers import AppRoleReader, CertificateReader, GithubReader, GitlabReader

SOUND = """\
  - github: acme/deploy
    branch: main
    environment: production
    events: [push]
  - gitlab: acme/team/deploy
    tag: v*
    match: glob
    protected: false
  - approle: nightly-backup
    cidrs: [10.0.0.0/8]
    secret_id_ttl: 30d
    secret_id_uses: 3
  - certificate: backup.example.com
    ca: certificates/clients.pem
"""
READERS = (
    GithubReader(github="acme/deploy", branch="main", environment="production", events=("push",)),
    GitlabReader(gitlab="acme/team/deploy", tag="v*", match="glob", protected=False),
    AppRoleReader(approle="nightly-backup", cidrs=("10.0.0.0/8",), secret_id_ttl=30 * 86400, secret_id_uses=3),
    CertificateReader(certificate="backup.example.com", ca="certificates/clients.pem"),
)


@pytest.fixture
def directory(tmp_path):
    return Directory(tmp_path)


def complaints(directory):
    return [(fault.field, fault.message, fault.warning) for fault in load_catalog(str(directory)).faults]


def test_each_kind_is_read_also_from_the_cache(directory, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    directory.lane(old="  - workload: team/one\n", new=SOUND)
    assert [each for each in complaints(directory) if not each[2]] == []
    assert load_catalog(str(directory)).lanes["one"].readers == READERS
    (said,) = complaints(directory)
    assert said == ("readers[1].tag", "is a pattern: whatever fits v* can read", True)
    monkeypatch.setattr("warden.adapters.catalog.entry_cache.SETTLED", -(10**12))
    assert entry(str(directory), "one").readers == READERS
    assert (tmp_path / "cache" / "warden").is_dir()
    assert entry(str(directory), "one").readers == READERS


@pytest.mark.parametrize(
    ("reader", "field", "words"),
    [
        ("github: acme/deploy", "readers[0]", "needs branch, tag or environment"),
        ("github: acme/*\n    branch: main", "readers[0].github", "has a *, and names are matched exactly"),
        ("gitlab: a/b\n    branch: main\n    protected: maybe", "readers[0].protected", "is not one of true, false"),
        ("approle: x\n    secret_id_uses: -1", "readers[0].secret_id_uses", "is not a whole number"),
        ("approle: a/b", "readers[0].role", "is not a valid name"),
        ("certificate: x", "readers[0].ca", "is missing"),
        ("certificate: x\n    ca: ../x.pem", "readers[0].ca", "is not in the platform directory"),
        ("github: a/b\n    branch: warden-probe", "readers[0]", "is reserved for probes"),
        (
            "github: a/b\n    branch: m\n    workload: a/b",
            "readers[0]",
            "exactly one of the keys workload",
        ),
        ("github: <owner>/<name>\n    branch: main", "readers[0].github", "has the placeholder <owner>"),
    ],
)
def test_what_is_wrong_names_its_field(directory, reader, field, words):
    directory.lane(old="workload: team/one", new=reader)
    found = [message for place, message, warning in complaints(directory) if place == field and not warning]
    assert any(words in message for message in found), complaints(directory)


def test_two_lanes_of_one_reader_share_its_role_and_others_are_told_apart(directory):
    same = "github: acme/deploy\n    branch: main"
    directory.lane("one", old="workload: team/one", new=same)
    directory.lane("two", old="workload: team/two", new=same)
    directory.lane("three", old="workload: team/three", new=f"{same}\n    events: [push]")
    lanes = load_catalog(str(directory)).lanes
    assert complaints(directory) == []
    roles = {name: lane.role_of(lane.readers[0]) for name, lane in lanes.items()}
    assert roles["one"] == roles["two"]
    assert roles["three"].startswith("github-acme-deploy-branch-main.")
