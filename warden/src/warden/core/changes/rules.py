"""What must hold of a change request's file beyond its shape. Whether its decisions hold is `verdict`'s to say."""

import re
from collections.abc import Container, Iterator

from warden.core.changes.request import ID, PLANNED, ChangeRequest, Decision
from warden.core.changes.scope import digest_of
from warden.core.changes.statement import read_signature

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)

Found = tuple[str, str, bool]
"""Field, clause, and whether it is only a warning."""


def of_request(request: ChangeRequest, name: str, lanes: Container[str]) -> Iterator[Found]:
    """Everything that is wrong with the file of that name, without its ending; `lanes` are the catalog's ids."""
    if not ID.fullmatch(request.id):
        yield "id", "is not an id; write CCR-, the year and a number of four digits: CCR-2026-0004", False
    elif request.id != name:
        yield "id", f"is not the file's name; rename it {request.id}.yaml", False
    if request.lane not in lanes:
        yield "front_door.catalog_id", f"{request.lane} is not a lane of the catalog", True
    for index, required in enumerate(request.required):
        if not 0 < required.approvals <= len(set(required.approvers)):
            yield (
                f"required[{index}].approvals",
                "is not a number of approvers; write 1, or as many as there are",
                False,
            )
    if request.origin == "warden":
        yield from _of_ours(request)
    elif request.decisions:
        yield "decisions", "cannot stand in a record of the earlier system, which approves nothing", False
    for index, decision in enumerate(request.decisions):
        yield from ((f"decisions[{index}]{field}", clause, False) for field, clause in _of_decision(request, decision))


def _of_ours(request: ChangeRequest) -> Iterator[Found]:
    if request.request_type in PLANNED - {"reactivate"} and not request.plan.changes:
        yield "plan.changes", f"is empty, and a request of type {request.request_type} changes something", False
    if request.status != "draft" and not request.decisions:
        yield "status", f"is {request.status}, and nobody has signed anything; write draft", False
    if request.status == "applied" and request.applied is None:
        yield "applied", "is missing; `warden apply` writes it", False


def _of_decision(request: ChangeRequest, decision: Decision) -> Iterator[tuple[str, str]]:
    if decision.request != request.id:
        yield ".request", f"is {decision.request}; a decision about another request decides nothing here"
    if decision.decision == "approve" and decision.expires is None:
        yield ".expires", "is missing; an approval ends"
    if not _DIGEST.fullmatch(decision.digest):
        yield ".digest", "is not sha256: and 64 hexadecimal digits"
    elif digest_of(request.scopes.get(decision.digest, ())) != decision.digest:
        yield ".digest", "is not of a text below scopes; nobody can see what was decided about"
    if read_signature(decision.signature) is None:
        yield ".signature", "is not an SSH signature"
