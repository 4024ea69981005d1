"""A policy point that speaks OpenID AuthZEN, Authorization API 1.0 (https://openid.net/specs/authorization-api-1_0.html).

``GET /.well-known/authzen-configuration`` says where it evaluates (RFC 8615: the identifier's path goes behind it), and
``POST …/access/v1/evaluation`` answers ``{"decision": true}``. A denial is an answer with status 200; every other
status is the point's own trouble and decides nothing. The request's id is warden's decision id; OpenFGA 1.22 answers
with one of its own, so another one is kept as the point's id and is not an error.
"""

from typing import Any
from urllib.parse import urlsplit

from warden.adapters.policy.decision_id import decision_id
from warden.adapters.policy.point_documents import document, text
from warden.adapters.policy.point_http import PointHttp, Reply
from warden.adapters.policy.point_questions import SUBJECT, resource_properties, subject_id, subject_properties
from warden.core.access.decision import Decision, PointDecision, Question, by_one_point
from warden.core.lanes.policy_points import AuthzenPoint

_EVALUATION = "/access/v1/evaluation"
_WELL_KNOWN = "/.well-known/authzen-configuration"
_REQUEST_ID = "x-request-id"
_NOT_FOUND = 404


class AuthzenPolicy:
    """The port Policy on one such point."""

    def __init__(self, point: AuthzenPoint, http: PointHttp) -> None:
        self._point = point
        self._http = http
        self._evaluation = point.evaluation or ""

    def decide(self, question: Question) -> Decision:
        """Ask once. Raises `Inconclusive` where the answer is not a decision."""
        asked = decision_id()
        reply = self._http.post(self.endpoint(), self._request(question), {"X-Request-ID": asked})
        found = document(self._http, reply)
        permitted = found.get("decision")
        if not isinstance(permitted, bool):
            self._http.unusable("answered without a decision that is true or false")
        context = found.get("context")
        point = PointDecision(
            point=self._http.name,
            effect="allow" if permitted else "deny",
            id=_its_id(context, reply, asked),
            reason=_reason(context),
        )
        return by_one_point(asked, point)

    def _request(self, question: Question) -> dict[str, Any]:
        who = question.identity
        return {
            "subject": {
                "type": SUBJECT,
                "id": subject_id(who, self._point.subject),
                "properties": subject_properties(who),
            },
            "action": {"name": question.action},
            "resource": {
                "type": "ssh-certificate" if question.of_certificate else "lane",
                "id": question.resource,
                "properties": resource_properties(question),
            },
            "context": dict(question.context),
        }

    def endpoint(self) -> str:
        """The URL that evaluates. Raises `Inconclusive` where the point's metadata are of another one."""
        if not self._evaluation:
            self._evaluation = self._discovered()
        return self._evaluation

    def _discovered(self) -> str:
        base = self._point.authzen.rstrip("/")
        where = urlsplit(base)
        origin = f"{where.scheme}://{where.netloc}"
        reply = self._http.get(f"{origin}{_WELL_KNOWN}{where.path}")
        if reply.status == _NOT_FOUND:  # metadata are optional; it is still the same, verified server
            return f"{base}{_EVALUATION}"
        found = document(self._http, reply)
        identifier, endpoint = found.get("policy_decision_point"), found.get("access_evaluation_endpoint")
        if identifier not in (base, f"{base}/"):
            self._http.unusable(f"has the metadata of another one ({text(identifier) or 'unnamed'})")
        if not isinstance(endpoint, str) or not endpoint.startswith(f"{origin}/"):
            self._http.unusable(
                f"says that it evaluates elsewhere ({text(endpoint) or 'nowhere'})",
                f"if that is right, name it (`evaluation: URL` of {self._http.name} in platform.yaml), then",
            )
        return endpoint


def _its_id(context: object, reply: Reply, asked: str) -> str:
    """What the point calls its decision, where it calls it anything of its own."""
    named = text(context.get("id")) if isinstance(context, dict) else ""
    echoed = reply.headers.get(_REQUEST_ID, "")
    return named or ("" if echoed == asked else text(echoed))


def _reason(context: object) -> str:
    """Why, as far as it says: ``reason_user`` before ``reason_admin`` (5.5.1 of the specification) and ``reason``."""
    if not isinstance(context, dict):
        return ""
    for name in ("reason_user", "reason_admin", "reason"):
        found = context.get(name)
        if isinstance(found, dict):
            found = found.get("en") or next(iter(found.values()), "")
        if reason := text(found):
            return reason
    return ""
