import msgspec
import pytest

from warden.core.lanes.catalog import Platform
from warden.core.lanes.delivery_target import DeclaredCluster
from warden.core.lanes.environment_rules import (
    of_administrators,
    of_entry_everywhere,
    of_environments,
    of_their_clusters,
)
from warden.core.lanes.environments import Environment, delivered_in, exists_in, in_environment
from warden.core.lanes.lane import Delivery, LaneInEnvironment, Workload, WorkloadReader
from warden.core.lanes.readers import GithubReader

DEV, PROD = Environment(openbao="https://bao.dev.example:8200"), Environment(openbao="https://bao.example:8200")
PLATFORM = Platform(environments={"dev": DEV, "prod": PROD})
JOB = GithubReader(github="acme/deploy", environment="production")


def fields(complaints):
    return [each.field for each in complaints]


def test_a_lane_that_lists_none_is_in_all_of_them(lane_of):
    lane = lane_of("one")
    assert exists_in(lane, "dev")
    assert in_environment(lane, "dev") == lane


def test_only_what_differs_stands_below_an_environment(lane_of):
    differs = LaneInEnvironment(readers=(JOB,), status="draft", path="platform/workloads/prod/one/key")
    lane = lane_of("one", environments={"dev": LaneInEnvironment(), "prod": differs})
    assert not exists_in(lane, "stage")
    assert exists_in(lane, "")
    dev, prod = in_environment(lane, "dev"), in_environment(lane, "prod")
    assert dev == msgspec.structs.replace(lane, environments={})
    assert (prod.readers, prod.status, prod.custody.path) == ((JOB,), "draft", differs.path)
    assert prod.custody.fields == lane.custody.fields
    assert in_environment(lane, "") is lane


def test_a_delivery_is_of_its_clusters_environment(lane_of):
    clusters = {name: DeclaredCluster(context=name, environment=name) for name in ("dev", "prod")}
    lane = lane_of("one", deliveries={name: Delivery(external_secret="tenant/x") for name in clusters})
    assert list(delivered_in(lane, "prod", clusters).deliveries) == ["prod"]
    assert delivered_in(lane, "", clusters) is lane


@pytest.mark.parametrize(
    ("environments", "found"),
    [
        ({"dev": DEV, "prod": PROD}, []),
        ({"a": DEV, "b": Environment(openbao=f"{DEV.openbao}/", namespace="team")}, []),
        ({"a": DEV, "b": Environment(openbao=f"{DEV.openbao}/")}, ["environments.b.openbao"]),
        ({"Prod": PROD}, ["environments.Prod"]),
    ],
)
def test_each_is_another_openbao_or_namespace(environments, found):
    assert fields(of_environments(environments)) == found


def test_each_cluster_is_of_one(lane_of):
    clusters = {
        "a": DeclaredCluster(context="a", environment="dev"),
        "b": DeclaredCluster(context="b"),
        "c": DeclaredCluster(context="c", environment="pord"),
    }
    assert fields(of_their_clusters(clusters, PLATFORM)) == ["b.environment", "c.environment"]
    assert fields(of_their_clusters(clusters, Platform())) == ["a.environment", "c.environment"]


def test_a_lane_is_judged_as_it_is_in_each(lane_of):
    bad = LaneInEnvironment(readers=(msgspec.structs.replace(JOB, environment="prod*"),))
    lane = lane_of("one", environments={"dev": LaneInEnvironment(), "prod": bad, "pord": LaneInEnvironment()})
    found = fields(of_entry_everywhere(lane, PLATFORM))
    assert found == ["environments.pord", "environments.prod.readers[0].environment"]
    assert fields(of_entry_everywhere(lane_of("one"), PLATFORM)) == []
    wrong = lane_of(
        "one",
        readers=(WorkloadReader(workload=Workload("warden-probe", "x")),),
        environments={"dev": LaneInEnvironment()},
    )
    assert fields(of_entry_everywhere(wrong, PLATFORM)) == ["readers[0].workload"]


def test_somebody_who_may_administer_is_named_exactly():
    exact = (
        "auth/userpass/users/admin",
        "auth/kubernetes/role/ops in teams/a",
        "entity:ada",
        "group:all of us",
        "root",
    )
    assert not list(of_administrators(exact))
    patterns = ("auth/userpass/users/*", "auth/*/role/ops", "entity:*", "group:ops-* in root", "entity:ada in teams/*")
    found = list(of_administrators((*exact, *patterns)))
    assert fields(found) == [f"may_administer[{len(exact) + index}]" for index in range(len(patterns))]
    assert all("names are exact" in each.message and not each.warning for each in found)
    assert fields(of_administrators(("admin",))) == ["may_administer[0]"]
