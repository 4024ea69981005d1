"""Whether each certificate of the issue log can still be used."""

from issue_records import issued_record, record

from warden.core.ssh.issue_log import DISCARDED, REVOKED
from warden.core.ssh.out_there import out_there


def conditions(records, now):
    return {each.issued.record: each.condition for each in out_there(records, now)}


def test_it_is_valid_until_it_expires():
    assert conditions([issued_record(1)], 1_959) == {1: "valid"}
    assert conditions([issued_record(1)], 1_960) == {1: "expired"}


def test_a_revocation_is_of_one_serial_of_one_authority():
    revoked = record(3, REVOKED, {"reason": "lost", "authority": "SHA256:ca", "authority_key": "k", "serials": [7]})
    records = [issued_record(1, serial=7), issued_record(2, serial=7, authority="SHA256:other"), revoked]
    assert conditions(records, 1_500) == {1: "revoked", 2: "valid"}


def test_one_that_could_not_be_handed_over_is_nobodys():
    records = [issued_record(1), issued_record(2), record(3, DISCARDED, {"issued": 1})]
    assert conditions(records, 1_500) == {1: "discarded", 2: "valid"}


def test_it_says_who_asked_and_why():
    (found,) = out_there([issued_record(1, who="kubernetes-ada")], 1_500)
    assert (found.who, found.reason) == ("kubernetes-ada", "why")
