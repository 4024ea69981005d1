"""How pods take a Secret, and whether what runs has the value that is there now."""

import datetime as dt

import pytest

from warden.core.clusters.secret_observation import SecretObservation
from warden.core.plans.plan import BeingDeleted
from warden.core.proofs.consumer_check import ConsumerObservation, changed_at, judge_consumer, needs_restart, ways
from warden.core.proofs.delivery_details import ContainersFailing, PodsOlder, StartedAgain
from warden.core.secret import Secret
from warden.core.unobserved import Unobserved

CHANGED = "2026-11-20T12:00:00Z"
BEFORE, AFTER = "2026-11-20T11:59:59Z", "2026-11-20T12:00:01Z"


def volume(name="v", secret="s"):
    return {"name": name, "secret": {"secretName": secret}}


def projected(secret="s", name="v"):
    return {"name": name, "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": secret}}]}}


def container(*mounts, **more):
    return {"name": "app", "image": "app", "volumeMounts": list(mounts)} | more


def mount(name="v", **more):
    return {"name": name, "mountPath": "/etc/key"} | more


ENV = {"env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "API_KEY"}}}]}
ENV_FROM = {"envFrom": [{"configMapRef": {"name": "s"}}, {"secretRef": {"name": "s"}}]}


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"volumes": [volume()], "containers": [container(mount())]}, {"directory"}),
        ({"volumes": [projected()], "containers": [container(mount())]}, {"directory"}),
        ({"volumes": [volume()], "containers": [container(mount(subPath="API_KEY"))]}, {"subpath"}),
        ({"volumes": [volume()], "containers": [container(mount(subPathExpr="$(X)"))]}, {"subpath"}),
        ({"volumes": [projected()], "containers": [container(mount(subPath="x"))]}, {"subpath"}),
        ({"containers": [container(**ENV)]}, {"environment"}),
        ({"containers": [container(**ENV_FROM)]}, {"environment"}),
        (
            {"volumes": [volume()], "containers": [container()], "initContainers": [container(mount())]},
            {"directory"},
        ),
        ({"containers": [container()], "initContainers": [container(**ENV)]}, {"environment"}),
        (
            {"volumes": [volume()], "containers": [container(mount(), mount(subPath="x"), **ENV)]},
            {"directory", "subpath", "environment"},
        ),
        ({"volumes": [volume(secret="t")], "containers": [container(mount())]}, set()),
        ({"volumes": [volume()], "containers": [container()]}, set()),
        ({"volumes": [volume()], "containers": [container(mount("other"))]}, set()),
        ({"containers": [container(env=[{"name": "KEY", "value": "s"}])]}, set()),
        ({"containers": [container(envFrom=[{"configMapRef": {"name": "s"}}])]}, set()),
        ({"containers": None, "volumes": None}, set()),
    ],
    ids=range(16),
)
def test_ways_of_taking_a_secret(spec, found):
    assert ways(spec, "s") == found


def seen(*entries):
    return SecretObservation(metadata={"managedFields": list(entries)}, values={}, immutable=False)


def written(at, fields=("f:data",)):
    return {"manager": "m", "time": at, "fieldsV1": {field: {} for field in fields}}


def test_the_last_change_is_that_of_the_data_alone():
    found = seen(written(BEFORE), written(CHANGED), written(AFTER, ["f:metadata"]), {"manager": "m"})
    assert changed_at(found) == dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    assert changed_at(seen(written("", ["f:data"]))) is None
    assert changed_at(None) is None


def pod(started=AFTER, spec=None, name="p", **status):
    running = [{"name": "app", "state": {"running": {"startedAt": each}}} for each in started.split()]
    return {
        "metadata": {"name": name, "ownerReferences": [{"kind": "ReplicaSet", "name": "app-7d", "controller": True}]},
        "spec": spec or {"containers": [container(**ENV)]},
        "status": {"phase": "Running", "containerStatuses": running} | status,
    }


MOUNTED = {"volumes": [volume()], "containers": [container(mount())]}
SUBPATH = {"volumes": [volume()], "containers": [container(mount(subPath="x"))]}
BOTH = {"volumes": [volume()], "containers": [container(mount(), **ENV)]}


@pytest.mark.parametrize(
    ("started", "spec", "old"),
    [
        (BEFORE, None, True),
        (AFTER, None, False),
        (CHANGED, None, False),
        (f"{AFTER} {BEFORE}", None, True),
        (BEFORE, MOUNTED, False),
        (BEFORE, SUBPATH, True),
        (AFTER, SUBPATH, False),
        (BEFORE, BOTH, True),
        ("", None, False),
    ],
)
def test_who_started_before_the_last_change_and_does_not_follow_has_the_old_value(started, spec, old):
    assert needs_restart(pod(started, spec), "s", changed_at(seen(written(CHANGED)))) is old


def test_without_a_time_of_the_change_nobody_has_to_restart():
    assert not needs_restart(pod(BEFORE), "s", None)


def deployment(spec=None):
    return {"spec": {"template": {"spec": spec or {"containers": [container(**ENV)]}}}}


THERE = seen(written(CHANGED))


def judged(*pods, spec=None, there=THERE, **more):
    usual = {"name": "t/app", "deployment": deployment(spec), "pods": pods}
    return judge_consumer(ConsumerObservation(**usual | more), "s", there)


NOT_ALLOWED = Unobserved("refused", "cluster c", "may not look")


@pytest.mark.parametrize(
    ("pods", "more", "result", "observed"),
    [
        ((pod(),), {}, "ok", "started-since"),
        ((pod(spec=MOUNTED),), {"spec": MOUNTED}, "ok", "follows"),
        ((pod(BEFORE, MOUNTED),), {"spec": MOUNTED}, "ok", "follows"),
        ((pod(spec=BOTH),), {"spec": BOTH}, "ok", "started-since"),
        ((pod(BEFORE),), {}, "wrong", "older"),
        ((pod(), pod(BEFORE, name="q")), {}, "wrong", "older"),
        ((), {}, "inconclusive", "no-pod"),
        ((pod(phase="Pending"),), {}, "inconclusive", "no-pod"),
        ((pod(),), {"deployment": None}, "wrong", "none"),
        ((pod(),), {"spec": {"containers": [container()]}}, "wrong", "not-used"),
        ((pod(),), {"unobserved": NOT_ALLOWED}, "inconclusive", "not-seen"),
        ((pod(),), {"unobserved": NOT_ALLOWED, "deployment": None}, "inconclusive", "not-seen"),
        ((pod(spec={"containers": [container()]}),), {}, "wrong", "other-template"),
        ((pod(), pod(spec={"containers": [container()]}, name="q")), {}, "wrong", "other-template"),
        ((pod(spec=MOUNTED),), {"spec": MOUNTED, "there": None}, "inconclusive", "no-secret"),
        ((pod(),), {"there": None}, "inconclusive", "no-secret"),
        ((pod(),), {"there": seen({"manager": "m"})}, "inconclusive", "not-seen"),
        ((pod(spec=MOUNTED),), {"spec": MOUNTED, "there": seen({"manager": "m"})}, "ok", "follows"),
    ],
    ids=range(18),
)
def test_each_judgement(pods, more, result, observed):
    found = judged(*pods, **more)
    assert (found.result, found.observed) == (result, observed)
    assert (found.detail is None) is (result == "ok")


WAITING = [{"name": "app", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
STARTING = [{"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}]
ENDED = [{"name": "app", "state": {"terminated": {"reason": "Completed"}}}]
UNREADY = [{"name": "app", "ready": False, "state": {"running": {"startedAt": AFTER}}}]
OPTIONAL = {"env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "OLD", "optional": True}}}]}
TWICE = {"env": [*ENV["env"], {"name": "KEY", "value": "x"}]}
HAS_KEY = SecretObservation(
    metadata={"managedFields": [written(CHANGED)]}, values={"API_KEY": Secret("v")}, immutable=False
)
FIRST = {"containers": [container()], "initContainers": [container(**ENV) | {"name": "first"}]}
LATER = {"containers": [container(envFrom=[{"secretRef": {"name": "s"}}, {"secretRef": {"name": "t"}}])]}


@pytest.mark.parametrize(
    ("pods", "spec", "result", "observed"),
    [
        ((pod(containerStatuses=WAITING),), None, "wrong", "failing"),
        ((pod(containerStatuses=WAITING, phase="Pending"), pod(name="q")), None, "wrong", "failing"),
        ((pod(initContainerStatuses=WAITING, phase="Pending"),), None, "wrong", "failing"),
        ((pod(containerStatuses=ENDED),), None, "wrong", "failing"),
        ((pod(initContainerStatuses=ENDED),), None, "ok", "started-since"),
        ((pod(containerStatuses=STARTING, phase="Pending"),), None, "inconclusive", "no-pod"),
        ((pod(containerStatuses=UNREADY),), None, "inconclusive", "not-ready"),
        ((pod(),), {"containers": [container(**OPTIONAL)]}, "wrong", "other-key"),
        ((pod(),), {"containers": [container(**TWICE)]}, "wrong", "overridden"),
        ((pod(spec={"containers": [container(**TWICE)]}),), None, "wrong", "other-template"),
        ((pod(spec=FIRST),), FIRST, "inconclusive", "init-only"),
        ((pod(spec=LATER),), LATER, "inconclusive", "not-seen"),
    ],
    ids=range(12),
)
def test_a_consumer_that_seems_to_run_with_it_and_does_not(pods, spec, result, observed):
    found = judged(*pods, spec=spec, there=HAS_KEY)
    assert (found.result, found.observed) == (result, observed)


def test_what_fails_is_named_with_its_reason():
    found = judged(pod(containerStatuses=WAITING, name="z"), there=HAS_KEY)
    assert found.detail == ContainersFailing(("z: CrashLoopBackOff (app)",))


def test_pods_that_another_controller_made_are_not_its_own():
    stray = pod(name="stray")
    stray["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "other-5f", "controller": True}]
    for each in ([], [{"kind": "ReplicaSet", "name": "app-worker-5f", "controller": True}]):
        stranger = pod()
        stranger["metadata"]["ownerReferences"] = each
        assert judged(stranger).observed == "no-pod"
    assert judged(stray).observed == "no-pod"
    own = pod(BEFORE, name="own")
    own["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "app-5f", "controller": True}]
    assert judged(stray, own).observed == "older"


def test_a_deployment_that_is_being_deleted_is_a_finding():
    ending = deployment() | {"metadata": {"deletionTimestamp": AFTER, "finalizers": ["x/y"]}}
    found = judged(pod(), deployment=ending)
    assert (found.result, found.detail) == ("wrong", BeingDeleted(AFTER, ("x/y",)))


@pytest.mark.parametrize(
    ("now", "code", "result"),
    [
        ("2026-11-20T12:05:00.5Z", 1, "inconclusive"),
        ("2026-11-20T12:10:02Z", 1, "ok"),
        ("2026-11-20T12:05:00Z", 0, "ok"),
        ("", 1, "ok"),
    ],
)
def test_a_container_that_failed_and_runs_again_has_to_stay(now, code, result):
    running = {"state": {"running": {"startedAt": AFTER}}, "lastState": {"terminated": {"exitCode": code}}}
    whole = pod(containerStatuses=[{"name": "app", **running}])
    found = judge_consumer(ConsumerObservation(name="t/app", deployment=deployment(), pods=(whole,)), "s", THERE, now)
    assert found.result == result
    assert result == "ok" or found.detail == StartedAgain(("p: failed (app)",))


def test_a_pod_that_is_ending_does_not_count():
    ending = pod(BEFORE)
    ending["metadata"]["deletionTimestamp"] = AFTER
    assert judged(ending).observed == "no-pod"
    assert judged(pod(), ending).result == "ok"


def test_the_pods_that_have_the_old_value_are_named_with_the_time_of_the_change():
    found = judged(pod(BEFORE, name="z"), pod(BEFORE, name="a"), pod(name="new"))
    assert found.detail == PodsOlder(("a", "z"), "2026-11-20T12:00:00Z")
