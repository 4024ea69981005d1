"""Every verdict on a delivery, from what was seen of it: the right one, each wrong one, and what stays open."""

import msgspec
import pytest

from warden.core.clusters.exposure import Exposed, Subject, widest
from warden.core.lanes.delivery_target import DeclaredCluster, target
from warden.core.lanes.lane import Custody, Delivery, Workload, WorkloadReader
from warden.core.openbao.api import Handed, SecretSeen
from warden.core.proofs.consumer_check import Consuming
from warden.core.proofs.delivery_observation import DeliverySeen, Sync
from warden.core.proofs.delivery_verdicts import handed_over, judge_delivery, quoted
from warden.core.secret import Secret

UID, MARK = "uid-of-app", "2026-11-20T12:00:00Z"
LATER, EARLIER = "2026-11-20T12:00:01Z", "2026-11-20T11:59:59Z"
HASH = "hmac-sha256:right"
OWNER = {"kind": "ExternalSecret", "name": "first-secret", "uid": "es-1", "controller": True}
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
            "asked": 40,
        }
        return DeliverySeen(**usual | seen)

    return make


def secret(*fields, owners=(OWNER,), exposed_in=(), immutable=False, **metadata):
    values = {field: Secret("value") for field in fields or ("API_KEY",)}
    whole = {"ownerReferences": list(owners)} | metadata
    return SecretSeen(metadata=whole, values=values, immutable=immutable, exposed_in=exposed_in)


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


def told(seen, *handed, lines=None):
    """probe -> (word, observed) of all verdicts."""
    found = judge_delivery(seen, handed or ((read(),) if lines is None else lines))
    return {each.probe: (each.word, each.observed) for each in found}


def one(seen, probe, *handed, lines=None):
    found = judge_delivery(seen, handed or ((read(),) if lines is None else lines))
    return next(each for each in found if each.probe == probe)


def test_a_sound_delivery(seen_of):
    assert told(seen_of()) == {
        "synced": ("ok", "synced"),
        "handed-out": ("ok", "version 3"),
        "secret": ("ok", "as declared"),
        "value": ("ok", "version 3"),
        "plaintext": ("ok", "none"),
        "exposure": ("ok", "nobody else"),
    }
    assert one(seen_of(), "value").audit == one(seen_of(), "handed-out").audit == "audit-1"
    assert one(seen_of(), "synced").ms == 12.3
    assert {each.reader for each in judge_delivery(seen_of(), [read()])} == {"delivery here"}


# -- the refresh ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sync", "word", "observed", "said"),
    [
        (Sync(followed="absent"), "FAIL", "NONE", "there is no ExternalSecret tenant/first-secret"),
        (Sync(followed="silent", why="left it"), "??", "no answer", "nothing reacted: left it"),
        (Sync(followed="failed", why="role not found"), "FAIL", "NOT SYNCED", "could not: role not found"),
        (None, "??", "not seen", "it was not asked for"),
    ],
)
def test_a_refresh_that_was_not_followed_leaves_what_was_delivered_open(seen_of, sync, word, observed, said):
    verdict = one(seen_of(sync=sync), "synced", lines=())
    assert (verdict.word, verdict.observed) == (word, observed)
    assert said in verdict.detail
    others = told(seen_of(sync=sync), lines=())
    assert others["handed-out"] == others["value"] == ("??", "not seen")


def test_why_it_could_not_be_asked_for_is_said(seen_of):
    seen = seen_of(sync=None, unseen={"sync": "the cluster refused it"})
    assert one(seen, "synced").detail == "the cluster refused it"


@pytest.mark.parametrize(
    ("changed", "mend"),
    [
        ({}, "warden plan first, then warden apply first"),
        ({"versions": (0, 0)}, "warden put first API_KEY"),
        (
            {"secret": secret(owners=[OWNER | {"uid": "es-2", "name": "another"}])},
            "kubectl --context ctx -n tenant delete externalsecret another",
        ),
        (
            {"secret": secret(owners=[OWNER | {"uid": "d", "kind": "Deployment"}])},
            "warden plan first, then warden apply first",
        ),
        ({"secret": None}, "warden plan first, then warden apply first"),
        (
            {"secret": secret(immutable=True)},
            "kubectl --context ctx -n tenant delete secret first-secret && warden sync first",
        ),
    ],
)
def test_what_mends_a_failed_refresh(seen_of, changed, mend):
    assert one(seen_of(sync=Sync(followed="failed", why="x"), **changed), "synced").mend == mend


def test_an_immutable_secret_is_wrong_while_it_still_holds_the_right_value(seen_of):
    seen = seen_of(secret=secret(immutable=True))
    assert told(seen)["value"] == ("ok", "version 3")
    verdict = one(seen, "secret")
    assert (verdict.word, verdict.observed) == ("FAIL", "IMMUTABLE")
    assert verdict.mend == "kubectl --context ctx -n tenant delete secret first-secret && warden sync first"


def test_without_a_secret_it_is_not_the_consumers_turn(seen_of):
    spec = {"volumes": [{"name": "v", "secret": {"secretName": "first-secret"}}]}
    spec |= {"containers": [{"name": "app", "volumeMounts": [{"name": "v", "mountPath": "/k"}]}]}
    pod = {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Running"}}
    using = Consuming(name="tenant/app", deployment={"spec": {"template": {"spec": spec}}}, pods=(pod,))
    assert told(seen_of(consumers=(using,)))["consumer"] == ("ok", "follows")
    verdict = one(seen_of(consumers=(using,), secret=None), "consumer")
    assert (verdict.word, verdict.stretch, verdict.mend) == ("??", "custody", "warden sync first")


def test_a_pod_of_an_earlier_template_is_waited_for(seen_of):
    spec = {"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "first-secret"}}]}]}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app"}]}, "status": {"phase": "Running"}}
    using = Consuming(name="tenant/app", deployment={"spec": {"template": {"spec": spec}}}, pods=(pod,))
    verdict = one(seen_of(consumers=(using,)), "consumer")
    assert (verdict.word, verdict.stretch, verdict.observed) == ("FAIL", "consumer", "OTHERWISE")
    assert verdict.mend == "kubectl --context ctx -n tenant rollout status deployment/app"


def test_where_nothing_reacts_the_operator_is_to_be_looked_at(seen_of):
    verdict = one(seen_of(sync=Sync(followed="silent", why="left it")), "synced")
    assert verdict.mend == "kubectl --context ctx -n external-secrets get pods"


def test_another_systems_words_are_bounded_and_without_what_looks_like_a_value():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    assert key[12:] not in quoted(f"could not read {key}")
    assert quoted("a\n  b\tc") == "a b c"
    assert len(quoted("word " * 200)) == 201


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


@pytest.mark.parametrize(("before", "after", "word"), [(3, 3, "ok"), (2, 3, "ok"), (2, 2, "FAIL"), (4, 4, "FAIL")])
def test_the_version_is_one_that_was_the_newest_while_it_was_asked_for(seen_of, before, after, word):
    verdict = one(seen_of(versions=(before, after)), "handed-out")
    assert verdict.word == word
    assert word == "ok" or verdict.detail == f"version 3 was handed out, and {after} is the newest in OpenBao"


@pytest.mark.parametrize("versions", [(3, 0), (0, 3), (0, 0)])
def test_which_version_is_the_newest_may_not_be_known_and_is_then_no_fault_of_what_was_handed_out(seen_of, versions):
    seen = seen_of(versions=versions, unseen={"version": "the token is expired"})
    verdict = one(seen, "handed-out")
    assert (verdict.word, verdict.observed, verdict.mend) == ("??", "not seen", "")
    assert verdict.detail == "version 3 was handed out; which is the newest is not known: the token is expired"


def test_a_refresh_that_failed_is_no_reason_to_put_a_value_where_none_could_be_looked_for(seen_of):
    failed = {"sync": Sync(followed="failed", why="role not found"), "versions": (0, 0)}
    assert one(seen_of(**failed), "synced").mend == "warden put first API_KEY"
    unseen = seen_of(**failed, unseen={"version": "sealed"})
    assert one(unseen, "synced").mend == "warden plan first, then warden apply first"


def test_whose_the_secret_is_cannot_be_told_without_the_external_secret(seen_of):
    verdict = one(seen_of(external=None, unseen={"sync": "no answer"}), "secret")
    assert (verdict.word, verdict.mend) == ("??", "")
    assert "no answer" in verdict.detail
    assert one(seen_of(external=None), "secret").observed == "NOT OWNED"


def test_another_role_is_told_and_a_mount_that_names_none_is_no_fault(seen_of):
    verdict = one(seen_of(), "handed-out", read(role="wide-role"))
    assert (verdict.word, verdict.observed, verdict.audit) == ("FAIL", "OTHER ROLE", "audit-1")
    assert verdict.detail == "by the role wide-role, not by workload-tenant-first"
    assert one(seen_of(), "handed-out", read(role="")).word == "ok"


@pytest.mark.parametrize(
    ("lines", "changed", "shown", "said"),
    [
        ([], {}, "FAIL NOT ASKED", "the audit log has no read of it"),
        ([read(at=EARLIER)], {}, "FAIL NOT ASKED", "came from somewhere else"),
        ([read(uid="u2", account="tenant/other")], {}, "FAIL OTHER", "it was read as tenant/other"),
        ([read(uid="", account="", display_name="root")], {}, "FAIL OTHER", "it was read as root"),
        ([read()], {"account_uid": ""}, "FAIL OTHER", "there is no account tenant/first"),
        ([], {"unseen": {"audit": "the log is away"}}, "?? not seen", "the log is away"),
        ([read()], {"account_uid": "", "unseen": {"account": "no answer"}}, "?? not seen", "no answer"),
    ],
)
def test_no_read_by_the_reader_itself(seen_of, lines, changed, shown, said):
    seen = seen_of(**changed)
    verdict = one(seen, "handed-out", lines=lines)
    assert f"{verdict.word} {verdict.observed}" == shown
    assert said in verdict.detail
    assert told(seen, lines=lines)["value"] == ("??", "not seen")


def test_a_shared_account_is_allowed_and_said_each_time(seen_of):
    eso = Workload("external-secrets", "external-secrets")
    seen = seen_of(
        lane={"readers": (WorkloadReader(workload=eso),)},
        delivery={"reader": eso, "store": "ClusterSecretStore/shared"},
    )
    assert told(seen)["shared-account"] == ("ok", "SHARED")
    assert "shared-account" not in told(seen_of())


# -- the Secret and its value -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "observed", "said", "mend"),
    [
        (None, "NONE", "there is no such Secret", "warden sync first"),
        (secret(owners=()), "NOT OWNED", "nobody owns it", "warden adopt first --cluster here"),
        (
            secret(owners=[OWNER | {"uid": "es-2", "name": "another"}]),
            "NOT OWNED",
            "owned by ExternalSecret another",
            "kubectl --context ctx -n tenant delete externalsecret another",
        ),
        (
            secret(owners=(), annotations={"meta.helm.sh/release-name": "app"}),
            "NOT OWNED",
            "Helm release app",
            "warden adopt first --cluster here",
        ),
        (secret(owners=[OWNER | {"controller": False}]), "NOT OWNED", "owned by", ""),
        (secret("API_KEY", "MORE"), "DIFFERS", "not declared: MORE", "warden sync first"),
        (secret("OTHER"), "DIFFERS", "missing: API_KEY; not declared: OTHER", "warden sync first"),
    ],
)
def test_a_secret_that_is_not_as_declared(seen_of, found, observed, said, mend):
    verdict = one(seen_of(secret=found), "secret")
    assert (verdict.word, verdict.observed) == ("FAIL", observed)
    assert said in verdict.detail
    assert not mend or verdict.mend == mend


def test_a_secret_that_could_not_be_seen_is_open(seen_of):
    seen = seen_of(secret=None, unseen={"secret": "the cluster refused it"})
    assert told(seen)["secret"] == ("??", "not seen")
    assert "plaintext" not in told(seen)


@pytest.mark.parametrize(
    ("hashes", "in_log", "word", "observed"),
    [
        ({"API_KEY": HASH}, {"API_KEY": HASH}, "ok", "version 3"),
        ({"API_KEY": "hmac-sha256:wrong"}, {"API_KEY": HASH}, "FAIL", "OTHER VALUE"),
        ({}, {"API_KEY": HASH}, "FAIL", "OTHER VALUE"),
        ({"API_KEY": HASH}, {}, "FAIL", "OTHER VALUE"),
        ({}, {}, "FAIL", "OTHER VALUE"),
        ({"API_KEY": HASH}, {"API_KEY": ""}, "FAIL", "IN CLEAR"),
        ({"API_KEY": ""}, {"API_KEY": ""}, "FAIL", "IN CLEAR"),
        ({"API_KEY": HASH}, {"API_KEY": HASH, "MORE": ""}, "FAIL", "IN CLEAR"),
    ],
)
def test_the_value_is_compared_by_its_keyed_hash(seen_of, hashes, in_log, word, observed):
    verdict = one(seen_of(hashes=hashes), "value", read(hashes=in_log))
    assert (verdict.word, verdict.observed) == (word, observed)
    assert verdict.audit == "audit-1"


def test_every_field_is_compared_and_the_different_one_named(seen_of):
    two = {"custody": Custody(path="platform/workloads/tenant/first/s", fields=("API_KEY", "SIGNING_KEY"))}
    both = {"API_KEY": HASH, "SIGNING_KEY": "hmac-sha256:second"}
    seen = seen_of(lane=two, secret=secret("API_KEY", "SIGNING_KEY"), hashes=both)
    assert one(seen, "value", read(hashes=both)).word == "ok"
    verdict = one(seen, "value", read(hashes=both | {"SIGNING_KEY": "hmac-sha256:third"}))
    assert (verdict.word, verdict.detail) == ("FAIL", "SIGNING_KEY of the Secret is another value than version 3")


def test_a_hash_that_was_not_made_leaves_it_open(seen_of):
    verdict = one(seen_of(hashes={}, unseen={"hashes": "OpenBao refused sys/audit-hash"}), "value")
    assert (verdict.word, verdict.detail) == ("??", "OpenBao refused sys/audit-hash")


def test_a_value_from_before_is_not_compared(seen_of):
    assert told(seen_of(), read(at=EARLIER))["value"] == ("??", "not seen")
    assert told(seen_of(secret=None))["value"] == ("??", "not seen")


@pytest.mark.parametrize("sync", [Sync(followed="failed", why="no right"), Sync(followed="silent"), None])
def test_what_was_read_and_did_not_arrive_is_not_compared(seen_of, sync):
    """The operator has read it and could not write it: what the Secret holds may be of before."""
    assert told(seen_of(sync=sync), read())["value"] == ("??", "not seen")


def test_a_copy_in_clear_is_named_with_what_takes_it_away(seen_of):
    verdict = one(seen_of(secret=secret(exposed_in=(LAST_APPLIED, "note"))), "plaintext")
    assert (verdict.word, verdict.observed) == ("FAIL", "IN CLEAR")
    assert f"{LAST_APPLIED}, note" in verdict.detail
    assert verdict.mend == f"kubectl --context ctx -n tenant annotate secret first-secret {LAST_APPLIED}-"


# -- who else ---------------------------------------------------------------------------------------------------------

DEVS = Exposed(subject=Subject("group", "devs"), bindings=("rolebinding leak -n tenant",))
EVE = Exposed(subject=Subject("user", "eve"), bindings=())


def test_who_else_may_read_it_is_named_with_the_binding(seen_of):
    verdict = one(seen_of(exposed=(EVE, DEVS)), "exposure")
    assert (verdict.word, verdict.observed) == ("FAIL", "OTHERS")
    assert verdict.detail.startswith("group:devs by rolebinding leak -n tenant; user:eve by another authorizer; ")
    assert "may_read_secrets in clusters.yaml" in verdict.detail
    assert verdict.mend == "kubectl --context ctx edit rolebinding leak -n tenant"
    assert one(seen_of(exposed=(EVE,)), "exposure").mend == ""


def test_of_many_five_are_named_and_the_rest_counted(seen_of):
    many = tuple(Exposed(subject=Subject("user", f"u{number}"), bindings=("b",)) for number in range(8))
    assert "; and 3 more" in one(seen_of(exposed=many), "exposure").detail


def test_who_reads_only_as_a_member_is_not_told_one_by_one():
    everybody = Exposed(subject=Subject("group", "system:serviceaccounts"), bindings=("b",))
    member = Exposed(subject=Subject("account", "tenant/app"), bindings=("b",))
    assert widest([member, everybody]) == [everybody]
    assert widest([member, DEVS]) == [DEVS, member]


def test_who_may_read_could_not_be_asked(seen_of):
    assert told(seen_of(unseen={"exposure": "no right to ask"}))["exposure"] == ("??", "not seen")


# -- consumers --------------------------------------------------------------------------------------------------------


def test_a_consumer_is_its_owners_and_mended_by_deploying_or_restarting_it(seen_of):
    none = Consuming(name="tenant/app", deployment=None, overlay="deploy/k8s/app")
    verdict = one(seen_of(consumers=(none,)), "consumer")
    assert (verdict.word, verdict.stretch) == ("FAIL", "consumer")
    assert verdict.mend == "kubectl --context ctx apply -k deploy/k8s/app"
    bare = one(seen_of(consumers=(msgspec.structs.replace(none, overlay=""),)), "consumer")
    assert bare.mend == "see README.md of app-team"
    env = {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "first-secret"}}]}]}
    old = {"running": {"startedAt": "2020-01-01T00:00:00Z"}}
    pod = {
        "metadata": {"name": "p"},
        "spec": env,
        "status": {"phase": "Running", "containerStatuses": [{"state": old}]},
    }
    consuming = Consuming(name="tenant/app", deployment={"spec": {"template": {"spec": env}}}, pods=(pod,))
    changed = secret(managedFields=[{"time": MARK, "fieldsV1": {"f:data": {}}}])
    verdict = one(seen_of(consumers=(consuming,), secret=changed), "consumer")
    assert verdict.observed == "OLDER"
    assert verdict.mend == "kubectl --context ctx -n tenant rollout restart deployment/app"


# -- made by hand -----------------------------------------------------------------------------------------------------

BY_HAND = {"external_secret": None, "bootstrap_secret": "tenant/first-secret"}


@pytest.mark.parametrize(
    ("found", "word", "observed", "said", "mend"),
    [
        (secret(owners=()), "ok", "by hand", "nothing renews it", ""),
        (None, "FAIL", "NONE", "there is no Secret tenant/first-secret", "file, then: warden apply first"),
        (secret(), "FAIL", "NOT BY HAND", "owned by ExternalSecret first-secret", "warden adopt first --cluster here"),
        (secret("OTHER", owners=()), "FAIL", "DIFFERS", "missing: API_KEY", "take them out of the Secret"),
    ],
)
def test_a_secret_made_by_hand(seen_of, *, found, word, observed, said, mend):
    seen = seen_of(delivery=BY_HAND, secret=found, sync=None)
    verdict = one(seen, "by-hand", lines=())
    assert (verdict.word, verdict.observed) == (word, observed)
    assert said in verdict.detail
    assert word == "ok" or verdict.mend.endswith(mend)
    assert set(told(seen, lines=())) <= {"by-hand", "value", "plaintext", "exposure"}


def test_the_value_of_a_secret_made_by_hand_is_compared_with_the_newest_that_was_handed_out(seen_of):
    """Whoever it was handed to: the hash is the device's, and the same for each."""
    same = seen_of(delivery=BY_HAND, secret=secret(owners=()), sync=None)
    assert told(same)["value"][:2] == ("ok", "version 3")
    other = msgspec.structs.replace(same, hashes={"API_KEY": "hmac-sha256:another"})
    assert told(other)["value"][:2] == ("FAIL", "OTHER VALUE")
    assert told(same, lines=())["value"][:2] == ("??", "not seen")
    newer = msgspec.structs.replace(same, versions=(4, 4))
    assert told(newer)["value"][:2] == ("??", "not seen")


def test_a_secret_made_by_hand_that_could_not_be_seen(seen_of):
    seen = seen_of(delivery=BY_HAND, secret=None, sync=None, unseen={"secret": "refused"})
    assert told(seen, lines=())["by-hand"] == ("??", "not seen")
