"""The key, where it comes from, and the base URL."""

from __future__ import annotations

import os
import pickle

import pytest

from llm_connect.common.errors import ConfigurationError
from llm_connect.common.secret import Redactor, Secret
from llm_connect.config.settings import load_settings

KEY = "sk-or-v1-0123456789"


def faults_of(environment):
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    return caught.value.faults


def key_of(settings):
    current = settings.keys["openrouter"].current
    return current and current.secret.reveal()


def test_the_key_in_the_environment():
    assert key_of(load_settings({"OPENROUTER_API_KEY": KEY})) == KEY


@pytest.mark.parametrize("environment", [{}, {"OPENROUTER_API_KEY": ""}, {"OPENROUTER_API_KEY_FILE": ""}])
def test_no_key_is_no_fault_and_has_a_name(environment):
    settings = load_settings(environment)
    assert (key_of(settings), settings.missing_keys()) == (None, ["OPENROUTER_API_KEY"])


def test_the_key_in_a_file_loses_one_newline(tmp_path):
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    settings = load_settings({"OPENROUTER_API_KEY_FILE": str(path)})
    assert (key_of(settings), settings.keys["openrouter"].field) == (KEY, "OPENROUTER_API_KEY_FILE")


def test_the_key_in_a_sealed_memory_file():
    descriptor = os.memfd_create("key")
    try:
        os.write(descriptor, KEY.encode())
        settings = load_settings({"OPENROUTER_API_KEY_FILE": f"/proc/self/fd/{descriptor}"})
        assert key_of(settings) == KEY
    finally:
        os.close(descriptor)


def test_both_set_says_which_to_drop(tmp_path):
    (fault,) = faults_of({"OPENROUTER_API_KEY": KEY, "OPENROUTER_API_KEY_FILE": str(tmp_path / "key")})
    assert "unset OPENROUTER_API_KEY" in str(fault)
    assert KEY not in str(fault)


@pytest.mark.parametrize(
    "value", ["short", "with space in it", "two\nlines-of-key", 'quote"d-key-value', "schlüssel-schlüssel", "x" * 5000]
)
def test_what_cannot_be_a_key_is_refused_and_not_repeated(value):
    (fault,) = faults_of({"OPENROUTER_API_KEY": value})
    assert fault.field == "OPENROUTER_API_KEY"
    assert value not in str(fault)


@pytest.mark.parametrize(
    "octets", [b"", b"\n", b"\xff\xfe\x00binary-binary", f"{KEY}\n\n".encode(), f"{KEY}\r\n".encode()]
)
def test_a_file_that_holds_no_key_is_refused(tmp_path, octets):
    path = tmp_path / "key"
    path.write_bytes(octets)
    (fault,) = faults_of({"OPENROUTER_API_KEY_FILE": str(path)})
    assert (fault.field, fault.problem) == ("OPENROUTER_API_KEY_FILE", "is not a valid key")


@pytest.mark.parametrize("path", ["/nowhere/key", "/", "a\x00b"])
def test_a_file_that_cannot_be_read_is_a_fault(path):
    (fault,) = faults_of({"OPENROUTER_API_KEY_FILE": path})
    assert fault.problem.startswith("cannot be read")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("https://proxy.example:8443/v1/", "https://proxy.example:8443/v1"),
        ("http://127.0.0.1:9000/api/v1", "http://127.0.0.1:9000/api/v1"),
        ("http://localhost:9000", "http://localhost:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
    ],
)
def test_base_urls(given, used):
    assert load_settings({"LLM_CONNECT_OPENROUTER_BASE_URL": given}).providers["openrouter"].base_url == used


@pytest.mark.parametrize(
    "url",
    [
        "http://openrouter.ai/api/v1",
        "http://10.0.0.1/v1",
        "http://127.0.0.1.example.com/",
        "http://localhost.example.com/",
        "http://2130706433/",
        "https://user:password@openrouter.ai/",
        "https://openrouter.ai/?a=b",
        "https://openrouter.ai/#a",
        "https://",
        "https://host:99999/",
        "https://host:0/",
        "https://[::1/",
        "ftp://openrouter.ai/",
        "openrouter.ai",
        "https://open router.ai/",
        "https://openrouter.ai/\n",
        "https://ópenrouter.ai/",
    ],
)
def test_base_urls_that_would_leak_the_key_or_are_none(url):
    (fault,) = faults_of({"LLM_CONNECT_OPENROUTER_BASE_URL": url})
    assert fault.field == "LLM_CONNECT_OPENROUTER_BASE_URL"
    assert "password" not in str(fault)


def test_faults_of_all_variables_come_together():
    environment = {
        "LLM_CONNECT_OPENROUTER_BASE_URL": "http://elsewhere/",
        "OPENROUTER_API_KEY": "bad key",
        "LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL": "bad",
    }
    assert {fault.field for fault in faults_of(environment)} == set(environment)


def test_a_secret_does_not_print_itself():
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {secret:>40}"
    assert KEY not in shown
    assert not hasattr(secret, "__dict__")
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_redactor_removes_the_value_and_does_nothing_without_one():
    redactor = Redactor(Secret(KEY))
    assert redactor.text(f"a {KEY} b") == "a [key removed] b"
    assert redactor.octets(f"a{KEY}".encode()) == b"a[key removed]"
    assert Redactor().text("a") == "a"
