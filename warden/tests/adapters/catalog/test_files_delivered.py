"""Faults of deliveries and of clusters.yaml: each with its line, its field and what is allowed, all of them at once."""

import importlib.util
from pathlib import Path

import pytest

from warden.adapters.catalog.files import load_catalog
from warden.core.errors import Invalid

SPEC = importlib.util.spec_from_file_location("catalog_files", Path(__file__).parent / "catalog_files.py")
catalog_files = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(catalog_files)

RUN_BY = ("  consumer: {repo: app", "  runtime: {repo: run, doc: docs/r.md}\n  consumer: {repo: app")
CLUSTERS = "here:\n  context: here\nthere:\n  context: there\n  auth_mount: kubernetes-there\n"


@pytest.fixture
def directory(tmp_path):
    made = catalog_files.Directory(tmp_path)
    clusters(made, CLUSTERS)
    return made


def clusters(directory, text):
    (directory.root / "clusters.yaml").write_text(text)


def lane(directory, more, name="one", account=""):
    """A lane of one reader, ``team/ID``, or of `account`; what is more begins at line 15."""
    path = directory.lane(name, old=RUN_BY[0], new=RUN_BY[1], more=more)
    if account:
        path.write_text(path.read_text().replace(f"workload: team/{name}", f"workload: {account}"))


def faults(directory):
    return [(fault.line, fault.field, fault.message) for fault in load_catalog(str(directory)).faults]


def delivery(cluster="here", **keys):
    written = ", ".join(f"{key}: {value}" for key, value in ({"external_secret": "team/s"} | keys).items() if value)
    return f"deliveries:\n  {cluster}: {{{written}}}\n"


def test_a_sound_delivery_has_no_fault(directory):
    lane(directory, delivery())
    assert faults(directory) == []


TWO_READERS = "  - workload: team/two\n"
OTHER = "  - workload: other/app\n"
CASES = {
    "unknown cluster": (
        delivery("elsewhere"),
        (16, "deliveries.elsewhere", "is not in clusters.yaml, which has here, there"),
    ),
    "both": (delivery(bootstrap_secret="team/s"), (16, "deliveries.here", "exactly one of external_secret")),
    "neither": (delivery(external_secret="", refresh="5m"), (16, "deliveries.here", "exactly one of external_secret")),
    "no namespace": (delivery(external_secret="s"), (16, "deliveries.here.external_secret", "write namespace/name")),
    "no namespace, by hand": (
        delivery(external_secret="", bootstrap_secret="S/x"),
        (16, "deliveries.here.bootstrap_secret", "write namespace/name"),
    ),
    "store": (delivery(store="Store/x"), (16, "deliveries.here.store", "SecretStore/name or ClusterSecretStore/name")),
    "ambiguous reader": (
        TWO_READERS + delivery(),
        (17, "deliveries.here", "not exactly one reader is in team; the lane has team/one, team/two"),
    ),
    "no reader there": (delivery(external_secret="far/s"), (16, "deliveries.here", "not exactly one reader is in far")),
    "reader of nobody": (
        delivery(reader="team/nobody"),
        (16, "deliveries.here.reader", "is not a reader of this lane, which has team/one"),
    ),
    "SecretStore for an account of elsewhere": (
        OTHER + delivery(reader="other/app"),
        (17, "deliveries.here.store", "a SecretStore in team can only log in as an account of team, not as other/app"),
    ),
    "named SecretStore for an account of elsewhere": (
        OTHER + delivery(reader="other/app", store="SecretStore/mine"),
        (17, "deliveries.here.store", "write ClusterSecretStore/name"),
    ),
    "no refresh": (delivery(refresh="0s"), (16, "deliveries.here.refresh", "above 0")),
    "refresh without a unit": (delivery(refresh="60"), (16, "deliveries.here.refresh", "1h")),
    "consumer": (
        delivery() + "consumers: [{deployment: app}]\n",
        (17, "consumers[0].deployment", "write namespace/name"),
    ),
    "consumer of elsewhere": (
        delivery() + "consumers: [{deployment: far/app}]\n",
        (17, "consumers[0].deployment", "without a delivery; deliveries are in team"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_fault_of_a_delivery(directory, name):
    more, (line, field, words) = CASES[name]
    lane(directory, more)
    found = faults(directory)
    assert [each[:2] for each in found] == [(line, field)], found
    assert words in found[0][2]


def test_what_is_run_needs_somebody_who_runs_it(directory):
    directory.lane("one", more=delivery())
    assert [(field, "needs it" in said) for _, field, said in faults(directory)] == [("owners.runtime", True)]


def test_a_cluster_store_may_log_in_as_an_account_of_elsewhere(directory):
    lane(directory, OTHER + delivery(reader="other/app", store="ClusterSecretStore/shared"))
    assert faults(directory) == []


def test_without_clusters_yaml_any_cluster_may_be_named(directory):
    (directory.root / "clusters.yaml").unlink()
    lane(directory, delivery("anywhere"))
    assert faults(directory) == []


# -- beside another lane ----------------------------------------------------------------------------------------------


def test_two_lanes_on_one_secret_of_one_cluster(directory):
    lane(directory, delivery())
    lane(directory, delivery(), "two")
    assert faults(directory) == [(16, "deliveries.here", "team/s of here is already delivered by one")]


def test_one_secret_by_hand_and_delivered_is_two_lanes_on_it_too(directory):
    lane(directory, delivery())
    lane(directory, delivery(external_secret="", bootstrap_secret="team/s"), "two")
    assert [field for _, field, _ in faults(directory)] == ["deliveries.here"]


def test_the_same_name_in_another_cluster_or_namespace_is_another_secret(directory):
    lane(directory, delivery())
    lane(directory, delivery("there"), "two")
    lane(directory, delivery(external_secret="other/s"), "three", account="other/app")
    assert faults(directory) == []


def test_one_store_for_two_readers(directory):
    store = {"store": "SecretStore/shared"}
    lane(directory, delivery(**store))
    lane(directory, delivery(external_secret="team/t", **store), "two")
    assert faults(directory) == [
        (16, "deliveries.here.store", "shared is already the store of another reader (one); name another")
    ]


def test_one_store_for_one_reader_of_two_lanes_is_none(directory):
    lane(directory, delivery())
    lane(directory, delivery(external_secret="team/t"), "two", account="team/one")
    assert faults(directory) == []


def test_a_cluster_store_is_for_one_namespace(directory):
    store = {"store": "ClusterSecretStore/shared", "reader": "eso/eso"}
    lane(directory, "  - workload: eso/eso\n    role: eso-one\n" + delivery(**store))
    two = "  - workload: eso/eso\n    role: eso-one\n" + delivery(external_secret="other/s", **store)
    lane(directory, two, "two")
    assert [(line, field) for line, field, _ in faults(directory)] == [(18, "deliveries.here.store")]


# -- clusters.yaml ----------------------------------------------------------------------------------------------------

BAD = {
    "name": ("Here_1:\n  context: c\n", (1, "Here_1", "is not a valid name of a cluster")),
    "no context": ("here:\n  auth_mount: kubernetes\n", (2, "here.context", "is missing")),
    "unknown key": ("here:\n  context: c\n  mount: x\n", (3, "here.mount", "unknown key")),
    "mount twice": (
        "here:\n  context: c\nthere:\n  context: d\n",
        (3, "there.auth_mount", "kubernetes is already the mount of here"),
    ),
    "mount's name": ("here:\n  context: c\n  auth_mount: ../x\n", (3, "here.auth_mount", "is not a valid name")),
    "http address": (
        "here:\n  context: c\n  openbao: http://bao:8200\n",
        (3, "here.openbao", "is not an https address"),
    ),
    "no address": ("here:\n  context: c\n  openbao: bao:8200\n", (3, "here.openbao", "is not an https address")),
    "subject": (
        "here:\n  context: c\n  may_read_secrets:\n    - group:admins\n    - eve\n",
        (5, "here.may_read_secrets[1]", "write user:NAME, group:NAME or namespace/account"),
    ),
    "eso": ("here:\n  context: c\n  eso: operator\n", (3, "here.eso", "has no namespace")),
    "a list": ("- here\n", (1, "", "declares nothing")),
}


@pytest.mark.parametrize("name", BAD)
def test_each_fault_of_clusters_yaml_and_no_entry_is_read(directory, name):
    text, (line, field, words) = BAD[name]
    clusters(directory, text)
    with pytest.raises(Invalid, match=r"^clusters\.yaml has errors$") as caught:
        load_catalog(str(directory))
    found = [(each.line, each.field) for each in caught.value.faults]
    assert found == [(line, field)], caught.value.faults
    assert words in caught.value.faults[0].message
    assert caught.value.faults[0].file.endswith("clusters.yaml")


def test_all_faults_of_both_files_are_told_at_once(directory):
    (directory.root / "platform.yaml").write_text("kv_mount: [a]\n")
    clusters(directory, "here:\n  context: c\n  openbao: http://a\nthere:\n  context: d\n")
    with pytest.raises(Invalid, match=r"platform\.yaml and clusters\.yaml have errors") as caught:
        load_catalog(str(directory))
    assert [(Path(each.file).name, each.line) for each in caught.value.faults] == [
        ("platform.yaml", 1),
        ("clusters.yaml", 3),
        ("clusters.yaml", 4),
    ]


def test_clusters_are_a_file_of_their_own(directory):
    (directory.root / "platform.yaml").write_text("kv_mount: platform\nclusters: {here: {context: c}}\n")
    with pytest.raises(Invalid) as caught:
        load_catalog(str(directory))
    assert [(each.line, each.field) for each in caught.value.faults] == [(2, "clusters")]
    assert "clusters.yaml beside this one" in caught.value.faults[0].message


def test_secret_material_in_clusters_yaml_is_refused_and_not_repeated(directory):
    secret = "sk-or-v1-" + "8f2c4e6a1b3d5f7092a4c6e8b0d2f4a6"
    clusters(directory, f"here:\n  context: c # {secret}\n")
    with pytest.raises(Invalid) as caught:
        load_catalog(str(directory))
    assert caught.value.faults[0].line == 2
    assert secret[12:] not in str(caught.value.faults)


@pytest.mark.parametrize("named", ["../token", "/etc/passwd", "~/token", "certs/../../token", ".."])
def test_certificates_outside_the_platform_directory_are_an_error_of_clusters_yaml(directory, named):
    clusters(directory, f"here:\n  context: here\n  openbao_ca: {named}\n")
    with pytest.raises(Invalid) as caught:
        load_catalog(str(directory.root))
    (fault,) = caught.value.faults
    assert (fault.line, fault.field) == (3, "here.openbao_ca")
    assert fault.message == "leads out of the platform directory; put the file beside this one"


@pytest.mark.parametrize("named", ["ca.pem", "certs/ca.pem", "./ca.pem", "a..b/ca.pem"])
def test_certificates_inside_are_none(directory, named):
    clusters(directory, f"here:\n  context: here\n  openbao_ca: {named}\nthere:\n  context: x\n  auth_mount: other\n")
    assert load_catalog(str(directory.root)).platform.clusters["here"].openbao_ca == named
