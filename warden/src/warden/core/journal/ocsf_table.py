"""Which event of OCSF each event of the journal is: class, activity, outcome and severity, as data.

Names and numbers are those of OCSF 1.8.0 (https://schema.ocsf.io/1.8.0).
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from warden.core.journal.operations import OPERATIONS

VERSION = "1.8.0"
"""The version of OCSF that the events are of."""
OTHER = 99
"""The activity or status that OCSF has no number for; a name stands beside it."""


class OcsfClass(msgspec.Struct, frozen=True):
    """A class of events, its category, and the activities of it that are used."""

    uid: int
    name: str
    category: int
    category_name: str
    activities: Mapping[int, str]


BASE = OcsfClass(0, "Base Event", 0, "Uncategorized", {})
COMPLIANCE = OcsfClass(2003, "Compliance Finding", 2, "Findings", {1: "Create"})
DETECTION = OcsfClass(2004, "Detection Finding", 2, "Findings", {1: "Create"})
AUTHENTICATION = OcsfClass(3002, "Authentication", 3, "Identity & Access Management", {1: "Logon", 2: "Logoff"})
ENTITY = OcsfClass(
    3004,
    "Entity Management",
    3,
    "Identity & Access Management",
    {1: "Create", 3: "Update", 8: "Enable", 9: "Disable"},
)
API = OcsfClass(6003, "API Activity", 6, "Application Activity", {1: "Create", 2: "Read", 3: "Update"})

Outcome = Literal["success", "failure", "begun", "unknown", "pending", "decision", "step", "probe", "proof", "new"]
"""How it ended. ``decision``, ``step``, ``probe`` and ``proof`` are read from the record; ``new`` is a finding's."""
Severity = Literal[0, 1, 2, 3, 4, 5]
"""0 unknown, 1 informational, 2 low, 3 medium, 4 high, 5 critical."""


class Mapped(msgspec.Struct, frozen=True):
    """What an event of the journal is in OCSF; ``label`` names an activity that OCSF has no number for."""

    ocsf: OcsfClass
    activity: int
    outcome: Outcome
    severity: Severity = 1
    label: str = ""


UNKNOWN = Mapped(BASE, OTHER, "unknown")
"""An event that this version of warden does not know: it is exported all the same."""

_ABOUT: Mapping[str, tuple[OcsfClass, int, str]] = {
    "access": (API, 2, ""),
    "adopt": (API, 3, ""),
    "apply": (API, 3, ""),
    "approval": (API, OTHER, "Approve"),
    "certificate": (API, 1, ""),
    "change": (ENTITY, 3, ""),
    "compromise": (ENTITY, 9, ""),
    "deactivate": (ENTITY, 9, ""),
    "demote": (ENTITY, 3, ""),
    "krl": (API, 3, ""),
    "ssh-ca": (API, 3, ""),
    "probe": (API, OTHER, "Prove"),
    "promote": (ENTITY, 3, ""),
    "put": (API, 3, ""),
    "reactivate": (ENTITY, 8, ""),
    "rotate": (API, 3, ""),
    "sync": (API, 3, ""),
    "token": (AUTHENTICATION, 2, ""),
}
"""Class and activity of each operation, by its name."""
_ENDS: Mapping[str, tuple[Outcome, Severity]] = {
    "begin": ("begun", 1),
    "done": ("success", 1),
    "failed": ("failure", 2),
    "abandoned": ("unknown", 3),
}
_HOLDING: tuple[tuple[str, Outcome, Severity], ...] = (
    ("rotate.killed", "unknown", 3),
    ("rotate.rolled-back", "failure", 3),
    ("rotate.step", "step", 1),
    ("rotate.stopped", "failure", 3),
    ("rotate.unproven", "unknown", 3),
    ("rotate.waiting", "pending", 1),
    ("compromise.step", "step", 1),
    ("deactivate.step", "step", 1),
    ("reactivate.step", "step", 1),
    ("access.handed", "success", 1),
    ("access.requested", "pending", 1),
    ("certificate.issued", "success", 1),
    ("certificate.refused", "failure", 4),
    ("change.applied", "success", 1),
)
"""Events of operations that are neither their beginning nor an end that every operation has."""


def _operations() -> dict[str, Mapped]:
    found = {}
    for name in OPERATIONS:
        ocsf, activity, label = _ABOUT[name]
        for end, (outcome, severity) in _ENDS.items():
            found[f"{name}.{end}"] = Mapped(ocsf, activity, outcome, severity, label)
    for event, held, grave in _HOLDING:
        ocsf, activity, label = _ABOUT[event.partition(".")[0]]
        found[event] = Mapped(ocsf, activity, held, grave, label)
    return found


TABLE: Mapping[str, Mapped] = {
    **_operations(),
    "token.begin": Mapped(AUTHENTICATION, 1, "success"),
    "decision": Mapped(API, 2, "decision"),
    "value.read": Mapped(API, 2, "begun"),
    "probe": Mapped(API, OTHER, "probe", label="Probe"),
    "probe.secret-id": Mapped(BASE, OTHER, "unknown", label="SecretID Ended"),
    "proof": Mapped(COMPLIANCE, 1, "proof"),
    "member.proof": Mapped(COMPLIANCE, 1, "proof"),
    "lane.closed": Mapped(ENTITY, 9, "success", 3),
    "lane.opened": Mapped(ENTITY, 8, "success", 2),
    "lane.promoted": Mapped(ENTITY, 3, "success", 2),
    "lane.demoted": Mapped(ENTITY, 3, "success", 2),
    "lane.compromised": Mapped(DETECTION, 1, "new", 5),
    "certificate.discarded": Mapped(API, 1, "failure", 2),
    "certificate.removing": Mapped(API, OTHER, "begun", label="Remove"),
    "certificate.removed": Mapped(API, OTHER, "success", label="Remove"),
    "certificate.emergency": Mapped(DETECTION, 1, "new", 4),
    "certificate.acknowledged": Mapped(API, OTHER, "success", 2, "Acknowledge"),
    "certificate.revoked": Mapped(ENTITY, 9, "success", 3),
    "checkpoint": Mapped(BASE, OTHER, "success", label="Checkpoint"),
    "checkpoint.failed": Mapped(BASE, OTHER, "failure", 3, label="Checkpoint"),
    "notice.queued": Mapped(BASE, OTHER, "pending", label="Notice"),
    "notice.sent": Mapped(BASE, OTHER, "success", label="Notice"),
    "notice.refused": Mapped(DETECTION, 1, "new", 4),
    "notice.dropped": Mapped(BASE, OTHER, "failure", 3, label="Notice"),
}
"""Every event that warden records."""
