"""The steps of a closing as data: their order, and that taking them again after any of them converges."""

import datetime as dt

import msgspec
import pytest
from declared_lanes import declare

from warden.core.journal.record import Record
from warden.core.lanes.delivery_target import DeclaredCluster, targets
from warden.core.lanes.lane import Consumer, Delivery
from warden.core.lifecycle.closing import stages_of, steps_of
from warden.core.lifecycle.reopening import gate, needs_new_value
from warden.core.openbao.api import KvMetadata
from warden.core.proofs.verdict import Proof, Verdict

LANE = declare(
    "key",
    deliveries={
        "one": Delivery(external_secret="tenant/key"),
        "two": Delivery(bootstrap_secret="tenant/key"),
    },
    consumers=(
        Consumer(deployment="tenant/app", on_closing="stop"),
        Consumer(deployment="tenant/other"),
        Consumer(deployment="elsewhere/app", on_closing="stop"),
    ),
)
DECLARED = {name: DeclaredCluster(context=name) for name in ("one", "two")}


def steps(event, **how):
    return steps_of(event, LANE, targets(LANE, DECLARED), **how)


def kinds(event, **how):
    return [each.kind for each in steps(event, **how)]


def test_what_takes_access_away_comes_first_and_clusters_last():
    assert kinds("deactivate") == [
        "record",
        "close-openbao",
        "revoke-tokens",
        "prove-denied",
        *("stop-consumer", "inform-consumer", "remove-external-secret", "remove-secret"),
        *("stop-consumer", "inform-consumer", "remove-secret"),
    ]


def test_an_opening_ends_with_another_record_than_a_closing_begins_with():
    assert kinds("reactivate")[-2:] == ["unmark", "record-opening"]
    assert kinds("compromise", replace=True).count("record") == 1


def test_after_a_leak_the_providers_key_is_first_and_no_version_stays():
    found = kinds("compromise")
    assert found[:6] == [
        *("record", "disable-key", "close-openbao", "revoke-tokens", "destroy-versions", "prove-denied"),
    ]
    assert found[-2:] == ["list-readers", "compare-values"]
    assert set(kinds("deactivate")) < set(found)


def test_the_mark_goes_after_the_proof():
    found = kinds("reactivate")
    assert found.index("open-openbao") < found.index("deliver") < found.index("prove")
    assert found.index("prove") < found.index("restore-consumer") < found.index("unmark")


def test_clusters_can_be_left_alone():
    assert {each.cluster for each in steps("deactivate", keep_secrets=True)} == {""}


def test_steps_of_one_cluster_are_taken_together():
    assert stages_of(steps("deactivate")) == (
        *(("record", ""), ("openbao", ""), ("tokens", ""), ("denial", ""), ("cluster", "one"), ("cluster", "two")),
    )


@pytest.mark.parametrize("event", ["deactivate", "compromise", "reactivate"])
def test_a_run_that_is_killed_after_any_step_is_ended_by_the_same_steps(event):
    """Each step makes one thing so, and finds it so the next time."""
    whole = steps(event)
    for killed_after in range(len(whole) + 1):
        world, made = set(whole[:killed_after]), []
        for each in whole:
            if each not in world:
                made.append(each)
                world.add(each)
        assert (world, made) == (set(whole), list(whole[killed_after:]))


# -- opening ----------------------------------------------------------------------------------------------------------


def verdict(result, probe="reads", **fields):
    return Verdict(probe=probe, result=result, observed="allowed", **fields)


@pytest.mark.parametrize(
    ("verdicts", "holds", "members"),
    [
        ((verdict("ok"),), True, 0),
        ((verdict("ok"), verdict("wrong", "consumer")), True, 0),
        ((verdict("ok"), verdict("inconclusive", "member")), True, 1),
        ((verdict("ok"), verdict("wrong", "member")), False, 0),
        ((verdict("ok"), verdict("inconclusive")), False, 0),
        ((verdict("ok"), verdict("wrong", "other-account")), False, 0),
    ],
)
def test_a_lane_is_opened_by_a_proof_that_holds(verdicts, holds, members):
    found = gate(Proof(lane="key", verdicts=verdicts))
    assert (found.holds, len(found.by_members)) == (holds, members)


def record(seq, event, **body):
    return Record(seq=seq, at="2026-11-30T10:00:00.000000Z", event=event, lane="key", actor="ada", body=body, hash="0")


CLOSING = record(7, "lane.closed", reason="x", leaked=True)
NOW = dt.datetime(2026, 11, 30, 10, 30, tzinfo=dt.UTC)


def written(minute, *, ahead=0, live=True):
    """A version that the server wrote at that minute after ten, by a clock that is so many minutes ahead of ours."""
    at = dt.datetime(2026, 11, 30, 10, tzinfo=dt.UTC) + dt.timedelta(minutes=minute + ahead)
    return KvMetadata(
        current=2, live=live, written=at, custom={}, asked=NOW + dt.timedelta(minutes=ahead) if ahead else None
    )


@pytest.mark.parametrize(
    ("metadata", "needed"),
    [
        (None, True),
        (written(-1), True),
        (written(1), False),
        (written(1, live=False), True),
        (written(-1, ahead=5), True),
        (written(1, ahead=5), False),
        (written(1, ahead=-5), False),
        (written(-1, ahead=-5), True),
    ],
)
def test_a_value_that_leaked_is_not_opened_again_whatever_the_servers_clock(metadata, needed):
    assert needs_new_value(CLOSING, (), metadata, NOW) is needed


def test_a_value_that_was_put_since_is_a_new_one_and_without_a_leak_none_is_needed():
    assert needs_new_value(CLOSING, (record(8, "put.done"),), written(-1), NOW) is False
    assert needs_new_value(CLOSING, (record(6, "put.done"),), written(-1), NOW) is True
    kept = msgspec.structs.replace(CLOSING, body={"reason": "leaked", "leaked": False})
    assert needs_new_value(kept, (), written(-1), NOW) is False
