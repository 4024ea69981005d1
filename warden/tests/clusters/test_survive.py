"""Faults to survive: whatever is down, missing or forbidden, prove says so plainly and does not count it as a pass."""

import datetime as dt
import re
import threading
import time

import msgspec
import pytest

from warden.adapters.kubernetes.kubeconfig import connect
from warden.adapters.kubernetes.places import PLACES
from warden.core.clusters.manifests import Ref
from warden.core.clusters.subjects import Subject
from warden.core.errors import NoApi, Sealed, Unidentified, Unreachable, UsageError
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.lane import Workload
from warden.core.plans.lane_plan import LaneOptions
from warden.present.verdicts import explanation
from warden.usecases.steps.refresh import ANNOTATION
from warden.usecases.sync import sync
from warden.usecases.targets.cluster import ClusterTarget

pytestmark = pytest.mark.cluster
FIRST = "coulombcore"


def test_the_api_server_is_down(bench):
    bench.ready()
    bench.handle().stop_api()
    try:
        proof = bench.prove()
    finally:
        bench.handle().start_api()
    assert proof.state == "inconclusive", bench.shown(proof)
    assert not bench.found(proof, "wrong"), bench.shown(proof)
    assert "cannot be reached" in explanation(bench.verdict(proof, "delivery"))


def test_the_operator_is_stopped(bench):
    bench.ready().deploy()
    bench.handle().stop_eso()
    try:
        proof = bench.prove(patience=1.5)
    finally:
        bench.handle().start_eso()
    assert proof.state == "inconclusive"
    assert bench.found(proof, "inconclusive") == {"synced", "handed-out", "value"}
    assert "is it running?" in explanation(bench.verdict(proof, "synced"))
    assert not bench.found(proof, "wrong")


@pytest.mark.parametrize("what", ["edited", "deleted"])
def test_the_secret_is_changed_by_hand_while_the_operator_is_away(bench, what):
    bench.ready().deploy()
    bench.handle().stop_eso()
    try:
        if what == "edited":
            bench.edit("secret", bench.name, lambda found: found["data"].update(API_KEY="Zm9yZ2Vk"))
        else:
            bench.remove("secret", bench.name)
        proof = bench.prove(patience=1.0)
        assert proof.state == ("inconclusive" if what == "edited" else "refuted")
        assert "value" in bench.found(proof, "inconclusive")
    finally:
        bench.handle().start_eso()
    bench.until(lambda: bench.delivered() == bench.value)
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)


def test_a_value_written_by_hand_that_the_refresh_mends_is_told_with_who_wrote_it(bench):
    bench.ready().deploy()
    forged = f"forged-{bench.unique('value')}"
    proof = proof_that_mends(bench, lambda found: found.update(stringData={"API_KEY": forged}))
    assert proof.state == "proven", bench.shown(proof)
    found = bench.verdict(proof, "healed")
    assert (found.result, found.observed) == ("ok", "healed")
    ((field, (writer,)),) = [(each.field, each.writers) for each in found.detail.fields]
    assert (field, writer.manager) == ("API_KEY", "kubectl-edit")
    assert re.fullmatch(r"[-\dT:]+Z", writer.at)
    assert forged not in repr(proof)
    assert bench.value not in repr(proof)
    assert not [each for each in bench.prove().verdicts if each.probe == "healed"]


def proof_that_mends(bench, edit):
    """The proof of a Secret that was edited by hand, and that its refresh mends.

    The operator is back only when that is asked for: else it mends the Secret before anybody looks.
    """
    bench.handle().stop_eso()
    back = threading.Thread(target=back_when_asked, args=[bench])
    try:
        bench.edit("secret", bench.name, edit)
        back.start()
        return bench.prove(patience=60)
    finally:
        back.join()


def back_when_asked(bench):
    """Start the operator again as soon as somebody asks for a refresh; in the end in any case."""
    path = bench.url("externalsecret", bench.name)
    asked = lambda: bench.handle().must("GET", path)["metadata"]["annotations"].get(ANNOTATION)  # noqa: E731
    before = asked()
    try:
        bench.until(lambda: asked() != before)
    finally:
        bench.handle().start_eso()


def test_fields_that_were_added_and_removed_by_hand_are_told_of_a_secret_that_the_refresh_mends(bench):
    bench.ready().deploy()
    time.sleep(1)  # the operator notes its refreshes in whole seconds: one that is surely later than the put
    assert bench.prove().state == "proven"

    def edit(found):
        found.update(data={}, stringData={"EXTRA": "anything"})

    proof = proof_that_mends(bench, edit)
    assert proof.state == "proven", bench.shown(proof)
    fields = bench.verdict(proof, "healed").detail.fields
    assert [(each.field, each.change) for each in fields] == [("API_KEY", "removed"), ("EXTRA", "added")]
    assert [each.manager for each in fields[1].writers] == ["kubectl-edit"]


def test_an_older_version_that_was_delivered_is_no_value_written_by_hand(bench):
    bench.ready().deploy()
    bench.put(f"second-{bench.unique('value')}")
    proof = bench.prove()
    assert bench.verdict(proof, "value").version == 2
    assert not [each for each in proof.verdicts if each.probe == "healed"]


def test_openbao_is_sealed(bench):
    bench.ready()
    bench.platform.must("PUT", "sys/seal")
    try:
        with pytest.raises((Sealed, Unreachable)):
            bench.prove()
    finally:
        bench.platform.stop_openbao()
        bench.platform.start_openbao()
    bench.refreshed("synced")
    bench.deploy()
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)


def test_openbao_is_sealed_halfway(bench, monkeypatch):
    """Its own probes were answered; that External Secrets Operator can read nothing now is not the delivery's fault."""
    bench.ready().deploy()
    there = bench.kube()
    ask = there.patch

    def seal_first(ref, changes):
        bench.platform.must("PUT", "sys/seal")
        return ask(ref, changes)

    monkeypatch.setattr(there, "patch", seal_first)
    try:
        proof = bench.prove()
    finally:
        bench.platform.stop_openbao()
        bench.platform.start_openbao()
    assert proof.state == "inconclusive", bench.shown(proof)
    assert not bench.found(proof, "wrong"), bench.shown(proof)
    assert "is sealed, so nothing can be read" in explanation(bench.verdict(proof, "synced"))
    monkeypatch.undo()
    bench.refreshed("synced")


def test_a_token_request_that_is_forbidden_proves_nothing(bench):
    bench.ready().deploy()
    bench.create("serviceaccount", {"metadata": {"name": "weak"}})
    weak = bench.kube_as("weak")
    from warden.adapters.identities import ByMount, ClusterIssuer, NoIssuer

    issuers = {bench.declared["coulombcore"].auth_mount: ClusterIssuer(weak)}
    proof = bench.prove(identities=ByMount(issuers, NoIssuer("there")))
    assert proof.state == "inconclusive"
    assert {"reads", "other-account", "other-namespace", "other-audience"} <= bench.found(proof, "inconclusive")
    assert "serviceaccounts/token" in explanation(bench.verdict(proof, "reads"))
    assert not bench.found(proof, "wrong")


def test_rights_that_lack_in_the_cluster_leave_their_questions_open(bench):
    bench.ready().deploy()
    bench.create("serviceaccount", {"metadata": {"name": "weak"}})
    proof = bench.prove(clusters=bench.clusters(coulombcore=bench.kube_as("weak")))
    assert proof.state == "inconclusive"
    assert not bench.found(proof, "wrong"), bench.shown(proof)
    assert "cannot get" in explanation(bench.verdict(proof, "delivery"))


def test_a_kind_that_is_served_in_another_version_only_is_named_with_both(bench, monkeypatch):
    """The group is served as v1, and one of its kinds is not: an operator that was upgraded halfway."""
    group, place = f"{bench.name}.example", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": "externalsecrets", "singular": "externalsecret", "kind": "ExternalSecret"}
    versions = [
        {"name": "v1", "served": False, "storage": True, "schema": anything},
        {"name": "v1beta1", "served": True, "storage": False, "schema": anything},
    ]
    spec = {"group": group, "names": names, "scope": "Namespaced", "versions": versions}
    body = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    bench.handle().must("POST", place, body | {"metadata": {"name": f"externalsecrets.{group}"}, "spec": spec})
    bench.afterwards.append(lambda: bench.handle().admin("DELETE", f"{place}/externalsecrets.{group}"))
    kind = {"ExternalSecret": (f"/apis/{group}/v1", "externalsecrets")}
    monkeypatch.setattr("warden.adapters.kubernetes.places.PLACES", PLACES | kind)
    admin = connect(FIRST, f"{FIRST}-admin", {"KUBECONFIG": bench.handle().kubeconfig})
    bench.until(lambda: admin.served("ExternalSecret") == ["v1beta1"])
    bench.tenant()
    with pytest.raises(NoApi, match=f"serves ExternalSecret as v1beta1 only, and warden needs {group}/v1"):
        ClusterTarget(bench.target(), admin, bench.reached).plan()


def test_crds_of_another_version_are_no_refusal_and_no_absence(bench, monkeypatch):
    kind = {"ExternalSecret": ("/apis/external-secrets.io/v1beta1", "externalsecrets")}
    monkeypatch.setattr("warden.adapters.kubernetes.places.PLACES", PLACES | kind)
    bench.tenant()
    with pytest.raises(NoApi, match=r"serves ExternalSecret as v1 only, and warden needs external-secrets.io/v1beta1"):
        bench.kube().get(Ref("ExternalSecret", bench.namespace, bench.name))
    with pytest.raises(NoApi):
        bench.plan_there()
    found = sync(bench.whole_lane, bench.context(), LaneOptions()).done[0]
    assert (found.followed, found.cause.kind) == ("silent", NoApi.kind)


def test_the_role_is_deleted_while_the_operator_still_says_ready(bench):
    bench.ready()
    bench.platform.must("DELETE", bench.role)
    conditions = bench.handle().must("GET", bench.url("externalsecret", bench.name))["status"]["conditions"]
    assert conditions[0]["status"] == "True"
    assert "synced" in bench.found(bench.prove(), "wrong")


def test_a_read_from_before_the_marker_counts_for_nothing(bench):
    """By OpenBao's own clock: what warden's or the cluster's clock says decides nothing."""
    from warden.adapters.openbao.audit_log import AuditFiles
    from warden.core.proofs.delivery_verdicts import handed_over
    from warden.usecases.steps.prove_delivery import observe_delivery

    audit = AuditFiles([bench.platform.audit_file])
    bench.ready()
    handed = audit.handed([bench.data])
    assert handed
    looked = observe_delivery(bench.target(), bench.vault(), bench.delivery_tools(), "wp-x")
    late = f"{dt.datetime.fromisoformat(handed[-1].at[:19]) + dt.timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}Z"
    early = msgspec.structs.replace(looked.seen, marker=handed[0].at)
    assert handed_over(early, handed) == handed[-1]
    assert handed_over(msgspec.structs.replace(looked.seen, marker=late), handed) is None
    assert handed_over(msgspec.structs.replace(looked.seen, marker=""), handed) is None
    assert handed_over(msgspec.structs.replace(early, account_uid="another"), handed) is None


def test_a_proof_of_one_cluster_goes_on_where_the_other_is_down(bench):
    secret = bench.lane.deliveries["coulombcore"]
    bench.change(deliveries={"coulombcore": secret, "railiance01": secret})
    bench.ready()
    for cluster in bench.lane.deliveries:
        bench.deploy(cluster)
    bench.handle("railiance01").stop_api()
    try:
        proof = bench.prove()
    finally:
        bench.handle("railiance01").start_api()
    assert proof.state == "inconclusive"
    assert bench.verdict(proof, "value", "delivery coulombcore").result == "ok"
    assert bench.verdict(proof, "delivery", "delivery railiance01").result == "inconclusive"


# -- the kubeconfig ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "no contexts in"),
        ("contexts: 7", "is not a valid kubeconfig"),
        ("{[", "is not a valid kubeconfig"),
        ("a: &a [*a]", "no contexts in"),
    ],
)
def test_a_bad_kubeconfig_is_a_plain_answer(tmp_path, text, answer):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(UsageError, match=answer):
        connect("c", "here", {"KUBECONFIG": str(path)})


def test_no_kubeconfig_at_all_and_no_pod(tmp_path):
    with pytest.raises(UsageError, match="no contexts in"):
        connect("c", "here", {"KUBECONFIG": str(tmp_path / "none")})
    with pytest.raises(UsageError, match="not a pod"):
        connect("c", "in-cluster", {})


def test_an_unverified_connection_is_refused(bench, tmp_path):
    import yaml

    found = yaml.safe_load(open_text(bench.handle().kubeconfig))
    for each in found["clusters"]:
        each["cluster"].pop("certificate-authority", None)
        each["cluster"].pop("certificate-authority-data", None)
        each["cluster"]["insecure-skip-tls-verify"] = True
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(found))
    with pytest.raises(UsageError, match="does not verify"):
        connect("coulombcore", "coulombcore", {"KUBECONFIG": str(path)})
    for each in found["clusters"]:
        del each["cluster"]["insecure-skip-tls-verify"]
    path.write_text(yaml.safe_dump(found))
    with pytest.raises(Unreachable, match="certificate"):
        connect("coulombcore", "coulombcore", {"KUBECONFIG": str(path)}).caller()


def test_a_token_that_is_not_accepted_is_an_identity_question(bench, tmp_path):
    import yaml

    found = yaml.safe_load(open_text(bench.handle().kubeconfig))
    for each in found["users"]:
        each["user"] = {"token": "nobodys-token"}
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(found))
    with pytest.raises(Unidentified, match="does not accept"):
        connect("coulombcore", "coulombcore", {"KUBECONFIG": str(path)}).caller()


def open_text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_the_caller_is_who_the_api_server_says(bench):
    assert bench.kube().caller() == Subject("account", "warden/warden")
    assert bench.declared["coulombcore"] == DeclaredCluster(context="coulombcore", auth_mount="kubernetes")
    assert bench.target().reader.workload == Workload(bench.namespace, "app")
