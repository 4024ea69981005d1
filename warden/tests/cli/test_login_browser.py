"""People log in with a real browser at a real identity provider, and read what their group may read."""

import contextlib
import json
import re
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest
from free_ports import free_port
from oidc_provider import CALLBACK

from warden.adapters.openbao.audit_log import AuditFiles

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

LANE = """\
lane: {lane}
title: A lane of people
status: active
reviewed: {today}
owners:
  custody: {{repo: platform-team, doc: docs/openbao.md}}
  consumer: {{repo: {tenant}, doc: README.md}}
custody:
  path: {path}
  fields: [API_KEY, SIGNING_KEY]
readers:
  - people: npm-publishers
    login: {mount}
"""
MODES = ("client", "device", "direct")


@pytest.fixture(scope="module")
def mounts(platform_server, oidc_provider):
    """An OIDC mount for each callback mode: ``netkingdom-MODE``, with its entry of platform.yaml."""
    redirects = dict.fromkeys(MODES, CALLBACK.replace("8250", str(free_port())))
    redirects["direct"] = f"{platform_server.address}/v1/auth/netkingdom-direct/oidc/callback"
    for mode in MODES:
        platform_server.must("POST", f"sys/auth/netkingdom-{mode}", {"type": "oidc"})
        config = {"oidc_discovery_url": oidc_provider.issuer, "oidc_client_id": oidc_provider.client}
        config |= {"oidc_client_secret": oidc_provider.secret}
        platform_server.must("POST", f"auth/netkingdom-{mode}/config", config)
    yield {
        f"netkingdom-{mode}": {"redirect_uris": [redirects[mode]], "scopes": ["groups"], "callback": mode}
        for mode in MODES
    }
    for mode in MODES:
        platform_server.must("DELETE", f"sys/auth/netkingdom-{mode}")


class People:
    """A lane whose readers are people, applied and filled by warden; and how somebody logs in."""

    def __init__(self, world, mounts, provider) -> None:
        self.world, self.mounts, self.provider = world, mounts, provider
        self.admin = world.server.token("admin")
        self.started: list[subprocess.Popen[str]] = []

    def declare(self, mount: str) -> "People":
        world = self.world
        today = time.strftime("%Y-%m-%d")
        platform = Path(world.folder, "platform", "platform.yaml")
        platform.write_text(f"{platform.read_text()}logins: {json.dumps(self.mounts)}\n")
        world.lane_file.write_text(
            LANE.format(lane=world.lane, tenant=world.tenant, path=world.path, mount=mount, today=today)
        )
        world.server.must("DELETE", f"auth/kubernetes/role/workload-{world.tenant}-api")  # its readers are people now
        self.must("apply", world.lane, "--yes", "--take-over", BAO_TOKEN=self.admin)
        return self

    def must(self, *argv: str, **env: str) -> "subprocess.CompletedProcess[str]":
        done = self.world.run(*argv, **env)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done

    def start(self, *argv: str, **env: str) -> "tuple[subprocess.Popen[str], str, str]":
        """``warden login ARGV``, what it said so far, and the page that it wants opened."""
        process = subprocess.Popen(
            ["warden", "login", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.world.env(**env),
            cwd=self.world.folder,
        )
        self.started.append(process)
        said = ""
        for line in process.stderr:
            said += line
            if "Waiting for the login" in line:
                break
        (url,) = re.findall(r"^ +(http://\S+)$", said, re.MULTILINE) or [""]
        assert url, said
        return process, said, url

    def login(self, person: str, *argv: str, **env: str):
        """The exit code, stdout, stderr and the pages that the person saw."""
        process, said, url = self.start(*argv, **env)
        pages = self.provider.visit(url, person)
        out, err = process.communicate(timeout=30)
        return process.returncode, out, said + err, pages


@pytest.fixture
def people(lane_world, mounts, oidc_provider):
    found = People(lane_world, mounts, oidc_provider)
    yield found
    for process in found.started:
        process.terminate()
        process.communicate(timeout=10)


@pytest.mark.parametrize("mode", MODES)
def test_a_member_of_the_group_logs_in_and_reads(people, mode):
    people.declare(f"netkingdom-{mode}")
    lane = people.world.lane
    people.must("plan", lane, BAO_TOKEN=people.admin)  # 0: in sync
    code, out, err, pages = people.login("ada", "--lane", lane)
    assert code == 0, err
    assert "logged in as netkingdom" in out
    assert lane in out.split("Next:")[0]
    token_file = Path(people.world.folder, "home", ".vault-token")
    assert token_file.stat().st_mode & 0o777 == 0o600
    for secret in (token_file.read_text(), people.provider.secret, "client_nonce"):
        assert secret not in out + err
    assert ("ssh -N -L" in err) == (mode == "client")
    assert ("success" if mode == "device" else "Signed in") in pages[-1].text
    read = people.must("access", lane, "--", "sh", "-c", 'printf %s "$API_KEY"')
    assert read.stdout == people.world.values["API_KEY"]


@pytest.mark.parametrize("mode", ["client", "device"])
def test_somebody_of_another_group_is_refused_with_an_audit_line(people, mode):
    people.declare(f"netkingdom-{mode}")
    audit = AuditFiles([people.world.server.audit_file])  # sees what is written from now on
    code, out, err, pages = people.login("bob", "--lane", people.world.lane)
    assert code == 4, (out, err)
    assert 'claim "groups" does not match' in err
    assert "No token was stored" in err
    assert "client_nonce" not in err
    (nonce,) = re.findall(r"\(audit (wl-[0-9a-f]+)\)", err)
    assert not Path(people.world.folder, "home", ".vault-token").exists()
    lines = [line for line in audit.lines(nonce) if line.kind == "response"]
    assert [line.path for line in lines][-1].startswith(f"auth/netkingdom-{mode}/oidc/")
    if mode == "client":
        assert "error validating claims" in pages[-1].text
    assert people.world.run("access", people.world.lane, "--", "true").returncode == 125


def test_a_member_proves_what_only_a_member_can_show(people):
    people.declare("netkingdom-client")
    lane = people.world.lane
    assert people.login("ada", "--lane", lane)[0] == 0
    prove = ("prove", lane, "--json", "--audit", people.world.server.audit_file)
    done = people.world.run(*prove)
    proof = json.loads(done.stdout)
    (read,) = proof["verdicts"]
    assert (proof["scope"], read["probe"], read["word"]) == ("member", "reads", "ok"), done.stdout + done.stderr
    assert read["reader"] == "people npm-publishers of netkingdom-client"
    assert read["audit"]
    of_lane = people.world.run(*prove, BAO_TOKEN=people.admin)
    proof = json.loads(of_lane.stdout)
    assert (proof["failed"], proof["needs_member"]) == (0, []), of_lane.stdout
    assert proof["state"] == "proven", of_lane.stdout


def test_who_gives_up_in_the_browser_is_told_so_here(people):
    people.declare("netkingdom-device")
    code, _, err, _ = people.login("", "--lane", people.world.lane)
    assert code == 4, err
    assert "access_denied" in err


@pytest.mark.parametrize(("mode", "number", "code"), [("device", 2, 130), ("client", 2, 130), ("device", 15, -15)])
def test_a_login_that_is_interrupted_leaves_nobody_waiting(people, mode, number, code):
    people.declare(f"netkingdom-{mode}")
    process, _, url = people.start("--lane", people.world.lane)
    assert ("user_code=" in url) == (mode == "device")
    (bao,) = psutil.Process(process.pid).children()
    assert bao.cmdline()[1:4] == ["login", "-method=oidc", f"-path=netkingdom-{mode}"]
    process.send_signal(number)
    process.communicate(timeout=15)
    assert process.returncode == code
    assert not bao.is_running()


def test_the_browser_that_is_opened_gets_the_page(people):
    """``bao`` opens the browser with xdg-open, here a program that logs ada in."""
    people.declare("netkingdom-client")
    world = people.world
    folder = world.folder / "programs"
    folder.mkdir()
    opener = folder / "xdg-open"
    script = people.provider.folder / "browser.mjs"
    profile = world.folder / "browser"
    profile.mkdir()
    opener.write_text(f'#!/bin/sh\nexec node {script} "$1" ada {profile} >{profile}/pages\n')
    opener.chmod(0o755)
    done = world.run("login", "--lane", world.lane, "--json", DISPLAY=":9", PATH=f"{folder}:{world.env()['PATH']}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["identity"]["display_name"] == "netkingdom-client-ada"
    assert found["lanes"] == [world.lane]
    assert 0 < found["ttl"] <= 900
    assert "your browser opens" in done.stderr


def test_a_person_logs_in_to_have_a_key_certified_and_nobody_else_as_that_person(people, tmp_path):
    world = people.world
    people.declare("netkingdom-client")
    actor, mount = f"adm-{world.tenant}", f"ssh-{world.tenant}"
    identity = {"person": "ada", "login": "netkingdom-client"}
    declared = {"authorities": {"users": {"openbao": mount}}, "actors": {actor: {"identities": [identity]}}}
    (world.folder / "platform" / "inventory.yaml").write_text(json.dumps(declared))
    people.must("apply", actor, "--yes", BAO_TOKEN=people.admin)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    try:
        code, _, err, pages = people.login("bob", "--actor", actor)
        assert (code, "does not match" in err) == (4, True), err
        assert "error validating claims" in pages[-1].text
        code, out, err, _ = people.login("ada", "--actor", actor)
        assert code == 0, err
        assert actor in out
        signed = people.must("sign", actor, "--pubkey", str(tmp_path / "key.pub"))
        assert signed.stdout.startswith("ssh-ed25519-cert-v01@openssh.com ")
        assert signed.stdout.count("\n") == 1
    finally:
        world.server.must("DELETE", f"sys/mounts/{mount}")


HELPER = """\
#!/bin/sh
case "$1" in
  get) [ ! -e {kept} ] || cat {kept} ;;
  store) cat >{kept} ;;
  erase) rm -f {kept} ;;
esac
"""


def test_the_token_goes_where_bao_keeps_it_and_one_of_somebody_else_is_not_taken_for_it(people):
    people.declare("netkingdom-client")
    world = people.world
    kept, helper = world.folder / "kept", world.folder / "helper"
    helper.write_text(HELPER.format(kept=kept))
    helper.chmod(0o755)
    (world.folder / "home" / ".bao").write_text(f'token_helper = "{helper}"\n')
    code, _, err, _ = people.login("ada", "--lane", world.lane)
    assert code == 0, err
    assert not (world.folder / "home" / ".vault-token").exists()
    read = people.must("access", world.lane, "--", "sh", "-c", 'printf %s "$API_KEY"', BAO_TOKEN="")
    assert read.stdout == world.values["API_KEY"]
    helper.write_text(f"#!/bin/sh\n[ $1 = store ] && exec cat >{kept}\nprintf %s {world.server.token('platform')}\n")
    code, out, err, _ = people.login("ada", "--lane", world.lane)
    assert (code, out) == (3, ""), err
    assert "the token that is stored here is of auth/userpass/login/platform" in err


def test_a_token_that_stays_behind_of_another_role_is_not_taken_for_the_new_one(people, unique):
    """The helper keeps nothing, and still has the token of an earlier login at the same mount."""
    people.declare("netkingdom-client")
    world, role = people.world, unique("role")
    world.server.must("POST", f"auth/netkingdom-client/role/{role}", OIDC_ROLE | HERE)
    assert people.login("ada", "netkingdom-client", "--role", role)[0] == 0
    kept, helper = world.folder / "home" / ".vault-token", world.folder / "helper"
    helper.write_text(f"#!/bin/sh\n[ $1 != get ] || cat {kept}\n")
    helper.chmod(0o755)
    (world.folder / "home" / ".bao").write_text(f'token_helper = "{helper}"\n')
    code, out, err, _ = people.login("ada", "--lane", world.lane)
    assert (code, out) == (3, ""), err
    assert f"the token that is stored here is of auth/netkingdom-client/oidc/callback as role {role}" in err


def test_what_another_login_brought_back_and_a_token_without_a_place_are_told_apart(people):
    people.declare("netkingdom-client")
    world = people.world
    code, _, err, pages = people.login("ada", "--lane", world.lane)
    assert code == 0, err
    process, *_ = people.start("--lane", world.lane)
    with contextlib.suppress(OSError):  # bao may end before its page has arrived
        urlopen(pages[-1].url).close()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 5
    assert "what the browser brought back is of another login" in err
    helper = world.folder / "helper"  # takes its time, so that bao has sent the browser its page when it ends
    helper.write_text("#!/bin/sh\n[ $1 != store ] || { cat >/dev/null; sleep 3; echo no room >&2; exit 3; }\n")
    helper.chmod(0o755)
    (world.folder / "home" / ".bao").write_text(f'token_helper = "{helper}"\n')
    code, out, err, _ = people.login("ada", "--lane", world.lane)
    assert (code, out) == (3, ""), err
    assert 'the login was accepted, and its token cannot be stored: "no room' in err
    assert "export BAO_TOKEN_PATH=FILE" in err


OIDC_ROLE = {"role_type": "oidc", "user_claim": "sub", "token_policies": ["default"]}
HERE = {"allowed_redirect_uris": [CALLBACK]}
ELSEWHERE = {"allowed_redirect_uris": ["https://ui.example/oidc/callback"]}
FAILURES = [
    (None, ("--role", "ROLE"), 4, 'role "ROLE" could not be found'),
    (None, (), 2, "auth/netkingdom-client has no default role"),
    (OIDC_ROLE | ELSEWHERE, ("--role", "ROLE"), 4, "does not take a login back at http://localhost:PORT/oidc/callback"),
    (OIDC_ROLE | HERE | {"callback_mode": "device"}, ("--role", "ROLE"), 2, "has another callback mode in OpenBao"),
    (OIDC_ROLE | HERE, ("--role", "ROLE"), 2, "port PORT of this machine"),
    (OIDC_ROLE | HERE, ("--role", "ROLE", "--device"), 2, "platform.yaml declares callback: client"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure[3])
def test_what_bao_says_of_each_failure_is_understood(people, unique, failure):
    role, argv, code, words = failure
    world, name = people.world, unique("role")
    platform = world.folder / "platform" / "platform.yaml"
    platform.write_text(f"{platform.read_text()}logins: {json.dumps(people.mounts)}\n")
    if role:
        world.server.must("POST", f"auth/netkingdom-client/role/{name}", role)
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        named = [name if each == "ROLE" else each for each in argv]
        done = world.run("login", "netkingdom-client", *named, "--port", str(port))
    assert done.returncode == code, done.stderr
    assert words.replace("ROLE", name).replace("PORT", str(port)) in done.stderr
