"""A catalog's index says what looking through all of its lanes would say, and makes it once."""

import pytest

from warden.core.lanes.lane import Custody, Workload, WorkloadReader
from warden.core.openbao import catalog_index
from warden.core.openbao.catalog_index import CatalogIndex
from warden.core.openbao.resources import roles_of


@pytest.fixture
def lanes(lane_of):
    def lane(name, account, path="secrets"):
        custody = Custody(path=f"platform/workloads/tenant/{name}/{name}-{path}", fields=("API_KEY",))
        return lane_of(id=name, custody=custody, readers=(WorkloadReader(workload=Workload("tenant", account)),))

    return (lane("zeta", "app"), lane("alpha", "app"), lane("other", "job"), lane("draft", "app", "<instance>"))


def test_it_says_what_all_lanes_say(lanes):
    index = CatalogIndex(lanes)
    assert index.ids == {"zeta", "alpha", "other", "draft"}
    assert index.policies == {each.custody.policy_name for each in lanes}
    for closed in (frozenset(), frozenset({"alpha"})):
        assert index.roles(closed) == roles_of(lanes, closed)


def test_lanes_of_one_reader_are_found_in_the_catalogs_order_and_drafts_are_not(lanes):
    index = CatalogIndex(lanes)
    shared = lanes[0].role_name(lanes[0].readers[0])
    assert [each.id for each in index.sharing({shared})] == ["zeta", "alpha"]
    assert index.sharing(()) == ()


def test_roles_are_made_once_for_each_set_of_closed_lanes(lanes, monkeypatch):
    made = []
    monkeypatch.setattr(catalog_index, "roles_of", lambda *given: made.append(given) or {})
    index = CatalogIndex(lanes)
    for _ in range(3):
        index.roles()
        index.roles(frozenset({"alpha"}))
    assert len(made) == 2
