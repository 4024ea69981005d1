"""Seeded faults: each is planted in a sound lane, and `prove` has to catch it and name its owner and its fix.

docs/seeded-faults.md is the table of what it said. After a wanted change: WARDEN_WRITE=1 make test-cluster.
"""

import fcntl
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from warden.present.commands import commands
from warden.present.proofs import owner_of
from warden.present.verdicts import explanation

pytestmark = pytest.mark.cluster
PAGE = Path(__file__).parents[3] / "docs" / "seeded-faults.md"
OLD = "2020-01-01T00:00:00Z"


class Fault(msgspec.Struct, frozen=True):
    """What is planted, and by which verdicts it has to be caught: wrong ones, and those that must stay open."""

    area: str
    name: str
    plant: Callable
    wrong: str
    open: str = ""


def role(bench, **fields):
    bench.platform.must("POST", bench.role, fields)


def policy(bench, text):
    path = f'path "platform/data/workloads/tenant/{bench.name}/{bench.name}-secrets" {{ capabilities = ["read"] }}\n'
    bench.platform.must("PUT", bench.policy, {"policy": f"# ops-warden lane {bench.name}: by hand\n{path}{text}"})


def everything_below(bench):
    policy(bench, f'path "platform/data/workloads/tenant/{bench.name}/*" {{ capabilities = ["read"] }}')


def may_write(bench):
    policy(bench, f'path "{bench.data}" {{ capabilities = ["create", "update", "read"] }}')


def no_policy(bench):
    bench.platform.must("DELETE", bench.policy)


def second_policy(bench):
    bench.platform.must(
        "PUT", f"sys/policies/acl/{bench.name}-more", {"policy": f'path "{bench.data}" {{ capabilities = ["read"] }}'}
    )
    role(bench, token_policies=[bench.lane.custody.policy_name, f"{bench.name}-more"])


def deleted_version(bench):
    bench.platform.must("DELETE", bench.data)


def another_field(bench):
    bench.platform.must("POST", bench.data, {"data": {"OTHER_KEY": "value"}})


def one_field_more(bench):
    bench.platform.must("POST", bench.data, {"data": {"API_KEY": bench.value, "OTHER_KEY": "value"}})


def spec(kind, name=None, **changed):
    return lambda bench: bench.merge(kind, name or bench.name, {"spec": changed})


def store(**changed):
    """Merge into the store's provider, and wait until the operator knows of it."""

    def plant(bench):
        bench.merge("secretstore", "openbao-app", {"spec": {"provider": {"vault": changed}}})
        bench.refreshed("failed")

    return plant


def store_login(**changed):
    return store(auth={"kubernetes": changed})


def no_authorities(bench):
    bench.edit("secretstore", "openbao-app", lambda found: found["spec"]["provider"]["vault"].pop("caBundle"))


def no_store(bench):
    bench.remove("secretstore", "openbao-app")
    bench.refreshed("failed")


def no_external_secret(bench):
    bench.remove("externalsecret", bench.name)
    bench.collected()


def orphan(bench):
    """The ExternalSecret goes, and the Secret stays behind with the last value."""
    bench.merge("externalsecret", bench.name, {"spec": {"target": {"creationPolicy": "Orphan"}}})
    bench.until(lambda: "ownerReferences" not in bench.live_secret()["metadata"])
    bench.remove("externalsecret", bench.name)


def merge_without_secret(bench):
    bench.merge("externalsecret", bench.name, {"spec": {"target": {"creationPolicy": "Merge"}}})
    bench.until(lambda: "ownerReferences" not in bench.live_secret()["metadata"])
    bench.remove("secret", bench.name)


def another_property(bench):
    def change(found):
        found["spec"]["data"][0]["remoteRef"]["property"] = "API_KEY_OLD"

    bench.edit("externalsecret", bench.name, change)


def another_path_too(bench):
    def change(found):
        more = dict(found["spec"]["data"][0], secretKey="MORE")
        found["spec"]["data"].append(more)

    bench.edit("externalsecret", bench.name, change)


def second_external_secret(bench):
    """Somebody else's ExternalSecret takes the same Secret first."""
    first = bench.handle().must("GET", bench.url("externalsecret", bench.name))
    no_external_secret(bench)
    body = {"apiVersion": first["apiVersion"], "kind": "ExternalSecret", "metadata": {"name": "another"}}
    bench.create("externalsecret", body | {"spec": first["spec"]})
    bench.until(bench.delivered)
    again = {"name": bench.name, **{key: first["metadata"][key] for key in ("labels", "annotations")}}
    bench.create("externalsecret", body | {"metadata": again, "spec": first["spec"]})


def left_in_clear(bench):
    note = {"kubectl.kubernetes.io/last-applied-configuration": f'{{"stringData":{{"API_KEY":"{bench.value}"}}}}'}
    bench.merge("secret", bench.name, {"metadata": {"annotations": note}})


def a_copy_in_a_label_of_its_own(bench):
    bench.merge("secret", bench.name, {"metadata": {"annotations": {"debug/key": f"was {bench.value}"}}})


def grant(bench, verbs, subject, names=()):
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": verbs} | (
        {"resourceNames": list(names)} if names else {}
    )
    bench.create("role", {"metadata": {"name": "leak"}, "rules": [rule]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "leak"}
    bench.create("rolebinding", {"metadata": {"name": "leak"}, "roleRef": reference, "subjects": [subject]})
    user = f"system:serviceaccount:{bench.namespace}:default" if subject["kind"] == "ServiceAccount" else "eve"
    granted(bench, verbs[0], user, [subject["name"]] if subject["kind"] == "Group" else [], *names)


def granted(bench, verb, user, groups, name=""):
    """Wait until the API server knows of it: its roles are read from a cache."""
    asked = {"verb": verb, "resource": "secrets", "namespace": bench.namespace, "name": name}
    bench.until(lambda: bench.may(user, groups, **asked))


GROUP = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "developers"}


def a_group_reads_all(bench):
    grant(bench, ["get", "list"], GROUP)


def a_user_watches(bench):
    grant(bench, ["watch"], GROUP | {"kind": "User", "name": "eve"})


def an_account_reads_this_one(bench):
    account = {"kind": "ServiceAccount", "name": "default", "namespace": bench.namespace}
    grant(bench, ["get"], account, [bench.name])


def everybody_views(bench):
    body = {
        "metadata": {"name": "admins"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [GROUP | {"name": "system:authenticated"}],
    }
    bench.create("rolebinding", body)
    granted(bench, "get", "eve", [])


def no_right_to_tokens(bench):
    bench.remove("rolebinding", "openbao-token-app")


def right_to_all_tokens(bench):
    bench.edit("role", "openbao-token-app", lambda found: found["rules"][0].pop("resourceNames"))


def account_made_anew(bench):
    """Deleted and made again: the same name, another account."""
    bench.remove("serviceaccount", "app")


def bound_to_another_role(bench):
    """A binding's role cannot be changed: somebody made it anew."""
    found = bench.handle().must("GET", bench.url("rolebinding", "openbao-token-app"))
    bench.remove("rolebinding", "openbao-token-app")
    kept = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
    view = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:discovery"}
    bench.create("rolebinding", {"metadata": kept, "subjects": found["subjects"], "roleRef": view})


def another_template(bench):
    """What runs is of a template without the Secret: the Deployment was changed, and nothing rolled it out."""
    bench.deploy(how="none")
    container = {"name": "app", "image": "app", "volumeMounts": [{"name": "key", "mountPath": "/etc/key"}]}
    spec = {"containers": [container], "volumes": [{"name": "key", "secret": {"secretName": bench.name}}]}
    bench.merge("deployment", "app", {"spec": {"paused": True, "template": {"spec": spec}}})


def deploy(**how):
    return lambda bench: bench.deploy(**how)


def no_deployment(bench):
    bench.deploy()
    bench.remove("deployment", "app")


def no_pod(bench):
    bench.deploy()
    bench.handle().must(
        "PATCH", bench.url("deployment", "app"), {"spec": {"replicas": 0}}, "application/merge-patch+json"
    )
    bench.until(lambda: not bench.handle().must("GET", bench.url("pod"))["items"])


NOT_DELIVERED = "handed-out value"
AS_READER = "sibling below lists scans writes patches deletes undeletes destroys capabilities"
"""What only the reader itself can be asked to try."""
FAULTS = [
    Fault("policy", "reads everything below its folder", everything_below, "policy sibling below"),
    Fault("policy", "may write", may_write, "policy writes capabilities"),
    Fault("policy", "deleted", no_policy, "policy reads capabilities synced", NOT_DELIVERED),
    Fault(
        "role",
        "any account of the namespace",
        lambda b: role(b, bound_service_account_names=["*"]),
        "role other-account",
    ),
    Fault("role", "any namespace", lambda b: role(b, bound_service_account_namespaces=["*"]), "role other-namespace"),
    Fault("role", "no audience", lambda b: role(b, audience=""), "role other-audience"),
    Fault("role", "a second policy", second_policy, "role reads"),
    Fault("role", "tokens live for a day", lambda b: role(b, token_ttl="24h", token_max_ttl="24h"), "role"),
    Fault(
        "role",
        "deleted, while the operator still says Ready",
        lambda b: b.platform.must("DELETE", b.role),
        "role reads synced",
        f"other-account other-namespace other-audience {AS_READER} {NOT_DELIVERED}",
    ),
    Fault(
        "audience",
        "of the lane and of the role differ",
        lambda b: role(b, audience="another"),
        "role reads synced",
        f"other-account other-namespace {AS_READER} {NOT_DELIVERED}",
    ),
    Fault("mount", "the newest version is deleted", deleted_version, "live-version synced", NOT_DELIVERED),
    Fault("mount", "the field is missing", another_field, "live-version synced", "value"),
    Fault("mount", "a field that is not declared", one_field_more, "live-version"),
    Fault("store", "deleted", no_store, "secretstore synced", NOT_DELIVERED),
    Fault("store", "logs in by another role", store_login(role="nobodys-role"), "secretstore synced", NOT_DELIVERED),
    Fault("store", "logs in at another mount", store_login(mountPath="elsewhere"), "secretstore synced", NOT_DELIVERED),
    Fault(
        "store",
        "logs in as another account",
        store_login(serviceAccountRef={"name": "default"}),
        "secretstore synced",
        NOT_DELIVERED,
    ),
    Fault(
        "store",
        "tokens for another audience",
        store_login(serviceAccountRef={"audiences": ["other"]}),
        "secretstore synced",
        NOT_DELIVERED,
    ),
    Fault("store", "asks another server", store(server="https://127.0.0.1:9"), "secretstore synced", NOT_DELIVERED),
    Fault("store", "does not know OpenBao's authorities", no_authorities, "secretstore"),
    Fault(
        "store",
        "is meant for another controller",
        spec("secretstore", "openbao-app", controller="other"),
        "secretstore",
        f"synced {NOT_DELIVERED}",
    ),
    Fault("store", "another KV mount", store(path="elsewhere"), "secretstore synced", NOT_DELIVERED),
    Fault(
        "ExternalSecret",
        "deleted, and the Secret with it",
        no_external_secret,
        "externalsecret synced secret",
        NOT_DELIVERED,
    ),
    Fault("ExternalSecret", "deleted, while the Secret stays", orphan, "externalsecret synced secret", NOT_DELIVERED),
    Fault(
        "ExternalSecret",
        "Merge without a Secret, which says Ready",
        merge_without_secret,
        "externalsecret secret",
        "value",
    ),
    Fault(
        "ExternalSecret",
        "never refreshes by itself",
        spec("externalsecret", refreshInterval="0s"),
        "externalsecret",
        f"synced {NOT_DELIVERED}",
    ),
    Fault("ExternalSecret", "reads another property", another_property, "externalsecret synced", "value"),
    Fault("ExternalSecret", "delivers a key more", another_path_too, "externalsecret secret"),
    Fault(
        "ExternalSecret",
        "uses a store that is not there",
        spec("externalsecret", secretStoreRef={"name": "no-such-store"}),
        "externalsecret synced",
        NOT_DELIVERED,
    ),
    Fault("ExternalSecret", "a second one owns the Secret", second_external_secret, "synced secret", "value"),
    Fault("Secret", "a copy in last-applied-configuration", left_in_clear, "plaintext"),
    Fault("Secret", "the value in an annotation of somebody's own", a_copy_in_a_label_of_its_own, "plaintext"),
    Fault("Secret", "is immutable", lambda b: b.merge("secret", b.name, {"immutable": True}), "secret"),
    Fault("RBAC", "a group lists the namespace's Secrets", a_group_reads_all, "exposure"),
    Fault("RBAC", "a user watches them", a_user_watches, "exposure"),
    Fault("RBAC", "another account reads this one Secret by name", an_account_reads_this_one, "exposure"),
    Fault("RBAC", "everybody who logs in is admin of the namespace", everybody_views, "exposure"),
    Fault("RBAC", "the operator's right to the account's tokens is gone", no_right_to_tokens, "rolebinding"),
    Fault("RBAC", "that right is bound to another role", bound_to_another_role, "rolebinding"),
    Fault("RBAC", "that right is for every account of the namespace", right_to_all_tokens, "role"),
    Fault(
        "RBAC",
        "the reader's account is deleted",
        account_made_anew,
        "serviceaccount synced",
        f"reads {AS_READER} other-audience {NOT_DELIVERED}",
    ),
    Fault("consumer", "there is none", no_deployment, "consumer"),
    Fault("consumer", "does not use the Secret", deploy(how="none"), "consumer"),
    Fault("consumer", "uses another Secret", deploy(uses="another-secret"), "consumer"),
    Fault("consumer", "took the old value into its environment", deploy(how="environment", started=OLD), "consumer"),
    Fault("consumer", "mounted the old value by subPath", deploy(how="subpath", started=OLD), "consumer"),
    Fault("consumer", "runs as an earlier template, without the Secret", another_template, "consumer"),
    Fault("consumer", "no pod runs", no_pod, "", "consumer"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.area}: {fault.name}" for fault in FAULTS])
def test_a_seeded_fault_is_caught_and_named_with_its_owner_and_its_fix(bench, fault):
    bench.ready()
    fault.plant(bench)
    proof = bench.prove()
    assert bench.found(proof, "wrong") == set(fault.wrong.split()), bench.shown(proof)
    assert bench.found(proof, "inconclusive") == set(fault.open.split()), bench.shown(proof)
    for verdict in proof.verdicts:
        assert verdict.result != "wrong" or verdict.remedy, verdict
    expect_row_of_the_page(bench, fault, proof)


def test_an_environment_that_started_after_the_last_change_is_no_fault(bench):
    bench.ready().deploy(how="environment")
    proof = bench.prove()
    assert proof.state == "proven", bench.shown(proof)


def expect_row_of_the_page(bench, fault, proof):
    """The row of the fault in docs/seeded-faults.md is what this proof shows."""
    first = min((v for v in proof.verdicts if v.result != "ok"), key=lambda v: v.result == "inconclusive")
    caught = [f"FAIL {v.probe}" for v in proof.verdicts if v.result == "wrong"] or [f"?? {first.probe}"]
    said = f"{explanation(first)} | {owner_of(bench.lane, first)} | `{commands(first.remedy)}`"
    row = plainly(
        bench,
        f"| {fault.area} | {fault.name} | {', '.join(dict.fromkeys(caught))} | {said} |",
    )
    if os.environ.get("WARDEN_WRITE"):
        rewrite(fault, row)
    assert row in PAGE.read_text().splitlines(), f"not in {PAGE.name}: {row}"


def plainly(bench, text):
    """Without what is of one run alone."""
    for name, said in ((bench.name, "LANE"), (bench.namespace, "TENANT"), (bench.platform.address, "OPENBAO")):
        text = text.replace(name, said)
    text = re.sub(r"\(its last word: .*?\)", "", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UUID", text)
    text = re.sub(r"app-[0-9a-f]{5,10}-[a-z0-9]{5}", "POD", text)
    return re.sub(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]+Z", "TIME", text).replace("``", "-")


def rewrite(fault, row):
    """Put the row in its place; the workers take turns."""
    with open(Path(tempfile.gettempdir()) / f"seeded-faults-{os.getuid()}.lock", "w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        _rewrite(fault, row)


def _rewrite(fault, row):
    lines = PAGE.read_text().splitlines() if PAGE.exists() else []
    kept = [line for line in lines if not line.startswith(f"| {fault.area} | {fault.name} |")]
    order = [f"| {each.area} | {each.name} |" for each in FAULTS]
    rows = [line for line in [*kept, row] if any(line.startswith(head) for head in order)]
    rows.sort(key=lambda line: next(i for i, head in enumerate(order) if line.startswith(head)))
    PAGE.write_text("\n".join([HEAD.rstrip(), *rows]) + "\n")


HEAD = """\
# Seeded faults and the verdicts that caught them

`warden/tests/clusters/test_seeded_faults.py` plants each of these faults in a sound lane, on a real API server,
operator and OpenBao. The proof has to catch it with exactly these verdicts, name whose turn it is, and give the command
that fixes it. Reason, owner and command are those of the first wrong verdict. `??` is inconclusive: a system that had
to answer did not, which never counts as a pass.

The test writes the rows. After an intended change: `WARDEN_WRITE=1 make test-cluster`.

| where | what is wrong | caught by | reason | owner | fixed by |
|---|---|---|---|---|---|
"""
