"""The configuration file, and that no way of declaring a model leads to another one being called."""

from __future__ import annotations

import pytest

from llm_connect.common.errors import ConfigurationError
from llm_connect.common.prices import Prices
from llm_connect.config.config_file import load_configuration, read_configuration
from llm_connect.config.model import Budget
from llm_connect.config.profiles import CUSTODIAN_TRIAGE, Target, deadline_seconds
from llm_connect.config.settings import load_settings

NAME = CUSTODIAN_TRIAGE.name
MODEL = "LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL"
PROVIDER = "LLM_CONNECT_CUSTODIAN_TRIAGE_PROVIDER"


def faults_of(document):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(document)
    return {fault.field for fault in caught.value.faults}


def settings_of(tmp_path, text, **environment):
    (tmp_path / "llm-connect.toml").write_text(text)
    return load_settings({"LLM_CONNECT_CONFIG": str(tmp_path), **environment})


EVERYTHING = """
[server]
max_concurrency = 8
[callers.kubernetes]
audience = "llm-connect"
allow = ["activity-core/activity-core"]
[providers.openrouter]
data_collection = "deny"
order = ["google-vertex"]
[providers.local]
kind = "openai"
base_url = "https://llm.example/v1/"
refuses = ["logit_bias"]
[profiles.summary]
provider = "local"
model = "qwen3-32b"
validation = "strict"
prices = {prompt = 1, completion = 2}
fallbacks = [{provider = "openrouter", model = "a/b", prices = {prompt = 3, completion = 4}}]
[models."openai/gpt-5-mini"]
provider = "openrouter"
[[budgets]]
profile = "summary"
caller = "*"
period = "day"
usd = 2.5
[audit]
content = true
"""


def test_everything_that_the_readme_shows(tmp_path):
    settings = settings_of(tmp_path, EVERYTHING, LLM_CONNECT_STATE=str(tmp_path))
    assert list(settings.profiles) == [NAME, "summary", "openai/gpt-5-mini"]
    summary = settings.profiles["summary"]
    assert summary.targets == (
        Target("local", "qwen3-32b", Prices(1, 2)),
        Target("openrouter", "a/b", Prices(3, 4)),
    )
    assert settings.profiles["openai/gpt-5-mini"].targets == (Target("openrouter", "openai/gpt-5-mini"),)
    assert settings.providers["local"].base_url == "https://llm.example/v1"
    assert settings.providers["openrouter"].options == {"data_collection": "deny", "order": ["google-vertex"]}
    assert settings.budgets == (Budget("day", "summary", "*", None, 2.5),)
    assert (settings.limits.max_concurrency, settings.audit.content) == (8, True)


def test_all_faults_come_at_once():
    document = {
        "sever": {},
        "server": {"max_queue": -1},
        "providers": {"x": {"base_url": "https://h/"}, "y": {"kind": "openai"}, "z": {"kind": "simulate", "zdr": True}},
        "profiles": {"p": {"provider": "nobody", "temperature": 9}, "q": {"provider": "simulate"}},
        "models": {NAME: {"provider": "simulate"}},
        "budgets": [{"period": "week"}, {"period": "day", "profile": "none", "tokens": 1}],
        "audit": {"content": "yes"},
    }
    assert faults_of(document) >= {
        "sever",
        "server.max_queue",
        "providers.x.kind",
        "providers.y.base_url",
        "providers.z.zdr",
        "profiles.p.provider",
        "profiles.p.temperature",
        "profiles.q.model",
        f'models."{NAME}"',
        "budgets[0].period",
        "budgets[0].tokens",
        "budgets[1].profile",
        "audit.content",
    }


@pytest.mark.parametrize("octets", [b"[server", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_reported(tmp_path, octets):
    path = tmp_path / "a.toml"
    if octets is not None:
        path.write_bytes(octets)
    with pytest.raises(ConfigurationError, match="LLM_CONNECT_CONFIG"):
        load_configuration(str(path))


def test_budgets_want_a_place_to_be_kept(tmp_path):
    with pytest.raises(ConfigurationError, match="LLM_CONNECT_STATE"):
        settings_of(tmp_path, '[[budgets]]\nperiod = "day"\ntokens = 1\n')


def test_a_key_is_not_sent_in_the_clear_and_none_may_be(tmp_path):
    with pytest.raises(ConfigurationError, match=r"providers\.local\.base_url: would send the key"):
        settings_of(tmp_path, '[providers.local]\nkind = "openai"\nbase_url = "http://10.0.0.1/v1"\nkey = "K_KEY"\n')
    settings = settings_of(tmp_path, '[providers.local]\nkind = "openai"\nbase_url = "http://10.0.0.1/v1"\n')
    assert "local" not in settings.keys


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OPENAI = {"kind": "openai", "base_url": "https://h/v1"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"profiles": {"": {"provider": "simulate", "model": "a/b"}}}, "profiles."),
        ({"profiles": {"a|b": {"provider": "simulate", "model": "a/b"}}}, "profiles.a|b"),
        ({"profiles": {"two words": {"provider": "simulate", "model": "a/b"}}}, "profiles.two words"),
        ({"callers": {"static": {"*": {"sha256": "a" * 64}}}}, "callers.static.*"),
        ({"callers": {"static": {"ops": {"sha256": EMPTY}}}}, "callers.static.ops.sha256"),
        ({"callers": {"static": {"a": {"sha256": "A" * 64}, "b": {"sha256": "a" * 64}}}}, "callers.static.b.sha256"),
        ({"callers": {"static": {"ops": {}}}}, "callers.static.ops.sha256"),
        ({"providers": {"l": OPENAI | {"key": "two words"}}}, "providers.l.key"),
        ({"providers": {"l": OPENAI | {"key": "../key"}}}, "providers.l.key"),
        ({"providers": {"openrouter": {"order": "google"}}}, "providers.openrouter.order"),
        ({"providers": {"openrouter": {"zdr": "yes"}}}, "providers.openrouter.zdr"),
        ({"providers": {"openrouter": {"data_collection": "no"}}}, "providers.openrouter.data_collection"),
        ({"providers": {"openrouter": {"limit_field": "max_tokens"}}}, "providers.openrouter.limit_field"),
        ({"providers": {"l": OPENAI | {"limit_field": "max_output_tokens"}}}, "providers.l.limit_field"),
    ],
)
def test_what_would_be_read_as_something_else_is_one_fault(document, field):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(document)
    assert [fault.field for fault in caught.value.faults] == [field]


@pytest.mark.parametrize("api_server", ["ftp://h", "http://h", "https://u@h", "h:6443"])
def test_the_gateways_token_goes_to_an_api_server_over_tls_only(api_server):
    kubernetes = {"audience": "llm-connect", "allow": ["a/b"], "api_server": api_server}
    assert faults_of({"callers": {"kubernetes": kubernetes}}) == {"callers.kubernetes.api_server"}


@pytest.mark.parametrize(
    ("callers", "known"),
    [
        ({}, ["anonymous", "*"]),
        ({"static": {"ops": {"sha256": "a" * 64}}}, ["ops", "*"]),
        ({"kubernetes": {"audience": "x", "allow": ["a/b"]}}, ["a/b", "*"]),
    ],
)
def test_a_budget_for_somebody_who_never_calls_is_a_fault(callers, known):
    for name in ("anonymous", "ops", "a/b", "*", "opps"):
        budget = {"period": "day", "tokens": 9, "caller": name}
        document = {"callers": callers, "budgets": [budget]}
        if name in known:
            assert read_configuration(document).budgets[0].caller == name
        else:
            assert faults_of(document) == {"budgets[0].caller"}


def test_what_is_sent_to_openrouter_is_what_was_said():
    output = {"data_collection": "deny", "zdr": False, "order": ["a"], "only": [], "allow_fallbacks": False}
    assert read_configuration({"providers": {"openrouter": output}}).providers["openrouter"].options == output


# Each way in which a call could go to a model that nobody asked for.


def test_the_environment_wins_over_the_file_for_the_built_in_profile_and_for_no_other(tmp_path):
    text = f'[profiles.{NAME}]\nmodel = "in/file"\n[profiles.other]\nprovider = "openrouter"\nmodel = "in/file"\n'
    settings = settings_of(tmp_path, text, **{MODEL: "from/environment"})
    assert settings.profiles[NAME].model == "from/environment"
    assert settings.profiles["other"].model == "in/file"


def test_a_model_from_the_environment_leaves_the_fallbacks_and_prices_of_the_first_one_behind(tmp_path):
    text = f"""[profiles.{NAME}]
prices = {{prompt = 1, completion = 2}}
fallbacks = [{{provider = "openrouter", model = "second/choice"}}]
"""
    kept = settings_of(tmp_path, text).profiles[NAME]
    assert (len(kept.targets), kept.prices) == (2, Prices(1, 2))
    changed = settings_of(tmp_path, text, **{MODEL: "another/model"}).profiles[NAME]
    assert changed.targets == (Target("openrouter", "another/model"),)


def test_a_profile_without_a_model_is_a_fault_and_gets_no_default():
    assert faults_of({"profiles": {"new": {"provider": "openrouter"}}}) == {"profiles.new.model"}


def test_a_provider_from_the_environment_has_to_be_declared(tmp_path):
    with pytest.raises(ConfigurationError, match=PROVIDER):
        settings_of(tmp_path, "", **{PROVIDER: "local"})
    text = '[providers.local]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n'
    assert settings_of(tmp_path, text, **{PROVIDER: "local"}).profiles[NAME].provider == "local"


def test_two_profiles_side_by_side_call_what_each_declares(serving, gateway_to, call):
    from dataclasses import replace

    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def echo(request):
        model = (await request.json())["model"]
        return JSONResponse({"model": model, "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})

    profiles = {name: replace(CUSTODIAN_TRIAGE, name=name, model=f"vendor/{name}") for name in ("a", "b", NAME)}
    with (
        serving(Starlette(routes=[Route("/v1/chat/completions", echo, methods=["POST"])])) as upstream,
        gateway_to(f"{upstream}/v1", profiles) as url,
    ):
        for name in ("a", "b", "a", None):
            reply = call("POST", f"{url}/execute", {"prompt": "x", "config": {"model_name": name}})
            assert reply.json["model"] == f"vendor/{name or NAME}"


@pytest.mark.parametrize(("patience", "deadline"), [(300, 295), (100, 95), (10, 9.5), (0.1, 0.095)])
def test_the_deadline_ends_before_the_callers(patience, deadline):
    assert deadline_seconds(patience) == pytest.approx(deadline)


def test_a_wrong_word_is_one_fault_and_a_file_is_blamed_on_what_named_it(run, tmp_path):
    config = tmp_path / "x.toml"
    provider = '[providers.x]\nkind = "soap"\nbase_url = "http://evil.example/v1"\nkey = "K"\n'
    profile = '[profiles.a]\nprovider = "y"\nmodel = 3\n'
    config.write_text(provider + profile + '[[budgets]]\nperiod = "year"\ntokens = -1\n')
    output = run("profiles", "--config", str(config)).stderr
    fields = (
        "providers.x.kind",
        "providers.x.base_url",
        "profiles.a.provider",
        "profiles.a.model",
        "budgets[0].period",
        "budgets[0].tokens",
    )
    assert {field: output.count(f"{field}:") for field in fields} == dict.fromkeys(fields, 1)
    missing = run("profiles", "--config", str(tmp_path / "none.toml")).stderr
    assert "--config: " in missing
    assert "LLM_CONNECT_CONFIG" not in missing


@pytest.mark.parametrize("setting", ["ca_file", "client_cert_file"])
@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_without_certificates_is_an_error_at_start(tmp_path, setting, content):
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    text = f'[providers.local]\nkind = "openai"\nbase_url = "https://llm.example/v1"\n{setting} = "{path}"\n'
    with pytest.raises(ConfigurationError, match=rf"toml:4: providers.local.{setting}: .*file.pem "):
        settings_of(tmp_path, text)
