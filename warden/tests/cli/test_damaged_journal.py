"""Whatever stands in a record, a command says that it is damaged or works with the rest; it never blames itself."""

import itertools
import json
import sqlite3

import pytest

STRANGE = [None, True, 7, -1.5, "", "x", [], [1], {}, {"x": {}}, "9" * 5000]
EVENTS = ["lane.closed", "lane.opened", "proof", "probe", "apply.begin", "apply.done", "put.done", "adopt.begin"]
COMMANDS = [
    ["status"],
    ["status", "--json"],
    ["route", "show", "LANE"],
    ["route", "list"],
    ["plan", "LANE"],
    ["access", "LANE"],
    ["access", "LANE", "--", "true"],
    ["journal", "log"],
    ["journal", "verify"],
    ["prove", "LANE"],
    ["deactivate", "LANE", "--reason", "a test", "--yes"],
]


def fill(world, bodies):
    """A journal with these (event, body); the chain is not what is looked at here."""
    assert world.run("journal", "log").returncode == 0
    if not world.journal.exists():
        assert world.run("deactivate", world.lane, "--reason", "x", "--yes", BAO_ADDR="").returncode == 2
    db = sqlite3.connect(world.journal)
    db.executescript("DROP TRIGGER journal_no_delete; DELETE FROM journal")
    rows = [
        (number, "2026-11-23T14:02:03.000000Z", event, world.lane, "alice", json.dumps(body), "0" * 64)
        for number, (event, body) in enumerate(bodies, 1)
    ]
    db.executemany("INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute(
        "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal\n"
        "  BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
    )
    db.commit()
    db.close()


def strange_bodies():
    keys = (
        "reason",
        "place",
        "changes",
        "cluster",
        "secret",
        "declared",
        "reader",
        "at",
        "not_ok",
        "next",
        "deliveries",
    )
    for index, (event, odd) in enumerate(itertools.product(EVENTS, STRANGE)):
        shape = {"shape": [1, 2, 3, 4, odd][index % 5], "state": odd if index % 2 else "proven", "total": odd}
        yield event, dict.fromkeys(keys, odd) | shape
        yield event, {"changes": [odd, {"kind": "ExternalSecret", "name": odd}], "declared": {"path": odd}, **shape}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_a_strange_record_is_not_a_defect_of_warden(lane_world, argv):
    fill(lane_world, list(strange_bodies()))
    words = [lane_world.lane if word == "LANE" else word for word in argv]
    done = lane_world.run(*words, BAO_TOKEN=lane_world.server.token("admin"))
    assert "defect" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in {0, 1, 3, 4, 5, 125}, done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize("odd", STRANGE, ids=lambda odd: json.dumps(odd)[:12])
def test_what_a_lane_was_last_said_to_be_may_be_anything(lane_world, odd):
    """Only the newest record of each event counts, so each strange value is the newest once."""
    newest = [each for each in strange_bodies() if odd in each[1].values()]
    fill(lane_world, newest)
    for argv in (["status"], ["access", lane_world.lane]):
        done = lane_world.run(*argv, BAO_ADDR="")
        assert "defect" not in done.stderr, (argv, done.stderr)
        assert "Traceback" not in done.stderr
