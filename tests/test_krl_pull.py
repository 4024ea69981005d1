"""``deploy/ssh/krl-pull``, for hosts without warden, refuses what ``warden ssh krl pull`` refuses."""

import configparser
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from krl_world import DAY, KrlWorld, served
from sshd_server import SshdServer, keygen

from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.ssh.krl_folder import PublishedKrl
from warden.core.ssh.krl import EMPTY, NAMESPACE, SignedKrl
from warden.core.ssh.sshsig import signature_file, signed_bytes
from warden.usecases.krl import build

DEPLOY = Path(__file__).parents[1] / "deploy" / "ssh"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[KrlWorld]:
    made = KrlWorld(tmp_path)
    yield made
    made.journal.close()


def pulled(world: KrlWorld, *, max_age: int = DAY, url: str = "") -> "subprocess.CompletedProcess[str]":
    argv = [DEPLOY / "krl-pull", url or world.url, world.file, world.signers, str(max_age)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    assert not [line for line in done.stderr.splitlines() if not line.startswith("krl-pull: ")], done.stderr
    return done


def test_what_is_published_takes_the_place_of_what_was_there(world):
    world.revoke(7)
    made = build(world.tools)
    world.file.write_bytes(EMPTY)
    with served(world) as asked:
        first, again = pulled(world), pulled(world)
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert f"version {made.version}" in first.stderr
    assert again.stderr == "", "nothing to say"
    assert "serial: 7" in world.listed()
    assert world.file.stat().st_mode & 0o777 == 0o644
    assert asked == [("/krl", 200), ("/krl.sig", 200), ("/krl", 304)]


@pytest.mark.parametrize("there", [None, b"", b"SSHKRL\n\0 damaged"], ids=["missing", "empty", "damaged"])
@pytest.mark.parametrize("before", [False, True], ids=["never fetched", "fetched before"])
def test_without_an_answer_nobody_is_locked_out(world, there, before):
    if before:
        world.revoke(7)
        build(world.tools)
        with served(world):
            assert pulled(world).returncode == 0
    world.file.unlink(missing_ok=True) if there is None else world.file.write_bytes(there)
    done = pulled(world)
    assert done.returncode == 3
    assert "gave no KRL" in done.stderr
    assert ("serial: 7" in world.listed()) == before


def test_where_nothing_can_be_checked_nobody_is_locked_out_either(world):
    world.revoke(7)
    build(world.tools)
    with served(world):
        pulled(world)
    world.file.unlink()
    world.signers.unlink()
    done = pulled(world)
    assert (done.returncode, "whose KRLs are believed" in done.stderr) == (3, True)
    assert "serial: 7" in world.listed()


@pytest.mark.parametrize(
    "how", ["stranger", "changed", "older", "older, copy lost", "same-version", "not-a-krl", "no signature"]
)
def test_what_is_not_good_is_refused_and_what_is_in_place_stays(world, how):
    build(world.tools)
    old = {name: (world.published / name).read_bytes() for name in ("krl", "krl.sig")}
    world.revoke(7)
    newer = build(world.tools)
    with served(world):
        assert pulled(world).returncode == 0
        before = world.file.read_bytes()
        said, code = spoil(world, how, old, newer.version)
        done = pulled(world)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert world.file.read_bytes() == before
    assert pulled(world).returncode == 3


def spoil(world: KrlWorld, how: str, old: dict[str, bytes], version: int) -> tuple[str, int]:
    """Publish something that is not good; what is said of it, and the exit code."""
    published = PublishedKrl(str(world.published))
    if how == "stranger":
        keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(world.folder / "stranger"))
        build(msgspec.structs.replace(world.tools, signer=SshKeySigner(str(world.folder / "stranger"))))
        return "its signature is not one", 1
    if how == "changed":
        (world.published / "krl").write_bytes(EMPTY)
        return "its signature is not one", 1
    if how.startswith("older"):
        if "lost" in how:
            world.file.with_name(f"{world.file.name}.good").unlink()
        published.publish(SignedKrl(krl=old["krl"], signature=old["krl.sig"]))
        return "is lower than", 1
    if how == "no signature":
        build(world.tools)
        (world.published / "krl.sig").unlink()
        return "gave no KRL with a signature", 3
    krl = b"ssh-ed25519 AAAA" if how == "not-a-krl" else EMPTY[:12] + version.to_bytes(8) + EMPTY[20:]
    signer = world.tools.signer
    raw = signer.sign(signed_bytes(NAMESPACE, krl))
    published.publish(SignedKrl(krl=krl, signature=signature_file(NAMESPACE, signer.public_keys()[-1], raw)))
    return ("cannot read it to its end" if how == "not-a-krl" else "has the same version"), 1


@pytest.mark.parametrize(
    ("folder", "code", "said"),
    [("/nowhere/at/all", 2, "does not exist"), ("/proc", 3, "revoked_keys.lock cannot be written")],
    ids=["missing", "not to be written"],
)
def test_a_folder_that_cannot_hold_the_file_is_said(folder, code, said):
    """In a mistyped one, sshd would never read the KRL. /proc takes new files from nobody, root included."""
    argv = [DEPLOY / "krl-pull", "http://127.0.0.1:1/krl", f"{folder}/revoked_keys"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert [line for line in done.stderr.splitlines() if not line.startswith("krl-pull: ")] == []


def test_a_version_that_the_shell_cannot_count_is_still_the_higher_one(world):
    """A KRL has 64 bits for it, a shell 63."""
    highest = EMPTY[:12] + (2**64 - 1).to_bytes(8) + EMPTY[20:]
    world.file.write_bytes(highest)
    build(world.tools)
    with served(world):
        done = pulled(world)
    assert (done.returncode, "is lower than" in done.stderr) == (1, True)
    assert world.file.read_bytes() == highest


def test_a_krl_that_is_old_is_told_and_stays(world):
    world.revoke(7)
    build(world.tools)
    with served(world):
        time.sleep(1.1)  # ssh-keygen dates it, whatever our clock says
        done = pulled(world, max_age=0)
        assert (done.returncode, "newer revocations may be missing" in done.stderr) == (1, True)
        assert pulled(world).returncode == 0
    assert "serial: 7" in world.listed()


def test_a_list_of_keys_in_place_is_left_alone(world):
    world.file.write_text("ssh-ed25519 AAAA somebody's\n")
    build(world.tools)
    with served(world):
        done = pulled(world)
    assert (done.returncode, "not a KRL" in done.stderr) == (2, True)
    assert world.file.read_text().startswith("ssh-ed25519")


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("name", ["revoked_keys", "revoked_keys.good", "revoked_keys.etag", "revoked_keys.lock"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, make_socket], ids=["directory", "pipe", "socket"])
def test_what_is_not_a_file_is_left_alone(world, make, name):
    """A device, too: only root can make one, and would lose /dev/null for everybody."""
    there = world.folder / name
    build(world.tools)
    with served(world):
        pulled(world)
        there.unlink()
        make(there)
        done = pulled(world)
    assert (done.returncode, f"{there} is not a file" in done.stderr) == (3, True)
    assert not there.is_file()
    assert not (there.is_dir() and list(there.iterdir()))


def test_a_link_in_the_way_is_not_written_through(world):
    other = world.folder / "other"
    other.write_text("mine")
    build(world.tools)
    for name in ("revoked_keys", "revoked_keys.good", "revoked_keys.good.sig"):
        (world.folder / f"{name}.new").symlink_to(other)
    with served(world):
        assert pulled(world).returncode == 0
    assert other.read_text() == "mine"
    assert not world.file.is_symlink()


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://x/krl", "-o/tmp/x"])
def test_only_http_is_fetched(world, url):
    argv = [DEPLOY / "krl-pull", url, world.file, world.signers]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "usage" in done.stderr) == (2, True)
    assert not world.file.exists()


def test_sshd_refuses_what_is_revoked_after_the_next_run(world, sshd_server: SshdServer):
    key = sshd_server.new_key("key")
    certificate = sshd_server.sign(key, "-n", "deploy", "-z", "7", "-I", "agt-x", "-V", "-1m:+5m")
    sshd_server.trust(sshd_server.ca_line)
    sshd_server.authorize("deploy")
    world.file = Path(sshd_server.served.folder, "revoked")
    build(world.tools)
    with served(world):
        assert pulled(world).returncode == 0
        assert sshd_server.login(key, certificate).code == 0
        world.revoke(7)
        build(world.tools)
        assert pulled(world).returncode == 0
        before = sshd_server.log()
        assert sshd_server.login(key, certificate).code == 255
        assert "revoked by file" in sshd_server.said_since(before)
    world.file.unlink()
    assert sshd_server.login(key, certificate).code == 255, "without the file sshd refuses every key"
    before = sshd_server.log()
    assert pulled(world).returncode == 3
    assert sshd_server.login(key, certificate).code == 255
    assert "revoked by file" in sshd_server.said_since(before), "the last good one is back"


def test_units_and_role_name_the_same_files():
    """What systemd runs, what it may write to, and what the role installs and tells sshd."""
    unit = configparser.RawConfigParser(strict=False)
    unit.read(DEPLOY / "systemd" / "krl-pull.service")
    environment = dict(re.findall(r"^(\w+)=(.*)$", (DEPLOY / "systemd" / "krl-pull.env").read_text(), re.MULTILINE))
    named = re.findall(r"\$\{(\w+)\}", unit["Service"]["ExecStart"])
    assert named == list(environment), "in the order of the script's arguments"
    assert Path(environment["KRL_FILE"]).parent == Path(unit["Service"]["ReadWritePaths"])
    role = DEPLOY / "ansible" / "roles" / "warden_ssh"
    defaults = (role / "defaults" / "main.yml").read_text()
    assert f"warden_ssh_dir: {Path(environment['KRL_FILE']).parent}\n" in defaults
    assert f"warden_ssh_krl_pull: {unit['Service']['ExecStart'].split()[0]}\n" in defaults
    assert f"warden_ssh_environment: {unit['Service']['EnvironmentFile']}\n" in defaults
    template = (role / "templates" / "krl-pull.env.j2").read_text()
    assert re.findall(r"^(\w+)=", template, re.MULTILINE) == list(environment)
    assert "RevokedKeys {{ warden_ssh_dir }}/revoked_keys\n" in (role / "templates" / "sshd_config.j2").read_text()


def test_the_role_tells_sshd_what_the_page_does():
    """In the same order; the host's own certificate is a line for each of a list, which is empty unless it is given."""
    page = (DEPLOY.parents[1] / "docs" / "ssh-hosts.md").read_text()
    lines = page.partition("# /etc/ssh/sshd_config.d/50-warden.conf\n")[2].partition("```")[0].splitlines()
    role = DEPLOY / "ansible" / "roles" / "warden_ssh"
    template = (role / "templates" / "sshd_config.j2").read_text()
    said = [line.split()[0] for line in template.splitlines() if not line.startswith(("#", "{"))]
    assert said == [line.split()[0] for line in lines]
    each = "{% for each in warden_ssh_host_certificates %}\nHostCertificate {{ each }}\n{% endfor %}\n"
    assert template.endswith(each)
    assert "\nwarden_ssh_host_certificates: []\n" in (role / "defaults" / "main.yml").read_text()
