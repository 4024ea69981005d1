"""docs/recipes.md: each recipe is run as it stands there, with names and paths of the test in place of the page's."""

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from warden.core.lanes.readers import GithubReader, GitlabReader, accepted_claims

pytestmark = pytest.mark.real

PAGE = (Path(__file__).parents[3] / "docs" / "recipes.md").read_text()
ROLE_ID = "6180ffd9-3b26-5227-7488-4cd1de0bb295"


def blocks(heading: str, language: str = "") -> list[str]:
    """The fenced blocks of that language below the heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [text for name, text in fenced if name == language]


def declare(world, reader: str) -> None:
    """The recipe's reader, under a name of this test."""
    head = world.lane_file.read_text().partition("readers:")[0]
    own = reader.replace("acme/", f"acme/{world.tenant}-").replace("nightly-backup", world.tenant)
    world.lane_file.write_text(head + own.replace("10.20.0.0/16", "127.0.0.0/8"))
    done = world.run("apply", world.lane, "--take-over", "--yes", BAO_TOKEN=world.server.token("platform"))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def world(lane_world):
    """Programs of the recipes say how many arguments they got, and whether they got the value."""
    tools = lane_world.folder / "tools"
    tools.mkdir()
    for name in ("backup", "deploy.sh"):
        program = tools / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "got ${#API_KEY}" "${API_KEY_FILE:+file}" "$@"\n')
        program.chmod(0o755)
    lane_world.tools = tools
    return lane_world


def run(world, text: str, shell: str = "bash", **env: str) -> "subprocess.CompletedProcess[str]":
    lines = text.replace("deploy-key", world.lane).replace("backup-key", world.lane)
    lines = lines.replace("./deploy.sh", str(world.tools / "deploy.sh"))
    lines = lines.replace("/usr/local/bin/warden", shutil.which("warden", path=world.env()["PATH"]) or "")
    lines = lines.replace("/usr/local/bin/backup", str(world.tools / "backup"))
    found = world.env() | env
    found["PATH"] = f"{world.tools}{os.pathsep}{found['PATH']}"
    return subprocess.run(
        [shell, "-c", lines], env=found, cwd=world.folder, capture_output=True, text=True, check=False, timeout=60
    )


def length(world) -> str:
    return f"got {len(world.values['API_KEY'])}"


@pytest.fixture
def github(world) -> Iterator[dict[str, str]]:
    """What GitHub's runner sets: where a job gets its token, and with what."""
    reader = GithubReader(github=f"acme/{world.tenant}-deploy", branch="main", environment="production")

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ok = self.headers["Authorization"] == "bearer runner's" and self.path == "/token?api=2&audience=openbao"
            jwt = world.server.issuer.job("github", accepted_claims(reader), "openbao", 60).reveal() if ok else ""
            body = json.dumps({"value": jwt} if ok else {}).encode()
            self.send_response(200 if ok else 401)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"http://127.0.0.1:{server.server_address[1]}/token?api=2"
        yield {"ACTIONS_ID_TOKEN_REQUEST_URL": where, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner's"}
        server.shutdown()


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="needs curl and jq")
def test_github_actions(world, github):
    reader, workflow = blocks("GitHub Actions", "yaml")
    declare(world, reader)
    declared = yaml.safe_load(workflow)
    assert declared["permissions"]["id-token"] == "write"
    job = declared["jobs"]["deploy"]
    assert (job["environment"], declared[True]) == ("production", {"push": {"branches": ["main"]}})  # `on` in YAML 1.1
    (step,) = [each for each in job["steps"] if "run" in each]
    done = run(world, f"set -e\n{step['run']}", **github)
    assert done.stdout.splitlines()[0] == length(world), done.stderr
    refused = run(world, f"set -e\n{step['run']}", **github | {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"})
    assert refused.returncode
    assert "got" not in refused.stdout


def test_gitlab_ci(world):
    reader, pipeline = blocks("GitLab CI", "yaml")
    declare(world, reader)
    job = yaml.safe_load(pipeline)["deploy"]
    ((variable, token),) = job["id_tokens"].items()
    mine = GitlabReader(gitlab=f"acme/{world.tenant}-team/deploy", branch="main")
    jwt = world.server.issuer.job("gitlab", accepted_claims(mine), token["aud"], 60).reveal()
    (line,) = job["script"]
    done = run(world, line, "sh", **{variable: jwt})
    assert done.stdout.splitlines()[0] == length(world), done.stderr


def approle(world) -> dict[str, str]:
    """The AppRole's RoleID, and the SecretID in the file, as the recipe's two commands make it."""
    section = "A service of systemd, with an AppRole"
    declare(world, blocks(section, "yaml")[0])
    role = f"auth/approle/role/{world.tenant}"
    make, unwrap = (text.replace("nightly-backup", world.tenant) for text in blocks(section))
    file = world.folder / "backup.secret-id"
    made = run(world, make, BAO_TOKEN=world.server.token("admin"))
    done = run(world, unwrap.replace("WRAPPING_TOKEN", made.stdout.strip()).replace("/etc/warden", str(world.folder)))
    assert done.returncode == 0, done.stderr + made.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    role_id = world.server.must("GET", f"{role}/role-id")["data"]["role_id"]
    return {"WARDEN_ROLE_ID": role_id, "WARDEN_SECRET_ID_FILE": str(file)}


def test_the_unit_of_systemd(world, tmp_path):
    (text,) = blocks("A service of systemd, with an AppRole", "ini")
    env = approle(world)
    line = text.partition("ExecStart=")[2].splitlines()[0]
    done = run(world, line.replace("%%", "%"), **env)
    assert done.stdout.splitlines() == ["got 0", "file", "--keep", "7 days", "--label", "100%"], done.stderr
    settings = dict(each.partition("=")[::2] for each in re.findall(r"^Environment=(.*)$", text, re.MULTILINE))
    assert settings["WARDEN_SECRET_ID_FILE"] == "%d/secret-id"
    assert settings["WARDEN_ROLE_ID"] == ROLE_ID
    if shutil.which("systemd-analyze"):
        unit = tmp_path / "backup.service"
        unit.write_text(re.sub(r"/usr/local/bin/\w+", sys.executable, text))
        checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
        assert "backup.service" not in checked.stderr, checked.stderr


def test_cron(world):
    (table,) = blocks("cron")
    env = approle(world)
    *settings, job = table.splitlines()
    assert {each.partition("=")[0] for each in settings} == {"BAO_ADDR", "WARDEN_PLATFORM", *env}
    command = job.split(maxsplit=5)[5]
    assert not re.search(r"(?<!\\)%", command)  # crontab(5): a percent-sign ends the command
    done = run(world, command.replace("\\%", "%"), "sh", **env)
    got, _, label, today = done.stdout.splitlines()
    assert (got, label) == (length(world), "--label")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", today)


def test_scripts(world):
    verbatim, inner, by_file, piped, codes = blocks("Scripts", "sh")
    env = {"BAO_TOKEN": world.token()}
    count = str(len(world.values["API_KEY"]))
    assert run(world, verbatim, "sh", **env).stdout.splitlines() == ["two words", "*", "$HOME"]
    assert run(world, inner, "sh", **env).stdout.strip() == count
    assert run(world, by_file, "sh", **env).stdout.strip() == count
    assert run(world, piped, **env).stdout.strip() == count
    assert run(world, piped).returncode
    assert run(world, codes, "sh", **env).returncode == 1
    stopped = run(world, codes, "sh")
    assert (stopped.returncode, "no credential" in stopped.stderr) == (125, True)


def test_direnv(world):
    envrc, wrapper = blocks("direnv", "sh")
    project = world.folder / "project"
    (project / "bin").mkdir(parents=True)
    (project / "platform").symlink_to(world.folder / "platform")
    (project / ".envrc").write_text(envrc.replace("https://bao.example:8200", world.server.address))
    tool = project / "bin" / "nightly"
    tool.write_text(wrapper.replace("backup-key", world.lane))
    tool.chmod(0o755)
    token = {"BAO_TOKEN": world.token()}
    done = run(world, f"{tool} 'two words' '*'", "sh", **token)
    assert done.stdout.splitlines() == [length(world), "", "two words", "*"], done.stderr
    if not shutil.which("direnv"):
        pytest.skip("direnv is not installed: its file was not run")
    loaded = run(world, f"cd {project} && direnv allow . && direnv exec . nightly 'two words'", "sh", **token)
    assert loaded.stdout.splitlines()[:1] == [length(world)], loaded.stderr


def test_a_certificates_recipe_names_what_the_command_line_has(world):
    shown = world.run("prove", "--help").stdout
    assert "--certificate" in shown
    (exports,) = blocks("A certificate")
    assert {"BAO_CLIENT_CERT", "BAO_CLIENT_KEY"} <= set(re.findall(r"\w+(?==)", exports))
