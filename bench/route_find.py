"""How well `route find` answers: right first, among three, confidently wrong, needs that nobody owns.

    .venv/bin/python bench/route_find.py             # the held-out needs, and those that it was tuned on
    .venv/bin/python bench/route_find.py --misses    # the needs that it was tuned on and misses
    .venv/bin/python bench/route_find.py --fit       # new weights from these; the held-out needs are not read
    .venv/bin/python bench/route_find.py --times     # a cold start beside bare Python's

The needs are in `warden/tests/core/search/`: our catalog, and some that are not ours. A need is right first if the
answer is "found" or "unsure" and names the right entry first. Drafts count, as with `--all`.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from route_find_fit import fit

from warden.adapters.catalog.files import load_catalog
from warden.adapters.catalog.search_index import compiled
from warden.adapters.catalog.stemming import Snowball
from warden.core.lanes.catalog import Catalog
from warden.core.search.answer import answer
from warden.core.search.index import Index
from warden.core.search.ranking import rank

ROOT = Path(__file__).parents[1]
NEEDS = ROOT / "warden" / "tests" / "core" / "search"
STEMMERS = Snowball()
FOLDS = 8


class Need(msgspec.Struct, frozen=True):
    """A need, the id that is right (empty where nobody owns it), and its kind."""

    text: str
    right: str
    kind: str


def needs(name: str) -> dict[str, list[Need]]:
    """Catalog -> its needs of that set."""
    declared = tomllib.loads((NEEDS / f"{name}.toml").read_text())
    return {
        catalog: [
            Need(text, "" if entry == "nobody" else entry, kind)
            for entry, kinds in entries.items()
            for kind, texts in kinds.items()
            for text in texts
        ]
        for catalog, entries in declared.items()
    }


def catalog(name: str) -> Catalog:
    """The shipped catalog, or one of those that are not ours."""
    found = load_catalog(str(ROOT / "platform" if name.startswith("ours") else NEEDS / "catalogs" / name))
    assert not found.faults, found.faults
    return found


def held_out() -> dict[str, list[Need]]:
    """The held-out needs, without those that stand among the others, or in the catalog, as well (some ids do)."""
    tuned = {need.text.lower() for each in needs("develop").values() for need in each}
    tuned |= {
        need.lower() for name in needs("heldout") for entry in catalog(name).entries.values() for need in entry.needs
    }
    return {name: [need for need in each if need.text.lower() not in tuned] for name, each in needs("heldout").items()}


def scored(index: Index, asked: list[Need]) -> Counter[str]:
    """How many: owned, first, three, told nobody, sure, wrong; foreign, and what was answered to those."""
    found: Counter[str] = Counter()
    for need in asked:
        given = answer(index, need.text, STEMMERS)
        ids = [hit.id for hit in given.hits] if given.verdict != "nobody" else []
        if need.right:
            found.update(owned=1, first=ids[:1] == [need.right], three=need.right in ids, told_nobody=not ids)
            found.update(sure=given.verdict == "found", wrong=given.verdict == "found" and ids != [need.right])
        else:
            found.update({"foreign": 1, f"foreign_{given.verdict}": 1})
    return found


def table(title: str, sets: dict[str, list[Need]]) -> None:
    print(
        f"\n{title}\n\n| needs | of | first % | among three % | told nobody % | sure % | confidently wrong % |", end=""
    )
    print(" foreign | of them nobody / unsure / sure |\n|---|---|---|---|---|---|---|---|---|")
    for name, asked in sets.items():
        index = compiled(catalog(name))
        kinds = sorted({need.kind for need in asked if need.right})
        rows = {name: asked} | {f"{name}: {kind}": [n for n in asked if n.right and n.kind == kind] for kind in kinds}
        for label, each in rows.items():
            print(row(label, scored(index, each)))


def row(label: str, found: Counter[str]) -> str:
    owned, foreign = found["owned"], found["foreign"]
    shares = [f"{100 * found[name] / owned:.1f}" for name in ("first", "three", "told_nobody", "sure", "wrong")]
    outside = [str(found[f"foreign_{verdict}"]) for verdict in ("nobody", "unsure", "found")] if foreign else []
    return f"| {label} | {owned} | {' | '.join(shares)} | {foreign or ''} | {' / '.join(outside)} |"


def misses(sets: dict[str, list[Need]]) -> None:
    for name, asked in sets.items():
        index = compiled(catalog(name))
        for need in asked:
            given = answer(index, need.text, STEMMERS)
            ids = [hit.id for hit in given.hits]
            wrong = given.verdict == "nobody" or ids[0] != need.right if need.right else given.verdict == "found"
            if wrong:
                print(f"{given.verdict:6} {need.text!r} is {need.right or 'nobody'}: {', '.join(ids)}")


def folds(declared: Catalog) -> Iterator[tuple[Index, Need]]:
    """The catalog's own needs, each with an index that was built without it and an eighth of the others."""
    chance = random.Random(1)
    owned = [(entry.id, need, chance.randrange(FOLDS)) for entry in declared.entries.values() for need in entry.needs]
    for fold in range(FOLDS):
        left = {(entry_id, need) for entry_id, need, its in owned if its == fold}
        rest = {
            entry.id: msgspec.structs.replace(entry, needs=tuple(n for n in entry.needs if (entry.id, n) not in left))
            for entry in declared.entries.values()
        }
        index = compiled(Catalog(rest))
        yield from ((index, Need(need, entry_id, "own")) for entry_id, need in sorted(left))


def samples() -> Iterator[tuple[Index, Need]]:
    """What the weights are fitted on."""
    for name, asked in needs("develop").items():
        declared = catalog(name)
        index = compiled(declared)
        yield from ((index, need) for need in asked)
        yield from folds(declared)


def times(rounds: int) -> None:
    """Processor time of a cold start, medians of interleaved rounds, as multiples of bare Python's."""
    warden = str(Path(sys.executable).parent / "warden")
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"HOME": folder, "XDG_CACHE_HOME": f"{folder}/cache", "WARDEN_JOURNAL": f"{folder}/journal"}
        find = [warden, "--platform", str(ROOT / "platform"), "route", "find"]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "route find 'openrouter key'": [*find, "openrouter key"],
            "route find 'opnerouter kye' (typos)": [*find, "opnerouter kye"],
            "route find 'SSH-Zugang' --json": [*find, "SSH-Zugang", "--json"],
            "route find 'server access' (unsure)": [*find, "server access"],
            "route find 'wifi password' (nobody)": [*find, "wifi password"],
        }
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds + 1):
            for name, argv in commands.items():
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run(argv, env=env, check=False, capture_output=True)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                taken[name].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    base = statistics.median(taken["python -c pass"][1:])
    print("\n| command | ms | x bare Python |\n|---|---|---|")
    for name, each in taken.items():
        median = statistics.median(each[1:])  # the first round compiles bytecode and the index
        print(f"| {name} | {1000 * median:.0f} | {median / base:.1f} |")


def main() -> None:
    options = argparse.ArgumentParser()
    for name in ("--misses", "--fit", "--times"):
        options.add_argument(name, action="store_true")
    options.add_argument("--rounds", type=int, default=15)
    chosen = options.parse_args()
    if chosen.misses:
        misses(needs("develop"))
    elif chosen.fit:
        print(fit([(index, need.right, rank(index, need.text, STEMMERS)) for index, need in samples()]))
    elif chosen.times:
        times(chosen.rounds)
    else:
        table("Held out: nobody tuned for these", held_out())
        table("Tuned on", needs("develop"))


if __name__ == "__main__":
    main()
