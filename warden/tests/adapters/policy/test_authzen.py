"""AuthZEN: what a PDP is told, where it is found, and what is made of its answer."""

import msgspec
import pytest
from policy_questions import access, sign, who
from policy_server import PolicyServer, policy_server

from warden.adapters.policy.authzen import AuthzenPolicy
from warden.adapters.policy.point_http import PointHttp
from warden.core.access.decision import Decision
from warden.core.errors import Inconclusive
from warden.core.lanes.policy_points import AuthzenPoint
from warden.present.errors import hint

PERMITS = {("e-reader", "access", "billing-key")}


def policy(server: PolicyServer, **given) -> AuthzenPolicy:
    point = AuthzenPoint(authzen=server.point, name="company", **given)
    return AuthzenPolicy(point, PointHttp("company", server.point, 5, environ={}))


def decided(question, **given) -> tuple[Decision, PolicyServer]:
    with policy_server("authzen", permits=PERMITS, **given) as server:
        found = policy(server).decide(question)
        assert not server.faults
        return found, server


def test_what_a_pdp_is_told_of_a_read():
    found, server = decided(access(reason="ticket 7"))
    assert server.asked == [
        {
            "subject": {
                "type": "identity",
                "id": "e-reader",
                "properties": {
                    "display_name": "kubernetes-billing-api",
                    "mount": "kubernetes",
                    "role": "workload-billing-api",
                    "entity": "e-reader",
                    "policies": ["default"],
                },
            },
            "action": {"name": "access"},
            "resource": {
                "type": "lane",
                "id": "billing-key",
                "properties": {
                    "path": "platform/workloads/billing/api/billing-key",
                    "tags": ["production"],
                    "status": "active",
                    "custody": "platform-team",
                    "consumer": "platform-team",
                    "readers": ["kubernetes/workload-billing-api"],
                },
            },
            "context": {"reason": "ticket 7", "via": "env"},
        }
    ]
    assert server.heard[-1]["x-request-id"] == found.id


def test_what_a_pdp_is_told_of_a_certificate():
    _, server = decided(sign())
    assert server.asked[0]["resource"] == {
        "type": "ssh-certificate",
        "id": "agt-deploy",
        "properties": {
            "type": "user",
            "principals": ["agt-deploy"],
            "ttl": 900,
            "fingerprint": "SHA256:x",
            "actor_type": "agt",
            "hosts": ["web"],
            "identities": ["kubernetes/ssh-agt-deploy"],
        },
    }
    assert server.asked[0]["context"]["reason"] == "deploy"


def test_a_host_has_no_identities():
    _, server = decided(sign(actor="web1", type="host", actor_type="", principals=["web1"]))
    found = server.asked[0]["resource"]["properties"]
    assert (found["type"], found["identities"], found["hosts"]) == ("host", [], [])


def test_a_token_without_an_entity_is_named_as_openbao_shows_it():
    _, server = decided(access(who("")))
    assert server.asked[0]["subject"]["id"] == "kubernetes-billing-api"


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("entity", "e-reader"),
        ("display_name", "kubernetes-billing-api"),
        ("role", "kubernetes/workload-billing-api"),
    ],
)
def test_the_file_says_what_a_caller_is_called_there(subject, name):
    permits = {(name, "access", "billing-key")}
    with policy_server("authzen", permits=permits) as server:
        assert policy(server, subject=subject).decide(access()).effect == "allow"


def test_who_logged_in_nowhere_has_no_role():
    nobody = msgspec.structs.replace(who(), path="auth/token/create", role="")
    with policy_server("authzen") as server:
        policy(server, subject="role").decide(access(nobody))
        assert server.asked[0]["subject"]["id"] == "/"


@pytest.mark.parametrize("tenant", ["", "/stores/01ARZ", "/a/b"])
def test_the_metadata_say_where_it_evaluates(tenant):
    _, server = decided(access(), tenant=tenant)
    assert server.paths == [
        f"GET /.well-known/authzen-configuration{tenant}",
        f"POST {tenant}/access/v1/evaluation",
    ]


def test_a_pdp_without_metadata_evaluates_where_the_specification_says():
    _, server = decided(access(), tenant="/t", metadata=404)
    assert server.paths[-1] == "POST /t/access/v1/evaluation"


@pytest.mark.parametrize("status", [400, 403, 500, 503])
def test_metadata_that_are_not_answered_are_not_guessed(status):
    with policy_server("authzen", permits=PERMITS, metadata=status) as server:
        with pytest.raises(Inconclusive, match=f"answered {status}"):
            policy(server).decide(access())
        assert not server.asked


def test_the_metadata_are_asked_once():
    with policy_server("authzen", permits=PERMITS) as server:
        one = policy(server)
        assert [one.decide(access()).effect for _ in range(3)] == ["allow"] * 3
    assert [each.partition(" ")[0] for each in server.paths] == ["GET", "POST", "POST", "POST"]


def test_an_evaluation_that_is_named_is_asked_at_once():
    with policy_server("authzen", permits=PERMITS, metadata={}) as server:
        assert policy(server, evaluation=f"{server.url}/access/v1/evaluation").decide(access()).effect == "allow"
    assert len(server.paths) == 1


OTHER = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"policy_decision_point": OTHER, "access_evaluation_endpoint": "{}/access/v1/evaluation"}, "of another one"),
        ({"access_evaluation_endpoint": "{}/access/v1/evaluation"}, "of another one"),
        ({"policy_decision_point": ["{}"], "access_evaluation_endpoint": "{}/x"}, "of another one"),
        ({"policy_decision_point": "{}/stores/2", "access_evaluation_endpoint": "{}/x"}, "of another one"),
        ({"policy_decision_point": "{}", "access_evaluation_endpoint": f"{OTHER}/access/v1/evaluation"}, "elsewhere"),
        ({"policy_decision_point": "{}", "access_evaluation_endpoint": "{}.evil.example/x"}, "elsewhere"),
        ({"policy_decision_point": "{}", "access_evaluation_endpoint": 7}, "elsewhere"),
        ({"policy_decision_point": "{}"}, "elsewhere"),
        ({"policy_decision_point": "{}", "access_evaluation_endpoint": "{}/\r\nX: y"}, "an address that is not a URL"),
        ("own?", "not one JSON object"),
    ],
)
def test_metadata_that_are_not_its_own_are_not_believed(metadata, words):
    with policy_server("authzen", permits=PERMITS) as server:
        server.metadata = _filled(metadata, server.url)
        with pytest.raises(Inconclusive, match=words) as caught:
            policy(server).decide(access())
        assert not server.asked
    if words == "elsewhere":
        assert "evaluation: URL" in hint(caught.value)


def _filled(value, url):
    if isinstance(value, dict):
        return {key: _filled(each, url) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, url) for each in value]
    return value.replace("{}", url) if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"reason_user": {"en": "Out of hours", "de": "Zu spät"}, "reason_admin": {"en": "rule 7"}}, "Out of hours"),
        ({"reason_admin": {"en-403": "rule 7"}}, "rule 7"),
        ({"reason_user": "Out of hours"}, "Out of hours"),
        ({"reason": "Out\nof   hours"}, "Out of hours"),
        ({"reason": ["no"]}, ""),
        ({"reason_user": {}}, ""),
        ("no", ""),
        ({"reason": "half \ud800"}, "half \\ud800"),
        ({"reason": "x" * 1000}, "x" * 200 + "…"),
    ],
)
def test_the_reason_is_what_it_says_to_people(context, words):
    found, _ = decided(access(who("e-other")), reason=context)
    assert found.effect == "deny"
    assert found.points[0].reason == words
    assert msgspec.json.encode(found), "the journal has it"


def test_the_id_of_its_decision_is_kept():
    assert decided(access())[0].points[0].id == ""
    assert decided(access(), reason={"id": "d-7"})[0].points[0].id == "d-7"


def test_another_id_of_the_request_is_kept_as_the_points_own():
    found, _ = decided(access(), own_id="req-7")
    assert (found.effect, found.points[0].id) == ("allow", "req-7")


def test_a_pdp_that_echoes_no_request_id_decides_all_the_same():
    found, _ = decided(access(), echoes=False)
    assert (found.effect, found.points[0].id) == ("allow", "")
