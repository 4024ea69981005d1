"""The gate of a promotion: the conditions that have to hold before a lane is declared active, and whether they do.

    Lane x Proof -> Condition…       "path exists", "ESO delivers to c1", "nobody else can read it"

Every verdict of a fresh proof is in exactly one condition, and a condition holds only where all of its verdicts are as
expected. What the proof did not look at is inconclusive.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec

from warden.core.lanes.lane import Lane
from warden.core.lanes.rules import docs, placeholders
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.remedies import EditFile, Remedy, warden
from warden.core.routes.proof_states import Result
from warden.core.routes.proof_summary import NotOk

ConditionId = Literal[
    "no-placeholder",
    "owners",
    "playbook",
    "approved",
    "path",
    "declared",
    "kept",
    "reads",
    "others",
    "delivers",
    "by-hand",
    "others-there",
    "consumers",
    "inspected",
]
"""``approved``: of a protected lane, a change request was applied. ``path``: it exists, with a live value of every
field. ``kept``: settings of path, mount and audit log. ``others``: nobody else can. ``delivers``: External Secrets
Operator, to one cluster. ``inspected``: the value's form was judged."""

_PATH = frozenset({"mount", "live-version", "closed"})
_DECLARED = frozenset({"plan", "metadata", "policy", "policy-expires", "role", "approvers"})
_KEPT = frozenset(
    {
        "custody",
        "cas-required",
        "max-versions",
        "expiring-version",
        "value-in-metadata",
        "log-raw",
        "response-in-clear",
        "probe-header",
        "audit",
    }
)
_READS = frozenset({"reads", "member", "unapproved"})
_OTHERS_THERE = frozenset(
    {
        "exposure",
        "indirect",
        "authorizer",
        "token-secrets",
        "plaintext",
        "shared-account",
        "taken-elsewhere",
        "copies",
    }
)


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One condition, and whether it holds.

    Attributes:
        id: which one.
        holds: ``ok``: yes; ``wrong``: no; ``inconclusive``: it was not seen.
        subject: the reader or the cluster that it is about; what is named, of owners and a playbook.
        verdicts: those that decide it.
        missing: the pages that are named and are not there.
        remedy: what makes it hold, where no verdict says so.
    """

    id: ConditionId
    holds: Result
    subject: str = ""
    verdicts: tuple[Verdict, ...] = ()
    missing: tuple[str, ...] = ()
    remedy: Remedy = ()

    @property
    def against(self) -> tuple[Verdict, ...]:
        """The verdicts because of which it does not hold."""
        return tuple(each for each in self.verdicts if each.result != "ok")


def condition_of(verdict: Verdict | NotOk) -> ConditionId:
    """The condition that a verdict belongs to."""
    if verdict.cluster:
        if verdict.probe == "consumer":
            return "consumers"
        return "others-there" if verdict.probe in _OTHERS_THERE else "delivers"
    for condition, probes in _BY_PROBE:
        if verdict.probe in probes:
            return condition
    return "others"


_BY_PROBE: tuple[tuple[ConditionId, frozenset[str]], ...] = (
    ("path", _PATH),
    ("declared", _DECLARED),
    ("kept", _KEPT),
    ("reads", _READS),
    ("inspected", frozenset({"value-form"})),
)


def gate(lane: Lane, proof: Proof, missing: Collection[str] = (), *, request: str = "") -> tuple[Condition, ...]:
    """The conditions of a lane, by a proof of all of it in which the value was inspected.

    `missing` are the pages, `repository path` or the playbook's path, that are known not to be there. Of a
    protected lane `request` is the change request that was applied last.
    """
    approved = (Condition(id="approved", holds="ok", subject=request),) if request else ()
    return (*_declared(lane, missing), *approved, *_custody(lane, proof), *_deliveries(lane, proof))


def conclusion(conditions: Sequence[Condition]) -> Result:
    """Whether the lane may be promoted: ``wrong`` where one does not hold, ``inconclusive`` where one was not seen."""
    found = {each.holds for each in conditions}
    return "wrong" if "wrong" in found else "inconclusive" if "inconclusive" in found else "ok"


def _declared(lane: Lane, missing: Collection[str]) -> Iterator[Condition]:
    """What the file itself has to say."""
    left = placeholders(lane.custody.path)
    fill = (EditFile(file="lane", field="custody.path"),) if left else ()
    yield Condition(id="no-placeholder", holds="wrong" if left else "ok", remedy=fill)
    owners = [lane.owners.custody, lane.owners.consumer, *([lane.owners.runtime] if lane.owners.runtime else [])]
    repos = ", ".join(dict.fromkeys(each.repo for each in owners))
    lost = tuple(page for _, page in docs(lane) if page in missing)
    yield Condition(id="owners", holds="wrong" if lost else "ok", subject=repos, missing=lost)
    name = () if lane.playbook else (EditFile(file="lane", field="playbook"),)
    gone = (lane.playbook,) if lane.playbook and lane.playbook in missing else ()
    holds: Result = "ok" if lane.playbook and not gone else "wrong"
    yield Condition(id="playbook", holds=holds, subject=lane.playbook or "", missing=gone, remedy=name)


def _custody(lane: Lane, proof: Proof) -> Iterator[Condition]:
    by_id: dict[ConditionId, list[Verdict]] = {}
    for verdict in proof.verdicts:
        if not verdict.cluster:
            by_id.setdefault(condition_of(verdict), []).append(verdict)
    yield _judged("path", by_id.get("path", ()))
    yield _inspected(lane, by_id.get("inspected", ()))
    for condition in ("declared", "kept"):
        yield _judged(condition, by_id.get(condition, ()))
    for label in dict.fromkeys(each.label for each in lane.readers):
        yield _judged("reads", [each for each in by_id.get("reads", ()) if each.reader == label], label)
    yield _judged("others", by_id.get("others", ()))


def _deliveries(lane: Lane, proof: Proof) -> Iterator[Condition]:
    for cluster, delivery in lane.deliveries.items():
        verdicts = [each for each in proof.verdicts if each.cluster == cluster]
        by_id = {name: [each for each in verdicts if condition_of(each) == name] for name in _OF_A_DELIVERY}
        yield _judged("delivers" if delivery.external_secret else "by-hand", by_id["delivers"], cluster)
        for condition in ("others-there", "consumers"):
            if found := by_id[condition]:
                yield _judged(condition, found, cluster)


_OF_A_DELIVERY: tuple[ConditionId, ...] = ("delivers", "others-there", "consumers")


def _inspected(lane: Lane, verdicts: Sequence[Verdict]) -> Condition:
    look = () if verdicts else (warden("prove", lane.id, inspect=True),)
    return msgspec.structs.replace(_judged("inspected", verdicts), remedy=look)


def _judged(condition: ConditionId, verdicts: Sequence[Verdict], subject: str = "") -> Condition:
    found = {each.result for each in verdicts}
    holds: Result = "wrong" if "wrong" in found else "ok" if found == {"ok"} else "inconclusive"
    return Condition(id=condition, holds=holds, subject=subject, verdicts=tuple(verdicts))
