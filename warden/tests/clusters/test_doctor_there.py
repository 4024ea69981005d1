"""doctor, in a cluster: what is missing there is named with the command that mends it, and it ends with 1."""

import json

import pytest
import yaml

from warden.core.clusters.rights import askings, cluster_rights
from warden.core.clusters.subjects import Subject
from warden.core.errors import UsageError
from warden.core.openbao.rights import VERBS
from warden.present.doctor import described
from warden.usecases.doctor import cluster as doctor_cluster
from warden.usecases.doctor.cluster import ClusterToExamine, examine_cluster

pytestmark = pytest.mark.cluster
FIRST = "coulombcore"


def look(bench, cluster, verbs=VERBS):
    deliveries = (bench.target(),)
    given = ClusterToExamine(name=FIRST, cluster=cluster, declared=bench.declared[FIRST], deliveries=deliveries)
    return list(examine_cluster(given, verbs))


def verdicts(findings):
    return [(each.about, each.verdict) for each in findings]


def test_warden_itself_lacks_nothing_there(bench):
    found = look(bench, bench.kube())
    assert verdicts(found) == [("cluster", "ok"), ("operator", "ok"), *[("rights", "ok")] * 3]
    assert "external-secrets.io/v1" in described(found[1])[0]
    assert verdicts(look(bench, bench.kube(), ("plan",))) == verdicts(found)[:3]
    assert verdicts(look(bench, bench.kube(), ("put",))) == verdicts(found)[:2]


@pytest.mark.parametrize(("scope", "ok"), [("", []), ("prove", ["plan, status, sync, prove"]), ("apply", None)])
def test_who_lacks_rights_is_told_which_and_the_command_that_gives_them(bench, scope, ok):
    bench.tenant()
    bench.create("serviceaccount", {"metadata": {"name": "agent"}})
    agent = Subject("account", f"{bench.namespace}/agent")
    for part in {"": (), "prove": ("prove",), "apply": ("prove", "apply")}[scope]:
        given = yaml.safe_dump_all(list(cluster_rights(bench.target(), part, agent)))
        done = bench.handle().kubectl("apply", "-f", "-", stdin=given)
        assert done.returncode == 0, done.stderr
        bench.lets("agent", askings(bench.target(), part))
    found = [each for each in look(bench, bench.kube_as("agent")) if each.about == "rights"]
    good = [described(each)[0].partition(" in ")[0] for each in found if each.verdict == "ok"]
    assert good == (["plan, status, sync, prove", "apply, adopt"] if ok is None else ok), found
    for each in found:
        if each.verdict == "missing":
            text, hint = described(each)
            assert "may not " in text
            assert f"warden render {bench.name} --cluster {FIRST} --rights " in hint
            assert f"--to {agent} | kubectl --context {FIRST} apply -f -" in hint


def test_every_right_that_is_rendered_is_asked_for(bench):
    asked = askings(bench.target(), "apply")
    assert len(asked) == len(set(asked)) > 20
    assert {each.verb for each in asked} == {"get", "list", "create", "patch"}
    assert any(each.resource == "serviceaccounts/token" and each.name == "app" for each in asked)


def test_no_operator_or_one_of_another_version_is_missing(bench, monkeypatch):
    monkeypatch.setattr(doctor_cluster, "SERVED", "v9")
    old = look(bench, bench.kube())[1]
    assert (old.verdict, "and warden needs v9" in described(old)[0]) == ("missing", True)
    monkeypatch.setattr(doctor_cluster, "ESO", "nobodys.example")
    none = look(bench, bench.kube())[1]
    assert (none.verdict, "has no External Secrets Operator" in described(none)[0]) == ("missing", True)


def test_a_cluster_that_cannot_be_asked_is_one_finding(bench):
    assert verdicts(look(bench, bench.dead())) == [("cluster", "missing")]
    assert verdicts(look(bench, UsageError("no context", hint="export KUBECONFIG=FILE"))) == [("cluster", "missing")]


def test_no_context_of_a_declared_cluster_ends_with_one(engineer):
    engineer.clusters_file({FIRST: {"context": "nobodys"}})
    done = engineer.run("doctor", "--for", "plan", **engineer.own_state())
    assert done.returncode == 1, done.stdout
    assert "MISSING  cluster" in done.stdout
    assert "no context nobodys" in done.stdout
    assert "export KUBECONFIG=FILE" in done.stdout
    well = engineer.run("doctor", "--for", "plan", "--json")
    about = [(each["about"], each["verdict"]) for each in json.loads(well.stdout)["findings"]]
    assert about.count(("rights", "ok")) == 1, about
    assert ("operator", "ok") in about
