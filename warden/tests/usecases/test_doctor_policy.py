"""doctor on policy points: which answer, and which permit what nobody may have."""

from policy_server import policy_server

from warden.adapters.policy.authzen import AuthzenPolicy
from warden.adapters.policy.point_http import PointHttp
from warden.core.lanes.policy_points import AuthzenPoint
from warden.present.doctor import described
from warden.usecases.doctor.policy import NOBODY, PointToExamine, examine_points

EVERYTHING = {("warden-doctor", "access", "no-such-lane")}


def point(server, token="") -> PointToExamine:
    http = PointHttp("company", server.url, 5, environ={"WARDEN_POLICY_TOKEN_COMPANY": token})
    policy = AuthzenPolicy(AuthzenPoint(authzen=server.url, name="company"), http)
    return PointToExamine(name="company", url=server.url, policy=policy)


def examined(server, token=""):
    (found,) = examine_points([point(server, token)])
    return found.about, found.verdict, *described(found)


def test_one_that_denies_an_unknown_identity_is_all_right():
    with policy_server("authzen") as server:
        assert examined(server) == ("policy point", "ok", f"company at {server.url} answers", "")
        assert server.asked[0]["resource"]["id"] == NOBODY.resource


def test_one_that_permits_it_may_permit_everything():
    with policy_server("authzen", permits=EVERYTHING) as server:
        _, verdict, text, hint = examined(server)
    assert (verdict, "a lane that does not exist" in text) == ("unknown", True)
    assert "permits everything" in hint


def test_one_that_does_not_answer_or_wants_another_token_is_missing():
    with policy_server("authzen", token="t0ken") as server:
        _, verdict, text, hint = examined(server, "wrong")
        assert (verdict, "does not let warden ask" in text) == ("missing", True)
        assert "company" in hint
    _, verdict, text, _ = examined(server)
    assert (verdict, "connection refused" in text) == ("missing", True)
