"""Closing holds for everyone, at once, and also when it is cut short; opening is recorded last."""

import msgspec
import pytest

from warden.core.errors import Closed, Foreign, JournalUnwritable, NotNow, Refused
from warden.core.lanes.lane import Custody, Workload, WorkloadReader
from warden.core.openbao.api import jwt_login
from warden.core.plans.lane_plan import LaneOptions
from warden.core.secret import Secret
from warden.usecases.deactivate import (
    ClosedAgain,
    ClosedInJournalOnly,
    NotClosed,
    deactivate,
    reactivate,
    record_closing,
)


def close(bench, reason="leaked", **how):
    return deactivate(bench.lane, reason, bench.context(), **how)


def reopen(bench):
    return reactivate(bench.lane, "fixed", bench.context(), LaneOptions(yes=True))


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
    assert bench.journal.state(bench.lane.id).closed.body["reason"] == "leaked"


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
    before = len(bench.journal.log())
    close(bench, reason)  # finished again, by the command that status shows: what was said holds
    assert len(bench.journal.log()) == before
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
    number = reopen(bench).record
    assert bench.journal.log()[-1].seq == number
    assert bench.journal.state(bench.lane.id).closed is None
    assert reads(bench, reader(bench).token) == 200
    assert bench.prove().state == "proven"


def test_an_open_lane_is_not_opened(bench):
    with pytest.raises(NotNow) as refusal:
        reopen(bench)
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
        deactivate(bench.lane, "leaked", bench.context("developer"))
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
        reactivate(bench.lane, "fixed", context, LaneOptions(yes=True))
    closed = bench.journal.state(bench.lane.id).closed
    assert refusal.value.problem == ClosedAgain(bench.lane.id, "INC-9", closed.seq)
    assert bench.journal.state(bench.lane.id).closed.body["reason"] == "INC-9"
    close(bench)
    assert bench.vault("admin").policy(bench.lane.custody.policy_name) is None
