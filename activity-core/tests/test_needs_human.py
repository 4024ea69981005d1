"""The rules, on labelled sentences; the figures of docs/adr/0022 are those asserted here."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activity_core.answer import Recommendation
from activity_core.digest import Candidate, Digest
from activity_core.needs_human import CATEGORIES, reasons
from activity_core.wsjf import Estimates

LABELLED = tomllib.loads((Path(__file__).parent / "needs_human.toml").read_text())


def asked(title="Restart the node", *, action="Do it.", why="It is due.", masked=(), says=False, reason="", others=()):
    candidate = Candidate("N-1", "next_step", title, {}, "W-1", masked)
    digest = Digest("0" * 64, datetime.now(UTC), "", (candidate, *others))
    return reasons(digest, Recommendation("N-1", action, why, Estimates(1, 1, 1, 1), "high", says, reason))


@pytest.mark.parametrize(("category", "line"), [(each, line) for each in CATEGORIES for line in LABELLED[each]])
def test_a_labelled_sentence_calls_a_person_from_either_side(category, line):
    assert category in [reason.category for reason in asked(line)]
    assert (category, "answer") in [(reason.category, reason.source) for reason in asked(action=line)]


@pytest.mark.parametrize("line", LABELLED["plain"])
def test_a_plain_sentence_calls_nobody(line):
    assert asked(line, action=line, why=line) == []


def test_the_model_adds_and_cannot_remove():
    told = asked("Pay the invoice", says=True, reason="The amount is unusual.")
    assert [(each.category, each.source) for each in told] == [("money", "digest"), ("model", "model")]
    assert [each.category for each in asked("Pay the invoice", says=False)] == ["money"]


def test_the_workstream_it_belongs_to_counts():
    about = Candidate("W-1", "workstream", "Contract with the data centre", {})
    assert [(each.category, each.source) for each in asked(others=(about,))] == [("legal", "workstream")]


@pytest.mark.parametrize("name", ["summary", "detail", "text", "status", "from"])
def test_every_text_of_a_candidate_counts_and_so_does_who_it_is_from(name):
    candidate = Candidate("N-1", "message", "An answer by Friday, please", {name: "Legal department"})
    digest = Digest("0" * 64, datetime.now(UTC), "", (candidate,))
    recommendation = Recommendation("N-1", "Do it.", "It is due.", Estimates(1, 1, 1, 1), "high", False, "")
    assert [(each.category, each.source) for each in reasons(digest, recommendation)] == [("legal", "digest")]


def test_masked_material_is_a_matter_of_secrets():
    assert [each.category for each in asked(masked=("API key",))] == ["secrets"]


@pytest.mark.parametrize(
    "line", ["\uff30\uff21\uff39 the bill", "PAY-it", "pay\u00a0now", "Bezáhlung", "ÜBERWEISEN", "pay/today"]
)
def test_writing_it_differently_does_not_help(line):
    assert [each.category for each in asked(line)] == ["money"]
