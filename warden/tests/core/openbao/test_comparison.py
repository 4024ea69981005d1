"""What is there compared with what is declared, without a server: order, ownership, and what counts as drift."""

import pytest

from warden.core.lanes.lane import LoginMount, PeopleReader, RoleName, Workload, WorkloadReader
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.compared import Observed
from warden.core.openbao.comparison import compare, names_to_observe
from warden.core.openbao.resources import Settings, derive, policy_text, role_fields, roles_of
from warden.core.openbao.sharing import Declared
from warden.core.plans.plan import BelongsTo, NoAudience, NotMarked, OtherMount, ReachesFurther, System
from warden.present.plans import difference_lines

KV2 = Mount(type="kv", version=2)
SYSTEM = System(address="http://127.0.0.1:8200")


def metadata(custom):
    return KvMetadata(current=1, live=True, written=None, custom=custom, cas_required=True)


class Scene:
    """A lane and a server on which everything is as declared, until a test changes it."""

    def __init__(self, lane, others=()):
        self.lane = lane
        self.lanes = [lane, *others]
        self.resources = derive(lane, self.lanes)
        self.settings = Settings()
        self.unreadable = ()
        self.seen = {
            "mount": KV2,
            "metadata": metadata(dict(self.resources.marks)),
            "policies": {self.resources.policy: self.resources.policy_text},
            "auth": {role.name.mount: "jwt" for role in self.resources.roles},
            "roles": {role.name: role_fields(role, "jwt", self.settings) for role in self.resources.roles},
            "claimed": frozenset(role.name for role in self.resources.roles),
        }

    def change(self, **seen):
        self.seen |= seen
        return self

    def plan(self, **how):
        declared = Declared(
            roles=roles_of(self.lanes),
            settings=self.settings,
            lanes=frozenset(lane.id for lane in self.lanes),
            unreadable=self.unreadable,
        )
        return compare(self.resources, Observed(**self.seen), declared, system=SYSTEM, **how)

    def action(self, kind, **how):
        return [change.action for change in self.plan(**how).changes if change.kind == kind]

    @property
    def role(self):
        return self.resources.roles[0].name


@pytest.fixture
def scene(lane_of):
    return Scene(lane_of("mine"))


def test_as_declared_there_is_nothing_to_do(scene):
    assert scene.plan().to_change == ()
    assert scene.plan().blocked == ()


def test_what_takes_access_away_comes_first_and_what_gives_it_last(scene):
    """A kill in between must leave less access than declared, and what was made marked as ours."""
    old = RoleName("kubernetes", "old")
    scene.change(
        mount=None,
        metadata=metadata({"catalog-id": "mine", str(old): "tenant/old", "policy": "old-policy"}),
        policies={"old-policy": policy_text(scene.lane), scene.resources.policy: None},
        roles={old: {"token_policies": ["old-policy"]}, scene.role: None},
    )
    assert [(change.action, change.kind) for change in scene.plan().to_change] == [
        ("delete", "role"),
        ("delete", "policy"),
        ("create", "mount"),
        ("change", "metadata"),
        ("create", "policy"),
        ("create", "role"),
    ]
    marks = next(change for change in scene.plan().changes if change.kind == "metadata")
    assert marks.wanted[str(old)] is None
    assert marks.wanted["policy"] == scene.resources.policy


def test_an_old_policy_is_looked_at_and_deleted_only_if_its_text_is_ours(scene):
    custom = {"catalog-id": "mine", "policy": "old-policy"}
    assert names_to_observe(scene.resources, metadata(custom))[1] == {"old-policy", scene.resources.policy}
    now = scene.seen["policies"]
    for text, action in ((policy_text(scene.lane), "delete"), ('path "x" {}', None), (None, None)):
        scene.change(metadata=metadata(custom), policies=now | {"old-policy": text})
        assert action is None or scene.action("policy")[0] == action
        assert scene.action("policy").count("delete") == (action is not None)


def test_a_path_that_another_lane_claims_takes_no_role_away(scene):
    theirs = RoleName("kubernetes", "theirs")
    scene.change(metadata=metadata({"catalog-id": "another", str(theirs): "x/y"}))
    scene.seen["roles"][theirs] = {"token_policies": ["theirs"]}
    assert scene.action("metadata") == ["foreign"]
    assert "delete" not in scene.action("role")


def test_a_role_that_another_lane_still_declares_is_left_to_it(lane_of):
    shared = WorkloadReader(workload=Workload("tenant", "shared"))
    scene = Scene(lane_of("mine"), [lane_of("other", readers=(shared,))])
    name = RoleName("kubernetes", "workload-tenant-shared")
    both = {"role_type": "jwt", "bound_audiences": ["openbao"], "bound_subject": shared.workload.subject}
    both |= {"user_claim": "sub", "token_ttl": 900, "token_max_ttl": 900}
    both["token_policies"] = ["workload-kv-read-mine-secrets", "workload-kv-read-other-secrets"]
    scene.change(metadata=metadata(dict(scene.resources.marks) | {str(name): "tenant/shared"}))
    scene.change(claimed=scene.seen["claimed"] | {name})
    scene.seen["roles"][name] = both
    change = scene.plan().to_change[0]
    assert (change.action, change.name) == ("change", str(name))
    assert change.wanted["token_policies"] == ["workload-kv-read-other-secrets"]


def test_what_another_lane_has_in_a_shared_role_under_an_earlier_name_is_left_to_its_own_apply(lane_of):
    """The other lane's policy is renamed: before its own `apply` only the earlier one exists."""
    shared = (WorkloadReader(workload=Workload("tenant", "shared")),)
    other = lane_of("other", readers=shared)
    scene = Scene(lane_of("mine", readers=shared), [other])
    earlier = {"earlier": policy_text(other), "nobodys": "# ops-warden lane gone: derived"}
    scene.change(policies=scene.seen["policies"] | earlier)
    role = scene.seen["roles"][scene.role]
    role["token_policies"] = ["earlier", "workload-kv-read-mine-secrets", "workload-kv-read-other-secrets"]
    assert scene.action("role") == ["keep"]
    role["token_policies"] = ["earlier", "nobodys"]
    (change,) = [each for each in scene.plan().changes if each.kind == "role"]
    assert change.wanted["token_policies"] == [
        "earlier",
        "workload-kv-read-mine-secrets",
        "workload-kv-read-other-secrets",
    ]


@pytest.mark.parametrize(
    ("mount", "action"),
    [
        (None, "create"),
        (KV2, "keep"),
        (Mount(type="kv", version=1), "foreign"),
        (Mount(type="pki", version=0), "foreign"),
    ],
)
def test_only_a_kv_version_2_mount_will_do(scene, mount, action):
    assert scene.change(mount=mount).action("mount") == [action]


def test_without_its_auth_mount_a_role_blocks_the_whole(scene):
    scene.change(auth={"kubernetes": None}, roles={scene.role: None})
    assert scene.action("role") == ["absent"]
    assert [change.action for change in scene.plan().blocked] == ["absent"]
    assert scene.plan(take_over=True).blocked
    assert scene.plan().to_change == scene.plan().blocked


@pytest.mark.parametrize(
    ("drift", "line"),
    [
        ({"bound_claims_type": "glob"}, '- bound_claims_type = "glob"'),
        ({"bound_claims": {"a": "b"}}, '- bound_claims = {"a": "b"}'),
        ({"bound_audiences": ["openbao", "more"]}, '- bound_audiences = ["openbao", "more"]'),
        ({"bound_audiences": []}, '+ bound_audiences = ["openbao"]'),
        ({"token_policies": []}, '+ token_policies = ["workload-kv-read-mine-secrets"]'),
        ({"token_max_ttl": 999}, "- token_max_ttl = 999"),
        ({"token_period": 60}, "- token_period = 60"),
    ],
)
def test_every_field_of_a_role_counts_also_one_that_nobody_derived(scene, drift, line):
    found = scene.seen["roles"][scene.role] | drift
    scene.change(roles={scene.role: found})
    (change,) = scene.plan().to_change
    assert change.action == "change"
    assert line in difference_lines(change.differences)
    written = found | change.wanted
    assert scene.change(roles={scene.role: written}).plan().to_change == ()


@pytest.mark.parametrize("neutral", [{"bound_claims_type": "string"}, {"token_type": "default"}, {"token_period": 0}])
def test_a_default_that_the_server_fills_in_is_no_drift(scene, neutral):
    assert scene.change(roles={scene.role: scene.seen["roles"][scene.role] | neutral}).plan().to_change == ()


def test_the_order_of_a_list_is_no_drift(lane_of):
    shared = WorkloadReader(workload=Workload("tenant", "shared"))
    scene = Scene(lane_of("a", readers=(shared,)), [lane_of("b", readers=(shared,))])
    role = scene.seen["roles"][scene.role]
    assert len(role["token_policies"]) == 2
    role["token_policies"].reverse()
    assert scene.plan().to_change == ()


def test_what_is_not_marked_as_ours_is_foreign_until_it_is_taken_over(scene):
    scene.change(policies={scene.resources.policy: 'path "x" {}'}, claimed=frozenset())
    scene.change(roles={scene.role: scene.seen["roles"][scene.role] | {"token_ttl": 1}})
    scene.change(metadata=metadata({"catalog-id": "another"}))
    for kind in ("policy", "role", "metadata"):
        assert scene.action(kind) == ["foreign"]
        assert scene.action(kind, take_over=True) == ["change"]
    assert len(scene.plan().blocked) == 3


def test_a_policy_of_another_lane_is_foreign_too(scene, lane_of):
    assert scene.change(policies={scene.resources.policy: policy_text(lane_of("other"))}).action("policy") == [
        "foreign"
    ]


def test_a_line_break_more_is_a_difference_of_the_policy(scene):
    assert scene.change(policies={scene.resources.policy: scene.resources.policy_text + "\n"}).action("policy") == [
        "change"
    ]


def test_a_mark_of_another_value_is_changed_and_foreign_keys_are_not_touched(scene):
    before = dict(scene.resources.marks) | {"owner-custody": "somebody", "team": "theirs"}
    (change,) = scene.change(metadata=metadata(before)).plan().to_change
    assert change.wanted == {"owner-custody": "platform-team"}
    assert difference_lines(change.differences) == [
        '- owner-custody = "somebody"',
        '+ owner-custody = "platform-team"',
    ]


def test_the_login_mounts_own_claims_are_compared(lane_of):
    people = PeopleReader(people="publishers", login="corp", role="publish")
    scene = Scene(lane_of(readers=(people,)))
    assert scene.plan().to_change == ()
    scene.settings = Settings({"corp": LoginMount(groups_claim="teams")})
    assert '+ bound_claims = {"teams": ["publishers"]}' in difference_lines(scene.plan().to_change[0].differences)


def test_a_wider_policy_is_a_widening_with_the_stanzas_that_are_too_much(scene):
    wide = scene.resources.policy_text + 'path "platform/*" {\n  capabilities = ["read"]\n}\n'
    (change,) = scene.change(policies={scene.resources.policy: wide}).plan().to_change
    assert change.widening == ReachesFurther(('path "platform/*" {',))


@pytest.mark.parametrize(
    ("audiences", "widening"), [([], NoAudience()), (["another"], None)], ids=["none", "another than declared"]
)
def test_a_role_without_an_audience_is_a_widening(scene, audiences, widening):
    found = scene.seen["roles"][scene.role] | {"bound_audiences": audiences}
    (change,) = scene.change(roles={scene.role: found}).plan().to_change
    assert change.widening == widening


def test_a_role_that_does_not_exist_yet_widens_nothing(scene):
    (change,) = scene.change(roles={scene.role: None}).plan().to_change
    assert (change.action, change.widening) == ("create", None)


def test_each_obstacle_says_what_it_is(scene):
    scene.change(policies={scene.resources.policy: 'path "x" {}'}, mount=Mount(type="kv", version=1))
    scene.change(metadata=metadata({"catalog-id": "another"}))
    assert {change.kind: change.obstacle for change in scene.plan().blocked} == {
        "mount": OtherMount("kv", 1),
        "metadata": BelongsTo("another"),
        "policy": NotMarked(),
    }
    taken = [change for change in scene.plan(take_over=True).to_change if change.is_taken_over]
    assert [change.kind for change in taken] == ["metadata", "policy"]
