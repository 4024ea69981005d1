"""A record of the journal as an event of OCSF, the schema that security event stores share.

The event has the attributes that OCSF requires of its class; everything else that the record says is in ``unmapped``.
The same record is always the same event: nothing in it depends on when, where or how often it is exported.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from warden.core.journal.ocsf_table import (
    API,
    AUTHENTICATION,
    COMPLIANCE,
    DETECTION,
    ENTITY,
    OTHER,
    TABLE,
    UNKNOWN,
    VERSION,
    Mapped,
    Outcome,
    Severity,
)
from warden.core.journal.operations import process_of
from warden.core.journal.record import OF_CERTIFICATES, Record

Event = dict[str, Any]
"""An event of OCSF as JSON."""

PRODUCT = {"name": "warden", "vendor_name": "ops-warden"}
SEVERITIES = ("Unknown", "Informational", "Low", "Medium", "High", "Critical")
_HTTP = range(100, 600)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS: Mapping[Outcome, tuple[int, str]] = {
    "success": (1, "Success"),
    "failure": (2, "Failure"),
    "begun": (OTHER, "Begun"),
    "pending": (OTHER, "Pending"),
    "unknown": (0, "Unknown"),
    "new": (1, "New"),
}
_STATES: Mapping[str, Outcome] = {
    "begun": "begun",
    "unclear": "unknown",
    "waiting": "pending",
    "failed": "failure",
}
"""What the record of a step says it came to; anything else was done."""
_RESULTS: Mapping[str, Outcome] = {"ok": "success", "wrong": "failure"}
"""The result of a probe; anything else is inconclusive."""
_COMPLIANCE: Mapping[str, tuple[int, str, Severity]] = {
    "proven": (1, "Pass", 1),
    "refuted": (3, "Fail", 4),
}
"""A proof by its state. OCSF's Warning is a check without a result."""
_NO_RESULT: tuple[int, str, Severity] = (2, "Warning", 3)
_OF_A_PART: tuple[int, str, Severity] = (2, "Warning", 1)


def event_of(record: Record, journal: str) -> Event:
    """The record as an event of OCSF; `journal` is the hash of the journal's first record."""
    mapped = TABLE.get(record.event, UNKNOWN)
    outcome, severity = _outcome(mapped, record)
    status_id, status = _STATUS[outcome]
    name = mapped.ocsf.activities.get(mapped.activity) or mapped.label or record.event
    return {
        "activity_id": mapped.activity,
        "activity_name": name,
        "category_uid": mapped.ocsf.category,
        "category_name": mapped.ocsf.category_name,
        "class_uid": mapped.ocsf.uid,
        "class_name": mapped.ocsf.name,
        "type_uid": mapped.ocsf.uid * 100 + mapped.activity,
        "type_name": f"{mapped.ocsf.name}: {name}",
        "severity_id": severity,
        "severity": SEVERITIES[severity],
        "status_id": status_id,
        "status": status,
        "time": milliseconds(record.at),
        "message": f"{record.event} {record.lane}".rstrip(),
        "metadata": _metadata(record, journal),
        **_of_class(mapped, record, journal),
        "unmapped": {
            "event": record.event,
            "lane": record.lane,
            "actor": record.actor,
            "hash": record.hash,
            "body": record.body,
        },
    }


def milliseconds(at: str) -> int:
    """Since the epoch; `at` is ISO 8601 with a zone."""
    return (datetime.fromisoformat(at) - _EPOCH) // timedelta(milliseconds=1)


def uid(journal: str, seq: int) -> str:
    """The event's id, which the record keeps for ever, also in a copy of the journal."""
    return f"{journal}:{seq}"


def _metadata(record: Record, journal: str) -> Event:
    begin = record.body.get("begin")
    correlated = begin if type(begin) is int else record.seq if record.event.endswith(".begin") else None
    return {
        "version": VERSION,
        "product": PRODUCT,
        "uid": uid(journal, record.seq),
        "sequence": record.seq,
        "event_code": record.event,
        "log_name": "journal",
        "original_time": record.at,
        **({"correlation_uid": uid(journal, correlated)} if correlated is not None else {}),
        **({"profiles": ["security_control"]} if record.event == "decision" else {}),
    }


def _outcome(mapped: Mapped, record: Record) -> tuple[Outcome, Severity]:
    """How it ended and how grave that is, where the record and not only its event says so."""
    match mapped.outcome:
        case "decision":
            allowed = record.body.get("effect") == "allow"
            return ("success", 1) if allowed else ("failure", 3)
        case "proof":
            return "new", _proof(record)[2]
        case "probe":
            outcome = _RESULTS.get(str(record.body.get("result")), "unknown")
            return outcome, 3 if outcome == "failure" else 1
        case "step":
            return _step(record.body), 1
        case outcome:
            return outcome, mapped.severity


def _step(body: Mapping[str, Any]) -> Outcome:
    if "doing" in body:
        return "begun"
    if "failed" in body:
        return "failure"
    return _STATES.get(str(body.get("state", "")), "success")


def _proof(record: Record) -> tuple[int, str, Severity]:
    """OCSF's status of compliance; a member's own proof is recorded only where it holds."""
    state = "proven" if record.event == "member.proof" else str(record.body.get("state", ""))
    if state == "proven" and record.body.get("scope", "lane") != "lane":
        return _OF_A_PART
    return _COMPLIANCE.get(state, _NO_RESULT)


# -- what each class requires -----------------------------------------------------------------------------------------


def _of_class(mapped: Mapped, record: Record, journal: str) -> Event:
    if mapped.ocsf is API:
        return _actor(record) | _api(record) | _resources(record) | _decided(record)
    if mapped.ocsf is ENTITY:
        return _actor(record) | {"entity": _lane(record), **_comment(record)}
    if mapped.ocsf is AUTHENTICATION:
        user = {"name": str(record.body.get("reader") or "unknown"), "type_id": 4, "type": "Service"}
        service = {"name": "OpenBao", **_text("uid", record.body.get("system"))}
        return _actor(record) | {"user": user, "service": service}
    if mapped.ocsf is COMPLIANCE:
        status_id, status, _ = _proof(record)
        compliance = {"control": "lane proof", "status_id": status_id, "status": status}
        return _finding(record, journal) | {"compliance": compliance} | _resources(record)
    if mapped.ocsf is DETECTION:
        return _finding(record, journal) | {"is_alert": True} | _resources(record)
    return {}


def _actor(record: Record) -> Event:
    """Who the machine says it was; what OpenBao said is in ``unmapped.body.identity``, its entity here too."""
    identity = record.body.get("identity")
    entity = identity.get("entity") if isinstance(identity, Mapping) else None
    user = {"name": record.actor or "unknown", **_text("uid_alt", entity)}
    process = process_of(record.body)
    run = {"process": {"pid": process.pid}} if process is not None else {}
    return {"actor": {"user": user, "app_name": "warden", **run}}


def _api(record: Record) -> Event:
    """OCSF wants to know where a call came from: the host where the record names one, and warden in any case."""
    process = process_of(record.body)
    host = {"hostname": process.host} if process is not None else {}
    status = record.body.get("status")
    answered = {"http_response": {"code": status}} if type(status) is int and status in _HTTP else {}
    target = _text("name", record.body.get("cluster")) or _text("name", record.body.get("system"))
    return {
        "api": {"operation": record.event},
        "src_endpoint": {"svc_name": "warden", **host},
        **({"dst_endpoint": target} if target else {}),
        **answered,
    }


def _decided(record: Record) -> Event:
    if record.event != "decision":
        return {}
    if record.body.get("effect") == "allow":
        return {"action_id": 1, "action": "Allowed", "disposition_id": 1, "disposition": "Allowed"}
    return {"action_id": 2, "action": "Denied", "disposition_id": 2, "disposition": "Blocked"}


def _finding(record: Record, journal: str) -> Event:
    return {
        "finding_info": {
            "uid": uid(journal, record.seq),
            "title": f"{record.event} {record.lane}".rstrip(),
            "created_time": milliseconds(record.at),
        }
    }


def _lane(record: Record) -> Event:
    name = record.lane or "unknown"
    return {"name": name, "uid": name, "type_id": OTHER, "type": _type(record)}


def _resources(record: Record) -> Event:
    return {"resources": [{"name": record.lane, "uid": record.lane, "type": _type(record)}]} if record.lane else {}


def _type(record: Record) -> str:
    """What the record is about, where its event says that a certificate was asked for."""
    if not (record.event.startswith("certificate.") or record.body.get("action") in OF_CERTIFICATES):
        return "Lane"
    return "SSH host" if record.body.get("type") == "host" else "SSH actor"


def _comment(record: Record) -> Event:
    return _text("comment", record.body.get("reason") or record.body.get("comment"))


def _text(name: str, found: object) -> dict[str, str]:
    return {name: found} if isinstance(found, str) and found else {}
