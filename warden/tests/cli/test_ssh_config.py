"""``warden ssh config``, ``known-hosts`` and ``host sign``: a whole login by what they print, on a real sshd."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ssh_actor import ActorWorld
from ssh_agent import running
from ssh_keys import write_key
from sshd_server import served_sshd


@pytest.fixture
def world(lane_world) -> ActorWorld:
    world = ActorWorld(lane_world)
    world.replace("web: {names: [web.example.com]}", "web: {names: [web.example.com, 127.0.0.1]}\n  other: {}")
    write_key(world.folder / "hosts-ca")
    world.replace("  users:\n", f"  hosts:\n    key: {world.folder}/hosts-ca\n  users:\n")
    return world


@pytest.fixture
def agent(tmp_path):
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def server(world, tmp_path):
    """An sshd that trusts the actor's CA and lets its principal in."""
    with served_sshd(tmp_path / "sshd") as server:
        server.trust(world.public_key.with_name("ca.pub").read_text().strip())
        server.authorize("deploy")
        yield server


class Client:
    """ssh as a user has it: a home, an agent, the configuration that warden wrote."""

    def __init__(self, world: ActorWorld, agent, server) -> None:
        self.world, self.server = world, server
        self.ssh = world.folder / "home" / ".ssh"
        self.ssh.mkdir(mode=0o700)
        self.env = world.lane_world.env(BAO_TOKEN=world.token(), SSH_AUTH_SOCK=agent.socket)
        self.include = self.ssh / "warden.conf"

    def configure(self, *options: str, user: str = "") -> None:
        done = self.world.run("ssh", "config", self.world.actor, *options)
        assert done.returncode == 0, done.stderr
        self.include.write_text(done.stdout)
        (self.ssh / "config").write_text(f"{user}\nInclude {self.include}\n")

    def login(self, *options: str, command: str = "true", **changed: str):
        known = ["-o", f"UserKnownHostsFile={self.ssh}/known_hosts", "-o", "StrictHostKeyChecking=yes"]
        if not (self.ssh / "known_hosts").exists():
            known = ["-o", f"UserKnownHostsFile={self.server.known_hosts}"]
        argv = ["ssh", "-F", self.ssh / "config", "-o", "BatchMode=yes", *known, *options, "-p", str(self.server.port)]
        return subprocess.run(
            [*argv, "-l", self.server.account, "127.0.0.1", command],
            env=self.env | changed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def client(world, agent, server):
    return Client(world, agent, server)


def test_ssh_logs_in_with_a_certificate_that_it_had_made(client, agent, world):
    client.configure()
    done = client.login(command="echo in")
    assert (done.returncode, done.stdout) == (0, "in\n"), done.stderr
    assert len(agent.listed()) == 1
    assert "Load key" not in done.stderr
    before = agent.listed()
    assert client.login(BAO_TOKEN="none").returncode == 0
    assert agent.listed() == before, "a good certificate is used again"
    assert f"ID {world.actor} " in client.server.log()


def test_a_certificate_is_found_among_many_keys_if_it_is_the_only_one_to_try(client, agent, server):
    for number in range(7):
        assert agent.add("-q", str(server.new_key(f"other-{number}"))).returncode == 0
    client.configure()
    assert client.login().returncode == 255, "sshd gives up after six keys"
    client.configure("--only")
    done = client.login()
    assert (done.returncode, done.stderr) == (0, "")


def test_where_warden_fails_ssh_goes_on_as_it_is_configured(client, agent, server):
    own = server.new_key("own")
    certificate = server.sign(own, "-n", "deploy", "-V", "+1h", "-I", "mine")
    server.trust(server.ca_line)
    user = f"Host 127.0.0.1\n  IdentityFile {own}\n  CertificateFile {certificate}\n"
    client.configure(user=user)
    began = time.monotonic()
    done = client.login(BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert "warden:" in done.stderr
    assert agent.listed() == []
    assert "ID mine " in server.log()
    assert time.monotonic() - began < 30


def test_a_key_in_a_folder_logs_in_without_an_agent(client, world):
    out = world.folder / "my keys"
    client.configure("--out", str(out))
    done = client.login(SSH_AUTH_SOCK="")
    assert done.returncode == 0, done.stderr
    assert (out / f"{world.actor}-cert.pub").exists()


def test_only_hosts_of_the_actor_are_named_and_no_token_of_a_connection(world):
    done = world.run("ssh", "config", world.actor, "--json")
    (block,) = json.loads(done.stdout)["blocks"]
    assert block["names"] == ["web.example.com", "127.0.0.1"]
    text = world.run("ssh", "config", world.actor, "--token-file", "sa token").stdout
    assert text == world.run("ssh", "config", world.actor, world.actor, "--token-file", "sa token").stdout
    assert f"--token-file '{os.path.realpath(world.folder)}/sa token'\"" in text
    assert "*" not in text
    assert "%" not in text


def test_an_unknown_actor_has_no_block(world):
    done = world.run("ssh", "config", "agt-nobody")
    assert (done.returncode, done.stdout) == (2, "")


# -- the wrapper ------------------------------------------------------------------------------------------------------


def wrapped(client, *changed_words, **changed: str):
    argv = ["-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={client.server.known_hosts}"]
    there = ["-p", str(client.server.port), "-l", client.server.account, "127.0.0.1", *changed_words]
    return subprocess.run(
        ["ops-ssh-wrapper", *argv, *there],
        env={name: value for name, value in (client.env | changed).items() if value},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_wrapper_is_ssh_with_a_certificate_and_without_the_callers_token(client, world):
    done = wrapped(client, "echo out; exit 7", WARDEN_ACTOR=world.actor)
    assert (done.returncode, done.stdout) == (7, "out\n"), done.stderr
    assert f"ID {world.actor} " in client.server.log()


def test_the_wrapper_can_do_without_an_agent(client, world):
    done = wrapped(client, "true", WARDEN_ACTOR=world.actor, WARDEN_KEY_DIR=f"{world.folder}/of it", SSH_AUTH_SOCK="")
    assert done.returncode == 0, done.stderr


def test_the_wrapper_does_not_start_ssh_without_a_certificate(client, world):
    nobody = wrapped(client, "true")
    assert (nobody.returncode, "WARDEN_ACTOR is not set" in nobody.stderr) == (2, True)
    down = wrapped(client, "true", WARDEN_ACTOR=world.actor, BAO_ADDR="http://127.0.0.1:1")
    assert down.returncode == 3
    assert "Accepted" not in client.server.log()


def test_the_wrapper_advises_its_own_variable(client, world, tmp_path):
    without = wrapped(client, "true", WARDEN_ACTOR=world.actor, SSH_AUTH_SOCK="")
    gone = wrapped(client, "true", WARDEN_ACTOR=world.actor, SSH_AUTH_SOCK=str(tmp_path / "gone"))
    unfit = wrapped(client, "true", WARDEN_ACTOR=world.actor, WARDEN_KEY_DIR="/dev/null/keys")
    for done, code in ((without, 2), (gone, 3), (unfit, 3)):
        assert done.returncode == code
        assert "with WARDEN_KEY_DIR=DIR" in done.stderr
        assert "--out" not in done.stderr


def restart(server) -> None:
    """Have sshd read its configuration again."""
    before = server.log().count("Server listening")
    shell = server.served._process.pid
    sshd, _watcher = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
    os.kill(int(sshd), signal.SIGHUP)
    end = time.monotonic() + 10
    while server.log().count("Server listening") == before:
        assert time.monotonic() < end, server.log()
        time.sleep(0.02)


# -- hosts ------------------------------------------------------------------------------------------------------------


def test_a_host_certificate_is_believed_by_the_line_of_known_hosts(client, world, server):
    folder = Path(server.served.folder)
    signed = world.run("ssh", "host", "sign", "web", "--pubkey", str(folder / "host_key.pub"))
    assert signed.returncode == 0, signed.stderr
    assert signed.stdout.count("\n") == 1
    (folder / "host_key-cert.pub").write_text(signed.stdout)
    config = folder / "config"
    config.write_text(f"{config.read_text()}HostCertificate {folder}/host_key-cert.pub\n")
    client.configure()
    lines = world.run("ssh", "known-hosts")
    assert lines.returncode == 0, lines.stderr
    assert lines.stdout.startswith("@cert-authority web.example.com,127.0.0.1,other ssh-ed25519 ")
    (client.ssh / "known_hosts").write_text(lines.stdout)
    assert client.login().returncode == 255, "the host shows a key that nobody has signed"
    restart(server)
    done = client.login()
    assert done.returncode == 0, done.stderr


def test_known_hosts_are_those_that_are_named(world):
    done = world.run("ssh", "known-hosts", "other")
    assert done.stdout.startswith("@cert-authority other ssh-ed25519 ")
    assert world.run("ssh", "known-hosts", "nowhere").returncode == 2


def test_a_local_authority_of_hosts_needs_no_openbao(world):
    done = world.run("ssh", "known-hosts", BAO_ADDR="", BAO_TOKEN="")
    assert done.returncode == 0, done.stderr


def test_without_an_authority_for_hosts_it_is_said_where_to_declare_it(world):
    world.replace(f"  hosts:\n    key: {world.folder}/hosts-ca\n", "")
    for argv in (["known-hosts"], ["host", "sign", "web", "--pubkey", str(world.public_key)]):
        done = world.run("ssh", *argv)
        assert done.returncode == 2
        assert "authorities.hosts" in done.stderr
