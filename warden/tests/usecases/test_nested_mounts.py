"""A KV mount whose name has several segments: everything that is done with a lane, on the real OpenBao."""

import pytest

from warden.core.lanes.lane import Custody, KvPath
from warden.core.openbao.resources import path_read_by

pytestmark = pytest.mark.real

EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"] }'


@pytest.fixture
def nested(bench, unique):
    """A lane on a mount of its own, ``team-…/kv``, by somebody who may do everything."""
    token = bench.server.token_with(EVERYTHING)
    bench.vault = lambda _part="": bench.server.vault(token)
    bench.mount = f"{unique('team')}/kv"
    path = f"{bench.mount}/workloads/tenant/{bench.lane.id}-secrets"
    bench.change(custody=Custody(path=path, fields=("API_KEY",), declared_mount=bench.mount))
    return bench


def test_a_lane_there_is_made_filled_and_proven(nested):
    receipt = nested.ready() and nested.plan()
    assert not [change for change in receipt.changes if change.action != "keep"]
    assert nested.vault().mount(nested.mount).version == 2
    policy = nested.vault().policy(nested.lane.custody.policy_name)
    assert f'path "{nested.mount}/data/workloads/tenant/' in policy
    assert path_read_by(policy) == KvPath(nested.mount, nested.lane.custody.key)
    before = nested.snapshot()
    proof = nested.prove()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    assert nested.snapshot() == before
    values = nested.vault().read(nested.mount, nested.lane.custody.key)[1]
    assert values["API_KEY"].reveal() == nested.value


@pytest.mark.parametrize("segment", ["data", "kv"])
def test_a_segment_of_the_path_that_is_called_like_the_api_or_the_mount_is_no_trouble(nested, segment):
    path = f"{nested.mount}/{segment}/data/{nested.lane.id}-secrets"
    nested.change(custody=Custody(path=path, fields=("API_KEY",), declared_mount=nested.mount))
    nested.ready()
    policy = nested.vault().policy(nested.lane.custody.policy_name)
    assert path_read_by(policy) == KvPath(nested.mount, f"{segment}/data/{nested.lane.id}-secrets")
    assert nested.prove().state == "proven"


def test_the_path_it_had_there_is_found_and_named_with_its_mount(nested):
    nested.ready()
    former = KvPath(nested.mount, nested.lane.custody.key)
    nested.change(custody=Custody(path=f"platform/workloads/tenant/{nested.lane.id}-moved", fields=("API_KEY",)))
    assert nested.plan().former_paths == (former,)
    nested.apply()
    assert nested.plan().former_paths == ()
