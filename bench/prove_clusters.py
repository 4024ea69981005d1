"""`prove --all` with many lanes in one cluster: how long it takes, and how it grows.

    python bench/prove_clusters.py [--lanes 10,100] [--jobs 4] [--profile FILE]

Everything is real: OpenBao, API server, External Secrets Operator, one after the other in one run on one embedded
platform, each step with the lanes of the step before among its own. Ten lanes share a tenant's namespace, each has an
account of its own; there are no consumers. Read the ratios: 10 would be linear from 10 to 100, 5 from 100 to 500.
"""

import argparse
import contextlib
import cProfile
import datetime as dt
import functools
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from warden.adapters.dev import Embedded
from warden.adapters.identities import ByMount, ClusterIssuer, NoIssuer
from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.kubernetes.client import Kubernetes, Reply
from warden.adapters.kubernetes.kubeconfig import connect
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.endpoint import parse_address
from warden.core.clusters.manifests import Reached
from warden.core.lanes.delivery_target import DeclaredCluster, DeliveryTarget, targets
from warden.core.lanes.lane import Custody, Delivery, Lane, Owner, Owners, Workload, WorkloadReader
from warden.core.openbao.resources import Settings
from warden.core.plans.lane_plan import LaneOptions
from warden.core.proofs.verdict import Proof
from warden.core.secret import Secret
from warden.usecases.context import Context
from warden.usecases.prove import ProveOptions, prove
from warden.usecases.put import put
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.targets.cluster import ClusterTarget
from warden.usecases.targets.openbao import OpenBaoTarget

NAME = "bench"
TENANT = 10
"""Lanes of one tenant's namespace."""


class Counting(Kubernetes):
    """Counts its requests by what they are about."""

    counts: ClassVar[Counter[str]] = Counter()
    lock: ClassVar[threading.Lock] = threading.Lock()

    def request(self, method: str, path: str, *rest: Any, **more: Any) -> Reply:
        with self.lock:
            self.counts["reviews" if path.endswith("subjectaccessreviews") else "others"] += 1
        return super().request(method, path, *rest, **more)


class Scene:
    """The embedded platform with one cluster, and what is needed to apply and prove lanes there."""

    def __init__(self, embedded: Embedded, home: str, jobs: int) -> None:
        status = embedded.status()
        token = Secret(Path(embedded.personas.token_file("platform")).read_text())
        where = msgspec.structs.replace(parse_address(status.address, "BAO_ADDR"), ca_file=status.ca_file)
        self.vaults = functools.partial(OpenBao, where, token)
        self.audit_file, self.jobs = status.audit_file, jobs
        self.journal = SqliteJournal(f"{home}/journal.db")
        self.cluster = connect(NAME, NAME, {"KUBECONFIG": embedded.layout.kubeconfig})
        self.cluster.__class__ = Counting
        self.declared = {NAME: DeclaredCluster(context=NAME, auth_mount=embedded.auth_mount(NAME))}
        self.address, self.ca_file = status.address, status.ca_file
        self.unplayed = NoIssuer(status.address)

    def apply(self, new: tuple[Lane, ...], every: tuple[Lane, ...]) -> None:
        vault = self.vaults()
        for lane in new:
            apply_target(OpenBaoTarget(lane, vault, every, settings=Settings()), self.journal, LaneOptions())
            put(lane, {"API_KEY": Secret(f"bench-value-of-{lane.id}")}, vault, self.journal)
            for target in targets(lane, self.declared):
                there = ClusterTarget(target, self.cluster, self.reached(target), create_namespace=True)
                apply_target(there, self.journal, LaneOptions())

    def prove(self, lanes: tuple[Lane, ...]) -> list[Proof]:
        context = Context(
            lanes={lane.id: lane for lane in lanes},
            settings=Settings(),
            vault=self.vaults(),
            vaults=self.vaults,
            clusters=self,
            journal=self.journal,
            audit_device="file",
            alone=lambda _: contextlib.nullcontext(),
        )
        identities = ByMount({self.declared[NAME].auth_mount: ClusterIssuer(self.cluster)}, self.unplayed)
        options = ProveOptions(run=f"wp-bench-{len(lanes)}", workers=self.jobs)
        return prove(lanes, context, identities, AuditFiles([self.audit_file]), options)

    # -- the port Clusters --------------------------------------------------------------------------------------------

    embedded = True

    def __getitem__(self, name: str) -> Kubernetes:
        return self.cluster

    def reached(self, _delivery: DeliveryTarget) -> Reached:
        return Reached(address=self.address, ca=Path(self.ca_file).read_text())


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one step took. Times in seconds; ``waited`` is of all lanes together, for the operator."""

    lanes: int
    applied: int
    apply: float
    prove: float
    waited: float
    reviews: int
    requests: int


def lanes(count: int, first: int = 0) -> tuple[Lane, ...]:
    owner = Owner(repo="platform-team", doc="docs/openbao.md")
    return tuple(
        Lane(
            id=f"bench-{number}",
            title=f"lane {number}",
            status="active",
            reviewed=dt.date(2026, 11, 1),
            owners=Owners(custody=owner, consumer=owner, runtime=owner),
            custody=Custody(path=f"platform/workloads/bench/w{number}/s{number}", fields=("API_KEY",)),
            readers=(WorkloadReader(workload=Workload(f"bench-{number // TENANT}", f"w{number}")),),
            deliveries={NAME: Delivery(external_secret=f"bench-{number // TENANT}/s{number}")},
        )
        for number in range(first, count)
    )


def measure(scene: Scene, steps: list[int], profile: str) -> list[Row]:
    rows, done = [], 0
    for count in steps:
        every = lanes(count)
        started = time.perf_counter()
        scene.apply(lanes(count, done), every)
        applied = time.perf_counter() - started
        Counting.counts.clear()
        profiler = cProfile.Profile(builtins=False) if profile and count == steps[-1] else None
        if profiler:
            profiler.enable()
        started = time.perf_counter()
        proofs = scene.prove(every)
        took = time.perf_counter() - started
        if profiler:
            profiler.disable()
            profiler.dump_stats(profile)
        wrong = [(p.lane, v.probe, v.detail) for p in proofs for v in p.verdicts if v.result != "ok"]
        assert not wrong, wrong[:5]
        waited = sum(v.ms for p in proofs for v in p.verdicts if v.probe == "synced") / 1000
        reviews = Counting.counts["reviews"]
        assert reviews, "no request was counted"
        rows.append(
            Row(
                lanes=count,
                applied=count - done,
                apply=applied,
                prove=took,
                waited=waited,
                reviews=reviews,
                requests=reviews + Counting.counts["others"],
            )
        )
        print(table(rows[-1:], scene.jobs).splitlines()[-3], file=sys.stderr, flush=True)
        done = count
    return rows


def table(rows: list[Row], jobs: int) -> str:
    head = (
        "| lanes | apply s | a lane ms | prove s | a lane ms | x the row above (lanes x) "
        "| access reviews | all API requests | of them a lane | waiting for ESO |"
    )
    lines = [f"One cluster, {TENANT} lanes a namespace, {jobs} jobs, one run", "", head, f"|{'---|' * 10}"]
    before: Row | None = None
    for row in rows:
        grown = f"{row.prove / before.prove:.1f} ({row.lanes / before.lanes:.0f})" if before else "-"
        lines.append(
            f"| {row.lanes} | {row.apply:.1f} | {row.apply / row.applied * 1000:.0f} | {row.prove:.1f} "
            f"| {row.prove / row.lanes * 1000:.0f} | {grown} | {row.reviews} | {row.requests} "
            f"| {row.requests / row.lanes:.0f} | {row.waited / (row.prove * jobs):.0%} |"
        )
        before = row
    note = "`apply` is of the lanes that a row adds; waiting is the share of all jobs' time."
    return "\n".join([*lines, "", note])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lanes", default="10,100")
    options.add_argument("--jobs", type=int, default=4)
    options.add_argument("--profile", default="", metavar="FILE", help="of the last step; with --jobs 1")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as home:
        embedded = Embedded(home)
        try:
            embedded.up(lambda _: None, [NAME])
            scene = Scene(embedded, home, chosen.jobs)
            rows = measure(scene, [int(each) for each in chosen.lanes.split(",")], chosen.profile)
        finally:
            embedded.wipe()
    print(table(rows, chosen.jobs))


if __name__ == "__main__":
    main()
