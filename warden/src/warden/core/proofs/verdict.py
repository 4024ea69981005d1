"""`Verdict`: what one probe or comparison showed, as facts. `Proof`: the verdicts of a lane."""

from typing import Any, Literal, get_args

import msgspec

from warden.core.journal.checkpoints import NotSigned, Signed
from warden.core.journal.tokens import EarlierToken
from warden.core.lanes.lane import Stretch
from warden.core.plans.lane_plan import NotConnected
from warden.core.plans.plan import Difference
from warden.core.proofs.approval_details import ApprovalDetail
from warden.core.proofs.delivery_details import DeliveryDetail
from warden.core.proofs.details import CustodyDetail
from warden.core.remedies import Remedy
from warden.core.routes.proof_states import ProofState, Result, Scope, concluded

CustodyProbe = Literal[
    "plan",
    "mount",
    "policy",
    "policy-expires",
    "role",
    "approvers",
    "metadata",
    "cas-required",
    "max-versions",
    "expiring-version",
    "value-in-metadata",
    "log-raw",
    "response-in-clear",
    "probe-header",
    "custody",
    "value-form",
    "live-version",
    "no-token",
    "reads",
    "approval",
    "unapproved",
    "self-approved",
    "other-account",
    "other-namespace",
    "other-audience",
    "sibling",
    "below",
    "lists",
    "scans",
    "writes",
    "patches",
    "deletes",
    "undeletes",
    "destroys",
    "capabilities",
    "other-lane",
    "other-repository",
    "fork",
    "other-id",
    "other-ref",
    "pull-ref",
    "pull-request",
    "unprotected",
    "other-environment",
    "forged-token",
    "unknown-secret-id",
    "no-secret-id",
    "other-authority",
    "no-certificate",
    "other-name",
    "member",
    "nobody-else",
    "reader-holds",
    "audit",
    "closed",
]
"""What is asked of OpenBao, and what is compared there."""

DeliveryProbe = Literal[
    "delivery",
    "objects",
    "namespace",
    "serviceaccount",
    "role",
    "rolebinding",
    "secretstore",
    "clustersecretstore",
    "externalsecret",
    "synced",
    "shared-account",
    "handed-out",
    "secret",
    "value",
    "value-form",
    "by-hand",
    "healed",
    "plaintext",
    "consumer",
    "exposure",
    "indirect",
    "authorizer",
    "token-secrets",
    "taken-elsewhere",
    "copies",
]
"""What is observed of a delivery; objects that differ have their kind as id."""

ProbeId = CustodyProbe | DeliveryProbe
"""The stable ids of verdicts; ``present.verdicts`` has a title for each."""

PROBE_IDS: tuple[str, ...] = tuple(dict.fromkeys((*get_args(CustodyProbe), *get_args(DeliveryProbe))))

Detail = CustodyDetail | ApprovalDetail | DeliveryDetail

Expectation = Literal["allowed", "refused", "as-declared"]

Observation = Literal[
    "allowed",
    "refused",
    "no-answer",
    "not-seen",
    "as-declared",
    "differs",
    "none",
    "version",
    "logged-in",
    "by-others",
    "more",
    "synced",
    "not-synced",
    "shared",
    "other",
    "other-role",
    "not-asked",
    "not-owned",
    "being-deleted",
    "immutable",
    "other-value",
    "in-clear",
    "by-hand",
    "not-by-hand",
    "healed",
    "nobody-else",
    "others",
    "follows",
    "started-since",
    "not-used",
    "other-key",
    "overridden",
    "init-only",
    "failing",
    "not-ready",
    "no-pod",
    "no-secret",
    "other-template",
    "older",
    "nothing-else",
    "taken",
    "written",
    "exported",
    "replicated",
    "copied",
    "expires",
    "doubtful",
    "not-compared",
]
"""``version``: the one that is named in ``Verdict.version``."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one probe or comparison showed.

    Attributes:
        probe: its id, unique for a reader, except for what is found of several objects (``consumer``, ``copies``).
        reader: the label of the reader or delivery that it is about; empty for the path as such.
        cluster: the delivery that it is about, by its cluster; empty for a reader and for the path.
        result: ``wrong`` is an answer that contradicts the declaration, ``inconclusive`` is never a pass.
        subject: whom or what the title names: an account, a Deployment, a group.
        status: the HTTP status of OpenBao's answer; 0 where there is none.
        differences: what `apply` would change.
        remedy: what fixes it, for the owner of the ``stretch``.
        audit: id of the audit line that is the evidence, ``at`` its time by OpenBao's clock; empty without one.
        ms: how long the answer took.
    """

    probe: ProbeId
    reader: str = ""
    cluster: str = ""
    result: Result
    expected: Expectation = "as-declared"
    observed: Observation
    subject: str = ""
    version: int = 0
    status: int = 0
    detail: Detail | None = None
    differences: tuple[Difference, ...] = ()
    remedy: Remedy = ()
    stretch: Stretch = "custody"
    audit: str = ""
    at: str = ""
    ms: float = 0.0

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal keeps of it: of a difference the fields, never their content."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found | {"differences": [each.field for each in self.differences]}


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts of one lane.

    Attributes:
        record: the number of its record in the journal; 0 where it is not recorded yet.
        system: the address of the OpenBao.
        unplayed: the readers nobody was played as, since a cluster makes their tokens and none was to be asked.
        not_connected: clusters of the lane that were not looked at.
        earlier_tokens: tokens of its readers that proofs left which were killed, and what became of them just now.
        checkpoint: what became of the journal's signature over the proofs of this run; ``None`` where nobody signs.
    """

    lane: str
    verdicts: tuple[Verdict, ...]
    record: int = 0
    scope: Scope = "lane"
    system: str = ""
    unplayed: tuple[str, ...] = ()
    not_connected: NotConnected = NotConnected()
    earlier_tokens: tuple[EarlierToken, ...] = ()
    checkpoint: Signed | NotSigned | None = None

    @property
    def passed(self) -> int:
        """How many were as expected."""
        return sum(verdict.result == "ok" for verdict in self.verdicts)

    @property
    def failed(self) -> int:
        """How many were answered wrongly."""
        return sum(verdict.result == "wrong" for verdict in self.verdicts)

    @property
    def inconclusive(self) -> int:
        """How many were neither."""
        return sum(verdict.result == "inconclusive" for verdict in self.verdicts)

    @property
    def needs_member(self) -> tuple[str, ...]:
        """The readers of people of whom nobody has shown lately that they can read."""
        return tuple(each.reader for each in self.verdicts if each.probe == "member" and each.result == "inconclusive")

    @property
    def lacks_members_only(self) -> bool:
        """Whether all is as expected, apart from what only members of a group can show."""
        return self.failed == 0 < self.inconclusive == len(self.needs_member)

    @property
    def inspected(self) -> bool:
        """Whether the form of the value was judged: it was in memory, or its structure was seen."""
        return any(each.probe == "value-form" and each.result != "inconclusive" for each in self.verdicts)

    @property
    def first_to_fix(self) -> Verdict | None:
        """The first wrong verdict with a remedy."""
        return next((each for each in self.verdicts if each.result == "wrong" and each.remedy), None)

    @property
    def state(self) -> ProofState:
        """The conclusion of all verdicts."""
        return conclusion(self.verdicts)


def conclusion(verdicts: tuple[Verdict, ...]) -> ProofState:
    """Refuted by one wrong answer; proven only where every answer was right."""
    return concluded({verdict.result for verdict in verdicts})
