"""AuthZEN as others speak it: a real OpenFGA, with a token, over TLS, each store a decision point with a path."""

import pytest
from policy_questions import access, sign

from warden.adapters.policy.authzen import AuthzenPolicy
from warden.adapters.policy.point_http import PointHttp
from warden.core.errors import Inconclusive
from warden.core.lanes.policy_points import AuthzenPoint

pytestmark = pytest.mark.cluster
PERMITS = {("e-reader", "access", "billing-key")}


def policy(url, openfga, token=None, authorities=None) -> AuthzenPolicy:
    environ = {"WARDEN_POLICY_TOKEN_OPENFGA": openfga.token if token is None else token}
    http = PointHttp("openfga", url, 5, authorities or openfga.authority, environ)
    return AuthzenPolicy(AuthzenPoint(authzen=url, name="openfga"), http)


def test_its_metadata_say_where_a_store_evaluates(openfga):
    url = openfga.store(PERMITS)
    assert policy(url, openfga).endpoint() == f"{url}/access/v1/evaluation"


def test_its_id_of_the_request_is_kept(openfga):
    found = policy(openfga.store(PERMITS), openfga).decide(access())
    assert found.effect == "allow"
    assert found.points[0].id
    assert found.points[0].id != found.id


def test_what_a_certificate_is_can_be_decided_by(openfga):
    url = openfga.store((), short={("e-reader", "sign", "agt-deploy")})
    one = policy(url, openfga)
    assert [one.decide(sign(ttl=ttl)).effect for ttl in (3600, 3601)] == ["allow", "deny"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_without_its_token_it_decides_nothing(openfga, token):
    with pytest.raises(Inconclusive, match="does not let warden ask"):
        policy(openfga.store(PERMITS), openfga, token).decide(access())


def test_a_store_that_is_not_there_decides_nothing(openfga):
    with pytest.raises(Inconclusive, match="answered 4"):
        policy(f"{openfga.url}/stores/01HVMMBCMGZNT3SED4Z17ECXCA", openfga).decide(access())


def test_a_store_without_a_model_decides_nothing(openfga):
    store = openfga.ask("POST", "/stores", {"name": "empty"})["id"]
    with pytest.raises(Inconclusive, match="answered 4"):
        policy(f"{openfga.url}/stores/{store}", openfga).decide(access())


def test_another_authority_does_not_verify_it(openfga):
    with pytest.raises(Inconclusive, match="does not verify"):
        policy(openfga.store(PERMITS), openfga, authorities=str).decide(access())
