"""What `/metrics` shows, for Prometheus: names of profiles, callers and accounts; no content, no key.

Names beginning with `gen_ai_` are OpenTelemetry's for generative AI ("Semantic conventions: metrics"), as Prometheus
writes them. Labels have few values: an unknown path or type is not repeated.

Counted here are plain numbers, and made into Prometheus' families when they are asked for: the library's own counters
take a lock for each addition, and all is counted on one thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from llm_connect.common.prices import NANO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from llm_connect.accounts.budgets import Amount
    from llm_connect.calls.admission import Admission
    from llm_connect.keys.keyring import Keyring

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68)


class _Times:
    """How many took how long: for each of _SECONDS, and beyond the last, and all of them added up."""

    def __init__(self) -> None:
        self._counts = [0] * (len(_SECONDS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(_SECONDS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> Iterator[tuple[str, int]]:
        """The bound of each bucket and how many are within it, the smaller ones among them."""
        so_far = 0
        for bound, count in zip((*map(str, _SECONDS), "+Inf"), self._counts, strict=True):
            so_far += count
            yield bound, so_far


class _Counts(Collector):
    """Since the start, by the values of the labels."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, ...], float] = defaultdict(int)
        self.tokens: dict[tuple[str, ...], float] = defaultdict(int)
        self.cost: dict[tuple[str, ...], float] = defaultdict(float)
        self.duration: dict[tuple[str, ...], _Times] = defaultdict(_Times)
        self.first: dict[tuple[str, ...], _Times] = defaultdict(_Times)

    def collect(self) -> Iterable[Metric]:
        """See `Collector`."""
        route = ("profile", "gen_ai_provider_name")
        yield _counter("llm_connect_requests", "Answered requests.", ("path", "status", "type"), self.requests)
        yield _histogram(
            "gen_ai_server_request_duration_seconds",
            "From the request to the end of its answer.",
            route,
            self.duration,
        )
        yield _histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From the request to the first event of its stream.",
            route,
            self.first,
        )
        yield _counter("gen_ai_client_token_usage", "Tokens.", ("profile", "caller", "gen_ai_token_type"), self.tokens)
        yield _counter("llm_connect_cost_usd", "What providers charged.", ("profile", "caller"), self.cost)


def _counter(name: str, text: str, labels: tuple[str, ...], counts: Mapping[tuple[str, ...], float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, labels: tuple[str, ...], times: Mapping[tuple[str, ...], _Times]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, each in times.items():
        family.add_metric(values, list(each.buckets()), each.total)
    return family


class Metrics:
    """Counts what is done; gauges are read when they are asked for."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._counts = _Counts()
        registry.register(self._counts)
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
        counts = self._counts
        counts.requests[path, str(status), type_] += 1
        if "profile" not in fields:
            return
        profile, caller, provider = fields["profile"], fields["caller"], fields["provider"]
        counts.duration[profile, provider].observe(seconds)
        if "first_event_ms" in fields:
            counts.first[profile, provider].observe(fields["first_event_ms"] / 1000)
        counts.tokens[profile, caller, "input"] += fields.get("prompt_tokens", 0)
        counts.tokens[profile, caller, "output"] += fields.get("completion_tokens", 0)
        counts.cost[profile, caller] += fields.get("cost", 0)

    def text(
        self,
        admission: Admission,
        keys: Mapping[str, Keyring],
        spent: Mapping[str, Amount],
        unwritable: Mapping[str, bool],
    ) -> bytes:
        """The page."""
        for what, is_so in unwritable.items():
            self._unwritable.labels(what).set(is_so)
        self._calls.labels("under_way").set(admission.running)
        self._calls.labels("waiting").set(admission.waiting)
        self._keys.clear()
        for name, ring in keys.items():
            if ring.current is not None:
                self._keys.labels(name, ring.current.version).set(1)
        self._tokens_spent.clear()  # not of past periods: each day has accounts of its own
        self._usd_spent.clear()
        for account, amount in spent.items():
            self._tokens_spent.labels(account).set(amount.tokens)
            self._usd_spent.labels(account).set(amount.nano_usd / NANO)
        return generate_latest(self._registry)
