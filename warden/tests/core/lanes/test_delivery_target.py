"""Which cluster, which reader and which names follow from a delivery."""

import msgspec
import pytest

from warden.core.errors import UsageError
from warden.core.lanes.delivery_target import (
    DeclaredCluster,
    NotDelivered,
    ReaderUnclear,
    UnknownCluster,
    adopted,
    reader_of,
    target,
    targets,
    with_cluster_readers,
)
from warden.core.lanes.lane import Delivery, PeopleReader, Workload, WorkloadReader

HERE = DeclaredCluster(context="ctx-here", auth_mount="kubernetes")
THERE = DeclaredCluster(context="ctx-there", auth_mount="kubernetes-there")
CLUSTERS = {"here": HERE, "there": THERE}
DELIVERY = Delivery(external_secret="tenant/first-secret")
BY_HAND = Delivery(bootstrap_secret="tenant/first-secret")


def reader(name, **more):
    namespace, _, account = name.partition("/")
    return WorkloadReader(workload=Workload(namespace, account), **more)


USUAL = (reader("tenant/first"),)


@pytest.fixture
def delivered(lane_of):
    """A lane with its deliveries: ``delivered(here=…, there=…)``."""
    return lambda readers=USUAL, **where: lane_of(readers=tuple(readers), deliveries=where)


def test_names_follow_from_the_delivery_and_its_reader(delivered):
    found = target(delivered(here=DELIVERY), "here", CLUSTERS)
    assert (found.namespace, found.secret) == ("tenant", "first-secret")
    assert found.store == ("SecretStore", "openbao-first")
    assert found.role == "workload-tenant-first"
    assert (found.label, found.by_hand, found.shared) == ("delivery here", False, False)


def test_a_declared_store_overrides_the_derived_one(delivered):
    named = msgspec.structs.replace(DELIVERY, store="ClusterSecretStore/openbao-tenant")
    assert target(delivered(here=named), "here", CLUSTERS).store == ("ClusterSecretStore", "openbao-tenant")


def test_the_reader_logs_in_at_the_mount_of_its_cluster(delivered):
    lane = delivered(here=DELIVERY, there=DELIVERY)
    assert [each.reader.mount for each in targets(lane, CLUSTERS)] == ["kubernetes", "kubernetes-there"]


def test_a_secret_made_by_hand_is_a_leg_as_well(delivered):
    found = target(delivered(here=BY_HAND), "here", CLUSTERS)
    assert (found.by_hand, found.secret) == (True, "first-secret")


def test_a_delivery_to_a_cluster_that_is_not_declared_is_no_leg_and_named_it_is_wrong_usage(delivered):
    lane = delivered(here=DELIVERY, elsewhere=DELIVERY)
    assert [each.cluster for each in targets(lane, CLUSTERS)] == ["here"]
    with pytest.raises(UsageError) as wrong:
        target(lane, "elsewhere", CLUSTERS)
    assert wrong.value.problem == UnknownCluster(cluster="elsewhere", clusters=("here", "there"))


def test_a_cluster_that_the_lane_is_not_delivered_to_is_wrong_usage(delivered, lane_of):
    lane = delivered(here=DELIVERY)
    with pytest.raises(UsageError) as wrong:
        target(lane, "there", CLUSTERS)
    assert wrong.value.problem == NotDelivered(lane=lane.id, cluster="there", clusters=("here",))
    with pytest.raises(UsageError) as wrong:
        target(lane_of(), "there", CLUSTERS)
    assert wrong.value.problem.clusters == ()


def test_the_reader_is_the_only_one_of_the_secrets_namespace(delivered):
    people = PeopleReader(people="devs", login="corp")
    lane = delivered(readers=[reader("other/app"), people, reader("tenant/app")], here=DELIVERY)
    assert reader_of(lane, DELIVERY).workload == Workload("tenant", "app")


def test_two_readers_of_the_namespace_cannot_be_told_apart_and_one_of_two_mounts_can(delivered):
    two = delivered(readers=[reader("tenant/a"), reader("tenant/b")], here=DELIVERY)
    assert reader_of(two, DELIVERY) is None
    with pytest.raises(UsageError) as wrong:
        target(two, "here", CLUSTERS)
    assert wrong.value.problem == ReaderUnclear(lane=two.id, cluster="here")
    same = delivered(readers=[reader("tenant/a"), reader("tenant/a", mount="kubernetes-there")], here=DELIVERY)
    assert reader_of(same, DELIVERY).workload == Workload("tenant", "a")


def test_a_named_reader_is_the_one_and_one_that_is_none_of_the_lanes_is_not(delivered):
    two = [reader("tenant/a"), reader("eso/shared")]
    shared = msgspec.structs.replace(DELIVERY, reader=Workload("eso", "shared"))
    found = target(delivered(readers=two, here=shared), "here", CLUSTERS)
    assert (found.reader.workload, found.shared) == (Workload("eso", "shared"), True)
    unknown = msgspec.structs.replace(DELIVERY, reader=Workload("eso", "nobody"))
    assert reader_of(delivered(readers=two, here=unknown), unknown) is None


def subjects(lane):
    return [(each.mount, str(each.workload)) for each in lane.readers if isinstance(each, WorkloadReader)]


def test_a_workload_of_two_clusters_is_two_subjects(delivered):
    lane = with_cluster_readers(delivered(here=DELIVERY, there=DELIVERY), CLUSTERS)
    assert subjects(lane) == [("kubernetes", "tenant/first"), ("kubernetes-there", "tenant/first")]
    assert lane.role_of(lane.readers[0]) == lane.role_of(lane.readers[1])


def test_a_reader_that_is_declared_there_is_not_added_again(delivered):
    own = [reader("tenant/first"), reader("tenant/first", mount="kubernetes-there", role="own-role")]
    lane = delivered(readers=own, here=DELIVERY, there=DELIVERY)
    assert with_cluster_readers(lane, CLUSTERS) is lane


def test_nobody_logs_in_for_a_secret_made_by_hand_or_in_a_cluster_that_is_not_declared(delivered):
    lane = delivered(here=DELIVERY, there=BY_HAND, elsewhere=DELIVERY)
    assert subjects(with_cluster_readers(lane, CLUSTERS)) == [("kubernetes", "tenant/first")]


def test_taken_over_it_is_delivered_and_nothing_else_is_another(delivered):
    lane = delivered(here=BY_HAND, there=BY_HAND)
    after = adopted(lane, "here")
    assert after.deliveries["here"] == Delivery(external_secret="tenant/first-secret")
    assert after.deliveries["there"] == BY_HAND
    assert lane.deliveries["here"] == BY_HAND
    assert msgspec.structs.replace(after, deliveries=lane.deliveries) == lane
