"""What a lane implies on OpenBao: names, marks and the fields of its roles, without a server."""

import pytest

from warden.core.errors import UsageError
from warden.core.lanes.lane import Custody, LoginMount, PeopleReader, RoleName, Workload, WorkloadReader
from warden.core.openbao.resources import (
    Role,
    Settings,
    derive,
    expect_concrete,
    lane_marked_in,
    policy_text,
    role_fields,
    roles_marked_in,
    roles_of,
)

ACCOUNT = WorkloadReader(workload=Workload("tenant", "api"), audience="bao", ttl=600)
PEOPLE = PeopleReader(people="publishers", login="corp", role="publish")


def fields(reader, auth_type, **login):
    role = Role(name=RoleName(reader.mount, "r"), reader=reader, policies=("p",))
    return role_fields(role, auth_type, Settings({reader.mount: LoginMount(**login)}))


TOKEN = {"token_policies": ["p"], "token_ttl": 600, "token_max_ttl": 600}


def test_a_workloads_role_binds_account_namespace_and_audience_whatever_the_mounts_type():
    assert fields(ACCOUNT, "kubernetes") == TOKEN | {
        "bound_service_account_names": ["api"],
        "bound_service_account_namespaces": ["tenant"],
        "audience": "bao",
        "alias_name_source": "serviceaccount_uid",
    }
    assert fields(ACCOUNT, "jwt") == TOKEN | {
        "role_type": "jwt",
        "bound_audiences": ["bao"],
        "bound_subject": "system:serviceaccount:tenant:api",
        "user_claim": "sub",
    }


def test_peoples_role_binds_their_group_in_the_claim_that_the_login_mount_names():
    usual = {"token_policies": ["p"], "token_ttl": 900, "token_max_ttl": 900}
    login = {"user_claim": "email", "groups_claim": "teams", "audience": "warden", "redirect_uris": ("b", "a")}
    assert fields(PEOPLE, "jwt", **login) == usual | {
        "role_type": "jwt",
        "bound_claims": {"teams": ["publishers"]},
        "user_claim": "email",
        "bound_audiences": ["warden"],
    }
    assert fields(PEOPLE, "oidc", **login, scopes=("teams", "email"), callback="direct") == usual | {
        "role_type": "oidc",
        "bound_claims": {"teams": ["publishers"]},
        "user_claim": "email",
        "allowed_redirect_uris": ["a", "b"],
        "oidc_scopes": ["email", "teams"],
        "callback_mode": "direct",
    }


def test_a_policy_is_ours_only_by_its_first_line(lane_of):
    text = policy_text(lane_of("mine"))
    assert lane_marked_in(text) == "mine"
    assert lane_marked_in(f"# theirs\n{text}") is None
    assert lane_marked_in('path "theirs" { capabilities = ["read"] }') is None


def test_the_marks_name_every_owner_the_policy_and_the_roles_and_are_read_back(lane_of):
    lane = lane_of("mine", readers=(ACCOUNT, WorkloadReader(workload=Workload("tenant", "b"), mount="k8s/eu")))
    found = derive(lane, [lane]).marks
    assert found == {
        "catalog-id": "mine",
        "owner-custody": "platform-team",
        "owner-consumer": "app-team",
        "owner-runtime": "run-team",
        "policy": "workload-kv-read-mine-secrets",
        "auth/kubernetes/role/workload-tenant-api": "tenant/api",
        "auth/k8s/eu/role/workload-tenant-b": "tenant/b (k8s/eu)",
    }
    assert roles_marked_in(found) == {
        RoleName("kubernetes", "workload-tenant-api"),
        RoleName("k8s/eu", "workload-tenant-b"),
    }
    assert roles_marked_in({"auth/role/x": "", "author/a/role/b": "", "team": "theirs"}) == frozenset()


def test_a_shared_role_holds_the_policies_of_open_lanes_with_a_concrete_path_only(lane_of):
    lanes = [lane_of(name, readers=(ACCOUNT,)) for name in ("a", "b", "c")]
    lanes.append(lane_of("d", readers=(ACCOUNT,), custody=Custody(path="platform/<tenant>/d/d", fields=("K",))))
    (role,) = roles_of(reversed(lanes), frozenset({"b"})).values()
    assert role.policies == ("workload-kv-read-a-secrets", "workload-kv-read-c-secrets")


def test_a_placeholder_is_no_path(lane_of):
    expect_concrete(lane_of())
    with pytest.raises(UsageError, match="placeholder"):
        expect_concrete(lane_of(custody=Custody(path="platform/<tenant>/d/d", fields=("K",))))
