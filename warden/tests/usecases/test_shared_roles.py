"""A role that several lanes share, on a real OpenBao: only a lane's own file takes its policy out of it."""

import msgspec
import pytest

from warden.core.errors import Foreign
from warden.core.lanes.lane import Owner, Owners, WorkloadReader
from warden.core.plans.lane_plan import LaneOptions, NotAgreed
from warden.core.plans.plan import BelongsTo, KeptPolicy, RenamedFrom, SharedWithUnreadable
from warden.usecases.apply import apply
from warden.usecases.deactivate import deactivate
from warden.usecases.plan import plan
from warden.usecases.reactivate import reactivate
from warden.usecases.steps.apply_target import apply_target
from warden.usecases.targets.of_lane import openbao_target

FILE = "catalog/second.yaml"


class Shared:
    """Two lanes of one reader, applied; `broken` takes the second out of the catalog as a file with errors does."""

    def __init__(self, bench):
        self.bench = bench
        self.first = bench.lane
        self.second = msgspec.structs.replace(
            bench.make(f"{bench.lane.id}-b"), readers=(WorkloadReader(workload=bench.lane.readers[0].workload),)
        )
        bench.lanes.append(self.second)
        bench.apply()
        bench.apply(lane=self.second)
        bench.put()
        self.unreadable = ()

    def broken(self):
        self.unreadable = (FILE,)
        return self.deleted()

    def deleted(self):
        self.bench.lanes = [each for each in self.bench.lanes if each.id != self.second.id]
        return self

    @property
    def context(self):
        return msgspec.structs.replace(self.bench.context(), unreadable=self.unreadable)

    @property
    def role(self):
        return self.bench.vault("admin").role(self.first.role_name(self.first.readers[0]))

    @property
    def policies(self):
        own = {self.first.custody.policy_name: "first", self.second.custody.policy_name: "second"}
        return sorted(own.get(each, each) for each in self.role["token_policies"])

    def plan(self):
        return plan(self.bench.lane, self.context, LaneOptions()).plans[0]

    def apply(self, **options):
        return apply(self.bench.lane, self.context, LaneOptions(**options))


@pytest.fixture
def shared(bench):
    return Shared(bench)


def change_role(shared, **fields):
    shared.bench.server.must("POST", shared.bench.role, {"role_type": "jwt", "user_claim": "sub", **fields})


def test_a_lane_that_cannot_be_read_keeps_its_policy_in_the_role(shared):
    shared.broken()
    planned = shared.plan()
    assert planned.to_change == ()
    (note,) = planned.notes
    assert note == KeptPolicy(
        role=shared.bench.role, policy=shared.second.custody.policy_name, lane=shared.second.id, files=(FILE,)
    )
    assert shared.apply().changed == 0
    assert shared.policies == ["first", "second"]


def test_a_policy_still_enters_a_role_that_is_shared_with_a_lane_that_cannot_be_read(shared):
    change_role(shared, token_policies=[shared.second.custody.policy_name])
    shared.broken().apply()
    assert shared.policies == ["first", "second"]


def test_a_policy_whose_text_cannot_be_seen_stays_while_a_file_cannot_be_read(shared):
    change_role(shared, token_policies=[shared.first.custody.policy_name, "gone"])
    shared.broken()
    assert [each.lane for each in shared.plan().notes] == [""]
    shared.apply(yes=True)
    assert shared.policies == ["first", "gone"]


def test_a_policy_that_somebody_added_by_hand_is_not_taken_for_a_lanes(shared):
    name = f"workload-kv-read-by-hand-{shared.first.id}"
    shared.bench.server.must("PUT", f"sys/policies/acl/{name}", {"policy": 'path "x" { capabilities = ["read"] }'})
    both = [shared.first.custody.policy_name, shared.second.custody.policy_name]
    change_role(shared, token_policies=[*both, name])
    with pytest.raises(NotAgreed) as fault:
        shared.broken().apply()
    assert [each.kind for each in fault.value.problem.changes] == ["role"]
    shared.apply(yes=True)
    assert shared.policies == ["first", "second"]


@pytest.mark.parametrize("fields", [{"token_ttl": 86400, "token_max_ttl": 86400}, {"bound_audiences": []}])
def test_what_else_differs_of_a_shared_role_waits_for_the_file(shared, fields):
    change_role(shared, **fields)
    before = shared.role
    with pytest.raises(Foreign) as fault:
        shared.broken().apply(yes=True)
    (change,) = fault.value.problem.changes
    assert change.obstacle == SharedWithUnreadable((FILE,))
    assert shared.role == before


def test_a_reader_that_is_gone_leaves_the_role_to_the_lane_that_cannot_be_read(shared, bench):
    before = shared.role
    shared.broken()
    bench.change(readers=bench.make(f"{bench.lane.id}-other").readers)
    shared.apply(yes=True)
    assert shared.policies == ["second"]
    assert {**shared.role, "token_policies": ()} == {**before, "token_policies": ()}


def test_no_role_is_deleted_while_a_file_cannot_be_read(shared, bench):
    change_role(shared, token_policies=[shared.first.custody.policy_name])
    shared.broken()
    bench.change(readers=bench.make(f"{bench.lane.id}-other").readers)
    shared.apply(yes=True)
    assert shared.policies == []


@pytest.mark.parametrize("drift", [{}, {"token_ttl": 86400, "token_max_ttl": 86400}])
def test_closing_takes_out_its_own_policy_and_no_other(shared, bench, drift):
    change_role(shared, **drift)
    shared.broken()
    deactivate(shared.first, "tenant left", shared.context)
    assert shared.policies == ["second"]
    assert shared.role["token_ttl"] == (86400 if drift else 900)
    if not drift:
        reactivate(shared.first, "new key", shared.context, LaneOptions(), bench.tools())
        assert shared.policies == ["first", "second"]


def test_opening_a_lane_takes_no_access_from_another_without_consent(shared, bench):
    deactivate(shared.first, "tenant left", shared.context)
    shared.deleted()
    with pytest.raises(NotAgreed) as fault:
        reactivate(shared.first, "new key", shared.context, LaneOptions(), bench.tools())
    assert fault.value.remedy[0].command == "reactivate"
    assert set(shared.context.closed) == {shared.first.id}
    reactivate(shared.first, "new key", shared.context, LaneOptions(yes=True), bench.tools())
    assert shared.policies == ["first"]


def test_a_lane_whose_file_was_deleted_loses_the_role_only_with_consent(shared):
    shared.deleted()
    assert [each.takes_access for each in shared.plan().to_change] == [True]
    assert ("yes", "") in plan(shared.first, shared.context, LaneOptions()).next.options
    with pytest.raises(NotAgreed):
        shared.apply()
    assert shared.policies == ["first", "second"]
    shared.apply(yes=True)
    assert shared.policies == ["first"]


def test_what_differs_only_once_it_is_applied_needs_the_same_consent(shared):
    """A plan that needs no consent, and a server that changes before it is carried out."""

    class Meanwhile(type(openbao_target(shared.first, shared.context, LaneOptions()))):
        def plan(self):
            change_role(shared, token_policies=[*shared.role["token_policies"], "more"])
            return super().plan()

    target = openbao_target(shared.first, shared.context, LaneOptions())
    target.__class__ = Meanwhile
    with pytest.raises(NotAgreed):
        apply_target(target, shared.bench.journal, LaneOptions())


# -- renaming ---------------------------------------------------------------------------------------------------------


def test_a_renamed_lane_keeps_its_marks_its_role_and_its_policy(bench):
    bench.apply()
    before, role = bench.lane.id, bench.vault("admin").role(bench.lane.role_name(bench.lane.readers[0]))
    bench.lane = msgspec.structs.replace(bench.lane, id=f"{before}-new")
    bench.lanes = [bench.lane]
    planned = bench.plan()
    assert {each.kind: each.obstacle for each in planned.to_change} == {
        "metadata": RenamedFrom(before),
        "policy": None,
    }
    with pytest.raises(NotAgreed):
        apply(bench.lane, bench.context(), LaneOptions())
    bench.apply()
    assert bench.vault().kv_metadata("platform", bench.path).custom["catalog-id"] == bench.lane.id
    assert bench.vault("admin").role(bench.lane.role_name(bench.lane.readers[0])) == role
    assert bench.plan().to_change == ()


@pytest.mark.parametrize("why", ["another owner", "declared", "unreadable"])
def test_a_path_that_may_be_another_lanes_was_not_renamed(bench, why):
    bench.apply()
    before = bench.lane
    renamed = msgspec.structs.replace(before, id=f"{before.id}-new")
    if why == "another owner":
        theirs = Owners(custody=Owner(repo="theirs", doc="x"), consumer=before.owners.consumer)
        renamed = msgspec.structs.replace(renamed, owners=theirs)
    bench.lane, bench.lanes = renamed, [renamed, before] if why == "declared" else [renamed]
    context = msgspec.structs.replace(bench.context(), unreadable=(FILE,) if why == "unreadable" else ())
    planned = plan(renamed, context, LaneOptions()).plans[0]
    assert BelongsTo(before.id) in [each.obstacle for each in planned.blocked]
