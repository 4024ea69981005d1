"""The environment of bao: what each variable does here, and which are refused by name."""

import base64
import os
import ssl

import pytest
import trustme
from byte_server import serving
from connect_proxy import proxying

from warden.adapters.openbao.caller import own_token
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import endpoint, namespace
from warden.adapters.openbao.http import Connection
from warden.core.errors import Unreachable, UsageError
from warden.core.openbao.api import Request

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}'


def at(address="https://bao.example:8200", **variables):
    return endpoint({"BAO_ADDR": address, **variables})


def ask(where):
    return Connection(where, "OpenBao there").send("GET", "/v1/x", None, {}).body


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def context(authority):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "bao.example").configure_cert(made)
    authority.configure_trust(made)
    made.verify_mode = ssl.CERT_OPTIONAL
    return made


@pytest.fixture
def pem(authority):
    return authority.cert_pem.bytes().decode()


@pytest.mark.parametrize("prefix", ["BAO", "VAULT"])
@pytest.mark.parametrize("name", ["AGENT_ADDR", "MFA", "RATE_LIMIT"])
def test_what_cannot_be_honoured_is_refused_by_name(prefix, name):
    with pytest.raises(UsageError) as caught:
        at(**{f"{prefix}_{name}": "1"})
    assert f"{prefix}_{name} cannot be honoured" in str(caught.value)
    assert f"unset {prefix}_{name}" in caught.value.hint


def test_all_of_them_are_named_at_once():
    with pytest.raises(UsageError) as caught:
        at(BAO_MFA="a:b", VAULT_SRV_LOOKUP="true", BAO_SKIP_VERIFY="perhaps")
    assert caught.value.hint.endswith("unset BAO_MFA BAO_SKIP_VERIFY VAULT_SRV_LOOKUP")
    assert "neither true nor false" in str(caught.value)
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"BAO_SRV_LOOKUP": "false", "BAO_SKIP_VERIFY": "0"},
        {"BAO_MFA": "", "VAULT_MFA": "x"},
        *({f"BAO_{name}": "1"} for name in ("FORMAT", "MAX_RETRIES", "DISABLE_REDIRECTS", "WRAP_TTL", "LOG_LEVEL")),
    ],
)
def test_what_changes_nothing_is_not_in_the_way(variables):
    assert str(at(**variables)) == "https://bao.example:8200"


def test_without_tls_there_is_nothing_to_verify():
    assert at("http://127.0.0.1:8200", BAO_SKIP_VERIFY="true").scheme == "http"


def test_a_variable_that_is_set_to_nothing_hides_the_other_name():
    assert namespace({"BAO_NAMESPACE": "", "VAULT_NAMESPACE": "team"}) == ""
    assert namespace({"VAULT_NAMESPACE": "team/"}) == "team"
    with pytest.raises(UsageError, match="BAO_ADDR is not set"):
        endpoint({"BAO_ADDR": "", "VAULT_ADDR": "https://old:1"})


@pytest.mark.parametrize(
    ("text", "seconds"), [("45", 45), ("45s", 45), ("1m30s", 90), ("1.5m", 90), ("500ms", 0.5), ("2h", 7200), ("0", 20)]
)
def test_the_timeout_is_written_as_in_go(text, seconds):
    assert at(BAO_CLIENT_TIMEOUT=text).timeout == seconds


def test_authorities_and_certificate_may_be_in_the_variables(authority, context, pem):
    made = authority.issue_cert("client.example")
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(ANSWER, context=context) as (address, _):
        chain, key = made.cert_chain_pems[0].bytes().decode(), made.private_key_pem.bytes().decode()
        where = at(address, BAO_CACERT_BYTES=pem, BAO_CLIENT_CERT_BYTES=chain, BAO_CLIENT_KEY_BYTES=key)
        assert ask(where) == {"a": 1}
        assert key not in repr(where)


def test_the_file_goes_before_the_bytes_and_they_before_the_folder(tmp_path, context, pem):
    other = trustme.CA().cert_pem.bytes().decode()
    (tmp_path / "right").write_text(pem)
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "a.pem").write_text(other)
    with serving(ANSWER, ANSWER, context=context) as (address, _):
        bytes_and_folder = {"BAO_CACERT_BYTES": pem, "BAO_CAPATH": str(tmp_path / "wrong")}
        assert ask(at(address, **bytes_and_folder)) == {"a": 1}
        assert ask(at(address, **bytes_and_folder, BAO_CACERT=str(tmp_path / "right"))) == {"a": 1}
    with serving(ANSWER, context=context) as (address, _), pytest.raises(Unreachable, match="does not verify"):
        ask(at(address, BAO_CACERT_BYTES=other, BAO_CAPATH=str(tmp_path)))


def test_a_folder_as_kubernetes_mounts_it_holds_its_authorities(tmp_path, context, pem):
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "ca.crt").write_text(pem)
    os.symlink("..2026", tmp_path / "..data")
    os.symlink("..data/ca.crt", tmp_path / "ca.crt")
    os.symlink(tmp_path, tmp_path / "round")
    with serving(ANSWER, context=context) as (address, _):
        assert ask(at(address, BAO_CAPATH=str(tmp_path))) == {"a": 1}


@pytest.mark.parametrize("named", ["BAO_CAPATH", "BAO_CACERT"])
def test_what_holds_no_authority_is_wrong_usage(tmp_path, context, named):
    (tmp_path / "README").write_text("none")
    path = tmp_path if named == "BAO_CAPATH" else tmp_path / "README"
    with serving(ANSWER, context=context) as (address, received):
        with pytest.raises(UsageError, match="cannot be used"):
            ask(at(address, **{named: str(path)}))
        assert not received


@pytest.mark.parametrize("name", ["CLIENT_CERT_BYTES", "CLIENT_KEY_BYTES", "CLIENT_CERT", "CLIENT_KEY"])
def test_half_a_client_certificate_is_wrong_usage(tmp_path, context, pem, name):
    (tmp_path / "half").write_text(pem)
    half = {f"BAO_{name}": pem if name.endswith("BYTES") else str(tmp_path / "half")}
    with serving(ANSWER, context=context) as (address, received):
        with pytest.raises(UsageError, match="cannot be used"):
            ask(at(address, BAO_CACERT_BYTES=pem, **half))
        assert not received


# -- proxies ----------------------------------------------------------------------------------------------------------


def through(context, pem, variables, address="https://bao.example:8200"):
    """What the proxy was asked for."""
    with serving(ANSWER, context=context) as (server, _), proxying(int(server.rpartition(":")[2])) as (proxy, heads):
        environ = {name: value.replace("PROXY", proxy) for name, value in variables.items()}
        assert ask(at(address, BAO_CACERT_BYTES=pem, **environ)) == {"a": 1}
        return heads


@pytest.mark.parametrize(
    "variables",
    [
        {"HTTPS_PROXY": "http://PROXY"},
        {"https_proxy": "PROXY"},
        {"BAO_HTTP_PROXY": "http://PROXY", "HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "*"},
        {"VAULT_PROXY_ADDR": "http://PROXY", "BAO_HTTP_PROXY": "http://127.0.0.1:9"},
    ],
)
def test_a_proxy_leads_to_openbao_and_sees_no_token(context, pem, variables):
    (head,) = through(context, pem, variables)
    assert head == "CONNECT bao.example:8200 HTTP/1.1\r\nHost: bao.example:8200\r\n\r\n"


def test_the_proxys_password_is_sent_to_it_and_never_shown(context, pem):
    (head,) = through(context, pem, {"HTTPS_PROXY": "http://me:p%40ss@PROXY"})
    assert f"Proxy-Authorization: Basic {base64.b64encode(b'me:p@ss').decode()}\r\n" in head
    where = at(HTTPS_PROXY="http://me:p%40ss@127.0.0.1:1")
    assert "p%40ss" not in repr(where)
    with pytest.raises(Unreachable) as caught:
        ask(where)
    assert "the proxy 127.0.0.1:1 (HTTPS_PROXY) cannot be reached (connection refused)" in str(caught.value)


@pytest.mark.parametrize(
    ("refuse", "word"),
    [(b"HTTP/1.1 403 No\r\n\r\n", r"refused to lead there \(403\)"), (b"hi\r\n\r\n", "not speak HTTP")],
)
def test_a_proxy_that_refuses_is_named_and_not_taken_for_openbao(refuse, word):
    with proxying(9, refuse=refuse) as (proxy, _), pytest.raises(Unreachable, match=word):
        ask(at(HTTPS_PROXY=proxy))


def test_this_machine_is_reached_directly(context, pem):
    variables = dict.fromkeys(("HTTPS_PROXY", "BAO_HTTP_PROXY", "BAO_PROXY_ADDR"), "http://127.0.0.1:9")
    with serving(ANSWER, context=context) as (address, _):
        assert ask(at(address, BAO_CACERT_BYTES=pem, **variables)) == {"a": 1}


@pytest.mark.parametrize("proxy", ["https://p:1", "socks5://p:1", "http://", "http://p:port", "ftp://me:pw@p"])
def test_what_is_no_http_proxy_is_refused_by_its_variable(proxy):
    with pytest.raises(UsageError, match="BAO_PROXY_ADDR is not the URL of an http proxy") as caught:
        at(BAO_PROXY_ADDR=proxy)
    assert "pw" not in str(caught.value)


# -- headers and namespaces -------------------------------------------------------------------------------------------


def test_headers_go_with_every_request_and_are_not_shown():
    where = at("http://127.0.0.1:1", BAO_HEADERS='{"X-IAP-Token": "gate"}')
    assert "gate" not in repr(where)
    with serving(ANSWER) as (address, received):
        assert ask(at(address, BAO_HEADERS='{"X-IAP-Token": "gate"}')) == {"a": 1}
    assert b"\r\nX-IAP-Token: gate\r\n" in received[0]


@pytest.mark.parametrize(
    "text", ["[", "[]", '{"A": 1}', '{"x-vault-token": "t"}', '{"Host": "h"}', '{"A b": "c"}', '{"A": "b\\r\\nC: d"}']
)
def test_headers_that_cannot_be_sent_are_refused(text):
    with pytest.raises(UsageError, match="BAO_HEADERS"):
        at(BAO_HEADERS=text)


@pytest.mark.parametrize(
    ("path", "in_root"),
    [
        ("sys/health?standbyok=true", True),
        ("sys/audit", True),
        ("sys/audit-hash/file", True),
        ("sys/config/auditing/request-headers", True),
        ("sys/mounts/kv", False),
        ("sys/auth", False),
        ("sys/policies/acl/sys/health", False),
        ("kv/data/sys/audit", False),
    ],
)
def test_what_is_in_the_root_namespace_only_is_asked_there(path, in_root):
    with serving(ANSWER) as (address, received):
        OpenBao(at(address), namespace="team").send(Request(method="GET", path=path))
    assert (b"X-Vault-Namespace: team" not in received[0]) is in_root


def test_a_token_variable_that_is_set_to_nothing_hides_the_other_name(tmp_path):
    """As in bao 2.7.2: whose name is unset in a shell's line is not asked as somebody else."""
    (tmp_path / "token").write_text("of-file")
    kept = {"BAO_TOKEN_PATH": str(tmp_path / "token"), "BAO_CONFIG_PATH": str(tmp_path / "none")}
    assert own_token({"BAO_TOKEN": "", "VAULT_TOKEN": "other", **kept}).reveal() == "of-file"
    assert own_token({"VAULT_TOKEN": "other", **kept}).reveal() == "other"


def test_an_address_is_a_url_however_its_scheme_is_written():
    assert str(at(" HTTPS://bao.example:8200/ ")) == "https://bao.example:8200"
    with pytest.raises(UsageError, match="not a valid URL"):
        at("unix:///run/bao.sock")
