"""Waiting for a refresh: what became ready only after it was asked for, and whose failure it was."""

import time

import pytest

from warden.core.clusters.manifests import Ref
from warden.core.errors import Refused, Unidentified, Unreachable
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery
from warden.usecases.steps import refresh as refresh_module
from warden.usecases.steps.refresh import refresh
from warden.usecases.sync import _with_store_reason, sync_delivery

ASKED = Ref("ExternalSecret", "team", "key")
STORE = Ref("SecretStore", "team", "openbao-app")
GRACE = 0.3
NOT_READY = 'could not get client: SecretStore "openbao-app" is not ready'


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(refresh_module, "GRACE", GRACE)


class Scripted:
    """A cluster whose operator reads the ExternalSecret again `later` seconds after it was asked for the first time.

    Until then it says `message`, as an event of that type, of so many of the askings.
    """

    def __init__(self, later, store="True", message=NOT_READY, kind="Warning", answered=9):
        self.later, self.store, self.message, self.kind, self.answered = later, store, message, kind, answered
        self.asked_at, self.asked = None, 0

    def get(self, ref):
        if ref == STORE:
            if self.store == "forbidden":
                raise Refused("not yours")
            return {"status": {"conditions": [{"type": "Ready", "status": self.store}]}}
        done = self.asked_at is not None and time.monotonic() - self.asked_at > self.later
        return {
            "metadata": {"namespace": "team", "name": "key"},
            "spec": {"secretStoreRef": {"kind": "SecretStore", "name": "openbao-app"}},
            "status": {
                "syncedResourceVersion": "2" if done else "1",
                "conditions": [{"type": "Ready", "status": str(done)}],
            },
        }

    def patch(self, ref, changes):
        self.asked_at, self.asked = self.asked_at or time.monotonic(), self.asked + 1
        return self.get(ref)

    def events(self, _ref):
        said = range(min(self.asked, self.answered))
        return [{"metadata": {"name": str(each)}, "type": self.kind, "message": self.message} for each in said]


def test_a_store_that_is_ready_by_now_is_waited_for():
    assert refresh(Scripted(GRACE + 0.7), ASKED, patience=20).followed == "synced"


@pytest.mark.parametrize("store", ["False", "forbidden"])
def test_one_that_is_not_or_may_not_be_looked_at_is_a_failure(store):
    found = refresh(Scripted(GRACE + 0.7, store), ASKED, patience=20)
    assert (found.followed, found.ms < 20_000) == ("failed", True)
    assert found.reply.endswith("is not ready")


def test_one_failure_may_be_of_a_read_that_had_begun_before_it_is_asked_again_before_that_counts():
    """A busy operator: what it says first is of before, and what was asked for comes after the grace."""
    cluster = Scripted(GRACE + 0.7, message="permission denied", answered=1)
    assert refresh(cluster, ASKED, patience=20).followed == "synced"
    assert cluster.asked == 2


def test_a_failure_that_comes_again_counts_and_one_alone_does_when_nothing_follows():
    again = refresh(Scripted(60, message="permission denied"), ASKED, patience=20)
    alone = refresh(Scripted(60, message="permission denied", answered=1), ASKED, patience=GRACE + 1)
    assert [(each.followed, each.reply) for each in (again, alone)] == [("failed", "permission denied")] * 2
    assert again.ms < 20_000


def test_that_it_wrote_the_secret_is_no_failure():
    """The event of that is there before the status says so."""
    found = refresh(Scripted(GRACE + 0.7, message="secret created", kind="Normal"), ASKED, patience=20)
    assert found.followed == "synced"
    assert refresh(Scripted(60, message="secret created", kind="Normal"), ASKED, patience=1).followed == "silent"


def test_what_a_store_says_when_it_is_well_is_no_reason_of_a_failure(lane_of):
    class Stored:
        def events(self, _ref):
            bad = {"type": "Warning", "message": "permission denied"}
            return [bad, {"type": "Normal", "message": "store validated"}]

    lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/key")})
    one = target(lane, "here", {"here": DeclaredCluster(context="c")})
    assert _with_store_reason(NOT_READY, one, Stored()) == f"{NOT_READY}: permission denied"


@pytest.mark.parametrize(
    ("kind", "followed"), [(Refused, "refused"), (Unidentified, "refused"), (Unreachable, "silent")]
)
@pytest.mark.parametrize("early", [True, False])
def test_a_cluster_that_refuses_is_told_from_one_that_gives_no_answer(lane_of, kind, followed, early):
    class Refusing(Scripted):
        def patch(self, ref, changes):
            raise kind("it said so", hint="do this")

    lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/key")})
    one = target(lane, "here", {"here": DeclaredCluster(context="c")})
    found = sync_delivery(one, kind("it said so", hint="do this") if early else Refusing(0), None, 1)
    assert (found.followed, found.cause.problem, found.hint) == (followed, "it said so", "do this")
