"""Seeded faults: each is planted in a sound lane, and `prove` has to catch it and name its owner and its fix.

The faults are in tests/plugins/faults/cluster, and docs/seeded-faults.md is the table of what `prove` said. After an
intended change: WARDEN_WRITE=1 make test-cluster.
"""

import secrets

import pytest
from faults import page
from faults.cluster import FAULTS
from shown_commands import Shell

from warden.core.remedies import AskOwner
from warden.present.commands import commands

pytestmark = pytest.mark.cluster
ROUNDS = 3
"""How often somebody proves, does what is shown first, and proves again."""
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "knoll", "larch")


@pytest.fixture
def unique():
    """Names of words: a path with random digits in it looks like a secret, which no catalog takes."""
    return lambda stem: "-".join([stem, *(secrets.choice(WORDS) for _ in range(4))])


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.label for fault in FAULTS])
def test_a_seeded_fault_is_caught_and_named_with_its_owner_and_its_fix(bench, fault):
    bench.ready()
    fault.plant(bench)
    planned = [change for plan in (bench.plan(), bench.plan_there()) for change in plan.to_change]
    proof = bench.prove()
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
        assert done.returncode == 0, (shell.ran, done.stdout, done.stderr)
        bench.settle()
        proof = bench.prove()
        again = {(v.probe, v.reader, v.cluster) for v in proof.verdicts if v.result == "wrong"}
        assert (first.probe, first.reader, first.cluster) not in again, (shell.ran, bench.shown(proof))
    assert proof.state == "proven", (shell.ran, bench.shown(proof))


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
