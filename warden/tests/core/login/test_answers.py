"""What a failed login means, by what ``bao login`` 2.7.2 was seen to say."""

import pytest

from warden.core.errors import Inconclusive, NotNow, Refused, Sealed, ServerFault, Unreachable, UsageError
from warden.core.login.answers import TokenInTheWay, expect_not_overridden, failed, meaning_of, said_in
from warden.core.login.choice import PersonLogin
from warden.core.remedies import AskOwner, RunBao, RunProgram, SetVariable, warden

ADDRESS = "http://127.0.0.1:8200/v1/auth/corp/oidc"
ASK = PersonLogin(mount="corp", role="r", subject="first", owner="platform-team")
APPLY = AskOwner("platform-team", run=warden("apply", "first"))


def api(status: int, said: str, path: str = "auth_url") -> str:
    lines = ("Error authenticating: Error making API request.", "", f"URL: PUT {ADDRESS}/{path}")
    return "\n".join((*lines, f"Code: {status}. Errors:", "", f"* {said}", ""))


WRONG_GROUP = """\
Error authenticating: Error making API request.

URL: GET http://127.0.0.1:8200/v1/auth/corp/oidc/callback?client_nonce=9VOpwjN9iQuuI8Ke9Vf4&code=6YkVMclUWc-PMN&state=st_B
Code: 400. Errors:

* OpenBao login failed. error validating claims: claim "groups" does not match any associated bound claim values
"""
REDIRECT = (
    'Error authenticating: Unable to authorize role "r" with redirect_uri "http://example.org:1/oidc/callback". '
    "Check OpenBao logs for more information.\n"
)
CASES = [
    (WRONG_GROUP, "denied", Refused),
    (api(403, "permission denied"), "denied", Refused),
    (api(400, "authorization failed: access_denied", "poll"), "denied", Refused),
    (api(400, "something new"), "denied", Refused),
    (api(400, 'role "r" could not be found'), "no-role", Refused),
    (api(400, "missing role"), "no-default-role", UsageError),
    (api(400, "OIDC login is not configured for this mount"), "not-oidc", UsageError),
    ("Error authenticating: no state returned in device callback mode\n", "other-callback", UsageError),
    (
        "Error authenticating: state returned in client callback mode, try direct\n",
        "other-callback",
        UsageError,
    ),
    (REDIRECT, "redirect", Refused),
    ("Error authenticating: listen tcp 127.0.0.1:8250: bind: address already in use\n", "port-taken", UsageError),
    ("Error authenticating: timed out waiting for response from provider\n", "nobody-came", NotNow),
    (api(400, "authorization failed: expired_token", "poll"), "nobody-came", NotNow),
    (api(400, "OpenBao login failed. Expired or missing OAuth state.", "poll"), "other-login", NotNow),
    (
        "Error storing token: open /x/y.tmp: no such file or directory\nAuthentication was successful, but\n",
        "not-stored",
        Inconclusive,
    ),
    (api(400, 'OpenBao login failed. Error exchanging oidc code: "x".', "callback"), "provider", Inconclusive),
    (api(500, "error authorizing device: x"), "provider", Inconclusive),
    (api(503, "Vault is sealed"), "sealed", Sealed),
    (api(500, "internal error"), "server-fault", ServerFault),
    (
        f'Error authenticating: Put "{ADDRESS}/auth_url": dial tcp: connect: connection refused\n',
        "no-answer",
        Unreachable,
    ),
    ("", "no-answer", Unreachable),
]


@pytest.mark.parametrize(("words", "meaning", "kind"), CASES)
def test_each_answer_has_its_meaning_and_its_exit_code(words, meaning, kind):
    assert meaning_of(words) == meaning
    fault = failed(ASK, words, "wl-1")
    assert type(fault) is kind
    assert (fault.problem.meaning, fault.problem.audit, fault.subject) == (meaning, "wl-1", "auth/corp")


def test_the_reason_is_quoted_without_the_one_time_code():
    said = said_in(WRONG_GROUP)
    assert said == 'error validating claims: claim "groups" does not match any associated bound claim values'
    for secret in ("9VOpwjN9iQuuI8Ke9Vf4", "6YkVMclUWc-PMN"):
        assert secret not in said
    leaky = 'Error authenticating: Get "http://x/v1/auth/corp/oidc/callback?code=6YkVMclUWc-PMN": dial tcp: refused\n'
    assert said_in(leaky) == 'Get "… dial tcp: refused'
    assert len(said_in(f"* {'http://' * 1_000_000}")) == 201, "a reason of any length is read in no time"


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (api(400, 'role "r" could not be found'), (APPLY,)),
        (REDIRECT, (APPLY,)),
        ("bind: address already in use", (warden("login", "corp", role="r", port="8251"),)),
        ("timed out waiting for response from provider", (warden("login", "corp", role="r"),)),
        ("is not configured for this mount", (RunBao(action="read-login-config", mount="corp"),)),
        (WRONG_GROUP, (warden("route show", "first"),)),
        ("Error storing token: open x: permission denied", (SetVariable("BAO_TOKEN_PATH", "FILE"),)),
    ],
)
def test_what_to_do_next(words, remedy):
    assert failed(ASK, words, "").remedy == remedy


@pytest.mark.parametrize(
    ("ask", "remedy"),
    [
        (PersonLogin(mount="corp", subject="adm-ada"), warden("inventory list")),
        (PersonLogin(mount="corp"), warden("route find", "log in")),
    ],
)
def test_a_denial_leads_to_whoever_owns_what_it_was_for(ask, remedy):
    assert failed(ask, WRONG_GROUP, "").remedy == (remedy,)


def test_another_identity_that_would_be_used_is_named():
    expect_not_overridden(())
    with pytest.raises(UsageError) as refusal:
        expect_not_overridden(("BAO_TOKEN", "WARDEN_ID_TOKEN"))
    assert refusal.value.problem == TokenInTheWay(("BAO_TOKEN", "WARDEN_ID_TOKEN"))
    assert refusal.value.remedy == (RunProgram(("unset",), ("BAO_TOKEN", "WARDEN_ID_TOKEN")),)
