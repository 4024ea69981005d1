"""Certificates that were signed without OpenBao: what the journal says of them, and who may acknowledge one."""

from typing import Any

import pytest

from warden.core.errors import Refused, UsageError
from warden.core.journal.record import Record
from warden.core.openbao.api import Identity
from warden.core.ssh.emergency import (
    Emergency,
    emergencies,
    expect_another,
    expect_reason,
    find,
    local_identity,
    waiting,
)

ADA = local_identity("ada", "laptop")


def record(seq: int, event: str, **body: Any) -> Record:
    at = f"2026-11-30T12:00:{seq:02}Z"
    return Record(seq=seq, at=at, event=f"certificate.{event}", lane="adm-ada", actor="ada", body=body, hash="")


def broken(seq: int) -> Record:
    return record(seq, "emergency", identity=ADA.as_json(), reason="OpenBao is down", principals=["ops"], where="CA")


def issued(seq: int, **body: Any) -> Record:
    return record(seq, "issued", **{"serial": 7, "valid_before": 1_800_000_000, **body})


def who(display_name: str) -> Identity:
    return Identity(display_name=display_name, path="auth/oidc/oidc/callback", role="", entity="", policies=(), ttl=9)


def test_what_was_signed_belongs_to_the_record_before_it():
    earlier = issued(4, emergency=1, serial=8, valid_before=1_799_999_999)
    (found,) = emergencies([broken(1), issued(2, emergency=1), issued(3), earlier])
    assert (found.serials, found.ends, found.signer) == ((7, 8), 1_800_000_000, "ada@laptop")
    assert (found.reason, found.principals, found.where) == ("OpenBao is down", ("ops",), "CA")


def test_what_came_to_nothing_waits_as_well():
    (found,) = waiting([broken(1)])
    assert (found.serials, found.ends) == ((), 0)


def test_one_that_was_acknowledged_waits_no_more():
    done = record(5, "acknowledged", record=1, identity=who("oidc-bob").as_json(), comment="seen")
    records = [broken(1), issued(2, emergency=1), broken(3), done]
    assert [each.record for each in waiting(records)] == [3]
    found = emergencies(records)[0].acknowledged
    assert found is not None
    assert (found.by, found.comment, found.record) == ("oidc-bob", "seen", 5)


@pytest.mark.parametrize("body", [{}, {"record": 9}, {"record": "1"}, {"record": None}])
def test_an_acknowledgement_of_something_else_changes_nothing(body):
    assert len(waiting([broken(1), record(2, "acknowledged", **body)])) == 1


def test_records_of_another_shape_are_read_all_the_same():
    (found,) = emergencies([record(1, "emergency", identity="ada", reason=7, principals="all")])
    assert (found.signer, found.reason, found.principals) == ("ada", "7", ())


@pytest.mark.parametrize(
    "name", ["ada", "oidc-ada", "oidc-ada@example.org", "userpass-ADA", "ada.example", "ldap-corp\\ada"]
)
def test_whoever_signed_does_not_acknowledge_it(name):
    with pytest.raises(Refused):
        expect_another(emergencies([broken(1)])[0], who(name))


@pytest.mark.parametrize("name", ["oidc-bob", "oidc-adam", "adana", "token", ""])
def test_anybody_else_does(name):
    expect_another(emergencies([broken(1)])[0], who(name))


def test_a_user_with_marks_in_the_name_is_told_apart():
    found = emergencies([record(1, "emergency", identity=local_identity("a.b+c", "h").as_json())])[0]
    expect_another(found, who("axb+c"))
    with pytest.raises(Refused):
        expect_another(found, who("oidc-a.b+c"))


def test_a_record_that_is_none_names_those_that_wait():
    found = emergencies([broken(1), broken(2)])
    assert find(found, 2).record == 2
    with pytest.raises(UsageError) as caught:
        find(found, 3)
    assert caught.value.problem.waiting == (1, 2)
    with pytest.raises(UsageError):
        find([], 1)


@pytest.mark.parametrize("reason", ["", " \t"])
def test_a_reason_is_required(reason):
    with pytest.raises(UsageError):
        expect_reason(reason)


def test_the_reason_is_kept_without_blanks():
    assert expect_reason(" down ") == "down"


def test_the_caller_is_the_user_of_this_machine_and_nobody_at_openbao():
    assert isinstance(emergencies([broken(1)])[0], Emergency)
    assert (ADA.mount, ADA.role, ADA.as_json()["display_name"]) == ("", "", "ada@laptop")
