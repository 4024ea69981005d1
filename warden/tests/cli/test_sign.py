"""``warden sign`` as a process, as a workload of the real OpenBao, with a CA key in a file."""

import json
import subprocess

import pytest
from ssh_actor import ActorWorld


@pytest.fixture
def world(lane_world) -> ActorWorld:
    return ActorWorld(lane_world)


def records(world: ActorWorld, *events: str) -> list[dict]:
    done = world.run("journal", "log", "--json", "--lane", world.actor)
    assert done.returncode == 0, done.stderr
    return [each for each in json.loads(done.stdout) if each["event"] in events or not events]


def test_prints_exactly_one_line_which_openssh_reads(world):
    done = world.run("sign", world.actor, "--pubkey", str(world.public_key), "--reason", "ticket 7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("ssh-ed25519-cert-v01@openssh.com ")
    file = world.folder / "key-cert.pub"
    file.write_text(done.stdout)
    shown = subprocess.run(["ssh-keygen", "-L", "-f", file], check=True, capture_output=True, text=True).stdout
    assert "deploy\n" in shown
    assert "source-address 127.0.0.0/8" in shown
    assert "Extensions: (none)" in shown
