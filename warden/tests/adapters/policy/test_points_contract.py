"""What the port `warden.ports.policy` promises, on every adapter of it: each permits the same two things."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from policy_questions import access, sign, who
from policy_server import policy_server

from warden.adapters.policy.authzen import AuthzenPolicy
from warden.adapters.policy.cedar import CedarPolicy
from warden.adapters.policy.chain import PolicyChain
from warden.adapters.policy.flex_auth import FlexAuthPolicy
from warden.adapters.policy.point_http import PointHttp
from warden.core.lanes.policy_points import AuthzenPoint, FlexAuthPoint
from warden.ports.policy import Policy

PERMITS = {("e-reader", "access", "billing-key"), ("e-reader", "sign", "agt-deploy")}
CEDAR = """
@id("reader") permit (principal, action == Action::"access", resource == Lane::"billing-key")
when { principal.entity == "e-reader" };
@id("deployer") permit (principal, action == Action::"sign", resource == Actor::"agt-deploy")
when { principal.entity == "e-reader" };
"""
OPENFGA = pytest.param("openfga", marks=pytest.mark.cluster)


class Adapters:
    """How a policy that permits `PERMITS` is made, of each kind."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder

    def cedar(self) -> Iterator[Policy]:
        (self._folder / "p.cedar").write_text(CEDAR)
        yield CedarPolicy(str(self._folder))

    def authzen(self) -> Iterator[Policy]:
        with policy_server("authzen", permits=PERMITS, token="t0ken") as server:
            environ = {"WARDEN_POLICY_TOKEN_COMPANY": "t0ken"}
            http = PointHttp("company", server.url, 5, environ=environ)
            yield AuthzenPolicy(AuthzenPoint(authzen=server.url, name="company"), http)
            assert not server.faults

    def flex_auth(self) -> Iterator[Policy]:
        with policy_server("flex-auth", permits=PERMITS) as server:
            http = PointHttp("flex", server.url, 5, environ={})
            yield FlexAuthPolicy(FlexAuthPoint(flex_auth=server.url, name="flex", tenant="coulomb"), http)
            assert not server.faults

    def chain(self) -> Iterator[Policy]:
        for first in self.authzen():
            for second in self.cedar():
                yield PolicyChain([first, second])

    def openfga(self) -> Iterator[Policy]:
        server = self._request.getfixturevalue("openfga")
        environ = {"WARDEN_POLICY_TOKEN_OPENFGA": server.token}
        store = server.store(PERMITS)
        http = PointHttp("openfga", store, 5, server.authority, environ=environ)
        yield AuthzenPolicy(AuthzenPoint(authzen=store, name="openfga"), http)


@pytest.fixture(params=["cedar", "authzen", "flex_auth", "chain", OPENFGA])
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Policy]:
    yield from getattr(Adapters(request, tmp_path), request.param)()


@pytest.mark.parametrize("question", [access(), sign()], ids=["access", "sign"])
def test_what_is_permitted(policy, question):
    found = policy.decide(question)
    assert found.effect == "allow"
    assert found.policies
    assert all(each.effect == "allow" for each in found.points)


@pytest.mark.parametrize(
    "question",
    [
        access(who("e-other")),
        access(lane="other-key"),
        sign(who("e-other")),
        sign(actor="agt-other"),
        sign(actor="billing-key"),
        access(lane="agt-deploy"),
    ],
    ids=["identity", "lane", "signer", "actor", "lane-as-actor", "actor-as-lane"],
)
def test_everything_else_is_denied(policy, question):
    assert policy.decide(question).effect == "deny"


def test_each_decision_has_an_id_of_its_own_that_sorts_by_time(policy):
    first, second = (policy.decide(access()).id for _ in range(2))
    assert first != second
    assert first[:13] <= second[:13]
    assert first[14] == "7"
