"""``warden inventory`` as a process: what is added, and everything that is wrong with it at once."""

import json

from warden.adapters.catalog.inventory import load_inventory


def test_actors_and_hosts_are_added_and_listed(lane_world):
    folder = lane_world.folder / "platform"

    def add(*argv: str) -> dict:
        done = lane_world.run("inventory", *argv, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert add("add-host", "web", "--name", "web.example.com", "--ttl", "7d")["host"] == "web"
    machine = ("--identity", "approle: backup, cidrs: [10.0.0.0/8]", "--workload", "ci/run", "--mount", "cluster-b")
    assert (
        add("add", "atm-backup", *machine, "--source-address", "10.0.0.0/8", "--host", "web")["actor"] == "atm-backup"
    )
    found = load_inventory(str(folder))
    assert [each.label for each in found.actors["atm-backup"].identities] == ["ci/run (cluster-b)", "approle backup"]
    assert found.actors["atm-backup"].identities[0].mount == "cluster-b"
    assert (found.hosts["web"].names, found.hosts["web"].ttl) == (("web.example.com",), 7 * 86400)
    listed = json.loads(lane_world.run("inventory", "list", "--json").stdout)
    assert [each["name"] for each in listed["hosts"]] == ["web"]
    assert "Next: warden " in lane_world.run("inventory", "add-host", "db").stdout


def test_everything_that_is_wrong_is_said_at_once(lane_world):
    file = lane_world.folder / "platform" / "inventory.yaml"
    wrong = ("--ttl", "9x", "--identity", "approle: a, cidr: b", "--extension", "permit-all", "--host", "nowhere")
    done = lane_world.run("inventory", "add", "atm-x", *wrong)
    assert done.returncode == 1
    for part in ("ttl", "identities[0]", "extensions", "hosts", "source_addresses"):
        assert f"actors.atm-x.{part}" in done.stderr, part
    options = ("--person", "ada", "--mount", "m", "--identity", "approle", "--identity", "a: {")
    said = " ".join(lane_world.run("inventory", "add", "adm-x", *options).stderr.split())
    for part in ("--person and --login", "--mount needs", "--identity 'approle'", "--identity 'a: {'"):
        assert part in said
    assert not file.exists()
    lane_world.run("inventory", "add-host", "web")
    again = lane_world.run("inventory", "add-host", "web")
    assert (again.returncode, "already has the host web" in again.stderr) == (2, True)


def test_an_actor_for_which_nobody_can_sign_is_added_with_a_warning(lane_world):
    alone = lane_world.run("inventory", "add", "adm-bob")
    assert alone.returncode == 0, alone.stderr
    assert "adm-bob has no identities" in alone.stderr
    with_one = lane_world.run("inventory", "add", "agt-ci", "--workload", "ci/run", "--source-address", "10.0.0.0/8")
    assert (with_one.returncode, with_one.stderr) == (0, "")
    assert lane_world.run("inventory", "add-host", "db").stderr == ""
