"""The report for its reader: what changed, what is missing, and that it fits."""

import hashlib
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from activity_core import triage
from activity_core.adapters.llm_connect import Gateway
from activity_core.adapters.lock import RecordPath
from activity_core.core import answer, digest, report, schemas
from activity_core.core.dates import parsed
from activity_core.core.report import Completion
from activity_core.core.wsjf import SCALE
from activity_core.present import markdown, terminal, wording

SAMPLES = Path(__file__).parent.parent / "samples"
SERVED = Completion("", "example/model-1", "stop", (1200, 640), 0.0031, "req-1", None)


def made(name, text, began, before=None):
    found = digest.read((SAMPLES / f"{name}.json").read_bytes())
    read = answer.read(text, {candidate.id for candidate in found.candidates})
    run = report.Run(f"run-{began}", parsed(began), "custodian-triage-balanced", before)
    told = report.of_answer(run, found, read, SERVED)
    Draft202012Validator(schemas.schema("report")).validate(told)
    return told


def test_changes_since_the_last_report(say):
    first = say.content(say.item("NS-203", 1, 1, 1, 1), say.item("WS-103", 1, 1, 1, 2), say.item("WS-101", 8, 8, 8, 1))
    tuesday = made("tuesday", first, "2026-11-24T06:20:00Z")
    second = say.content(say.item("NS-203", 8, 5, 3, 1), say.item("NS-206"), say.item("WS-101"))
    wednesday = made("wednesday", second, "2026-11-25T06:20:00Z", tuesday)
    assert wednesday["changes"] == {
        "since": "2026-11-24",
        "new": ["NS-206"],
        "gone": [{"candidate": "WS-103", "title": "OpenRouter contract for 2027"}],
        "moved": [{"candidate": "NS-203", "from": 2, "to": 1}, {"candidate": "WS-101", "from": 1, "to": 2}],
    }
    shown = "\n".join(terminal.lines(wednesday, 80, lambda line, _: line))
    for text in (markdown.rendered(wednesday).replace("\\", "").replace("`", ""), shown):
        assert "Since 24 November" in text
        assert "up from 2 to 1: NS-203 Cache the base layers in the runner" in text
        assert "no longer chosen: WS-103 OpenRouter contract for 2027" in text


class Days:
    """Runs on days of the test's choice, with a record; `texts` has a report as Markdown and as for a terminal."""

    def __init__(self, world, say):
        self.world, self.say = world, say

    def run(self, moment, entries, chosen, *, again=False):
        steps = [{"id": each, "title": f"Step {each}"} for each in entries]
        document = self.say.digest(generated_at=moment)
        path = self.world.digest(document | {"next_steps": steps})
        self.world.gateway.play = self.say.answering(*chosen)
        asked = triage.Request(path, None, self.gateway, RecordPath(str(self.world.home / "runs.db")), again)
        found = triage.triage(asked, lambda: parsed(moment), lambda _: None).report
        Draft202012Validator(schemas.schema("report")).validate(found)
        return found

    @property
    def gateway(self):
        return Gateway(self.world.gateway.url, "custodian-triage-balanced", 20)

    def order(self, *candidates):
        """Recommendations of which the first is worth most."""
        return [self.say.item(each, *[SCALE[6 - at]] * 3, 1) for at, each in enumerate(candidates)]


def told(report):
    """The section on changes, the same in both forms: its title, and a line for each change."""
    text = markdown.rendered(report).replace("\\", "").replace("`", "")
    title, _, rest = text.partition("## Since ")[2].partition("\n\n")
    lines = [line.removeprefix("- ") for line in rest.partition("\n\n")[0].splitlines()]
    shown = list(terminal.lines(report, 100, lambda line, _: line))
    assert f"Since {title}" in shown
    assert {f"  {line}" for line in lines if line != "Nothing changed."} <= set(shown)
    return title, lines


def test_what_appears_vanishes_and_moves_over_days_of_which_one_is_missing(world, say):
    days = Days(world, say)
    days.run("2025-12-29T06:20:00Z", ["A", "B", "C"], days.order("A", "B", "C"))
    second = days.run("2025-12-30T06:20:00Z", ["A", "B", "D"], days.order("B", "D"))
    assert told(second) == (
        "29 December",
        [
            "new: D Step D",
            "up from 2 to 1: B Step B",
            "no longer chosen: A Step A",
            "no longer in the digest: C Step C",
        ],
    )
    for order, line in (("DB", "up from 2 to 1"), ("BD", "up from 2 to 1"), ("BD", "up from 2 to 1")):
        again = days.run("2025-12-30T09:20:00Z", ["A", "B", "D"], days.order(*order), again=True)
        assert told(again)[0] == "29 December"
        assert (f"{line}: B Step B" in told(again)[1]) is (order == "BD")
    same = days.run("2026-01-02T06:20:00Z", ["A", "B", "D"], days.order("B", "D"))
    assert told(same) == ("30 December 2025", ["Nothing changed."])
    back = days.run("2026-01-03T06:20:00Z", ["A", "B", "D"], days.order("A", "B", "D"))
    assert told(back) == ("2 January", ["new: A Step A", "down from 1 to 2: B Step B", "down from 2 to 3: D Step D"])


def test_a_candidate_that_is_unusable_today_is_not_called_gone(world, say):
    days = Days(world, say)
    days.run("2026-11-23T06:20:00Z", ["A", "B", "C"], days.order("A", "B", "C"))
    bad = say.item("B") | {"confidence": "sure"}
    found = days.run("2026-11-24T06:20:00Z", ["A", "B"], [*days.order("A"), bad])
    assert told(found)[1] == ["now quarantined: B Step B", "no longer in the digest: C Step C"]
    unusable = days.run("2026-11-25T06:20:00Z", ["A", "B"], [])
    assert (unusable["state"], unusable["changes"]) == ("unusable", None)
    text = markdown.rendered(unusable)
    assert "## Since" not in text
    assert "## In the digest, not triaged" in text
    empty = days.run("2026-11-26T06:20:00Z", [], [])
    assert told(empty)[1] == ["no longer in the digest: A Step A"]


def test_each_candidate_is_in_one_list_and_a_recommended_one_is_not_listed_as_not_chosen(say):
    bad = say.item("WS-103", confidence="sure")
    chosen = ("WS-101", "WS-102", "WS-104", "WS-105", "WS-106", "NS-201", "NS-202", "NS-203")
    text = say.content(bad, say.item("WS-999"), *map(say.item, chosen), say.item("NS-204"))
    found = made("tuesday", text[: text.rindex('"why"')], "2026-11-24T06:20:00Z")
    assert [(each["candidate"], each.get("title")) for each in found["quarantined"]] == [
        ("NS-204", "Write the silence rules for node upgrades"),
        ("WS-103", "OpenRouter contract for 2027"),
        ("WS-999", None),
    ]
    assert [(each["what"], each["title"]) for each in found["dropped"]] == [
        ("NS-203", "Cache the base layers in the runner")
    ]
    assert [each["id"] for each in found["not_chosen"]] == ["NS-205", "MSG-301", "MSG-302", "MSG-303", "MSG-304"]
    shown = "\n".join(terminal.lines(found, 100, lambda line, _: line))
    for form in (markdown.rendered(found).replace("`", ""), shown):
        assert "WS-103 OpenRouter contract for 2027: confidence: expected one of low, medium, high" in form
        assert "NS-203 Cache the base layers in the runner: more than 7 recommendations" in form
        assert "WS-999: candidate: not an id of the digest" in form


def test_a_candidate_that_is_dropped_today_is_called_dropped(world, say):
    days = Days(world, say)
    days.run("2026-11-23T06:20:00Z", ["A", "B"], days.order("A", "B"))
    entries = [{"id": "A", "title": "Step A"}, {"id": "B", "title": ""}]
    path = world.digest(say.digest(*entries, generated_at="2026-11-24T06:20:00Z"))
    world.gateway.play = say.answering(*days.order("A"))
    asked = triage.Request(path, None, days.gateway, RecordPath(str(world.home / "runs.db")), again=False)
    found = triage.triage(asked, lambda: parsed("2026-11-24T06:20:00Z"), lambda _: None).report
    assert told(found)[1] == ["now dropped: B Step B"]


def test_the_titles_of_candidates_not_chosen_are_aligned(say):
    found = made("tuesday", say.content(say.item("WS-101")), "2026-11-24T06:20:00Z")
    shown = list(terminal.lines(found, 100, lambda line, _: line))
    lines = shown[shown.index("Not chosen") + 1 :][: len(found["not_chosen"])]
    titles = [each["title"] for each in found["not_chosen"]]
    assert {line.index(title) for line, title in zip(lines, titles, strict=True)} == {11}


def test_the_same_day_again_is_compared_with_an_earlier_day(say, world):
    world.triage()
    world.triage(None, "--again")
    assert json.loads(world.triage(None, "--again").stdout)["changes"] is None


def test_a_text_for_a_terminal_stays_within_its_width(say):
    told = made(
        "tuesday", say.content(say.item("WS-101", why="word " * 60), summary="word " * 90), "2026-11-24T06:20:00Z"
    )
    for width in (80, 100):
        assert max(map(len, terminal.lines(told, width, lambda line, _: line))) <= width


def test_a_terminal_shows_the_estimates_the_cost_of_delay_and_the_wsjf(say):
    told = made("tuesday", say.content(say.item("WS-101", 8, 13, 3, 5)), "2026-11-24T06:20:00Z")
    shown = " ".join(" ".join(terminal.lines(told, 80, lambda line, _: line)).split())
    assert "value 8 + criticality 13 + risk and opportunity 3 = cost of delay 24; by job size 5 = WSJF 4.8" in shown


def test_both_forms_show_reasons_and_provenance(say):
    item = say.item("WS-101", 8, 13, 3, 5, why="The old class ends.", needs_human=True, needs_human_reason="A date.")
    found = made("tuesday", say.content(item, say.item("NS-203", 1, 1, 1, 1)), "2026-11-24T06:20:00Z")
    digest_hash = hashlib.sha256((SAMPLES / "tuesday.json").read_bytes()).hexdigest()
    assert found["digest"]["sha256"] == digest_hash
    text = markdown.rendered(found).replace("\\", "")
    shown = " ".join(" ".join(terminal.lines(found, 80, lambda line, _: line)).split())
    assert "- Why: The old class ends. (digest: `WS-101`)\n" in text
    assert "WS-101 · Move Postgres to the new storage class NEEDS A PERSON: the model: A date. why: The old" in shown
    assert "- **Needs a person**: the model: A date.\n" in text
    for form in (" ".join(text.split()), shown):
        assert "Triage for Tuesday, 24 November 2026" in form
        assert "value 8 + criticality 13 + risk and opportunity 3 = cost of delay 24; by job size 5 = WSJF 4.8" in form
        assert "; confidence high" in form
        assert f"sha256 {digest_hash[:12]}, 15 candidates" in form
        assert "2026-11-24 07:05 CET by state-hub, 15 min before the run" in form
        assert "example/model-1 (profile custodian-triage-balanced)" in form
        assert "1,200 in, 640 out" in form
        assert "0.0031 USD" in form


def test_a_close_call_names_the_items_it_is_close_to(say):
    near = [say.item("WS-102", 8, 5, 3, 2), say.item("WS-101", 8, 5, 2, 2), say.item("NS-203", 1, 1, 1, 20)]
    found = made("tuesday", say.content(*near), "2026-11-24T06:20:00Z")
    assert [each["close_to"] for each in found["items"]] == [["WS-101"], ["WS-102"], []]
    text = markdown.rendered(found)
    assert text.count("- Close call: one step in one estimate swaps it with `WS-101`\n") == 1
    assert "| `WS-101` |\n" in text.partition("\n| 1 |")[2].partition("| 2 |")[0]
    shown = " ".join(" ".join(terminal.lines(found, 100, lambda line, _: line)).split())
    assert shown.count("; close to WS-10") == 2


def test_the_largest_valid_answer_is_6000_characters():
    """For whoever sets max_tokens: 7 recommendations with every text at its limit, the longest estimates, indented."""
    asked = schemas.schema("answer")["properties"]
    rules = asked["recommendations"]["items"]["properties"]
    texts = {name: "w" * rules[name]["maxLength"] for name in ("action", "why", "needs_human_reason")}
    estimates = dict.fromkeys(rules["wsjf"]["properties"], SCALE[-1])
    fixed = {"rank": 7, "candidate": "W" * 20, "wsjf": estimates, "confidence": "medium", "needs_human": False}
    largest = {"summary": "w" * asked["summary"]["maxLength"], "recommendations": [fixed | texts] * 7}
    Draft202012Validator(schemas.schema("answer")).validate(largest)
    assert len(json.dumps(largest)) <= 6500


def test_a_report_calls_an_estimate_by_one_name(say):
    found = made("tuesday", say.content(say.item("WS-101", 1, 2, 2, 2, needs_human=True)), "2026-11-24T06:20:00Z")
    assert "no item has a 1 for criticality, risk and opportunity, job size: " in found["warnings"][-1]
    for name in ("criticality", "risk and opportunity", "job size"):
        assert name in markdown.rendered(found).partition("## Why, one by one")[2]
    assert "**the model says so** |" in markdown.rendered(found)


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([True], "1 item for today, which needs a person."),
        ([False], "1 item for today, none needs a person."),
        ([True, True], "2 items for today, each needs a person."),
        ([True, False], "2 items for today, 1 of them needs a person."),
        ([True, True, False], "3 items for today, 2 of them need a person."),
        ([False, False], "2 items for today, none needs a person."),
    ],
)
def test_the_first_line_counts_as_people_do(say, marks, said):
    ids = ("WS-105", "NS-203", "NS-204")
    items = [say.item(each, needs_human=mark) for each, mark in zip(ids, marks, strict=False)]
    found = made("tuesday", say.content(*items), "2026-11-24T06:20:00Z")
    assert wording.headline(found) == said
