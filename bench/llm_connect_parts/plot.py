"""The plot of a run: its result on standard input, the file to write as the argument. Runs in .venv-bench."""

import json
import sys
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

COLOURS = {"direct": "#9a9a9a", "nginx": "#5b8db8", "bare": "#8fae7e", "llm-connect": "#d1603d", "LiteLLM": "#4d4d4d"}
LEVELS = (1, 16, 64, 256)


def throughput(axes: Any, medians: Any) -> None:
    for place, (name, colour) in enumerate(COLOURS.items()):
        found = [medians[f"connections {level}"].get(name, {}).get("per_second") for level in LEVELS]
        at = [index + (place - 2) * 0.17 for index, value in enumerate(found) if value]
        bars = axes.bar(at, [value for value in found if value], 0.16, label=name, color=colour)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=6, rotation=90, padding=2)
    axes.set_yscale("log")
    axes.set_ylim(top=axes.get_ylim()[1] * 12)
    axes.set_xticks(range(len(LEVELS)), LEVELS)
    axes.set_xlabel("connections")
    axes.set_title("requests per second (logarithmic)", fontsize=10)
    axes.legend(fontsize=8, ncols=5, loc="upper center", frameon=False, columnspacing=1.2)


def added(axes: Any, medians: Any) -> None:
    places = [(rate, key) for rate in (40, 500) for key in ("p50", "p99")]
    for place, name in enumerate(list(COLOURS)[1:]):
        values = []
        for rate, key in places:
            found = medians[f"rate {rate}"]
            values.append(max(found[name][key] - found["direct"][key], 0.01) if name in found else None)
        at = [index + (place - 1.5) * 0.21 for index, value in enumerate(values) if value is not None]
        bars = axes.bar(at, [v for v in values if v is not None], 0.2, label=name, color=COLOURS[name])
        axes.bar_label(bars, fmt="{:.2f}", fontsize=6, padding=2)
    axes.set_yscale("log")
    axes.set_xticks(range(len(places)), [f"{key}\n{rate}/s" for rate, key in places])
    axes.set_title("ms added to a call of 20 ms (logarithmic)", fontsize=10)


def main() -> None:
    medians = json.load(sys.stdin)["medians"]
    mpl.rcParams["svg.hashsalt"] = "bench"
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    throughput(left, medians)
    added(right, medians)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(sys.argv[1], metadata={"Date": None})


main()
