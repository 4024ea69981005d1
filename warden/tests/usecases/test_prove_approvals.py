"""What `prove` says of readers who need an approval, on the real OpenBao: decided for everybody, shown by a member."""

import msgspec
import pytest

from warden.adapters.openbao.client import OpenBao
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.lanes.approval import Approval
from warden.core.lanes.lane import PeopleReader
from warden.core.proofs.approval_details import SelfApproval, Unwrapped
from warden.present.details import describe_detail
from warden.usecases.steps.concurrency import at_once

PEOPLE = PeopleReader(
    people="publishers", login="netkingdom", ttl=3600, approval=Approval(group="leads", approvals=1, ttl=600)
)


@pytest.fixture
def approved(bench):
    """A sound lane whose people need an approval."""
    role = f"{bench.lane.id}-people"
    bench.change(readers=(*bench.lane.readers, msgspec.structs.replace(PEOPLE, role=role)))
    bench.people = bench.lane.readers[1]
    bench.snapshots = lambda part: SnapshotReader(bench.vault(part), at_once)
    bench.ready()
    yield bench
    for lane_role in (*bench.lane.readers, *bench.lane.approvers):
        bench.vault("admin").delete_role(bench.lane.role_name(lane_role))


def login(bench, role, name, *groups):
    body = {"role": role, "jwt": bench.server.person_jwt(name, groups)}
    return bench.server.must("POST", "auth/netkingdom/login", body, token=None)["auth"]["client_token"]


def member(bench, name="ada"):
    return bench.server.vault(login(bench, bench.people.role, name, "publishers"))


def shown(proof):
    return [(each.result, each.probe, each.reader, each.subject) for each in proof.verdicts if each.result != "ok"]


def as_member(bench, **how):
    return bench.prove(vaults=lambda: member(bench), run=f"wp-{bench.lane.id}-member", **how)


def by_id(proof):
    return {each.probe: each for each in proof.verdicts if each.reader in {"", PEOPLE.label}}


def test_it_is_decided_from_the_policies_that_every_read_waits(approved):
    proof = approved.prove()
    assert [each[:2] for each in shown(proof)] == [("inconclusive", "member")], shown(proof)
    verdict = by_id(proof)["approval"]
    assert (verdict.result, verdict.subject) == ("ok", "1 of leads")
    assert [rule.policy for rule in verdict.detail.rules] == [approved.lane.policy_of(approved.people)]
    assert by_id(proof)["capabilities"].result == "ok"
    assert by_id(proof)["approvers"].result == "ok"


def test_a_member_shows_that_nothing_comes_without_an_approval_nor_with_its_own(approved):
    mine = as_member(approved)
    assert (mine.scope, mine.state) == ("member", "proven"), shown(mine)
    unapproved, own = mine.verdicts
    assert (unapproved.probe, unapproved.status, unapproved.detail) == ("unapproved", 200, Unwrapped(400))
    assert (own.probe, own.status) == ("self-approved", 403)
    assert describe_detail(own.detail).startswith("OpenBao answered 403: ")
    assert all(each.audit for each in mine.verdicts)
    assert waiting(approved) == []
    proof = approved.prove(run=f"wp-{approved.lane.id}-next")
    assert proof.state == "proven", shown(proof)


def waiting(bench):
    """The requests that OpenBao has, of any lane: the administrator may list every accessor."""
    accessors = bench.server.must("LIST", "auth/token/accessors")["data"]["keys"]
    states = (bench.server.call("POST", "sys/control-group/request", {"accessor": each}) for each in accessors)
    return [body["data"]["request_path"] for status, body in states if status == 200]


def test_in_the_group_and_with_the_right_to_approve_the_server_still_refuses_ones_own(approved):
    """The entity has the approvers' policy besides, so it is not for want of a right."""
    name = "zoe"
    token = login(approved, f"approve-{PEOPLE.approval.group}", name, "leads")
    entity = approved.server.must("GET", "auth/token/lookup-self", token=token)["data"]["entity_id"]
    own = approved.lane.policy_names[-1]
    approved.server.must("POST", f"identity/entity/id/{entity}", {"policies": [own]})
    reader = f"auth/netkingdom/role/{approved.people.role}"
    role = approved.server.must("GET", reader)["data"]
    approved.server.must("POST", reader, {**role, "groups_claim": "groups"})
    vault = approved.server.vault(login(approved, approved.people.role, name, "publishers", "leads"))
    mine = approved.prove(vaults=lambda: vault, run=f"wp-{approved.lane.id}-own")
    own = by_id(mine)["self-approved"]
    assert (own.result, own.status) == ("ok", 500)
    assert "token owner cannot be approver" in own.detail.reply
    assert waiting(approved) == []


def test_another_policy_that_reads_the_path_is_found_by_both(approved):
    """It comes first in the alphabet, so nothing is withheld."""
    path = f"{approved.lane.custody.mount}/data/{approved.path}"
    approved.server.must("PUT", "sys/policies/acl/a-policy", {"policy": f'path "{path}" {{ capabilities = ["read"] }}'})
    reader = f"auth/netkingdom/role/{approved.people.role}"
    role = approved.server.must("GET", reader)["data"]
    approved.server.must("POST", reader, {**role, "token_policies": [*role["token_policies"], "a-policy"]})
    mine = as_member(approved)
    assert by_id(mine)["unapproved"].result == "wrong"
    assert by_id(mine)["self-approved"].result == "inconclusive"
    assert waiting(approved) == []
    verdict = by_id(approved.prove(run=f"wp-{approved.lane.id}-next"))["approval"]
    assert (verdict.result, verdict.observed) == ("wrong", "by-others")
    assert verdict.remedy[0].name == "a-policy"


def test_another_policy_with_a_control_group_is_not_the_lanes(approved):
    """It comes last in the alphabet; which control group counts is a matter of names, so it has to go."""
    path = f"{approved.lane.custody.mount}/data/{approved.path}"
    text = approved.vault("admin").policy(approved.lane.policy_of(approved.people))
    assert path in text
    approved.vault("admin").write_policy("z-policy", text.replace('["leads"]', '["anybody"]'))
    reader = f"auth/netkingdom/role/{approved.people.role}"
    role = approved.server.must("GET", reader)["data"]
    approved.server.must("POST", reader, {**role, "token_policies": [*role["token_policies"], "z-policy"]})
    mine = as_member(approved)
    assert (by_id(mine)["unapproved"].result, by_id(mine)["unapproved"].observed) == ("wrong", "by-others")
    assert by_id(approved.prove(run=f"wp-{approved.lane.id}-next"))["approval"].result == "wrong"
    approved.vault("admin").delete_policy("z-policy")


def test_a_policy_that_lets_one_approve_oneself_is_drift_and_refuted_live(approved):
    name = approved.lane.policy_of(approved.people)
    text = approved.vault("admin").policy(name)
    approved.vault("admin").write_policy(
        name, text.replace('ttl = "600s"', 'ttl = "600s"\n    self_auth_allowed = true')
    )
    token = login(approved, f"approve-{PEOPLE.approval.group}", "kim", "leads")
    entity = approved.server.must("GET", "auth/token/lookup-self", token=token)["data"]["entity_id"]
    approved.server.must("POST", f"identity/entity/id/{entity}", {"policies": [approved.lane.policy_names[-1]]})
    reader = f"auth/netkingdom/role/{approved.people.role}"
    role = approved.server.must("GET", reader)["data"]
    approved.server.must("POST", reader, {**role, "groups_claim": "groups"})
    vault = approved.server.vault(login(approved, approved.people.role, "kim", "publishers", "leads"))
    mine = approved.prove(vaults=lambda: vault, run=f"wp-{approved.lane.id}-own")
    own = by_id(mine)["self-approved"]
    assert (own.result, own.detail) == ("wrong", SelfApproval(200, ""))
    assert waiting(approved) == []
    assert by_id(approved.prove(run=f"wp-{approved.lane.id}-next"))["policy"].result == "ok"  # of the plain one
    policies = [each for each in approved.prove(run=f"wp-{approved.lane.id}-x").verdicts if each.probe == "policy"]
    assert [each.result for each in policies].count("wrong") == 1


class Silent(OpenBao):
    """The real server; it does not say how a request stands."""

    def send(self, request):
        answer = super().send(request)
        if request.path == "sys/control-group/request":
            return msgspec.structs.replace(answer, status=502, body={}, is_page=True)
        return answer


def test_what_openbao_does_not_say_is_neither(approved):
    vault = member(approved)
    silent = Silent(vault.endpoint, vault._token)
    mine = approved.prove(vaults=lambda: silent, run=f"wp-{approved.lane.id}-member")
    assert [each.result for each in mine.verdicts] == ["inconclusive", "inconclusive"]
    assert waiting(approved) == []
