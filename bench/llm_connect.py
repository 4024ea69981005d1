"""What llm-connect adds to a call, beside LiteLLM, nginx as a plain proxy, a bare one in Python and the direct call.

    make bench-llm

Whoever is measured has core 0, the upstream and the load core 1; rounds alternate between all of them, and medians of
the rounds are told. llm-connect has validation of the answer's schema, audit records, a budget in tokens and money and
the callers' authentication on. LiteLLM has its master key on, and neither a database nor budgets, which need one.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm_connect_parts.contenders import TOKEN, Contender, arranged, body
from llm_connect_parts.report import written

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SECONDS = 2.5
HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
Found = dict[str, dict[str, list[dict[str, float]]]]
"""Measurement -> contender -> what each round gave."""


def built(folder: Path) -> Path:
    subprocess.run(["go", "build", "-o", folder / "load", "."], cwd=HERE / "llm_connect_parts/load", check=True)
    return folder / "load"


def measured(load: Path, kind: str, url: str, asked: bytes, *how: object) -> dict[str, float]:
    command = ["taskset", "-c", "1", load, kind, url, *map(str, how)]
    done = subprocess.run(command, input=asked, env={**os.environ, "TOKEN": TOKEN}, capture_output=True, check=True)
    return json.loads(done.stdout)


def round_of(load: Path, contenders: list[Contender], found: Found) -> None:
    for level in (1, 16, 64, 256):
        for each in contenders:
            if level in each.levels:
                before = each.cpu_seconds()
                told = measured(load, "closed", each.base["quick"], body("quick"), level, SECONDS)
                told["cpu"] = (each.cpu_seconds() - before) * 1000 / max(told["answered"], 1)
                found[f"connections {level}"][each.name].append(told)
    for rate, seconds, names in ((40, 8, None), (500, 4, {"direct", "nginx", "llm-connect", "bare"})):
        for each in contenders:
            if names is None or each.name in names:
                asked = (load, "open", each.base["slow"], body("slow"), rate, seconds)
                found[f"rate {rate}"][each.name].append(measured(*asked))
    for each in contenders:
        asked = (load, "stream", each.base["slow"], body("slow", stream=True), 30)
        found["stream"][each.name].append(measured(*asked))


def memory(load: Path, ours: Contender) -> list[tuple[int, int]]:
    """Requests so far and bytes resident, up to 10^5 requests more."""
    total = 0
    points = [(0, ours.resident())]
    while total < 100_000:
        total += int(measured(load, "closed", ours.base["quick"], body("quick"), 64, 5)["answered"])
        points.append((total, ours.resident()))
    return points


def medians(found: Found) -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    return {
        measure: {
            name: {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
            for name, rounds in by_name.items()
        }
        for measure, by_name in found.items()
    }


def main() -> int:
    found: Any = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load = built(folder)
        with arranged(load, folder) as contenders:
            for number in range(1, ROUNDS + 1):
                busy = os.getloadavg()[0]
                sys.stderr.write(f"bench: round {number} of {ROUNDS}, load of the machine {busy:.1f}\n")
                found["load"]["machine"].append({"before": busy})
                round_of(load, contenders, found)
            sys.stderr.write("bench: memory, over 100,000 requests\n")
            points = memory(load, contenders[2])
    result = {"rounds": ROUNDS, "medians": medians(found), "memory": points, "all": found}
    (DOCS / "bench-llm-connect.md").write_text(written(result), encoding="utf-8")
    python = HERE.parent / ".venv-bench/bin/python"
    plot = [python, HERE / "llm_connect_parts/plot.py", DOCS / "bench-llm-connect.svg"]
    subprocess.run(plot, input=json.dumps(result).encode(), check=True)
    print(written(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
