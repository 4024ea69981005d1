import msgspec
import pytest

from warden.core.lanes.reader_rules import of_machine
from warden.core.lanes.readers import (
    AppRoleReader,
    CertificateReader,
    GithubReader,
    GitlabReader,
    accepted_claims,
    derived_role,
    is_one,
    matches,
)

GITHUB = GithubReader(github="acme/deploy", branch="main", environment="production")
GITLAB = GitlabReader(gitlab="acme/team/deploy", tag="v1.2.0")


def faults(reader):
    return [(key, warning) for key, _, warning in of_machine(reader)]


def test_what_a_job_of_github_has_to_say():
    assert GITHUB.claims == {
        "repository": ("acme/deploy",),
        "ref": ("refs/heads/main",),
        "environment": ("production",),
        "event_name": ("push", "schedule", "workflow_dispatch"),
    }
    with_id = msgspec.structs.replace(GITHUB, repository_id="123456")
    assert with_id.claims["repository_id"] == ("123456",)


def test_what_a_job_of_gitlab_has_to_say():
    assert GITLAB.claims == {
        "project_path": ("acme/team/deploy",),
        "ref": ("v1.2.0",),
        "ref_type": ("tag",),
        "ref_protected": ("true",),
        "pipeline_source": ("push", "schedule", "web"),
    }
    assert "ref_protected" not in msgspec.structs.replace(GITLAB, protected=False).claims


@pytest.mark.parametrize(
    ("changed", "mine"),
    [
        ({}, True),
        ({"event_name": "schedule"}, True),
        ({"repository": "acme/deploy2"}, False),
        ({"repository": "stranger/deploy"}, False),
        ({"repository": "Acme/deploy"}, False),
        ({"ref": "refs/heads/main2"}, False),
        ({"ref": "refs/heads/*"}, False),
        ({"ref": "refs/pull/7/merge"}, False),
        ({"event_name": "pull_request_target"}, False),
        ({"environment": ""}, False),
    ],
)
def test_whose_a_token_is(changed, mine):
    assert is_one(GITHUB, accepted_claims(GITHUB) | changed) is mine


def test_a_claim_that_is_missing_is_not_the_readers():
    claims = accepted_claims(GITHUB)
    del claims["environment"]
    assert not is_one(GITHUB, claims)


@pytest.mark.parametrize(
    ("pattern", "text", "match", "fits"),
    [
        ("a*", "a*", "exact", True),
        ("a*", "ab", "exact", False),
        ("release-*", "release-1/2", "glob", True),
        ("release-*", "prerelease-1", "glob", False),
        ("a.c", "abc", "glob", False),
        ("*.example.com", "x\n.example.com", "glob", True),
    ],
)
def test_only_a_glob_is_a_pattern(pattern, text, match, fits):
    assert matches(pattern, text, match) is fits


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (GITHUB, "github-acme-deploy-branch-main-environment-production"),
        (GITLAB, "gitlab-acme-team-deploy-tag-v1.2.0"),
        (GithubReader(github="A/B", branch="release/*", match="glob"), "github-a-b-branch-release-any"),
        (AppRoleReader(approle="nightly"), "approle-nightly"),
        (CertificateReader(certificate="spiffe://acme/backup", ca="ca.pem"), "certificate-spiffe-acme-backup"),
    ],
)
def test_the_roles_name(reader, name):
    assert derived_role(reader) == name


@pytest.mark.parametrize(
    "reader",
    [
        GITHUB,
        GITLAB,
        GithubReader(github="a-b/c.d_e", environment="production"),
        AppRoleReader(approle="nightly", cidrs=("10.0.0.0/8", "2001:db8::/32")),
        CertificateReader(certificate="backup.example.com", ca="certificates/clients.pem"),
    ],
)
def test_what_is_sound(reader):
    assert faults(reader) == []


@pytest.mark.parametrize(
    ("reader", "found"),
    [
        (GithubReader(github="deploy", branch="main"), [("github", False)]),
        (GithubReader(github="a/b/c", branch="main"), [("github", False)]),
        (GithubReader(github="acme*/deploy", branch="main", match="glob"), [("github", False), ("github", True)]),
        (GithubReader(github="*/deploy", branch="main", match="glob"), [("github", False), ("github", True)]),
        (GithubReader(github="acme/*", branch="main"), [("github", False)]),
        (GithubReader(github="acme/*", branch="main", match="glob"), [("github", True)]),
        (GithubReader(github="a/b"), [("", False)]),
        (GithubReader(github="a/b", branch="main", tag="v1"), [("tag", False)]),
        (GithubReader(github="a/b", branch="refs/heads/main"), [("branch", False)]),
        (GithubReader(github="a/b", branch="release-*"), [("branch", False)]),
        (GithubReader(github="a/b", branch="release-*", match="glob"), [("branch", True)]),
        (GithubReader(github="a/b", environment="prod*"), [("environment", False)]),
        (GithubReader(github="a/b", branch="m", events=()), [("events", False)]),
        (GithubReader(github="a/b", branch="m", events=("push", "*"), match="glob"), [("events[1]", False)]),
        (GithubReader(github="a/b", branch="m", events=("pull_request_target",)), [("events[0]", True)]),
        (GithubReader(github="a/b", branch="m", repository_id="a/b"), [("repository_id", False)]),
        (GitlabReader(gitlab="deploy", branch="main"), [("gitlab", False)]),
        (GitlabReader(gitlab="*/deploy", branch="main", match="glob"), [("gitlab", False), ("gitlab", True)]),
        (GitlabReader(gitlab="a/b", branch="m", sources=("merge_request_event",)), [("sources[0]", True)]),
        (AppRoleReader(approle="x", cidrs=("10.0.0.1/8",)), [("cidrs[0]", False)]),
        (AppRoleReader(approle="x", secret_id_ttl=91 * 86400), [("secret_id_ttl", True)]),
        (CertificateReader(certificate="*.example.com", ca="ca.pem"), [("certificate", False)]),
        (CertificateReader(certificate="*.example.com", ca="ca.pem", match="glob"), [("certificate", True)]),
        (CertificateReader(certificate="a b", ca="ca.pem"), [("certificate", False)]),
        (CertificateReader(certificate="a", ca="/etc/ssl/ca.pem"), [("ca", False)]),
        (CertificateReader(certificate="a", ca="a/../../ca.pem"), [("ca", False)]),
    ],
)
def test_what_is_not(reader, found):
    assert faults(reader) == found
