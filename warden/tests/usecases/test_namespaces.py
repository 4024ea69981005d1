"""A lane in a namespace of OpenBao: what exists in the root namespace only is asked there, and a proof is whole."""

import pytest

from warden.adapters.openbao.client import OpenBao
from warden.core.secret import Secret

pytestmark = pytest.mark.real

EVERYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "patch", "scan", "sudo"] }'


@pytest.fixture
def inside(bench, unique):
    """The lane in a namespace of its own, whose service accounts log in there, by somebody who may do everything."""
    namespace, token = unique("team"), bench.server.token_with(EVERYTHING)
    where = bench.server.vault(token).endpoint
    bench.server.must("POST", f"sys/namespaces/{namespace}", {}, token=token)
    config = bench.server.must("GET", "auth/kubernetes/config", token=token)["data"]
    bench.vault = lambda _part="": OpenBao(where, Secret(token), namespace=namespace)
    bench.vault().enable_auth("kubernetes", "jwt")
    bench.vault().configure_auth("kubernetes", {"jwt_validation_pubkeys": config["jwt_validation_pubkeys"]})
    return bench


def test_a_lane_in_a_namespace_is_made_filled_and_proven(inside):
    inside.ready()
    assert inside.plan().to_change == ()
    proof = inside.prove()
    assert proof.state == "proven", [each for each in proof.verdicts if each.result != "ok"]
    assert inside.server.call("GET", f"platform/data/{inside.path}")[0] == 404
    assert inside.vault().audit_files() == (inside.server.audit_file,)
    assert inside.vault().audit_hash("file", Secret("x")) == inside.server.vault("admin").audit_hash(
        "file", Secret("x")
    )
