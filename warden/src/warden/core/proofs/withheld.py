"""A reader who needs an approval -> verdicts: without one, and with one's own, the value is not handed out.

Decided from the policies for everybody; a member who proves shows it live, with a request that is ended afterwards.
"""

import msgspec

from warden.core.access_index.acl import Acl, full_path
from warden.core.access_index.removal import mended_policy
from warden.core.access_index.snapshot import Snapshot
from warden.core.access_index.ways import Rule
from warden.core.lanes.lane import Lane, PeopleReader
from warden.core.proofs.approval_details import ApprovalDetail, NotEnded, NothingWithheld, SelfApproval, Unwrapped
from warden.core.proofs.details import DecidedFromPolicies
from warden.core.proofs.probes import data_path
from warden.core.proofs.verdict import Observation, Verdict
from warden.core.remedies import Remedy, warden
from warden.core.routes.proof_states import Result

UNAPPROVED, SELF_APPROVED = "unapproved", "self-approved"
LIVE = frozenset({UNAPPROVED, SELF_APPROVED})
"""The probes of one withheld read, in that order."""

_OK, _BAD_REQUEST, _FORBIDDEN = 200, 400, 403


class WithheldSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a read that was to be withheld.

    Attributes:
        withheld: whether OpenBao keeps it as a request that nobody has approved; ``None`` where it did not say.
        unwrapped: the status of unwrapping it then; 0 where that was not tried.
        authorized: the status of an approval by whoever asked; 0 where that was not tried. ``said`` are its words.
        counts: whether that approval counts; ``None`` where OpenBao did not say.
        ended: whether the request is gone.
    """

    withheld: bool | None
    unwrapped: int = 0
    authorized: int = 0
    said: str = ""
    counts: bool | None = None
    ended: bool = True


def approval_verdict(lane: Lane, reader: PeopleReader, held: list[Acl], snapshot: Snapshot) -> Verdict:
    """Whether the lane's own policy, behind its control group, is all by which the reader reads; by the policies.

    Of several policies for one path the first control group counts, so no other may be among them.
    """
    own = lane.policy_of(reader)
    path = full_path(snapshot.base, data_path(lane))
    decisions = [each.decide(path, "read") for each in held]
    rules = tuple(dict.fromkeys(Rule(*rule, snapshot.base) for each in decisions for rule in each.rules))
    others = [rule.policy for rule in rules if rule.policy != own]
    unknown = any(each.allowed == "unknown" for each in decisions)
    open_ = bool(others) or any(
        each.allowed == "yes" or (each.allowed == "conditional" and "control-group" not in each.conditions)
        for each in decisions
    )
    return Verdict(
        probe="approval",
        reader=reader.label,
        result="wrong" if open_ else "inconclusive" if unknown else "ok",
        expected="as-declared",
        observed="by-others" if open_ else "not-seen" if unknown else "as-declared",
        subject=_needed(reader),
        detail=DecidedFromPolicies(rules),
        remedy=_remedy(lane, others, snapshot) if open_ else (),
    )


def _needed(reader: PeopleReader) -> str:
    return f"{reader.approval.approvals} of {reader.approval.group}" if reader.approval else ""


def _remedy(lane: Lane, others: list[str], snapshot: Snapshot) -> Remedy:
    """Another policy is mended by itself; the lane's own ones are `apply`'s, which also takes them out of roles."""
    foreign = [each for each in others if each not in lane.policy_names]
    if foreign:
        return (mended_policy(snapshot, foreign[0], [(data_path(lane), "read")]),)
    return (warden("apply", lane.id),)


Judged = tuple[Result, Observation, ApprovalDetail | None]


def judged(probe_id: str, seen: WithheldSeen) -> Judged:
    """(result, observed, detail) of what was seen, for one of the two probes."""
    if seen.withheld is None:
        return "inconclusive", "no-answer", NothingWithheld()
    if probe_id == UNAPPROVED:
        return _unapproved(seen)
    return _self_approved(seen)


def _unapproved(seen: WithheldSeen) -> Judged:
    if not seen.withheld or seen.unwrapped == _OK:
        return "wrong", "allowed", Unwrapped(seen.unwrapped) if seen.withheld else None
    if seen.unwrapped not in {_BAD_REQUEST, _FORBIDDEN}:
        return "inconclusive", "no-answer", Unwrapped(seen.unwrapped)
    return "ok", "refused", Unwrapped(seen.unwrapped)


def _self_approved(seen: WithheldSeen) -> Judged:
    if not seen.withheld:
        return "inconclusive", "no-answer", NothingWithheld()
    said = SelfApproval(seen.authorized, seen.said)
    if seen.counts:
        return "wrong", "allowed", said
    if seen.counts is None or not seen.authorized:
        return "inconclusive", "no-answer", said
    return ("ok", "refused", said) if seen.ended else ("inconclusive", "refused", NotEnded())
