"""Salvage: what is good is kept, what is bad is quarantined with its reason, nothing is made up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_core.core import salvage
from activity_core.core.answer import read
from activity_core.core.masking import MASK
from activity_core.core.wsjf import COLUMNS

IDS = [f"N-{number}" for number in range(1, 10)]
WSJF = {"user_business_value": 3, "time_criticality": 2, "risk_reduction_opportunity_enablement": 1, "job_size": 2}


def one(candidate="N-1", **other):
    fixed = {"rank": 9, "candidate": candidate, "action": "Do it.", "why": "Due.", "wsjf": WSJF, "confidence": "low"}
    return fixed | {"needs_human": False, "needs_human_reason": ""} | other


def text(*items, **other):
    return json.dumps({"summary": "Calm.", "recommendations": list(items)} | other)


def kept(answer):
    return [each.candidate for each in answer.recommendations]


def test_a_whole_answer():
    answer = read(text(one("N-2"), one("N-1")), IDS)
    assert (kept(answer), answer.summary) == (["N-2", "N-1"], "Calm.")
    assert (answer.quarantined, answer.dropped, answer.problems) == ([], [], [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("no object", "not an object"),
        (one("N-99"), "not an id of the digest"),
        (one(candidate=7), "candidate: expected type string"),
        (one("N-1", wsjf=WSJF | {"job_size": 4}), "wsjf.job_size: expected one of 1, 2, 3, 5, 8, 13, 20"),
        (one("N-1", wsjf=WSJF | {"job_size": 0}), "expected one of"),
        (one("N-1", wsjf=WSJF | {"job_size": "3"}), "expected one of"),
        (one("N-1", wsjf=WSJF | {"job_size": True}), "expected one of"),
        (one("N-1", wsjf={"job_size": 1}), "user_business_value, time_criticality"),
        (one("N-1", wsjf=3), "wsjf: expected type object"),
        (one("N-1", confidence=0.9), "confidence: expected one of low, medium, high"),
        (one("N-1", action="\u200b "), "action: is empty"),
        ({key: value for key, value in one().items() if key != "why"}, "why missing"),
    ],
)
def test_a_bad_item_is_quarantined_and_the_good_one_stays(bad, reason):
    answer = read(text(bad, one("N-3")), IDS)
    assert kept(answer) == ["N-3"]
    assert len(answer.quarantined) == 1
    assert reason in answer.quarantined[0][1]


def test_all_errors_of_an_item_are_reported_at_once():
    ((_, reason),) = read(text(one("N-99", wsjf={}, confidence="sure")), IDS).quarantined
    assert "candidate" in reason
    assert "confidence" in reason
    assert "job_size missing" in reason


def test_whole_numbers_written_as_decimals_count():
    assert read(text(one(wsjf=dict.fromkeys(WSJF, 8.0))), IDS).recommendations[0].estimates.job_size == 8


def test_a_duplicate_is_quarantined_and_an_eighth_is_dropped():
    answer = read(text(*[one(each) for each in IDS[:8]], one("N-1")), IDS)
    assert kept(answer) == IDS[:7]
    assert [each for each, _ in answer.dropped] == ["N-8"]
    assert [each for each, _ in answer.quarantined] == ["N-1"]


@pytest.mark.parametrize(("says", "counts"), [(True, True), (False, False), (None, False), ("no", True), (0, True)])
def test_anything_but_false_calls_for_a_person(says, counts):
    assert read(text(one(needs_human=says)), IDS).recommendations[0].needs_human is counts


def test_an_item_without_marks_is_kept():
    item = {key: value for key, value in one().items() if not key.startswith(("needs", "rank"))}
    assert kept(read(text(item), IDS)) == ["N-1"]


def test_long_texts_are_cut_and_listed():
    answer = read(text(one(action="word" + " word" * 100)), IDS)
    assert answer.recommendations[0].action.endswith("…")
    assert len(answer.recommendations[0].action) <= 160
    assert answer.dropped == [("N-1", "action: cut to 160 characters")]


def test_secret_material_is_masked_before_it_is_cut():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f70" * 4
    answer = read(text(one(why=("b " * 95) + key, action=f"Use {key[:40]}\u200b{key[40:]}"), summary=key), IDS)
    (found,) = answer.recommendations
    assert key[:20] not in repr(answer)
    assert found.action == f"Use {MASK}"
    assert answer.summary == MASK
    assert len(found.masked) >= 2


@pytest.mark.parametrize(
    "empty", ["", "  \n", "null", "[]", "{}", '"prose"', "Sure! Here is what I think.", "{" * 90000, "9" * 9000]
)
def test_an_unreadable_answer_gives_nothing_and_says_why(empty):
    answer = read(empty, IDS)
    assert answer.recommendations == []
    assert answer.problems


def test_a_fenced_answer_is_kept_and_reported():
    answer = read(f"Here you are:\n```json\n{text(one('N-1'), one('N-2'))}\n```\n", IDS)
    assert kept(answer) == ["N-1", "N-2"]
    assert answer.problems


@pytest.mark.parametrize(
    "nothing", ["Sure! Here is what I think.", "{" * 99, '{"summary": "x", "recommendations": [{"ca']
)
def test_the_problem_says_truthfully_whether_anything_was_kept(nothing):
    answer = read(nothing, IDS)
    assert "no recommendation could be kept" in answer.problems[0]
    assert len(answer.quarantined) == nothing.count('{"ca')
    some = read(text(one("N-1"), one("N-2"))[:-20], IDS)
    assert "complete recommendations were kept" in some.problems[0]


def test_a_list_that_is_cut_between_two_entries_quarantines_none():
    answer = read(text(one("N-1"))[:-2], IDS)
    assert (kept(answer), answer.quarantined) == (["N-1"], [])
    assert "the list is cut off: its end is missing" in answer.problems


def test_an_empty_list_is_a_problem():
    assert read(text(), IDS).problems == ["the answer's list of recommendations is empty"]


def test_one_broken_item_in_the_middle_costs_that_item_only():
    broken = text(one("N-1"), one("N-2"), one("N-3")).replace('"candidate": "N-2"', '"candidate": N-2')
    answer = read(broken, IDS)
    assert kept(answer) == ["N-1", "N-3"]
    assert answer.quarantined == [("-", "an entry of the list is broken")]


def test_a_broken_or_cut_off_entry_is_named_if_its_candidate_is_readable():
    items = [one("N-1"), one("N-2"), one("N-3"), one("N-4")]
    broken = text(*items).replace('"confidence"', "confidence", 2)
    last = "the last entry of the list is broken or cut off"
    assert read(broken[: broken.rindex('"why"')], IDS).quarantined == [
        ("N-1", "an entry of the list is broken"),
        ("N-2", "an entry of the list is broken"),
        ("N-4", last),
    ]
    for nobody in ("N-99", 'N-4\\"', "N-4" + " " * 80, 'a "candidate": N-4'):
        unnamed = text(one("N-1"), one(nobody))
        assert read(unnamed[: unnamed.rindex('"why"')], ["N-1", "N-4"]).quarantined == [("-", last)]


@pytest.mark.parametrize(
    ("whole", "broken"),
    [("}, {", "}] {"), ("}, {", "}],\n{"), ("}, {", ', ]"rank": 1, '), ("Due.", 'Due {"} ], x')],
)
def test_a_list_that_is_closed_too_early_loses_no_complete_entry(whole, broken):
    answer = read(text(*map(one, IDS[:5])).replace(whole, broken, 1), IDS)
    assert set(kept(answer)) >= set(IDS[2:5])
    assert answer.problems


LISTS = {
    "bare": json.dumps,
    "within something": lambda items: json.dumps({"result": {"summary": "Calm.", "recommendations": items}}),
    "another name": lambda items: json.dumps({"summary": "[ {", "items": items}),
    "bare and cut off": lambda items: json.dumps([*items, 0])[:-3],
    "bare and fenced": lambda items: f"Here:\n```json\n{json.dumps(items, indent=1)}\n```",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_misplaced_list_is_read_and_reported(name):
    answer = read(LISTS[name]([one("N-1"), one("N-99"), one("N-2")]), IDS)
    assert (kept(answer), [what for what, _ in answer.quarantined]) == (["N-1", "N-2"], ["N-99"])
    assert "kept" in answer.problems[0]


def test_a_list_without_recommendations_is_ignored():
    answer = read('I read [ {"id": "N-1"} ] and have nothing to say.', IDS)
    assert (answer.quarantined, answer.problems[1:]) == ([], ["no list of recommendations was found"])


def test_the_hundred_and_first_entry_is_not_read():
    answer = read(text(*range(300), one("N-1")), IDS)
    assert len(answer.quarantined) == 100
    assert answer.dropped == [("recommendations[100:]", "201 more than the 100 that are read")]


def test_deep_nesting_costs_only_its_entry():
    deep = text(one("N-1"), one("N-2", action="DEEP"), one("N-3")).replace('"DEEP"', "[" * 500 + "]" * 500)
    assert kept(read(deep, IDS)) == ["N-1", "N-3"]


def test_a_repeated_key_makes_an_item_invalid():
    twice = text(one("N-1"), one("N-2")).replace('"why": "Due.", ', '"why": "Due.", "why": "Other.", ', 1)
    assert kept(read(twice, IDS)) == ["N-2"]


@given(st.integers(0, 10_000))
def test_cut_anywhere_the_items_before_the_cut_are_kept(at):
    items = [one(each, why=f'a "quoted" {{brace}} in {each}') for each in IDS[:5]]
    whole = text(*items)
    at = min(at, len(whole) - 1)
    answer = read(whole[:at], IDS)
    before = [each["candidate"] for each in items if whole.index(json.dumps(each)) + len(json.dumps(each)) <= at]
    assert kept(answer) == before
    assert answer.problems


@given(st.text(alphabet='{}[]",: \\nacdeinorstum1', max_size=300))
def test_any_text_is_read_without_an_error(anything):
    answer = read('{"recommendations": [' + anything, IDS)
    assert all(
        getattr(each.estimates, name) in (1, 2, 3, 5, 8, 13, 20) for each in answer.recommendations for name in COLUMNS
    )
    assert answer.problems or answer.recommendations == []


@pytest.mark.parametrize(
    ("rubbish", "most"),
    [('{"recommendations": [' + "{x " * 200_000, 10_000), ('[{"a ' * 100_000, 60)],
    ids=["beginnings of entries", "beginnings of lists"],
)
def test_failed_tries_are_bounded(monkeypatch, rubbish, most):
    """Each try reads on from where it begins: without a bound two megabytes took minutes."""
    tried = []
    decoded = salvage._value_at
    monkeypatch.setattr(salvage, "_value_at", lambda text, at: tried.append(at) or decoded(text, at))
    assert salvage.salvage(rubbish).entries == []
    assert len(tried) < most
