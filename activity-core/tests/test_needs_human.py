"""The rules, on labelled sentences; the figures of docs/adr/0022 are those asserted here."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activity_core.core.answer import Recommendation
from activity_core.core.digest import Candidate, Digest, read
from activity_core.core.needs_human import CATEGORIES, reasons
from activity_core.core.wsjf import Estimates

LABELLED = tomllib.loads((Path(__file__).parent / "needs_human.toml").read_text())


def asked(title="Restart the node", *, action="Do it.", why="It is due.", masked=(), says=False, reason="", others=()):
    candidate = Candidate("N-1", "next_step", title, {}, "W-1", masked)
    digest = Digest("0" * 64, datetime.now(UTC), "", (candidate, *others))
    return reasons(digest, Recommendation("N-1", action, why, Estimates(1, 1, 1, 1), "high", says, reason))


@pytest.mark.parametrize(("category", "line"), [(each, line) for each in CATEGORIES for line in LABELLED[each]])
def test_a_labelled_sentence_calls_for_a_person_in_digest_and_answer(category, line):
    assert category in [reason.category for reason in asked(line)]
    assert (category, "answer") in [(reason.category, reason.source) for reason in asked(action=line)]


@pytest.mark.parametrize("line", LABELLED["plain"])
def test_a_plain_sentence_calls_for_nobody(line):
    assert asked(line, action=line, why=line) == []


def test_recall_on_sentences_that_did_not_shape_the_words():
    """The words grow; a line that they newly find is to be counted here and in docs/adr/0022."""
    unseen = [(category, line) for category in CATEGORIES for line in LABELLED["unseen"][category]]
    found = [line for category, line in unseen if category in [reason.category for reason in asked(line)]]
    assert (len(found), len(unseen)) == (32, 42)


@pytest.mark.parametrize(
    ("line", "categories"),
    [("Rahmenvertrag", ["legal"]), ("unverträgliche Fassung", []), ("Der Wert ist gesetzt", []), ("was pressed", [])],
)
def test_a_star_stands_for_the_rest_of_a_word_and_no_other_word(line, categories):
    assert [each.category for each in asked(line)] == categories


def test_the_model_adds_and_cannot_remove():
    told = asked("Pay the invoice", says=True, reason="The amount is unusual.")
    assert [(each.category, each.source) for each in told] == [("money", "digest"), ("model", "model")]
    assert [each.category for each in asked("Pay the invoice", says=False)] == ["money"]


def test_the_workstream_it_belongs_to_counts():
    about = Candidate("W-1", "workstream", "Contract with the data centre", {})
    assert [(each.category, each.source) for each in asked(others=(about,))] == [("legal", "workstream")]


@pytest.mark.parametrize("name", ["summary", "detail", "text", "status", "from", "owner"])
def test_every_text_of_a_candidate_counts_and_so_does_whose_it_is(name):
    candidate = Candidate("N-1", "message", "An answer by Friday, please", {name: "Legal department"})
    digest = Digest("0" * 64, datetime.now(UTC), "", (candidate,))
    recommendation = Recommendation("N-1", "Do it.", "It is due.", Estimates(1, 1, 1, 1), "high", False, "")
    assert [(each.category, each.source) for each in reasons(digest, recommendation)] == [("legal", "digest")]


def of_digest(**lists):
    """The reasons for N-1 of such a digest, of which the answer says nothing that calls a person."""
    fixed = {"generated_at": "2026-11-24T06:05:00Z", "workstreams": [], "next_steps": [], "messages": []}
    digest = read(json.dumps(fixed | lists).encode())
    recommendation = Recommendation("N-1", "Do it.", "It is due.", Estimates(1, 1, 1, 1), "high", False, "")
    return [(each.category, each.source) for each in reasons(digest, recommendation)]


CONTRACT = {"id": "W-1", "title": "Contract with the data centre"}
STEP = {"id": "N-1", "title": "Send it back", "workstream": "W-1"}
OTHERS = [{"id": f"W-{number}", "title": "Storage"} for number in range(2, 14)]


@pytest.mark.parametrize(
    "workstreams",
    [
        [CONTRACT | {"due": "30.11."}],
        [CONTRACT | {"title": "", "summary": "A contract."}],
        [*OTHERS, 7, CONTRACT, {"id": "W-1", "title": "Storage"}],
    ],
    ids=["a day that does not exist", "no title", "over the limit"],
)
def test_the_workstream_it_belongs_to_counts_also_where_it_was_dropped(workstreams):
    assert of_digest(workstreams=workstreams, next_steps=[STEP]) == [("legal", "workstream")]


def test_what_was_cut_off_a_text_for_the_prompt_counts():
    long = "word " * 500
    assert of_digest(next_steps=[{"id": "N-1", "title": "Send it back", "detail": f"{long} the invoice"}]) == [
        ("money", "digest")
    ]
    about = {"id": "W-1", "title": "Storage", "summary": f"{long} the invoice"}
    assert of_digest(workstreams=[about], next_steps=[STEP]) == [("money", "workstream")]


def test_masked_material_is_a_matter_of_secrets():
    assert [each.category for each in asked(masked=("API key",))] == ["secrets"]


@pytest.mark.parametrize(
    "line", ["\uff30\uff21\uff39 the bill", "PAY-it", "pay\u00a0now", "Bezáhlung", "ÜBERWEISEN", "pay/today"]
)
def test_writing_it_differently_does_not_help(line):
    assert [each.category for each in asked(line)] == ["money"]


@pytest.mark.parametrize(
    "line",
    [
        "\u0440\u0430y the bill",  # Cyrillic in part,
        "\u0440\u0430\u0443 the bill",  # wholly,
        "\u0420\u0410\u0423 the bill",  # in capitals
        "\u0442\u0430x",  # looks Latin as a small capital
        "\u03c1\u03b1y",  # Greek
        "\u1d18\u1d00\u028f",  # small capitals
        "\U0001f17f\U0001f170\u028f",  # white on black
        "p\u200bay",  # zero-width
        "p\u034fa\ufe0fy",  # neither format character nor seen
        "p\u3164ay",  # a filler, by its category a letter
        "p\u0336a\u20ddy",  # struck through, encircled
        "p\u00e4y",  # no umlaut is meant
        "b\u0406LLING",  # what looks like I and l
        "bi1ling",
        "invo\u0131ce",
        "payrnent",  # rn for m
        "c0st",
        "KOSTEN\u00dcBERSICHT",
        "\u00fcberweisung",
    ],
)
def test_look_alikes_and_what_cannot_be_seen_do_not_help(line):
    assert [each.category for each in asked(line)] == ["money"], ascii(line)
    assert ("money", "answer") in [(each.category, each.source) for each in asked(action=line)]


@pytest.mark.parametrize(
    "line",
    [
        "\u0422\u0435\u0441\u0442\u044b \u0432 \u0442\u0435\u0441\u0442\u0430\u0445",
        "\u0436\u0442\u0430\u0445\u0436 \u0434\u0440\u0430\u0443\u0434",  # within it: tax, pay
        "\u03bd\u03ad\u03bf \u03c0\u03bb\u03ac\u03bd\u03bf \u03b4\u03b9\u03ba\u03c4\u03cd\u03bf\u03c5",
        "\u00dcbergabe der K\u00f6pfe gr\u00f6\u00dftenteils geklaert, L\u00e4ufer gepr\u00fcft",
        "\u26a0\ufe0f node 3",
    ],
)
def test_ordinary_words_of_other_scripts_call_for_nobody(line):
    assert asked(line, action=line, why=line) == [], ascii(line)


def test_the_reported_word_is_the_one_that_was_read():
    assert [each.word for each in asked("A payrnent plan")] == ["payrnent"]
    assert [each.word for each in asked("\u0440\u0430yment")] == ["payment"]
