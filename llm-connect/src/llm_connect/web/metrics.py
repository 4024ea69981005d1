"""What `/metrics` shows, for Prometheus: names of profiles, callers and accounts; no content, no key.

Names beginning with `gen_ai_` are OpenTelemetry's for generative AI ("Semantic conventions: metrics"), as Prometheus
writes them. Labels have few values: an unknown path or type is not repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from llm_connect.common.prices import NANO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.accounts.budgets import Amount
    from llm_connect.calls.admission import Admission
    from llm_connect.keys.keyring import Keyring

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)
_ROUTE = ("profile", "gen_ai_provider_name")
disable_created_metrics()  # type: ignore[no-untyped-call]  # they would double the number of series


class Metrics:
    """Counts what is done; gauges are read when the page is requested."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "llm_connect_requests", "Answered requests.", ("path", "status", "type"), registry=registry
        )
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "From the request to the end of its answer.",
            _ROUTE,
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_event = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From the request to the first event of its stream.",
            _ROUTE,
            buckets=_SECONDS,
            registry=registry,
        )
        self._tokens = Counter(
            "gen_ai_client_token_usage", "Tokens.", ("profile", "caller", "gen_ai_token_type"), registry=registry
        )
        self._cost = Counter(
            "llm_connect_cost_usd", "What providers charged.", ("profile", "caller"), registry=registry
        )
        self._calls = Gauge("llm_connect_calls", "Calls now.", ("state",), registry=registry)
        self._keys = Gauge(
            "llm_connect_key_info", "The version of the key in force.", ("provider", "version"), registry=registry
        )
        self._unwritable = Gauge(
            "llm_connect_unwritable", "1 while calls are refused for it.", ("what",), registry=registry
        )
        self._tokens_spent = Gauge(
            "llm_connect_budget_spent_tokens", "Spent and reserved.", ("account",), registry=registry
        )
        self._usd_spent = Gauge("llm_connect_budget_spent_usd", "Spent and reserved.", ("account",), registry=registry)

    def count(self, path: str, status: int, type_: str, seconds: float, fields: Mapping[str, Any]) -> None:
        """Count one request; `fields` are those of its log line."""
        self._requests.labels(path, str(status), type_).inc()
        if "profile" not in fields:
            return
        profile, caller, provider = fields["profile"], fields["caller"], fields["provider"]
        self._duration.labels(profile, provider).observe(seconds)
        if "first_event_ms" in fields:
            self._first_event.labels(profile, provider).observe(fields["first_event_ms"] / 1000)
        self._tokens.labels(profile, caller, "input").inc(fields.get("prompt_tokens", 0))
        self._tokens.labels(profile, caller, "output").inc(fields.get("completion_tokens", 0))
        self._cost.labels(profile, caller).inc(fields.get("cost", 0))

    def text(
        self,
        admission: Admission,
        keys: Mapping[str, Keyring],
        spent: Mapping[str, Amount],
        unwritable: Mapping[str, bool],
    ) -> bytes:
        """The page."""
        for what, is_unwritable in unwritable.items():
            self._unwritable.labels(what).set(is_unwritable)
        self._calls.labels("under_way").set(admission.running)
        self._calls.labels("waiting").set(admission.waiting)
        self._keys.clear()
        for name, keyring in keys.items():
            if keyring.current is not None:
                self._keys.labels(name, keyring.current.version).set(1)
        self._tokens_spent.clear()  # not of past periods: each day has accounts of its own
        self._usd_spent.clear()
        for account, amount in spent.items():
            self._tokens_spent.labels(account).set(amount.tokens)
            self._usd_spent.labels(account).set(amount.nano_usd / NANO)
        return generate_latest(self._registry)
