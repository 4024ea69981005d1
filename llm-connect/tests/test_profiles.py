"""The built-in profile, its overrides, and overrides that cannot be used."""

from __future__ import annotations

import json

import pytest

from llm_connect.common.errors import ConfigurationError
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, PREFIX, VARIABLES
from llm_connect.config.settings import load_settings

NAME = "custodian-triage-balanced"


def test_the_built_in_profile():
    profile = load_settings({}).profiles[NAME]
    declared = {
        "provider": "openrouter",
        "model": "google/gemini-2.5-flash",
        "temperature": 0.2,
        "max_tokens": 8000,
        "max_depth": 2,
        "timeout_seconds": 300,
        "reasoning_effort": "medium",
    }
    assert {name: profile.parameters()[name] for name in declared} == declared
    assert (profile.fallbacks, profile.prices, profile.validation) == ((), None, "report")
    assert profile.overridden == ()


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        ("provider", "openrouter", "openrouter"),
        ("model", "anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("max_tokens", "4000", 4000),
        ("temperature", "0", 0),
        ("temperature", "1.5", 1.5),
        ("timeout_seconds", "30.5", 30.5),
        ("reasoning_effort", "high", "high"),
        ("max_depth", "3", 3),
    ],
)
def test_each_parameter_has_its_variable(parameter, text, value):
    variable = PREFIX + parameter.upper()
    profile = load_settings({variable: text}).profiles[NAME]
    assert profile.parameters() == CUSTODIAN_TRIAGE.parameters() | {parameter: value}
    assert profile.overridden == ((parameter, variable),)


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("provider", "openai"),
        ("provider", "OpenRouter"),
        ("model", "gemini-2.5-flash"),
        ("model", "a/b c"),
        ("model", ""),
        ("max_tokens", "0"),
        ("max_tokens", "1e3"),
        ("max_tokens", "1800.0"),
        ("max_tokens", "٣"),
        ("max_tokens", "9" * 400),
        ("temperature", "nan"),
        ("temperature", "2.01"),
        ("temperature", " 1"),
        ("timeout_seconds", "0"),
        ("timeout_seconds", "inf"),
        ("reasoning_effort", "Medium"),
        ("max_depth", "-1"),
    ],
)
def test_a_bad_override_names_the_variable_and_what_is_allowed_and_not_the_value(parameter, text):
    variable = PREFIX + parameter.upper()
    with pytest.raises(ConfigurationError) as caught:
        load_settings({variable: text})
    assert [fault.field for fault in caught.value.faults] == [variable]
    assert "allowed: " in str(caught.value)
    assert len(text) < 3 or f"{text}'" not in str(caught.value)


def test_all_bad_overrides_are_reported_at_once_also_those_that_override_nothing():
    with pytest.raises(ConfigurationError) as caught:
        load_settings({PREFIX + "MAX_TOKEN": "1", PREFIX + "TEMPERATURE": "hot", PREFIX + "MODEL": "x"})
    assert {fault.field for fault in caught.value.faults} == {
        PREFIX + "MAX_TOKEN",
        PREFIX + "TEMPERATURE",
        PREFIX + "MODEL",
    }
    assert VARIABLES[0] in str(caught.value)


def test_other_variables_are_nobodys_business_here():
    """Kubernetes sets LLM_CONNECT_PORT and more for a service of this name."""
    environment = {"LLM_CONNECT_PORT": "tcp://10.0.0.1:8080", "LLM_CONNECT_TIMEOUT_SECONDS": "300"}
    assert load_settings(environment).profiles == {NAME: CUSTODIAN_TRIAGE}


USAGE_ERRORS = {
    "an option that is missing": (("smoke", "--json"), "--url", "Missing option '--url'."),
    "an unknown option": (("profiles", "--json", "--nope"), "llm-connect profiles", "No such option '--nope'."),
    "a surplus argument": (("profiles", "x", "--json"), "llm-connect profiles", "unexpected extra argument"),
    "a value": (("smoke", "--json", "--timeout-seconds", "z"), "--timeout-seconds", "'z' is not a valid float"),
    "a URL": (("smoke", "--json", "--url", "ftp://a"), "llm-connect smoke", "is not an http or https URL"),
    "an unknown command": (("nope", "--json"), "llm-connect", "No such command 'nope'."),
}  # fmt: skip


@pytest.mark.parametrize("name", USAGE_ERRORS)
def test_a_usage_error_is_one_json_object_with_json(run, name):
    arguments, subject, message = USAGE_ERRORS[name]
    done = run(*arguments)
    error = json.loads(done.stderr)
    assert (done.returncode, done.stdout) == (2, "")
    assert list(error) == ["code", "kind", "system", "subject", "message", "hint"]
    assert (error["code"], error["kind"], error["subject"]) == (2, "usage", subject)
    assert message in error["message"]
    command = "llm-connect" if arguments[0] == "nope" else f"llm-connect {arguments[0]}"
    assert error["hint"] == f"Next: {command} --help"


def test_without_json_a_usage_error_is_a_text(run):
    done = run("smoke")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Error: Missing option '--url'.")


def test_an_empty_token_file_is_not_no_token(run):
    done = run("smoke", "--json", "--url", "http://127.0.0.1:9", "--token-file", "")
    assert (done.returncode, json.loads(done.stderr)["faults"][0]["field"]) == (2, "--token-file")
