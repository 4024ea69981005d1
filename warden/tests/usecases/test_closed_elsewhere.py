"""A lane that another machine closed: its journal is not ours, and every verb honours the mark in OpenBao."""

import os
import signal
import subprocess
import sys

import msgspec
import pytest

from warden.core.errors import Closed, NotNow
from warden.core.openbao.closed_mark import mark_of
from warden.core.plans.lane_plan import LaneOptions
from warden.core.remedies import warden
from warden.core.routes.freshness import FRESH
from warden.usecases import apply as applying
from warden.usecases import plan as planning
from warden.usecases.status import status
from warden.usecases.steps.closing import mark_there
from warden.usecases.sync import sync

YES = LaneOptions(yes=True)


def close(bench):
    return bench.close("tenant left")


def on_another_machine(bench):
    """From here on the journal is a new one, which knows nothing of the closing."""
    bench.journal = bench.journal_at("here", file="another.db")
    return bench


@pytest.fixture
def closed(bench):
    bench.ready()
    close(bench)
    return on_another_machine(bench)


def custom(bench):
    return dict(bench.vault("admin").kv_metadata("platform", bench.path).custom)


def has_policy(bench):
    return bench.vault("admin").policy(bench.lane.custody.policy_name) is not None


def test_the_mark_has_the_closings_time_and_actor(bench):
    bench.ready()
    close(bench)
    assert custom(bench)["closed"] == mark_of(bench.journal.state(bench.lane.id).closed)
    changes = [each for each in bench.journal.log() if each.event == "apply.done"][-1].body["changes"]
    assert [(each["action"], each["kind"]) for each in changes] == [
        ("change", "role"),
        ("delete", "policy"),
        ("change", "metadata"),
    ]


def test_apply_opens_nothing(closed):
    found = applying.apply(closed.lane, closed.context(), YES)
    assert (found.closed, found.changed) == (True, 0)
    assert not has_policy(closed)
    assert found.next[0].command == "reactivate"


def test_apply_closes_what_somebody_opened_by_hand(closed):
    text = f'# ops-warden lane {closed.lane.id}: derived\npath "platform/data/{closed.path}" {{capabilities=["read"]}}'
    closed.server.must("PUT", closed.policy, {"policy": text})
    assert applying.apply(closed.lane, closed.context(), YES).closed
    assert not has_policy(closed)


def test_plan_says_that_it_is_closed_and_plans_nothing(closed):
    found = planning.plan(closed.lane, closed.context(), LaneOptions())
    assert (found.closed, found.to_change) == (True, 0)


def test_prove_refuses_it_and_sends_no_probe(closed):
    with pytest.raises(Closed) as refusal:
        closed.prove()
    assert (refusal.value.subject, refusal.value.remedy) == (closed.lane.id, (warden("status", closed.lane.id),))
    assert closed.journal.log() == []


def test_a_proof_during_which_another_machine_closes_it_says_nothing(bench):
    bench.ready()
    vault = bench.vault()

    class ClosedMeanwhile(type(vault)):
        def enter(self, *how):
            bench.vault("admin").delete_policy(bench.lane.custody.policy_name)
            bench.vault("admin").mark("platform", bench.path, {"closed": "now somebody"})
            return super().enter(*how)

    vault.__class__ = ClosedMeanwhile
    proof = bench.prove(vaults=lambda: vault)
    assert (proof.state, [each.probe for each in proof.verdicts]) == ("inconclusive", ["closed"])


def test_status_shows_it_closed(closed):
    (found,) = status([closed.lane], closed.vault(), None, closed.journal, lambda: None, counts_for=FRESH).lanes
    assert (found.closed, found.next.reason) == (True, "closed")


def test_a_value_can_be_put_and_the_mark_stays(closed):
    closed.put("a-new-value-after-the-leak")
    assert "closed" in custom(closed)


def test_a_lane_of_the_same_reader_is_applied_without_it(closed):
    second = msgspec.structs.replace(closed.make(f"{closed.lane.id}-b"), readers=closed.lane.readers)
    closed.lanes.append(second)
    applying.apply(second, closed.context(), YES)
    role = closed.vault("admin").role(closed.lane.role_name(closed.lane.readers[0]))
    assert role["token_policies"] == [second.custody.policy_name]


def test_a_lane_with_another_id_at_the_path_is_closed_too(closed):
    renamed = msgspec.structs.replace(closed.lane, id=f"{closed.lane.id}-renamed")
    closed.lanes = [renamed]
    found = applying.apply(renamed, closed.context(), YES)
    assert found.closed
    assert not has_policy(closed)


def test_only_reactivate_opens_it(closed):
    opened = closed.reopen(yes=False)
    assert [each.kind for each in opened.receipt.changed] == ["policy", "role"]
    assert "closed" not in custom(closed)
    assert closed.prove().state == "proven"
    assert applying.apply(closed.lane, closed.context(), LaneOptions()).closed is False
    with pytest.raises(NotNow):
        closed.reopen()


def test_the_machine_that_closed_it_does_not_close_what_another_reopened(bench):
    bench.ready()
    close(bench)
    first = bench.journal
    on_another_machine(bench).reopen(yes=False)
    bench.journal = first
    found = applying.apply(bench.lane, bench.context(), LaneOptions())
    assert (found.closed, found.changed) == (False, 0)
    (shown,) = status([bench.lane], bench.vault(), None, bench.journal, lambda: None, counts_for=FRESH).lanes
    assert (shown.closed, shown.next.remedy[0].command) == (True, "reactivate")
    assert bench.reopen("follow").receipt.changed == ()
    assert bench.prove().state == "proven"
    close(bench)
    assert "reopened" not in custom(bench)
    assert not has_policy(bench)


def test_a_mark_that_was_removed_by_hand_is_set_again_by_the_machine_that_closed(bench):
    bench.ready()
    close(bench)
    bench.vault("admin").mark("platform", bench.path, {"closed": None})
    (shown,) = status([bench.lane], bench.vault(), None, bench.journal, lambda: None, counts_for=FRESH).lanes
    assert shown.next.reason == "closed-in-journal-only"
    close(bench)
    assert "closed" in custom(bench)


def test_a_closing_of_an_earlier_version_gets_its_mark(bench):
    bench.ready()
    bench.journal.record("lane.closed", bench.lane.id, {"reason": "leaked"})
    applying.apply(bench.lane, bench.context(), YES)
    assert "closed" in custom(bench)
    assert applying.apply(bench.lane, on_another_machine(bench).context(), YES).closed


def test_a_lane_that_was_closed_before_it_was_applied_is_closed_for_others_too(bench):
    close(bench)
    assert applying.apply(bench.lane, on_another_machine(bench).context(), YES).closed
    assert not has_policy(bench)


def test_sync_refuses_it(closed):
    with pytest.raises(Closed):
        sync(closed.lane, closed.context(), LaneOptions())


def test_reading_takes_no_notice_of_a_mark_that_may_not_be_seen_and_the_policy_denies(closed):
    """A caller without a right to metadata sees no mark; closing took its policy before."""
    vault = closed.server.vault(closed.server.token_with('path "sys/mounts/*" { capabilities = ["read"] }'))
    assert mark_there(closed.lane, vault) is None
    assert mark_there(closed.lane, closed.vault()) is not None


KILLED = """
import os, signal, sys
from warden.usecases.targets.openbao import OpenBaoTarget
after, seen = int(sys.argv[1]), 0
make = OpenBaoTarget.make
def killed(self, change):
    global seen
    if seen == after:
        os.kill(os.getpid(), signal.SIGKILL)
    seen += 1
    make(self, change)
OpenBaoTarget.make = killed
from warden.cli.entrypoint import run
sys.argv[1:] = sys.argv[2:]
run()
"""


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_closing_that_is_killed_halfway_is_finished_by_the_next_one(lane_world, after):
    """The first change takes the policy out of the role, the second deletes it, the third marks the path."""
    world = lane_world
    env = world.env(BAO_TOKEN=world.server.token("admin"))
    assert subprocess.run(["warden", "apply", world.lane, "--take-over", "--yes"], env=env, check=True)
    argv = ["deactivate", world.lane, "--reason", "leaked", "--yes"]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(after), *argv], env=env, check=False)
    assert killed.returncode == -signal.SIGKILL
    role = world.server.must("GET", f"auth/kubernetes/role/workload-{world.tenant}-api")["data"]
    assert bool(role["token_policies"]) == (after == 0)
    assert subprocess.run(["warden", *argv], env=env, check=False).returncode == 3  # nobody can be played there
    path = world.path.replace("platform/", "platform/metadata/", 1)
    assert "closed" in world.server.must("GET", path)["data"]["custom_metadata"]
    another = {**env, "WARDEN_JOURNAL": str(world.folder / "another.db")}
    assert subprocess.run(["warden", "apply", world.lane, "--yes"], env=another, check=False).returncode == 0
    assert os.path.exists(another["WARDEN_JOURNAL"]) is False
    assert world.server.call("GET", f"sys/policies/acl/workload-kv-read-{world.lane}")[0] == 404
