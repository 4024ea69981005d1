"""``issue``, ``ssh ensure`` and ``ssh host sign`` with OpenBao's SSH engine, as ``warden apply`` sets it up."""

import json
import os
import subprocess

import pytest
from ssh_actor import ActorWorld
from ssh_agent import running
from sshd_server import served_sshd

from warden.adapters.ssh.programs import run

INVENTORY = """\
authorities:
  users: {{openbao: {users}}}
  hosts: {{openbao: {hosts}}}
actors:
  {actor}:
    principals: [deploy]
    source_addresses: [127.0.0.0/8]
    hosts: [{host}]
    identities:
      - workload: {workload}
hosts:
  {host}: {{names: [127.0.0.1]}}
"""


@pytest.fixture
def world(lane_world, unique):
    world = ActorWorld(lane_world)
    world.host = unique("web")
    names = {"users": unique("ssh"), "hosts": unique("ssh-hosts"), "host": world.host}
    world.declare(INVENTORY.format(actor=world.actor, workload=lane_world.reader, **names))
    admin = world.server.token("admin")
    world.server.must("DELETE", f"auth/kubernetes/role/{world.role}")
    for name in (world.actor, world.host):
        done = world.run("apply", name, BAO_TOKEN=admin)
        assert done.returncode == 0, done.stderr
    return world


def test_a_key_is_issued_by_openbao_and_logs_in(world, tmp_path):
    sa = world.folder.with_name(f"{world.folder.name}-sa")
    sa.write_text(world.server.mint(world.lane_world.reader, audience="openbao"))
    with running(tmp_path) as agent, served_sshd(tmp_path / "sshd") as server:
        as_workload = {"BAO_TOKEN": "", "SSH_AUTH_SOCK": agent.socket}
        done = world.run("issue", world.actor, "--token-file", str(sa), "--json", **as_workload)
        assert done.returncode == 0, done.stderr
        issued = json.loads(done.stdout)
        assert [line.split()[:2] for line in agent.listed()] == [issued["certificate"].split()]
        ensured = world.run("ssh", "ensure", world.actor, "--token-file", str(sa), "--json", **as_workload)
        assert json.loads(ensured.stdout)["renewed"] is False
        shown = world.run("ssh", "ca", "show", "--json", BAO_TOKEN=world.server.token("admin"))
        assert shown.returncode == 0, shown.stderr
        server.trust(*[key["public_key"] for key in json.loads(shown.stdout) if key["purpose"] == "users"])
        server.authorize("deploy")
        by_agent = ["-o", f"IdentityAgent={agent.socket}", "-o", "BatchMode=yes"]
        done = run(["ssh", *by_agent, *server.arguments(), server.host, "true"], os.environ)
        assert done.code == 0, done.err
        assert f"ID {world.actor} " in server.log()


def test_a_host_key_is_signed_and_believed(world):
    admin = world.server.token("admin")
    signed = world.run("ssh", "host", "sign", world.host, "--pubkey", str(world.public_key), "--json", BAO_TOKEN=admin)
    assert signed.returncode == 0, signed.stderr
    found = json.loads(signed.stdout)
    assert (found["type"], found["principals"]) == ("host", ["127.0.0.1"])
    known = world.run("ssh", "known-hosts", BAO_TOKEN=admin)
    assert known.returncode == 0, known.stderr
    assert known.stdout.startswith("@cert-authority 127.0.0.1 ssh-")
    anybody = world.run("ssh", "known-hosts")
    assert anybody.stdout == known.stdout, anybody.stderr
    keys = [world.folder / f"{kind}.pub" for kind in ("rsa", "ecdsa", "ed25519")]
    for each in keys:
        subprocess.run(["ssh-keygen", "-q", "-t", each.stem, "-N", "", "-f", each.with_suffix("")], check=True)
    named = [part for each in keys for part in ("--pubkey", str(each))]
    several = world.run("ssh", "host", "sign", world.host, *named, BAO_TOKEN=admin)
    assert (several.returncode, several.stdout) == (0, ""), several.stderr
    for each in keys:
        certificate = each.with_name(f"{each.stem}-cert.pub")
        assert f"written to {certificate}" in several.stderr
        assert certificate.read_text().split("-cert-")[0] == each.read_text().split()[0]
    refused = world.run("ssh", "host", "sign", world.host, "--pubkey", str(world.public_key))
    assert refused.returncode == 4, "the actor's identity may not sign for hosts"
    assert "which rights are missing for which command: warden doctor --for ssh-host-sign" in refused.stderr
