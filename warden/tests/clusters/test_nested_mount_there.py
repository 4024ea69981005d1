"""A delivery from a mount with several segments, and from a path that begins like its mount."""

import pytest

from warden.core.lanes.lane import Custody

pytestmark = pytest.mark.cluster

EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"] }'


@pytest.mark.parametrize("below", ["workloads/team", "MOUNT/team", "data/team"])
def test_it_arrives_and_is_proven(bench, unique, below):
    token = bench.platform.token_with(EVERYTHING)
    bench.vault = lambda _part="": bench.platform.vault(token)
    mount = f"{unique('team')}/kv"
    path = f"{mount}/{below.replace('MOUNT', mount)}/{bench.name}"
    bench.change(custody=Custody(path=path, fields=("API_KEY",), declared_mount=mount))
    bench.ready().deploy()
    assert bench.delivered() == bench.value
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
