"""Kubeconfigs as kubectl reads them: what arrives at the server is compared with the real kubectl where it is here."""

import base64
import json
import os
import shutil
import subprocess

import pytest
import trustme
import yaml
from connect_proxy import proxying
from telling_server import telling

from warden.adapters.kubernetes import kubeconfig
from warden.core.clusters.manifests import Ref
from warden.core.errors import Unidentified, Unreachable, UsageError

ASKED = Ref("Namespace", "", "x")
PATH = "/api/v1/namespaces/x"
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
PRINTS_A_TOKEN = """#!/bin/sh
printf '%s' "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/told"; echo "$BAO_TOKEN $EXTRA $*" > "$(dirname "$0")/given"
echo '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "of-plugin"}}'
"""
ANSWER = '{"apiVersion": "client.authentication.k8s.io/%s", "kind": "ExecCredential"}'


def document(server, ca, *, user=None, cluster=None, context=None, **more):
    fields = {"server": server, "certificate-authority-data": base64.b64encode(ca.encode()).decode()}
    return {
        "clusters": [{"name": "c", "cluster": {**fields, **(cluster or {})}}],
        "users": [{"name": "u", "user": {"token": "T"} if user is None else user}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", **(context or {})}}],
        **more,
    }


def write(path, content):
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


def program(path, text):
    path.write_text(text)
    path.chmod(0o755)


def environment(named, **more):
    return {"KUBECONFIG": named, "PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **more}


def ask(environ):
    kubeconfig.connect("c", "one", environ).get(ASKED)


def kubectl(environ):
    """How the real one fares: 0 where it was answered; nothing where there is none to compare with."""
    program = shutil.which("kubectl")
    if program is None:
        return None
    arguments = [program, "--context", "one", "--request-timeout=5s", "get", "--raw", PATH]
    return subprocess.run(arguments, env=environ, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode


def identity(told):
    return {key: value for key, value in told.items() if key.startswith(("authoriz", "impersonate", "certificate"))}


def as_kubectl(environ, asked):
    """What warden sent, which is what kubectl sends."""
    ask(environ)
    ours = identity(asked[-1])
    if kubectl(environ) is not None:
        assert identity(asked[-1]) == ours
    return ours


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ({"token": "T"}, {"authorization": "Bearer T"}),
        ({"tokenFile": "token"}, {"authorization": "Bearer of-file"}),
        ({"token": "T", "tokenFile": "token"}, {"authorization": "Bearer of-file"}),
        ({"username": "a", "password": "b:c"}, {"authorization": "Basic YTpiOmM="}),
        ({"username": "a", "password": "b", "tokenFile": "token"}, {"authorization": "Bearer of-file"}),
        ({"exec": {**PLUGIN, "command": "./plugin"}}, {"authorization": "Bearer of-plugin"}),
        ({"exec": {**PLUGIN, "command": "./plugin"}, "token": "T"}, {"authorization": "Bearer T"}),
        ({"token": "T", "as": "bob"}, {"authorization": "Bearer T", "impersonate-user": "bob"}),
        (
            {
                "token": "T",
                "as": "bob",
                "as-uid": "7",
                "as-groups": ["a", "b"],
                "as-user-extra": {"Foo/b%": ["x", "y"]},
            },
            {
                "authorization": "Bearer T",
                "impersonate-user": "bob",
                "impersonate-uid": "7",
                "impersonate-group": ["a", "b"],
                "impersonate-extra-foo%2fb%25": ["x", "y"],
            },
        ),
    ],
)
def test_a_user_is_who_kubectl_says_it_is(tmp_path, user, sent):
    write(tmp_path / "token", "of-file\n")
    program(tmp_path / "plugin", PRINTS_A_TOKEN)
    with telling() as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(server, ca, user=user)))
        assert as_kubectl(environ, asked) == sent


@pytest.mark.parametrize("as_data", [True, False])
def test_a_client_certificate_is_shown_and_never_written(tmp_path, as_data):
    authority = trustme.CA()
    made = authority.issue_cert("client.example", common_name="someone")
    certificate, key = made.cert_chain_pems[0].bytes(), made.private_key_pem.bytes()
    if as_data:
        user = {"client-certificate-data": base64.encodebytes(certificate).decode(), "client-key-data": encoded(key)}
    else:
        (tmp_path / "cert.pem").write_bytes(certificate)
        (tmp_path / "key.pem").write_bytes(key)
        user = {"client-certificate": "cert.pem", "client-key": "key.pem"}
    with telling(client_authority=authority) as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(server, ca, user=user)))
        assert as_kubectl(environ, asked) == {"certificate": "someone"}


def encoded(content):
    return base64.b64encode(content).decode()


def test_the_name_of_the_certificate_may_be_another(tmp_path):
    with telling(names=("api.example",)) as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(server, ca)))
        with pytest.raises(Unreachable):
            ask(environ)
        named = document(server, ca, cluster={"tls-server-name": "api.example", "disable-compression": True})
        environ = environment(write(tmp_path / "config", named))
        ask(environ)
        assert asked[-1]["accept-encoding"] == "identity"
        assert kubectl(environ) in {0, None}


def test_a_path_in_front_of_the_api_is_kept(tmp_path):
    with telling() as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(f"{server}/k8s/c-1/?x=1", ca)))
        ask(environ)
        assert asked[-1]["path"] == f"/k8s/c-1{PATH}"


def test_a_plugin_gets_what_kubectl_tells_it_and_no_token_of_ours(tmp_path):
    program(tmp_path / "plugin", PRINTS_A_TOKEN)
    plugin = {**PLUGIN, "command": "./plugin", "args": ["a", "b c"], "env": [{"name": "EXTRA", "value": "more"}]}
    extension = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "it"}}]
    with telling() as (server, ca, _):
        content = document(server, ca, user={"exec": {**plugin, "provideClusterInfo": True}})
        content["clusters"][0]["cluster"] |= {"extensions": extension, "disable-compression": True}
        environ = environment(write(tmp_path / "config", content), BAO_TOKEN="s.own", VAULT_TOKEN="s.own")
        ask(environ)
        told = json.loads((tmp_path / "told").read_text())
        assert (tmp_path / "given").read_text() == " more a b c\n"
        assert told["spec"]["cluster"]["config"] == {"audience": "it"}
        if kubectl(environ) is not None:
            assert json.loads((tmp_path / "told").read_text()) == told


def test_a_plugins_answer_holds_until_it_expires_or_is_not_accepted(tmp_path):
    program(
        tmp_path / "plugin",
        """#!/bin/sh
echo >> "$(dirname "$0")/count"
n=$(wc -l < "$(dirname "$0")/count")
[ "$n" = 2 ] && at='"2020-01-01T00:00:00Z"' || at=null
printf '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
printf '"status": {"token": "t%s", "expirationTimestamp": %s}}' "$n" "$at"
""",
    )
    with telling(accepted="Bearer t3") as (server, ca, asked):
        user = {"exec": {**PLUGIN, "command": "./plugin"}}
        cluster = kubeconfig.connect(
            "c", "one", environment(write(tmp_path / "config", document(server, ca, user=user)))
        )
        with pytest.raises(Unidentified):
            cluster.get(ASKED)
        cluster.get(ASKED)
        cluster.get(ASKED)
        assert [each["authorization"] for each in asked] == [f"Bearer t{n}" for n in (1, 2, 3, 3)]


@pytest.mark.parametrize(
    ("printed", "word"),
    [
        ("exit 3", "ended with code 3"),
        ("echo hello", "printed no ExecCredential"),
        (
            'echo \'{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential"}\'',
            "another version",
        ),
        ('echo \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}\'', "neither a token nor"),
    ],
)
def test_a_plugin_that_gives_nothing_is_named(tmp_path, printed, word):
    program(tmp_path / "plugin", f"#!/bin/sh\n{printed}\n")
    with telling() as (server, ca, asked):
        user = {"exec": {**PLUGIN, "command": "./plugin", "installHint": "get it\nat the desk"}}
        environ = environment(write(tmp_path / "config", document(server, ca, user=user)))
        with pytest.raises(Unidentified) as caught:
            ask(environ)
        assert word in str(caught.value)
        assert not asked


REFUSED_BY_BOTH = [
    ({"as-groups": ["a"]}, "need as"),
    ({"token": "T", "username": "a"}, "token and username are both there"),
    ({"client-certificate": "config"}, "client-certificate has no client-key"),
    ({"client-certificate": "c", "client-certificate-data": "eA==", "client-key": "k"}, "client-certificate-data"),
    ({"client-certificate": "none", "client-key": "none"}, "none: no such file"),
    ({"client-certificate-data": "!", "client-key-data": "eA=="}, "base64"),
    ({"token": 7}, "user u of context one: Expected `str`, got `int` - at `$.token`"),
    ({"as-user-extra": {"a": "b"}}, "$.as-user-extra"),
    ({"exec": {**PLUGIN, "command": ""}}, "exec has no command"),
    ({"exec": {"command": "true", "apiVersion": PLUGIN["apiVersion"]}}, "exec has no interactiveMode"),
    ({"exec": {**PLUGIN, "command": "true", "apiVersion": "client.authentication.k8s.io/v1alpha1"}}, "apiVersion"),
    ({"exec": {**PLUGIN, "command": "true", "interactiveMode": "Perhaps"}}, "interactiveMode"),
    ({"exec": {**PLUGIN, "command": "true", "env": [{"value": "x"}]}}, "variable without a name"),
]
REFUSED_BY_US = [
    ({"auth-provider": {"name": "oidc"}}, "auth-provider"),
    ({"token": "T", "as-usr": "bob"}, "as-usr: no such field"),
    ({"exec": {**PLUGIN, "command": "true", "audience": "x"}}, "audience"),
]


@pytest.mark.parametrize(("user", "word"), REFUSED_BY_BOTH + REFUSED_BY_US)
def test_a_user_that_cannot_be_honoured_is_refused_by_its_field(tmp_path, user, word):
    with telling() as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(server, ca, user=user)))
        with pytest.raises(UsageError) as caught:
            ask(environ)
        assert word in str(caught.value)
        assert not asked
        assert (user, word) in REFUSED_BY_US or kubectl(environ) != 0


@pytest.mark.parametrize(
    ("cluster", "word"),
    [
        ({"insecure-skip-tls-verify": True, "certificate-authority-data": None}, "does not verify"),
        ({"server": "http://127.0.0.1:1"}, "does not verify"),
        ({"server": None}, "does not verify"),
        ({"server": "https://a:b@127.0.0.1:1"}, "server holds a user name or password"),
        ({"certificate-authority": "config"}, "certificate-authority and certificate-authority-data are both"),
        ({"certificate-authority": "none", "certificate-authority-data": ""}, "none: no such file"),
        ({"certificate-authority-data": "eA=="}, "holds no certificate"),
        ({"proxy-url": "socks5://127.0.0.1:1"}, "proxy-url"),
        ({"proxy_url": "http://127.0.0.1:1"}, "proxy_url: no such field"),
        ({"extensions": {"a": 1}}, "$.extensions"),
    ],
)
def test_a_cluster_that_cannot_be_honoured_is_refused_by_its_field(tmp_path, cluster, word):
    with telling() as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(server, ca, cluster=cluster)))
        with pytest.raises(UsageError) as caught:
            ask(environ)
        assert word in str(caught.value)
        assert "a:b" not in str(caught.value)
        assert not asked


def test_every_fault_of_a_context_is_named_at_once(tmp_path):
    content = document(
        "http://x", "", cluster={"proxy-url": "ftp://x"}, user={"as-uid": "7", "auth-provider": {"a": 1}}
    )
    with pytest.raises(UsageError) as caught:
        ask(environment(write(tmp_path / "config", content)))
    for word in ("does not verify", "proxy-url", "auth-provider", "as-uid"):
        assert word in str(caught.value)


def test_lists_merge_as_kubectl_merges_them(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "token", "of-sub")
    write(tmp_path / "token", "of-top")
    with telling() as (server, ca, asked):
        first = {"clusters": document(server, ca)["clusters"], "users": None, "current-context": ""}
        second = document("https://127.0.0.1:1", ca, user={"tokenFile": "token"}, **{"current-context": "one"})
        third = document("https://127.0.0.1:1", ca, user={"token": "third", "as": "third"}, **{"current-context": "no"})
        paths = [write(tmp_path / "a", first), "", str(tmp_path / "missing"), write(tmp_path / "empty", "")]
        paths += [write(tmp_path / "comment", "# none\n---\n"), write(tmp_path / "sub" / "b", second)]
        named = os.pathsep.join([*paths, write(tmp_path / "c", third)])
        assert as_kubectl(environment(named), asked) == {"authorization": "Bearer of-sub"}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("clusters: [", "not YAML at line 1"),
        ("[]", "not a kubeconfig"),
        ("clusters: {a: b}", "clusters is not a list"),
        ("users: [{name: 7}]", "users has an entry without name"),
        ("users: [{name: a}, {name: a}]", "users has the name a twice"),
        ("apiVersion: v2\nkind: Config", "apiVersion: v1"),
        ("kind: Pod", "kind: Config"),
    ],
)
def test_a_file_that_is_no_kubeconfig_fails_the_whole_list(tmp_path, content, word):
    with telling() as (server, ca, asked):
        good, bad = write(tmp_path / "good", document(server, ca)), write(tmp_path / "bad", content)
        environ = environment(os.pathsep.join([good, bad]))
        with pytest.raises(UsageError) as caught:
            ask(environ)
        assert word in str(caught.value)
        assert bad in str(caught.value)
        assert not asked
        assert kubectl(environ) != 0


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError) as caught:
        ask(environment(str(tmp_path)))
    assert "is a directory" in str(caught.value)


@pytest.mark.parametrize(
    ("context", "word"),
    [
        ({"cluster": "d"}, "names an unknown cluster d"),
        ({"user": "d"}, "names an unknown user d"),
        ({"cluster": None, "user": ""}, "names no cluster; context one names no user"),
        ({"namspace": "x"}, "namspace: no such field"),
    ],
)
def test_a_context_that_names_nothing_there_is_refused(tmp_path, context, word):
    with pytest.raises(UsageError) as caught:
        ask(environment(write(tmp_path / "config", document("https://127.0.0.1:1", "", context=context))))
    assert word in str(caught.value)


def test_what_other_programs_keep_there_changes_nothing(tmp_path):
    note = [{"name": "minikube.sigs.k8s.io", "extension": {"version": "1"}}]
    with telling() as (server, ca, asked):
        content = document(
            server, ca, context={"namespace": "default", "extensions": note}, preferences={"colors": True}
        )
        content["clusters"][0]["cluster"]["extensions"] = note
        content["users"].append({"name": "another", "user": {"unknown": 1}})
        assert as_kubectl(environment(write(tmp_path / "config", content)), asked) == {"authorization": "Bearer T"}


@pytest.mark.parametrize("where", ["proxy-url", "HTTPS_PROXY", "https_proxy"])
def test_a_proxy_leads_to_the_cluster(tmp_path, where):
    with (
        telling(names=("api.example",)) as (server, ca, asked),
        proxying(int(server.rpartition(":")[2])) as (proxy, heads),
    ):
        named = {"proxy-url": f"http://{proxy}"} if where == "proxy-url" else {}
        config = write(tmp_path / "config", document("https://api.example:6443", ca, cluster=named))
        environ = environment(config, **({} if named else {where: proxy}))
        assert as_kubectl(environ, asked) == {"authorization": "Bearer T"}
        assert {head.split("\r\n")[0] for head in heads} == {"CONNECT api.example:6443 HTTP/1.1"}
        assert not any("Bearer" in head for head in heads)


def test_a_proxy_of_the_environment_does_not_lead_to_this_machine(tmp_path):
    with telling() as (server, ca, asked):
        environ = environment(write(tmp_path / "config", document(server, ca)), HTTPS_PROXY="http://127.0.0.1:9")
        assert as_kubectl(environ, asked) == {"authorization": "Bearer T"}


def test_what_no_proxy_names_is_asked_directly(tmp_path):
    config = write(tmp_path / "config", document("https://api.invalid:6443", ""))
    with proxying(9) as (proxy, heads):
        with pytest.raises(Unreachable):
            ask(environment(config, HTTPS_PROXY=proxy, NO_PROXY=".invalid"))
        assert not heads


@pytest.mark.parametrize(
    ("server", "proxy", "word"),
    [
        ("https://api.example", "socks5://127.0.0.1:1", "HTTPS_PROXY is not the URL"),
        ("https://api.example", "http://me:pass@127.0.0.1:1", "through the proxy 127.0.0.1:1"),
        ("https://api.example", "http://[", ""),
        ("https://api.example:port", "", ""),
        ("https://api.exa mple", "", ""),
        ("https://[::1", "", ""),
        ("https://", "", ""),
    ],
)
def test_an_address_that_is_none_is_named_without_a_password(tmp_path, server, proxy, word):
    config = write(tmp_path / "config", document(server, trustme.CA().cert_pem.bytes().decode()))
    with pytest.raises((UsageError, Unreachable)) as caught:
        ask(environment(config, HTTPS_PROXY=proxy))
    assert word in str(caught.value)
    assert "pass" not in str(caught.value)


def test_a_plugins_certificate_is_shown_and_its_token_sent(tmp_path):
    authority = trustme.CA()
    made = authority.issue_cert("client.example", common_name="by-plugin")
    status = {
        "token": "of-plugin",
        "clientCertificateData": made.cert_chain_pems[0].bytes().decode(),
        "clientKeyData": made.private_key_pem.bytes().decode(),
    }
    answer = {"apiVersion": PLUGIN["apiVersion"], "kind": "ExecCredential", "status": status}
    write(tmp_path / "answer", json.dumps(answer))
    program(tmp_path / "plugin", '#!/bin/sh\ncat "$(dirname "$0")/answer"\n')
    with telling(client_authority=authority) as (server, ca, asked):
        user = {"exec": {**PLUGIN, "command": "./plugin"}}
        environ = environment(write(tmp_path / "config", document(server, ca, user=user)))
        assert as_kubectl(environ, asked) == {"authorization": "Bearer of-plugin", "certificate": "by-plugin"}
        write(tmp_path / "answer", json.dumps(answer | {"status": status | {"clientKeyData": ""}}))
        with pytest.raises(Unidentified, match="and not both"):
            ask(environ)
