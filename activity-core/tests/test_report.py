"""The report for its reader: what changed, what is missing, and that it fits."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from activity_core import answer, digest, markdown, report, schemas, terminal
from activity_core.berlin import parsed
from activity_core.gateway import Served
from activity_core.wsjf import SCALE

SAMPLES = Path(__file__).parent.parent / "samples"
SERVED = Served("", "example/model-1", "stop", (1200, 640), 0.0031, "req-1", None)


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
    for text in (markdown.rendered(wednesday).replace("\\", ""), shown):
        assert "Since 24 November" in text
        assert "up from 2 to 1: NS-203 Cache the base layers in the runner" in text
        assert "no longer there: WS-103 OpenRouter contract for 2027" in text


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
