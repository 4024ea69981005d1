"""Which objects of External Secrets Operator do something with a path of OpenBao, or with a delivered Secret."""

import pytest

from warden.core.clusters.manifests import Reached, Ref
from warden.core.clusters.operator_index import OperatorIndex, may_match, selects
from warden.core.clusters.operator_stores import Vault, origin, store_from

HERE = Reached(address="https://bao.example:8200", ca="PEM")
PATH, SECRET = "platform/data/workloads/a/key", Ref("Secret", "tenant", "app-key")
LABELS = {"team": "a"}


def store(name="bao", namespace="tenant", labels=None, **vault):
    usual = {"server": "https://bao.example:8200", "path": "platform", "version": "v2"}
    kind = "SecretStore" if namespace else "ClusterSecretStore"
    metadata = {"name": name, "labels": labels or {}} | ({"namespace": namespace} if namespace else {})
    return {"kind": kind, "metadata": metadata, "spec": {"provider": {"vault": usual | vault}}}


def made(kind, name="other", namespace="tenant", spec=None, **metadata):
    whole = {"name": name} | ({"namespace": namespace} if namespace else {}) | metadata
    return {"kind": kind, "metadata": whole, "spec": spec or {}}


def external(*data, namespace="tenant", name="other", by=("SecretStore", "bao"), **spec):
    chosen = {"secretStoreRef": {"kind": by[0], "name": by[1]}, "data": list(data)}
    return made("ExternalSecret", name, namespace, chosen | spec)


def reads(key, **more):
    return {"secretKey": "K", "remoteRef": {"key": key, **more}}


def found(*objects, stores=None, labels=LABELS, reached=HERE, path=PATH):
    lists = {}
    for each in [*(stores if stores is not None else [store()]), *objects]:
        lists.setdefault(each["kind"], []).append(each)
    links = OperatorIndex(lists).links(path, SECRET, labels, reached)
    return [(each.effect, each.ref.kind, each.alone) for each in links]


READ = [("reads", "ExternalSecret", True)]


@pytest.mark.parametrize(
    ("vault", "key"),
    [
        ({}, "workloads/a/key"),
        ({}, "platform/workloads/a/key"),
        ({}, "platform/data/workloads/a/key"),
        ({"path": "platform/"}, "/workloads/a/key"),
        ({"path": None}, "platform/workloads/a/key"),
        ({"path": None}, "platform/data/workloads/a/key"),
        ({"version": "v1", "path": "platform/data"}, "workloads/a/key"),
        ({"version": "v1", "path": None}, "platform/data/workloads/a/key"),
        ({"server": "https://BAO.example:8200/"}, "workloads/a/key"),
        ({"server": "https://bao.other:8200", "caBundle": "UEVN"}, "workloads/a/key"),
    ],
)
def test_a_path_is_the_same_however_a_store_and_a_key_write_it(vault, key):
    assert found(external(reads(key)), stores=[store(**vault)]) == READ


@pytest.mark.parametrize(
    ("vault", "key"),
    [
        ({}, "workloads/a/key2"),
        ({"path": "other"}, "workloads/a/key"),
        ({"version": "v1"}, "workloads/a/key"),
        ({"server": "https://bao.other:8200"}, "workloads/a/key"),
        ({"server": "https://bao.example:8201"}, "workloads/a/key"),
        ({"namespace": "team"}, "workloads/a/key"),
    ],
)
def test_another_path_or_another_openbao_is_not_this_one(vault, key):
    assert found(external(reads(key)), stores=[store(**vault)]) == []


def test_a_namespace_of_openbao_is_part_of_the_path():
    team = Reached(address="https://bao.example:8200", namespace="team")
    object_ = external(reads("workloads/a/key"))
    assert found(object_, stores=[store(namespace="tenant")], reached=team) == []
    there = store()
    there["spec"]["provider"]["vault"]["namespace"] = "team/"
    assert found(object_, stores=[there], reached=team) == READ


def test_a_store_of_another_namespace_is_only_meant_from_the_whole_cluster():
    elsewhere = external(reads("workloads/a/key"), namespace="other")
    assert found(elsewhere) == []
    wide = external(reads("workloads/a/key"), namespace="other", by=("ClusterSecretStore", "bao"))
    assert found(wide, stores=[store(namespace="")]) == READ
    spec = {"externalSecretSpec": external(reads("workloads/a/key"))["spec"]}
    assert found(made("ClusterExternalSecret", namespace="", spec=spec)) == [("reads", "ClusterExternalSecret", True)]


def test_what_reads_other_keys_too_does_not_stand_alone_and_metadata_is_no_value():
    both = external(reads("workloads/a/key"), reads("workloads/b"))
    assert found(both) == [("reads", "ExternalSecret", False)]
    assert found(external(reads("workloads/a/key", metadataPolicy="Fetch"))) == []
    whole = external(dataFrom=[{"extract": {"key": "workloads/a/key"}}])
    assert found(whole) == READ
    other = {"sourceRef": {"storeRef": {"kind": "SecretStore", "name": "bao"}}}
    assert found(external(reads("workloads/a/key") | other, by=("SecretStore", "none"))) == READ


@pytest.mark.parametrize(
    ("find", "is_found"),
    [
        ({}, True),
        ({"path": "workloads"}, True),
        ({"path": "workloads/a/", "name": {"regexp": "key$"}}, True),
        ({"name": {"regexp": "^workloads/a/key$"}}, True),
        ({"name": {"regexp": "^key$"}}, False),
        ({"path": "workloads/b"}, False),
        ({"path": "work"}, False),
        ({"name": {"regexp": "("}}, True),
        ({"name": {"regexp": "(a+)+$"}}, True),
        ({"tags": {"owner": "me"}}, True),
    ],
)
def test_what_finds_paths_by_folder_and_name_finds_this_one_or_not(find, is_found):
    expected = [("finds", "ExternalSecret", False)] if is_found else []
    assert found(external(dataFrom=[{"find": find}])) == expected
    assert found(external(dataFrom=[{"find": find}]), stores=[store(path="else")]) == []


def test_a_pattern_that_could_take_long_is_not_tried():
    assert may_match("a*a*a*a*a*b", "a" * 60)
    assert not may_match("a.*b", "c")


def push(**spec):
    usual = {"secretStoreRefs": [{"kind": "SecretStore", "name": "bao"}], "selector": {"secret": {"name": "mine"}}}
    return made("PushSecret", spec=usual | spec)


def match(key):
    return {"match": {"remoteRef": {"remoteKey": key}}}


def test_what_pushes_to_the_path_writes_it_and_what_pushes_the_secret_exports_it():
    assert found(push(data=[match("workloads/a/key")])) == [("writes", "PushSecret", True)]
    assert found(push(data=[match("workloads/a/key"), match("b")])) == [("writes", "PushSecret", False)]
    assert found(push(data=[match("workloads/b")])) == []
    assert found(push(selector={"secret": {"name": "app-key"}})) == [("exports", "PushSecret", True)]
    by_label = {"secret": {"selector": {"matchLabels": {"team": "a"}}}}
    assert found(push(selector=by_label)) == [("exports", "PushSecret", False)]
    assert found(push(selector=by_label), labels={}) == []
    everywhere = made("ClusterPushSecret", namespace="", spec={"pushSecretSpec": push()["spec"]})
    everywhere["spec"]["pushSecretSpec"]["selector"] = {"secret": {"name": "app-key"}}
    assert found(everywhere) == [("exports", "ClusterPushSecret", True)]


def test_a_store_may_be_chosen_by_its_labels():
    chosen = {"secretStoreRefs": [{"kind": "SecretStore", "labelSelector": {"matchLabels": {"of": "bao"}}}]}
    pushed = push(data=[match("workloads/a/key")], **chosen)
    assert found(pushed, stores=[store(labels={"of": "bao"})]) == [("writes", "PushSecret", True)]
    assert found(pushed) == []


def test_what_deletes_what_it_pushed_is_told_from_what_leaves_it():
    lists = {"SecretStore": [store()], "PushSecret": [push(data=[match("workloads/a/key")], deletionPolicy="Delete")]}
    (link,) = OperatorIndex(lists).links(PATH, SECRET, {}, HERE)
    assert link.deletes


def test_a_generator_reads_a_path_of_the_api():
    spec = {"path": "/platform/data/workloads/a/key", "provider": store()["spec"]["provider"]["vault"]}
    assert found(made("VaultDynamicSecret", spec=spec)) == [("reads", "VaultDynamicSecret", True)]
    wide = {"kind": "VaultDynamicSecret", "generator": {"vaultDynamicSecretSpec": spec}}
    assert found(made("ClusterGenerator", namespace="", spec=wide)) == [("reads", "ClusterGenerator", True)]
    assert found(made("ClusterGenerator", namespace="", spec={"kind": "Password", "generator": {}})) == []


@pytest.mark.parametrize(
    ("provider", "key", "is_found"),
    [
        ({"remoteNamespace": "tenant"}, "app-key", True),
        ({"remoteNamespace": "tenant", "server": {"url": "https://kubernetes.default.svc"}}, "app-key", True),
        ({"remoteNamespace": "tenant", "server": {"url": "https://elsewhere"}}, "app-key", False),
        ({"remoteNamespace": "tenant"}, "other", False),
        ({}, "app-key", False),
    ],
)
def test_a_store_of_the_cluster_itself_reads_the_delivered_secret(provider, key, is_found):
    there = {"kind": "SecretStore", "metadata": {"name": "k8s", "namespace": "other"}}
    there["spec"] = {"provider": {"kubernetes": provider}}
    reader = external(reads(key), namespace="other", by=("SecretStore", "k8s"))
    assert found(reader, stores=[there]) == ([("exports", "ExternalSecret", True)] if is_found else [])
    if is_found:
        wide = external(namespace="other", by=("SecretStore", "k8s"), dataFrom=[{"find": {}}])
        assert found(wide, stores=[there]) == [("exports", "ExternalSecret", False)]


def test_a_template_that_is_filled_from_the_secret_hands_it_on():
    template = {"template": {"templateFrom": [{"secret": {"name": "app-key", "items": []}}]}}
    assert found(external(target=template)) == [("exports", "ExternalSecret", False)]
    assert found(external(target=template, namespace="other")) == []


def test_a_link_says_who_wrote_the_object_and_what_made_it():
    fields = [
        {"manager": "argocd", "operation": "Apply"},
        {"manager": "external-secrets", "subresource": "status"},
        {"manager": "warden"},
    ]
    owner = {"kind": "ClusterExternalSecret", "name": "wide", "controller": True}
    object_ = external(reads("workloads/a/key"))
    object_["metadata"] |= {"managedFields": fields, "ownerReferences": [owner]}
    (link,) = OperatorIndex({"SecretStore": [store()], "ExternalSecret": [object_]}).links(PATH, SECRET, {}, HERE)
    assert (link.managers, link.owner) == (("argocd",), Ref("ClusterExternalSecret", "", "wide"))
    assert link.store == Ref("SecretStore", "tenant", "bao")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_labels_are_selected_as_kubernetes_does(selector, expected):
    assert selects(selector, {"a": "1"}) is expected


def test_what_is_no_address_is_only_itself():
    assert origin("https://a") == origin("https://A:443/x") != origin("http://a")
    assert origin("nonsense") != origin("other")
    assert store_from(made("SecretStore", spec={"provider": {"aws": {}}})).vault is None
    assert not Vault(server="").is_same(Reached(address="https://a"))


READER = {"kubernetes": {"role": "r", "serviceAccountRef": {"namespace": "tenant", "name": "app"}}}
BY_TOKEN = {"jwt": {"role": "r", "kubernetesServiceAccountToken": READER["kubernetes"]}}


@pytest.mark.parametrize(
    ("auth", "spec", "found"),
    [
        (READER, {}, True),
        (BY_TOKEN, {}, True),
        (READER, {"conditions": []}, True),
        (READER, {"conditions": [{"namespaces": ["a"]}, {"namespaceSelector": {}}]}, True),
        (READER, {"conditions": [{"namespaces": ["a"], "namespaceRegexes": [".*"]}]}, True),
        (READER, {"conditions": [{"namespaces": ["a"]}]}, False),
        ({"kubernetes": READER["kubernetes"] | {"role": "other"}}, {}, False),
        ({"tokenSecretRef": {"name": "t", "key": "k"}}, {}, False),
    ],
)
def test_a_store_that_more_than_certain_namespaces_may_use_as_the_reader(auth, spec, found):
    vault = {"server": HERE.address, "auth": auth}
    wide = {"kind": "ClusterSecretStore", "metadata": {"name": "c"}, "spec": {"provider": {"vault": vault}} | spec}
    links = OperatorIndex({"ClusterSecretStore": [wide]}).opening("tenant/app", "r", HERE)
    assert [each.effect for each in links] == (["opens"] if found else [])
