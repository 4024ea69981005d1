"""/metrics and /openapi.json."""

from __future__ import annotations

import jsonschema_rs

from llm_connect.accounts.budgets import Amount
from llm_connect.calls.admission import Admission
from llm_connect.calls.chat_request import STANDARD
from llm_connect.config.model import Budget
from llm_connect.config.profiles import CUSTODIAN_TRIAGE
from llm_connect.web.metrics import Metrics

NAME = CUSTODIAN_TRIAGE.name


def test_metrics_count_calls_tokens_budgets_and_name_the_keys_version(simulator, gateway_to, call, key, tmp_path):
    budgets = (Budget("day", tokens=100_000),)
    body = {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "stream": True}
    with gateway_to(simulator, budgets=budgets, state=str(tmp_path)) as url:
        call("POST", f"{url}/execute", {"prompt": "hello"})
        call("POST", f"{url}/v1/chat/completions", body)
        call("GET", f"{url}/unheard/of")
        text = call("GET", f"{url}/metrics").octets.decode()
        version = call("GET", f"{url}/ready").json["key_versions"]["openrouter"]
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert found['llm_connect_requests_total{path="/execute",status="200",type=""}'] == "1.0"
    assert found['llm_connect_requests_total{path="(unknown)",status="404",type="unknown_path"}'] == "1.0"
    tokens = f'gen_ai_client_token_usage_total{{caller="anonymous",gen_ai_token_type="output",profile="{NAME}"}}'
    assert float(found[tokens]) > 8000
    first = f'gen_ai_server_time_to_first_token_seconds_count{{gen_ai_provider_name="openrouter",profile="{NAME}"}}'
    assert found[first] == "1.0"
    assert found[f'llm_connect_key_info{{provider="openrouter",version="{version}"}}'] == "1.0"
    assert any(name.startswith("llm_connect_budget_spent_tokens") for name in found)
    assert key not in text


def test_an_account_whose_period_is_over_is_reported_no_more():
    metrics = Metrics()
    place = metrics.text(Admission(1, 1), {}, {"all|all|day|2026-11-24": Amount(5)}, {})
    assert b"2026-11-24" in place
    assert b"2026-11-24" not in metrics.text(Admission(1, 1), {}, {}, {})


def test_the_document_describes_what_is_served(gateway, call):
    document = call("GET", f"{gateway}/openapi.json").json
    for path, methods in document["paths"].items():
        for method in methods:
            url = f"{gateway}{path.replace('{name}', NAME)}"
            assert call(method.upper(), url, {} if method == "post" else None).status != 404
    request = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(request["properties"]) == set(STANDARD)
    jsonschema_rs.validator_for(request, offline=True).validate(
        {"model": NAME, "messages": [{"role": "user", "content": "hello"}], "temperature": 1, "n": None}
    )


def test_what_took_how_long_and_cost_how_much_is_counted_by_route_and_caller():
    metrics = Metrics()
    fields = {"profile": "p", "provider": "o", "caller": "ann", "prompt_tokens": 3, "completion_tokens": 4, "cost": 0.5}
    metrics.count("/execute", 200, "", 0.03, fields)
    metrics.count("/execute", 200, "", 500.0, fields | {"first_event_ms": 15.0})
    text = metrics.text(Admission(1, 1), {}, {}, {}).decode()
    found = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    route = 'gen_ai_provider_name="o"'

    def within(name, bound):
        return found[f'gen_ai_server_{name}_seconds_bucket{{{route},le="{bound}",profile="p"}}']

    bounds = ("0.02", "0.04", "327.68", "+Inf")
    assert [within("request_duration", bound) for bound in bounds] == ["0.0", "1.0", "1.0", "2.0"]
    assert [within("time_to_first_token", bound) for bound in ("0.01", "0.02")] == ["0.0", "1.0"]
    assert found[f'gen_ai_server_request_duration_seconds_sum{{{route},profile="p"}}'] == "500.03"
    assert found['llm_connect_cost_usd_total{caller="ann",profile="p"}'] == "1.0"
    assert found['gen_ai_client_token_usage_total{caller="ann",gen_ai_token_type="input",profile="p"}'] == "6.0"
