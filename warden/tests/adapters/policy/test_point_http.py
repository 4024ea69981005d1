"""Whatever a policy point answers but a decision: it is inconclusive, in time, and says why."""

import re
import time

import pytest
import trustme
from bad_answers import UNUSABLE, json_answer
from byte_server import serving
from policy_questions import access
from policy_server import policy_server

from warden.adapters.policy.authzen import AuthzenPolicy
from warden.adapters.policy.flex_auth import FlexAuthPolicy
from warden.adapters.policy.point_http import PointHttp
from warden.core.errors import Exit, Inconclusive
from warden.core.lanes.policy_points import AuthzenPoint, FlexAuthPoint
from warden.present.errors import message


def authzen(url: str, environ=(), **given) -> AuthzenPolicy:
    point = AuthzenPoint(authzen=url, name="company", evaluation=f"{url}/access/v1/evaluation")
    return AuthzenPolicy(point, PointHttp("company", url, given.pop("timeout", 1), environ=dict(environ), **given))


def flex_auth(url: str, environ=(), **given) -> FlexAuthPolicy:
    point = FlexAuthPoint(flex_auth=url, name="company", tenant="coulomb")
    return FlexAuthPolicy(point, PointHttp("company", url, given.pop("timeout", 1), environ=dict(environ), **given))


@pytest.fixture(params=[authzen, flex_auth], ids=["authzen", "flex-auth"])
def made(request):
    return request.param


@pytest.mark.parametrize(("answer", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_not_a_decision_is_inconclusive(made, answer, words):
    with serving(answer) as (url, _):
        began = time.monotonic()
        with pytest.raises(Inconclusive, match=re.escape(words)) as caught:
            made(url).decide(access())
        assert time.monotonic() - began < 15
    assert caught.value.exit == Exit.INCONCLUSIVE
    assert caught.value.system == "policy point company"
    assert url in message(caught.value)


NO_DECISION = ["{}", '{"decision": null}', '{"decision": "true"}', '{"decision": 1}', '{"Decision": true}']
NO_EFFECT = ["{}", '{"effect": "ALLOW", "id": "1"}', '{"effect": true, "id": "1"}', '{"effect": ["allow"], "id": "1"}']


@pytest.mark.parametrize("body", NO_DECISION)
def test_an_authzen_decision_is_true_or_false(body):
    with serving(json_answer(body.encode())) as (url, _), pytest.raises(Inconclusive, match="true or false"):
        authzen(url).decide(access())


@pytest.mark.parametrize("body", NO_EFFECT)
def test_an_effect_of_flex_auth_is_allow_or_deny(body):
    with serving(json_answer(body.encode())) as (url, _), pytest.raises(Inconclusive, match="neither allow nor deny"):
        flex_auth(url).decide(access())


@pytest.mark.parametrize(
    "body", ['{"effect": "allow"}', '{"effect": "allow", "id": ""}', '{"effect": "allow", "id": 7}']
)
def test_flex_auth_allows_only_under_an_id(body):
    with serving(json_answer(body.encode())) as (url, _), pytest.raises(Inconclusive, match="without the id"):
        flex_auth(url).decide(access())


def test_nobody_listens(made):
    with serving() as (url, _):
        pass
    with pytest.raises(Inconclusive, match=r"cannot be reached \(connection refused\)"):
        made(url).decide(access())


def test_a_redirect_takes_the_token_nowhere(made):
    token = {"WARDEN_POLICY_TOKEN_COMPANY": "t0ken"}
    with serving(json_answer(b"{}")) as (elsewhere, received):
        location = json_answer(b"", 307, b"Location: " + elsewhere.encode())
        with serving(location) as (url, _), pytest.raises(Inconclusive, match="redirect"):
            made(url, token).decide(access())
        assert not received


def test_the_token_is_of_the_variable_or_of_the_file_that_it_names(made, tmp_path):
    file = tmp_path / "token"
    file.write_text("from-the-file\n")
    answer = json_answer(b'{"decision": false, "effect": "deny"}')
    with serving(answer, answer, answer) as (url, received):
        made(url).decide(access())
        made(url, {"WARDEN_POLICY_TOKEN_COMPANY": "from-the-variable"}).decide(access())
        variables = {"WARDEN_POLICY_TOKEN_COMPANY": "x", "WARDEN_POLICY_TOKEN_COMPANY_FILE": str(file)}
        made(url, variables).decide(access())
    found = [re.search(rb"(?i)authorization: (.*)\r", each) for each in received]
    assert [each and each[1] for each in found] == [None, b"Bearer from-the-variable", b"Bearer from-the-file"]


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"line\r\nX-Other: 1", "ümlaut".encode(), None])
def test_a_file_without_a_token_is_not_asked_without_one(made, tmp_path, content):
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with serving(json_answer(b"{}")) as (url, received):
        policy = made(url, {"WARDEN_POLICY_TOKEN_COMPANY_FILE": str(tmp_path / "token")})
        with pytest.raises(Inconclusive, match=r"needs (a|the) token") as caught:
            policy.decide(access())
        assert not received
    assert "two words" not in message(caught.value)


def test_one_connection_is_kept_for_several_questions(made):
    answer = json_answer(b'{"decision": false, "effect": "deny"}')
    with serving(answer, answer) as (url, received):
        policy = made(url)
        assert [policy.decide(access()).effect for _ in range(2)] == ["deny", "deny"]
    assert len(received) == 2
    assert b"accept-encoding: identity\r\n" in received[0].lower()


def test_a_certificate_has_to_verify(made):
    import ssl

    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    wrong = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pdp.example").configure_cert(wrong)
    answer = json_answer(b'{"decision": true, "effect": "allow", "id": "1"}')
    trusted = authority.cert_pem.bytes().decode
    with serving(answer, context=context) as (url, _):
        assert made(url, authorities=trusted).decide(access()).effect == "allow"
    for tls, authorities in ((context, other.cert_pem.bytes().decode), (context, str), (wrong, trusted)):
        with serving(answer, context=tls) as (url, received):
            with pytest.raises(Inconclusive, match="certificate that does not verify"):
                made(url, authorities=authorities).decide(access())
            assert not received


def test_http_where_tls_is_wanted(made):
    plain = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with serving(plain) as (url, _), pytest.raises(Inconclusive, match=r"does not speak TLS|closed the connection"):
        made(url.replace("http://", "https://")).decide(access())


def test_a_host_name_that_does_not_resolve(made):
    with pytest.raises(Inconclusive, match=r"does not resolve|no answer within"):
        made("https://pdp.invalid").decide(access())


def test_a_proxy_is_asked_for_others_and_not_for_this_machine(made):
    with serving(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n") as (proxy, received):
        with pytest.raises(Inconclusive):
            made("https://pdp.example", {"HTTPS_PROXY": proxy}).decide(access())
        assert received[0].startswith(b"CONNECT pdp.example:443")
    with policy_server("authzen") as server:
        assert authzen(server.url, {"HTTPS_PROXY": proxy}).decide(access()).effect == "deny"


def test_nothing_else_of_the_environment_counts(made, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password from-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with serving(json_answer(b'{"decision": false, "effect": "deny"}')) as (url, received):
        assert made(url).decide(access()).effect == "deny"
    assert b"authorization" not in received[0].lower()
