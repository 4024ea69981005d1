"""``warden ssh config``, ``known-hosts`` and ``host sign``: a whole login by what they print, on a real sshd."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
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


def host_keys(folder: Path, names: Mapping[str, str]) -> list[Path]:
    """The public keys of pairs that are made: of a name, of that type."""
    for name, kind in names.items():
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", kind, "-f", folder / name], check=True)
    return [folder / f"{name}.pub" for name in names]


def sign_host(world: ActorWorld, keys: Sequence[Path], *options: str) -> "subprocess.CompletedProcess[str]":
    named = [part for each in keys for part in ("--pubkey", str(each))]
    return world.run("ssh", "host", "sign", "web", *named, *options)


def of_web(world: ActorWorld) -> list[dict]:
    return json.loads(world.run("journal", "log", "--json", "--lane", "web").stdout)


def test_all_keys_of_a_host_are_certified_at_once_and_believed(client, world, server):
    folder = Path(server.served.folder)
    made = host_keys(folder, {"host_rsa": "rsa", "host_ecdsa": "ecdsa"})
    keys = [folder / "host_key.pub", *made]
    done = sign_host(world, keys, "--json")
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    files = [folder / f"{each.stem}-cert.pub" for each in keys]
    assert [each["path"] for each in answers] == list(map(str, files))
    assert [each["certificate"] for each in answers] == [file.read_text().strip() for file in files]
    issued = of_web(world)[-3:]
    assert [(each["event"], each["seq"]) for each in issued] == [
        ("certificate.issued", each["record"]) for each in answers
    ]
    assert [each["body"]["path"] for each in issued] == list(map(str, files))
    lines = [f"HostKey {each.with_suffix('')}" for each in made] + [f"HostCertificate {each}" for each in files]
    config = folder / "config"
    config.write_text("\n".join([config.read_text(), *lines, ""]))
    client.configure()
    (client.ssh / "known_hosts").write_text(world.run("ssh", "known-hosts").stdout)
    restart(server)
    for kind in ("ssh-ed25519", "rsa-sha2-512", "ecdsa-sha2-nistp256"):
        done = client.login("-o", f"HostKeyAlgorithms={kind}-cert-v01@openssh.com")
        assert done.returncode == 0, done.stderr


def test_of_several_keys_none_is_certified_where_one_cannot_be(world, tmp_path):
    good = host_keys(tmp_path, {"good": "ed25519"})
    bad = tmp_path / "bad.pub"
    bad.write_text("not a key\n")
    mine = host_keys(tmp_path, {"mine": "ed25519"})
    (tmp_path / "mine-cert.pub").write_text("mine\n")
    for second, why in ((bad, f"{bad}: this is not a public key"), (mine[0], "mine-cert.pub is not replaced")):
        done = sign_host(world, [*good, second])
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
        assert "Nothing was signed." in done.stderr
    assert not (tmp_path / "good-cert.pub").exists()
    assert (tmp_path / "mine-cert.pub").read_text() == "mine\n"
    assert of_web(world) == []


def test_of_several_keys_the_one_that_is_refused_is_named(world, tmp_path):
    keys = host_keys(tmp_path, {"good": "ed25519", "other": "ed25519"})
    names = "names: [web.example.com, 127.0.0.1]"
    world.replace(names, f'{names}, public_keys: ["{keys[0].read_text().strip()}"]')
    done = sign_host(world, keys)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"warden: {keys[1]}: SHA256:" in " ".join(done.stderr.split())
    assert list(tmp_path.glob("*-cert.pub")) == []


def test_several_keys_need_a_place_each_for_their_certificates(world, tmp_path):
    keys = host_keys(tmp_path, {"one": "ed25519", "two": "ed25519"})
    for argv, why in (
        ((keys, "--out", str(tmp_path / "cert")), "--out names one file"),
        ((keys, "--pubkey", "-"), "standard input has no place"),
        (([keys[0], keys[1], tmp_path / ".." / tmp_path.name / "one.pub"],), "the same file"),
    ):
        done = sign_host(world, *argv)
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
    assert of_web(world) == []


def test_where_a_certificate_cannot_be_written_those_before_it_stay_and_the_others_are_discarded(world, tmp_path):
    """No file beside the second one can have a name that is longer still."""
    keys = host_keys(tmp_path, {"first": "ed25519", "s" * 245: "ed25519", "third": "ed25519"})
    done = sign_host(world, keys)
    assert (done.returncode, done.stdout) == (3, "")
    first = tmp_path / "first-cert.pub"
    assert f"Written before that: {first}. The other certificates were discarded" in " ".join(done.stderr.split())
    assert first.read_text().startswith("ssh-ed25519-cert-v01@openssh.com ")
    assert [each.name for each in tmp_path.glob("*-cert.pub")] == ["first-cert.pub"]
    *issued, second, third = of_web(world)[-5:]
    assert [each["event"] for each in issued] == ["certificate.issued"] * 3
    assert [each["event"] for each in (second, third)] == ["certificate.discarded"] * 2
    assert [each["body"]["issued"] for each in (second, third)] == [each["seq"] for each in issued[1:]]


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
