"""prove on an OpenBao of its own: nobody else can reach the lane, or whoever can is named with what removes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.lanes.lane import PeopleReader
from warden.core.openbao.rights import policy_text
from warden.core.plans.lane_plan import LaneOptions
from warden.core.proofs.details import DecidedFromPolicies, HeldBeyond, NotLookedAt, OtherWayIn
from warden.present.commands import commands
from warden.present.proofs import verdict_json
from warden.present.verdicts import explanation
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.steps.concurrency import at_once

pytestmark = pytest.mark.real


@pytest.fixture
def bench(bench):
    """Reads who can reach what, as whoever proves; and takes its own ways away again."""
    bench.snapshots = lambda part: SnapshotReader(bench.vault(part), at_once)
    bench.ready()
    return bench


def others(proof):
    return [each for each in proof.verdicts if each.probe == "nobody-else"]


def reads(bench, unique):
    """A policy that reads the lane's path."""
    name = unique("backup")
    text = f'path "platform/data/{bench.path.rpartition("/")[0]}/*" {{ capabilities = ["read"] }}'
    bench.server.must("PUT", f"sys/policies/acl/{name}", {"policy": text})
    return name


def run(bench, line, **more):
    """Run what is shown, as the administrator."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"BAO_ADDR": bench.server.address, "BAO_TOKEN": bench.server.token("admin"), "PATH": path} | more
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=env, timeout=60)
    assert done.returncode == 0, (line, done.stderr)


def test_a_sound_lane_is_proven_and_its_administrators_are_listed(bench):
    proof = bench.prove()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    (found,) = others(proof)
    assert found.detail.administrators == ("auth/userpass/users/admin", "auth/userpass/users/platform")
    assert found.detail.readers == (bench.role,)
    assert found.detail.policies > 5
    assert "may administer: auth/userpass/users/admin" in explanation(found)
    assert verdict_json(bench.lane, found)["facts"]["administrators"] == found.detail.administrators


def test_somebody_else_is_named_and_the_command_that_is_shown_removes_the_way(bench, unique):
    user = unique("bob")
    policies = reads(bench, unique)
    bench.server.must("POST", f"auth/userpass/users/{user}", {"password": "not-a-secret", "token_policies": policies})
    proof = bench.prove()
    (found,) = others(proof)
    assert (proof.state, found.result, found.subject) == ("refuted", "wrong", f"auth/userpass/users/{user}")
    assert isinstance(found.detail, OtherWayIn)
    assert found.detail.effects == ("reads",)
    assert [each.policy for each in found.detail.rules] == [policies]
    shown = verdict_json(bench.lane, found)
    assert shown["facts"]["identity"]["name"] == f"auth/userpass/users/{user}"
    assert policies in shown["detail"]
    run(bench, shown["mend"])
    assert bench.prove().state == "proven"


def test_a_chain_that_ends_in_access_is_a_way_in(bench, unique):
    name, user = unique("editor"), unique("eve")
    text = f'path "sys/policies/acl/{bench.lane.custody.policy_name}*" {{ capabilities = ["update"] }}'
    bench.server.must("PUT", f"sys/policies/acl/{name}", {"policy": text.replace("*", "")})
    bench.server.must("POST", f"auth/userpass/users/{user}", {"password": "not-a-secret", "token_policies": name})
    own = f'path "sys/policies/acl/{name}" {{ capabilities = ["update"] }}'
    bench.server.must("PUT", f"sys/policies/acl/{name}", {"policy": own})
    (found,) = others(bench.prove())
    assert (found.result, found.detail.effects) == ("wrong", ("grants",))
    assert "writes the policy" in explanation(found)


def test_a_widened_default_is_one_finding_whoever_it_lets_in(bench, unique):
    for _ in range(2):
        bench.server.must("POST", f"auth/userpass/users/{unique('eve')}", {"password": "not-a-secret"})
    before = bench.server.must("GET", "sys/policies/acl/default")["data"]["policy"]
    more = f'path "platform/data/{bench.path}" {{ capabilities = ["read"] }}'
    bench.server.must("PUT", "sys/policies/acl/default", {"policy": f"{before}\n{more}"})
    try:
        (found,) = others(bench.prove())
        assert (found.result, found.subject) == ("wrong", "sys/policies/acl/default")
        assert found.detail.identities > 1
        run(bench, commands(found.remedy), EDITOR=f"sed -i \\|{bench.path}|d")
        assert [each.result for each in others(bench.prove())] == ["ok"]
    finally:
        bench.server.must("PUT", "sys/policies/acl/default", {"policy": before})


def test_what_the_readers_identity_holds_besides_its_role_is_a_finding(bench, unique):
    bench.prove()  # the reader has logged in, and has an entity
    entities = bench.server.must("LIST", "identity/entity/id")["data"]["key_info"]
    mine = next(key for key, each in entities.items() if bench.lane.id in str(each["aliases"]))
    name = unique("extra")
    bench.server.must("PUT", f"sys/policies/acl/{name}", {"policy": 'path "other/*" { capabilities = ["read"] }'})
    bench.server.must("POST", f"identity/entity/id/{mine}", {"policies": [name]})
    proof = bench.prove()
    (found,) = [each for each in proof.verdicts if each.probe == "reader-holds"]
    assert (found.result, found.detail) == ("wrong", HeldBeyond((name,)))
    assert found.reader == bench.lane.readers[0].label
    assert name in explanation(found)


def test_what_may_not_be_looked_at_is_inconclusive_and_names_the_right(bench):
    text = policy_text("prove").replace('path "auth/token/accessors" { capabilities = ["list", "sudo"] }', "")
    token = bench.server.token_with(text)
    proof = bench.prove(
        vaults=lambda: bench.server.vault(token), snapshots=SnapshotReader(bench.server.vault(token), at_once)
    )
    open_ = [each for each in others(proof) if each.result == "inconclusive"]
    assert proof.state == "inconclusive"
    (found,) = [each for each in open_ if each.detail.what == "tokens"]
    assert isinstance(found.detail, NotLookedAt)
    assert "needs list and sudo on auth/token/accessors" in explanation(found)


def test_people_are_asked_the_negative_questions_by_their_policies(bench, unique):
    role = unique("publishers")
    bench.change(readers=(PeopleReader(people="publishers", login="netkingdom", role=role),))
    bench.apply()
    proof = bench.prove()
    decided = {each.probe: each.result for each in proof.verdicts if isinstance(each.detail, DecidedFromPolicies)}
    assert set(decided) == {
        "sibling", "below", "lists", "scans", "writes", "patches", "deletes", "undeletes", "destroys", "capabilities"
    }  # fmt: skip
    assert set(decided.values()) == {"ok"}
    assert proof.lacks_members_only
    text = bench.server.must("GET", bench.policy)["data"]["policy"]
    more = f'path "platform/data/{bench.path}*" {{ capabilities = ["create", "read"] }}'
    bench.server.must("PUT", bench.policy, {"policy": f"{text}\n{more}"})
    wrong = {each.probe: each for each in bench.prove().verdicts if each.result == "wrong"}
    assert set(wrong) == {"policy", "sibling", "below"}
    assert "decided from the policies by path" in explanation(wrong["sibling"])


class Counted:
    """The real reader; counts how often it reads."""

    def __init__(self, reader):
        self.reader, self.read_times = reader, 0

    def read(self, progress=None):
        self.read_times += 1
        return self.reader.read(progress)


def test_the_server_is_read_once_for_all_lanes_and_the_nearest_stranger_is_tried(bench):
    far, near = bench.make(f"{bench.lane.id}-far"), bench.make(f"{bench.lane.id}-near")
    bench.lanes = [far, near, bench.lane]
    for lane in (far, near):
        apply_target(bench.target(lane=lane), bench.journal, LaneOptions(yes=True))
    policy = f"sys/policies/acl/{near.custody.policy_name}"
    text = bench.server.must("GET", policy)["data"]["policy"]
    bench.server.must(
        "PUT", policy, {"policy": f'{text}\npath "platform/data/{bench.path}x" {{ capabilities = ["read"] }}'}
    )
    reader = Counted(SnapshotReader(bench.vault(), at_once))
    proofs = bench.prove_all([bench.lane, far], snapshots=reader)
    assert reader.read_times == 1
    (tried,) = [each for each in proofs[0].verdicts if each.probe == "other-lane"]
    assert tried.subject == str(near.readers[0].workload)
