"""Waiting for approval, requests that wait, and approvals: for people and as JSON."""

from collections.abc import Sequence
from typing import Any

from warden.core.access.approving import Approved
from warden.core.access.pending import PendingRead, Progress, to_approve
from warden.present import terminal
from warden.present.commands import to_paste
from warden.present.problems.approvals import needed, request_words


class WaitingShown:
    """Says once what is waited for and who has to do what, then how it stands."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, request: PendingRead, progress: Progress) -> None:
        """One step of the waiting."""
        if progress == "interrupted":
            terminal.progress_done()
            stays = f"The request stays until {request.until}; run the same again to go on."
            terminal.note(f"warden: {stays if request.kept else 'The request was ended.'}")
            return
        if not self._said:
            self._said = True
            terminal.note(f"{request.lane} waits for approval by {needed(request)}: {request_words(request)}.")
            terminal.note(f"Next: {to_paste(*to_approve(request))}")
        silent = " · OpenBao does not answer just now" if progress == "silent" else ""
        terminal.progress(f"waiting for approval by {needed(request)}, until {request.until}{silent} …")


def show_waiting(found: Sequence[PendingRead]) -> None:
    """The requests that wait, oldest first, and how one is approved."""
    if not found:
        terminal.sentence("No request that this journal knows waits for approval.")
        terminal.sentence("One of another machine: warden approve ACCESSOR, as the notice has it.")
        return
    head = ("LANE", "WHO", "ASKED", "UNTIL", "APPROVALS", "REQUEST")
    rows = [
        (each.lane, each.who, terminal.ago(each.since), _clock(each.until), _approvals(each), each.accessor)
        for each in found
    ]
    terminal.table(head, rows, whole=True)
    first = next((each for each in found if len(each.given) < each.approvals), None)
    if first is not None:
        terminal.sentence(f"Next: {to_paste(*to_approve(first))}")


def show_approved(done: Approved) -> None:
    """What was approved, and whether that is enough."""
    request = done.request
    whose = f" for {request.who}" if request.who else ""
    already = " already" if done.already else ""
    until = f" until {request.until}" if request.until else ""
    terminal.line(f"{request.lane}: request {request.accessor}{whose} is approved by you{already} ({done.who})")
    if done.enough:
        terminal.sentence(f"{_approvals(request)} approvals: the value can be taken{until} · journal {done.record}.")
    else:
        terminal.sentence(f"{_approvals(request)} approvals: more of {request.group} have to approve{until}.")
        terminal.sentence(f"Next: {to_paste(*to_approve(request))}")


def waiting_json(found: Sequence[PendingRead]) -> list[dict[str, Any]]:
    """``lane, accessor, who, group, approvals, given[], since, until, record`` of each."""
    return [_json(each) for each in found]


def approved_json(done: Approved) -> dict[str, Any]:
    """The request's own keys, and ``approver, enough, already, record``."""
    more = {"approver": done.who, "enough": done.enough, "already": done.already, "record": done.record}
    return _json(done.request) | more


def _json(request: PendingRead) -> dict[str, Any]:
    return {
        "lane": request.lane,
        "accessor": request.accessor,
        "who": request.who,
        "group": request.group,
        "approvals": request.approvals,
        "given": list(request.given),
        "since": request.since,
        "until": request.until,
        "record": request.record,
    }


def _approvals(request: PendingRead) -> str:
    return f"{len(request.given)} of {request.approvals}"


def _clock(at: str) -> str:
    return f"{at[11:16]}Z"
