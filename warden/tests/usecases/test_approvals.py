"""Readers who need an approval, on the real OpenBao: what `apply` makes, and that the server withholds the value."""

import msgspec
import pytest

from warden.core.errors import Foreign
from warden.core.lanes.approval import Approval
from warden.core.lanes.lane import PeopleReader
from warden.usecases.orphans import orphans

VALUE_PATH = "platform/data/{}"


@pytest.fixture
def approved(bench, unique):
    """The bench with a reader of people beside its workload, and a group of approvers."""
    group = unique("leads")
    people = PeopleReader(people=unique("devs"), login="netkingdom", approval=Approval(group=group, ttl=60))
    bench.change(readers=(*bench.lane.readers, people))
    bench.people, bench.group = people, group
    return bench


def login(bench, role, name, *groups):
    body = {"role": role, "jwt": bench.server.person_jwt(name, groups)}
    return bench.server.must("POST", "auth/netkingdom/login", body, token=None)["auth"]["client_token"]


def read(bench, token):
    return bench.server.must("GET", VALUE_PATH.format(bench.path), token=token)


def test_the_server_withholds_the_value_from_people_and_gives_it_to_the_workload(approved):
    approved.ready()
    person = login(approved, approved.lane.role_of(approved.people), "ada", approved.people.people)
    answer = read(approved, person)
    assert answer["data"] is None
    assert answer["wrap_info"]["ttl"] == 60
    account = approved.lane.readers[0]
    body = {"role": approved.lane.role_of(account), "jwt": approved.server.mint(str(account.workload))}
    pod = approved.server.must("POST", "auth/kubernetes/login", body, token=None)["auth"]["client_token"]
    assert read(approved, pod)["data"]["data"] == {"API_KEY": approved.value}


def test_a_member_of_the_group_that_apply_made_approves(approved):
    approved.ready()
    person = login(approved, approved.lane.role_of(approved.people), "ada", approved.people.people)
    wrapped = read(approved, person)["wrap_info"]
    member = login(approved, f"approve-{approved.group}", "bob", approved.group)
    body = {"accessor": wrapped["accessor"]}
    answer = approved.server.must("POST", "sys/control-group/authorize", body, token=member)
    assert answer["data"] == {"approved": True}
    unwrapped = approved.server.must("POST", "sys/wrapping/unwrap", {}, token=wrapped["token"])
    assert unwrapped["data"]["data"] == {"API_KEY": approved.value}
    assert approved.server.call("GET", VALUE_PATH.format(approved.path), token=member)[0] == 403


def test_applied_again_there_is_nothing_to_do_and_drift_is_mended(approved):
    assert approved.apply().changed
    assert approved.plan().to_change == ()
    group = f"identity/group/name/{approved.group}"
    found = approved.server.must("GET", group)["data"]
    approved.server.must("DELETE", f"identity/group-alias/id/{found['alias']['id']}")
    approved.server.must("POST", group, {"policies": ["admin"]})
    policy = approved.lane.policy_of(approved.people)
    open_text = approved.vault("admin").policy(policy).replace("approvals = 1", "approvals = 9")
    approved.vault("admin").write_policy(policy, open_text)
    assert {each.kind for each in approved.plan().to_change} == {"group", "policy"}
    approved.apply()
    assert approved.plan().to_change == ()
    assert approved.server.must("GET", group)["data"]["alias"]["name"] == approved.group


def test_without_the_approval_its_objects_go_and_people_read_at_once(approved):
    approved.ready()
    former = [f"sys/policies/acl/{name}" for name in approved.lane.policy_names[1:]]
    former += [f"auth/netkingdom/role/approve-{approved.group}", f"identity/group/name/{approved.group}"]
    assert [approved.server.call("GET", path)[0] for path in former] == [200] * 4
    approved.change(readers=(approved.lane.readers[0], msgspec.structs.replace(approved.people, approval=None)))
    approved.apply()
    assert [approved.server.call("GET", path)[0] for path in former] == [404] * 4
    assert approved.plan().to_change == ()
    person = login(approved, approved.lane.role_of(approved.lane.readers[1]), "ada", approved.people.people)
    assert read(approved, person)["data"]["data"] == {"API_KEY": approved.value}


def test_a_group_that_is_there_is_used_and_left_alone(approved):
    approved.server.must("POST", f"identity/group/name/{approved.group}", {"type": "internal"})
    approved.apply()
    plan = approved.plan()
    assert [(note.name, note.external) for note in plan.notes] == [(approved.group, False)]
    approved.change(readers=approved.lane.readers[:1])
    approved.apply()
    assert approved.server.call("GET", f"identity/group/name/{approved.group}")[0] == 200


def test_an_alias_that_another_group_has_stops_apply_before_anything_is_changed(approved):
    server = approved.server
    accessor = server.must("GET", "sys/auth")["data"]["netkingdom/"]["accessor"]
    theirs = server.must("POST", f"identity/group/name/{approved.group}-theirs", {"type": "external"})["data"]["id"]
    alias = {"name": approved.group, "mount_accessor": accessor, "canonical_id": theirs}
    server.must("POST", "identity/group-alias", alias)
    with pytest.raises(Foreign):
        approved.apply()
    assert server.call("GET", approved.policy)[0] == 404


def test_policies_of_a_lane_whose_file_is_gone_are_orphans_with_the_role_of_its_approvers(approved):
    approved.apply()
    lane = approved.lane
    context = msgspec.structs.replace(approved.context("admin"), lanes={})
    found = [each for each in orphans(context).policies if each.lane == lane.id]
    assert len(found) == len(lane.policy_names)  # a name of random letters may be redacted
    roles = {role for each in found for role in (*each.roles, *each.shared)}
    assert {(role.mount, role.name) for role in roles if role.mount == "netkingdom"} >= {
        ("netkingdom", lane.role_of(approved.people))
    }
    assert len(roles) == len(lane.readers) + len(lane.approvers)
