"""Which fields of the lane file an earlier proof depends on: each is decided here, lest a new one is forgotten."""

from pathlib import Path

import msgspec
import pytest

from warden.adapters.catalog.files import load_catalog
from warden.core.lanes.approval import Approval
from warden.core.lanes.lane import Custody, Delivery, Lane, PeopleReader, Workload, WorkloadReader
from warden.core.routes.route import declaration, declared_route

CATALOG = load_catalog(str(Path(__file__).parents[4] / "platform"))
PROVEN = {
    Lane: {"custody", "readers", "deliveries"},
    Custody: {"path", "fields", "policy", "declared_mount"},
    WorkloadReader: {"workload", "role", "audience"},
    PeopleReader: {"people", "role", "approval"},
    Delivery: {"external_secret", "bootstrap_secret"},
}
"""Where one of these changes, a proof that was made before does not count any more."""

NOT_PROVEN = {
    Lane: {
        *("id", "title", "status", "reviewed", "owners", "needs", "tags", "playbook", "references"),
        *("consumers", "rotation", "protected"),
        "environments",  # a lane is shown as it is in one environment before it is proven
    },
    Custody: set(),
    WorkloadReader: {"mount", "ttl"},  # a reader at another cluster's mount is the same reader
    PeopleReader: {"login", "ttl"},
    Delivery: {"store", "refresh", "reader"},  # the way there; the Secret at its end is what was proven
}
"""These say who cares, how to find it and how it is set up; `plan` compares what of it the systems hold."""

WORKLOAD = WorkloadReader(workload=Workload("ns", "app"))
PEOPLE = PeopleReader(people="devs", login="netkingdom")
CHANGED = {
    (Custody, "path"): "platform/other/path",
    (Custody, "fields"): ("another",),
    (Custody, "policy"): "another",
    (Custody, "declared_mount"): "platform/workloads",
    (WorkloadReader, "workload"): Workload("ns", "another"),
    (WorkloadReader, "role"): "another",
    (WorkloadReader, "audience"): "another",
    (PeopleReader, "people"): "others",
    (PeopleReader, "role"): "another",
    (PeopleReader, "approval"): Approval(group="leads"),
    (Delivery, "external_secret"): "ns/another",
    (Delivery, "bootstrap_secret"): "ns/another",
    (WorkloadReader, "mount"): "kubernetes-2",
    (WorkloadReader, "ttl"): 60,
    (PeopleReader, "login"): "another",
    (PeopleReader, "ttl"): 60,
    (Delivery, "store"): "another",
    (Delivery, "refresh"): 60,
    (Delivery, "reader"): Workload("ns", "another"),
}


def lane(part: object = None) -> Lane:
    """A lane with that as its custody, its only reader or its only delivery."""
    found = msgspec.structs.replace(CATALOG.lane("openrouter-llm-connect"), readers=(WORKLOAD,), deliveries={})
    if isinstance(part, Custody):
        return msgspec.structs.replace(found, custody=part)
    if isinstance(part, Delivery):
        return msgspec.structs.replace(found, deliveries={"a": part})
    return msgspec.structs.replace(found, readers=(part,)) if part else found


WHOLE = {Custody: lane().custody, WorkloadReader: WORKLOAD, PeopleReader: PEOPLE, Delivery: Delivery()}


@pytest.mark.parametrize("kind", PROVEN)
def test_each_field_is_decided(kind):
    assert PROVEN[kind] | NOT_PROVEN[kind] == set(kind.__struct_fields__)
    assert not PROVEN[kind] & NOT_PROVEN[kind]


@pytest.mark.parametrize(("kind", "field"), CHANGED)
def test_a_field_that_was_proven_makes_another_declaration(kind, field):
    before = WHOLE[kind]
    after = msgspec.structs.replace(before, **{field: CHANGED[kind, field]})
    same = declaration(declared_route(lane(before))) == declaration(declared_route(lane(after)))
    assert same == (field in NOT_PROVEN[kind])
