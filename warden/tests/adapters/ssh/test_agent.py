"""The port KeyAgent on a real ssh-agent."""

import os
import socket
import subprocess
import tempfile
import threading
from struct import pack

import pytest
from ssh_agent import running
from ssh_keys import write_key

from warden.adapters.ssh.agent import SshAgent, agent_of
from warden.adapters.ssh.fresh_keys import fresh_key
from warden.adapters.ssh.logins import trying_logins
from warden.core.errors import Inconclusive, NotNow, UsageError
from warden.present.errors import hint


@pytest.fixture
def agent(tmp_path):
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def certified(tmp_path):
    """A fresh key, and a certificate that ssh-keygen made for it."""
    authority, key, file = write_key(tmp_path / "ca"), fresh_key(), tmp_path / "key.pub"
    file.write_text(f"{key.public_key}\n")
    sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "id", "-n", "deploy", "-V", "+1h", str(file)]
    subprocess.run(sign, check=True)
    return key, " ".join((tmp_path / "key-cert.pub").read_text().split()[:2])


def test_it_holds_the_certificate_alone_for_its_lifetime(agent, certified):
    key, certificate = certified
    SshAgent(agent.socket).add(key, certificate, 3, "agt-deploy")
    assert [line.split(" ", 2)[:2] for line in agent.listed()] == [certificate.split()]
    assert agent.listed()[0].endswith(" agt-deploy")
    assert SshAgent(agent.socket).identities() == (certificate,)
    deadline = threading.Event()
    for _ in range(60):
        if not agent.listed():
            break
        deadline.wait(0.1)
    assert agent.listed() == []


def test_what_it_holds_signs(agent, certified, tmp_path):
    key, _ = certified
    SshAgent(agent.socket).add(key, "", 60, "plain")
    (tmp_path / "plain.pub").write_text(key.public_key)
    sign = ["ssh-keygen", "-Y", "sign", "-n", "test", "-f", str(tmp_path / "plain.pub")]
    done = subprocess.run(
        sign, input=b"x", capture_output=True, env={"SSH_AUTH_SOCK": agent.socket, "PATH": "/usr/bin"}, check=False
    )
    assert done.stdout.startswith(b"-----BEGIN SSH SIGNATURE"), done.stderr


def test_only_what_is_named_is_taken_away(agent, certified, tmp_path):
    key, certificate = certified
    assert agent.add("-q", str(write_key(tmp_path / "own"))).returncode == 0
    (own,) = agent.listed()
    there = SshAgent(agent.socket)
    there.add(key, certificate, 60, "agt-deploy")
    assert there.remove(certificate)
    assert agent.listed() == [own]
    assert not there.remove(certificate)


def test_a_locked_agent_takes_nothing(agent, certified, tmp_path):
    key, certificate = certified
    askpass = tmp_path / "askpass"
    askpass.write_text("#!/bin/sh\necho x\n")
    askpass.chmod(0o700)
    env = {"SSH_AUTH_SOCK": agent.socket, "PATH": "/usr/bin:/bin", "SSH_ASKPASS": str(askpass)}
    lock = ["ssh-add", "-x"]
    done = subprocess.run(lock, env={**env, "SSH_ASKPASS_REQUIRE": "force"}, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0
    with pytest.raises(NotNow, match="locked"):
        SshAgent(agent.socket).add(key, certificate, 60, "agt-deploy")
    assert SshAgent(agent.socket).identities() == ()


def test_without_an_agent_it_is_said_what_to_do(tmp_path):
    with pytest.raises(UsageError, match="SSH_AUTH_SOCK is not set"):
        agent_of({})
    with pytest.raises(Inconclusive, match="no such file"):
        agent_of({"SSH_AUTH_SOCK": str(tmp_path / "none")}).identities()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection"),
        (pack(">I", 0), "not one of an agent"),
        (pack(">I", 1 << 30), "not one of an agent"),
        (pack(">IB", 1, 5), "does not list"),
        (pack(">IB", 1, 12), "cannot be read"),
        (pack(">IBI", 5, 12, 9), "cannot be read"),
        (pack(">IBII", 9, 12, 1, 1 << 31), "cannot be read"),
        (pack(">IBII", 13, 12, 1, 0) + bytes(4), "cannot be read"),
    ],
)
def test_a_bad_answer_is_not_believed(tmp_path, answer, said):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def reply():
            there, _ = server.accept()
            there.recv(1 << 16)
            there.sendall(answer)
            there.close()

        thread = threading.Thread(target=reply)
        thread.start()
        with pytest.raises(Inconclusive, match=said):
            SshAgent(str(tmp_path / "s")).identities()
        thread.join()


def test_an_agent_whose_socket_has_too_long_a_path_is_not_waited_for(tmp_path, monkeypatch):
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(Inconclusive, match="ssh-agent did not start at ") as fault, trying_logins(os.environ):
        pytest.fail("it started")
    assert "TMPDIR" in hint(fault.value)
    assert not list(folder.iterdir())
