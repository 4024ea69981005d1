"""Which change requests belong to a period."""

import datetime as dt

import pytest

from warden.core.changes.request import Application, ChangeRequest, Decision, FrontDoor, RequestedAccess, RequestTarget
from warden.core.evidence.period import period
from warden.core.evidence.selection import is_of

REQUEST = {
    "id": "CCR-2026-0001",
    "request_type": "change",
    "title": "a change",
    "status": "applied",
    "target": RequestTarget(tenant="a", workload="b", purpose="c"),
    "openbao": RequestedAccess(path="a", fields=("KEY",), policy="a"),
    "front_door": FrontDoor(catalog_id="a-lane"),
}


def at(day):
    return dt.datetime.fromisoformat(f"{day}T12:00:00Z")


def decided(day):
    return Decision(
        decision="approve", request=REQUEST["id"], by="bob", at=at(day), comment="", digest="", signature=""
    )


@pytest.mark.parametrize(
    ("named", "expected"),
    [("2026Q1", True), ("2026Q2", False), ("2026Q3", True), ("2020", False), ("2026", True), ("2026-03-02", True)],
)
def test_a_request_is_of_the_periods_in_which_something_was_said_or_done(named, expected):
    applied = Application(at=at("2026-07-01"), by="carol", record=1)
    request = ChangeRequest(**REQUEST, decisions=(decided("2026-03-02"), decided("2026-03-04")), applied=applied)
    assert is_of(request, period(named)) is expected


@pytest.mark.parametrize(
    ("named", "expected"), [("2026", True), ("2026-12", True), ("2020..2025", False), ("2027", False)]
)
def test_a_request_without_any_time_is_of_its_year(named, expected):
    assert is_of(ChangeRequest(**REQUEST), period(named)) is expected
