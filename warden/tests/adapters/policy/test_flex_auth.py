"""flex-auth: what it is told, as its contract has it, and what is made of its answer."""

import pytest
from policy_questions import access, sign, who
from policy_server import PolicyServer, policy_server

from warden.adapters.policy.flex_auth import FlexAuthPolicy
from warden.adapters.policy.point_http import PointHttp
from warden.core.access.decision import Decision
from warden.core.lanes.policy_points import FlexAuthPoint

PERMITS = {("e-reader", "sign", "agt-deploy")}


def decided(question, path: str = "", **given) -> tuple[Decision, PolicyServer]:
    with policy_server("flex-auth", permits=PERMITS, **given) as server:
        point = FlexAuthPoint(flex_auth=f"{server.url}{path}", name="flex", tenant="coulomb")
        found = FlexAuthPolicy(point, PointHttp("flex", point.url, 5, environ={})).decide(question)
        assert not server.faults
        return found, server


def test_what_it_is_told_of_a_certificate():
    found, server = decided(sign(ttl=5400))
    assert server.asked == [
        {
            "subject": {"id": "e-reader", "type": "identity"},
            "tenant": "coulomb",
            "resource": {"id": "ssh-cert:actor/agt-deploy", "type": "ssh-certificate", "system": "ops-warden"},
            "action": "sign",
            "context": {
                "reason": "deploy",
                "role": "kubernetes/workload-billing-api",
                "display_name": "kubernetes-billing-api",
                "principals": ["agt-deploy"],
                "actor_type": "agt",
                "pubkey_fingerprint": "SHA256:x",
                "ttl_hours": 1.5,
            },
        }
    ]
    assert server.paths == ["POST /v1/check"]
    assert (found.effect, found.points[0].id, found.policies) == ("allow", "flex-1", ("flex",))


def test_a_host_is_another_resource_than_an_actor_of_its_name():
    found, server = decided(sign(actor="agt-deploy", type="host", actor_type=""))
    assert server.asked[0]["resource"]["id"] == "ssh-cert:host/agt-deploy"
    assert found.effect == "allow"  # this simulator looks at the last part of it only


def test_what_it_is_told_of_a_read():
    found, server = decided(access(reason="ticket 7"))
    told = server.asked[0]
    assert told["resource"] == {"id": "lane:billing-key", "type": "lane", "system": "ops-warden"}
    assert (told["action"], told["context"]["reason"], told["context"]["via"]) == ("access", "ticket 7", "env")
    assert told["context"]["tags"] == ["production"]
    assert (found.effect, found.points[0].reason) == ("deny", "no rule permits it")


@pytest.mark.parametrize("path", ["", "/", "/tenants/a", "/tenants/a/"])
def test_the_address_may_have_a_path(path):
    with policy_server("flex-auth", permits=PERMITS) as server:
        point = FlexAuthPoint(flex_auth=f"{server.url}{path}", name="flex", tenant="coulomb")
        one = FlexAuthPolicy(point, PointHttp("flex", point.url, 5, environ={}))
        if path.strip("/"):
            with pytest.raises(Exception, match="answered 404"):
                one.decide(sign())
        else:
            assert one.decide(sign()).effect == "allow"
    assert server.paths == [f"POST {path.rstrip('/')}/v1/check"]


def test_a_denial_has_its_reason():
    found, _ = decided(sign(who("e-other")), reason="not on call")
    assert (found.effect, found.points[0].reason) == ("deny", "not on call")


def test_the_file_says_what_a_caller_is_called_there():
    with policy_server("flex-auth") as server:
        point = FlexAuthPoint(flex_auth=server.url, name="flex", tenant="coulomb", subject="role")
        FlexAuthPolicy(point, PointHttp("flex", point.url, 5, environ={})).decide(sign())
        assert server.asked[0]["subject"]["id"] == "kubernetes/workload-billing-api"
