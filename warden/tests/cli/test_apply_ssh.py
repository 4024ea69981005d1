"""plan and apply of actors as a person types them, on a real OpenBao; and a certificate for the identity then."""

import json
import secrets

import pytest
import trustme
from ssh_keys import write_key

INVENTORY = """\
actors:
  {actor}:
    principals: [deploy]
    source_addresses: [127.0.0.0/8]
    force_command: /usr/local/bin/deploy
    identities:
      - workload: {reader}
{more}"""


class InventoryWorld:
    """An actor whose identity is the lane's reader, on the mount ``ssh``; runs as the platform engineer."""

    def __init__(self, engineer) -> None:
        self.engineer = engineer
        self.world = engineer.world
        self.actor = f"agt-{self.world.tenant}-{secrets.token_hex(2)}"
        self.role = f"ssh-{self.actor}"
        self.declare()

    def declare(self, more: str = "") -> None:
        """Write the inventory; `more` of the actor."""
        text = INVENTORY.format(actor=self.actor, reader=self.world.reader, more=more)
        (self.world.folder / "platform" / "inventory.yaml").write_text(text)

    def __call__(self, *argv, **how):
        return self.engineer(*argv, **how)


@pytest.fixture
def inventory(engineer):
    return InventoryWorld(engineer)


def test_from_the_inventory_to_a_certificate(inventory):
    planned = inventory("plan", inventory.actor)
    assert planned.returncode == 1, planned.stderr
    assert f"+ policy    ssh-sign-{inventory.actor}" in planned.stdout
    assert planned.stdout.splitlines()[-1].endswith(f"Next: warden apply {inventory.actor}")
    done = inventory("apply", inventory.actor)
    assert done.returncode == 0, done.stderr
    assert f"Next: warden sign {inventory.actor} --pubkey FILE" in " ".join(done.stdout.split())
    assert inventory("plan", inventory.actor).stdout.splitlines()[-1] == "In sync: 5 as declared."
    key = write_key(inventory.world.folder / "key").with_suffix(".pub")
    token = inventory.world.token(role=inventory.role)
    signed = inventory("sign", inventory.actor, "--pubkey", str(key), BAO_TOKEN=token)
    assert signed.returncode == 0, signed.stderr
    assert signed.stdout.startswith("ssh-ed25519-cert-v01@openssh.com ")


def test_all_of_it_as_json(inventory):
    applied = inventory("apply", "--all", "--json", "--take-over", "--yes")
    assert applied.returncode == 0, applied.stderr
    lane, actor = json.loads(applied.stdout)
    assert lane["lane"] == inventory.world.lane
    assert actor["actor"] == inventory.actor
    assert "ssh-role" in {each["kind"] for each in actor["changed"]}
    planned = json.loads(inventory("plan", "--all", "--json").stdout)
    assert [each.get("lane") or each["actor"] for each in planned] == [inventory.world.lane, inventory.actor]
    assert planned[1]["to_change"] == 0


def test_an_actor_that_was_taken_out_of_the_file(inventory):
    inventory("apply", inventory.actor)
    file = inventory.world.folder / "platform" / "inventory.yaml"
    file.write_text("actors: {}\n")
    shown = inventory("plan", "--all")
    assert f"Orphaned: ssh-sign-{inventory.actor} still has certificates signed" in shown.stdout
    assert f"warden apply {inventory.actor} --yes" in shown.stdout
    assert inventory("apply", inventory.actor).returncode == 2
    assert inventory("apply", inventory.actor, "--yes").returncode == 0
    assert inventory("plan", inventory.actor).returncode == 2
    assert inventory.actor not in inventory("plan", "--all").stdout


def test_an_actor_of_another_platform(inventory):
    folder = inventory.world.folder / "platform"
    named = folder / "platform.yaml"
    before = named.read_text()
    named.write_text(f"platform: railiance\n{before}")
    assert inventory("apply", inventory.actor).returncode == 0
    documents = json.loads(inventory("plan", "--all", "--json", "--take-over").stdout)
    assert [each["to_change"] for each in documents if each.get("actor") == inventory.actor] == [0]
    named.write_text(f"platform: netkingdom\n{before}")
    blocked = inventory("apply", inventory.actor)
    assert blocked.returncode == 1
    assert "made by the platform railiance" in " ".join(blocked.stderr.split())
    (folder / "inventory.yaml").write_text("actors: {}\n")
    assert inventory.actor not in inventory("plan", "--all").stdout
    assert inventory("apply", inventory.actor, "--yes").returncode == 2


def test_options_about_clusters_are_for_lanes(inventory):
    done = inventory("plan", inventory.actor, "--custody-only")
    assert done.returncode == 2
    assert "--custody-only has no effect without a lane" in done.stderr


def test_an_inventory_with_errors_keeps_no_lane_from_being_planned(inventory):
    inventory.declare("    nonsense: 1\n")
    assert "inventory.yaml has errors" in inventory("plan", inventory.actor).stderr
    done = inventory("plan", "--all", "--take-over")
    assert done.returncode == 1
    assert f"policy    workload-kv-read-{inventory.world.lane}" in done.stdout
    assert "inventory" in done.stderr + done.stdout
    assert inventory("plan", inventory.world.lane, "--take-over").returncode == 1


def test_a_name_that_is_nowhere(inventory):
    done = inventory("apply", "agt-nobody")
    assert done.returncode == 2
    assert "agt-nobody" in done.stderr
    assert "warden inventory list" in done.stderr


def test_a_host_is_followed_by_the_command_that_signs_its_key(inventory):
    host = inventory.world.tenant
    file = inventory.world.folder / "platform" / "inventory.yaml"
    file.write_text(f"authorities: {{hosts: {{openbao: ssh-hosts}}}}\nhosts: {{{host}: {{}}}}\n")
    done = inventory("apply", host)
    assert done.returncode == 0, done.stderr
    assert f"Next: warden ssh host sign {host} --pubkey FILE" in " ".join(done.stdout.split())


def test_a_host_that_another_authority_signs_for(inventory):
    file = inventory.world.folder / "platform" / "inventory.yaml"
    file.write_text("hosts: {web: {}}\n")
    done = inventory("plan", "web")
    assert done.returncode == 2
    assert "web has nothing on OpenBao" in done.stderr


def test_a_mistyped_host_is_answered_with_the_nearest(inventory):
    file = inventory.world.folder / "platform" / "inventory.yaml"
    file.write_text("hosts: {coulombcore: {}}\n")
    done = inventory("plan", "coulombcor")
    assert done.returncode == 2
    assert "nearest: coulombcore" in " ".join(done.stderr.split())
    assert "warden inventory list" in done.stderr


def test_words_are_offered_for_actors(inventory):
    done = inventory.world.run(_WARDEN_COMPLETE="bash_complete", COMP_WORDS="warden plan agt-", COMP_CWORD="2")
    assert inventory.actor in done.stdout


def test_an_identity_by_certificate_has_the_authority_of_its_file(inventory):
    (inventory.world.folder / "platform" / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    text = f"actors: {{{inventory.actor}: {{identities: [{{certificate: web.example.com, ca: ca.pem}}], "
    file = inventory.world.folder / "platform" / "inventory.yaml"
    file.write_text(text + "source_addresses: [127.0.0.1/32]}}\n")
    done = inventory("apply", inventory.actor)
    assert done.returncode == 0, done.stderr
    role = inventory.world.server.must("GET", f"auth/cert/certs/{inventory.role}")["data"]
    assert (role["allowed_names"], role["token_policies"]) == (["web.example.com"], [f"ssh-sign-{inventory.actor}"])


def test_doctor_knows_the_engines_of_the_inventory(inventory):
    lacking = json.loads(inventory("doctor", "--for", "plan", "--json", BAO_TOKEN=inventory.world.token()).stdout)
    missing = {each["path"] for verb in lacking["reaches"] for each in verb["missing"]}
    assert {"ssh/roles/*", "ssh/issuers", "sys/policies/acl/ssh-sign-*"} <= missing
    found = json.loads(inventory("doctor", "--for", "apply", "--for", "ssh-ca", "--json").stdout)
    assert [verb["missing"] for verb in found["reaches"]] == [[], []]


def test_doctor_knows_the_policies_of_actors_that_another_authority_signs_for(inventory):
    file = inventory.world.folder / "platform" / "inventory.yaml"
    file.write_text(f"authorities: {{users: {{key: /etc/warden/ca}}}}\n{file.read_text()}")
    token = inventory.world.token()
    for verb in ("plan", "apply"):
        (found,) = json.loads(inventory("doctor", "--for", verb, "--json", BAO_TOKEN=token).stdout)["reaches"]
        assert [each["path"] for each in found["missing"] if "ssh" in each["path"]] == ["sys/policies/acl/ssh-sign-*"]


def test_its_records_make_no_lane_of_it(inventory):
    inventory("apply", inventory.actor)
    shown = inventory("status", "--json")
    assert shown.returncode in {0, 1}, shown.stderr
    assert inventory.actor not in shown.stdout
    left = json.loads(inventory("next", "--json").stdout)
    assert [each["next"] for each in left if each["lane"] == inventory.actor] == [f"warden prove {inventory.actor}"]
    records = json.loads(inventory("journal", "log", "--lane", inventory.actor, "--json").stdout)
    assert [each["event"] for each in records] == ["apply.begin", "apply.done"]
    assert inventory("journal", "verify").returncode == 0
