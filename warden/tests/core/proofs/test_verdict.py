"""What follows from several verdicts, and what the journal keeps of one."""

from warden.core.plans.plan import Difference
from warden.core.proofs.details import NoAuditLine
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.remedies import warden


def verdict(result, **more):
    return Verdict(**{"probe": "reads", "result": result, "observed": "allowed"} | more)


def test_only_a_proof_in_which_everything_is_right_is_proven():
    right, wrong, unseen = (verdict(result) for result in ("ok", "wrong", "inconclusive"))
    states = {
        (): "inconclusive",
        (right,): "proven",
        (unseen,): "inconclusive",
        (right, unseen): "inconclusive",
        (right, wrong): "refuted",
        (right, wrong, unseen): "refuted",
    }
    for verdicts, state in states.items():
        assert Proof(lane="l", verdicts=verdicts).state == state


def test_verdicts_are_counted_and_the_first_wrong_one_with_a_remedy_comes_first():
    fix = (warden("apply", "l"),)
    open_, bare, first, second = (
        verdict("inconclusive", remedy=fix),
        verdict("wrong"),
        verdict("wrong", remedy=fix, stretch="consumer"),
        verdict("wrong", remedy=fix),
    )
    proof = Proof(lane="l", verdicts=(verdict("ok"), open_, bare, first, second))
    assert (proof.passed, proof.failed, proof.inconclusive) == (1, 3, 1)
    assert proof.first_to_fix is first
    assert Proof(lane="l", verdicts=(open_, bare)).first_to_fix is None


def test_the_journal_keeps_facts_and_of_a_difference_never_its_content():
    kept = verdict("wrong", detail=NoAuditLine(), differences=(Difference("token_ttl", 900, 86400),)).facts
    assert (kept["result"], kept["detail"]) == ("wrong", {"type": "no-audit-line"})
    assert kept["differences"] == ["token_ttl"]
