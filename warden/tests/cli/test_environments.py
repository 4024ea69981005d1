"""One lane, two environments, each with an OpenBao of its own: what is done for one is never done for the other."""

import json
import re
import time
from collections.abc import Iterator

import pytest
from platform_server import PlatformServer

from warden.adapters.dev import Embedded

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformServer]:
    embedded = Embedded(str(tmp_path_factory.mktemp("prod")))
    try:
        embedded.up(lambda _: None)
        yield PlatformServer(embedded)
    finally:
        embedded.wipe()


@pytest.fixture
def world(lane_world, prod):
    """The lane of `lane_world` in dev, with another reader in prod."""
    lane_world.prod = prod
    (lane_world.folder / "platform" / "platform.yaml").write_text(
        f"environments:\n  dev: {{openbao: {lane_world.server.address}}}\n  prod: {{openbao: {prod.address}}}\n"
    )
    with lane_world.lane_file.open("a") as file:
        file.write(f"environments:\n  dev: {{}}\n  prod:\n    readers:\n      - workload: {lane_world.tenant}/worker\n")
    return lane_world


def warden(world, *argv: str, address: str = "", **env: str):
    tokens = {"dev": world.server.token("platform"), "prod": world.prod.token("platform")}
    name = argv[1] if argv[0] == "--env" else env.get("WARDEN_ENV", "dev")
    return world.run(*argv, **{"BAO_TOKEN": tokens.get(name, ""), "BAO_ADDR": address} | env)


def test_each_environment_has_what_its_lane_declares_there(world):
    for name in ("dev", "prod"):
        done = warden(world, "--env", name, "apply", world.lane, "--take-over", "--yes")
        assert done.returncode == 0, done.stderr
        assert f"environment: {name} (" in done.stderr
    role = f"auth/kubernetes/role/workload-{world.tenant}"
    assert world.prod.call("GET", f"{role}-worker")[0] == 200
    assert world.prod.call("GET", f"{role}-api")[0] == 404
    assert world.server.call("GET", f"{role}-api")[0] == 200
    assert world.server.call("GET", f"{role}-worker")[0] == 404
    assert warden(world, "--env", "prod", "plan", world.lane).returncode == 0


def test_a_proof_of_one_does_not_count_for_the_other(world):
    for name in ("dev", "prod"):
        assert warden(world, "--env", name, "apply", world.lane, "--take-over", "--yes").returncode == 0
    audit = ("--audit", world.server.audit_file)
    identities = {"WARDEN_STATE": world.server.state, "WARDEN_JOURNAL": str(world.folder / "journal.db")}
    done = warden(world, "--env", "dev", "prove", world.lane, *audit, "--json", **identities)
    proof = json.loads(done.stdout)
    assert (proof["environment"], proof["state"], proof["system"]) == ("dev", "proven", world.server.address)
    states = {}
    for name in ("dev", "prod"):
        shown = warden(world, "--env", name, "status", world.lane, "--json", **identities)
        (found,) = [each for each in json.loads(shown.stdout) if each.get("lane") == world.lane]
        assert found["environment"] == name
        states[name] = found["proof"]
    assert states["dev"].startswith("proven")
    assert not states["prod"].startswith("proven")


def test_a_lane_is_promoted_in_the_environment_that_was_proven(world):
    text = world.lane_file.read_text().replace("status: active", "status: draft # in all of them")
    world.lane_file.write_text(text + "playbook: docs/p.md\n")
    (world.folder / "docs").mkdir()
    (world.folder / "docs" / "p.md").write_text("# How\n")
    before = world.lane_file.read_text()
    identities = {"WARDEN_STATE": world.server.state, "WARDEN_JOURNAL": str(world.folder / "journal.db")}
    audit = ("--audit", world.server.audit_file)
    assert warden(world, "--env", "dev", "apply", world.lane, "--take-over", "--yes").returncode == 0
    done = warden(world, "--env", "dev", "promote", world.lane, *audit, **identities)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"promotion of {world.lane} in dev" in done.stdout
    today = time.strftime("%Y-%m-%d", time.gmtime())
    reviewed = re.sub(r"(?m)^reviewed: .*$", f"reviewed: {today}", before)
    assert world.lane_file.read_text() == reviewed.replace("dev: {}", "dev: {status: active}")
    listed = {
        name: [each["id"] for each in json.loads(warden(world, "--env", name, "route", "list", "--json").stdout)]
        for name in ("dev", "prod")
    }
    assert listed == {"dev": [world.lane], "prod": []}
    back = warden(world, "--env", "dev", "demote", world.lane, "--reason", "why", **identities)
    assert back.returncode == 0, back.stderr
    assert world.lane_file.read_text() == reviewed.replace("dev: {}", "dev: {status: draft}")


@pytest.mark.parametrize("command", ["plan", "apply", "prove", "put", "status", "access", "deactivate"])
def test_variables_that_contradict_the_environment_are_refused(world, command):
    more = {"deactivate": ("--reason", "x", "--yes"), "access": ("--", "true")}.get(command, ())
    done = warden(world, "--env", "prod", command, world.lane, *more, address=world.server.address)
    assert done.returncode in {2, 125}, done.stderr
    assert f"the environment prod is {world.prod.address}, and BAO_ADDR is {world.server.address}" in done.stderr


def test_the_environment_follows_from_the_variables_or_has_to_be_named(world):
    assert "environment: prod (" in warden(world, "plan", world.lane, address=world.prod.address, WARDEN_ENV="").stderr
    unclear = world.run("plan", world.lane, BAO_ADDR="")
    assert unclear.returncode == 2
    assert "the platform has the environments dev, prod, and none was named" in unclear.stderr
    elsewhere = warden(world, "plan", world.lane, address="https://127.0.0.1:1")
    assert (elsewhere.returncode, "not one of the environments dev, prod" in elsewhere.stderr) == (2, True)
    inside = warden(world, "--env", "dev", "plan", world.lane, BAO_NAMESPACE="team")
    assert (inside.returncode, "root namespace" in inside.stderr) == (2, True)
    unknown = warden(world, "--env", "pord", "plan", world.lane)
    assert (unknown.returncode, "which has dev, prod" in unknown.stderr) == (2, True)


def test_what_is_declared_can_be_asked_without_one(world):
    assert world.run("route", "show", world.lane, BAO_ADDR="").returncode == 0
    checked = world.run("catalog", "check", "--json", BAO_ADDR="")
    assert [each for each in json.loads(checked.stdout)["faults"] if not each["warning"]] == []


def test_doctor_looks_at_the_environment_that_was_named(world):
    done = warden(world, "--env", "prod", "doctor", "--for", "plan")
    assert f"OpenBao {world.prod.address} (BAO_ADDR)" in done.stdout
    wrong = warden(world, "--env", "prod", "doctor", address=world.server.address)
    assert f"and BAO_ADDR is {world.server.address}" in wrong.stderr + wrong.stdout


def test_what_clashes_in_one_environment_only_is_found(world):
    other = world.lane_file.with_name("other-key.yaml")
    text = world.lane_file.read_text().partition("environments:")[0].replace(f"lane: {world.lane}", "lane: other-key")
    other.write_text(
        text.replace(f"api/{world.lane}", "api/other") + f"environments:\n  prod: {{path: {world.path}}}\n"
    )
    found = json.loads(world.run("catalog", "check", "--json", BAO_ADDR="").stdout)["faults"]
    assert [each["field"] for each in found if "is already the path of" in each["message"]] == ["custody.path"]


def test_a_lane_of_other_environments_says_so(world):
    text = world.lane_file.read_text().replace("  prod:\n    readers:\n", "  dev2:\n    readers:\n")
    world.lane_file.write_text(text)
    assert "is not an environment of platform.yaml" in world.run("catalog", "check", BAO_ADDR="").stdout
    world.lane_file.write_text(text.partition("  dev2:")[0])
    for command in (("plan", world.lane), ("access", world.lane, "--", "true")):
        done = warden(world, "--env", "prod", *command)
        assert done.returncode in {2, 125}
        assert f"{world.lane} does not exist in prod; its file lists dev" in done.stderr
    assert warden(world, "--env", "dev", "plan", world.lane).returncode in {0, 1}


def test_access_reads_in_the_environment_that_was_named(world):
    echo = ("--", "sh", "-c", 'printf %s "$API_KEY"')
    done = world.run("--env", "dev", "access", world.lane, *echo, BAO_ADDR="", BAO_TOKEN=world.token())
    assert done.stdout == world.values["API_KEY"], done.stderr
    refused = world.run("--env", "prod", "access", world.lane, *echo, BAO_ADDR="", BAO_TOKEN=world.token())
    assert refused.returncode == 125
    assert world.values["API_KEY"] not in refused.stdout + refused.stderr


def test_a_platform_without_environments_has_none_to_name(lane_world):
    done = lane_world.run("--env", "prod", "plan", lane_world.lane)
    assert (done.returncode, "declares no environments, and prod was asked for" in done.stderr) == (2, True)
