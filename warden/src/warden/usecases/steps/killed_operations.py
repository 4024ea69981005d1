"""End, in the journal, the operations that were killed: look at their targets, and record what was found.

An operation that still runs is left alone. What is found is a fact about the target now; whether the operation or
somebody else made it so, nobody recorded.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from warden.core.errors import WardenError
from warden.core.journal.operations import Unfinished, abandoned, killed
from warden.core.journal.record import NewRecord
from warden.core.journal.tokens import EarlierToken
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.plans.plan import Plan
from warden.ports.change_requests import ChangeRequests
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.steps.sessions import end_earlier_tokens


def end_killed_apply(plan: Plan, journal: Journal) -> None:
    """By a plan of the same target: which of the changes are still to be made."""
    left = [change.facts for change in plan.to_change]
    records = killed(journal.unfinished(plan.lane), "apply", cluster=plan.system.cluster or None)
    journal.record_all([abandoned(each, found="differs" if left else "as-planned", left=left) for each in records])


def end_killed_changes(lane: str, requests: ChangeRequests | None, journal: Journal) -> None:
    """By the request's file, which has a decision wholly or not at all: how far it says that the request is."""
    records = killed(journal.unfinished(lane), "change")
    known = {each.id: each.status for each in requests.all()} if requests and records else {}
    found = [(each, known.get(str(each.body.get("request") or ""), "not-known")) for each in records]
    journal.record_all([abandoned(each, found=status) for each, status in found])


def end_killed_put(lane: Lane, vault: Vault, journal: Journal) -> int:
    """By the newest version, which is answered: whether there is one since. Raises as `Vault.kv_metadata`."""
    metadata = vault.kv_metadata(lane.custody.mount, lane.custody.key)
    newest = metadata.current if metadata else 0
    journal.record_all(_ends_of_killed_puts(journal.unfinished(lane.id), newest))
    return newest


def _ends_of_killed_puts(unfinished: Sequence[Unfinished], newest: int) -> Sequence[NewRecord]:
    found = []
    for each in killed(unfinished, "put"):
        before = each.body.get("before")
        written = "not-known"  # by a record of an earlier version
        if isinstance(before, int):
            written = "written" if newest > before else "not-written"
        found.append(abandoned(each, found=written, version=newest))
    return found


def ends_of_killed_syncs(lane: str, followed: Mapping[str, str], journal: Journal) -> Sequence[NewRecord]:
    """The records that end the refreshes that were killed: each cluster was refreshed again by now."""
    return [
        abandoned(each, found=dict(followed))
        for each in killed(journal.unfinished(lane), "sync")
        if set(each.body.get("clusters") or ()) <= set(followed)
    ]


def end_killed_adopt(delivery: DeliveryTarget, journal: Journal, *, owned: bool) -> None:
    """By the Secret's owner: whether it was taken over."""
    records = killed(journal.unfinished(delivery.lane.id), "adopt", cluster=delivery.cluster)
    journal.record_all([abandoned(each, found="taken-over" if owned else "as-it-was") for each in records])


def end_killed_before_proofs(lanes: Sequence[Lane], context: Context) -> Mapping[str, tuple[EarlierToken, ...]]:
    """Before lanes are proven: end what was killed of them and can be looked at without a change of the lane.

    Those are proofs, tokens of theirs and of accesses, accesses, and values that were being put. Answers, by lane,
    what became of tokens. Raises `JournalUnwritable`.
    """
    wanted, ended = {lane.id: lane for lane in lanes}, {}
    by_lane: dict[str, list[Unfinished]] = {}
    for each in context.journal.unfinished():
        if each.record.lane in wanted and not each.running:
            by_lane.setdefault(each.record.lane, []).append(each)
    for name, found in by_lane.items():
        ended[name] = end_earlier_tokens(found, context.vault, context.journal, dt.datetime.now(dt.UTC))
        left = {each.record for each in ended[name] if each.state == "left"}
        entries = [
            abandoned(each, found="nothing-handed-over") for each in killed(found, "access") if each.seq not in left
        ]
        entries += [abandoned(each, found="not-proven") for each in killed(found, "probe")]
        context.journal.record_all([*entries, *_looked_at_puts(wanted[name], found, context.vault)])
    return ended


def _looked_at_puts(lane: Lane, found: Sequence[Unfinished], vault: Vault) -> Sequence[NewRecord]:
    """None where the path may not be looked at: the next one will."""
    if not killed(found, "put"):
        return ()
    try:
        metadata = vault.kv_metadata(lane.custody.mount, lane.custody.key)
    except WardenError:
        return ()
    return _ends_of_killed_puts(found, metadata.current if metadata else 0)
