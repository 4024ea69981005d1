import json
import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from warden.adapters.dev import server
from warden.adapters.journal.sqlite import SqliteJournal
from warden.core.lanes.lane import RoleName
from warden.present.dev import _fish, _sh

pytestmark = pytest.mark.real

WARDEN = str(Path(sys.executable).with_name("warden"))


def run(state, *arguments, **environ):
    usual = {"PATH": os.environ["PATH"], "HOME": str(state), "WARDEN_STATE": str(state)}
    return subprocess.run(
        [WARDEN, *arguments], env=usual | environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def on_terminal(state, *arguments, rows=30, columns=100):
    usual = {"PATH": os.environ["PATH"], "HOME": str(state), "WARDEN_STATE": str(state), "TERM": "xterm"}
    return pexpect.spawn(WARDEN, list(arguments), env=usual, encoding="utf-8", timeout=20, dimensions=(rows, columns))


@pytest.fixture
def state(platform_server):
    return platform_server.state


def test_up_twice_says_that_it_is_up(state, platform_server):
    done = run(state, "dev", "up")
    assert done.returncode == 0
    assert done.stdout.startswith(f"is up already: {platform_server.address} (pid ")
    assert done.stderr == 'Next: eval "$(warden dev env)"\n'


def test_status_and_its_exit_code(state, platform_server, tmp_path):
    done = run(state, "dev", "status", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["up"], found["address"]) == (0, True, platform_server.address)
    assert found["audit_bytes"] > 1000
    assert found["data_bytes"] > 1000
    assert "up, started" in run(state, "dev", "status").stdout
    down = run(tmp_path, "dev", "status")
    assert down.returncode == 1
    assert down.stdout.startswith("state     down\n")
    assert down.stderr == "Next: warden dev up\n"
    assert json.loads(run(tmp_path, "dev", "status", "--json").stdout)["up"] is False
    assert not (tmp_path / "dev").exists()


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "dash"])
def test_env_is_for_a_shell_to_read_and_holds_no_token(state, platform_server, shell):
    if not any((Path(each) / shell).exists() for each in os.environ["PATH"].split(":")):
        pytest.skip(f"no {shell} here")
    lines = run(state, "dev", "env", "--as", "developer").stdout
    assert platform_server.token("developer") not in lines
    script = f'{lines}\nprintf "%s\\n" "$BAO_ADDR" "$BAO_TOKEN" "$WARDEN_AUDIT" "${{BAO_NAMESPACE-none}}"'
    environ = {"PATH": os.environ["PATH"], "BAO_NAMESPACE": "elsewhere"}
    said = subprocess.run([shell, "-c", script], env=environ, capture_output=True, text=True, check=True)
    token = platform_server.token("developer")
    assert said.stdout.split("\n") == [platform_server.address, token, platform_server.audit_file, "none", ""]


def test_env_survives_paths_that_shells_would_read(tmp_path):
    path = tmp_path / 'a "b" $HOME `c` it\'s'
    path.write_text("token")
    script = "\n".join([*_sh({"X": str(path)}, str(path)), 'printf "%s\\n" "$X" "$BAO_TOKEN"'])
    said = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == f"{path}\ntoken\n"
    assert "it\\'s" in _fish({"X": str(path)}, str(path))[1]


def test_env_for_fish_and_as_json(state, platform_server):
    fish = run(state, "dev", "env", "--shell", "fish").stdout
    assert f"set -gx BAO_ADDR '{platform_server.address}'\n" in fish
    found = json.loads(run(state, "dev", "env", "--as", "admin", "--json").stdout)
    assert found["as"] == "admin"
    assert Path(found["token_file"]).read_text() == platform_server.token("admin")


def test_a_part_logs_in_and_is_told_the_next_command(state):
    done = run(state, "dev", "login", "developer")
    assert done.returncode == 0
    assert done.stdout.startswith("logged in as developer; the token is in ")
    assert done.stderr == 'Next: eval "$(warden dev env --as developer)"\n'
    assert "s." not in done.stdout.rpartition(" ")[2].rpartition("/")[2]
    assert not (Path(state) / ".vault-token").exists()


def test_a_person_logs_in_with_a_role_and_plays_on(state, platform_server, unique):
    role = unique("people")
    bound = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["openbao"]}
    platform_server.vault("admin").write_role(
        RoleName("netkingdom", role), bound | {"bound_claims": {"groups": ["npm"]}}
    )
    before = run(state, "dev", "env", "--as", "person:bea")
    assert before.returncode == 1
    assert "warden dev login person:bea --group GROUP --role ROLE" in before.stderr
    refused = run(state, "dev", "login", "person:bea", "--group", "other", "--role", role)
    assert refused.returncode == 4
    assert "groups" in refused.stderr
    assert run(state, "dev", "login", "person:bea", "--group", "npm", "--role", role).returncode == 0
    token_file = json.loads(run(state, "dev", "env", "--as", "person:bea", "--json").stdout)["token_file"]
    assert platform_server.vault(Path(token_file).read_text()).identity().display_name == "netkingdom-bea"


@pytest.mark.parametrize(
    "arguments", [["login", "nobody"], ["login", "person:a"], ["login", "person:../x", "--role", "r"]]
)
def test_who_cannot_log_in_is_told_how(state, arguments):
    done = run(state, "dev", *arguments)
    assert done.returncode == 2
    assert "Nothing was done" in done.stderr or "obody was logged in" in done.stderr
    assert "person:" in done.stderr


@pytest.mark.parametrize("command", [["env"], ["login", "admin"]])
def test_without_a_platform_the_next_command_is_named(tmp_path, command):
    done = run(tmp_path, "dev", *command)
    assert done.returncode == 1
    assert done.stderr == "warden: the embedded platform is not up\n        warden dev up\n"


def test_a_token_goes_into_a_pipe_or_a_private_file(state, platform_server, tmp_path, unique):
    role = unique("role")
    bound = {"bound_subject": "system:serviceaccount:a-b:c.d", "bound_audiences": ["vault"]}
    platform_server.vault("admin").write_role(
        RoleName("kubernetes", role), {"role_type": "jwt", "user_claim": "sub", **bound}
    )
    piped = run(state, "dev", "token", "a-b/c.d", "--audience", "vault", "--ttl", "90s")
    assert piped.returncode == 0
    out = tmp_path / "jwt"
    written = run(state, "dev", "token", "a-b/c.d", "--audience", "vault", "--out", str(out), "--json")
    assert json.loads(written.stdout)["subject"] == "system:serviceaccount:a-b:c.d"
    assert out.stat().st_mode & 0o777 == 0o600
    for jwt in (piped.stdout, out.read_text()):
        status, _ = platform_server.call("POST", "auth/kubernetes/login", {"role": role, "jwt": jwt}, token=None)
        assert status == 200
    assert out.read_text() not in written.stdout + written.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["noslash"],
        ["a/b/c"],
        ["A/b"],
        ["a/b", "--ttl", "0s"],
        ["a/b", "--ttl", "2d"],
        ["a/b", "--ttl", "x"],
        ["a/b", "--json"],
    ],
)
def test_a_token_that_makes_no_sense_is_not_made(state, arguments):
    done = run(state, "dev", "token", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""


def test_a_token_is_not_shown_on_a_terminal_unless_forced(state):
    child = on_terminal(state, "dev", "token", "a/b")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 2
    assert "eyJ" not in child.before
    forced = on_terminal(state, "dev", "token", "a/b", "--force")
    forced.expect("eyJ")
    forced.close()


def test_a_file_that_cannot_be_written_is_named(state):
    done = run(state, "dev", "token", "a/b", "--out", "/nowhere/at/all")
    assert done.returncode == 3
    assert "/nowhere/at/all cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_wiping_asks_for_a_word_and_refuses_where_nobody_can_be_asked(tmp_path):
    kept = tmp_path / "dev"
    kept.mkdir()
    done = run(tmp_path, "dev", "down", "--wipe")
    assert done.returncode == 2
    assert "warden dev down --wipe --yes" in done.stderr
    child = on_terminal(tmp_path, "dev", "down", "--wipe")
    child.expect("Type wipe to continue")
    child.sendline("no")
    child.expect("Nothing was removed")
    assert kept.exists()
    child = on_terminal(tmp_path, "dev", "down", "--wipe")
    child.expect("Type wipe to continue")
    child.sendline("wipe")
    child.expect("wiped")
    child.expect(pexpect.EOF)
    assert not kept.exists()
    assert json.loads(run(tmp_path, "dev", "down", "--wipe", "--yes", "--json").stdout) == {
        "stopped": False,
        "wiped": False,
    }


def test_wiping_leaves_the_journal_and_says_where_it_is(tmp_path):
    (tmp_path / "dev").mkdir()
    assert run(tmp_path, "dev", "down", "--wipe", "--yes").stderr == ""  # there is none yet
    journal = SqliteJournal(str(tmp_path / "journal.db"))
    journal.record("lane.closed", "a-lane", {"reason": "a test"})
    journal.close()
    (tmp_path / "dev").mkdir()
    child = on_terminal(tmp_path, "dev", "down", "--wipe")
    child.expect("The journal is kept")
    child.sendline("wipe")
    child.expect("wiped")
    child.expect(pexpect.EOF)
    (tmp_path / "dev").mkdir()
    done = run(tmp_path, "dev", "down", "--wipe", "--yes")
    assert done.stdout == f"wiped: {tmp_path}/dev\n"
    assert " ".join(done.stderr.split()).startswith(f"kept: the journal, {tmp_path}/journal.db It is about every")
    assert "lane.closed" in run(tmp_path, "journal", "log").stdout


def test_ctrl_c_at_the_question_removes_nothing(tmp_path):
    (tmp_path / "dev").mkdir()
    child = on_terminal(tmp_path, "dev", "down", "--wipe")
    child.expect("Type wipe to continue")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert (tmp_path / "dev").exists()


def test_a_whole_life_from_the_command_line(tmp_path):
    state = tmp_path / "it's a state"
    try:
        up = run(state, "dev", "up", "--json")
        assert up.returncode == 0, up.stderr
        assert len(up.stderr.splitlines()) == 3
        assert json.loads(up.stdout)["up"] is True
        assert run(state, "dev", "down").stdout.startswith("down: its data is kept")
        assert run(state, "dev", "down").stdout == "was down already\n"
        assert run(state, "dev", "up").stdout.startswith("up: http://127.0.0.1:")
    finally:
        wiped = run(state, "dev", "down", "--wipe", "--yes")
    assert wiped.stdout == f"wiped: {state}/dev\n"
    assert server.find(f"{state}/dev/openbao.hcl") is None


@pytest.mark.parametrize("words", [[], ["up"], ["status"], ["down"], ["env"], ["login"], ["token"]])
def test_every_help_has_examples(words, tmp_path):
    done = run(tmp_path, "dev", *words, "--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_a_state_directory_that_cannot_be_used_is_one_plain_line(tmp_path):
    done = run("/dev/null/x", "dev", "up")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 2
    assert "/dev/null/x cannot be made" in done.stderr
