"""Operations that were killed, as `status` shows them: what is not known since, and which command finds it out."""

from collections.abc import Iterable
from typing import Literal

from warden.core.journal.operations import Operation, Unfinished
from warden.core.journal.tokens import earlier_token
from warden.core.lanes.lane import Lane
from warden.core.quoting import Facts
from warden.core.remedies import Remedy, warden

State = Literal["running", "killed"]


class InterruptedOperation(Facts, frozen=True, kw_only=True):
    """An operation that began and has no end in the journal.

    Attributes:
        operation: which one.
        state: whether its process still runs.
        record: the number of the record by which it began.
        at: when it began (ISO 8601 UTC).
        actor: who began it, as the operating system's user.
        targets: the clusters it was about; empty for OpenBao.
        changes: how many changes it was about to make.
        expires: when the token that it left expires (ISO 8601 UTC); empty where it left none.
        remedy: what finds out how it ended, and records it.
    """

    operation: Operation
    state: State
    record: int
    at: str
    actor: str
    targets: tuple[str, ...] = ()
    changes: int = 0
    expires: str = ""
    remedy: Remedy = ()


def interrupted(lane: Lane, found: Iterable[Unfinished]) -> tuple[InterruptedOperation, ...]:
    """The operations of a lane that have no end, oldest first."""
    return tuple(_interrupted(lane, each) for each in found)


def _interrupted(lane: Lane, found: Unfinished) -> InterruptedOperation:
    record, body = found.record, found.record.body
    clusters = body.get("clusters") or body.get("cluster")
    targets = (
        tuple(map(str, clusters)) if isinstance(clusters, list) else (clusters,) if isinstance(clusters, str) else ()
    )
    changes, token = body.get("changes"), earlier_token(record)
    return InterruptedOperation(
        operation=found.operation,
        state="running" if found.running else "killed",
        record=record.seq,
        at=record.at,
        actor=record.actor,
        targets=targets,
        changes=len(changes) if isinstance(changes, list) else 0,
        expires=token.expires if token else "",
        remedy=() if found.running else _remedy(lane, found, targets),
    )


def _remedy(lane: Lane, found: Unfinished, clusters: tuple[str, ...]) -> Remedy:
    """The command that looks at the target: the same again where that does no harm, otherwise a proof."""
    match found.operation:
        case "apply" | "sync" | "promote" as command:
            return (warden(command, lane.id),)
        case "deactivate" | "reactivate" | "demote" as command:
            return (warden(command, lane.id, reason=str(found.record.body.get("reason") or "TEXT")),)
        case "rotate" | "change" | "approval" as command:
            looks = {
                "rotate": warden(command, lane.id, resume=True),
                "change": warden("change list", lane=lane.id),
                "approval": warden("approve"),
            }
            return (looks[command],)
        case "compromise":
            reason, since = (str(found.record.body.get(each) or "") for each in ("reason", "since"))
            return (warden("compromise", lane.id, since=since, reason=reason),)
        case "adopt":
            return (warden("adopt", lane.id, cluster=clusters[0] if clusters else ""),)
        case _:
            return (warden("prove", lane.id),)
