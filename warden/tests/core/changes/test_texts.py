"""What is signed, as text: the same in every run, a line for each field, and different for everything different."""

import base64
import datetime as dt

import msgspec
import pytest
from signers import DECISION as UNSIGNED

from warden.core.changes.approval import Approval
from warden.core.changes.plan_lines import lines_of_system, plan_lines, sign_of
from warden.core.changes.protection import protections, read_mark
from warden.core.changes.request import (
    ChangeRequest,
    FrontDoor,
    RequestedAccess,
    RequestedPlan,
    RequestTarget,
)
from warden.core.changes.rules import of_request
from warden.core.changes.scope import difference, digest_of
from warden.core.changes.statement import armoured, read_signature, statement, without_armour
from warden.core.lanes.lane import Protected, RoleName
from warden.core.plans.plan import Change, Difference, NotMarked, Plan, System

OPENBAO = System(address="https://bao.example:8200")
POLICY = 'path "platform/data/x" {\n  capabilities = ["read"]\n}\n'
ROLE = Change(
    action="change",
    kind="role",
    name="auth/kubernetes/role/x",
    role=RoleName("kubernetes", "x"),
    differences=(Difference("token_policies", ["b", "a"], ["c", "a", "b"]), Difference("audience", None, "openbao")),
)


def plan(*changes: Change, cluster: str = "") -> Plan:
    system = System(address="https://c1", cluster=cluster) if cluster else OPENBAO
    return Plan(lane="a-lane", system=system, changes=changes)


def test_each_line_names_target_object_and_field():
    create = Change(action="create", kind="policy", name="read-x", differences=(Difference("", None, POLICY),))
    store = Change(action="delete", kind="SecretStore", name="store", namespace="team")
    kept = Change(action="keep", kind="mount", name="platform")
    assert plan_lines([plan(store, cluster="c1"), plan(kept, create, ROLE)]) == (
        "openbao: create policy read-x",
        'openbao: create policy read-x + path "platform/data/x" {',
        'openbao: create policy read-x +   capabilities = ["read"]',
        "openbao: create policy read-x + }",
        "openbao: change role auth/kubernetes/role/x",
        'openbao: change role auth/kubernetes/role/x token_policies: ["a", "b"] -> ["a", "b", "c"]',
        'openbao: change role auth/kubernetes/role/x audience: "openbao"',
        "cluster c1: delete SecretStore team/store",
    )


def test_a_policy_that_differs_by_one_word_has_both_lines():
    other = POLICY.replace("read", "list")
    change = Change(action="change", kind="policy", name="read-x", differences=(Difference("", other, POLICY),))
    lines = plan_lines([plan(change)])
    assert 'openbao: change policy read-x -   capabilities = ["list"]' in lines
    assert 'openbao: change policy read-x +   capabilities = ["read"]' in lines


def test_the_order_of_a_set_is_not_a_difference():
    turned = msgspec.structs.replace(
        ROLE, differences=(Difference("token_policies", ["a", "b"], ["b", "c", "a"]), ROLE.differences[1])
    )
    assert plan_lines([plan(ROLE)]) == plan_lines([plan(turned)])


def test_taking_over_is_a_part_of_what_is_approved():
    taken = msgspec.structs.replace(ROLE, obstacle=NotMarked())
    assert plan_lines([plan(taken)])[0].endswith(" (taken over: not-marked)")


@pytest.mark.parametrize(
    ("one", "other"), [("a  b", "a b"), ("a\tb", "a b"), ("é", "e"), ("a\\tb", "a\tb"), ("\\u00e9", "é")]
)
def test_texts_that_differ_have_lines_that_differ(one, other):
    made = [
        plan_lines([plan(Change(action="change", kind="policy", name="p", differences=(Difference("", None, each),)))])
        for each in (one, other)
    ]
    assert made[0] != made[1]
    assert all(line.isprintable() and line.isascii() for lines in made for line in lines)


def test_a_long_field_stands_as_its_hash():
    long = Change(action="create", kind="SecretStore", name="s", differences=(Difference("ca", None, "x" * 2000),))
    (_, line) = plan_lines([plan(long, cluster="c1")])
    assert "sha256:" in line
    assert len(line) < 200


def test_the_lines_of_a_target_are_its_own():
    lines = ("openbao: create policy p", "cluster c1: create X a/b", "cluster c11: create X a/b")
    assert lines_of_system(lines, System(address="", cluster="c1")) == lines[1:2]
    assert lines_of_system(lines, OPENBAO) == lines[:1]


@pytest.mark.parametrize(("begun", "fewer"), [(False, False), (True, True)])
def test_an_approval_covers_its_plan_and_what_is_left_of_it_only_once_it_was_begun(request_of, begun, fewer):
    lines = plan_lines([plan(ROLE)])
    approval = Approval(request=request_of(*lines), digest="", approvers=(), begun=begun)
    part = msgspec.structs.replace(ROLE, differences=ROLE.differences[:1])
    more = msgspec.structs.replace(ROLE, differences=(*ROLE.differences, Difference("ttl", 1, 2)))
    assert approval.covers(plan(ROLE))
    assert not approval.covers(plan(part))
    assert approval.covers(plan()) == fewer
    assert not approval.covers(plan(more))
    assert not approval.covers(plan(ROLE, cluster="c1"))


@pytest.mark.parametrize("left_out", ["control_group", "required_parameters"])
def test_what_is_left_of_an_application_is_whole_objects_no_policy_without_its_condition(request_of, left_out):
    text = 'path "a" {\n  capabilities = ["read"]\n  control_group = 1\n  required_parameters = 1\n}\n'
    policy = Change(action="create", kind="policy", name="p", differences=(Difference("", None, text),))
    fewer = "".join(line for line in text.splitlines(keepends=True) if left_out not in line)
    wider = msgspec.structs.replace(policy, differences=(Difference("", None, fewer),))
    approval = Approval(request=request_of(*plan_lines([plan(policy, ROLE)])), digest="", approvers=(), begun=True)
    assert approval.covers(plan(policy))
    assert approval.covers(plan(ROLE))
    assert not approval.covers(plan(wider))
    assert not approval.covers(plan(wider, ROLE))


@pytest.mark.parametrize("begun", [False, True])
def test_a_policy_whose_paths_have_each_others_capabilities_is_not_the_approved_one(request_of, begun):
    text = 'path "a" {\n  capabilities = ["read"]\n}\npath "b" {\n  capabilities = ["deny"]\n}\n'
    turned = text.replace("read", "-").replace("deny", "read").replace('"-"', '"deny"')
    policy = Change(action="create", kind="policy", name="p", differences=(Difference("", None, text),))
    other = msgspec.structs.replace(policy, differences=(Difference("", None, turned),))
    approval = Approval(request=request_of(*plan_lines([plan(policy)])), digest="", approvers=(), begun=begun)
    assert sorted(plan_lines([plan(other)])) == sorted(plan_lines([plan(policy)]))
    assert approval.covers(plan(policy))
    assert not approval.covers(plan(other))


@pytest.fixture
def request_of():
    def make(*lines: str) -> ChangeRequest:
        return ChangeRequest(
            id="CCR-2026-0001",
            request_type="widen",
            title="t",
            status="approved",
            target=RequestTarget(tenant="t", workload="w", purpose="p"),
            openbao=RequestedAccess(path="a/b/c", fields=("K",), policy="p"),
            front_door=FrontDoor(catalog_id="gone"),
            plan=RequestedPlan(changes=lines),
        )

    return make


def test_signs_are_those_of_a_plan():
    lines = ("openbao: create policy p", "cluster c1: change X a/b", "openbao: delete role r", "anything")
    assert [*map(sign_of, lines)] == ["+", "~", "-", " "]


def test_a_digest_depends_on_every_line_and_where_it_ends():
    assert digest_of(["ab", "c"]) != digest_of(["a", "bc"]) != digest_of(["a", "bc", ""])
    assert digest_of([]) == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_difference_has_both_sides_in_order():
    found = difference(["a", "b", "c"], ["a", "x", "c", "y"])
    assert (found.removed, found.added) == (("b",), ("x", "y"))
    assert not difference(["a"], ["a"])


DECISION = msgspec.structs.replace(UNSIGNED, comment='said "yes"\nby: "mallory"')


def test_the_statement_has_a_line_for_each_thing_that_is_signed():
    assert statement(DECISION).decode() == (
        "ops-warden decision v1\n"
        'request: "CCR-2026-0004"\ndecision: "approve"\ndigest: "sha256:ab"\nby: "bob"\n'
        'at: "2026-11-30T10:00:00Z"\nexpires: "2026-12-14T10:00:00Z"\ncomment: "said \\"yes\\"\\nby: \\"mallory\\""\n'
    )


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("decision", "deny"),
        ("request", "CCR-2026-0005"),
        ("by", "carol"),
        ("at", dt.datetime(2026, 11, 30, 11, tzinfo=dt.UTC)),
        ("expires", dt.datetime(2027, 12, 14, 10, tzinfo=dt.UTC)),
        ("comment", "no"),
        ("digest", "sha256:cd"),
    ],
)
def test_whatever_a_decision_means_is_signed(field, other):
    assert statement(DECISION) != statement(msgspec.structs.replace(DECISION, **{field: other}))


@pytest.mark.parametrize("text", ["", "x", "U1NIU0lH", "U1NIU0lHAAAAAQAAADM=", "é", "U1NIU0lHAAAAAf////8="])
def test_what_is_not_a_signature_is_none(text):
    assert read_signature(text) is None


def test_a_signature_is_read_once_its_namespace_is_whole_and_nothing_strange_is_in_it():
    def wire(*parts):
        return b"".join(len(part).to_bytes(4) + part for part in parts)

    blob = b"SSHSIG" + (1).to_bytes(4) + wire(wire(b"ssh-ed25519", b"k" * 32), b"warden-change")
    texts = [base64.b64encode(blob[:end]).decode() for end in range(len(blob) + 1)]
    assert read_signature(texts[-1]).namespace == "warden-change"
    assert set(map(read_signature, texts[:-1])) == {None}
    assert read_signature(f"{texts[-1][:8]}\n{texts[-1][8:]}") is None


def test_the_armour_comes_off_and_on():
    text = "U1NIU0lH" + "A" * 200
    assert without_armour(armoured(text)) == text
    assert max(map(len, armoured(text).splitlines())) == 70


@pytest.mark.parametrize(
    ("mark", "found"),
    [
        ("2 of alice, bob", Protected(approvers=("alice", "bob"), approvals=2)),
        ("1 of a@b.example", Protected(approvers=("a@b.example",), approvals=1)),
        *[(mark, None) for mark in ("", "0 of a", "all", "2 of", "2 of a,b", "2 of a, ", "-1 of a", "2 of a b")],
    ],
)
def test_a_mark_is_read_or_is_not(mark, found):
    assert read_mark(mark) == found


def test_what_openbao_knows_counts_beside_what_the_file_says(bench_lane):
    two = Protected(approvers=("alice", "bob"), approvals=2)
    protected = msgspec.structs.replace(bench_lane, protected=two)
    assert protections(bench_lane, None) == ()
    assert [each.marked for each in protections(protected, None)] == [False]
    assert [each.marked for each in protections(protected, two.mark)] == [False]
    assert [each.marked for each in protections(bench_lane, two.mark)] == [True]
    assert [each.marked for each in protections(protected, "1 of alice")] == [False, True]


@pytest.fixture
def bench_lane():
    from pathlib import Path

    from warden.adapters.catalog.files import load_catalog

    return load_catalog(str(Path(__file__).parents[4] / "platform")).lane("openrouter-llm-connect")


def test_rules_of_a_file_are_told_by_field(request_of):
    request = msgspec.structs.replace(request_of(), id="CCR-26-1")
    fields = {field: warning for field, _, warning in of_request(request, "CCR-2026-0001", {"there"})}
    assert fields == {"id": False, "front_door.catalog_id": True, "plan.changes": False, "status": False}
    decided = msgspec.structs.replace(request, id="CCR-2026-0001", status="draft", decisions=(DECISION,))
    fields = [field for field, _, _ in of_request(decided, "CCR-2026-0001", {"gone"})]
    assert fields == ["plan.changes", "decisions[0].request", "decisions[0].digest", "decisions[0].signature"]
    earlier = msgspec.structs.replace(decided, origin="earlier-system")
    assert "decisions" in [field for field, _, _ in of_request(earlier, "CCR-2026-0001", {"gone"})]
