"""Seeded faults: each is planted in a sound lane, and `prove` has to catch it and name its owner and its fix.

The faults are in tests/plugins/faults/cluster, and docs/seeded-faults.md is the table of what `prove` said. After an
intended change: WARDEN_WRITE=1 make test-cluster.
"""

import time

import pytest
from faults import page
from faults.cluster import FAULTS
from shown_commands import Shell
from word_names import word_name

from warden.core.remedies import AskOwner
from warden.present.commands import commands

pytestmark = pytest.mark.cluster
ROUNDS = 3
"""How often somebody proves, does what is shown first, and proves again."""
SILENCE = 2.0
"""Seconds in which an operator that is silent is waited for."""


@pytest.fixture
def unique():
    return word_name


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.label for fault in FAULTS])
def test_a_seeded_fault_is_caught_and_named_with_its_owner_and_its_fix(bench, fault):
    bench.ready()
    fault.plant(bench)
    planned = [change for plan in (bench.plan(), bench.plan_there()) for change in plan.to_change]
    proof = bench.prove(**({"patience": SILENCE} if fault.silent else {}))
    assert bench.found(proof, "wrong") == set(fault.wrong.split()), bench.shown(proof)
    assert bench.found(proof, "inconclusive") == set(fault.open.split()), bench.shown(proof)
    expect_in(proof, planned)
    for verdict in proof.verdicts:
        assert verdict.result != "wrong" or verdict.remedy, verdict
    replaced = {bench.name: "LANE", bench.namespace: "TENANT", bench.platform.address: "OPENBAO"}
    page.expect(fault, page.row(fault, bench.lane, proof, replaced))
    if fault.mends:
        expect_mended(bench, proof)


def expect_mended(bench, proof):
    """Do what the first verdict that is not right shows, and prove again, until all is right."""
    shell = Shell(bench)
    for _ in range(ROUNDS):
        if proof.state == "proven":
            return
        first = next(v for result in ("wrong", "inconclusive") for v in proof.verdicts if v.result == result)
        assert first.remedy, first
        assert not any(isinstance(step, AskOwner) for step in first.remedy), commands(first.remedy)
        done = shell.run(commands(first.remedy))
        # What the garbage collector was faster with, is gone as well.
        assert done.returncode == 0 or "(NotFound)" in done.stderr, (shell.ran, done.stdout, done.stderr)
        proof = proven_again(bench, first)
        assert identity(first) not in map(identity, still_wrong(proof)), (shell.ran, bench.shown(proof))
    assert proof.state == "proven", (shell.ran, bench.shown(proof))


def proven_again(bench, first):
    """The proof afterwards; again, as long as the garbage collector has not come to it yet."""
    bench.settle()
    end = time.monotonic() + 60
    while True:
        proof = bench.prove()
        if identity(first) not in map(identity, still_wrong(proof)) or time.monotonic() > end:
            return proof
        time.sleep(3)


def still_wrong(proof):
    return [verdict for verdict in proof.verdicts if verdict.result == "wrong"]


def identity(verdict):
    return verdict.probe, verdict.reader, verdict.cluster, verdict.remedy


def expect_in(proof, planned):
    """Whatever the plan would change, the proof reports as well."""
    open_ids = {verdict.probe for verdict in proof.verdicts if verdict.result != "ok"}
    for change in planned:
        known = {"Secret": {"secret", "by-hand"}, "metadata": {"metadata"}}.get(change.kind, {change.kind.lower()})
        assert known & open_ids, (change, open_ids)


def test_an_environment_that_started_after_the_last_change_is_no_fault(bench):
    bench.ready().deploy(how="environment")
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
