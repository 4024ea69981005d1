"""Every verdict on a delivery, from what was seen of it: the right one, each wrong one, and what stays open."""

import msgspec
import pytest

from warden.core.clusters.exposure import ExposureObservation
from warden.core.clusters.secret_observation import SecretObservation
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Custody, Delivery, Workload, WorkloadReader
from warden.core.openbao.api import Handed
from warden.core.plans.plan import BeingDeleted, OwnedBy, SharedAccount
from warden.core.proofs.consumer_check import ConsumerObservation
from warden.core.proofs.delivery_details import (
    CopiesInClear,
    EmptyValues,
    ExternalSecretMissing,
    LoggedInClear,
    NewestUnknown,
    NoOtherDelivery,
    NoReaction,
    NoReadFound,
    NothingDelivered,
    NotOwned,
    NotRenewed,
    NumbersInClear,
    OwnedByOther,
    OwnerUnknown,
    ReadByOtherRole,
    ReadByOthers,
    RefreshFailed,
    SecretImmutable,
    SecretMissing,
    ValueDiffers,
    VersionDiffers,
)
from warden.core.proofs.delivery_observation import DeliveryObservation, Sync
from warden.core.proofs.delivery_verdicts import handed_over, judge_delivery
from warden.core.proofs.details import FieldsDiffer
from warden.core.remedies import AskOwner, EditFile, RunKubectl, warden
from warden.core.secret import Secret
from warden.core.unobserved import Unobserved

UID, MARK = "uid-of-app", "2026-11-20T12:00:00Z"
LATER, EARLIER = "2026-11-20T12:00:01Z", "2026-11-20T11:59:59Z"
HASH = "hmac-sha256:right"
OWNER = {"kind": "ExternalSecret", "name": "first-secret", "uid": "es-1", "controller": True}
AWAY = Unobserved("unreachable", "there", "no answer")
APPLY, SYNC, ADOPT = (
    (warden("apply", "first"),),
    (warden("sync", "first"),),
    (warden("adopt", "first", cluster="here", yes=True),),
)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def seen_of(lane_of):
    """A sound delivery, but for what is given; `delivery` and `lane` change the declaration."""

    def make(delivery=None, lane=None, **seen):
        declared = {"external_secret": "tenant/first-secret"} | (delivery or {})
        made = lane_of(deliveries={"here": Delivery(**declared)}, **(lane or {}))
        usual = {
            "target": target(made, "here", {"here": DeclaredCluster(context="ctx")}),
            "sync": Sync(followed="synced", ms=12.34),
            "external": {"metadata": {"uid": "es-1"}},
            "secret": secret(),
            "account_uid": UID,
            "hashes": {"API_KEY": HASH},
            "versions": (3, 3),
            "marker": MARK,
            "exposure": ExposureObservation(asked=40, known=40),
        }
        return DeliveryObservation(**usual | seen)

    return make


def secret(*fields, owners=(OWNER,), exposed_in=(), immutable=False, **metadata):
    values = {field: Secret("value") for field in fields or ("API_KEY",)}
    whole = {"ownerReferences": list(owners)} | metadata
    return SecretObservation(metadata=whole, values=values, immutable=immutable, exposed_in=exposed_in)


def read(**changed):
    usual = {
        "id": "audit-1",
        "at": LATER,
        "path": "platform/data/x",
        "display_name": "kubernetes-tenant-first",
        "role": "workload-tenant-first",
        "account": "tenant/first",
        "uid": UID,
        "version": 3,
        "hashes": {"API_KEY": HASH},
    }
    return Handed(**usual | changed)


def results(seen, *handed, lines=None):
    """probe -> (result, observed) of all verdicts."""
    found = judge_delivery(seen, handed or ((read(),) if lines is None else lines))
    return {each.probe: (each.result, each.observed) for each in found}


OF_APP = {"name": "p", "ownerReferences": [{"kind": "ReplicaSet", "name": "app-7d", "controller": True}]}


def one(seen, probe, *handed, lines=None):
    found = judge_delivery(seen, handed or ((read(),) if lines is None else lines))
    return next(each for each in found if each.probe == probe)


def kubectl(action, kind="", name="", *, namespace="tenant", value=""):
    return RunKubectl(context="ctx", action=action, kind=kind, namespace=namespace, name=name, value=value)


def test_a_sound_delivery(seen_of):
    assert results(seen_of()) == {
        "synced": ("ok", "synced"),
        "handed-out": ("ok", "version"),
        "secret": ("ok", "as-declared"),
        "value": ("ok", "version"),
        "value-form": ("ok", "version"),
        "plaintext": ("ok", "none"),
        "exposure": ("ok", "nobody-else"),
        "indirect": ("ok", "nobody-else"),
    }
    assert one(seen_of(), "value").audit == one(seen_of(), "handed-out").audit == "audit-1"
    assert one(seen_of(), "value").version == one(seen_of(), "handed-out").version == 3
    assert one(seen_of(), "synced").ms == 12.3
    assert {each.reader for each in judge_delivery(seen_of(), [read()])} == {"delivery here"}
    assert {each.remedy for each in judge_delivery(seen_of(), [read()])} == {()}


# -- the refresh ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sync", "result", "observed", "detail"),
    [
        (Sync(followed="absent"), "wrong", "none", ExternalSecretMissing("tenant/first-secret")),
        (
            Sync(followed="silent", silence=NoReaction(20.0)),
            "inconclusive",
            "no-answer",
            NoReaction(20.0),
        ),
        (Sync(followed="failed", reply="role not found"), "wrong", "not-synced", RefreshFailed("role not found")),
        (None, "inconclusive", "not-seen", None),
    ],
)
def test_a_refresh_that_was_not_followed_leaves_what_was_delivered_open(seen_of, sync, result, observed, detail):
    verdict = one(seen_of(sync=sync), "synced", lines=())
    assert (verdict.result, verdict.observed, verdict.detail) == (result, observed, detail)
    others = results(seen_of(sync=sync), lines=())
    assert others["handed-out"] == others["value"] == ("inconclusive", "not-seen")


def test_why_a_refresh_could_not_be_requested_is_kept(seen_of):
    assert one(seen_of(sync=None, unobserved={"refresh": AWAY}), "synced").detail == AWAY


REMAKE = (kubectl("delete", "Secret", "first-secret"), *SYNC)


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({}, APPLY),
        ({"versions": (0, 0)}, (warden("put", "first", "API_KEY"),)),
        (
            {"secret": secret(owners=[OWNER | {"uid": "es-2", "name": "another"}])},
            (kubectl("delete", "ExternalSecret", "another"),),
        ),
        ({"secret": secret(owners=[OWNER | {"uid": "d", "kind": "Deployment"}])}, APPLY),
        ({"secret": None}, APPLY),
        ({"secret": secret(immutable=True)}, REMAKE),
    ],
)
def test_what_fixes_a_failed_refresh(seen_of, changed, remedy):
    assert one(seen_of(sync=Sync(followed="failed", reply="x"), **changed), "synced").remedy == remedy


def test_a_secret_that_is_being_deleted_is_wrong_while_it_still_holds_the_right_value(seen_of):
    since = "2026-11-29T10:00:00Z"
    seen = seen_of(secret=secret(deletionTimestamp=since, finalizers=["x/y"]))
    verdict = one(seen, "secret")
    assert (verdict.result, verdict.observed) == ("wrong", "being-deleted")
    assert verdict.detail == BeingDeleted(since, ("x/y",))
    assert [type(each).__name__ for each in verdict.remedy] == ["RunKubectl", "RunWarden"]


def test_an_immutable_secret_is_wrong_while_it_still_holds_the_right_value(seen_of):
    seen = seen_of(secret=secret(immutable=True))
    assert results(seen)["value"] == ("ok", "version")
    verdict = one(seen, "secret")
    assert (verdict.result, verdict.observed, verdict.detail) == ("wrong", "immutable", SecretImmutable())
    assert verdict.remedy == REMAKE


def test_without_a_secret_it_is_not_the_consumers_turn(seen_of):
    spec = {"volumes": [{"name": "v", "secret": {"secretName": "first-secret"}}]}
    spec |= {"containers": [{"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/k"}]}]}
    pod = {"metadata": OF_APP, "spec": spec, "status": {"phase": "Running"}}
    using = ConsumerObservation(name="tenant/app", deployment={"spec": {"template": {"spec": spec}}}, pods=(pod,))
    assert results(seen_of(consumers=(using,)))["consumer"] == ("ok", "follows")
    verdict = one(seen_of(consumers=(using,), secret=None), "consumer")
    assert (verdict.result, verdict.stretch, verdict.remedy) == ("inconclusive", "custody", SYNC)


def test_a_pod_of_an_earlier_template_is_waited_for(seen_of):
    spec = {"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "first-secret"}}]}]}
    pod = {"metadata": OF_APP, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running"}}
    using = ConsumerObservation(name="tenant/app", deployment={"spec": {"template": {"spec": spec}}}, pods=(pod,))
    verdict = one(seen_of(consumers=(using,)), "consumer")
    assert (verdict.result, verdict.stretch, verdict.observed) == ("wrong", "consumer", "other-template")
    assert (verdict.subject, verdict.remedy) == ("tenant/app", (kubectl("rollout-status", "Deployment", "app"),))


def test_where_nothing_reacts_the_operator_is_to_be_looked_at(seen_of):
    verdict = one(seen_of(sync=Sync(followed="silent", reply="left it")), "synced")
    assert verdict.remedy == (kubectl("list-pods", namespace="external-secrets"),)


def test_the_operators_words_are_kept_without_what_looks_like_a_value(seen_of):
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    verdict = one(seen_of(sync=Sync(followed="failed", reply=f"could not read {key}")), "synced")
    assert key[12:] not in repr(verdict)
    assert "could not read" in verdict.detail.message


# -- who read it ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ({}, True),
        ({"at": MARK}, True),
        ({"at": EARLIER}, False),
        ({"uid": "other"}, False),
        ({"uid": ""}, False),
    ],
)
def test_a_read_counts_from_the_marker_on_and_by_the_accounts_uid(seen_of, changed, counts):
    assert (handed_over(seen_of(), [read(**changed)]) is not None) is counts


def test_without_a_marker_or_an_account_no_read_counts_and_of_several_the_newest(seen_of):
    assert handed_over(seen_of(marker=""), [read()]) is None
    assert handed_over(seen_of(account_uid=""), [read(uid="")]) is None
    assert handed_over(seen_of(), [read(id="a"), read(id="b"), read(id="c", uid="other")]).id == "b"


@pytest.mark.parametrize(("before", "after", "result"), [(3, 3, "ok"), (2, 3, "ok"), (2, 2, "wrong"), (4, 4, "wrong")])
def test_the_version_is_one_that_was_the_newest_while_it_was_requested(seen_of, before, after, result):
    verdict = one(seen_of(versions=(before, after)), "handed-out")
    assert (verdict.result, verdict.version) == (result, 3)
    assert verdict.detail == (None if result == "ok" else VersionDiffers(handed=3, newest=after))


@pytest.mark.parametrize("versions", [(3, 0), (0, 3), (0, 0)])
def test_which_version_is_the_newest_may_not_be_known_and_is_then_not_wrong(seen_of, versions):
    verdict = one(seen_of(versions=versions, unobserved={"version": AWAY}), "handed-out")
    assert (verdict.result, verdict.observed, verdict.remedy) == ("inconclusive", "not-seen", ())
    assert verdict.detail == NewestUnknown(3, AWAY)


def test_a_refresh_that_failed_is_no_reason_to_put_a_value_where_none_could_be_looked_for(seen_of):
    failed = {"sync": Sync(followed="failed", reply="role not found"), "versions": (0, 0)}
    assert one(seen_of(**failed), "synced").remedy == (warden("put", "first", "API_KEY"),)
    assert one(seen_of(**failed, unobserved={"version": AWAY}), "synced").remedy == APPLY


def test_who_owns_the_secret_is_not_known_without_the_external_secret(seen_of):
    verdict = one(seen_of(external=None, unobserved={"refresh": AWAY}), "secret")
    assert (verdict.result, verdict.detail, verdict.remedy) == ("inconclusive", OwnerUnknown(AWAY), ())
    assert one(seen_of(external=None), "secret").observed == "not-owned"


def test_another_role_is_wrong_and_a_mount_that_names_none_is_not(seen_of):
    verdict = one(seen_of(), "handed-out", read(role="wide-role"))
    assert (verdict.result, verdict.observed, verdict.audit) == ("wrong", "other-role", "audit-1")
    assert verdict.detail == ReadByOtherRole("wide-role", "workload-tenant-first")
    assert one(seen_of(), "handed-out", read(role="")).result == "ok"


@pytest.mark.parametrize(
    ("lines", "changed", "observed", "detail"),
    [
        ([], {}, "not-asked", NoReadFound()),
        ([read(at=EARLIER)], {}, "not-asked", NoReadFound()),
        (
            [read(uid="u2", account="tenant/other")],
            {},
            "other",
            ReadByOthers(("tenant/other",), "tenant/first"),
        ),
        ([read(uid="", account="", display_name="root")], {}, "other", ReadByOthers(("root",), "tenant/first")),
        (
            [read()],
            {"account_uid": ""},
            "other",
            ReadByOthers(("tenant/first",), "tenant/first", exists=False),
        ),
        ([], {"unobserved": {"audit": AWAY}}, "not-seen", AWAY),
        ([read()], {"account_uid": "", "unobserved": {"account": AWAY}}, "not-seen", AWAY),
    ],
)
def test_no_read_by_the_reader_itself(seen_of, lines, changed, observed, detail):
    seen = seen_of(**changed)
    verdict = one(seen, "handed-out", lines=lines)
    assert verdict.result == ("inconclusive" if observed == "not-seen" else "wrong")
    assert (verdict.observed, verdict.detail) == (observed, detail)
    assert results(seen, lines=lines)["value"] == ("inconclusive", "not-seen")


def test_a_shared_account_is_allowed_and_reported_each_time(seen_of):
    eso = Workload("external-secrets", "external-secrets")
    seen = seen_of(
        lane={"readers": (WorkloadReader(workload=eso),)},
        delivery={"reader": eso, "store": "ClusterSecretStore/shared"},
    )
    verdict = one(seen, "shared-account")
    assert (verdict.result, verdict.observed, verdict.detail) == ("ok", "shared", SharedAccount(str(eso), "tenant"))
    assert "shared-account" not in results(seen_of())


# -- the Secret and its value -----------------------------------------------------------------------------------------


def owned(kind, name):
    return OwnedByOther(OwnedBy(kind, name))


@pytest.mark.parametrize(
    ("found", "observed", "detail", "remedy"),
    [
        (None, "none", SecretMissing("tenant/first-secret"), SYNC),
        (secret(owners=()), "not-owned", NotOwned(), ADOPT),
        (
            secret(owners=[OWNER | {"uid": "es-2", "name": "another"}]),
            "not-owned",
            owned("ExternalSecret", "another"),
            (kubectl("delete", "ExternalSecret", "another"),),
        ),
        (
            secret(owners=(), annotations={"meta.helm.sh/release-name": "app"}),
            "not-owned",
            owned("HelmRelease", "app"),
            (AskOwner("app-team", "README.md"),),
        ),
        (
            secret(owners=[OWNER | {"kind": "SealedSecret", "name": "sealed", "uid": "es-2"}]),
            "not-owned",
            owned("SealedSecret", "sealed"),
            (kubectl("delete", "SealedSecret", "sealed"), *APPLY),
        ),
        (
            secret(owners=[OWNER | {"controller": False}]),
            "not-owned",
            owned("ExternalSecret", "first-secret"),
            (kubectl("delete", "ExternalSecret", "first-secret"),),
        ),
        (secret("API_KEY", "MORE"), "differs", FieldsDiffer(extra=("MORE",)), SYNC),
        (secret("OTHER"), "differs", FieldsDiffer(missing=("API_KEY",), extra=("OTHER",)), SYNC),
    ],
)
def test_a_secret_that_is_not_as_declared(seen_of, *, found, observed, detail, remedy):
    verdict = one(seen_of(secret=found), "secret")
    assert (verdict.result, verdict.observed) == ("wrong", observed)
    assert (verdict.detail, verdict.remedy) == (detail, remedy)


def test_a_secret_that_could_not_be_seen_is_open(seen_of):
    seen = seen_of(secret=None, unobserved={"secret": AWAY})
    assert results(seen)["secret"] == ("inconclusive", "not-seen")
    assert "plaintext" not in results(seen)


@pytest.mark.parametrize(
    ("hashes", "in_log", "result", "observed"),
    [
        ({"API_KEY": HASH}, {"API_KEY": HASH}, "ok", "version"),
        ({"API_KEY": "hmac-sha256:wrong"}, {"API_KEY": HASH}, "wrong", "other-value"),
        ({}, {"API_KEY": HASH}, "wrong", "other-value"),
        ({"API_KEY": HASH}, {}, "wrong", "other-value"),
        ({}, {}, "wrong", "other-value"),
        ({"API_KEY": HASH}, {"API_KEY": ""}, "wrong", "in-clear"),
        ({"API_KEY": ""}, {"API_KEY": ""}, "wrong", "in-clear"),
        ({"API_KEY": HASH}, {"API_KEY": HASH, "MORE": ""}, "wrong", "in-clear"),
    ],
)
def test_the_value_is_compared_by_its_keyed_hash(seen_of, hashes, in_log, result, observed):
    verdict = one(seen_of(hashes=hashes), "value", read(hashes=in_log))
    assert (verdict.result, verdict.observed) == (result, observed)
    assert verdict.audit == "audit-1"


def test_a_value_that_is_logged_in_clear_is_named_by_its_field(seen_of):
    verdict = one(seen_of(), "value", read(hashes={"API_KEY": ""}))
    assert verdict.detail == LoggedInClear(("API_KEY",))
    assert verdict.remedy[-1] == warden("put", "first", "API_KEY")


def test_every_field_is_compared_and_the_different_one_named(seen_of):
    two = {"custody": Custody(path="platform/workloads/tenant/first/s", fields=("API_KEY", "SIGNING_KEY"))}
    both = {"API_KEY": HASH, "SIGNING_KEY": "hmac-sha256:second"}
    seen = seen_of(lane=two, secret=secret("API_KEY", "SIGNING_KEY"), hashes=both)
    assert one(seen, "value", read(hashes=both)).result == "ok"
    verdict = one(seen, "value", read(hashes=both | {"SIGNING_KEY": "hmac-sha256:third"}))
    assert (verdict.result, verdict.detail) == ("wrong", ValueDiffers(("SIGNING_KEY",), 3))


def test_a_hash_that_was_not_made_leaves_it_open(seen_of):
    verdict = one(seen_of(hashes={}, unobserved={"hashes": AWAY}), "value")
    assert (verdict.result, verdict.detail) == ("inconclusive", AWAY)


def test_a_value_from_before_is_not_compared(seen_of):
    verdict = one(seen_of(), "value", read(at=EARLIER))
    assert (verdict.result, verdict.observed, verdict.detail) == ("inconclusive", "not-seen", NothingDelivered())
    assert results(seen_of(secret=None))["value"] == ("inconclusive", "not-seen")


@pytest.mark.parametrize("sync", [Sync(followed="failed", reply="no right"), Sync(followed="silent"), None])
def test_what_was_read_and_did_not_arrive_is_not_compared(seen_of, sync):
    """The operator has read it and could not write it: what the Secret holds may be of before."""
    assert results(seen_of(sync=sync), read())["value"] == ("inconclusive", "not-seen")


def test_a_copy_in_clear_is_named_with_what_removes_it(seen_of):
    verdict = one(seen_of(secret=secret(exposed_in=(LAST_APPLIED, "note"))), "plaintext")
    assert (verdict.result, verdict.observed) == ("wrong", "in-clear")
    assert verdict.detail == CopiesInClear((LAST_APPLIED, "note"))
    assert verdict.remedy == (kubectl("remove-annotation", "Secret", "first-secret", value=LAST_APPLIED),)


# -- consumers --------------------------------------------------------------------------------------------------------


def test_a_consumer_is_its_owners_and_fixed_by_deploying_or_restarting_it(seen_of):
    none = ConsumerObservation(name="tenant/app", deployment=None, overlay="deploy/k8s/app")
    verdict = one(seen_of(consumers=(none,)), "consumer")
    assert (verdict.result, verdict.stretch) == ("wrong", "consumer")
    assert verdict.remedy == (kubectl("apply-overlay", namespace="", value="deploy/k8s/app"),)
    bare = one(seen_of(consumers=(msgspec.structs.replace(none, overlay=""),)), "consumer")
    assert bare.remedy == (AskOwner("app-team", "README.md"),)
    env = {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "first-secret"}}]}]}
    old = {"running": {"startedAt": "2020-01-01T00:00:00Z"}}
    pod = {
        "metadata": OF_APP,
        "spec": env,
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "state": old}]},
    }
    using = ConsumerObservation(name="tenant/app", deployment={"spec": {"template": {"spec": env}}}, pods=(pod,))
    changed = secret(managedFields=[{"time": MARK, "fieldsV1": {"f:data": {}}}])
    verdict = one(seen_of(consumers=(using,), secret=changed), "consumer")
    assert (verdict.observed, verdict.remedy) == ("older", (kubectl("restart", "Deployment", "app"),))


# -- made by hand -----------------------------------------------------------------------------------------------------

BY_HAND = {"external_secret": None, "bootstrap_secret": "tenant/first-secret"}
DECLARE = (EditFile(file="lane", field="external_secret", instead_of="bootstrap_secret"), *APPLY)


@pytest.mark.parametrize(
    ("found", "result", "observed", "detail", "remedy"),
    [
        (secret(owners=()), "ok", "by-hand", NotRenewed(), ADOPT),
        (None, "wrong", "none", SecretMissing("tenant/first-secret"), DECLARE),
        (secret(), "wrong", "not-by-hand", owned("ExternalSecret", "first-secret"), ADOPT),
        (
            secret("OTHER", owners=()),
            "wrong",
            "differs",
            FieldsDiffer(missing=("API_KEY",), extra=("OTHER",)),
            (kubectl("edit", "Secret", "first-secret"),),
        ),
    ],
)
def test_a_secret_made_by_hand(seen_of, *, found, result, observed, detail, remedy):
    seen = seen_of(delivery=BY_HAND, secret=found, sync=None)
    verdict = one(seen, "by-hand", lines=())
    assert (verdict.result, verdict.observed) == (result, observed)
    assert (verdict.detail, verdict.remedy) == (detail, remedy)
    assert set(results(seen, lines=())) <= {"by-hand", "value", "plaintext", "exposure", "indirect"}


def test_the_value_of_a_secret_made_by_hand_is_compared_with_the_newest_that_was_handed_out(seen_of):
    """Whoever it was handed to: the hash is the device's, and the same for each."""
    same = seen_of(delivery=BY_HAND, secret=secret(owners=()), sync=None)
    assert results(same)["value"] == ("ok", "version")
    other = msgspec.structs.replace(same, hashes={"API_KEY": "hmac-sha256:another"})
    assert results(other)["value"] == ("wrong", "other-value")
    assert one(same, "value", lines=()).detail == NoOtherDelivery()
    newer = msgspec.structs.replace(same, versions=(4, 4))
    assert results(newer)["value"] == ("inconclusive", "not-seen")


def test_a_secret_made_by_hand_that_could_not_be_seen(seen_of):
    seen = seen_of(delivery=BY_HAND, secret=None, sync=None, unobserved={"secret": AWAY})
    assert results(seen, lines=())["by-hand"] == ("inconclusive", "not-seen")
    assert "value" not in results(seen, lines=())


def test_what_is_no_text_is_compared_by_its_fingerprint(seen_of):
    number, same, other = "number:1", "other:1", "other:2"
    seen = seen_of(hashes={"API_KEY": "hmac-sha256:of-its-text"}, fingerprints={"API_KEY": same})
    assert one(seen, "value", read(hashes={"API_KEY": same})).result == "ok"
    assert one(seen, "value", read(hashes={"API_KEY": other})).detail == ValueDiffers(("API_KEY",), 3)
    seen = msgspec.structs.replace(seen, fingerprints={"API_KEY": number})
    verdict = one(seen, "value", read(hashes={"API_KEY": number}))
    assert (verdict.result, verdict.detail) == ("ok", NumbersInClear(("API_KEY",)))


def test_an_empty_value_leaves_it_open(seen_of):
    empty = SecretObservation(metadata=secret().metadata, values={"API_KEY": Secret("")}, immutable=False)
    seen = seen_of(secret=empty, hashes={}, fingerprints={"API_KEY": "other:null"})
    verdict = one(seen, "value", read(hashes={"API_KEY": "hmac-sha256:of-nothing"}))
    assert (verdict.result, verdict.detail) == ("inconclusive", EmptyValues(("API_KEY",)))
    assert verdict.remedy == (warden("put", "first", "API_KEY"),)
    assert one(seen, "value", read(hashes={"API_KEY": "other:null"})).result == "ok"
