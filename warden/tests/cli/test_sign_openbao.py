"""``warden sign`` through OpenBao's SSH engine: applied from the inventory, signed, and refused where they differ."""

import json
import subprocess

import pytest
from ssh_actor import ActorWorld


@pytest.fixture
def world(lane_world) -> ActorWorld:
    """The actor with an SSH engine of its own, applied by the platform team."""
    found = ActorWorld(lane_world)
    found.mount = f"ssh-{lane_world.tenant}"
    found.replace(f"key: {found.ca}", f"openbao: {found.mount}")
    found.ca.unlink()
    found.server.must("DELETE", f"auth/kubernetes/role/{found.role}")
    apply(found)
    yield found
    found.server.must("DELETE", f"sys/mounts/{found.mount}")


def apply(world: ActorWorld) -> None:
    done = world.run("apply", world.actor, "--yes", BAO_TOKEN=world.server.token("admin"))
    assert done.returncode == 0, done.stderr


def sign(world: ActorWorld, *argv: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    return world.run("sign", world.actor, "--pubkey", str(world.public_key), *argv, **changed)


def events(world: ActorWorld) -> list[str]:
    done = world.run("journal", "log", "--json", "--lane", world.actor)
    return [each["event"] for each in json.loads(done.stdout) if not each["event"].startswith("apply")]


def role(world: ActorWorld, **changed: object) -> None:
    """Change the SSH role behind warden's back."""
    path = f"{world.mount}/roles/{world.actor}"
    world.server.must("POST", path, world.server.must("GET", path)["data"] | changed)


def test_signed_by_the_engine_exactly_as_decided(world):
    done = sign(world, "--ttl", "5m", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["principals"] == ["deploy"]
    assert answer["critical_options"] == {"source-address": "127.0.0.0/8"}
    assert answer["extensions"] == []
    assert world.mount in answer["authority"]["where"]
    assert answer["key_id"].startswith(f"{world.actor} kubernetes-")
    assert events(world) == ["decision", "certificate.begin", "certificate.issued"]


LIES = {
    "critical options": {"default_critical_options": {}},
    "extensions": {"default_extensions": {"permit-pty": ""}},
    "key id": {"key_id_format": "{{token_display_name}}"},
}


@pytest.mark.parametrize("part", LIES)
def test_what_a_changed_role_gives_is_refused(world, part):
    role(world, **LIES[part])
    done = sign(world)
    assert (done.returncode, done.stdout) == (4, "")
    assert part in done.stderr
    assert "The certificate was discarded" in done.stderr
    assert events(world)[-1] == "certificate.refused"


def test_principals_are_limited_by_the_server(world):
    """What the file says and the server does not know yet."""
    world.replace("principals: [deploy]", "principals: [root]")
    done = sign(world)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert f"warden plan {world.actor}" in done.stderr
    assert "Nothing was signed." in done.stderr
    assert events(world)[-1] == "certificate.failed"
    apply(world)
    assert sign(world).returncode == 0


def test_who_may_not_is_refused_by_openbao_whatever_the_policy_says(world):
    """A policy that permits everybody, and a token of the lane's reader, which has no right to sign."""
    folder = world.folder / "platform" / "policies" / "access"
    folder.mkdir(parents=True)
    (folder / "all.cedar").write_text('permit (principal, action == Action::"sign", resource);\n')
    done = sign(world, BAO_TOKEN=world.lane_world.token())
    assert (done.returncode, done.stdout) == (4, "")
    assert "permission denied" in done.stderr
    assert events(world)[-1] == "certificate.failed"


def test_a_service_account_logs_in_signs_and_logs_out(world):
    file = world.folder / "sa"
    file.write_text(world.server.mint(world.lane_world.reader))
    done = sign(world, "--token-file", str(file), "--out", str(world.folder / "cert"), BAO_TOKEN="")
    assert done.returncode == 0, done.stderr
    shown = subprocess.run(
        ["ssh-keygen", "-L", "-f", world.folder / "cert"], check=True, capture_output=True, text=True
    )
    assert "user certificate" in shown.stdout


def test_an_engine_that_is_gone_names_what_makes_it(world):
    world.server.must("DELETE", f"sys/mounts/{world.mount}")
    done = sign(world)
    assert (done.returncode, done.stdout) == (2, "")
    assert "has no CA key" in done.stderr
    assert "warden apply --all" in done.stderr
