"""What is recorded of clusters as a whole, and what is said where one of them, or the journal, fails half-way."""

import json
import sqlite3

import pytest
from like import NUMBER, TIME, UUID, Like

from warden.adapters.journal.sqlite import SqliteJournal

pytestmark = pytest.mark.cluster
FIRST, SECOND = "coulombcore", "railiance01"


def refuse(engineer, event):
    """From now on the journal does not take this event, as if the disk had just become full."""
    with sqlite3.connect(engineer.journal) as journal:
        journal.execute(
            f"CREATE TRIGGER \"{event}\" BEFORE INSERT ON journal WHEN NEW.event = '{event}'"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    journal.close()


def take(engineer, event):
    with sqlite3.connect(engineer.journal) as journal:
        journal.execute(f'DROP TRIGGER "{event}"')
    journal.close()


def recorded(engineer, *stems):
    """The records of these kinds, without their place, the process, and the number of what they end."""
    log = SqliteJournal(str(engineer.journal)).log()
    without = {"place", "process", "begin"}
    bodies = [(each.event, {key: part for key, part in each.body.items() if key not in without}) for each in log]
    return [(event, body) for event, body in bodies if event.partition(".")[0] in stems]


def unrecorded(engineer, done):
    """What stderr says after an effect that the journal did not take."""
    problem = f"warden: {engineer.journal} does not take the next record. {done}; the journal has no record of it."
    return [problem, "        Check it: warden journal verify"]


def lines(text):
    return [line for line in text.splitlines() if line]


@pytest.fixture
def both(engineer):
    """A lane for both clusters."""
    delivery = {"external_secret": engineer.secret}
    engineer.declare({FIRST: delivery, SECOND: delivery})
    engineer.tenant_in(FIRST, SECOND)
    return engineer


KINDS = {
    "ServiceAccount": "{0}/app",
    "Role": "{0}/openbao-token-app",
    "RoleBinding": "{0}/openbao-token-app",
    "SecretStore": "{0}/openbao-app",
    "ExternalSecret": "{0}/{0}-key-secret",
}


def test_one_cluster_of_two_gives_no_answer(both):
    lane, down = both.lane, both.down(FIRST)
    away = f"cluster {FIRST} (https://127.0.0.1:1) cannot be reached (connection refused)"
    look = f"check whether it answers: kubectl --context {FIRST} version"
    told = [f"warden: {away}", f"        {look}"]

    made = both.run("apply", lane, **down)
    assert (made.returncode, lines(made.stderr)) == (3, told)
    assert made.stdout.splitlines()[-1] == f"{lane} was applied in part; see above. Then run: warden apply {lane}"
    made = both.run("apply", lane, "--json", **down)
    error = {"code": 3, "kind": "unreachable", "system": away.partition(" cannot")[0], "subject": ""}
    assert json.loads(made.stderr) == error | {"message": away, "hint": look}
    assert json.loads(made.stdout)["clusters"] == [{"cluster": SECOND, "changed": [], "journal": 0}]

    address = json.loads(made.stdout)["system"]
    *_, begun, done = recorded(both, "apply")
    assert (begun[0], done) == ("apply.begin", ("apply.done", begun[1]))
    changes = done[1].pop("changes")
    there = both.platform.clusters[SECOND].address
    assert done[1] == {"system": there, "cluster": SECOND, "identity": {"display_name": "warden/warden"}}
    found = {(each["kind"], f"{each.get('namespace')}/{each['name']}", each["action"]) for each in changes}
    assert found >= {(kind, name.format(both.tenant), "create") for kind, name in KINDS.items()}

    assert both.run("apply", lane).returncode == 0
    both.fill()
    said = both.run("sync", lane, **down)
    assert (said.returncode, said.stderr) == (3, "")
    first, why, second, last = said.stdout.splitlines()
    assert first == f"  ??   {FIRST}      ExternalSecret {both.secret}"
    assert why == f"       {away}"
    assert second == Like(rf"  ok   {SECOND}      ExternalSecret {both.secret}  \d+ ms")
    assert last == f"Next: kubectl --context {FIRST} version && warden sync {lane}"
    about = {"external_secret": both.secret, "ms": NUMBER}
    assert json.loads(both.run("sync", lane, "--json", **down).stdout) == {
        "lane": lane,
        "clusters": [
            about | {"cluster": FIRST, "followed": "silent", "why": away, "hint": look},
            about | {"cluster": SECOND, "followed": "synced", "why": "", "hint": ""},
        ],
    }
    ends = {"clusters": {FIRST: "silent", SECOND: "synced"}}
    assert recorded(both, "sync") == [("sync.begin", {"clusters": [FIRST, SECOND]}), ("sync.done", ends)] * 2

    assert both.run("prove", lane).returncode == 0
    proof = recorded(both, "proof")[-1][1]
    delivery = {"state": "proven", "version": 1, "secret": Like(r"\d+"), "by_hand": False}
    assert proof["deliveries"] == {FIRST: delivery, SECOND: delivery}
    assert proof["declared"]["deliveries"] == dict.fromkeys((FIRST, SECOND), f"external-secret {both.secret}")
    assert (proof["scope"], proof["system"]) == ("lane", address)
    begun = [body for event, body in recorded(both, "probe") if event == "probe.begin"]
    assert begun[-1]["refreshes"] == [FIRST, SECOND]
    probes = [body for event, body in recorded(both, "probe") if body.get("cluster") == SECOND]
    (value,) = [body for body in probes if body["probe"] == "value"]
    assert (value["reader"], value["version"], value["audit"], value["at"]) == (f"delivery {SECOND}", 1, UUID, TIME)

    refuse(both, "sync.done")
    said = both.run("sync", lane)
    done = f"The refresh was requested in {FIRST}, {SECOND}"
    assert (said.returncode, said.stdout, lines(said.stderr)) == (3, "", unrecorded(both, done))


def test_of_a_secret_that_is_taken_over(engineer):
    lane, adopt = engineer.lane, ("adopt", engineer.lane, "--cluster", FIRST, "--yes", "--keep", "secret")
    engineer.declare({FIRST: {"bootstrap_secret": engineer.secret}})
    assert engineer.run("apply", lane, "--custody-only").returncode == 0
    engineer.fill()
    engineer.hand_made("another-value-made-by-hand")

    refuse(engineer, "put.done")
    stopped = engineer.run(*adopt)
    done = "API_KEY of the Secret is version 2 in OpenBao; the Secret is as it was"
    assert (stopped.returncode, lines(stopped.stderr)) == (3, unrecorded(engineer, done))
    take(engineer, "put.done")
    refuse(engineer, "adopt.done")
    stopped = engineer.run(*adopt)
    done = f"The Secret {engineer.secret} of {FIRST} belongs to the lane"
    assert (stopped.returncode, lines(stopped.stderr)) == (3, unrecorded(engineer, done))
    take(engineer, "adopt.done")
    whole = engineer.run(*adopt)
    assert (whole.returncode, whole.stdout.splitlines()[-1]) == (0, f"Next: warden prove {lane}")

    who = {"display_name": "userpass-platform", "mount": "userpass", "role": "", "entity": UUID}
    put = {"system": engineer.platform.address, "identity": who, "fields": ["API_KEY"]}
    put["path"] = f"platform/workloads/{engineer.tenant}/app/{lane}"
    facts = {"cluster": FIRST, "system": engineer.platform.clusters[FIRST].address, "secret": engineer.secret}
    facts["identity"] = {"display_name": "warden/warden"}
    begin = ("adopt.begin", facts | {"secret_uid": UUID})
    end = facts | {"cleaned": [], "restarted": [], "already": True}
    assert recorded(engineer, "put", "adopt") == [
        ("put.begin", put | {"before": 0}),
        ("put.done", put | {"before": 0, "version": 1}),
        begin,
        ("put.begin", put | {"before": 1, "from": FIRST}),
        ("adopt.abandoned", {"found": "as-it-was"}),
        begin,
        ("adopt.abandoned", {"found": "taken-over"}),
        begin,
        ("adopt.done", end),
    ]
    assert engineer.run("prove", lane).returncode == 0
    assert recorded(engineer, "put")[-1] == ("put.abandoned", {"found": "written", "version": 2})
    assert SqliteJournal(str(engineer.journal)).unfinished() == []
