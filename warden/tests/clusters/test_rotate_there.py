"""rotate, in two real clusters: every Secret and every consumer has the new value before the old key ends."""

import base64
import datetime as dt
import time

import msgspec
import pytest
from dying_journal import DyingJournal, Killed
from lying_source import LyingProvider, OneSource

from warden.core.clusters.rollout import RESTARTED
from warden.core.errors import Exit
from warden.core.lanes.lane import Consumer, Delivery
from warden.core.lanes.rotation import RefusalWindow, Rotation
from warden.usecases.rotate import rotate
from warden.usecases.steps.rotation_run import RotateTools, Waits

pytestmark = pytest.mark.cluster

FIRST, SECOND = "coulombcore", "railiance01"


class Rotations:
    """A lane in clusters whose key a lying provider issued; while a rotation waits, kubelets do their work."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.provider = LyingProvider()
        self.old = self.provider.add()
        bench.value = self.old.value
        bench.change(rotation=Rotation(every=60, source="lying", refused=RefusalWindow(times=2, over=1)))
        self.slept = 0.0
        self.kubelets = True

    def everywhere(self, **second: str) -> None:
        """Delivered to both clusters; `second` is how the second one gets it."""
        there = f"{self.bench.namespace}/{self.bench.name}"
        how = Delivery(**(second or {"external_secret": there}))
        self.bench.change(deliveries={FIRST: Delivery(external_secret=there), SECOND: how})

    def consumer(self, on_new_value: str, how: str, *clusters: str) -> None:
        for cluster in clusters or (FIRST,):
            self.bench.deploy(cluster, how=how)
            self.bench.settle(cluster)
        time.sleep(2.1)  # what runs is older than the new value: times of pods and Secrets have whole seconds
        name = f"{self.bench.namespace}/app"
        self.bench.change(consumers=(Consumer(deployment=name, on_new_value=on_new_value),))

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        time.sleep(min(seconds, 0.2))
        for cluster in self.bench.lane.deliveries if self.kubelets else ():
            self.bench.settle(cluster)

    def rotate(self, *, resume: bool = False, failing: float = 0.0, journal: object = None):
        context = msgspec.structs.replace(
            self.bench.context(), vault=self.bench.vault("admin"), journal=journal or self.bench.journal
        )
        tools = RotateTools(
            sources=OneSource(self.provider),
            http=None,
            clock=lambda: dt.datetime.now(dt.UTC),
            sleep=self.sleep,
            monotonic=lambda: self.slept,
            waits=Waits(consumers=12.0, failing=failing, look=0.4),
        )
        (rotation,) = self.bench.lane.rotations
        return rotate(self.bench.whole_lane, rotation, context, tools, resume=resume)

    def restarted(self, cluster: str = FIRST) -> str:
        found = self.bench.handle(cluster).must("GET", self.bench.url("deployment", "app"))
        return (found["spec"]["template"]["metadata"].get("annotations") or {}).get(RESTARTED, "")

    @property
    def new(self) -> str:
        (only,) = self.provider.keys.values()
        assert only.key != self.old.key
        return only.value


@pytest.fixture
def rotations(bench):
    return Rotations(bench)


def states(done):
    return {(each.cluster, each.kind): each.state for each in done.parts}


def test_in_two_clusters_consumers_are_restarted_and_seen_with_the_new_value(rotations):
    bench = rotations.bench
    rotations.everywhere()
    bench.ready()
    rotations.consumer("restart", "environment", FIRST, SECOND)
    done = rotations.rotate()
    assert (done.state, done.old) == ("done", "refused"), done
    assert set(states(done).values()) == {"has"}
    assert len(done.parts) == 4
    assert rotations.restarted(FIRST)
    assert rotations.restarted(SECOND)
    assert bench.delivered(FIRST) == bench.delivered(SECOND) == rotations.new


@pytest.mark.parametrize("number", [5, 8], ids=["delivering", "restarted"])
def test_killed_while_it_is_delivered_taken_or_proven_it_is_resumed(rotations, number):
    bench = rotations.bench
    bench.ready()
    rotations.consumer("restart", "environment")
    with pytest.raises(Killed):
        rotations.rotate(journal=DyingJournal(bench.journal, number, after=True))
    assert not rotations.provider.keys[rotations.old.key].disabled
    done = rotations.rotate(resume=True)
    assert (done.state, done.old) == ("done", "refused"), done
    assert set(states(done).values()) <= {"has"}
    assert rotations.restarted()
    assert bench.delivered() == rotations.new


def test_a_secret_made_by_hand_keeps_the_old_value_and_is_named_before_the_old_key_ends(rotations):
    bench = rotations.bench
    rotations.everywhere(bootstrap_secret=f"{bench.namespace}/{bench.name}")
    bench.ready()
    made = {"metadata": {"name": bench.name}, "data": {"API_KEY": encoded(rotations.old.value)}}
    bench.create("secret", {"apiVersion": "v1", "kind": "Secret", **made}, SECOND)
    done = rotations.rotate()
    assert (done.state, done.old, done.exit) == ("unproven", "not-asked", Exit.NO)
    (kept,) = done.not_fine
    assert (kept.cluster, kept.kind, kept.state, kept.by_hand) == (SECOND, "secret", "other", True)
    assert done.left[:2] == ("prove", "disable")
    assert rotations.provider.keys[rotations.old.key].disabled is False
    assert [each.command for each in done.next] == ["adopt", "rotate"]
    new = next(each.value for each in rotations.provider.keys.values() if each.key != rotations.old.key)
    bench.merge("secret", bench.name, {"data": {"API_KEY": encoded(new)}}, SECOND)
    assert rotations.rotate(resume=True).state == "done"
    assert rotations.new == new


def test_a_consumer_that_fails_with_the_new_value_takes_it_back_everywhere(rotations):
    bench = rotations.bench
    bench.ready()
    rotations.consumer("restart", "environment")
    failing = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "ready": False}

    def crash(seconds: float) -> None:
        rotations.slept += seconds
        time.sleep(0.2)
        if bench.delivered() == rotations.old.value:
            bench.settle()
        else:
            bench.run_pods(**failing)

    rotations.sleep = crash
    done = rotations.rotate()
    assert (done.state, done.exit) == ("rolled-back", Exit.NO), done
    assert [each.step for each in done.steps if each.back] == [
        "restore",
        "deliver",
        "reload",
        "prove",
        "withdraw",
        "erase",
        "record",
    ]
    assert bench.delivered() == rotations.old.value
    assert [*rotations.provider.keys] == [rotations.old.key]
    assert set(states(done).values()) == {"has"}


def test_a_consumer_that_nobody_restarts_is_not_taken_for_one_that_has_the_new_value(rotations):
    bench = rotations.bench
    bench.ready()
    rotations.consumer("none", "environment")
    rotations.kubelets = False
    done = rotations.rotate()
    assert done.state == "unproven"
    assert states(done) == {(FIRST, "secret"): "has", (FIRST, "consumer"): "other"}
    assert not rotations.restarted()
    assert rotations.provider.keys[rotations.old.key].disabled is False
    bench.run_pods(counted=True)
    assert rotations.rotate(resume=True).state == "done"


def test_a_consumer_that_reloads_is_given_the_time_that_kubelets_need(rotations):
    bench = rotations.bench
    bench.ready()
    rotations.consumer("reload", "directory")
    rotations.kubelets = False
    (consumer,) = bench.lane.consumers
    bench.change(consumers=(msgspec.structs.replace(consumer, reload_within=3600),))
    early = rotations.rotate()
    assert (early.state, states(early)[(FIRST, "consumer")]) == ("stopped", "pending")
    assert rotations.provider.keys[rotations.old.key].disabled is False
    bench.change(consumers=(msgspec.structs.replace(consumer, reload_within=1),))
    assert rotations.rotate(resume=True).state == "done"
    assert not rotations.restarted()


def test_a_delivery_that_is_taken_out_of_the_lane_file_meanwhile_is_not_forgotten(rotations):
    bench = rotations.bench
    rotations.everywhere()
    bench.ready()
    deliveries = bench.lane.deliveries
    rotations.provider.before = lambda name: setattr(rotations.provider, "lag", 9999) if name == "minted" else None
    clusters = bench.clusters
    bench.clusters = lambda **_: clusters(**{SECOND: bench.dead(SECOND)})
    first = rotations.rotate()
    assert first.state == "stopped"
    assert [each.command for each in first.next] == ["sync", "rotate"]
    bench.clusters = clusters
    bench.change(deliveries={FIRST: deliveries[FIRST]})
    second = rotations.rotate(resume=True)
    assert second.state == "unproven"
    (left,) = second.not_fine
    assert (left.cluster, left.dropped, left.state) == (SECOND, True, "other")


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
