"""Which environment is chosen, and what is set for it."""

import pytest
import trustme

from warden.adapters.catalog.environments import enter
from warden.core.errors import UsageError

THREE = """\
environments:
  dev: {openbao: https://bao.dev.example:8200/}
  stage: {openbao: https://bao.example, namespace: team/stage}
  prod: {openbao: https://bao.example, namespace: prod/, openbao_ca: ca.pem}
"""


@pytest.fixture
def platform(tmp_path):
    (tmp_path / "platform.yaml").write_text(THREE)
    (tmp_path / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    return tmp_path


def entered(platform, embedded=False, required=True, **environ):
    found = enter(str(platform), environ, lambda: embedded, required=required)
    return found.name, environ


def test_what_is_named_is_set_where_everything_looks(platform):
    name, environ = entered(platform, WARDEN_ENV="prod")
    assert name == "prod"
    assert environ == {
        "WARDEN_ENV": "prod",
        "BAO_ADDR": "https://bao.example",
        "BAO_NAMESPACE": "prod",
        "BAO_CACERT": str((platform / "ca.pem").resolve()),
    }


def test_authorities_that_the_caller_names_stay(platform):
    assert entered(platform, WARDEN_ENV="prod", BAO_CACERT="/mine")[1]["BAO_CACERT"] == "/mine"


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"BAO_ADDR": "https://bao.dev.example:8200"}, "dev"),
        ({"VAULT_ADDR": "https://BAO.dev.example:8200/"}, "dev"),
        ({"BAO_ADDR": "https://bao.example:443", "BAO_NAMESPACE": "team/stage/"}, "stage"),
        ({"BAO_ADDR": "https://bao.example", "VAULT_NAMESPACE": "prod"}, "prod"),
        ({"BAO_ADDR": "https://bao.example"}, ""),
        ({"BAO_ADDR": "https://bao.example", "BAO_NAMESPACE": "team"}, ""),
        ({}, ""),
    ],
)
def test_which_the_variables_are_of(platform, environ, name):
    assert entered(platform, required=False, **environ)[0] == name


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"WARDEN_ENV": "pord"}, "pord is not an environment of platform.yaml, which has dev, stage, prod"),
        ({}, "none was named"),
        (
            {"WARDEN_ENV": "prod", "BAO_NAMESPACE": "team/stage"},
            "the namespace prod, and BAO_NAMESPACE is team/stage",
        ),
        ({"WARDEN_ENV": "dev", "BAO_NAMESPACE": "x"}, "dev is the root namespace"),
        (
            {"WARDEN_ENV": "prod", "BAO_ADDR": "https://bao.example"},
            "prod is https://bao.example in the namespace",
        ),
        ({"WARDEN_ENV": "dev", "BAO_ADDR": "https://bao.example", "BAO_NAMESPACE": "prod"}, "in the namespace prod"),
        ({"BAO_ADDR": "https://elsewhere"}, "not one of the environments dev, stage, prod"),
    ],
)
def test_what_contradicts_is_refused_before_anything_is_asked(platform, environ, words):
    with pytest.raises(UsageError) as fault:
        entered(platform, **environ)
    assert words in str(fault.value.problem)


def test_the_embedded_platform_tries_out_any_of_them(platform):
    assert entered(platform, embedded=True, WARDEN_ENV="prod", BAO_ADDR="http://127.0.0.1:1")[0] == "prod"
    assert entered(platform, embedded=True, BAO_ADDR="http://127.0.0.1:1")[0] == ""


def test_the_only_one_need_not_be_named(tmp_path):
    (tmp_path / "platform.yaml").write_text("environments: {prod: {openbao: 'https://bao.example'}}\n")
    assert entered(tmp_path)[0] == "prod"


def test_without_environments_nothing_is_read_or_set(tmp_path):
    (tmp_path / "platform.yaml").write_text("kv_mount: [this is not parsed\n")
    assert entered(tmp_path) == ("", {})
    with pytest.raises(UsageError, match="declares no environments"):
        entered(tmp_path, WARDEN_ENV="prod")
