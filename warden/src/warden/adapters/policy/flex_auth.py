"""A policy point that is a flex-auth: ``POST /v1/check``.

    subject {id, type}, tenant, resource {id, type, system}, action, context  ->  {effect: "allow", id}
                                                                              or  {effect: "deny", reason}

Certificates are resources ``ssh-cert:actor/NAME`` of the type ``ssh-certificate`` (hosts ``ssh-cert:host/NAME``) with
the context ``principals, actor_type, pubkey_fingerprint, ttl_hours``; lanes are ``lane:ID`` of the type ``lane``.
"""

from typing import Any

from warden.adapters.policy.decision_id import decision_id
from warden.adapters.policy.point_documents import document, text
from warden.adapters.policy.point_http import PointHttp
from warden.adapters.policy.point_questions import SUBJECT, resource_properties, subject_id
from warden.core.access.decision import Decision, PointDecision, Question, by_one_point
from warden.core.lanes.policy_points import FlexAuthPoint

_HOUR = 3600
SYSTEM = "ops-warden"


class FlexAuthPolicy:
    """The port Policy on one flex-auth."""

    def __init__(self, point: FlexAuthPoint, http: PointHttp) -> None:
        self._point = point
        self._http = http

    def decide(self, question: Question) -> Decision:
        """Ask once. Raises `Inconclusive` for every answer but an ``allow`` with an id, or a ``deny``."""
        asked = decision_id()
        url = f"{self._point.flex_auth.rstrip('/')}/v1/check"
        found = document(self._http, self._http.post(url, self._request(question), {"X-Request-ID": asked}))
        effect, its_id = found.get("effect"), text(found.get("id"))
        if effect not in ("allow", "deny"):
            self._http.unusable("answered with an effect that is neither allow nor deny")
        if effect == "allow" and not its_id:
            self._http.unusable("answered allow without the id of its decision")
        return by_one_point(
            asked,
            PointDecision(
                point=self._http.name,
                effect="allow" if effect == "allow" else "deny",
                id=its_id,
                reason=text(found.get("reason")),
            ),
        )

    def _request(self, question: Question) -> dict[str, Any]:
        return {
            "subject": {"id": subject_id(question.identity, self._point.subject), "type": SUBJECT},
            "tenant": self._point.tenant,
            "resource": _resource(question),
            "action": question.action,
            "context": _context(question),
        }


def _resource(question: Question) -> dict[str, str]:
    if not question.of_certificate:
        return {"id": f"lane:{question.resource}", "type": "lane", "system": SYSTEM}
    kind = "host" if question.context.get("type") == "host" else "actor"
    return {"id": f"ssh-cert:{kind}/{question.resource}", "type": "ssh-certificate", "system": SYSTEM}


def _context(question: Question) -> dict[str, Any]:
    """Beside what the contract names, what OpenBao says of the caller: its rules know no entities."""
    who, given = question.identity, question.context
    told = {"reason": given.get("reason", ""), "role": f"{who.mount}/{who.role}", "display_name": who.display_name}
    if not question.of_certificate:
        return told | {"via": given.get("via", ""), **resource_properties(question)}
    return told | {
        "principals": list(given.get("principals", ())),
        "actor_type": given.get("actor_type", ""),
        "pubkey_fingerprint": given.get("fingerprint", ""),
        "ttl_hours": given.get("ttl", 0) / _HOUR,
    }
