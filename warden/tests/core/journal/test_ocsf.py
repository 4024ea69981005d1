"""Each record becomes an event that the published schema accepts (``ocsf-1.8.0.json``: the part of it that is used)."""

import ast
import json
import re
from pathlib import Path

import pytest

import warden
from warden.core.journal.ocsf import event_of
from warden.core.journal.ocsf_table import BASE, TABLE
from warden.core.journal.operations import ENDS
from warden.core.journal.record import Record

SCHEMA = json.loads(Path(__file__).with_name("ocsf-1.8.0.json").read_text())
JOURNAL = "ab" * 32
SOURCE = Path(warden.__file__).parent
DOCS = SOURCE.parents[2] / "docs"
BODIES = {
    "bare": {},
    "usual": {
        "begin": 3,
        "process": {"host": "vm", "pid": 7},
        "identity": {"display_name": "ada", "entity": "e-1", "mount": "oidc", "role": "r"},
        "reader": "activity-core/llm-connect",
        "system": "https://bao.example",
        "cluster": "railiance01",
        "status": 403,
        "state": "proven",
        "reason": "rotated",
        "effect": "allow",
        "result": "ok",
    },
    "odd": {"begin": "x", "identity": "?", "process": 1, "status": "late", "state": None, "effect": 1, "reason": ["x"]},
}


def made(event: str, body: "dict[str, object] | None" = None, *, lane: str = "a-lane", seq: int = 9) -> Record:
    at = "2026-11-30T09:12:44.123456Z"
    return Record(seq=seq, at=at, event=event, lane=lane, actor="alice", body=body or {}, hash="cd" * 32)


def faults_of(value: "dict[str, object]", schema: "dict[str, dict[str, object]]", where: str) -> list[str]:
    """What the schema does not accept of an event or an object in it."""
    found = [f"{where}: {name} is required" for name in schema["required"] if name not in value]
    one_of = schema.get("at_least_one", [])
    if one_of and not any(name in value for name in one_of):
        found.append(f"{where}: one of {one_of}")
    for name, given in value.items():
        kind = schema["attributes"].get(name)
        if kind is None:
            found.append(f"{where}.{name} is not in the schema")
            continue
        enum = schema["enums"].get(name)
        if enum is not None and str(given) not in enum:
            found.append(f"{where}.{name}: {given} is not one of {enum}")
        if kind.endswith("[]") != isinstance(given, list):
            found.append(f"{where}.{name}: {kind}")
        for each in given if isinstance(given, list) else [given]:
            found += of_type(each, kind.removesuffix("[]"), f"{where}.{name}")
    return found


def of_type(value: object, kind: str, where: str) -> list[str]:
    if kind in SCHEMA["objects"]:
        return faults_of(value, SCHEMA["objects"][kind], where) if isinstance(value, dict) else [f"{where}: {kind}"]
    types = {"integer_t": int, "long_t": int, "timestamp_t": int, "boolean_t": bool, "object": dict}
    wanted = types.get(kind, str)
    return [] if isinstance(value, wanted) and value != "" else [f"{where}: {value!r} is not {kind}"]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("event", [*TABLE, "of.tomorrow"])
def test_an_event_is_what_its_class_requires(event, body):
    for lane in ("a-lane", ""):
        found = event_of(made(event, BODIES[body], lane=lane), JOURNAL)
        schema = SCHEMA["classes"][str(found["class_uid"])]
        assert faults_of(found, schema, event) == []
        assert found["class_name"] == schema["caption"]
        assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]
        assert found["category_uid"] == found["class_uid"] // 1000
        if found["activity_id"] != 99:
            assert found["activity_name"] == schema["enums"]["activity_id"][str(found["activity_id"])]
        assert found["severity"] == schema["enums"]["severity_id"][str(found["severity_id"])]
        if found["status_id"] != 99:
            assert found["status"] in {schema["enums"]["status_id"].get(str(found["status_id"])), "Unknown"}
        assert found["metadata"]["version"] == SCHEMA["version"]


def recorded() -> set[str]:
    """Every event that is recorded: those of operations, of the source, and of the documentation."""
    names = {event.partition(".")[0] for event in TABLE}
    kinds = re.compile(rf"({'|'.join(names)})\.[a-z-]+")
    found = set(ENDS) | {end for ends in ENDS.values() for end in ends}
    for file in [*SOURCE.glob("usecases/**/*.py"), *SOURCE.glob("core/journal/state.py")]:
        found |= {
            node.value
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and kinds.fullmatch(node.value)
        }
    rows = re.search(r"## Events\n(.*?)\n## ", (DOCS / "journal.md").read_text(), re.DOTALL)
    assert rows
    for row in re.findall(r"^\| (`.*?) \|", rows[1], re.MULTILINE):
        found |= {name for name in re.findall(r"`([a-z.-]+)`", row) if not name.endswith(".")}
    return found - NOTICES


NOTICES = {"proof.refuted", "lane.rotated", "access.approved", "change.requested", "change.decided", "rotate.due"}
"""Kinds of notices, which are in the body of a record and are not events."""


def test_every_event_that_is_recorded_has_its_class():
    assert recorded() - set(TABLE) == set()


def test_what_has_no_class_is_a_base_event_with_all_that_it_says():
    record = made("of.tomorrow", {"x": {"y": 1}})
    found = event_of(record, JOURNAL)
    assert (found["class_uid"], found["activity_name"]) == (BASE.uid, "of.tomorrow")
    assert found["unmapped"]["body"] == {"x": {"y": 1}}
    assert found["unmapped"]["hash"] == record.hash


def test_an_event_is_stable_and_says_which_record_it_was():
    first, again = event_of(made("put.done", {"begin": 3}), JOURNAL), event_of(made("put.done", {"begin": 3}), JOURNAL)
    assert first == again
    assert first["time"] == 1796029964123
    assert first["metadata"]["uid"] == f"{JOURNAL}:9"
    assert first["metadata"]["sequence"] == 9
    assert first["metadata"]["correlation_uid"] == f"{JOURNAL}:3"
    assert event_of(made("put.begin", seq=3), JOURNAL)["metadata"]["correlation_uid"] == f"{JOURNAL}:3"


@pytest.mark.parametrize(
    ("event", "body", "status", "severity"),
    [
        ("decision", {"effect": "allow"}, "Success", 1),
        ("decision", {"effect": "deny"}, "Failure", 3),
        ("decision", {}, "Failure", 3),
        ("probe", {"result": "ok"}, "Success", 1),
        ("probe", {"result": "wrong"}, "Failure", 3),
        ("probe", {"result": "inconclusive"}, "Unknown", 1),
        ("probe", {}, "Unknown", 1),
        ("proof", {"state": "proven"}, "New", 1),
        ("proof", {"state": "proven", "scope": "custody"}, "New", 1),
        ("proof", {"state": "refuted"}, "New", 4),
        ("proof", {"state": "inconclusive"}, "New", 3),
        ("rotate.step", {"state": "begun"}, "Begun", 1),
        ("rotate.step", {"state": "unclear"}, "Unknown", 1),
        ("deactivate.step", {"doing": "ask"}, "Begun", 1),
        ("deactivate.step", {"failed": "refused"}, "Failure", 1),
        ("deactivate.step", {"done": "deleting"}, "Success", 1),
        ("put.abandoned", {"found": "written"}, "Unknown", 3),
        ("lane.compromised", {}, "New", 5),
    ],
)
def test_status_and_severity(event, body, status, severity):
    found = event_of(made(event, body), JOURNAL)
    assert (found["status"], found["severity_id"]) == (status, severity)


@pytest.mark.parametrize(
    ("state", "status"), [("proven", "Pass"), ("refuted", "Fail"), ("inconclusive", "Warning"), ("", "Warning")]
)
def test_a_proof_without_a_result_is_not_a_pass(state, status):
    assert event_of(made("proof", {"state": state}), JOURNAL)["compliance"]["status"] == status


def test_a_proof_of_a_part_of_the_lane_is_not_a_pass_of_the_lane():
    body = {"state": "proven", "scope": "custody"}
    assert event_of(made("proof", body), JOURNAL)["compliance"]["status"] == "Warning"


def test_the_documented_table_is_the_one_in_use():
    """Each event's row in docs/ocsf.md names its class and activity."""
    rows = {}
    for line in (DOCS / "ocsf.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and re.fullmatch(r"[A-Z].* \d+", cells[1]):
            rows |= dict.fromkeys(re.findall(r"`([a-z.-]+)`", cells[0]), (cells[1], cells[2]))
    in_use = {
        event: (
            f"{each.ocsf.name} {each.ocsf.uid}",
            each.ocsf.activities.get(each.activity) or f"{each.label or 'Other'} (99)",
        )
        for event, each in TABLE.items()
    }
    assert rows == in_use


@pytest.mark.parametrize(
    ("event", "body", "named"),
    [
        ("certificate.issued", {"type": "user"}, "SSH actor"),
        ("certificate.issued", {"type": "host"}, "SSH host"),
        ("decision", {"action": "sign", "effect": "allow"}, "SSH actor"),
        ("decision", {"action": "break-glass", "effect": "deny"}, "SSH actor"),
        ("decision", {"action": "access", "effect": "allow"}, "Lane"),
    ],
)
def test_an_event_of_a_certificate_is_not_about_a_lane(event, body, named):
    (resource,) = event_of(made(event, body), "j")["resources"]
    assert resource["type"] == named
