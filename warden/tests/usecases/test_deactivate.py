"""Closing holds for everyone, at once, and also when it is cut short; opening is recorded last."""

import msgspec
import pytest

from warden.adapters.identities import ByMount
from warden.adapters.openbao.audit_log import AuditFiles
from warden.adapters.openbao.snapshot_reader import SnapshotReader
from warden.core.errors import Closed, Exit, Foreign, JournalUnwritable, NotNow, Refused, UsageError
from warden.core.lanes.lane import Custody, PeopleReader, Workload, WorkloadReader
from warden.core.openbao.api import jwt_login
from warden.core.secret import Secret
from warden.usecases.deactivate import deactivate, record_closing
from warden.usecases.reactivate import ClosedAgain, NewValueNeeded, NotClosed, StaysClosed
from warden.usecases.steps.closing_lane import ClosedInJournalOnly
from warden.usecases.steps.concurrency import at_once


def close(bench, reason="tenant left", **how):
    return bench.close(reason, **how)


def closings(bench):
    return [each for each in bench.journal.log() if each.event == "lane.closed"]


def reader(bench):
    jwt = Secret(bench.server.mint(str(bench.lane.readers[0].workload)))
    return bench.vault().enter(jwt_login("kubernetes", bench.lane.role_of(bench.lane.readers[0]), jwt))


def reads(bench, token):
    return bench.server.call("GET", f"platform/data/{bench.path}", token=token.reveal())[0]


def test_tokens_that_were_given_out_before_lose_their_access_at_once(bench):
    bench.ready()
    before = reader(bench)
    assert reads(bench, before.token) == 200
    done = close(bench)
    assert [change.kind for change in done.receipt.changed] == ["role", "policy", "metadata"]
    assert reads(bench, before.token) == 403
    assert reads(bench, reader(bench).token) == 403
    assert bench.journal.state(bench.lane.id).closed.body["reason"] == "tenant left"


@pytest.mark.parametrize(
    ("reason", "said", "leaked"),
    [
        ("seen in a log", None, True),
        ("INC-7", None, False),
        ("INC-7", True, True),
        ("no leak, tenant left", False, False),
    ],
)
def test_whether_the_value_is_known_to_others_is_recorded_and_can_be_said(bench, reason, said, leaked):
    bench.ready()
    done = close(bench, reason, leaked=said)
    assert bench.journal.state(bench.lane.id).closed.body["leaked"] is leaked
    assert [each.command for each in done.reopening] == ["put", "reactivate"][not leaked :]
    before = len(closings(bench))
    close(bench, reason)  # finished again, by the command that status shows: what was said holds
    assert len(closings(bench)) == before
    close(bench, reason, leaked=not leaked)
    assert bench.journal.state(bench.lane.id).closed.body["leaked"] is not leaked


def test_the_value_and_its_metadata_stay(bench):
    bench.ready()
    close(bench)
    assert bench.vault("admin").read("platform", bench.path)[1]["API_KEY"].reveal() == bench.value
    assert bench.vault().kv_metadata("platform", bench.path).custom["catalog-id"] == bench.lane.id


def test_closing_again_changes_nothing_and_opening_makes_it_as_declared(bench):
    bench.ready()
    close(bench)
    assert close(bench).receipt.changed == ()
    number = bench.reopen().record
    assert bench.journal.log()[-1].seq == number
    assert bench.journal.state(bench.lane.id).closed is None
    assert reads(bench, reader(bench).token) == 200
    assert bench.prove().state == "proven"


def test_an_open_lane_is_not_opened(bench):
    with pytest.raises(NotNow) as refusal:
        bench.reopen()
    assert refusal.value.problem == NotClosed(bench.lane.id)


def test_closing_what_was_never_applied_makes_nothing_but_the_mark(bench):
    _, _, _, policy, role = bench.snapshot()
    (change,) = close(bench).receipt.changed
    assert (change.action, change.kind) == ("create", "metadata")
    data, metadata, _, *after = bench.snapshot()
    assert (data, after) == (None, [policy, role])
    assert metadata["current_version"] == 0
    assert bench.journal.state(bench.lane.id).closed is not None


def test_the_other_lanes_of_the_same_reader_stay_open(bench):
    bench.ready()
    second = msgspec.structs.replace(bench.make(f"{bench.lane.id}-b"), readers=bench.lane.readers)
    bench.lanes.append(second)
    bench.apply(lane=second)
    close(bench)
    policies = bench.vault("admin").role(bench.lane.role_name(bench.lane.readers[0]))["token_policies"]
    assert policies == [second.custody.policy_name]


def test_a_foreign_policy_is_left_and_the_journal_refuses_all_the_same(bench):
    bench.ready()
    bench.server.must(
        "PUT", bench.policy, {"policy": f'path "platform/data/{bench.path}" {{ capabilities = ["read"] }}'}
    )
    with pytest.raises(Foreign):
        close(bench)
    assert bench.journal.state(bench.lane.id).closed is not None
    close(bench, take_over=True)
    assert bench.vault("admin").policy(bench.lane.custody.policy_name) is None


def test_without_rights_it_is_closed_in_the_journal_only_and_says_so(bench):
    bench.ready()

    with pytest.raises(Refused) as refusal:
        deactivate(bench.lane, "tenant left", bench.context("developer"))
    assert refusal.value.effect == ClosedInJournalOnly(bench.lane.id)
    assert bench.journal.state(bench.lane.id).closed is not None


def test_without_a_journal_nothing_is_closed(bench):
    bench.ready()
    before = bench.snapshot()
    bench.journal = type(bench.journal)("/proc/no-such-place/journal.db")
    with pytest.raises(JournalUnwritable):
        close(bench)
    assert bench.snapshot() == before


def test_a_closed_lane_is_not_probed(bench):
    bench.ready()
    close(bench)
    with pytest.raises(Closed) as refusal:
        bench.prove()
    assert refusal.value.subject == bench.lane.id
    assert not any(record.event == "probe.begin" for record in bench.journal.log())


def test_what_the_file_no_longer_declares_is_closed_as_well(bench):
    """A policy renamed and a reader taken out, and never applied: the lane is open by what the server still has."""
    gone = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-second"))
    bench.change(readers=(gone, *bench.lane.readers))
    bench.ready()
    earlier = reader(bench)
    policy = bench.lane.custody.policy_name
    custody = msgspec.structs.replace(bench.lane.custody, policy=f"{policy}-new")
    bench.change(readers=bench.lane.readers[1:], custody=custody)
    close(bench)
    assert reads(bench, earlier.token) == 403
    assert bench.vault("admin").policy(policy) is None
    assert bench.vault("admin").role(bench.lane.role_name(gone)) is None
    assert close(bench).receipt.changed == ()


def test_what_a_lane_had_at_an_earlier_path_is_closed_as_well(bench):
    gone = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-second"))
    bench.change(readers=(*bench.lane.readers, gone))
    bench.ready()
    path, policy = bench.path, bench.lane.custody.policy_name
    moved = Custody(path=f"platform/moved/{bench.lane.id}", fields=("API_KEY",))
    bench.change(readers=bench.lane.readers[:1], custody=moved)
    earlier = reader(bench)
    assert close(bench).receipt.former_paths == (("platform", path),)
    assert bench.server.call("GET", f"platform/data/{path}", token=earlier.token.reveal())[0] == 403
    assert bench.vault("admin").policy(policy) is None
    assert bench.vault("admin").role(bench.lane.role_name(gone)) is None


def test_a_foreign_role_that_has_nothing_of_the_lane_keeps_nobody_from_closing(bench):
    bench.ready()
    theirs = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-theirs"))
    bench.change(readers=(*bench.lane.readers, theirs))
    bench.server.must(
        "POST",
        f"auth/kubernetes/role/{bench.lane.role_of(theirs)}",
        {"role_type": "jwt", "user_claim": "sub", "bound_subject": "x", "token_policies": ["default"]},
    )
    earlier = reader(bench)
    close(bench)
    assert reads(bench, earlier.token) == 403
    assert bench.vault("admin").role(bench.lane.role_name(theirs))["bound_subject"] == "x"


def test_closing_again_for_another_reason_has_that_reason_in_the_journal(bench):
    bench.ready()
    close(bench)
    first = bench.journal.state(bench.lane.id).closed
    close(bench)
    assert bench.journal.state(bench.lane.id).closed == first
    close(bench, "INC-9")
    assert bench.journal.state(bench.lane.id).closed.body["reason"] == "INC-9"


def test_a_closing_that_comes_while_the_lane_is_opened_wins(bench):
    bench.ready()
    close(bench)

    context = bench.context()

    class ClosedMeanwhile(type(context.vault)):
        def identity(self):
            record_closing(bench.lane.id, "INC-9", "", bench.journal)
            return super().identity()

    context.vault.__class__ = ClosedMeanwhile
    with pytest.raises(NotNow) as refusal:
        bench.reopen(context=context)
    closed = bench.journal.state(bench.lane.id).closed
    assert refusal.value.problem == ClosedAgain(bench.lane.id, "INC-9", closed.seq)
    assert bench.journal.state(bench.lane.id).closed.body["reason"] == "INC-9"
    close(bench)
    assert bench.vault("admin").policy(bench.lane.custody.policy_name) is None


# -- tokens, former readers, opening ----------------------------------------------------------------------------------


def with_snapshots(bench):
    """The reader of live tokens is there, as for the command."""
    bench.snapshots = lambda part: SnapshotReader(bench.vault(part), at_once)
    return bench


def alive(bench, accessor):
    return bench.server.call("POST", "auth/token/lookup-accessor", {"accessor": accessor})[0] == 200


def end(bench, token):
    """So that on the shared server nobody has it when another test looks who can do what."""
    bench.server.must("POST", "auth/token/revoke-accessor", {"accessor": token["accessor"]})


def test_live_tokens_of_its_readers_are_revoked_and_no_others(bench):
    with_snapshots(bench).ready()
    second = msgspec.structs.replace(bench.make(f"{bench.lane.id}-b"))
    bench.lanes.append(second)
    bench.apply(lane=second)
    mine = reader(bench)
    other_jwt = Secret(bench.server.mint(str(second.readers[0].workload)))
    other = bench.vault().enter(jwt_login("kubernetes", second.role_of(second.readers[0]), other_jwt))
    done = close(bench)
    assert [each.accessor for each in done.parts.tokens.revoked] == [mine.accessor]
    assert (alive(bench, mine.accessor), alive(bench, other.accessor)) == (False, True)
    assert done.exit == Exit.DONE
    doing, after = [each.body for each in bench.journal.log() if each.body.get("step") == "revoke-tokens"]
    assert [each["accessor"] for each in doing["tokens"]] == [mine.accessor]
    assert (after["revoked"], after["left"]) == (1, 0)
    assert mine.token.reveal() not in str([each.body for each in bench.journal.log()])


def test_a_token_with_the_policy_that_nobody_logged_in_for_is_revoked_and_the_callers_own_is_not(bench):
    with_snapshots(bench).ready()
    policy = bench.lane.custody.policy_name
    made = bench.server.must("POST", "auth/token/create", {"policies": [policy], "ttl": "60s"})["auth"]
    own = bench.server.must(
        "POST", "auth/token/create", {"policies": ["warden-apply", "warden-deactivate", policy], "ttl": "60s"}
    )["auth"]
    vault = bench.server.vault(own["client_token"])
    context = msgspec.structs.replace(bench.context(), vault=vault, snapshots=SnapshotReader(vault, at_once))
    done = bench.close(context=context)
    assert [each.accessor for each in done.parts.tokens.revoked] == [made["accessor"]]
    assert done.parts.tokens.own.accessor == own["accessor"]
    assert alive(bench, own["accessor"])
    end(bench, own)
    assert done.exit == Exit.INCONCLUSIVE


def test_without_the_right_to_list_tokens_it_says_which_is_missing(bench):
    bench.ready()
    token = bench.server.must("POST", "auth/token/create", {"policies": ["warden-apply"], "ttl": "60s"})["auth"]
    vault = bench.server.vault(token["client_token"])
    context = msgspec.structs.replace(bench.context(), vault=vault, snapshots=SnapshotReader(vault, at_once))
    done = bench.close(context=context)
    end(bench, token)
    (unknown,) = done.parts.tokens.unknown
    assert (unknown.path, unknown.capabilities) == ("auth/token/accessors", ("list", "sudo"))
    assert done.exit == Exit.INCONCLUSIVE


def test_each_former_reader_is_shown_to_be_denied_with_its_audit_line(bench):
    second = WorkloadReader(workload=Workload("tenant", f"{bench.lane.id}-second"))
    bench.change(readers=(*bench.lane.readers, second))
    bench.ready()
    denial = close(bench).parts.denial
    assert denial.is_proven
    assert denial.ms > 0
    shown = [(each.reader, each.result, each.observed, each.status) for each in denial.verdicts]
    assert shown == [(each.label, "ok", "refused", 403) for each in bench.lane.readers]
    assert all(each.audit for each in denial.verdicts)
    steps = [each.body for each in bench.journal.log() if each.body.get("step") == "prove-denied"]
    assert [bool(each.get("doing")) for each in steps] == [True, False]
    assert {each["subject"] for each in steps[0]["tokens"]} == {str(each.workload) for each in bench.lane.readers}


def test_a_reader_who_still_reads_by_another_policy_is_not_passed_over(bench):
    bench.ready()
    other = f"{bench.lane.custody.policy_name}-else"
    text = f'path "platform/data/{bench.path}" {{ capabilities = ["read"] }}'
    bench.server.must("PUT", f"sys/policies/acl/{other}", {"policy": text})
    label = bench.lane.readers[0].workload.subject
    reader(bench)
    found = [
        each
        for each in bench.server.must("LIST", "identity/entity/id")["data"]["key_info"].items()
        if any(alias.get("name") == label for alias in each[1].get("aliases") or ())
    ]
    bench.server.must("POST", f"identity/entity/id/{found[0][0]}", {"policies": [other]})
    done = close(bench)
    (verdict,) = done.parts.denial.verdicts
    assert (verdict.result, verdict.observed) == ("wrong", "allowed")
    assert other in str(verdict.detail)
    assert done.exit == Exit.NO
    assert not done.parts.denial.ms


def test_what_nobody_here_can_show_stays_open(bench):
    people = PeopleReader(people="devs", login="netkingdom")
    bench.change(readers=(*bench.lane.readers, people))
    bench.ready()
    done = close(bench)
    assert [each.result for each in done.parts.denial.verdicts] == ["ok", "inconclusive"]
    assert done.exit == Exit.INCONCLUSIVE


@pytest.mark.parametrize("audit", ["gone", "unknown"])
def test_without_the_audit_log_nothing_is_shown_and_the_lane_is_closed_all_the_same(bench, audit):
    bench.ready()
    fault = UsageError("where it is is not known")
    log = AuditFiles([str(bench.directory / "no.log")]) if audit == "gone" else fault
    done = close(bench, denial=bench.tools(audit=log))
    assert done.parts.denial.exit == Exit.INCONCLUSIVE
    assert not done.parts.denial.is_proven
    assert bench.vault("admin").policy(bench.lane.custody.policy_name) is None


def test_a_lane_whose_role_is_gone_is_refused_at_login_and_that_counts(bench):
    bench.ready()
    bench.server.must("DELETE", bench.role)
    (verdict,) = close(bench).parts.denial.verdicts
    assert (verdict.result, verdict.observed) == ("ok", "refused")


def test_it_is_run_again_until_it_says_that_it_is_done(bench):
    with_snapshots(bench).ready()
    first = close(bench, denial=bench.tools(audit=AuditFiles([str(bench.directory / "no.log")])))
    again = close(bench)
    assert (first.exit, again.exit) == (Exit.INCONCLUSIVE, Exit.DONE)
    assert (again.receipt.changed, again.parts.tokens.revoked) == ((), ())
    assert bench.journal.unfinished() == []


def test_a_lane_whose_proof_does_not_hold_stays_closed(bench):
    bench.ready()
    close(bench)
    stranger = f"{bench.lane.id}-else"
    other = bench.make(stranger)
    bench.lanes.append(other)
    bench.server.must(
        "PUT",
        f"sys/policies/acl/{other.custody.policy_name}",
        {"policy": f'path "platform/data/{bench.path}" {{ capabilities = ["read"] }}'},
    )
    bench.apply(lane=other, take_over=True)
    bench.server.must(
        "PUT",
        f"sys/policies/acl/{other.custody.policy_name}",
        {"policy": f'path "platform/data/{bench.path}" {{ capabilities = ["read"] }}'},
    )
    done = bench.reopen()
    assert (done.opened, done.reclosed, done.exit) == (False, True, Exit.NO)
    assert [each.probe for each in done.gate.against] == ["other-lane"]
    assert bench.journal.state(bench.lane.id).closed is not None
    assert bench.vault("admin").policy(bench.lane.custody.policy_name) is None
    assert "closed" in bench.vault("admin").kv_metadata("platform", bench.path).custom
    bench.server.must("DELETE", f"sys/policies/acl/{other.custody.policy_name}")
    done = bench.reopen()
    assert done.opened
    assert bench.journal.state(bench.lane.id).proof.seq == done.proof.record
    assert bench.journal.state(bench.lane.id).overtaken is False


def test_while_it_is_proven_every_warden_still_refuses_it(bench):
    bench.ready()
    close(bench)
    seen = []

    class Looking(ByMount):
        def mint(self, *args):
            marked = "closed" in bench.vault("admin").kv_metadata("platform", bench.path).custom
            seen.append((marked, bench.journal.state(bench.lane.id).closed is not None))
            return super().mint(*args)

    tools = bench.tools(identities=Looking({}, bench.server.issuer, bench.server.issuer))
    assert bench.reopen(tools=tools).opened
    assert set(seen) == {(True, True)}


def test_an_error_in_the_middle_closes_it_again(bench):
    bench.ready()
    close(bench)

    class Breaking(ByMount):
        def mint(self, *_):
            raise JournalUnwritable("no more")

    tools = bench.tools(identities=Breaking({}, bench.server.issuer, bench.server.issuer))
    with pytest.raises(JournalUnwritable) as refusal:
        bench.reopen(tools=tools)
    assert refusal.value.effect == StaysClosed(bench.lane.id, openbao=True)
    assert bench.vault("admin").policy(bench.lane.custody.policy_name) is None
    assert "reactivate" in [each.operation for each in bench.journal.unfinished()]
    assert bench.reopen().opened


def test_what_leaked_is_opened_with_a_new_value_only(bench):
    bench.ready()
    close(bench, "seen in a log")
    with pytest.raises(NotNow) as refusal:
        bench.reopen()
    assert refusal.value.problem == NewValueNeeded(bench.lane.id, bench.journal.state(bench.lane.id).closed.seq)
    assert [each.command for each in refusal.value.remedy] == ["put", "reactivate"]
    bench.put("sk-another-value-of-it")
    assert bench.reopen().opened
