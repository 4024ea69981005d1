"""A lane of two clusters through its use cases, as any front door calls them: nothing of the command line is loaded."""

import json
import subprocess
import sys

import pytest

from warden.core.errors import Exit, WardenError
from warden.core.lanes.lane import Consumer
from warden.core.plans.lane_plan import LaneOptions, NotAgreed, consent_key
from warden.usecases.apply import apply
from warden.usecases.plan import plan
from warden.usecases.sync import sync

pytestmark = pytest.mark.cluster
BOTH = ("coulombcore", "railiance01")


@pytest.fixture
def everywhere(bench):
    bench.change(deliveries=dict.fromkeys(BOTH, bench.lane.deliveries["coulombcore"]))
    bench.tenant()
    return bench


def test_plan_apply_prove_close_and_open(everywhere):
    bench, lane = everywhere, everywhere.whole_lane
    planned = plan(lane, bench.context(), LaneOptions())
    assert (planned.exit, planned.to_change > 0, planned.blocked) == (Exit.NO, True, 0)
    assert [part.system.cluster for part in planned.parts] == ["", *BOTH]

    done = apply(lane, bench.context(), LaneOptions())
    assert (done.exit, done.changed) == (Exit.DONE, planned.to_change)
    assert [each.command for each in done.next] == ["put"]
    assert plan(lane, bench.context(), LaneOptions()).exit == Exit.DONE

    bench.put()
    assert sync(lane, bench.context(), LaneOptions()).exit == Exit.DONE
    for cluster in BOTH:
        bench.deploy(cluster)
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)

    bench.change(consumers=(Consumer(deployment=f"{bench.namespace}/app", on_closing="stop"),))
    closing = bench.close()
    assert closing.exit == Exit.DONE, closing.parts
    assert [each.state for part in closing.parts.clusters for each in part.objects] == ["removed"] * 4
    assert [(each.state, each.replicas) for part in closing.parts.clusters for each in part.consumers] == [
        ("stopped", 1),
        ("stopped", 1),
    ]
    assert closing.parts.denial.is_proven
    assert plan(bench.whole_lane, bench.context(), LaneOptions()).parts[1:] == ()
    for cluster in BOTH:
        assert bench.live_secret(cluster)["code"] == 404
    assert [each.state for part in bench.close().parts.clusters for each in part.objects] == ["absent"] * 4

    opened = bench.reopen()
    assert opened.opened, list(opened.gate.against)
    assert [(each.state, each.replicas) for part in opened.clusters for each in part.consumers] == [
        ("restored", 1),
        ("restored", 1),
    ]
    for cluster in BOTH:
        bench.run_pods(cluster)
    assert bench.prove().state == "proven"


def test_closing_goes_on_where_a_cluster_was_down_and_leaves_what_is_not_the_lanes(everywhere):
    bench = everywhere
    bench.ready()
    bench.patience = 1.0
    first = bench.close(clusters=bench.clusters(railiance01=bench.dead("railiance01")))
    assert [part.fault is not None for part in first.parts.clusters] == [False, True]
    assert [each.state for each in first.parts.clusters[1].objects] == ["not-known", "not-known"]
    assert first.exit == Exit.INCONCLUSIVE
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    bench.merge("secret", bench.name, held, "railiance01")
    second = bench.close()
    assert [[each.state for each in part.objects] for part in second.parts.clusters] == [
        ["absent", "absent"],
        ["removed", "ending"],
    ]
    assert second.exit == Exit.INCONCLUSIVE
    bench.merge("secret", bench.name, {"metadata": {"finalizers": None}}, "railiance01")
    assert bench.close().exit == Exit.DONE

    theirs = {"metadata": {"name": bench.name}, "stringData": {"API_KEY": "theirs", "OTHER": "x"}}
    bench.create("secret", theirs)
    last = bench.close()
    (_, secret) = last.parts.clusters[0].objects
    assert (secret.state, last.exit) == ("left", Exit.NO)
    assert bench.delivered() == "theirs"


def test_a_cluster_that_is_down_is_a_part_of_the_answer(everywhere):
    bench = everywhere
    context = bench.context(bench.clusters(railiance01=bench.dead()))
    done = apply(bench.whole_lane, context, LaneOptions())
    assert [part.system.cluster for part in done.unreached] == ["railiance01"]
    assert isinstance(done.unreached[0].fault, WardenError)
    assert (done.exit, done.next[0].command) == (Exit.INCONCLUSIVE, "apply")
    assert plan(bench.whole_lane, bench.context(), LaneOptions(clusters=("coulombcore",))).exit == Exit.DONE


def test_taking_over_in_a_cluster_has_to_be_agreed_to(bench):
    bench.ready()
    bench.edit("secretstore", "openbao-app", lambda found: found["spec"]["provider"]["vault"].update(path="elsewhere"))
    options = LaneOptions(take_over=True)
    done = apply(bench.whole_lane, bench.context(), options)
    fault = done.unreached[0].fault
    assert isinstance(fault, NotAgreed)
    agreed = frozenset(map(consent_key, fault.problem.changes))
    done = apply(bench.whole_lane, bench.context(), LaneOptions(take_over=True, agreed=agreed))
    assert (done.exit, done.changed) == (Exit.DONE, 1)


def test_the_use_cases_load_nothing_of_the_command_line():
    names = ["adopt", "apply", "deactivate", "reactivate", "doctor", "plan", "prove", "status", "sync"]
    code = f"import json, sys\nfor name in {names}: __import__('warden.usecases.' + name)\n"
    code += "print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert not [
        name for name in loaded if name.startswith(("warden.cli", "warden.present", "warden.adapters", "click"))
    ]
