"""Names that the convention derives twice are told apart, and those that are unique, or written in a file, stay."""

import msgspec
import pytest

from warden.core.lanes.derived_names import told_apart
from warden.core.lanes.lane import Custody, PeopleReader, Workload, WorkloadReader


def at(lane, path, policy=None, readers=None):
    custody = Custody(path=path, fields=("API_KEY",), policy=policy)
    return msgspec.structs.replace(lane, custody=custody, **({"readers": readers} if readers else {}))


@pytest.fixture
def pair(lane_of):
    return at(lane_of("billing"), "platform/billing/api/postgres"), at(
        lane_of("orders"), "platform/orders/api/postgres"
    )


def names(lanes, paths=()):
    return [told_apart(each, lanes, paths).custody.policy_name for each in lanes]


def test_a_name_that_is_unique_stays_short(lane_of):
    assert names([lane_of("first"), lane_of("second")]) == [
        "workload-kv-read-first-secrets",
        "workload-kv-read-second-secrets",
    ]


def test_two_paths_that_end_alike_both_get_the_whole_path(pair):
    expected = ["workload-kv-read-billing.api.postgres", "workload-kv-read-orders.api.postgres"]
    assert names(pair) == expected
    assert names(pair[::-1]) == expected[::-1]


@pytest.mark.parametrize("path", ["platform/orders/api/Postgres", "platform/billing/ap/i/postgres"])
def test_case_and_depth_do_not_hide_a_collision(pair, path):
    found = names([pair[0], at(pair[1], path)])
    assert len(set(found)) == 2


def test_a_third_lane_renames_nobody_again(pair, lane_of):
    third = at(lane_of("third"), "platform/third/api/postgres")
    assert names([*pair, third])[:2] == names(pair)


def test_a_name_in_a_file_stays_and_the_derived_one_gives_way(pair):
    written = at(pair[0], pair[0].custody.path, policy="workload-kv-read-postgres")
    assert names([written, pair[1]]) == ["workload-kv-read-postgres", "workload-kv-read-orders.api.postgres"]


def test_a_path_with_a_placeholder_takes_no_name(pair):
    template = at(pair[1], "platform/<tenant>/api/postgres")
    assert names([pair[0], template])[0] == "workload-kv-read-postgres"


def test_a_file_that_cannot_be_read_keeps_its_hold_on_the_name(pair):
    assert names([pair[0]], [pair[1].custody.path]) == ["workload-kv-read-billing.api.postgres"]


def test_groups_of_workloads_of_the_same_name_get_roles_of_their_own(pair):
    people = [(PeopleReader(people=group, login="corp"),) for group in ("billing-dba", "orders-dba")]
    lanes = [at(lane, lane.custody.path, readers=readers) for lane, readers in zip(pair, people, strict=True)]
    roles = [told_apart(each, lanes).readers[0].role for each in lanes]
    assert roles == ["billing.api-billing-dba-workload-kv-read", "orders.api-orders-dba-workload-kv-read"]


def test_accounts_whose_names_read_alike_get_roles_of_their_own(pair):
    accounts = [(WorkloadReader(workload=Workload(*names)),) for names in (("a-b", "c"), ("a", "b-c"))]
    lanes = [at(lane, lane.custody.path, readers=readers) for lane, readers in zip(pair, accounts, strict=True)]
    assert [told_apart(each, lanes).readers[0].role for each in lanes] == ["workload-a-b.c", "workload-a.b-c"]


def test_one_reader_of_two_lanes_keeps_the_one_role(pair):
    shared = (WorkloadReader(workload=Workload("team", "app")),)
    lanes = [at(lane, lane.custody.path, readers=shared) for lane in pair]
    assert [told_apart(each, lanes).readers for each in lanes] == [shared, shared]
