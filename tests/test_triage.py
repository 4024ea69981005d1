"""The programs together: the daily triage with a key from OpenBao, and activity-core with the real llm-connect."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from listening import listening

REPOSITORY = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SAMPLE = REPOSITORY / "activity-core" / "samples" / "tuesday.json"
FOREIGN = ("LLM_CONNECT_", "OPENROUTER_", "ACTIVITY_CORE_", "STATE_HUB_", "XDG_")


def test_the_demo_of_the_triage_ends_well_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "demo.triage"],
        cwd=REPOSITORY,
        env=os.environ | {"TMPDIR": str(tmp_path), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for expected in (
        "# Triage for ",
        "- model: google/gemini-2.5-flash (profile custodian-triage-balanced)",
        "the model was not asked. For a new one: --again",
        "502, provider_key_refused",
        "found in 0",
    ):
        assert expected in done.stdout, done.stdout
    assert "Traceback" not in done.stdout
    assert list(tmp_path.glob("warden-demo-*")) == []


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Without anything of whoever runs the tests; with a provider key."""
    home = tmp_path_factory.mktemp("home")
    (home / "key").write_text("sk-demo-0123456789")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {"HOME": str(home), "OPENROUTER_API_KEY_FILE": str(home / "key")}


@contextmanager
def serving(environment, *command):
    """A program of llm-connect that says where it listens; ended by its own pid."""
    process = subprocess.Popen(
        [BIN / "llm-connect", *command, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def provider(environment):
    with serving(environment, "simulate-openrouter", "--key-file", environment["OPENROUTER_API_KEY_FILE"]) as url:
        yield url


@pytest.fixture
def triage(environment, provider, tmp_path):
    """One run through a gateway that asks the simulator for `model`, with settings of its profile."""

    def run(model, **settings):
        asked = {"LLM_CONNECT_OPENROUTER_BASE_URL": provider, "LLM_CONNECT_CUSTODIAN_TRIAGE_MODEL": model} | settings
        with serving(environment | asked, "serve") as url:
            return triage_of(url, environment, tmp_path)

    return run


def triage_of(url, environment, folder):
    """One run of activity-core against a gateway."""
    own = {"LLM_CONNECT_URL": url, "ACTIVITY_CORE_RECORD": str(folder / "runs.db")}
    return subprocess.run(
        [BIN / "activity-core", "triage", "--digest", SAMPLE, "--json"],
        env=environment | own,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CASES = [
    ("google/gemini-2.5-flash", 0, "whole"),
    ("simulate/other-model", 0, "whole"),
    ("simulate/no-usage", 0, "whole"),
    ("simulate/prose", 3, "unusable"),
    ("simulate/reasoned-away", 3, "unusable"),
]


@pytest.mark.parametrize(("model", "code", "state"), CASES)
def test_what_the_gateway_passes_on_becomes_a_report(triage, model, code, state):
    done = triage(model)
    assert (done.returncode, json.loads(done.stdout)["state"]) == (code, state), done.stderr


def test_an_answer_that_hits_the_token_limit_keeps_what_is_whole(triage):
    done = triage("google/gemini-2.5-flash", LLM_CONNECT_CUSTODIAN_TRIAGE_MAX_TOKENS="260")
    report = json.loads(done.stdout)
    assert (done.returncode, report["state"], len(report["items"])) == (1, "review_required", 1)
    assert report["served"]["finish_reason"] == "length"
    judged = report["served"]["validation"]
    assert (judged["valid"], judged["reason"]) == (False, "truncated")
    assert "llm-connect's validation failed: truncated: the content is not valid JSON" in "".join(report["problems"])


FAULTS = [("simulate/429", 5, "in 7 s"), ("simulate/402", 3, "credit"), ("simulate/401", 3, "warden prove")]


@pytest.mark.parametrize(("model", "code", "hint"), FAULTS)
def test_what_the_gateway_refuses_is_told_with_what_to_do(triage, tmp_path, model, code, hint):
    """The provider asks for seven seconds; the gateway would wait that long, twice."""
    (tmp_path / "llm-connect.toml").write_text(
        f'[profiles.custodian-triage-balanced]\nprovider = "openrouter"\nmodel = "{model}"\nretry_wait_seconds = 1\n'
    )
    done = triage(model, LLM_CONNECT_CONFIG=str(tmp_path / "llm-connect.toml"))
    fault = json.loads(done.stderr)
    assert (done.returncode, fault["system"]) == (code, "llm-connect")
    assert hint in fault["hint"]


BUDGETS = [
    ("day", "tokens = 12000", "budget_exhausted", r"run triage again in \d+ s"),
    ("day", "tokens = 9", "budget_exhausted", "no future period"),
    ("total", "tokens = 12000", "budget_exhausted", "no future period"),
    ("day", "usd = 1.0", "model_unpriced", "prices"),
]


@pytest.mark.parametrize("budget", BUDGETS)
def test_a_used_up_budget_is_not_now_and_says_when(triage, tmp_path, budget):
    """A first run takes its bound, of about 8,400 tokens, for good: the provider does not say what it used."""
    period, limit, kind, hint = budget
    (tmp_path / "llm-connect.toml").write_text(
        '[profiles.custodian-triage-balanced]\nprovider = "openrouter"\nmodel = "example/unpriced"\nmax_tokens = 900\n'
        f'[[budgets]]\nperiod = "{period}"\n{limit}\n'
    )
    settings = {"LLM_CONNECT_CONFIG": str(tmp_path / "llm-connect.toml"), "LLM_CONNECT_STATE": str(tmp_path / "state")}
    triage("simulate/no-usage", **settings)
    (tmp_path / "runs.db").unlink()
    done = triage("example/unpriced", **settings)
    fault = json.loads(done.stderr)
    assert (done.returncode, fault["kind"]) == (5, kind), done.stderr
    assert f"(402, {kind}: " in fault["message"]
    assert re.search(hint, fault["hint"])


def test_what_the_gateways_validation_says_is_in_the_report(triage):
    prose = json.loads(triage("simulate/prose").stdout)
    assert (prose["served"]["validation"]["valid"], prose["served"]["validation"]["reason"]) == (False, "not_json")
    assert "llm-connect's validation failed: not_json: the content is not valid JSON" in "".join(prose["problems"])
    assert prose["quarantined"] == []
    whole = json.loads(triage("google/gemini-2.5-flash").stdout)
    assert whole["served"]["validation"] == {"valid": True, "reason": "", "problems": []}


def recommended(candidate, job_size, **other):
    """A recommendation that is as asked for where `job_size` is on the scale."""
    estimates = {"user_business_value": 5, "time_criticality": 3, "risk_reduction_opportunity_enablement": 1}
    fixed = {"rank": 1, "candidate": candidate, "action": f"Do {candidate}.", "why": "It is due.", "confidence": "high"}
    return fixed | {"wsjf": estimates | {"job_size": job_size}, "needs_human": False, "needs_human_reason": ""} | other


@contextmanager
def provider_that_says(content):
    """A provider that answers every completion with this text; its base URL."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    octets = json.dumps({"id": "gen-1", "model": "example/model-1", "choices": [choice]}).encode()

    with listening(lambda _method, _body: (200, octets)) as address:
        yield f"{address}/api/v1"


SAID = {"summary": "A day.", "recommendations": [recommended("WS-101", 1), recommended("NS-203", 4)]}


def test_what_does_not_satisfy_the_schema_is_told_by_the_gateway_and_only_the_bad_item_is_quarantined(triage):
    with provider_that_says(json.dumps(SAID)) as url:
        done = triage("example/model-1", LLM_CONNECT_OPENROUTER_BASE_URL=url)
    report = json.loads(done.stdout)
    assert (done.returncode, report["state"]) == (1, "review_required"), done.stderr
    assert [each["candidate"] for each in report["items"]] == ["WS-101"]
    assert [each["candidate"] for each in report["quarantined"]] == ["NS-203"]
    judged = report["served"]["validation"]
    assert (judged["valid"], judged["reason"]) == (False, "schema")
    assert judged["problems"][0]["path"] == "/recommendations/1/wsjf/job_size"
    assert "llm-connect's validation failed: schema: /recommendations/1/wsjf/job_size 4 is not one of" in "".join(
        report["problems"]
    )


def test_a_gateway_that_takes_only_what_is_valid_gives_no_answer(triage, tmp_path):
    strict = '[profiles.custodian-triage-balanced]\nvalidation = "strict"\n'
    (tmp_path / "llm-connect.toml").write_text(strict)
    with provider_that_says(json.dumps(SAID)) as url:
        settings = {"LLM_CONNECT_OPENROUTER_BASE_URL": url, "LLM_CONNECT_CONFIG": str(tmp_path / "llm-connect.toml")}
        done = triage("example/model-1", **settings)
    fault = json.loads(done.stderr)
    assert (done.returncode, done.stdout, fault["kind"]) == (3, "", "answer_invalid")
    assert "strict" in fault["hint"]


FULL = """\
[server]
max_concurrency = 1
max_queue = 0
[profiles.silent]
provider = "openrouter"
model = "simulate/silent"
"""


@contextmanager
def a_call_under_way(url):
    """One caller who waits for a provider that says nothing."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    body = json.dumps({"prompt": "hello", "config": {"model_name": "silent"}})
    connection.request("POST", "/execute", body, {"content-type": "application/json"})
    try:
        until(lambda: 'llm_connect_calls{state="under_way"} 1' in metrics(url))
        yield
    finally:
        connection.close()
        until(lambda: 'llm_connect_calls{state="under_way"} 0' in metrics(url))


def metrics(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_gateway_that_is_full_is_not_now_and_takes_the_next_one(environment, provider, tmp_path):
    (tmp_path / "llm-connect.toml").write_text(FULL)
    asked = {"LLM_CONNECT_OPENROUTER_BASE_URL": provider, "LLM_CONNECT_CONFIG": str(tmp_path / "llm-connect.toml")}
    with serving(environment | asked, "serve") as url:
        with a_call_under_way(url):
            full = triage_of(url, environment, tmp_path)
        free = triage_of(url, environment, tmp_path)
    fault = json.loads(full.stderr)
    assert (full.returncode, full.stdout, fault["kind"]) == (5, "", "gateway_busy")
    assert "(503, gateway_busy: " in fault["message"]
    assert fault["hint"] == "run triage again in 1 s"
    assert (free.returncode, json.loads(free.stdout)["state"]) == (0, "whole")
