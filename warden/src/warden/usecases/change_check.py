"""What is wrong with the change requests of a platform, and with who is to approve them; for `catalog check`."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from warden.core.changes.flaws import BadSignature, Flaw, NotASignature, OtherNamespace, UnknownKey
from warden.core.changes.request import ChangeRequest
from warden.core.errors import Fault
from warden.core.lanes.catalog import Catalog
from warden.core.lanes.lane import Lane
from warden.core.lanes.rules import Complaint, located
from warden.ports.change_requests import ChangeRequests, Signatures
from warden.usecases.change import show

_CLAUSES: Mapping[type, str] = {
    NotASignature: "is not an SSH signature",
    BadSignature: "is not valid: it was forged, or what it was made under was edited",
    OtherNamespace: "was made for another purpose than a change request",
}
_LEFT = "is by a key that allowed_signers does not have for that person, or not any more"


class Located(ChangeRequests, Protocol):
    """Requests that know the line of each field."""

    def lines(self, request_id: str) -> Mapping[str, int]:
        """Dotted field -> its line."""


def request_faults(requests: Located, signatures: Signatures, catalog: Catalog) -> list[Fault]:
    """The errors of each file, signatures that are not valid, and approvers who have no key."""
    found = list(requests.faults())
    for request in requests.all():
        complaints = [*_of_signatures(request, signatures), *_of_status(request, requests, signatures)]
        found += located(requests.path(request.id), requests.lines(request.id), complaints)
    for entry_id, entry in catalog.declared.items():
        if isinstance(entry, Lane) and entry.protected:
            complaints = list(_of_approvers(entry.protected.approvers, signatures))
            found += located(catalog.files[entry_id], catalog.lines.get(entry_id, {}), complaints)
    return found


def _of_signatures(request: ChangeRequest, signatures: Signatures) -> Iterator[Complaint]:
    for index, decision in enumerate(request.decisions):
        flaw: Flaw | None = signatures.check(decision).flaw
        if type(flaw) in _CLAUSES:
            yield Complaint(f"decisions[{index}].signature", _CLAUSES[type(flaw)])
        elif isinstance(flaw, UnknownKey) and request.status in {"proposed", "approved"}:
            yield Complaint(f"decisions[{index}].signature", _LEFT, warning=True)


def _of_status(request: ChangeRequest, requests: ChangeRequests, signatures: Signatures) -> Iterator[Complaint]:
    """An approval that has run out, or that an edit made void, is not an error in the file."""
    if request.status != "approved":
        return
    now = show(request.id, requests, signatures).status
    if now != "approved":
        why = f"`warden change show {request.id}` says why"
        yield Complaint("status", f"is approved, and by its signatures it is {now} now; {why}", warning=True)


def _of_approvers(names: tuple[str, ...], signatures: Signatures) -> Iterator[Complaint]:
    for index, name in enumerate(names):
        if not signatures.knows(name):
            clause = "has no key in allowed_signers, so they cannot approve"
            yield Complaint(f"protected.approvers[{index}]", clause, warning=True)
