"""The sshd of the tests is a real one: it lets in who has the right certificate, and says why it refuses others."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from sshd_server import keygen, served_sshd
from tools.reaper import of

from warden.core.errors import Inconclusive
from warden.present.errors import hint

REPOSITORY = Path(__file__).resolve().parent.parent
NOW = ("-V", "-1m:+5m")


@pytest.fixture
def deploy(sshd_server):
    """The server trusts its CA, and the principal ``deploy``; a key."""
    sshd_server.trust(sshd_server.ca_line)
    sshd_server.authorize("deploy")
    return sshd_server.new_key("ada")


def refused(server, key, certificate):
    """What sshd said about a login that it refused."""
    before = server.log()
    done = server.login(key, certificate)
    assert done.code == 255, done
    assert "Permission denied (publickey)" in done.err
    return server.said_since(before)


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    """A full disk, say."""
    with served_sshd(tmp_path) as server:
        Path(server.served.folder, "trusted_ca.new").mkdir()
        with pytest.raises(Inconclusive, match="trusted_ca cannot be written") as fault:
            server.trust("ssh-ed25519 AAAA")
        assert "TMPDIR" in hint(fault.value)


def test_the_right_certificate_logs_in_and_its_serial_is_in_the_log(sshd_server, deploy):
    certificate = sshd_server.sign(deploy, "-n", "deploy", "-I", "deploy ada", "-z", "7", *NOW)
    done = sshd_server.login(deploy, certificate, command=["echo", "inside"])
    assert (done.code, done.out) == (0, b"inside\n"), done
    assert f"Accepted publickey for {sshd_server.account} from 127.0.0.1" in sshd_server.log()
    assert "ID deploy ada (serial 7) CA ED25519" in sshd_server.log()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-n", "other", *NOW), "Certificate does not contain an authorized principal"),
        (("-n", "deploy", "-V", "-10m:-5m"), "Certificate invalid: expired"),
        (("-n", "deploy", "-V", "+5m:+9m"), "Certificate invalid: not yet valid"),
        (("-n", "deploy", "-O", "source-address=10.0.0.0/8", *NOW), "not from a permitted source address"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_in_the_log_with_its_serial(sshd_server, deploy, options, reason):
    said = refused(sshd_server, deploy, sshd_server.sign(deploy, "-I", "deploy ada", "-z", "9", *options))
    assert reason in said
    assert "(serial 9)" in said


def test_another_ca_and_no_certificate_are_refused(sshd_server, deploy):
    other = sshd_server.new_key("other-ca")
    options = ("-n", "deploy", "-I", "x", "-z", "10", *NOW)
    said = refused(sshd_server, deploy, sshd_server.sign(deploy, *options, ca=other))
    assert re.search(r"Failed publickey for .* ED25519-CERT .*\(serial 10\)", said), said
    without = refused(sshd_server, deploy, None)
    assert re.search(r"Failed publickey for .* ED25519 SHA256:", without), without
    assert "CERT" not in without
    assert sshd_server.login(deploy, sshd_server.sign(deploy, *options, name="own-ca")).code == 0


def test_what_is_revoked_is_refused_at_the_next_login(sshd_server, deploy):
    certificate = sshd_server.sign(deploy, "-n", "deploy", "-I", "x", "-z", "11", *NOW)
    assert sshd_server.login(deploy, certificate).code == 0
    serials, krl = sshd_server.folder / "serials", sshd_server.folder / "krl"
    serials.write_text("serial: 11\n")
    keygen("-k", "-f", str(krl), "-s", str(sshd_server.ca.with_name("ca.pub")), str(serials))
    sshd_server.revoke(krl.read_bytes())
    assert "revoked by file" in refused(sshd_server, deploy, certificate)


def test_two_servers_stand_side_by_side_and_are_gone_afterwards(tmp_path):
    with served_sshd(tmp_path / "a") as one, served_sshd(tmp_path / "b") as another:
        assert one.port != another.port
        folders = [one.served.folder, another.served.folder]
        assert all(os.path.exists(each) for each in folders)
    assert not any(os.path.exists(each) for each in folders)
    assert not of(tmp_path)


def test_it_ends_with_a_process_that_is_killed(tmp_path):
    code = (
        "import os, sys, time; from warden.adapters.ssh.local_sshd import local_sshd\n"
        "with local_sshd(os.environ, sys.argv[1]) as served:\n"
        "    print(served._process.pid, flush=True); time.sleep(600)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    sshd = int(program.stdout.readline())
    assert psutil.pid_exists(sshd)
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(sshd) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(sshd)
