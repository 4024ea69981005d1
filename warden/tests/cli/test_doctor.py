import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pexpect
import pytest
from ssh_keys import write_key

pytestmark = pytest.mark.real

WARDEN = str(Path(sys.executable).with_name("warden"))


@pytest.fixture
def world(platform_server, tmp_path):
    (tmp_path / "platform" / "catalog").mkdir(parents=True)

    def environ(token, **changed):
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "KF_RULE_CACHE_DIR": os.environ["KF_RULE_CACHE_DIR"],
            "WARDEN_STATE": str(tmp_path / "state"),
            "WARDEN_PLATFORM": str(tmp_path / "platform"),
            "BAO_ADDR": platform_server.address,
            "BAO_TOKEN": platform_server.token(token) if token else "",
            **changed,
        }

    return environ


def run(environ, *arguments):
    return subprocess.run([WARDEN, "doctor", *arguments], env=environ, capture_output=True, text=True, check=False)


def test_all_is_well_for_the_platform_engineer(world, platform_server):
    done = run(world("platform"))
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert done.stdout.startswith(f"OpenBao {platform_server.address} (BAO_ADDR)\n  ok ")
    assert "MISSING" not in done.stdout
    assert platform_server.token("platform") not in done.stdout


def test_a_platform_directory_that_others_can_change_is_missing_and_the_fix_is_said(world, tmp_path):
    folder = tmp_path / "platform" / "catalog"
    folder.chmod(0o777)
    done = run(world("platform"))
    assert done.returncode == 1
    assert "is not trusted" in done.stdout
    assert f"chmod go-w {folder}" in done.stdout
    folder.chmod(0o755)
    (folder.parent / "policies" / "access").mkdir(parents=True)
    (folder.parent / "policies" / "access" / "deny.cedar.txt").write_text("")
    said = run(world("platform"))
    assert said.returncode == 0
    assert "policies" in said.stdout
    assert "deny.cedar.txt" in said.stdout


def test_a_developer_is_told_what_is_missing_and_the_next_command(world):
    done = run(world("developer"), "--for", "put")
    assert done.returncode == 1
    assert "put   NO   sys/mounts/platform  read" in done.stdout
    assert done.stderr.endswith("\n  warden doctor --policy put | bao policy write warden-put -\n")


def test_the_json_has_the_same(world):
    found = json.loads(run(world("developer"), "--for", "put", "--json").stdout)
    assert found["exit"] == 1
    assert found["reaches"][0]["ok"] is False
    assert found["reaches"][0]["missing"][0]["path"] == "sys/mounts/platform"
    assert {finding["about"] for finding in found["findings"]} >= {"server", "identity", "audit lines", "journal"}


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"BAO_ADDR": "http://127.0.0.1:1"}, 3, "connection refused"),
        ({"BAO_ADDR": "http://bao.example:8200"}, 2, "plain http to bao.example"),
        ({"BAO_ADDR": "http://127.0.0.1.example:8200"}, 2, "plain http to 127.0.0.1.example"),
        ({"BAO_ADDR": ""}, 2, "warden dev env"),
        ({"BAO_TOKEN": "s.expired"}, 1, "expired"),
        ({"WARDEN_PLATFORM": "/nowhere"}, 1, "/nowhere"),
        ({"WARDEN_JOURNAL": "/dev/null/journal.db"}, 1, "/dev/null"),
        ({"WARDEN_AUDIT": "/nowhere/audit.log"}, 1, "/nowhere/audit.log"),
    ],
)
def test_each_thing_that_is_wrong_is_a_plain_line(world, changed, code, words):
    done = run(world("platform", **changed))
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stdout + done.stderr


def test_a_policy_is_printed_without_asking_anyone_and_can_be_written(world, platform_server, unique):
    done = run(world(None, BAO_ADDR=""), "--policy", "apply", "--kv", "kv2", "--auth", "k8s", "--policies", "team-*")
    assert done.returncode == 0
    assert 'path "sys/policies/acl/team-*" { capabilities = ["delete", "read", "update"] }' in done.stdout
    assert 'path "auth/k8s/role/*"' in done.stdout
    platform_server.must("PUT", f"sys/policies/acl/{unique('printed')}", {"policy": done.stdout})


def with_actor(tmp_path, key):
    """An inventory with a CA in a file."""
    text = f"authorities: {{users: {{key: {key}}}}}\nactors: {{adm-ada: {{}}}}\n"
    (tmp_path / "platform" / "inventory.yaml").write_text(text)


def test_what_ssh_certificates_need_is_looked_at(world, tmp_path):
    key = write_key(tmp_path / "ca")
    with_actor(tmp_path, key)
    done = run(world("platform"))
    assert done.returncode == 0, done.stdout
    assert f"ok       SSH CA        for users: {key}, key SHA256:" in done.stdout
    assert "note     ssh-agent     SSH_AUTH_SOCK is not set" in done.stdout
    assert "note     KRL           none was published" in done.stdout
    assert not (tmp_path / "state" / "krl").exists()
    key.chmod(0o644)
    found = json.loads(run(world("platform"), "--json").stdout)
    (authority,) = [each for each in found["findings"] if each["about"] == "SSH CA"]
    assert (authority["verdict"], authority["hint"], found["exit"]) == ("missing", f"chmod 600 {key}", 1)
    assert "SSH CA" not in run(world("platform"), "--for", "access").stdout


def test_what_is_here_is_looked_at_where_openbao_does_not_answer(world, tmp_path):
    with_actor(tmp_path, write_key(tmp_path / "ca"))
    for address, code in (("http://127.0.0.1:1", 3), ("", 2)):
        done = run(world("platform", BAO_ADDR=address))
        assert done.returncode == code, done.stdout
        assert "ok       SSH CA" in done.stdout
        assert "ok       OpenSSH" in done.stdout


def test_an_inventory_with_errors_is_missing(world, tmp_path):
    (tmp_path / "platform" / "inventory.yaml").write_text("actors: {ada: {}}\n")
    done = run(world("platform"))
    assert done.returncode == 1
    assert "MISSING  inventory" in done.stdout
    assert "warden catalog check" in done.stdout


@pytest.mark.parametrize("flag", ["--kv", "--auth", "--policies"])
@pytest.mark.parametrize("name", ['a" {}', "", "/a", "a*b", "a\nb"])
def test_a_name_that_would_end_the_path_of_a_policy_is_refused(world, flag, name):
    done = run(world(None, BAO_ADDR=""), "--policy", "apply", flag, name)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{flag}: " in done.stderr
    assert "is not the name of a mount or policy" in done.stderr


def test_it_fits_a_terminal_of_80_columns(world):
    child = pexpect.spawn(
        WARDEN, ["doctor"], env=world("developer", TERM="xterm", NO_COLOR="1"), encoding="utf-8", dimensions=(60, 80)
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    lines = child.before.replace("\r", "").split("\n")
    too_long = [line for line in lines if len(line) > 80 and "/" not in line.split()[-1]]
    assert too_long == []
    assert "\x1b" not in child.before


def test_help_has_examples(world):
    done = run(world(None), "--help")
    assert "Examples:" in done.stdout
    assert "Exit codes:" in done.stdout


def test_without_an_address_all_else_is_checked_all_the_same(world, tmp_path):
    (tmp_path / "platform" / "clusters.yaml").write_text("far: {context: far, auth_mount: kubernetes-far}\n")
    (tmp_path / "platform" / "catalog" / "broken.yaml").write_text("lane: broken\n")
    done = run(world(None, BAO_ADDR=""))
    assert done.returncode != 0
    lines = done.stdout.splitlines()
    assert "server        no OpenBao is named" in lines[1]
    for each in ("journal", "platform", "catalog", "cluster"):
        assert any(line.split()[1:2] == [each] for line in lines), done.stdout
    assert any("far" in line for line in lines), done.stdout


def test_status_without_an_address_says_how_to_name_one(world, tmp_path):
    environ = world(None, BAO_ADDR="")
    done = subprocess.run([WARDEN, "status"], env=environ, capture_output=True, text=True, check=False)
    assert "export BAO_ADDR=" in done.stderr


def test_the_sample_in_the_documentation_is_what_it_prints(world, platform_server):
    page = (Path(__file__).parents[3] / "docs" / "embedded-platform.md").read_text()
    sample = page.partition("with `--for put`:\n\n")[2].partition("\nFor each declared cluster")[0]
    done = run(world("developer", WARDEN_AUDIT=platform_server.audit_file, COLUMNS="120"), "--for", "put")
    assert plainly(done.stdout) == plainly(textwrap.dedent(sample))


def plainly(text):
    """Without what is of one machine and one moment."""
    for pattern, said in ((r"127\.0\.0\.1:\d+", "ADDRESS"), (r"\d+ h \d+ min", "TIME"), (r"/\S*/", "/")):
        text = re.sub(pattern, said, text)
    return re.sub(r"/audit\.log|/journal\.db|/platform$", "FILE", text, flags=re.MULTILINE).strip()
