"""What an approval adds to a lane in OpenBao: policies, the approvers' role, their group; and its comparison."""

import msgspec
import pytest

from warden.adapters.openbao.policy_text import parse_policy
from warden.core.lanes.approval import Approval, ApproverGroup
from warden.core.lanes.lane import LoginMount, PeopleReader, RoleName, Workload, WorkloadReader
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.approver_groups import group_changes, group_notes
from warden.core.openbao.compared import Observed
from warden.core.openbao.comparison import compare, names_to_observe
from warden.core.openbao.identity_groups import MADE_BY, IdentityGroup, ObservedGroup
from warden.core.openbao.resources import Settings, derive, lane_marked_in, role_fields, roles_of
from warden.core.openbao.sharing import Declared
from warden.core.plans.plan import AliasTaken, System
from warden.present.obstacles import describe_note, describe_obstacle

LEADS = ApproverGroup("leads", "corp")
POD = WorkloadReader(workload=Workload("tenant", "pod"))
PEOPLE = PeopleReader(people="devs", login="corp", role="devs", approval=Approval(group="leads", approvals=2, ttl=60))


@pytest.fixture
def lane(lane_of):
    return msgspec.structs.replace(lane_of("mine"), readers=(POD, PEOPLE))


def group(**fields):
    usual = {"id": "1", "name": "leads", "type": "external", "alias": "leads", "alias_mount": "corp"}
    return IdentityGroup(**usual | {"metadata": MADE_BY} | fields)


def test_each_reader_has_its_policy_and_a_workload_keeps_the_plain_one(lane):
    resources = derive(lane, [lane])
    plain, controlled, approver = resources.policies
    assert (controlled, approver) == (f"{plain}-approved-by-leads", f"{plain}-approver")
    given = {str(role.name): role.policies for role in resources.roles}
    assert given == {
        "auth/kubernetes/role/workload-tenant-pod": (plain,),
        "auth/corp/role/devs": (controlled,),
        "auth/corp/role/approve-leads": (approver,),
    }
    assert {lane_marked_in(text) for text in resources.policies.values()} == {"mine"}


def test_the_servers_own_grammar_reads_the_control_group_out_of_it(lane):
    resources = derive(lane, [lane])
    controlled, approver = resources.approval_policies.values()
    first, second = parse_policy("p", "", controlled).rules
    assert (first.path, first.capabilities, first.controlled) == (
        f"{lane.custody.mount}/data/{lane.custody.key}",
        {"read"},
        {"read"},
    )
    assert (second.path, second.controlled) == ("sys/control-group/request", frozenset())
    assert 'group_names = ["leads"] approvals = 2' in controlled
    assert 'ttl = "60s"' in controlled
    assert {rule.path for rule in parse_policy("p", "", approver).rules} == {
        "sys/control-group/request",
        "sys/control-group/authorize",
    }


def test_approvers_of_several_lanes_have_one_role_with_the_groups_claim(lane, lane_of):
    other = msgspec.structs.replace(lane_of("other"), readers=(PEOPLE,))
    role = roles_of([lane, other])[RoleName("corp", "approve-leads")]
    assert role.policies == (f"{lane.custody.policy_name}-approver", f"{other.custody.policy_name}-approver")
    fields = role_fields(role, "jwt", Settings({"corp": LoginMount(groups_claim="teams")}))
    assert (fields["groups_claim"], fields["bound_claims"]) == ("teams", {"teams": ["leads"]})
    assert roles_of([lane, other], frozenset({"other"}))[role.name].policies == role.policies[:1]


class Scene:
    """The lane as declared on a server."""

    def __init__(self, lane, others=()):
        self.lanes = [lane, *others]
        self.resources = derive(lane, self.lanes)
        self.seen = {
            "mount": Mount(type="kv", version=2),
            "metadata": _metadata(dict(self.resources.marks)),
            "policies": dict(self.resources.policies),
            "auth": {"corp": "jwt", "kubernetes": "jwt"},
            "roles": {role.name: role_fields(role, "jwt", Settings()) for role in self.resources.roles},
            "claimed": frozenset(role.name for role in self.resources.roles),
            "groups": {"leads": ObservedGroup(group=group(), alias_of="leads")},
        }

    def plan(self, resources=None, unreadable=()):
        declared = Declared(
            roles=roles_of(self.lanes),
            settings=Settings(),
            lanes=frozenset(lane.id for lane in self.lanes),
            groups=frozenset(one.name for lane in self.lanes for one in lane.approver_groups),
            unreadable=unreadable,
        )
        system = System(address="http://127.0.0.1:8200")
        return compare(resources or self.resources, Observed(**self.seen), declared, system=system)


def _metadata(custom):
    return KvMetadata(current=1, live=True, written=None, custom=custom, cas_required=True)


def test_as_declared_there_is_nothing_to_do(lane):
    assert Scene(lane).plan().to_change == ()


def test_the_group_comes_before_the_policy_that_names_it_and_roles_last(lane):
    scene = Scene(lane)
    scene.seen |= {"groups": {"leads": ObservedGroup()}, "policies": dict.fromkeys(scene.resources.policies)}
    scene.seen["roles"] = dict.fromkeys(scene.seen["roles"])
    assert [each.kind for each in scene.plan().to_change] == ["group", *["policy"] * 3, *["role"] * 3]


def without_approval(lane):
    return msgspec.structs.replace(lane, readers=(POD, msgspec.structs.replace(PEOPLE, approval=None)))


def test_what_an_approval_made_goes_with_it(lane):
    scene = Scene(lane)
    plain = without_approval(lane)
    scene.lanes = [plain]
    changes = scene.plan(derive(plain, [plain])).to_change
    assert [(each.action, each.kind, each.name.rpartition("/")[2]) for each in changes] == [
        ("delete", "role", "approve-leads"),
        *[("delete", "policy", name) for name in sorted(scene.resources.approval_policies)],
        ("delete", "group", "leads"),
        ("change", "metadata", lane.custody.path.rpartition("/")[2]),
        ("change", "role", "devs"),
    ]
    stale = next(each for each in changes if each.kind == "metadata").wanted
    assert {key for key, text in stale.items() if text is None} == {
        "approval-policies",
        "identity/group/name/leads",
        "auth/corp/role/approve-leads",
    }


@pytest.mark.parametrize("case", ["another lane", "a file with errors", "not ours"])
def test_a_group_stays_while_somebody_may_need_it(lane, lane_of, case):
    scene = Scene(lane)
    plain = without_approval(lane)
    other = msgspec.structs.replace(lane_of("other"), readers=(PEOPLE,))
    scene.lanes = [plain, *([other] if case == "another lane" else [])]
    if case == "not ours":
        scene.seen["groups"] = {"leads": ObservedGroup(group=group(metadata={}), alias_of="leads")}
    plan = scene.plan(derive(plain, scene.lanes), unreadable=("x.yaml",) if case == "a file with errors" else ())
    assert not [each for each in plan.to_change if each.kind == "group"]


def test_earlier_policies_are_looked_at_by_their_marks(lane):
    plain = without_approval(lane)
    names = names_to_observe(derive(plain, [plain]), _metadata(dict(derive(lane, [lane]).marks)))[1]
    assert names == set(lane.policy_names)


def test_a_closed_lane_has_none_of_its_policies(lane):
    scene = Scene(lane)
    closed = derive(lane, [lane], frozenset({"mine"}), "2026-11-30T10:00:00Z alice")
    gone = [each.name for each in scene.plan(closed).to_change if (each.action, each.kind) == ("delete", "policy")]
    assert gone == list(lane.policy_names)


def change(seen):
    (found,) = group_changes([LEADS], {"leads": seen})
    return found


def test_a_group_of_ours_stands_for_the_logins_group_and_gives_nothing():
    assert change(ObservedGroup()).action == "create"
    assert change(ObservedGroup(group=group(), alias_of="leads")).action == "keep"
    drifted = change(ObservedGroup(group=group(alias="", policies=("admin",))))
    assert drifted.action == "change"
    assert [(each.field, each.before, each.after) for each in drifted.differences] == [
        ("alias", None, "leads of auth/corp"),
        ("policies", ["admin"], None),
    ]


def test_a_group_that_is_somebody_elses_is_used_as_it_is_and_named():
    theirs = ObservedGroup(group=group(metadata={}, type="internal", alias="", alias_mount="", members=3))
    assert change(theirs).action == "keep"
    (note,) = group_notes([LEADS], {"leads": theirs})
    assert (
        describe_note(note) == "approvers are the identity group leads (internal, 3 members), which warden did not make"
    )


def test_an_alias_that_another_group_has_is_in_the_way():
    found = change(ObservedGroup(alias_of="security"))
    assert (found.action, found.obstacle) == ("foreign", AliasTaken("security", "leads", "corp"))
    assert (
        describe_obstacle(found.obstacle)
        == "the group leads of auth/corp is the identity group security; name that one"
    )
