"""``make mutants``: break the code in small ways, and see whether the tests notice. Run in .venv-mutants.

    run.py [--since COMMIT] [--sample N] [--seed N] [FILE…]

Files are those that changed since COMMIT, unless some are named. The mutants are made in a copy with an environment of
its own, so that this checkout stays as it is. For each mutant the tests that name the module run first, then all others
of its program but those of clusters and published clients. Survivors are printed as diffs: each is a test that is
missing, or a line that nobody needs. Exit code 1 if fewer than 92 of 100 were noticed.
"""

import argparse
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray.config import serialize_config
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

REPOSITORY = Path(__file__).resolve().parents[2]
NOTICED = 0.92
SECONDS = 1200.0
"""For all tests of one mutant."""

_EQUIVALENT = re.compile(r"core/(ReplaceBinaryOperator_BitOr_\w+|Variable\w+|RemoveDecorator)")
"""Mutations that mostly change nothing: of unions in annotations, and of decorators that only document."""


def main() -> int:
    """Make the copy, try the mutants of each file, and report."""
    given = _arguments()
    files = [Path(each) for each in given.files or _changed(given.since)]
    if not files:
        print(f"no source file has changed since {given.since}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = _copied(Path(folder) / "copy")
        found = [each for file in files for each in _tried(copy, file, given.sample // len(files) or 1, given.seed)]
    survived = [result for result in found if result.test_outcome == TestOutcome.SURVIVED]
    for result in survived:
        print(result.diff)
    noticed = 1 - len(survived) / max(len(found), 1)
    print(f"\n{len(found)} mutants in {len(files)} files: {len(survived)} survived")
    print(f"{noticed:.0%} noticed; the aim is {NOTICED:.0%}")
    return 0 if noticed >= NOTICED else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Break the code in small ways, and see whether the tests notice.")
    parser.add_argument("--since", default="HEAD~1", metavar="COMMIT", help="files that changed since then (HEAD~1)")
    parser.add_argument("--sample", type=int, default=60, metavar="N", help="how many mutants are tried (60)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which ones (0)")
    parser.add_argument("files", nargs="*", metavar="FILE", help="source files, instead of those that changed")
    return parser.parse_args()


def _git(*argv: str) -> list[str]:
    done = subprocess.run(["git", *argv], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return [each for each in done.stdout.split("\0") if each]


def _changed(since: str) -> list[str]:
    names = _git("diff", "--name-only", "--diff-filter=d", "-z", since)
    return [each for each in names if re.fullmatch(r"[\w-]+/src/.*\.py", each) and not each.endswith("__init__.py")]


def _copied(copy: Path) -> Path:
    """What Git tracks or would, as it is now, with its own .venv: the tests start programs from there."""
    for name in _git("ls-files", "-z", "--cached", "--others", "--exclude-standard"):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)
    subprocess.run(["make", "--silent", "setup"], cwd=copy, check=True)
    return copy


def _tried(copy: Path, file: Path, most: int, seed: int) -> Iterator[WorkResult]:
    """The results of at most that many mutants of one file."""
    config, session = copy / "mutants.toml", str(copy / f"{file.stem}.sqlite")
    config.write_text(serialize_config(_configuration(copy, file)))
    _cosmic_ray(copy, "init", str(config), session)
    with use_db(session, WorkDB.Mode.open) as work:
        _choose(work, most, seed)
    print(f"{file}: trying at most {most} mutants …", flush=True)
    _cosmic_ray(copy, "exec", str(config), session)
    with use_db(session, WorkDB.Mode.open) as work:
        yield from (each for _, each in work.completed_work_items if each.worker_outcome == WorkerOutcome.NORMAL)


def _configuration(copy: Path, file: Path) -> dict[str, object]:
    pytest = ".venv/bin/python -m pytest -x -q -p no:cacheprovider -m 'not cluster and not compat'"
    near = " ".join(_nearest_tests(copy, file))
    everything = f"{pytest} -n 2 {file.parts[0]}/tests"
    return {
        "module-path": str(file),
        "timeout": SECONDS,
        "excluded-modules": [],
        "test-command": shlex.join(["sh", "-c", f"{pytest} -n 0 {near} && {everything}" if near else everything]),
        "distributor": {"name": "local"},
    }


def _cosmic_ray(copy: Path, *argv: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("cosmic-ray")), *argv], cwd=copy, check=True)


def _nearest_tests(copy: Path, file: Path) -> list[str]:
    """The test files in the mirrored place, and those that name the module."""
    package, inner = str(file).split("/src/")
    module = inner.removesuffix(".py").replace("/", ".")
    mirrored = copy / package / "tests" / Path(*Path(inner).parts[1:]).with_name(f"test_{file.stem}.py")
    naming = [each for each in (copy / package / "tests").rglob("test_*.py") if module in each.read_text()]
    return sorted({str(each.relative_to(copy)) for each in (mirrored, *naming) if each.is_file()})


def _choose(work: WorkDB, most: int, seed: int) -> None:
    """Leave `most` mutants to be tried; the others count as skipped, as cosmic-ray's own filters do it."""
    items = sorted(work.pending_work_items, key=lambda each: (each.mutations[0].start_pos, _name(each)))
    worth = [each for each in items if not _EQUIVALENT.match(_name(each))]
    sample = random.Random(seed).sample(worth, min(most, len(worth)))  # noqa: S311 - nothing secret
    kept = {each.job_id for each in sample}
    rest = [each.job_id for each in items if each.job_id not in kept]
    work.set_multiple_results(rest, WorkResult(worker_outcome=WorkerOutcome.SKIPPED, output="not in the sample"))


def _name(item: WorkItem) -> str:
    return str(item.mutations[0].operator_name)


if __name__ == "__main__":
    sys.exit(main())
