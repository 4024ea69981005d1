"""sync: every delivery is refreshed now, and what came of it is told for each cluster by itself."""

import datetime as dt
import os

import pytest

from warden.core.errors import Closed, Effect, Missing
from warden.core.lanes.lane import Delivery
from warden.core.plans.lane_plan import LaneOptions
from warden.core.remedies import warden
from warden.usecases.sync import NoExternalSecret, NothingDelivered, OperatorReply, sync

pytestmark = pytest.mark.cluster


@pytest.fixture
def asked(bench):
    """Syncs the bench's lane; answers what was followed, by cluster."""

    def run(patience=bench.patience, **clusters):
        done = sync(bench.whole_lane, bench.context(bench.clusters(**clusters)), LaneOptions(), patience=patience)
        return {each.cluster: each for each in done.done}

    return run


@pytest.fixture
def everywhere(bench):
    """Delivered to both clusters."""
    bench.change(deliveries=dict.fromkeys(("coulombcore", "railiance01"), bench.lane.deliveries["coulombcore"]))
    return bench.ready()


def records(bench):
    """What the journal has of it, without place, process and number, which every such record has."""
    found = [each for each in bench.journal.log() if each.event.startswith("sync")]
    without = {"place", "process", "begin"}
    return [(each.event, {key: value for key, value in each.body.items() if key not in without}) for each in found]


def followed(done):
    return {name: each.followed for name, each in done.items()}


def test_followed_everywhere_and_journaled_before_and_after(everywhere, asked):
    done = asked()
    assert followed(done) == {"coulombcore": "synced", "railiance01": "synced"}
    assert all(each.ms > 0 and each.cause is None for each in done.values())
    assert records(everywhere) == [
        ("sync.begin", {"clusters": ["coulombcore", "railiance01"]}),
        ("sync.done", {"clusters": {"coulombcore": "synced", "railiance01": "synced"}}),
    ]


def test_a_sync_that_was_killed_is_ended_by_the_next(everywhere, asked):
    gone = {"clusters": ["coulombcore"], "process": {"host": os.uname().nodename, "pid": 2**22 + 1}}
    everywhere.journal.record("sync.begin", everywhere.lane.id, gone)
    asked()
    ended = {"found": {"coulombcore": "synced", "railiance01": "synced"}}
    assert records(everywhere)[-1] == ("sync.abandoned", ended)
    assert everywhere.journal.unfinished() == []


def test_a_value_that_changed_is_delivered_although_the_next_refresh_is_an_hour_away(everywhere, asked):
    assert everywhere.lane.deliveries["coulombcore"].refresh == 3600
    everywhere.put("the-value-of-after")
    asked()
    assert {everywhere.delivered(name) for name in everywhere.lane.deliveries} == {"the-value-of-after"}


def test_it_is_of_now_the_operator_read_again_in_openbaos_own_log(everywhere, asked):
    from warden.adapters.openbao.audit_log import AuditFiles

    log = AuditFiles([everywhere.platform.audit_file])
    before = dt.datetime.now(dt.UTC)
    asked()
    after = [each for each in log.handed([everywhere.data]) if dt.datetime.fromisoformat(each.at) >= before]
    assert {each.account for each in after} == {f"{everywhere.namespace}/app"}
    assert len({each.uid for each in after}) == 2, "each cluster reads by its own account"


def test_one_that_fails_says_why_and_keeps_no_other_from_being_asked(everywhere, asked):
    bad = {"spec": {"provider": {"vault": {"path": "elsewhere"}}}}
    everywhere.merge("secretstore", "openbao-app", bad)
    everywhere.refreshed("failed")  # the operator knows of the store by now
    done = asked()
    assert followed(done) == {"coulombcore": "failed", "railiance01": "synced"}
    assert isinstance(done["coulombcore"].cause, OperatorReply)
    assert everywhere.value not in done["coulombcore"].cause.text


def test_a_cluster_that_is_down_is_no_answer_and_the_other_is_asked(everywhere, asked):
    done = asked(coulombcore=everywhere.dead())
    assert followed(done) == {"coulombcore": "silent", "railiance01": "synced"}
    assert done["coulombcore"].cause.kind == "unreachable"


def test_an_operator_that_is_stopped_is_silent_whatever_its_ready_says(bench, asked):
    bench.ready()
    bench.handle().stop_eso()
    try:
        conditions = bench.handle().must("GET", bench.url("externalsecret", bench.name))["status"]["conditions"]
        done = asked(patience=1.5)["coulombcore"]
    finally:
        bench.handle().start_eso()
    assert [each["status"] for each in conditions] == ["True"]
    assert (done.followed, done.cause.waited) == ("silent", 1.5)
    assert done.ms >= 1500


def test_without_an_external_secret_there_is_nothing_to_refresh(bench, asked):
    bench.tenant()
    done = asked()["coulombcore"]
    assert (done.followed, done.cause) == ("absent", NoExternalSecret())


def test_where_no_value_was_put_yet_that_is_what_is_next(bench, asked):
    bench.tenant()
    bench.apply()
    first = asked()["coulombcore"]
    put = (warden("put", bench.name, "API_KEY"),)
    assert (first.followed, first.remedy) == ("failed", put)
    bench.put()
    assert (asked()["coulombcore"].followed, asked()["coulombcore"].remedy) == ("synced", ())
    bench.platform.must("DELETE", bench.data)
    (undelete,) = asked()["coulombcore"].remedy
    assert (undelete.action, undelete.name) == ("undelete", "1")


@pytest.mark.parametrize("by", ["the journal", "another machine"])
def test_a_closed_lane_is_left_alone(bench, asked, by):
    bench.ready()
    before = bench.handle().must("GET", bench.url("externalsecret", bench.name))["metadata"]["annotations"]
    if by == "the journal":
        bench.journal.record("lane.closed", bench.name, {"reason": "test"})
    else:
        bench.vault("admin").mark(bench.lane.custody.mount, bench.lane.custody.key, {"closed": "then somebody"})
    with pytest.raises(Closed) as fault:
        asked()
    assert fault.value.effect == Effect.NOTHING_ASKED
    after = bench.handle().must("GET", bench.url("externalsecret", bench.name))["metadata"]["annotations"]
    assert (before, records(bench)) == (after, [])


def test_what_is_made_by_hand_everywhere_is_said_and_nothing_is_journaled(bench, asked):
    bench.change(deliveries={"coulombcore": Delivery(bootstrap_secret=f"{bench.namespace}/{bench.name}")})
    with pytest.raises(Missing) as fault:
        asked()
    assert fault.value.problem == NothingDelivered(bench.name)
    assert records(bench) == []


def test_of_two_deliveries_the_one_made_by_hand_is_left_out(bench, asked):
    delivered = bench.lane.deliveries["coulombcore"]
    bench.ready()
    by_hand = Delivery(bootstrap_secret=f"{bench.namespace}/{bench.name}")
    bench.change(deliveries={"coulombcore": delivered, "railiance01": by_hand})
    assert followed(asked()) == {"coulombcore": "synced"}
