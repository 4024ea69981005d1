"""``warden ssh revoke`` and ``warden ssh krl`` as processes, with a real sshd that refuses what is revoked."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pexpect
import pytest
from ssh_actor import ActorWorld
from ssh_keys import write_key
from sshd_server import SshdServer

from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.krl_server import MOST

READS = SshCertificates()


class RevokingWorld(ActorWorld):
    """An actor, a key that signs KRLs, and a host that reads them."""

    def __init__(self, lane_world: object, sshd: SshdServer) -> None:
        super().__init__(lane_world)
        self.sshd = sshd
        self.signer = write_key(self.folder / "signer")
        self.platform = self.folder / "platform" / "platform.yaml"
        self.platform.write_text(f"{self.platform.read_text()}\nsigning: {{ssh_key: {self.signer}}}\n")
        self.signers = self.folder / "krl_signers"
        self.signers.write_text(self.ok("ssh", "krl", "signers"))
        sshd.trust(self.ca.with_suffix(".pub").read_text().strip())
        sshd.authorize("deploy")
        self.revoked = Path(sshd.served.folder, "revoked")

    def ok(self, *argv: str) -> str:
        done = self.run(*argv)
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def certificate(self, name: str = "cert") -> Path:
        file = self.folder / f"{name}-cert.pub"
        file.write_text(self.ok("sign", self.actor, "--pubkey", str(self.public_key)))
        return file

    def logs_in(self, certificate: Path, key: Path | None = None) -> bool:
        before = self.sshd.log()
        done = self.sshd.login(key or self.key, certificate)
        said = self.sshd.said_since(before)
        assert ("Accepted publickey" in said) == (done.code == 0), said
        if done.code:
            assert "revoked by file" in said, said
        return done.code == 0

    def pull(self, url: str, *options: str) -> "subprocess.CompletedProcess[str]":
        where = ("--file", str(self.revoked), "--signers", str(self.signers))
        return self.run("ssh", "krl", "pull", url, *where, *options)


@pytest.fixture
def world(lane_world, sshd_server) -> RevokingWorld:
    return RevokingWorld(lane_world, sshd_server)


@contextmanager
def serving(world: RevokingWorld) -> Iterator[str]:
    """``warden ssh krl serve`` on a port of its own; answers the URL of the KRL."""
    argv = ["warden", "ssh", "krl", "serve", "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(
        argv, env=world.lane_world.env(), cwd=world.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        out, err = server.communicate(timeout=10)
    assert (server.returncode, out) == (0, ""), err
    assert "Traceback" not in err


def test_from_a_login_to_a_refused_one(world):
    certificate = world.certificate()
    assert world.logs_in(certificate)
    done = world.run("ssh", "revoke", "--actor", world.actor, "--reason", "laptop stolen", "--yes")
    assert done.returncode == 0, done.stderr
    assert "revoked 1 certificate" in done.stdout
    assert "serial " in done.stderr
    with serving(world) as url:
        began = time.monotonic()
        pulled = world.pull(url)
        assert pulled.returncode == 0, pulled.stderr
        assert not world.logs_in(certificate)
        took = time.monotonic() - began
        assert world.pull(url).stdout.count("unchanged") == 1
    assert took < 30
    other = world.certificate("other")
    assert world.logs_in(other), "only what was out is revoked"


@pytest.mark.parametrize("what", ["--actor", "--key"])
def test_ensure_replaces_what_was_revoked(world, what):
    """With its key: a thief may have that. ssh asks again at once, though it is long until two thirds are over."""
    key = world.folder / "keys" / world.actor
    certificate = key.with_name(f"{world.actor}-cert.pub")
    configured = json.loads(world.ok("ssh", "config", world.actor, "--out", str(key.parent), "--json"))
    login, env = configured["blocks"][0]["command"], {**world.lane_world.env(), "BAO_TOKEN": world.token()}
    first = json.loads(world.ok("issue", world.actor, "--out", str(key.parent), "--json"))
    assert world.logs_in(certificate, key)
    assert subprocess.run(login, env=env, capture_output=True, check=True).stderr == b""
    named = {"--actor": world.actor, "--key": first["fingerprint"]}[what]
    world.ok("ssh", "revoke", what, named, "--reason", "laptop stolen", "--yes")
    with serving(world) as url:
        assert world.pull(url).returncode == 0
    assert not world.logs_in(certificate, key)
    done = subprocess.run(login, env=env, capture_output=True, text=True, check=True)
    assert done.stderr.startswith(f"The certificate of {world.actor} was revoked and has been replaced; ")
    assert world.logs_in(certificate, key)
    assert READS.parse(certificate.read_text()).fingerprint != first["fingerprint"]


@pytest.mark.parametrize("by", ["serial", "key", "since", "ca"])
def test_each_way_to_name_what_is_revoked(world, by):
    certificate = world.certificate()
    shown = subprocess.run(["ssh-keygen", "-L", "-f", certificate], check=True, capture_output=True, text=True).stdout
    serial = next(line.split()[1] for line in shown.splitlines() if "Serial:" in line)
    named = {
        "serial": ["--serial", serial],
        "key": ["--key", str(world.public_key)],
        "since": ["--since", "1h"],
        "ca": ["--key", str(world.ca.with_suffix(".pub"))],
    }[by]
    made = json.loads(world.ok("ssh", "revoke", *named, "--reason", "test", "--yes", "--json"))
    (revoked,) = made["revoked"]
    assert (revoked["serials"], revoked["keys"]) != ([], [])
    directory = Path(made["krl"]["where"])
    world.sshd.revoke((directory / "krl").read_bytes())
    assert not world.logs_in(certificate)
    again = json.loads(world.ok("ssh", "revoke", *named, "--reason", "test", "--yes", "--json"))
    assert again["revoked"] == [], "once is enough"
    assert again["krl"]["version"] > made["krl"]["version"], "and it is published again"


def test_without_yes_nothing_is_revoked(world):
    world.certificate()
    (begin,) = [
        each for each in json.loads(world.ok("journal", "log", "--json")) if each["event"] == "certificate.begin"
    ]
    kinds = {name: type(begin["body"][name]) for name in ("fingerprint", "requested_ttl")}
    assert kinds == {"fingerprint": str, "requested_ttl": int}, "by which a signing without an end is revoked"
    done = world.run("ssh", "revoke", "--actor", world.actor, "--reason", "why")
    assert done.returncode == 2
    assert "would revoke 1 certificate" in done.stderr
    assert "--yes" in done.stderr
    assert not world.run("journal", "log", "--json").stdout.count("certificate.revoked")


def test_a_revocation_that_cannot_be_signed_stands_and_the_next_build_has_it(world):
    certificate = world.certificate()
    kept = world.signer.read_bytes()
    world.signer.write_text("not a key")
    done = world.run("ssh", "revoke", "--actor", world.actor, "--reason", "why", "--yes")
    assert done.returncode == 2
    assert "revoked in the journal" in done.stderr
    world.signer.write_bytes(kept)
    made = json.loads(world.ok("ssh", "krl", "build", "--json"))
    assert made["serials"] == 1
    world.sshd.revoke(Path(made["where"], "krl").read_bytes())
    assert not world.logs_in(certificate)


def test_a_ca_of_this_machine_is_known_although_no_openbao_is_named(world):
    ca = READS.fingerprint(world.ca.with_suffix(".pub").read_text())
    argv = ("ssh", "revoke", "--serial", "4711", "--ca", ca, "--reason", "x", "--yes", "--json")
    done = world.run(*argv, BAO_ADDR="", BAO_TOKEN="")
    assert done.returncode == 0, done.stderr
    assert [each["authority"] for each in json.loads(done.stdout)["revoked"]] == [ca]


def test_a_ca_at_openbao_is_known_by_its_fingerprint_as_long_as_openbao_answers(world, unique):
    mount, server = unique("ssh"), world.server
    server.must("POST", f"sys/mounts/{mount}", {"type": "ssh"})
    server.must("POST", f"{mount}/config/ca", {"generate_signing_key": True, "key_type": "ed25519"})
    line = server.must("GET", f"{mount}/config/ca")["data"]["public_key"]
    fingerprint = SshCertificates().fingerprint(line)
    world.replace(f"key: {world.ca}", f"openbao: {mount}")
    argv = ["ssh", "revoke", "--ca", fingerprint, "--reason", "test", "--yes", "--json"]
    admin = {"BAO_TOKEN": server.token("admin")}
    gone = json.loads(world.run(*argv, "--serial", "5", BAO_ADDR="http://127.0.0.1:1", **admin).stdout)
    assert gone["revoked"][0]["authority"] is None, "revoked all the same, for every CA"
    known = json.loads(world.run(*argv, "--serial", "6", **admin).stdout)
    assert known["revoked"][0]["authority"] == fingerprint
    later = json.loads(world.run(*argv, "--serial", "7", BAO_ADDR="http://127.0.0.1:1", **admin).stdout)
    assert later["revoked"][0]["authority"] == fingerprint, "from the journal"
    server.must("DELETE", f"sys/mounts/{mount}")


@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("y", 0)])
def test_a_terminal_is_asked(world, answer, code):
    world.certificate()
    argv = ["ssh", "revoke", "--actor", world.actor, "--reason", "why"]
    env = world.lane_world.env() | {"BAO_TOKEN": world.token()}
    terminal = pexpect.spawn("warden", argv, env=env, cwd=str(world.folder), encoding="utf-8", timeout=30)
    terminal.expect(r"Revoke 1 certificate\?")
    terminal.sendline(answer)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == code, terminal.before
    assert world.run("journal", "log", "--json").stdout.count('"certificate.revoked"') == (code == 0)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "nothing to revoke is named"),
        (["--serial", "0"], "Invalid value"),
        (["--serial", str(2**64)], "Invalid value"),
        (["--serial", "1", "--actor", "x"], "cannot be used with"),
        (["--serial", "1", "--ca", "md5:00"], "not a fingerprint"),
        (["--since", "tomorrow"], "not a time in the past"),
        (["--key", "/nowhere"], "cannot be read (no such file or directory). Nothing was done."),
        (["--key", __file__], "Nothing was done."),
        (["--key", "SHA256:abc"], "--key is not a fingerprint"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(world, argv, said):
    done = world.run("ssh", "revoke", *argv, "--reason", "why", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_an_actor_with_nothing_out_there_is_an_answer_that_is_no(world):
    done = world.run("ssh", "revoke", "--actor", "agt-nobody", "--reason", "why", "--yes")
    assert done.returncode == 1
    assert "no certificate of agt-nobody" in done.stderr


def test_an_actor_that_is_misspelt_is_answered_with_the_nearest(world):
    world.certificate()
    done = world.run("ssh", "revoke", "--actor", f"{world.actor}x", "--reason", "why", "--yes")
    assert done.returncode == 1
    assert f"nearest: {world.actor}" in done.stderr


def test_without_a_key_that_signs_nothing_is_recorded(world):
    world.certificate()
    text = world.platform.read_text()
    world.platform.write_text(text[: text.index("\nsigning:")] + "\n")
    done = world.run("ssh", "revoke", "--actor", world.actor, "--reason", "why", "--yes")
    assert done.returncode == 2
    assert "names no key" in done.stderr
    assert "set signing: {ssh_key: FILE} in platform.yaml" in done.stderr
    assert not world.run("journal", "log", "--json").stdout.count("certificate.revoked")


def test_the_server_answers_nothing_but_the_two_files(world):
    with serving(world) as url:
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url, timeout=5)
        world.ok("ssh", "krl", "build")
        with urllib.request.urlopen(url, timeout=5) as answer:
            first, etag = answer.read(), answer.headers["ETag"]
        assert first.startswith(b"SSHKRL")
        for path in ("/", "/krl/", "/../signer", "/krl.sig/../signer", "/%2e%2e/signer"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url.removesuffix('/krl')}{path}", timeout=5)
        for method, body in (("POST", b"x"), ("PUT", b"x"), ("DELETE", None)):
            with pytest.raises(urllib.error.HTTPError, match="405"):
                urllib.request.urlopen(urllib.request.Request(url, data=body, method=method), timeout=5)
        asked = urllib.request.Request(url, headers={"If-None-Match": etag})
        with pytest.raises(urllib.error.HTTPError, match="304"):
            urllib.request.urlopen(asked, timeout=5)
        world.ok("ssh", "krl", "build")
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.headers["ETag"] != etag, "what is published later is served at once"


def test_the_server_takes_only_so_many_connections_and_answers_again_when_they_go(world):
    """Where a process may have no more files open, asyncio wrote 136 MB of errors in two minutes."""
    world.ok("ssh", "krl", "build")
    with serving(world) as url, ExitStack() as idle:
        address = urllib.parse.urlsplit(url)
        for _ in range(MOST):
            last = idle.enter_context(socket.create_connection((address.hostname, address.port), timeout=20))
        last.sendall(b"HEAD /krl HTTP/1.1\r\nHost: x\r\n\r\n")
        assert last.recv(100).startswith(b"HTTP/1.1 200 "), "all before it are connected, too"
        with socket.create_connection((address.hostname, address.port), timeout=10) as another:
            assert another.recv(1) == b""
        idle.close()
        end = time.monotonic() + 20
        while world.pull(url).returncode and time.monotonic() < end:
            pass
        assert world.pull(url).returncode == 0


def test_an_address_that_is_taken_is_said(world):
    with serving(world) as url:
        taken = url.removeprefix("http://").removesuffix("/krl")
        done = world.run("ssh", "krl", "serve", "--listen", taken)
    assert done.returncode == 2
    assert "address already in use" in done.stderr
    assert world.run("ssh", "krl", "serve", "--listen", "nowhere").returncode == 2
    assert world.run("ssh", "krl", "serve", "--listen", "127.0.0.1:99999").returncode == 2


def test_two_pulls_at_once_leave_the_newest(world):
    world.certificate()
    world.ok("ssh", "revoke", "--actor", world.actor, "--reason", "why", "--yes")
    with serving(world) as url:
        argv = ["warden", "ssh", "krl", "pull", url, "--file", str(world.revoked), "--signers", str(world.signers)]
        env = world.lane_world.env()
        running = [subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
        ended = [(each.communicate(timeout=60), each.returncode) for each in running]
    assert [code for _, code in ended] == [0] * 3, ended
    assert not [name for name in os.listdir(world.revoked.parent) if name.startswith(".revoked")]


def test_a_pull_into_a_folder_that_does_not_exist_makes_none(world):
    """In a mistyped one, sshd would never read the KRL."""
    missing = world.folder / "mistyped"
    done = world.run("ssh", "krl", "pull", "http://127.0.0.1:1/krl", "--file", str(missing / "revoked_keys"))
    assert (done.returncode, missing.exists()) == (2, False)
    assert f"{missing} does not exist. Nothing was changed." in done.stderr
    assert "--file" in done.stderr


def test_a_krl_of_a_week_is_an_error_of_check(world):
    world.ok("ssh", "krl", "build")
    with serving(world) as url:
        assert world.pull(url).returncode == 0
    check = ["ssh", "krl", "pull", "--check", "--file", str(world.revoked), "--json"]
    assert json.loads(world.ok(*check))["stale"] is False
    aged = bytearray(world.revoked.read_bytes())
    aged[20:28] = int(time.time() - 7 * 86_400).to_bytes(8)
    world.revoked.write_bytes(aged)
    done = world.run(*check)
    assert (done.returncode, json.loads(done.stdout)["age"] // 86_400) == (1, 7)
    told = world.run(*check[:-1])
    assert "made 7 d ago" in told.stderr
