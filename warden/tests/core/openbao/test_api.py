"""What OpenBao's answers say: who somebody is, whether a login was refused, and the server's own words."""

import pytest

from warden.core.openbao.api import Answer, Identity, refused_at_login, said_by


@pytest.mark.parametrize(
    ("path", "mount"),
    [
        ("auth/kubernetes/login", "kubernetes"),
        ("auth/corp/oidc/callback", "corp"),
        ("auth/eu/k8s/login", "eu/k8s"),
        ("auth/userpass/login/alice", "userpass"),
        ("auth/token/create", ""),
        ("", ""),
    ],
)
def test_the_mount_is_where_somebody_logged_in(path, mount):
    who = Identity(display_name="", path=path, role="", entity="", policies=(), ttl=0)
    assert who.mount == mount


def answer(body, **headers):
    return Answer(status=400, body=body, headers=headers)


def test_a_login_was_refused_only_where_the_server_says_so():
    assert refused_at_login(answer({}, **{"x-vault-inline-auth-failed": "True"}))
    assert not refused_at_login(answer({}, **{"x-vault-inline-auth-failed": "false"}))
    assert not refused_at_login(answer({}))


def test_the_servers_words_are_one_line():
    assert said_by(answer({"errors": ["1 error occurred:\n\t* permission denied\n\n", "more\nof it"]})) == (
        "permission denied; more of it"
    )
    assert said_by(answer({"errors": ["login: 2 errors occurred:\n\t* no role\n\t* no claim\n\n"]})) == (
        "login: no role; no claim"
    )
    assert said_by(answer({"errors": None})) == said_by(answer({})) == said_by(answer({"errors": 7})) == ""
