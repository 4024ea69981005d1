"""Faults that need nothing but an OpenBao: each is planted beside a sound lane, and `prove` has to catch it.

The faults are in tests/plugins/faults/openbao, and docs/seeded-faults.md is the table of what `prove` said. After an
intended change: WARDEN_WRITE=1.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from canary import Canary
from faults import page
from faults.openbao import FAULTS, HARMLESS, NAMESPACED, logins, namespaces
from openbao_state import put_back, state_of
from platform_server import own_server
from word_names import word_name

from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import rights_of
from warden.core.remedies import RunBao, RunWarden
from warden.present.commands import commands
from warden.present.proofs import proof_json
from warden.present.verdicts import explanation
from warden.usecases.steps.concurrency import at_once

platform_server = own_server()
"""A server of their own: what these tests plant would be found by every other proof."""


@pytest.fixture
def unique():
    return word_name


@pytest.fixture(scope="module")
def untouched(platform_server):
    for persona in ("platform", "developer"):
        platform_server.token(persona)  # logs in
    return state_of(platform_server)


def reading_all(bench):
    """Every proof reads who can reach what."""
    bench.snapshots = lambda part: SnapshotReader(bench.vault(part), at_once)
    return bench


@pytest.fixture
def lane(bench, untouched):
    """A lane that is applied, filled and sound; what is planted beside it goes with it."""
    yield reading_all(bench).ready()
    put_back(bench.server, untouched)


def shown(proof):
    return json.dumps(
        [[v.result, v.probe, v.reader, v.subject, explanation(v)] for v in proof.verdicts if v.result != "ok"], indent=1
    )


def found(proof, result):
    return {verdict.probe for verdict in proof.verdicts if verdict.result == result}


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.label for fault in FAULTS])
def test_a_fault_is_caught_and_named_with_its_owner_and_its_fix(lane, fault):
    expect_caught(lane, fault)


@pytest.fixture
def inner_lane(bench, untouched):
    """The same, in a namespace of its own."""
    outer = bench.server
    yield namespaces.sound(reading_all(bench))
    put_back(outer, untouched)


@pytest.mark.parametrize("fault", NAMESPACED, ids=[fault.label for fault in NAMESPACED])
def test_a_fault_around_a_namespace_is_caught(inner_lane, fault):
    expect_caught(inner_lane, fault)


def test_a_lane_in_a_namespace_is_proven(inner_lane):
    proof = proven_without_a_trace(inner_lane)
    assert proof.state == "proven", shown(proof)


def expect_caught(lane, fault):
    """Plant it; it is caught by exactly those verdicts, is a row of the page, and is mended as is shown."""
    fault.plant(lane)
    proof = proven_without_a_trace(lane, inspect=fault.inspect)
    assert found(proof, "wrong") == set(fault.wrong.split()), shown(proof)
    assert found(proof, "inconclusive") == set(fault.open.split()), shown(proof)
    for verdict in proof.verdicts:
        assert verdict.result != "wrong" or verdict.remedy, verdict
    replaced = {lane.lane.id: "LANE", lane.server.address: "OPENBAO"}
    page.expect(fault, page.row(fault, lane.lane, proof, replaced))
    if fault.mends:
        mend(lane, proof)
        again = lane.prove(run=f"wp-{lane.lane.id}-mended", inspect=fault.inspect)
        assert again.state == "proven", f"not mended by {[commands(v.remedy) for v in proof.verdicts]}\n{shown(again)}"


def mend(bench, proof):
    """Run the commands that the verdicts show, as they show them; a command of warden's on the bench."""
    steps = dict.fromkeys(step for verdict in proof.verdicts if verdict.result == "wrong" for step in verdict.remedy)
    for step in steps:
        match step:
            case RunWarden(command="apply"):
                bench.apply(take_over="take-over" in dict(step.options))
            case RunWarden(command="put", arguments=(_, *fields)):
                for field in fields:
                    bench.put(field=field)
            case RunBao():
                run_bao(bench, step)
            case _:
                raise AssertionError(f"not to be run: {commands([step])}")


def run_bao(bench, step):
    env = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "BAO_ADDR": bench.server.address,
        "BAO_TOKEN": bench.server.token("admin"),
        "BAO_NAMESPACE": bench.server.namespace,
        "HOME": str(bench.directory),
        "EDITOR": "sed -i /platform.data.workloads/d",  # what a fault adds to a policy that is edited
    }
    ran = subprocess.run(["sh", "-c", commands([step])], env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (commands([step]), ran.stdout, ran.stderr)


@pytest.mark.parametrize("harmless", HARMLESS, ids=[each.label for each in HARMLESS])
def test_what_opens_nothing_is_no_finding(lane, harmless):
    harmless.plant(lane)
    proof = proven_without_a_trace(lane)
    assert proof.state == "proven", shown(proof)


def proven_without_a_trace(bench, **how):
    """The proof; it has shown the value nowhere, changed nothing on the server, and left no token behind."""
    everything = bench.server.within("")
    before, snapshot = steady(state_of(everything)), bench.snapshot()
    logged = os.path.getsize(bench.server.audit_file)
    proof = bench.prove(**how)
    canary = Canary(bench.value)
    said = json.dumps([proof_json(bench.lane, proof, ""), [v.facts for v in proof.verdicts]])
    canary.look("the output", said.encode())
    canary.look_below(bench.directory)
    with Path(bench.server.audit_file).open("rb") as log:
        log.seek(logged)
        canary.look("the audit log", log.read())
    assert steady(state_of(everything)) == before
    assert bench.snapshot() == snapshot
    return proof


def steady(state):
    """Without the entities that OpenBao makes for whoever logs in."""
    return {
        path: found for path, found in state.items() if not (path.startswith("identity/entity/id/") and born(found))
    }


def born(entity):
    return entity["name"].startswith("entity_") and not entity["policies"] and not entity["group_ids"]


# -- what the prover may not look at ----------------------------------------------------------------------------------

SCOPE = Scope(auth=("+",))


def held_by_prover():
    found = {}
    for right in rights_of("prove", SCOPE):
        found.setdefault(right.path, set()).update(right.capabilities)
    return found


def as_policy(held):
    return "".join(
        f'path "{path}" {{ capabilities = {json.dumps(sorted(capabilities) or ["deny"])} }}\n'
        for path, capabilities in held.items()
    )


HEADERS = "sys/config/auditing/request-headers"
SPARED = ("sys/audit-hash/*", "auth/token/revoke-accessor", "auth/+/groups/*", "sys/policies/acl", HEADERS)
"""What deliveries need, what ends tokens, what no login here has, what another right gives, what the lines tell."""


def one_of_each_kind(bench):
    """Everything that gives tokens or policies, so that it matters who may look at it."""
    bench.server.must("POST", "auth/approle/role/a-job", {"token_policies": "default"})
    bench.server.must("POST", "auth/cert/certs/a-machine", {"certificate": logins.authority()})
    bench.server.must("POST", "auth/token/roles/a-token", {"allowed_policies": "default"})
    bench.server.must("POST", "identity/group", {"name": "a-group"})
    bench.server.must("POST", "identity/entity", {"name": "an-entity"})


@pytest.mark.parametrize(
    ("path", "capability"),
    [(path, each) for path, held in held_by_prover().items() if path not in SPARED for each in sorted(held)],
)
def test_what_the_prover_may_not_look_at_is_named_and_never_counts_as_proven(lane, path, capability):
    one_of_each_kind(lane)
    held = held_by_prover()
    token = lane.server.token_with(as_policy(held | {path: held[path] - {capability}}))
    prover = SnapshotReader(lane.server.vault(token), at_once)
    proof = lane.prove(vaults=lambda: lane.server.vault(token), snapshots=prover)
    assert proof.state != "proven"
    open_ones = [explanation(each) for each in proof.verdicts if each.result == "inconclusive"]
    instead = path.replace("/detailed/", "/")  # without the list of all, each is read by itself
    named = re.compile(re.escape(instead.rstrip("/*")).replace(r"\+", "[^/ ]+"))
    assert any(named.search(each) for each in open_ones), open_ones
