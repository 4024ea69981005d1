"""What the journal keeps of a proof comes back as it was, and nothing else makes a proof that counts."""

import json

import pytest

from warden.core.journal.record import Record
from warden.core.remedies import RunKubectl, warden
from warden.core.routes.proof_summary import (
    Advice,
    Declaration,
    DeliverySummary,
    NotOk,
    ProofSummary,
    as_record,
    summary_of,
)

WHOLE = ProofSummary(
    state="refuted",
    passed=7,
    failed=1,
    inconclusive=2,
    total=10,
    evidence=9,
    run="wp-1",
    scope="some clusters",
    system="https://bao",
    declared=Declaration(path="p/x", fields=("A",), policy="p", readers=("t/a r",), deliveries={"c": "by-hand t/s"}),
    deliveries={"c": DeliverySummary(state="proven", version=3, secret="77", by_hand=True)},
    not_ok=(NotOk(probe="consumer", reader="delivery c", cluster="c"),),
    next=Advice(
        stretch="consumer",
        remedy=(warden("apply", "x"), RunKubectl(context="c", action="restart", kind="Deployment", name="d")),
    ),
)


def record(body):
    kept = json.loads(json.dumps(body))  # as the journal's file has it
    return Record(seq=7, at="2026-11-20T12:00:00Z", event="proof", lane="x", actor="a", body=kept, hash="")


@pytest.mark.parametrize("summary", [WHOLE, ProofSummary(state="proven")])
def test_a_summary_comes_back_from_the_journal_as_it_was(summary):
    assert summary_of(record(as_record(summary))) == summary


EARLIER = {
    "state": "proven",
    "passed": 10,
    "failed": 0,
    "open": 0,
    "total": 10,
    "scope": "lane",
    "declared": {"path": "p/x", "fields": ["A"], "policy": "p", "readers": [], "deliveries": {}},
    "wrong": [],
    "next": {"stretch": "custody", "mend": "warden apply x"},
}


def test_a_record_of_an_earlier_shape_keeps_its_state_and_counts_and_is_of_no_declaration():
    assert summary_of(record(EARLIER)) == ProofSummary(state="proven", passed=10, total=10)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state": 3},
        {"shape": 3},
        {"shape": 3, "state": "splendid"},
        {"shape": 3, "state": "refuted", "next": {"stretch": "custody", "remedy": [{"type": "unknown"}]}},
        {"shape": 4, "state": "refuted", "passed": "many"},
    ],
)
def test_a_record_that_cannot_be_understood_is_not_proven(body):
    found = summary_of(record(body))
    assert found.state in {"refuted", "inconclusive"}
    assert (found.declared, found.next) == (None, None)
