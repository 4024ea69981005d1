"""plan, apply, put, prove and status as a person types them, on a real OpenBao."""

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import threading
import time

import pytest

from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.openbao.rights import policy_text


def test_what_was_made_by_hand_is_refused_by_name_and_taken_over_only_when_told(engineer):
    lane = engineer.world.lane
    done = engineer("apply", lane)
    assert done.returncode == 1
    assert "not marked as made by warden" in done.stderr
    assert f"policy workload-kv-read-{lane}" in done.stderr
    asked = engineer("apply", lane, "--take-over")
    assert asked.returncode == 2
    assert f"warden apply {lane} --take-over --yes" in asked.stderr
    assert engineer("plan", lane).returncode == 1
    assert engineer("apply", lane, "--take-over", "--yes").returncode == 0
    assert engineer("plan", lane).returncode == 0


def test_plan_is_a_readable_difference_that_names_the_server_and_the_next_command(engineer):
    lane = engineer.world.lane
    done = engineer("plan", lane, "--take-over")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == f"OpenBao {engineer.world.server.address}"
    assert lines[1] == "  = mount     platform"
    assert any(line.startswith("  ~ policy    workload-kv-read-") for line in lines)
    assert lines[-1].endswith(f"Next: warden apply {lane} --take-over --yes")
    assert done.stderr == ""


def test_plan_as_json(engineer):
    lane = engineer.world.lane
    shown = json.loads(engineer("plan", lane, "--json").stdout)
    assert shown["lane"] == lane
    assert shown["system"] == engineer.world.server.address
    assert {change["kind"] for change in shown["changes"]} == {"mount", "metadata", "policy", "role"}
    assert shown["to_change"] == 3 if shown["blocked"] else shown["to_change"] > 0
    every = json.loads(engineer("plan", "--all", "--json").stdout)
    assert [plan["lane"] for plan in every if "orphan" not in plan] == [lane]  # other tests share the server


def test_apply_again_changes_nothing_and_says_so(applied):
    done = applied("apply", applied.world.lane, "--json")
    assert (done.returncode, json.loads(done.stdout)["changed"]) == (0, [])
    assert "In sync" in applied("apply", applied.world.lane).stdout


def test_what_was_applied_before_a_fault_ended_it_is_in_the_json(applied):
    """The second lane asks for consent, which nobody can give here; the first one was applied by then."""
    world = applied.world
    second = world.lane_file.read_text().replace(world.lane, f"{world.lane}-two")
    more = second + f"  - workload: {world.tenant}/second\n"
    beside = world.lane_file.with_name(f"{world.lane}-two.yaml")
    beside.write_text(more)
    assert applied("apply", f"{world.lane}-two", "--take-over", "--yes").returncode == 0
    beside.write_text(second)
    world.server.must("DELETE", f"sys/policies/acl/workload-kv-read-{world.lane}")
    done = applied("apply", "--all", "--json")
    assert (done.returncode, json.loads(done.stderr)["kind"]) == (2, "usage")
    assert "What this command did before stands" in json.loads(done.stderr)["message"]
    assert [(each["lane"], len(each["changed"])) for each in json.loads(done.stdout)] == [(world.lane, 1)]


def test_another_apply_at_work_is_told_and_nothing_is_done(applied):
    import fcntl

    locks = os.path.join(applied.world.server.state, "locks")
    with contextlib.ExitStack() as stack:
        # One for each server; other tests may have named others.
        for name in os.listdir(locks):
            fcntl.flock(stack.enter_context(open(os.path.join(locks, name), "r+b")), fcntl.LOCK_EX)
        done = applied("apply", applied.world.lane)
    assert done.returncode == 5
    assert "another warden is changing the same server" in done.stderr
    assert "warden apply does not wait. Nothing was changed." in done.stderr


def test_closing_does_not_wait_for_an_apply_the_journal_refuses_at_once(applied):
    import fcntl

    lane, locks = applied.world.lane, os.path.join(applied.world.server.state, "locks")
    with contextlib.ExitStack() as stack:
        for name in os.listdir(locks):
            fcntl.flock(stack.enter_context(open(os.path.join(locks, name), "r+b")), fcntl.LOCK_EX)
        done = applied("deactivate", lane, "--reason", "seen in a log", "--yes")
    assert done.returncode == 5
    assert f"{lane} is closed in the journal, but not in OpenBao; run the command again" in done.stderr
    assert "another warden" in done.stderr
    assert applied("access", lane, "--json", "--", "true").stderr.startswith('{"code": 5, "kind": "closed"')
    assert applied("deactivate", lane, "--reason", "seen in a log", "--yes").returncode == 0


@pytest.mark.parametrize("verb", ["deactivate", "reactivate"])
def test_a_reason_for_closing_or_opening_holds_no_secret(applied, verb):
    secret = "sk-or-v1-" + "0123456789abcdef" * 4
    done = applied(verb, applied.world.lane, "--reason", f"{secret} leaked", "--yes")
    assert done.returncode == 2
    assert "--reason holds secret material (" in done.stderr
    assert secret not in done.stderr + applied("journal", "log", "--json").stdout


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("words", [("API_KEY", "SECRET"), ("API_KEY=SECRET",), ("SECRET",)])
def test_a_value_on_the_command_line_is_refused_and_not_repeated(applied, words, as_json):
    secret = "a-key-9f8e7d6c5b4a"
    given = [word.replace("SECRET", secret) for word in words] + (["--json"] if as_json else [])
    done = applied("put", applied.world.lane, *given, stdin="another-value")
    given_one = len(words) == 2 or "=" in words[0]  # else it stands in the place of the field's name
    assert done.returncode == (2 if given_one else 1)
    assert ("the command line takes no value" in done.stderr) == given_one
    assert "Nothing was written." in done.stderr
    assert secret not in done.stdout + done.stderr


def second_lane(world):
    """Another lane of the tenant, with a reader of its own; answers its id."""
    name = f"{world.tenant}-token"
    text = (
        world.lane_file.read_text().replace(world.lane, name).replace(f"{world.tenant}/api\n", f"{world.tenant}/web\n")
    )
    world.lane_file.with_name(f"{name}.yaml").write_text(text)
    return name


@pytest.mark.parametrize(
    "argv",
    [
        ("sync", "LANE"),
        ("render", "LANE", "--cluster", "here"),
        ("adopt", "LANE", "--cluster", "there"),
        ("plan", "LANE", "--cluster", "here"),
    ],
)
def test_of_a_delivery_whose_cluster_is_not_embedded_here_nothing_else_is_said(engineer, argv):
    world = engineer.world
    with world.lane_file.open("a") as file:
        secret = f"{world.tenant}/api-key"
        file.write(f"deliveries:\n  here: {{external_secret: {secret}}}\n  there: {{bootstrap_secret: {secret}}}\n")
    text = world.lane_file.read_text()
    world.lane_file.write_text(text.replace("owners:\n", "owners:\n  runtime: {repo: app, doc: docs/run.md}\n"))
    done = engineer(*[world.lane if word == "LANE" else word for word in argv])
    assert done.returncode == 2, done.stderr
    assert "the embedded platform has no cluster " in done.stderr
    assert "Nothing was done." in done.stderr
    assert "warden dev up --cluster here,there" in done.stderr


def test_one_lanes_foreign_object_does_not_keep_the_next_lane_from_being_applied(engineer):
    world = engineer.world
    other = second_lane(world)
    done = engineer("apply", "--all", "--json")
    assert done.returncode == 1
    assert json.loads(done.stderr)["subject"] == world.lane
    assert [receipt["lane"] for receipt in json.loads(done.stdout)] == [other]
    assert engineer("plan", other).returncode == 0
    shown = json.loads(engineer("plan", world.lane, "--json").stdout)
    assert shown["blocked"] == sum(change["action"] == "foreign" for change in shown["changes"]) == 2


def test_after_apply_the_next_step_is_a_value_until_there_is_a_live_one(applied):
    lane, path = applied.world.lane, applied.world.path.replace("platform/", "platform/data/", 1)
    assert f"Next: warden prove {lane}" in applied("apply", lane).stdout
    applied.world.server.must("DELETE", path)
    back = f"Next: bao kv undelete -mount=platform -versions=1 {applied.world.path.removeprefix('platform/')}"
    assert back in applied("apply", lane, COLUMNS="300").stdout  # nobody has to find the value anew
    applied.world.server.must("PUT", path.replace("/data/", "/destroy/"), {"versions": [1]})
    assert f"Next: warden put {lane} API_KEY" in applied("apply", lane).stdout


@pytest.mark.parametrize(
    ("given", "words"), [(b"\xff\xfe-no-text", "not valid UTF-8"), (b"k" * (512 * 1024 + 1), "larger than")]
)
def test_what_cannot_be_a_value_is_not_written(applied, given, words):
    world = applied.world
    done = subprocess.run(
        ["warden", "put", world.lane, "API_KEY"],
        input=given,
        env=world.env(**applied.own),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert words in done.stderr.decode()
    read = world.server.must("GET", world.path.replace("platform/", "platform/data/", 1))
    assert read["data"]["metadata"]["version"] == 1


def test_refuted_weighs_more_than_inconclusive_and_inconclusive_more_than_proven(applied, tmp_path):
    world = applied.world
    other = second_lane(world)
    empty = tmp_path / "empty.log"
    empty.touch()
    assert applied("prove", "--all").returncode == 1
    unseen = applied("prove", world.lane, WARDEN_AUDIT=str(empty))
    assert (unseen.returncode, "inconclusive" in unseen.stdout) == (3, True)
    done = applied("prove", "--all", "--json", "--audit", str(empty))
    states = {proof["lane"]: proof["state"] for proof in json.loads(done.stdout)}
    assert states == {world.lane: "inconclusive", other: "refuted"}
    assert done.returncode == 1


def test_a_closed_lane_is_not_proven(applied):
    lane = applied.world.lane
    other = second_lane(applied.world)
    journal = SqliteJournal(applied.own["WARDEN_JOURNAL"])
    journal.record("lane.closed", lane, {"reason": "test"})
    done = applied("prove", lane)
    assert (done.returncode, f"{lane} is closed. Nothing was asked." in done.stderr) == (5, True)
    assert [proof["lane"] for proof in json.loads(applied("prove", "--all", "--json").stdout)] == [other]
    journal.record("lane.closed", other, {"reason": "test"})
    every = applied("prove", "--all")
    assert (every.returncode, "no lane is active and open" in every.stderr) == (2, True)


def test_a_role_that_still_grants_a_closed_lane_is_refuted(applied):
    """Two lanes of one reader: closing the one in the journal alone leaves its policy in their role."""
    world = applied.world
    other = second_lane(world)
    file = world.lane_file.with_name(f"{other}.yaml")
    file.write_text(file.read_text().replace(f"{world.tenant}/web", f"{world.tenant}/api"))
    assert applied("apply", "--all").returncode == 0
    assert applied("prove", world.lane).returncode == 0
    SqliteJournal(applied.own["WARDEN_JOURNAL"]).record("lane.closed", other, {"reason": "test"})
    done = applied("prove", world.lane)
    assert done.returncode == 1
    assert "FAIL role is as declared" in done.stdout


def test_status_shows_active_lanes_or_all_and_without_a_server_what_is_known(applied):
    draft = second_lane(applied.world)
    file = applied.world.lane_file.with_name(f"{draft}.yaml")
    file.write_text(file.read_text().replace("status: active", "status: draft"))

    def listed(*flags, **how):
        done = applied("status", "--json", *flags, **how)
        return done.returncode, [each["lane"] for each in json.loads(done.stdout) if "orphan" not in each]

    assert listed() == (0, [applied.world.lane])
    assert listed("--all") == (0, sorted([applied.world.lane, draft]))
    assert listed(draft) == (0, [draft])
    assert listed(BAO_ADDR="") == (3, [applied.world.lane])
    active = applied.world.lane_file
    active.write_text(active.read_text().replace("status: active", "status: draft"))
    assert applied("status").stdout.startswith("No lane is active. All of them: warden status --all\n")


def test_put_from_a_pipe_prove_and_status(applied):
    lane, world = applied.world.lane, applied.world
    done = applied("put", lane, "API_KEY", stdin="a-new-value\n")
    assert done.returncode == 0, done.stderr
    assert "API_KEY is in version 2" in done.stdout
    assert "a-new-value" not in done.stdout + done.stderr
    proof = applied("prove", lane)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert proof.stdout.splitlines()[-1].startswith("proven: 21 of 21 as expected · evidence 16/16 audit lines")
    assert f"reader {world.reader} · auth/kubernetes role workload-{world.tenant}-api" in proof.stdout
    own = [line for line in proof.stdout.splitlines() if line.startswith("  ") and world.tenant not in line]
    assert [line for line in own if len(line) > 100] == []
    status = applied("status")
    assert status.returncode == 0
    (row,) = [line for line in status.stdout.splitlines() if line.startswith(lane)]
    assert row.split()[1:4] == ["v2", "open", "proven,"]


def test_what_stays_open_for_one_reason_is_shown_once_with_its_count_and_in_json_each_by_itself(applied):
    lane, world = applied.world.lane, applied.world
    world.server.must("DELETE", f"auth/kubernetes/role/workload-{world.tenant}-api")
    done, shown = applied("prove", lane), json.loads(applied("prove", lane, "--json").stdout)
    silent = [each["title"] for each in shown["verdicts"] if each["observed"] == "no answer"]
    assert len(silent) == 10
    assert done.returncode == 1
    shown_once = [line for line in done.stdout.splitlines() if "no answer" in line]
    assert shown_once == [f"  ??   {silent[0] + ', and 9 more':<50} no answer"]
    assert done.stdout.count("the reader itself cannot log in") == 1
    assert f"{shown['inconclusive']} of {shown['total']} inconclusive" in done.stdout


def test_prove_as_json_is_one_document_with_the_evidence(applied):
    shown = json.loads(applied("prove", applied.world.lane, "--json").stdout)
    assert (shown["state"], shown["failed"], shown["inconclusive"]) == ("proven", 0, 0)
    assert shown["total"] == len(shown["verdicts"]) == 21
    reads = next(verdict for verdict in shown["verdicts"] if verdict["probe"] == "reads")
    assert reads["word"] == "ok"
    assert reads["status"] == 200
    assert len(reads["audit"]) == 36
    assert shown["audit_log"] == applied.world.server.audit_file
    assert shown["journal"] > 0


def test_a_refuted_lane_names_owner_command_and_difference(applied):
    world = applied.world
    policy = f"sys/policies/acl/workload-kv-read-{world.lane}"
    text = world.server.must("GET", policy)["data"]["policy"]
    world.server.must("PUT", policy, {"policy": text + 'path "platform/data/*" { capabilities = ["read"] }\n'})
    done = applied("prove", world.lane)
    assert done.returncode == 1
    assert "FAIL reads a sibling path" in done.stdout
    assert "ALLOWED" in done.stdout
    assert f"owner platform-team · fix: warden apply {world.lane} --yes" in done.stdout
    assert '           - path "platform/data/*" { capabilities = ["read"] }' in done.stdout
    assert "refuted: 3 of 21 wrong" in done.stdout
    assert applied("plan", world.lane).returncode == 1
    asked = applied("apply", world.lane)
    assert (asked.returncode, world.server.must("GET", policy)["data"]["policy"].count("path")) == (2, 2)
    assert f"warden apply {world.lane} --yes" in asked.stderr
    assert applied("apply", world.lane, "--yes").returncode == 0
    assert applied("prove", world.lane).returncode == 0


def test_prove_all_shows_what_is_wrong_and_a_line_for_each_lane(applied):
    done = applied("prove", "--all")
    assert done.returncode == 0
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [applied.world.lane, "proven"]


def test_without_the_embedded_platform_nobody_is_played_and_the_audit_log_must_be_named(applied, tmp_path):
    only = applied.world.server.token_with(policy_text("plan"))
    done = applied("prove", applied.world.lane, WARDEN_STATE=str(tmp_path), BAO_TOKEN=only)
    assert done.returncode == 2
    assert "--audit FILE" in done.stderr
    done = applied("prove", applied.world.lane, "--audit", applied.world.server.audit_file, WARDEN_STATE=str(tmp_path))
    assert done.returncode == 3
    assert "is not the embedded platform of this machine" in " ".join(done.stdout.split())


def test_an_audit_command_whose_words_are_no_words(applied):
    done = applied("prove", applied.world.lane, "--audit-command", "cat 'unclosed")
    assert done.returncode == 2
    assert "--audit-command" in done.stderr
    both = applied("prove", applied.world.lane, "--audit-command", "cat x", "--audit", "y")
    assert both.returncode == 2


WRONG = {
    "no such lane": (("plan", "no-such-lane"), 1, "is not in the catalog"),
    "no lane at all": (("plan",), 2, "name one lane, or give --all"),
    "both": (("prove", "LANE", "--all"), 2, "name one lane, or give --all"),
    "a cluster of no lane": (("prove", "--all", "--cluster", "nope"), 2, "no lane is delivered to any cluster"),
    "a plan for a cluster of no lane": (
        ("plan", "--all", "--cluster", "nope"),
        2,
        "no lane is delivered to any cluster",
    ),
    "an apply for a cluster of no lane": (
        ("apply", "--all", "--cluster", "nope"),
        2,
        "no lane is delivered to any cluster",
    ),
    "no such field": (("put", "LANE", "TYPO"), 1, "has no field TYPO; it has"),
    "an empty value": (("put", "LANE", "API_KEY"), 2, "it is empty"),
    "an option of warden behind its command": (
        ("plan", "LANE", "--env", "prod"),
        2,
        "--env NAME comes before the command: warden --env NAME plan",
    ),
    "an option of warden behind an inner command": (
        ("journal", "log", "--platform", "x"),
        2,
        "--platform DIR comes before the command: warden --platform DIR journal log",
    ),
    "an unknown option": (("apply", "LANE", "--force"), 2, "No such option"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("as_json", [False, True])
def test_wrong_input_is_told_in_words_or_as_one_object(engineer, case, as_json):
    argv, code, words = WRONG[case]
    argv = tuple(engineer.world.lane if word == "LANE" else word for word in argv) + (("--json",) if as_json else ())
    done = engineer(*argv)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    if as_json:
        assert json.loads(done.stderr)["code"] == code


@pytest.mark.parametrize("command", [("plan",), ("apply",), ("put",), ("prove",)])
def test_without_a_server_a_token_or_an_answer_it_is_said_which(engineer, command):
    lane = engineer.world.lane
    argv = [*command, lane] + (["API_KEY"] if command == ("put",) else [])
    unnamed = engineer(*argv, BAO_ADDR="", stdin="a-value")
    assert (unnamed.returncode, "BAO_ADDR is not set" in unnamed.stderr) == (2, True)
    dead = engineer(*argv, BAO_ADDR="http://127.0.0.1:1", stdin="a-value", WARDEN_AUDIT="/dev/null")
    assert (dead.returncode, "cannot be reached" in dead.stderr) == (3, True)
    unknown = engineer(*argv, BAO_TOKEN="s.unknown", stdin="a-value")
    assert (unknown.returncode, "expired, revoked or unknown" in unknown.stderr) == (4, True)


def test_status_shows_what_the_journal_knows_when_openbao_is_gone(applied):
    assert applied("prove", applied.world.lane).returncode == 0
    done = applied("status", BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith(applied.world.lane)]
    assert row.split()[1:4] == ["?", "?", "proven,"]
    listed = json.loads(applied("status", "--json").stdout)
    assert listed[0]["proof"] == "proven"


def read_until(master, words, seconds=20):
    seen, end = b"", time.monotonic() + seconds
    while words not in seen and time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            try:
                seen += os.read(master, 4096)
            except OSError:
                break
    return seen


def on_a_terminal(engineer, *argv):
    master, slave = pty.openpty()
    environment = engineer.world.env(**engineer.own)
    process = subprocess.Popen(
        ["warden", *argv], stdin=slave, stdout=slave, stderr=slave, env=environment, close_fds=True
    )
    os.close(slave)
    return process, master


def test_a_typed_value_is_not_shown(applied):
    process, master = on_a_terminal(applied, "put", applied.world.lane, "API_KEY")
    seen = read_until(master, b"(not shown): ")
    os.write(master, b"typed-at-the-prompt\n")
    seen += read_until(master, b"Next: warden prove")
    process.wait(timeout=20)
    os.close(master)
    assert process.returncode == 0, seen
    assert b"typed-at-the-prompt" not in seen
    read = applied.world.server.must("GET", applied.world.path.replace("platform/", "platform/data/", 1))
    assert read["data"]["data"]["API_KEY"] == "typed-at-the-prompt"


def test_removing_a_role_is_asked_about_on_a_terminal(applied):
    world = applied.world
    text = world.lane_file.read_text()
    world.lane_file.write_text(text + f"  - workload: {world.tenant}/second\n")
    assert applied("apply", world.lane).returncode == 0
    world.lane_file.write_text(text)
    refused = applied("apply", world.lane)
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    process, master = on_a_terminal(applied, "apply", world.lane)
    read_until(master, b"Type ")
    os.write(master, b"something else\n")
    read_until(master, b"Nothing was changed")
    process.wait(timeout=20)
    os.close(master)
    assert process.returncode == 2
    process, master = on_a_terminal(applied, "apply", world.lane)
    read_until(master, b"Type ")
    os.write(master, world.lane.encode() + b"\n")
    read_until(master, b"Next:")
    process.wait(timeout=20)
    os.close(master)
    assert process.returncode == 0
    assert applied("plan", world.lane).returncode == 0


@pytest.mark.parametrize("command", [("plan",), ("prove",), ("status",)])
def test_ctrl_c_during_a_slow_answer_is_one_line(engineer, command):
    listener = socket.create_server(("127.0.0.1", 0))
    connected = threading.Event()

    def accept():
        client, _ = listener.accept()
        connected.set()
        time.sleep(20)
        client.close()

    threading.Thread(target=accept, daemon=True).start()
    environment = engineer.world.env(
        **engineer.own | {"BAO_ADDR": f"http://127.0.0.1:{listener.getsockname()[1]}", "WARDEN_AUDIT": "/dev/null"}
    )
    lane = () if command == ("status",) else (engineer.world.lane,)
    process = subprocess.Popen(
        ["warden", *command, *lane], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert connected.wait(20)
    process.send_signal(signal.SIGINT)
    out, told = process.communicate(timeout=10)
    listener.close()
    assert process.returncode == 130
    assert told.decode().strip().splitlines() == ["warden: interrupted."]
    assert out == b""


def test_a_reader_that_goes_away_is_no_error(applied):
    command = f"warden plan {applied.world.lane} | head -1"
    done = subprocess.run(
        ["bash", "-c", command], env=applied.world.env(**applied.own), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.startswith("OpenBao ")


def test_a_lane_is_closed_for_everyone_and_opened_again(applied):
    lane, world = applied.world.lane, applied.world
    refused = applied("deactivate", lane, "--reason", "key seen in a log")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    closed = applied("deactivate", lane, "--reason", "key seen in a log", "--yes")
    assert closed.returncode == 0, closed.stderr
    assert f"Put a new value first: warden put {lane} API_KEY SIGNING_KEY. " in closed.stdout
    assert f"To open it: warden reactivate {lane} --reason TEXT" in closed.stdout
    reader = {"BAO_TOKEN": world.token(), "WARDEN_JOURNAL": applied.own["WARDEN_JOURNAL"]}
    used = world.run("access", lane, "--", "true", **reader)
    assert used.returncode == 125
    assert "key seen in a log" in used.stderr
    assert applied("prove", lane).returncode == 5
    assert json.loads(applied("route", "show", lane, "--json").stdout)["resolvable"] is False
    (row,) = [line for line in applied("status").stdout.splitlines() if line.startswith(lane)]
    assert "closed" in row
    reopen = f"pen it: warden reactivate {lane}"
    planned = applied("plan", lane)
    assert (planned.returncode, f"{lane} is closed: its clusters are left" in planned.stdout) == (0, True)
    assert reopen in " ".join(planned.stdout.split())
    assert json.loads(applied("plan", lane, "--json").stdout)["closed"] is True
    assert reopen in applied("apply", lane).stdout.splitlines()[-1]
    kept = applied("put", lane, "API_KEY", stdin="a-new-value\n")
    assert reopen in kept.stdout.splitlines()[-1]
    opened = applied("reactivate", lane, "--reason", "new key", "--yes", "--json")
    assert (opened.returncode, json.loads(opened.stdout)["closed"]) == (0, False)
    assert applied("prove", lane).returncode == 0
    again = applied("reactivate", lane, "--reason", "new key", "--yes")
    assert (again.returncode, "is not closed" in again.stderr) == (5, True)


def test_a_lane_that_moved_and_was_closed_before_it_was_applied_can_be_opened_again(applied):
    """Its policy was the server's only trace of the earlier path, at which its role is marked."""
    lane, file = applied.world.lane, applied.world.lane_file
    before = applied.world.path
    file.write_text(file.read_text().replace(f"/api/{lane}", "/api/moved-key"))
    closed = applied("deactivate", lane, "--reason", "INC-9", "--yes")
    assert closed.returncode == 0, closed.stderr
    assert f"{before} was this lane's earlier path and still has its versions." in " ".join(closed.stdout.split())
    assert json.loads(applied("deactivate", lane, "--reason", "INC-9", "--yes", "--json").stdout)["left_behind"] == []
    refused = applied("reactivate", lane, "--reason", "mended", "--yes")
    assert (refused.returncode, "--take-over" in refused.stderr) == (1, True)
    empty = applied("reactivate", lane, "--reason", "mended", "--take-over", "--yes")
    assert (empty.returncode, f"{lane} stays closed: " in empty.stdout) == (1, True)
    for field in ("API_KEY", "SIGNING_KEY"):
        assert applied("put", lane, field, stdin="a-planted-value-0123456789").returncode == 0
    opened = applied("reactivate", lane, "--reason", "mended", "--take-over", "--yes")
    assert opened.returncode == 0, opened.stdout
    assert applied("plan", lane).returncode == 0


def test_closing_without_an_answer_says_that_only_the_journal_has_it(applied):
    lane = applied.world.lane
    done = applied("deactivate", lane, "--reason", "x", "--yes", BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3
    assert "is closed in the journal, but not in OpenBao" in done.stderr
    assert "run the command again when this is fixed" in done.stderr
    assert applied("deactivate", lane, "--reason", "x", "--yes").returncode == 0


@pytest.mark.parametrize("address", ["", "bao.example:8200", "http://bao.example:8200"])
def test_closing_without_an_address_closes_it_in_the_journal(applied, address):
    lane = applied.world.lane
    done = applied("deactivate", lane, "--reason", "x", "--yes", BAO_ADDR=address)
    assert done.returncode == 2
    assert f"{lane} is closed in the journal, but not in OpenBao; " in done.stderr
    assert "BAO_ADDR is " in done.stderr
    assert "run the command again when this is fixed" in done.stderr
    assert applied("access", lane, "--json", "--", "true").stderr.startswith('{"code": 5, "kind": "closed"')
    assert applied("deactivate", lane, "--reason", "x", "--yes").returncode == 0


A_LOGIN = """\
login: a-login
title: Login as a person
status: active
reviewed: 2026-07-02
needs: [a login]
owner: {repo: platform, doc: README.md}
subsystem: oidc
auth_method: oidc on a mount
next: bao login -method=oidc
"""


@pytest.mark.parametrize("address", ["as it is", ""])
def test_closing_what_is_no_lane_records_nothing(applied, address):
    before = applied("journal", "log", "--json").stdout
    more = {} if address else {"BAO_ADDR": ""}
    applied.world.lane_file.with_name("a-login.yaml").write_text(A_LOGIN)
    for name, code in (("nonesuch", 1), ("../catalog/nonesuch", 1), ("a-login", 2)):
        done = applied("deactivate", name, "--reason", "x", "--yes", **more)
        assert (done.returncode, name in done.stderr) == (code, True), done.stderr
    assert applied("journal", "log", "--json").stdout == before


@pytest.mark.parametrize("file", ["the lane's", "platform.yaml", "none"])
def test_a_lane_whose_file_cannot_be_used_is_closed_in_the_journal(applied, file):
    """Who has to close a lane at once does not mend a file first."""
    lane, path = applied.world.lane, applied.world.lane_file
    if file == "platform.yaml":
        path = path.parents[1] / file
    before = path.read_text() if path.exists() else "kv_mount: platform\n"
    path.write_text(f"{before}\nnonsense: 1\n")
    if file == "none":
        path.unlink()
    asked = applied("deactivate", lane, "--reason", "INC-9")
    assert (asked.returncode, f"this would close {lane}" in asked.stderr) == (2, True)
    done = applied("deactivate", lane, "--reason", "INC-9", "--yes")
    assert done.returncode == 1
    assert f"{lane} is closed in the journal, but not in OpenBao; " in done.stderr
    assert "run the command again when this is fixed" in done.stderr
    assert ("nonsense" in done.stderr) is (file != "none")
    path.write_text(before)
    assert "INC-9" in applied("access", lane, "--", "true").stderr
    assert applied("deactivate", lane, "--reason", "INC-9", "--yes").returncode == 0


@pytest.mark.parametrize("command", ["warden status", "warden help exit-codes", "warden route list"])
def test_a_closed_stdout_is_no_error_of_ours(applied, command):
    done = subprocess.run(
        ["bash", "-c", f"{command} >&-"],
        env=applied.world.env(**applied.own),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "fault in warden" not in done.stderr


def in_a_shell(engineer, command, **how):
    env = engineer.world.env(**(engineer.own | how))
    return subprocess.run(["bash", "-c", command], env=env, capture_output=True, check=False)


def test_a_closed_stdin_is_an_empty_value(applied):
    done = in_a_shell(applied, f"warden put {applied.world.lane} API_KEY <&-")
    assert (done.returncode, b"it is empty" in done.stderr) == (2, True), done.stderr


def test_a_locale_without_our_letters_ends_nothing(applied):
    lane = applied.world.lane
    done = in_a_shell(applied, f"warden apply {lane} && warden route show {lane} --json", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert f"{lane}\n".encode() in done.stdout


@pytest.mark.parametrize("argv", ["route list", "route list --json", "route show LANE --json"])
def test_a_full_stdout_is_told_as_such(applied, argv):
    command = f"warden {argv.replace('LANE', applied.world.lane)} > /dev/full"
    done = in_a_shell(applied, command, PYTHONUNBUFFERED="1")
    assert done.returncode == 3
    assert done.stderr == b"warden: stdout cannot be written (no space left on device).\n"
