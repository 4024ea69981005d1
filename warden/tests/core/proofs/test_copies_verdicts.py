"""Verdicts on what is beside a delivery: who takes its value, where a copy is, and what could not be looked at."""

import msgspec
import pytest

from warden.core.clusters.copies import Copy
from warden.core.clusters.manifests import Ref
from warden.core.clusters.operator_index import Link
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Delivery
from warden.core.proofs.copies_observation import CopiesObservation
from warden.core.proofs.copies_verdicts import MOST, judge_copies
from warden.core.proofs.delivery_details import (
    CopiedTo,
    CopiesSought,
    KindsUnlisted,
    NothingDelivered,
    OperatorSearched,
    Replicated,
    TakenBy,
)
from warden.core.proofs.delivery_observation import DeliveryObservation
from warden.core.remedies import RunKubectl
from warden.core.secret import Secret
from warden.core.unobserved import Unobserved
from warden.present.verdicts import explanation, title

AWAY = Unobserved("refused", "there", "may not")
SECOND = Ref("ExternalSecret", "other", "second")
STORE = Ref("SecretStore", "other", "own")


@pytest.fixture
def judged(lane_of):
    def judge(*, may_copy=(), annotations=None, secret=True, unobserved=None, **found):
        lane = lane_of(deliveries={"here": Delivery(external_secret="tenant/first-secret")})
        here = DeclaredCluster(context="ctx", may_copy=may_copy)
        there = SecretObservation(
            metadata={"annotations": annotations or {}}, values={"API_KEY": Secret("v")}, immutable=False
        )
        seen = DeliveryObservation(
            target=target(lane, "here", {"here": here}),
            secret=there if secret else None,
            copies=CopiesObservation(**found),
            unobserved=unobserved or {},
        )
        verdicts = judge_copies(seen)
        assert all(title(each, lane) for each in verdicts)
        return verdicts

    return judge


def of(verdicts, probe):
    return [(each.result, each.observed, each.detail) for each in verdicts if each.probe == probe]


def kubectl(action, ref, value=""):
    return RunKubectl(context="ctx", action=action, kind=ref.kind, namespace=ref.namespace, name=ref.name, value=value)


def test_where_nothing_is_beside_it_the_verdicts_say_how_much_was_looked_at(judged):
    verdicts = judged(listed=5, searched=4, skipped=("Secret",))
    assert of(verdicts, "taken-elsewhere") == [("ok", "nothing-else", OperatorSearched(5))]
    assert of(verdicts, "copies") == [("ok", "nothing-else", CopiesSought(objects=4, skipped=("Secret",)))]
    assert explanation(verdicts[1]) == "not looked through: Secret (render --rights copies)"


@pytest.mark.parametrize(
    ("effect", "observed"),
    [("reads", "taken"), ("finds", "taken"), ("writes", "written"), ("exports", "exported")],
)
def test_each_object_that_takes_or_writes_it_is_named_with_its_end(judged, effect, observed):
    link = Link(ref=SECOND, effect=effect, store=STORE, managers=("argocd",))
    (first, _) = judged(links=(link,))
    assert (first.result, first.observed, first.subject) == ("wrong", observed, "ExternalSecret other/second")
    assert first.detail == TakenBy(
        kind="ExternalSecret",
        name="second",
        namespace="other",
        effect=effect,
        store="SecretStore other/own",
        managers=("argocd",),
    )
    assert first.remedy == (kubectl("delete", SECOND),)
    assert "add ExternalSecret/other/second to may_copy in clusters.yaml" in explanation(first)


def test_what_does_something_else_too_is_edited_and_what_it_pushed_is_kept(judged):
    edit = judged(links=(Link(ref=SECOND, effect="reads", alone=False),))[0]
    assert edit.remedy == (kubectl("edit", SECOND),)
    push = Ref("PushSecret", "other", "push")
    first = judged(links=(Link(ref=push, effect="writes", deletes=True),))[0]
    assert first.remedy == (kubectl("keep-pushed", push), kubectl("delete", push))


def test_what_another_one_made_is_told_once_by_its_maker(judged):
    wide = Ref("ClusterExternalSecret", "", "wide")
    links = (
        Link(ref=SECOND, effect="reads", owner=wide),
        Link(ref=wide, effect="reads"),
        Link(ref=wide, effect="reads", alone=False),
    )
    assert [each.subject for each in judged(links=links) if each.result == "wrong"] == ["ClusterExternalSecret wide"]
    orphan = (Link(ref=SECOND, effect="reads", owner=wide),)
    assert judged(links=orphan)[0].detail.owner == "ClusterExternalSecret wide"


def test_what_is_declared_is_listed_and_not_condemned(judged):
    copy = Copy(ref=Ref("ConfigMap", "other", "settings"), field="data.a")
    may = ("ExternalSecret/other/second", "ConfigMap/other/settings")
    verdicts = judged(links=(Link(ref=SECOND, effect="reads"),), copies=(copy,), may_copy=may)
    assert {each.result for each in verdicts} == {"ok"}
    assert [explanation(each) for each in verdicts] == [f"as declared: {each}" for each in may]


def test_a_controller_that_copies_the_secret_is_found_by_its_annotations(judged):
    key = "replicator.v1.mittwald.de/replicate-to"
    marks = {key: "a,b", "reflector.v1.k8s.emberstack.com/reflection-allowed": "false", "note": "x"}
    (first, _) = judged(annotations=marks)
    assert (first.result, first.observed, first.detail) == ("wrong", "replicated", Replicated((key,)))
    assert first.remedy == (kubectl("remove-annotation", Ref("Secret", "tenant", "first-secret"), key),)


def test_a_kind_that_may_not_be_listed_is_open_also_beside_what_was_found(judged):
    unlisted = (("PushSecret", AWAY), ("ClusterPushSecret", AWAY))
    kinds = KindsUnlisted(("PushSecret", "ClusterPushSecret"), AWAY)
    assert of(judged(unlisted=unlisted), "taken-elsewhere") == [("inconclusive", "not-seen", kinds)]
    both = judged(unlisted=unlisted, links=(Link(ref=SECOND, effect="reads"),))
    assert [each.result for each in both] == ["wrong", "inconclusive", "ok"]


def test_what_could_not_be_looked_at_is_open(judged):
    verdicts = judged(unobserved={"copies": AWAY})
    assert [(each.probe, each.result, each.detail) for each in verdicts] == [
        ("taken-elsewhere", "inconclusive", AWAY),
        ("copies", "inconclusive", AWAY),
    ]
    without = judged(secret=False)
    assert of(without, "copies") == [("inconclusive", "not-seen", NothingDelivered())]
    assert of(judged(secret=False, unobserved={"secret": AWAY}), "copies") == [("inconclusive", "not-seen", AWAY)]


SECRET = Ref("Secret", "other", "mine")


@pytest.mark.parametrize(
    ("copy", "remedy"),
    [
        (Copy(ref=SECRET, field="data.KEY", alone=True), kubectl("delete", SECRET)),
        (Copy(ref=SECRET, field="data.KEY"), kubectl("remove-key", SECRET, "KEY")),
        (
            Copy(ref=SECRET, field="metadata.annotations.a/b", alone=True),
            kubectl("remove-annotation", SECRET, "a/b"),
        ),
        (
            Copy(ref=SECRET, field="data.KEY", owner=Ref("ExternalSecret", "other", "second")),
            kubectl("delete", SECOND),
        ),
        (
            Copy(ref=Ref("CronJob", "other", "n"), field="spec.x"),
            kubectl("edit", Ref("CronJob", "other", "n")),
        ),
    ],
)
def test_a_copy_is_named_with_who_wrote_it_and_what_removes_it(judged, copy, remedy):
    (_, found) = judged(copies=(msgspec.structs.replace(copy, managers=("helm",)),))
    assert (found.result, found.observed, found.remedy) == ("wrong", "copied", (remedy,))
    assert isinstance(found.detail, CopiedTo)
    assert "written by helm" in explanation(found)


def test_of_very_many_copies_the_rest_is_counted(judged):
    copies = tuple(Copy(ref=Ref("Pod", "other", f"p{n:02}"), field="spec.x") for n in range(MOST + 3))
    wrong = [each for each in judged(copies=copies) if each.probe == "copies"]
    assert [each.detail.more for each in wrong] == [0] * (MOST - 1) + [3]
    assert ", and 3 more objects" in explanation(wrong[-1])


def test_a_field_that_anybody_could_have_is_said_not_to_be_looked_for(judged):
    (_, found) = judged(guessable=("USER",))
    assert explanation(found) == "not looked for: USER, whose value may be anywhere by chance"
