"""The scorecard counts each actor's certificates and marks what somebody should look at."""

from issue_records import issued_record, record

from warden.core.inventory.inventory import Actor, NamedActor
from warden.core.ssh.issue_log import ACKNOWLEDGED, DISCARDED, EMERGENCY, FAILED, REFUSED, REVOKED
from warden.core.ssh.scorecard import scorecard

AGENT = NamedActor(name="agt-deploy", declared=Actor(source_addresses=("10.0.0.0/8",)))


def test_it_counts_what_became_of_each():
    records = [
        issued_record(1),
        issued_record(2, who="other", valid_after=0, valid_before=5_000, requested_ttl=4_940),
        record(3, REFUSED, {}),
        record(4, FAILED, {}),
        record(5, DISCARDED, {"issued": 1}),
    ]
    (score,) = scorecard(records, [AGENT], 3_000)
    assert (score.actor, score.issued, score.refused, score.failed, score.valid) == ("agt-deploy", 2, 1, 2, 1)
    assert (score.callers, score.longest, score.last) == (2, 4_940, "2026-01-01T00:00:02Z")


def marks(records, declared=(AGENT,), now=1_500):
    return {each.actor: each.marks for each in scorecard(records, declared, now)}


def test_an_actor_without_certificates_is_idle_and_one_with_more_failures_is_failing():
    assert marks([]) == {"agt-deploy": ("idle",)}
    assert marks([issued_record(1)]) == {"agt-deploy": ()}
    assert marks([issued_record(1), record(2, FAILED, {}), record(3, REFUSED, {})]) == {"agt-deploy": ("failing",)}


def test_valid_certificates_of_nobody_in_the_inventory_are_marked():
    assert marks([issued_record(1)], ()) == {"agt-deploy": ("undeclared",)}
    assert marks([issued_record(1)], (), now=9_999) == {"agt-deploy": ()}


def test_an_actor_that_may_come_from_anywhere_is_marked():
    assert marks([issued_record(1)], (NamedActor(name="agt-deploy", declared=Actor()),)) == {
        "agt-deploy": ("any-address",)
    }


def test_an_emergency_is_marked_until_it_is_acknowledged():
    records = [issued_record(1), record(2, EMERGENCY, {"reason": "down"})]
    assert marks(records) == {"agt-deploy": ("unacknowledged",)}
    assert marks([*records, record(3, ACKNOWLEDGED, {"record": 2})]) == {"agt-deploy": ()}


def test_a_host_has_no_line():
    assert marks([issued_record(1, subject="coulombcore", type="host")], ()) == {}


def test_a_serial_that_was_revoked_by_itself_has_no_line():
    assert marks([record(1, REVOKED, {"serials": [1]}, lane="krl")]) == {"agt-deploy": ("idle",)}
