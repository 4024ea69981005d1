"""``warden prove ACTOR`` as a process: a real OpenBao, a real sshd, and a CA key in a file."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest
from ssh_actor import ActorWorld
from tools.reaper import of

from warden.adapters.journal.sqlite import SqliteJournal

REFUSED = {
    "other-principal": "Certificate does not contain an authorized principal",
    "expired": "Certificate invalid: expired",
    "not-yet-valid": "Certificate invalid: not yet valid",
    "other-source": "not from a permitted source address",
    "other-ca": "Failed publickey for ",
    "host-certificate": "Certificate invalid: not a user certificate",
    "other-key": "Failed publickey for ",
    "revoked": "revoked by file",
}


@pytest.fixture
def world(lane_world) -> ActorWorld:
    return ActorWorld(lane_world)


def prove(world, *options, code=0, **changed):
    done = world.run("prove", world.actor, "--json", *options, **changed)
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def by_probe(proof):
    return {each["probe"]: each for each in proof["verdicts"]}


def records(world, event):
    done = world.run("journal", "log", "--json", "--lane", world.actor)
    return [each for each in json.loads(done.stdout) if each["event"] == event]


def test_the_right_certificate_logs_in_and_each_other_one_is_refused_for_its_reason(world):
    proof = prove(world)
    assert (proof["state"], proof["host"], proof["own"]) == ("proven", "throw-away sshd", True)
    verdicts = by_probe(proof)
    assert verdicts.keys() == {"signed", "logs-in", "control", *REFUSED}
    for probe, words in REFUSED.items():
        assert (verdicts[probe]["word"], verdicts[probe]["observed"]) == ("ok", "refused"), verdicts[probe]
        assert words in verdicts[probe]["sshd"]
    mine = verdicts["logs-in"]
    assert mine["observed"] == "allowed"
    assert f"(serial {mine['serial']})" in mine["sshd"]


def test_its_certificate_is_one_of_the_issue_log_and_the_proof_is_in_the_journal(world):
    proof = prove(world)
    (issued,) = records(world, "certificate.issued")
    mine = by_probe(proof)["logs-in"]
    assert (mine["certificate"], mine["serial"]) == (issued["seq"], str(issued["body"]["serial"]))
    assert by_probe(proof)["revoked"]["serial"] == mine["serial"]
    assert issued["body"]["valid_before"] - issued["body"]["valid_after"] <= 400
    assert [each["seq"] for each in records(world, "proof")] == [proof["journal"]]
    assert len(records(world, "probe")) == len(proof["verdicts"])


def test_a_forced_command_can_neither_be_changed_nor_left_out(world):
    world.replace("    principals: [deploy]", "    principals: [deploy]\n    force_command: /usr/bin/backup --all")
    verdicts = by_probe(prove(world))
    assert "forced command options do not match" in verdicts["other-command"]["sshd"]
    assert (verdicts["no-command"]["word"], verdicts["no-command"]["observed"]) == ("ok", "allowed")


def test_a_certificate_of_another_actor_is_refused(world):
    world.replace("hosts:\n  web:", "  adm-ada: {identities: []}\nhosts:\n  web:")
    found = by_probe(prove(world))["other-actor"]
    assert (found["word"], found["title"]) == ("ok", "a certificate of adm-ada")
    assert "does not contain an authorized principal" in found["sshd"]


def test_addresses_that_this_machine_does_not_have_are_what_sshd_finds_wrong(world):
    world.replace("[127.0.0.0/8]", "[10.1.2.0/24]")
    found = by_probe(prove(world))["logs-in"]
    assert (found["word"], found["observed"]) == ("ok", "source address")
    assert "10.1.2.0/24" in found["detail"]


def test_an_operator_plays_the_identity_where_its_tokens_can_be_made(world):
    operator = {
        "BAO_TOKEN": world.server.token("platform"),
        "WARDEN_STATE": world.server.state,
        "WARDEN_JOURNAL": str(world.lane_world.journal),
    }
    assert prove(world, **operator)["state"] == "proven"
    (issued,) = records(world, "certificate.issued")
    assert issued["body"]["identity"]["role"] == world.role


def test_without_any_identity_nothing_is_signed_and_the_proof_is_inconclusive(world):
    token = world.server.token("developer")
    proof = prove(world, code=3, BAO_TOKEN=token)
    assert proof["state"] == "inconclusive"
    verdicts = by_probe(proof)
    assert verdicts["signed"]["word"] == "??"
    assert "none of its identities can be had here" in verdicts["signed"]["detail"]
    assert "logs-in" not in verdicts
    assert verdicts["revoked"]["word"] == "ok"  # shown with a certificate of the throw-away CA
    assert records(world, "certificate.issued") == []


@pytest.mark.parametrize("embedded", [True, False], ids=["embedded", "elsewhere"])
def test_what_a_persons_proof_lacks_is_the_person_and_how_to_log_in_is_named(world, embedded):
    """At the embedded platform nobody logs in with a browser: its own command is named, and what the shell is then."""
    with (world.inventory.parent / "platform.yaml").open("a") as file:
        file.write("logins: {netkingdom: {}}\n")
    world.replace("hosts:\n  web:", "  adm-ada: {identities: [{person: ada, login: netkingdom}]}\nhosts:\n  web:")
    state = {"WARDEN_STATE": world.server.state} if embedded else {}
    done = world.run("prove", "adm-ada", BAO_TOKEN=world.server.token("developer"), **state)
    assert done.returncode == 3, done.stderr
    assert "needs a person: only person ada of netkingdom can have it signed" in done.stdout
    log_in = "warden login netkingdom --role ssh-adm-ada"
    if embedded:
        log_in = 'warden dev login person:ada --role ssh-adm-ada && eval "$(warden dev env --as person:ada)"'
    assert done.stdout.rstrip().endswith(f"Next: {log_in} && warden prove adm-ada")


def test_keys_that_are_listed_are_signed_and_cannot_log_in_from_here(world):
    key = world.public_key.read_text().split()
    world.replace("    hosts: [web]\n", f'    hosts: [web]\n    public_keys: ["{key[0]} {key[1]}"]\n')
    proof = prove(world, code=3)
    verdicts = by_probe(proof)
    assert verdicts["signed"]["word"] == "ok"
    assert verdicts["logs-in"]["word"] == "??"
    assert "private halves are not here" in verdicts["logs-in"]["detail"]


def test_an_authority_that_cannot_be_used_is_inconclusive(world):
    os.chmod(world.ca, 0o644)
    found = by_probe(prove(world, code=3))["signed"]
    assert (found["word"], "has to be 0600" in found["detail"]) == ("??", True)


def test_the_text_shows_serials_and_reasons(world):
    done = world.run("prove", world.actor)
    assert done.returncode == 0, done.stderr
    assert "ok   its certificate logs in" in done.stdout
    assert ": Certificate invalid: expired\n" in done.stdout
    assert "proven: 11 of 11 as expected · sshd's log 10/10 lines · journal " in done.stdout


def test_an_actor_that_is_not_there_is_a_usage_error(world):
    done = world.run("prove", "agt-nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert "agt-nobody" in done.stderr


def test_the_entry_stands_for_every_actor(world):
    done = world.run("prove", "ssh-certificate", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["actor"] for each in json.loads(done.stdout)] == [world.actor]


def test_all_proves_every_lane_and_every_actor(world):
    operator = {"BAO_TOKEN": world.server.token("platform"), "WARDEN_STATE": world.server.state}
    audit = {"WARDEN_AUDIT": world.server.audit_file, "WARDEN_JOURNAL": str(world.lane_world.journal)}
    done = world.run("prove", "--all", "--json", **operator, **audit)
    found = json.loads(done.stdout)
    assert [each.get("lane") or each.get("actor") for each in found] == [world.lane_world.lane, world.actor], (
        done.stderr
    )
    assert found[1]["state"] == "proven"
    text = world.run("prove", "--all", **operator, **audit).stdout
    assert f"actor {world.actor} · throw-away sshd" in text


def test_all_proves_the_actors_of_a_platform_without_an_open_lane(world):
    SqliteJournal(str(world.lane_world.journal)).record("lane.closed", world.lane_world.lane, {"reason": "test"})
    done = world.run("prove", "--all", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["actor"] for each in json.loads(done.stdout)] == [world.actor]


def names(folder):
    """Of the processes that name the folder."""
    found = set()
    for each in of(folder):
        with suppress(psutil.Error):
            found.add(each.name())
    return found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_proof_that_is_ended_leaves_no_sshd_and_no_agent(world, how, tmp_path):
    env = world.lane_world.env(BAO_TOKEN=world.token(), TMPDIR=str(tmp_path))
    process = subprocess.Popen(
        ["warden", "prove", world.actor], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 30
    while "ssh" not in (seen := names(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert {"sshd", "ssh-agent", "ssh"} <= seen
    process.send_signal(how)
    process.communicate(timeout=30)
    while of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert of(tmp_path) == []
    if how == signal.SIGTERM:
        assert list(tmp_path.glob("warden-*")) == []
        assert records(world, "probe.failed")


def test_errors_of_the_inventory_leave_the_proofs_of_lanes_as_they_are(world):
    operator = {"BAO_TOKEN": world.server.token("platform"), "WARDEN_STATE": world.server.state}
    world.replace("source_addresses: [127.0.0.0/8]", "source_addresses: [127.0.0.0/8]\n    ttl: 500h")
    done = world.run("prove", "--all", "--audit", world.server.audit_file, "--json", **operator)
    lane, inventory = json.loads(done.stdout)
    assert (done.returncode, lane["lane"], inventory["lane"]) == (1, world.lane_world.lane, "inventory")
    assert "500h" in str(inventory) or "ttl" in str(inventory)


def test_what_keeps_actors_from_being_proven_is_said_behind_the_lanes(world, tmp_path):
    agent = tmp_path / "ssh-agent"
    agent.write_text("#!/bin/sh\nexit 1\n")
    agent.chmod(0o755)
    operator = {"BAO_TOKEN": world.server.token("platform"), "WARDEN_STATE": world.server.state}
    path = f"{tmp_path}:{world.lane_world.env()['PATH']}"
    done = world.run("prove", "--all", "--audit", world.server.audit_file, "--json", PATH=path, **operator)
    assert [each["lane"] for each in json.loads(done.stdout)] == [world.lane_world.lane]
    error = json.loads(done.stderr)
    assert (error["kind"], error["system"]) == ("inconclusive", "ssh-agent"), error
    assert "Nothing was" not in done.stderr
