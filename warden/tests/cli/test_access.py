import json
import os
import pty
import secrets
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from warden.adapters.journal.sqlite import SqliteJournal

SHOW = "import os, json; print(json.dumps({k: v for k, v in os.environ.items()}))"


def events(world) -> list[str]:
    return [record.event for record in SqliteJournal(str(world.journal)).log()]


def last(world, event: str):
    return [record for record in SqliteJournal(str(world.journal)).log() if record.event == event][-1]


def wrong(done, code: int, kind: str, *words: str) -> dict[str, object]:
    """The JSON error of a run that ended with `code`, of this kind, saying these words."""
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert error["kind"] == kind, error
    for word in words:
        assert word in error["message"] + " " + error["hint"], error
    return error


def test_the_command_has_every_field_in_its_environment_and_none_of_the_callers_tokens(lane_world):
    done = lane_world.run(
        "access",
        lane_world.lane,
        "--",
        sys.executable,
        "-c",
        SHOW,
        BAO_TOKEN=lane_world.token(),
        VAULT_TOKEN="x",
        BAO_UNSEAL_KEY="x",
        WARDEN_SA_TOKEN_FILE="/x",
        KEPT="yes",
    )
    assert done.returncode == 0, done.stderr
    child = json.loads(done.stdout)
    assert lane_world.values.items() <= child.items()
    assert child["KEPT"] == "yes"
    assert not {"BAO_TOKEN", "VAULT_TOKEN", "BAO_UNSEAL_KEY", "WARDEN_SA_TOKEN_FILE"} & child.keys()
    assert child["BAO_ADDR"] == lane_world.server.address
    assert done.stderr == ""


def test_the_journal_has_the_decision_the_beginning_and_the_end_and_no_value(lane_world):
    lane_world.run("access", lane_world.lane, "--reason", "ticket 7", "--", "true", BAO_TOKEN=lane_world.token())
    assert events(lane_world) == ["decision", "access.begin", "access.handed"]
    decision, handed = last(lane_world, "decision").body, last(lane_world, "access.handed").body
    assert decision["effect"] == "allow"
    assert decision["policies"] == ["declared-readers"]
    assert decision["reason"] == "ticket 7"
    assert decision["identity"]["role"] == f"workload-{lane_world.tenant}-api"
    assert handed["decision"] == decision["id"]
    assert handed["fields"] == ["API_KEY", "SIGNING_KEY"]
    assert handed["version"] == 1
    assert handed["program"].endswith("/true")


def test_only_declared_fields_are_handed_over(lane_world):
    lane_world.fill(lane_world.values | {"OTHER": "not of this lane"})
    done = lane_world.run("access", lane_world.lane, "--", "env", BAO_TOKEN=lane_world.token())
    assert "OTHER" not in done.stdout
    assert "API_KEY=" in done.stdout


READ_FD = """
import os, sys, fcntl, json, subprocess
path = os.environ["API_KEY_FILE"]
fd = int(path.rpartition("/")[2])
first, again = open(path).read(), open(path).read()
facts = {"same": first == again, "value": first, "mode": fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE,
         "seals": fcntl.fcntl(fd, fcntl.F_GET_SEALS), "env": "API_KEY" in os.environ}
try: os.open(path, os.O_WRONLY)
except OSError as error: facts["write"] = error.errno
else:
    try: os.write(os.open(path, os.O_WRONLY), b"x")
    except OSError as error: facts["write"] = error.errno
facts["grandchild"] = subprocess.run("cat $SIGNING_KEY_FILE", shell=True, close_fds=False, stdout=-1, text=True).stdout
print(json.dumps(facts))
"""


def test_fields_as_sealed_files(lane_world):
    done = lane_world.run(
        "access",
        lane_world.lane,
        "--as",
        "fd",
        "--",
        sys.executable,
        "-c",
        READ_FD,
        BAO_TOKEN=lane_world.token(),
        API_KEY="an older one",
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["value"] == lane_world.values["API_KEY"]
    assert facts["grandchild"] == lane_world.values["SIGNING_KEY"]
    assert facts["same"]
    assert facts["mode"] == os.O_RDONLY
    assert facts["seals"] == 0b1111
    assert facts["write"] in {1, 13}
    assert facts["env"] is False


@pytest.mark.parametrize("code", [0, 1, 7, 125])
def test_the_exit_code_is_the_commands(lane_world, code):
    done = lane_world.run("access", lane_world.lane, "--", "sh", "-c", f"exit {code}", BAO_TOKEN=lane_world.token())
    assert done.returncode == code


def test_arguments_arrive_as_they_were_written(lane_world):
    argv = ["--json", "--", "a b", "", "--fetch", "-x"]
    done = lane_world.run(
        "access",
        lane_world.lane,
        "--",
        sys.executable,
        "-c",
        "import sys; print(sys.argv[1:])",
        *argv,
        BAO_TOKEN=lane_world.token(),
    )
    assert done.stdout == f"{argv}\n"


def test_the_command_is_this_process_and_takes_its_signals(lane_world):
    script = "import os, signal, time; print(os.getpid(), flush=True); time.sleep(30)"
    process = subprocess.Popen(
        ["warden", "access", lane_world.lane, "--", sys.executable, "-c", script],
        env=lane_world.env(BAO_TOKEN=lane_world.token()),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGTERM


def test_a_broken_pipe_ends_the_command_as_it_would_without_warden(lane_world):
    done = lane_world.run(
        "access",
        lane_world.lane,
        "--",
        "bash",
        "-c",
        'yes | head -1 >/dev/null; echo "${PIPESTATUS[0]}"',
        BAO_TOKEN=lane_world.token(),
    )
    assert done.stdout == "141\n"


def test_the_terminal_is_the_commands(lane_world):
    pid, master = pty.fork()
    if pid == 0:
        argv = ["warden", "access", lane_world.lane, "--", "sh", "-c", "test -t 0 && test -t 1 && stty size"]
        os.execvpe(argv[0], argv, lane_world.env(BAO_TOKEN=lane_world.token()))
    said = b""
    while select.select([master], [], [], 20)[0]:
        try:
            said += os.read(master, 1024)
        except OSError:
            break
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, said
    assert b"0 0" in said


def test_fetch_writes_the_value_alone(lane_world):
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", BAO_TOKEN=lane_world.token())
    assert done.returncode == 0
    assert done.stdout == lane_world.values["API_KEY"]
    assert done.stderr == ""
    assert last(lane_world, "access.handed").body["fields"] == ["API_KEY"]
    assert last(lane_world, "access.begin").body["via"] == "stdout"


def on_terminal(world, *argv: str) -> tuple[int, str]:
    """Run with stdout a terminal; exit code and what was on it."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["warden", *argv], env=world.env(BAO_TOKEN=world.token()), stdout=slave, stderr=subprocess.PIPE, text=True
    )
    os.close(slave)
    errors = process.communicate(timeout=30)[1]
    try:
        shown = os.read(master, 4096).decode()
    except OSError:
        shown = ""
    os.close(master)
    return process.returncode, shown + errors


def test_fetch_shows_nothing_on_a_terminal_unless_forced(lane_world):
    code, said = on_terminal(lane_world, "access", lane_world.lane, "--fetch", "API_KEY")
    assert code == 2
    assert "stdout is a terminal, which would show the value. Nothing was read." in said
    assert not lane_world.journal.exists()
    code, said = on_terminal(lane_world, "access", lane_world.lane, "--fetch", "API_KEY", "--force")
    assert (code, said) == (0, lane_world.values["API_KEY"])


def test_a_field_that_the_lane_does_not_have(lane_world):
    done = lane_world.run("access", lane_world.lane, "--fetch", "NOPE", "--json", BAO_TOKEN=lane_world.token())
    wrong(done, 2, "usage", "has no field NOPE", "API_KEY, SIGNING_KEY")
    assert not lane_world.journal.exists()


def test_the_token_of_bao_login_is_found(lane_world):
    (lane_world.folder / "home" / ".vault-token").write_text(lane_world.token() + "\n")
    assert lane_world.run("access", lane_world.lane, "--", "true").returncode == 0


def sa_file(world, **claims) -> str:
    file = world.folder / "sa-token"
    file.write_text(world.server.mint(claims.pop("workload", world.reader), **claims))
    return str(file)


@pytest.mark.parametrize("by", ["flag", "variable"])
def test_a_service_account_token_logs_in_and_its_token_is_revoked_before_the_command(lane_world, by):
    file = sa_file(lane_world)
    flag = ["--token-file", file] if by == "flag" else []
    variables = {"WARDEN_SA_TOKEN_FILE": file} if by == "variable" else {}
    done = lane_world.run("access", lane_world.lane, *flag, "--", "env", **variables)
    assert done.returncode == 0, done.stderr
    assert f"API_KEY={lane_world.values['API_KEY']}" in done.stdout
    assert "WARDEN_SA_TOKEN_FILE" not in done.stdout
    ours = [line for line in audit(lane_world) if lane_world.tenant in line]
    assert any("auth/token/revoke-self" in line for line in ours)
    accessors = lane_world.server.call("LIST", "auth/token/accessors")[1]["data"]["keys"]
    left = [lane_world.server.call("POST", "auth/token/lookup-accessor", {"accessor": a})[1] for a in accessors]
    assert not [each for each in left if lane_world.tenant in json.dumps(each)]


def audit(world) -> list[str]:
    return Path(world.server.audit_file).read_text().splitlines()


def test_a_token_for_another_audience_is_never_sent(lane_world):
    before = len(audit(lane_world))
    done = lane_world.run(
        "access", lane_world.lane, "--token-file", sa_file(lane_world, audience="kubernetes"), "--json", "--", "true"
    )
    error = wrong(done, 125, "refused", "made for the audience kubernetes", "not for openbao", "it was not sent")
    assert error["code"] == 4
    assert len(audit(lane_world)) == before


def test_another_workloads_token_is_never_sent(lane_world):
    before = len(audit(lane_world))
    file = sa_file(lane_world, workload=f"{lane_world.tenant}/other")
    done = lane_world.run("access", lane_world.lane, "--token-file", file, "--json", "--", "true")
    wrong(done, 125, "not-a-reader", f"{lane_world.tenant}:other", f"is for {lane_world.reader}")
    assert len(audit(lane_world)) == before


def test_no_token_says_how_this_lanes_readers_log_in(lane_world):
    error = wrong(
        lane_world.run("access", lane_world.lane, "--json", "--", "true"),
        125,
        "unidentified",
        "no token was given",
        "true was not started",
        f"run it as {lane_world.reader}",
    )
    assert error["code"] == 4
    assert not lane_world.journal.exists()


def test_an_unknown_token(lane_world):
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", "--json", BAO_TOKEN="s.unknown")
    wrong(done, 4, "unidentified", "expired, revoked or unknown")
    assert events(lane_world) == []


def test_an_expired_token(lane_world):
    token = lane_world.token()
    lane_world.server.must("POST", "auth/token/revoke", {"token": token})
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token)
    error = wrong(done, 125, "unidentified", "expired, revoked or unknown")
    assert error["code"] == 4
    assert events(lane_world) == []


def test_a_caller_who_is_no_reader_is_told_who_is_and_the_refusal_is_journaled(lane_world):
    token = lane_world.server.token("developer")
    error = wrong(
        lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token),
        125,
        "not-a-reader",
        "you are ",
        f"is for {lane_world.reader} (auth/kubernetes, role workload-",
    )
    assert error["code"] == 4
    assert events(lane_world) == ["decision"]
    assert last(lane_world, "decision").body["effect"] == "deny"
    assert lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", BAO_TOKEN=token).returncode == 4


def test_a_token_that_may_do_everything_is_no_reader(lane_world):
    token = lane_world.server.token_with('path "*" { capabilities = ["read", "update", "sudo"] }')
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token)
    wrong(done, 125, "not-a-reader", "a token made without a login")
    assert events(lane_world) == ["decision"]
    assert last(lane_world, "decision").body["effect"] == "deny"


def test_a_refusal_by_openbao_itself_names_the_way_out(lane_world):
    lane_world.server.must("DELETE", f"sys/policies/acl/workload-kv-read-{lane_world.lane}")
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=lane_world.token())
    wrong(done, 125, "refused", "refused", f"ask platform-team to run: warden plan {lane_world.lane}")
    assert events(lane_world) == ["decision", "access.begin", "access.failed"]
    assert last(lane_world, "access.failed").body["kind"] == "refused"


def test_a_missing_field_is_named_before_anything_starts(lane_world):
    lane_world.fill({"API_KEY": "x"})
    done = lane_world.run("access", lane_world.lane, "--json", "--", "touch", "started", BAO_TOKEN=lane_world.token())
    wrong(done, 125, "missing", "has no field SIGNING_KEY", f"warden put {lane_world.lane} SIGNING_KEY")
    assert not (lane_world.folder / "started").exists()
    assert last(lane_world, "access.failed").body["kind"] == "missing"


def test_no_live_version(lane_world):
    lane_world.server.must("DELETE", lane_world.path.replace("platform/", "platform/data/", 1))
    done = lane_world.run("access", lane_world.lane, "--fetch", "API_KEY", "--json", BAO_TOKEN=lane_world.token())
    wrong(done, 1, "missing", "has no live version")
    assert events(lane_world) == ["decision", "access.begin", "access.failed"]
    assert last(lane_world, "access.failed").body["kind"] == "missing"


def test_a_value_with_a_nul_byte_goes_by_file_only(lane_world):
    lane_world.fill({"API_KEY": "a\0b", "SIGNING_KEY": "half \ud83d"})
    token = lane_world.token()
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token)
    wrong(done, 125, "usage", "the value of API_KEY has a NUL byte", "--as fd")
    done = lane_world.run(
        "access", lane_world.lane, "--as", "fd", "--", "sh", "-c", "wc -c <$API_KEY_FILE", BAO_TOKEN=token
    )
    assert done.stdout.strip() == "3", done.stderr


def test_a_value_that_is_too_large_for_an_environment(lane_world):
    lane_world.fill({"API_KEY": "x" * 200_000, "SIGNING_KEY": "s"})
    token = lane_world.token()
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token)
    wrong(done, 126, "cannot-run", "--as fd")
    done = lane_world.run(
        "access", lane_world.lane, "--as", "fd", "--", "sh", "-c", "wc -c <$API_KEY_FILE", BAO_TOKEN=token
    )
    assert done.stdout.strip() == "200000", done.stderr


def test_a_closed_lane(lane_world):
    journal = SqliteJournal(str(lane_world.journal))
    number = journal.record("lane.closed", lane_world.lane, {"reason": "compromised"})
    done = lane_world.run("access", lane_world.lane, "--", "./serve", BAO_TOKEN=lane_world.token())
    assert done.returncode == 125
    first, second = done.stderr.splitlines()
    assert first.startswith(f"warden: {lane_world.lane} has been closed since 20")
    assert first.endswith(f"(compromised; journal {number}). Nothing was read and ./serve was not started.")
    assert second == f"        ask platform-team to run: warden reactivate {lane_world.lane} --reason TEXT"
    error = wrong(lane_world.run("access", lane_world.lane, "--json", "--", "true"), 125, "closed")
    assert error["code"] == 5
    assert lane_world.run("access", lane_world.lane, "--fetch", "API_KEY").returncode == 5
    assert '"state": "closed"' in lane_world.run("access", lane_world.lane, "--json").stdout
    journal.record("lane.opened", lane_world.lane, {})
    assert lane_world.run("access", lane_world.lane, "--", "true", BAO_TOKEN=lane_world.token()).returncode == 0


def test_a_draft_with_a_placeholder(lane_world):
    text = lane_world.lane_file.read_text().replace("status: active", "status: draft")
    lane_world.lane_file.write_text(text.replace(f"workloads/{lane_world.tenant}/", "workloads/<tenant>/"))
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=lane_world.token())
    error = wrong(done, 125, "not-now", "is a draft", "<tenant>", "true was not started")
    assert error["code"] == 5
    assert events(lane_world) == []


@pytest.mark.parametrize(
    ("command", "code", "kind"),
    [
        ("no-such-command", 127, "command-not-found"),
        ("", 127, "command-not-found"),
        ("./missing/x", 127, "command-not-found"),
        ("/", 126, "cannot-run"),
        ("/etc/passwd", 126, "cannot-run"),
    ],
)
def test_a_command_that_cannot_run_is_found_out_before_anything_is_read(lane_world, command, code, kind):
    done = lane_world.run("access", lane_world.lane, "--json", "--", command, BAO_TOKEN=lane_world.token())
    wrong(done, code, kind)
    assert not lane_world.journal.exists()


def test_a_script_without_its_first_line(lane_world):
    script = lane_world.folder / "script"
    script.write_text("true\n")
    script.chmod(0o755)
    done = lane_world.run("access", lane_world.lane, "--json", "--", "./script", BAO_TOKEN=lane_world.token())
    wrong(done, 126, "cannot-run", "#!")
    assert events(lane_world)[-2:] == ["access.handed", "access.failed"]


def test_a_reason_is_asked_where_the_policy_demands_it(lane_world):
    folder = lane_world.folder / "platform" / "policies" / "access"
    folder.mkdir(parents=True)
    (folder / "p.cedar").write_text(
        '@id("read") permit (principal, action, resource) when { principal in resource.readers };\n'
        '@id("say-why") forbid (principal, action, resource) unless { context.reason != "" };'
    )
    token = lane_world.token()
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token)
    wrong(done, 125, "refused", "say-why requires a reason", "--reason")
    done = lane_world.run("access", lane_world.lane, "--reason", "ticket 7", "--", "true", BAO_TOKEN=token)
    assert done.returncode == 0, done.stderr
    (folder / "p.cedar").write_text("permit (")
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=token)
    assert wrong(done, 125, "inconclusive", "do not parse")["code"] == 3


def test_an_unwritable_journal_stops_everything(lane_world):
    lane_world.journal.parent.mkdir(parents=True)
    lane_world.journal.write_text("no journal")
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=lane_world.token())
    assert wrong(done, 125, "journal", str(lane_world.journal), "true was not started")["code"] == 3


def test_wrong_usage_in_front_of_a_command_is_125(lane_world):
    done = lane_world.run("access", lane_world.lane, "--as", "banner", "--json", "--", "true")
    assert wrong(done, 125, "usage", "banner")["code"] == 2
    assert lane_world.run("access", lane_world.lane, "--").returncode == 125
    assert lane_world.run("access", "--", "true").returncode == 125
    assert lane_world.run("access", lane_world.lane, "--as", "banner").returncode == 2


def test_advice(lane_world):
    done = lane_world.run("access", lane_world.lane)
    assert done.returncode == 0
    for words in (
        lane_world.path,
        "platform-team (custody)",
        "API_KEY, SIGNING_KEY",
        f"warden access {lane_world.lane} --",
    ):
        assert words in done.stdout
    advice = json.loads(lane_world.run("access", lane_world.lane, "--json").stdout)
    assert advice["next_action"] == f"warden access {lane_world.lane} -- COMMAND"
    assert advice["readers"][0]["role"] == f"workload-{lane_world.tenant}-api"
    assert not lane_world.journal.exists()


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "PYTHONPATH", "BAO_TOKEN", "lower"])
def test_a_field_that_would_steer_the_command_is_never_handed_over(lane_world, name):
    lane_world.lane_file.write_text(lane_world.lane_file.read_text().replace("SIGNING_KEY", name))
    done = lane_world.run("access", lane_world.lane, "--json", "--", "true", BAO_TOKEN=lane_world.token())
    wrong(done, 125, "invalid", f"{lane_world.lane} cannot be used: its file has errors")
    assert not lane_world.journal.exists()


def test_a_need_gets_advice_and_never_decides_what_a_command_gets(lane_world):
    text = lane_world.lane_file.read_text()
    lane_world.lane_file.write_text(text + "needs: [zebra stripes key]\n")
    token = lane_world.token()
    for need in (("zebra", "stripes"), ("zebra stripes",), (lane_world.lane[:-1],), (lane_world.lane.upper(),), ("",)):
        done = lane_world.run("access", *need, "--json", "--", "true", BAO_TOKEN=token)
        wrong(done, 125, "usage", "is not the id of a lane", "Nothing was read")
        fetched = lane_world.run("access", *need, "--fetch", "API_KEY", "--json", BAO_TOKEN=token)
        wrong(fetched, 2, "usage", "is not the id of a lane", "Nothing was read")
    assert lane_world.run("access", "zebra stripes").returncode == 0
    near = lane_world.run("access", lane_world.lane[:-1], "--as", "fd", "--", "echo", "two words", BAO_TOKEN=token)
    assert f"warden access {lane_world.lane} --as fd -- echo 'two words'" in near.stderr
    done = lane_world.run("access", "wifi password", "--json", "--", "true")
    assert wrong(done, 125, "usage")["hint"] == "warden access 'wifi password'"
    assert not lane_world.journal.exists()


def another_lane(world):
    other = f"other-{world.lane}"
    text = world.lane_file.read_text().replace(world.lane, other)
    world.lane_file.with_name(f"{other}.yaml").write_text(text)
    return other


def test_two_lanes_are_not_one(lane_world):
    other = another_lane(lane_world)
    for words in ((lane_world.lane, other), (f"{lane_world.lane} {other}",)):
        done = lane_world.run("access", *words, "--json", "--", "true", BAO_TOKEN=lane_world.token())
        error = wrong(done, 125, "usage", f"{lane_world.lane}, {other} were named", "Nothing was read")
        assert error["hint"] == f"warden access {lane_world.lane} --json -- true"
    same = lane_world.run("access", lane_world.lane, lane_world.lane, "--json", "--", "true")
    wrong(same, 125, "usage", "is not the id of a lane")
    advice = lane_world.run("access", lane_world.lane, other, "--json")
    assert [each["id"] for each in json.loads(advice.stdout)] == [lane_world.lane, other]
    assert not lane_world.journal.exists()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("LANE env", "LANE -- env"),
        ("LANE no-such-program", "LANE -- no-such-program"),
        ("LANE ls -l", "LANE -- ls -l"),
        ("LANE ls --all", "LANE -- ls --all"),
        ("LANE no-such-program --port 80", "LANE -- no-such-program --port 80"),
        ("LANE --as fd cat x", "LANE --as fd -- cat x"),
        ("--reason why LANE cat API_KEY", "LANE --reason why -- cat API_KEY"),
        ("LANE sh -c true", "LANE -- sh -c true"),
        ("LANE ./run", "LANE -- ./run"),
        ("LANE --as=fd env env", "LANE --as fd -- env env"),
    ],
)
def test_forgotten_dashes_are_recognized(lane_world, typed, meant):
    done = lane_world.run("access", *typed.replace("LANE", lane_world.lane).split())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"warden access {meant.replace('LANE', lane_world.lane)}" in done.stderr.replace('"hint"', "")
    assert not lane_world.journal.exists()


def test_a_command_that_could_hold_a_value_is_not_repeated(lane_world):
    planted = f"ghp_{secrets.token_hex(18)}"
    for dashes in ((), ("--",)):
        lane = lane_world.lane if not dashes else lane_world.lane[:-1]
        done = lane_world.run("access", lane, *dashes, "curl", "-H", f"Authorization: Bearer {planted}", "https://x")
        assert done.returncode in {2, 125}
        assert planted not in done.stdout + done.stderr
        assert f"warden access {lane_world.lane} -- curl -H … https://x" in done.stderr.replace("'…'", "…")


@pytest.mark.parametrize("words", ["LANE API_KEY", "LANE LANE", "LANE SIGNING_KEY"])
def test_words_behind_an_id_that_are_no_command_are_advised_on(lane_world, words):
    done = lane_world.run("access", *words.replace("LANE", lane_world.lane).split(), "--json")
    assert (done.returncode, json.loads(done.stdout)["id"]) == (0, lane_world.lane)


def test_a_need_that_begins_like_a_command_is_a_need(lane_world):
    lane_world.lane_file.write_text(lane_world.lane_file.read_text() + "needs: [zebra ls env]\n")
    assert lane_world.run("access", "zebra", "ls", "env").returncode == 0
    unknown = lane_world.run("access", "zebra", "ls", "--bad")
    assert (unknown.returncode, "--bad" in unknown.stderr) == (2, True)


def test_a_value_that_cannot_be_written(lane_world):
    lane_world.fill({"API_KEY": "half \ud83d", "SIGNING_KEY": "s"})
    command = f"warden access {lane_world.lane} --fetch API_KEY --json"
    env = lane_world.env(BAO_TOKEN=lane_world.token(), LANG="C")
    done = subprocess.run(["sh", "-c", f"{command} >/dev/full"], env=env, capture_output=True, text=True, check=False)
    wrong(done, 3, "inconclusive", "stdout cannot be written (no space left on device)")
    raw = subprocess.run(["sh", "-c", command], env=env, capture_output=True, check=True).stdout
    assert raw.startswith(b"half ")
    told = subprocess.run(
        ["sh", "-c", f"warden access {lane_world.lane} >/dev/full"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 3
    assert told.stderr == "warden: stdout cannot be written (no space left on device).\n"


def test_advice_says_that_nothing_was_proven_yet(lane_world):
    done = lane_world.run("access", lane_world.lane)
    assert "state    active, unproven" in done.stdout
    assert json.loads(lane_world.run("access", lane_world.lane, "--json").stdout)["proof"]["state"] == "unproven"


def test_a_token_file_without_a_name_is_not_the_callers_other_token(lane_world):
    done = lane_world.run("access", lane_world.lane, "--token-file", "", "--", "true", BAO_TOKEN=lane_world.token())
    assert done.returncode == 125
    assert "--token-file names no file" in done.stderr


def test_a_token_that_is_given_instead_of_its_file_is_not_shown(lane_world):
    token = lane_world.server.mint(f"{lane_world.tenant}/api")
    done = lane_world.run("access", lane_world.lane, "--token-file", token, "--json", "--", "true")
    assert done.returncode == 125
    assert token[-40:] not in done.stderr
    assert json.loads(done.stderr)["kind"] == "unidentified"


def test_a_reason_that_holds_a_secret_is_not_journaled(lane_world):
    secret = "sk-or-v1-" + "0123456789abcdef" * 4
    done = lane_world.run(
        "access", lane_world.lane, "--reason", f"{secret} leaked", "--", "true", BAO_TOKEN=lane_world.token()
    )
    assert done.returncode == 125
    assert "--reason holds secret material (" in done.stderr
    assert secret not in done.stderr + lane_world.run("journal", "log", "--json").stdout
