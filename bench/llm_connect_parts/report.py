"""The page about a run, written from its result alone."""

from collections.abc import Mapping
from typing import Any

AIM_TIMES = 25
AIM_CPU = 1.6
INTRODUCTION = """\
Written by `make bench-llm`, which takes about ten minutes and so is not part of `make bench`. All of it is from one run
on one machine of two cores that others use too: read the ratios. Each round measures all of them, one after the other;
the figures are medians of the rounds. Load of the machine before each round ({rounds}): {loads}.

Core 0 has whoever is measured, core 1 the upstream and the load (Go's standard library,
`bench/llm_connect_parts/load`). llm-connect: validation, audit, budget in tokens and money, authentication on. LiteLLM:
one worker, master key, no database and so no budgets. nginx: one worker, buffering off. bare: uvicorn and aiohttp that
pass bytes on and look at nothing (`bench/llm_connect_parts/bare.py`), to show what Python itself costs here.
"""
PROCESSOR = """\
What other people's work on the machine changes least, and so the ratio to trust: requests per second depend on how
much of core 0 was left over in each moment.
"""
NAMES = ("direct", "nginx", "bare", "llm-connect", "LiteLLM")


def written(result: Mapping[str, Any]) -> str:
    """Markdown."""
    medians, points = result["medians"], result["memory"]
    lines = [
        "# Bench: what llm-connect adds to a call",
        "",
        *INTRODUCTION.format(rounds=result["rounds"], loads=_loads(result)).splitlines(),
        "",
        "![Requests per second, and added time](bench-llm-connect.svg)",
        "",
        "## Requests per second, an upstream that answers at once",
        "",
        "| connections | direct | nginx | bare | llm-connect | LiteLLM | llm-connect / LiteLLM | llm-connect / bare |",
        "|---|---|---|---|---|---|---|---|",
        *(_throughput(medians, level) for level in (1, 16, 64, 256)),
        "",
        "The direct call is the ceiling of upstream and load together: nobody behind it can be faster.",
        "",
        "## Time on a processor for each request, in ms",
        "",
        *PROCESSOR.splitlines(),
        "",
        "| connections | nginx | bare | llm-connect | LiteLLM | LiteLLM / llm-connect | llm-connect / bare |",
        "|---|---|---|---|---|---|---|",
        *(_processor(medians, level) for level in (1, 16, 64, 256)),
        "",
        "## Added time in ms, an upstream that answers after 20 ms",
        "",
        "Open loop: a request is sent when it is due whatever the answers do, and its time counts from then.",
        "",
        "| requests/s | | nginx | bare | llm-connect | LiteLLM |",
        "|---|---|---|---|---|---|",
        *(_added(medians, rate, key) for rate in (40, 500) for key in ("p50", "p99")),
        "",
        "## Time to the first content of a stream in ms, the upstream's 20 ms among it",
        "",
        "| | direct | nginx | bare | llm-connect | LiteLLM |",
        "|---|---|---|---|---|---|",
        *(_row(key, [_number(medians["stream"].get(name, {}).get(key)) for name in NAMES]) for key in ("p50", "p99")),
        "",
        "## Memory of llm-connect",
        "",
        _memory(points),
        "",
        "## Beside the aims",
        "",
        *_aims(medians),
        "",
    ]
    return "\n".join(lines)


def _loads(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{each['before']:.1f}" for each in result["all"]["load"]["machine"])


def _row(name: object, cells: list[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _failed(found: Mapping[str, float]) -> str:
    return f" ({found['failed']:.0f} failed)" if found["failed"] else ""


def _throughput(medians: Any, level: int) -> str:
    found = medians[f"connections {level}"]
    cells = [_number(found[n]["per_second"]) + _failed(found[n]) if n in found else "-" for n in NAMES]
    times = _times(medians, level)
    beside_bare = found["llm-connect"]["per_second"] / found["bare"]["per_second"]
    return _row(level, [*cells, "-" if times is None else f"{times:.1f}", f"{beside_bare:.2f}"])


def _processor(medians: Any, level: int) -> str:
    found = medians[f"connections {level}"]
    ratio = f"{found['LiteLLM']['cpu'] / found['llm-connect']['cpu']:.1f}" if "LiteLLM" in found else "-"
    cells = [_number(found[n]["cpu"]) if n in found else "-" for n in NAMES[1:]]
    return _row(level, [*cells, ratio, f"{_cpu_ratio(medians, level):.2f}"])


def _times(medians: Any, level: int) -> float | None:
    found = medians[f"connections {level}"]
    return found["llm-connect"]["per_second"] / found["LiteLLM"]["per_second"] if "LiteLLM" in found else None


def _more(medians: Any, rate: int, name: str, key: str) -> float | None:
    found = medians[f"rate {rate}"]
    return found[name][key] - found["direct"][key] if name in found else None


def _added(medians: Any, rate: int, key: str) -> str:
    return _row(rate, [key, *(_number(_more(medians, rate, name, key)) for name in NAMES[1:])])


def _memory(points: list[tuple[int, int]]) -> str:
    after = next((each for each in points if each[0] >= 10_000), points[-1])
    grown = (points[-1][1] - after[1]) / 1e6
    first, last = f"{after[1] / 1e6:.1f} MB after {after[0]:,}", f"{points[-1][1] / 1e6:.1f} MB after {points[-1][0]:,}"
    return f"{first} requests of the last part of the run, {last}: {grown:+.1f} MB."


def _aims(medians: Any) -> list[str]:
    levels = (16, 64)
    return [
        *(
            _aim(f"times LiteLLM at {each} connections", _times(medians, each), AIM_TIMES, least=True)
            for each in levels
        ),
        *(
            _aim(f"times bare's CPU at {each} connections", _cpu_ratio(medians, each), AIM_CPU, least=False)
            for each in levels
        ),
    ]


def _cpu_ratio(medians: Any, level: int) -> float:
    found = medians[f"connections {level}"]
    return float(found["llm-connect"]["cpu"] / found["bare"]["cpu"])


def _aim(what: str, value: float | None, aim: float, *, least: bool) -> str:
    reached = value is not None and (value >= aim if least else value <= aim)
    word = "reached" if reached else "NOT reached"
    return f"- {word}: {_number(value)} {what}; the aim is at {'least' if least else 'most'} {aim:g}"
