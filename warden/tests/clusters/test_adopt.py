"""adopt: a Secret made by hand becomes the lane's, never absent, never overwritten without a word."""

import base64
import json
import re
import threading
import time

import pytest

from warden.core.errors import Closed, Foreign, Inconclusive, Missing
from warden.core.lanes.lane import Consumer, Delivery
from warden.core.plans.plan import OwnedBy
from warden.core.remedies import warden
from warden.present import errors
from warden.usecases import adopt as adopt_module
from warden.usecases.steps.adoption import Differs, NothingToAdopt, SecretUntouched

pytestmark = pytest.mark.cluster
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def hand_made(bench):
    """Makes the lane's Secret by ``kubectl apply``, as people do, and fills OpenBao."""

    def make(value="", **more):
        bench.tenant()
        bench.put()
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": bench.name, "namespace": bench.namespace} | more.pop("metadata", {}),
            "stringData": {"API_KEY": value or bench.value} | more.pop("extra", {}),
        }
        done = bench.handle().kubectl("apply", "-f", "-", stdin=json.dumps(body | more))
        assert done.returncode == 0, done.stderr
        return bench.live_secret()["metadata"]["uid"]

    return make


class Watched:
    """Looks at the Secret all the time: was it ever absent, or another object?"""

    def __init__(self, bench):
        self._bench = bench
        self._stop = threading.Event()
        self.uids = set()
        self.looks = 0
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._stop.is_set():
            found = self._bench.live_secret()
            self.uids.add(found["metadata"].get("uid", "absent"))
            self.looks += 1
            time.sleep(0.005)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def test_equal_values_are_taken_over_in_place_without_a_restart(bench, hand_made):
    uid = hand_made()
    bench.change(consumers=(Consumer(deployment=f"{bench.namespace}/app"),))
    bench.deploy(how="environment")
    before = bench.live_secret()
    with Watched(bench) as watched:
        done = bench.adopt()
    assert watched.uids == {uid}
    assert watched.looks > 5
    assert (done.compared.equal, done.compared.different) == (("API_KEY",), ())
    assert done.restarted == ()
    assert done.cleaned == (LAST_APPLIED,)
    after = bench.live_secret()
    assert after["data"] == before["data"]
    assert LAST_APPLIED not in after["metadata"]["annotations"]
    assert after["metadata"]["ownerReferences"][0]["kind"] == "ExternalSecret"
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
    events = [record.event for record in bench.journal.log() if record.event.startswith("adopt")]
    assert events == ["adopt.begin", "adopt.done"]


def test_values_that_differ_are_said_and_nothing_is_overwritten(bench, hand_made):
    hand_made("another-value-made-by-hand")
    with pytest.raises(Differs) as fault:
        bench.adopt()
    assert (fault.value.problem.compared.different, fault.value.problem.compared.version) == (("API_KEY",), 1)
    assert "--keep openbao" in fault.value.hint
    assert "another-value-made-by-hand" not in f"{fault.value} {errors.as_json(fault.value)}"
    assert bench.delivered() == "another-value-made-by-hand"
    assert "ownerReferences" not in bench.live_secret()["metadata"]


def test_openbaos_value_is_right_the_secret_gets_it_and_the_consumer_is_restarted(bench, hand_made):
    hand_made("another-value-made-by-hand")
    bench.deploy(how="environment", started="2020-01-01T00:00:00Z")
    done = bench.adopt(keep="openbao")
    assert bench.delivered() == bench.value
    assert done.restarted == (f"{bench.namespace}/app",)
    template = bench.handle().must("GET", bench.url("deployment", "app"))["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


def test_the_secrets_value_is_right_openbao_gets_it_as_a_new_version(bench, hand_made):
    hand_made("the-value-made-by-hand-is-right")
    done = bench.adopt(keep="secret")
    assert done.compared.version == 2
    assert bench.delivered() == "the-value-made-by-hand-is-right"
    found = bench.platform.must("GET", bench.data)
    assert found["data"]["data"] == {"API_KEY": "the-value-made-by-hand-is-right"}
    assert b"the-value-made-by-hand-is-right" not in open_bytes(bench.journal.path)


@pytest.mark.parametrize(("data", "why"), [(b"\x00a key\xff\xfe", "not-utf-8"), (b"", "empty")])
def test_a_value_that_openbao_cannot_hold_as_it_is_stays_in_the_secret(bench, hand_made, data, why):
    """JSON has text alone: other bytes would come back as other ones, and the key would be gone for good."""
    hand_made()
    bench.merge("secret", bench.name, {"data": {"API_KEY": base64.b64encode(data).decode()}})
    with pytest.raises(Differs):
        bench.adopt()
    with pytest.raises(Foreign) as fault:
        bench.adopt(keep="secret")
    assert fault.value.problem.fields == {"API_KEY": why}
    assert fault.value.effect == SecretUntouched()
    assert fault.value.remedy[0] == warden("put", bench.name, "API_KEY")
    assert base64.b64decode(bench.live_secret()["data"]["API_KEY"] or "") == data
    assert "ownerReferences" not in bench.live_secret()["metadata"]
    assert bench.platform.must("GET", bench.data)["data"]["metadata"]["version"] == 1
    bench.adopt(keep="openbao")
    assert bench.delivered() == bench.value


def open_bytes(path):
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"extra": {"OTHER": "kept"}}, "OTHER, which would be wiped"),
        ({"immutable": True}, "immutable"),
        ({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}, "Helm release"),
        (
            {"metadata": {"annotations": {"meta.helm.sh/release-name": "app"}}, "immutable": True, "extra": {"B": "b"}},
            "Helm release app.*immutable.*B, which would be wiped",
        ),
    ],
)
def test_what_stands_in_the_way_is_named_all_at_once_and_nothing_is_changed(bench, hand_made, more, said):
    hand_made(**more)
    before = bench.live_secret()
    with pytest.raises(Foreign) as fault:
        bench.adopt()
    assert re.search(said, errors.message(fault.value))
    assert bench.live_secret() == before
    assert bench.handle().admin("GET", bench.url("externalsecret", bench.name))[0] == 404


def test_a_secret_of_another_external_secret_is_refused(bench):
    bench.ready()
    first = bench.handle().must("GET", bench.url("externalsecret", bench.name))
    bench.remove("externalsecret", bench.name)
    bench.collected()
    body = {"apiVersion": first["apiVersion"], "kind": "ExternalSecret", "metadata": {"name": "another"}}
    bench.create("externalsecret", body | {"spec": first["spec"]})
    bench.until(lambda: "another" in str(bench.live_secret()["metadata"].get("ownerReferences")))
    with pytest.raises(Foreign) as fault:
        bench.adopt()
    assert fault.value.problem.obstacles == (OwnedBy("ExternalSecret", "another"),)


def test_no_secret_and_a_closed_lane_are_plain_answers(bench):
    bench.tenant()
    with pytest.raises(Missing) as fault:
        bench.adopt()
    assert isinstance(fault.value.problem, NothingToAdopt)
    bench.journal.record("lane.closed", bench.name, {"reason": "test"})
    with pytest.raises(Closed):
        bench.adopt()


def test_a_lane_that_another_machine_closed_is_not_adopted(bench):
    bench.tenant()
    bench.create("secret", {"metadata": {"name": bench.name}, "stringData": {"API_KEY": "by-hand"}})
    bench.vault("admin").mark(bench.lane.custody.mount, bench.lane.custody.key, {"closed": "then somebody"})
    with pytest.raises(Closed):
        bench.adopt()
    assert bench.journal.log() == []


def test_a_value_that_is_not_in_openbao_leaves_the_secret_as_it_was(bench):
    bench.tenant()
    bench.create("secret", {"metadata": {"name": bench.name}, "stringData": {"API_KEY": "by-hand"}})
    with pytest.raises(Inconclusive) as fault:
        bench.adopt()
    assert fault.value.effect == SecretUntouched()
    assert bench.delivered() == "by-hand"


STEPS = ("_prepare", "_reconcile", "_compare", "_hand_over", "_clean", "_restart")


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_any_step_it_can_be_run_again(bench, hand_made, monkeypatch, step):
    uid = hand_made()
    whole = getattr(adopt_module, step)

    def killed(*args, **how):
        whole(*args, **how)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(adopt_module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            bench.adopt()
    assert bench.live_secret()["metadata"]["uid"] == uid
    assert bench.delivered() == bench.value
    bench.adopt()
    found = bench.live_secret()["metadata"]
    assert found["uid"] == uid
    assert LAST_APPLIED not in found["annotations"]
    assert found["ownerReferences"][0]["kind"] == "ExternalSecret"


def test_the_second_cluster_by_its_own_mount(bench, hand_made):
    """As railiance01: by hand there, while the first cluster is delivered already."""
    secret = f"{bench.namespace}/{bench.name}"
    bench.change(deliveries={"coulombcore": Delivery(external_secret=secret)})
    bench.ready()
    bench.change(deliveries=bench.lane.deliveries | {"railiance01": Delivery(bootstrap_secret=secret)})
    bench.tenant("railiance01")
    bench.create("secret", {"metadata": {"name": bench.name}, "stringData": {"API_KEY": bench.value}}, "railiance01")
    proof = bench.prove()
    assert bench.verdict(proof, "by-hand").observed == "by-hand"
    bench.change(deliveries=bench.lane.deliveries | {"railiance01": Delivery(external_secret=secret)})
    bench.adopt("railiance01")
    for cluster in bench.lane.deliveries:
        bench.deploy(cluster)
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)
