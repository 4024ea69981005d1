"""What is left to do of the actors and hosts of the inventory: apply it, prove it, prove it again.

Whether what OpenBao has is what the inventory says is for `plan` to tell; here it is only whether it has it at all.
"""

import datetime as dt
from collections.abc import Iterator

import msgspec

from warden.core.errors import Invalid
from warden.core.inventory.inventory import Inventory, NamedActor
from warden.core.journal.record import LaneState
from warden.core.lanes.lane import Owner
from warden.core.lifecycle.next_actions import ActionKind, NextAction
from warden.core.remedies import warden
from warden.core.routes.freshness import is_recent
from warden.core.routes.proof_summary import summary_of
from warden.core.ssh.callers import log_in_as_person


class SubjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one actor, or of a host (``actor`` is None).

    ``applied`` is true also where OpenBao was not looked at; ``changed_since``: it was applied after its last proof.
    """

    name: str
    actor: NamedActor | None = None
    applied: bool = True
    state: LaneState = LaneState()
    changed_since: bool = False


def of_subject(facts: SubjectFacts, owner: Owner, now: dt.datetime, counts_for: dt.timedelta) -> Iterator[NextAction]:
    """The one thing that is next of it, for whoever owns certificates; nothing where it is sound."""
    action = NextAction(kind="not-applied", owner=owner.repo, doc=owner.doc, lane=facts.name)
    if not facts.applied:
        yield msgspec.structs.replace(action, remedy=(warden("apply", facts.name),))
    elif facts.actor is not None and (kind := _unproven(facts, now, counts_for)):
        proof = facts.state.proof
        since, record = (proof.at, proof.seq) if proof else ("", 0)
        remedy = (*log_in_as_person(facts.actor), warden("prove", facts.name))
        yield msgspec.structs.replace(action, kind=kind, remedy=remedy, since=since, record=record)


def _unproven(facts: SubjectFacts, now: dt.datetime, counts_for: dt.timedelta) -> ActionKind | None:
    proof = facts.state.proof
    if proof is None:
        return "not-proven"
    if facts.changed_since:
        return "moved-on"
    state = summary_of(proof).state
    if state == "refuted":
        return "refuted"
    return None if state == "proven" and is_recent(proof.at, now, counts_for) else "not-proven"


def of_inventory(inventory: Inventory | Invalid, owner: Owner) -> Iterator[NextAction]:
    """That the inventory's file has errors, and so none of it is known."""
    if isinstance(inventory, Invalid):
        again, file = (warden("catalog check"),), inventory.subject
        yield NextAction(kind="file-errors", owner=owner.repo, lane="inventory", remedy=again, file=file)
