import pytest

from warden.core.access.authorization import readers_of
from warden.core.access.identities import (
    AppRoleCredential,
    Projected,
    ShownCertificate,
    log_in,
    login_for,
)
from warden.core.errors import NotAReader, Refused
from warden.core.lanes.readers import (
    AppRoleReader,
    CertificateReader,
    GithubReader,
    GitlabReader,
    accepted_claims,
)
from warden.core.secret import Secret
from warden.present.commands import commands

GITHUB = GithubReader(github="acme/deploy", branch="main")
GITLAB = GitlabReader(gitlab="acme/deploy", branch="main", mount="our-gitlab")
APPROLE = AppRoleReader(approle="nightly")
CERTIFICATE = CertificateReader(certificate="backup.example.com", ca="ca.pem")
SECRET_ID = AppRoleCredential(role_id="id", secret_id=Secret("s"), path="/run/secret-id")


def token(reader, *audiences, **changed):
    claims = accepted_claims(reader) | changed
    return Projected(path="t", jwt=Secret("a.b.c"), subject="x", audiences=audiences or ("openbao",), claims=claims)


@pytest.fixture
def lane(lane_of):
    return lane_of("one", readers=(GITHUB, GITLAB, APPROLE, CERTIFICATE))


def test_each_credential_logs_in_as_its_reader(lane):
    assert login_for(readers_of(lane), token(GITHUB)).revealed == {
        "role": "github-acme-deploy-branch-main",
        "jwt": "a.b.c",
    }
    assert login_for(readers_of(lane), token(GITLAB)).mount == "our-gitlab"
    assert login_for(readers_of(lane), SECRET_ID).revealed == {"role_id": "id", "secret_id": "s"}
    assert login_for(readers_of(lane), ShownCertificate("c.pem")).revealed == {"name": "certificate-backup.example.com"}


def test_nothing_of_a_login_is_printed(lane):
    assert "a.b.c" not in repr(login_for(readers_of(lane), token(GITHUB)))
    assert "'s'" not in repr(login_for(readers_of(lane), SECRET_ID))


@pytest.mark.parametrize(
    "changed", [{"ref": "refs/heads/x"}, {"repository": "acme/other"}, {"event_name": "pull_request"}]
)
def test_another_job_is_no_reader_and_its_token_is_not_sent(lane, changed):
    with pytest.raises(NotAReader):
        login_for(readers_of(lane), token(GITHUB, **changed))


def test_a_token_for_another_audience_is_not_sent(lane):
    with pytest.raises(Refused):
        login_for(readers_of(lane), token(GITHUB, "https://github.com/acme"))


@pytest.mark.parametrize("credential", [SECRET_ID, ShownCertificate("c.pem")])
def test_a_lane_without_such_a_reader_says_who_can(lane_of, credential):
    with pytest.raises(NotAReader) as fault:
        login_for(readers_of(lane_of("one", readers=(GITHUB,))), credential)
    assert "run it as github acme/deploy, branch main" in commands(fault.value.remedy)


def test_how_to_log_in_is_said_for_each(lane):
    said = commands(log_in(readers_of(lane)))
    assert "warden access one --token-file FILE -- COMMAND" in said
    assert "with its SecretID in a file: warden access one --role-id ID --secret-id-file FILE -- COMMAND" in said
    assert "with its certificate and key in BAO_CLIENT_CERT and BAO_CLIENT_KEY: warden access one -- COMMAND" in said
