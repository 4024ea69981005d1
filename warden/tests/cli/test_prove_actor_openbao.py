"""``warden prove ACTOR`` with OpenBao's SSH engine as the CA: what the server itself refuses, with its audit line."""

import json
from pathlib import Path

import pytest
from ssh_actor import ActorWorld

from warden.adapters.ssh.fresh_keys import fresh_key
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import policy_text
from warden.core.openbao.ssh_names import sign_policy

POLICY = """\
path "{mount}/sign/{actor}" {{
  capabilities = ["update"]
  denied_parameters = {{ "critical_options" = [] "extensions" = [] }}
}}
path "{mount}/issuers" {{ capabilities = ["list"] }}
path "auth/token/lookup-self" {{ capabilities = ["read"] }}
"""
ROLE = {
    "key_type": "ca",
    "algorithm_signer": "default",
    "allow_user_certificates": True,
    "allowed_users": "deploy",
    "allowed_critical_options": "none",
    "allowed_extensions": "none",
    "default_critical_options": {"source-address": "127.0.0.0/8"},
    "allowed_user_key_lengths": {"ed25519": [0]},
    "ttl": 900,
    "max_ttl": 900,
    "not_before_duration": 60,
}
REFUSED = {
    "signer-no-token": 403,
    "signer-principal": 400,
    "signer-ttl": 400,
    "signer-options": 403,
    "signer-extensions": 403,
    "signer-host": 400,
    "signer-actor": 403,
}


@pytest.fixture
def world(lane_world, unique):
    """An actor whose CA, role, policy and login are those that follow from the inventory; and another one."""
    world = ActorWorld(lane_world)
    server, world.mount = world.server, unique("ssh")
    server.must("POST", f"sys/mounts/{world.mount}", {"type": "ssh"})
    server.must("POST", f"{world.mount}/config/ca", {"generate_signing_key": True, "key_type": "ed25519"})
    world.ssh_role = ROLE | {"key_id_format": f"{world.actor} {{{{token_display_name}}}} {{{{public_key_hash}}}}"}
    server.must("POST", f"{world.mount}/roles/{world.actor}", world.ssh_role)
    server.must("POST", f"{world.mount}/roles/adm-ada", world.ssh_role | {"allowed_users": "adm-ada"})
    world.write_policy = lambda text: server.must(
        "PUT", f"sys/policies/acl/{sign_policy(world.actor)}", {"policy": text}
    )
    world.policy = POLICY.format(mount=world.mount, actor=world.actor)
    world.write_policy(world.policy)
    role = server.must("GET", f"auth/kubernetes/role/{world.role}")["data"]
    server.must("POST", f"auth/kubernetes/role/{world.role}", role | {"token_policies": [sign_policy(world.actor)]})
    world.replace(f"key: {world.ca}", f"openbao: {world.mount}")
    world.replace("hosts:\n  web:", "  adm-ada: {identities: []}\nhosts:\n  web:")
    yield world
    server.must("DELETE", f"sys/mounts/{world.mount}")


def prove(world, *options, code=0, **changed):
    argv = ["prove", world.actor, "--json", "--audit", world.server.audit_file, *options]
    done = world.run(*argv, **changed)
    assert done.returncode == code, (done.stdout, done.stderr)
    return {each["probe"]: each for each in json.loads(done.stdout)["verdicts"]}


def test_the_server_refuses_whatever_is_not_decided_and_its_audit_log_says_so(world):
    found = prove(world)
    assert found["logs-in"]["observed"] == "allowed"
    assert {name: found[name]["status"] for name in REFUSED} == REFUSED
    assert all(found[name]["word"] == "ok" and found[name]["audit"] for name in REFUSED)
    log = Path(world.server.audit_file).read_text()
    assert all(found[name]["audit"] in log for name in REFUSED)


def test_a_policy_that_denies_no_parameters_lets_the_forced_options_be_left_out(world):
    world.write_policy(world.policy.replace('denied_parameters = { "critical_options" = [] "extensions" = [] }', ""))
    world.server.must("POST", f"{world.mount}/roles/{world.actor}", world.ssh_role | {"allowed_critical_options": ""})
    found = prove(world, code=1)["signer-options"]
    assert (found["word"], found["observed"]) == ("FAIL", "allowed")
    assert int(found["serial"]) > 0  # so that it can be revoked


@pytest.mark.parametrize(
    ("changed", "probe"), [({"allowed_users": "*"}, "signer-principal"), ({"max_ttl": 9000}, "signer-ttl")]
)
def test_a_role_that_allows_more_is_found(world, changed, probe):
    world.server.must("POST", f"{world.mount}/roles/{world.actor}", world.ssh_role | changed)
    assert prove(world, code=1)[probe]["word"] == "FAIL"


def test_a_policy_for_another_actor_is_found_and_what_mends_it_is_named(world):
    world.write_policy(world.policy.replace(f"sign/{world.actor}", "sign/*"))
    done = world.run("prove", world.actor, "--audit", world.server.audit_file)
    assert done.returncode == 1, done.stderr
    (line,) = [each for each in done.stdout.splitlines() if each.startswith("  FAIL ")]
    assert "OpenBao signs it for adm-ada" in line
    assert "ALLOWED" in line
    assert done.stdout.rstrip().endswith(f"Next: warden apply {world.actor}")


def test_without_the_audit_log_no_refusal_counts(world, tmp_path):
    log = tmp_path / "empty.log"
    log.write_text("")
    done = world.run("prove", world.actor, "--json", "--audit", str(log))
    assert done.returncode == 3, done.stderr
    found = {each["probe"]: each for each in json.loads(done.stdout)["verdicts"]}
    assert {found[name]["word"] for name in REFUSED} == {"??"}
    assert found["logs-in"]["word"] == "ok"


def test_an_identity_that_openbao_refuses_is_the_answer_of_the_proof(world):
    world.write_policy(world.policy.replace('capabilities = ["update"]', 'capabilities = ["deny"]', 1))
    found = prove(world, code=1)
    assert (found["signed"]["word"], found["signed"]["observed"]) == ("FAIL", "refused")
    assert found["control"]["word"] == "ok"


def test_an_identity_that_may_not_log_in_from_this_address_cannot_be_played_here(world, unique):
    role = unique("nightly")
    address = {"secret_id_bound_cidrs": ["10.1.2.3/32"], "token_policies": [sign_policy(world.actor)]}
    world.server.must("POST", f"auth/approle/role/{role}", address)
    text = world.inventory.read_text()
    workload = text.split("- workload: ")[1].splitlines()[0]
    world.replace(f"workload: {workload}", f"{{approle: {role}, cidrs: [10.1.2.3/32]}}")
    world.server.must("DELETE", f"auth/kubernetes/role/{world.role}")  # it is not declared any more
    found = prove(world, code=3, BAO_TOKEN=world.server.token("platform"), WARDEN_STATE=world.server.state)["signed"]
    assert (found["word"], found["observed"]) == ("??", "not asked")
    assert f"{role} from 10.1.2.3/32" in found["detail"]


FOREIGN = {
    "signs": ("{mount}/sign/*", "can have it signed"),
    "writes-role": ("{mount}/roles/{actor}", "can change what is signed"),
    "brings-a-key": ("{mount}/config/ca", "can change what is signed"),
    "writes-policy": ("sys/policies/acl/{policy}", "can gain the right to have it signed"),
}


@pytest.fixture
def foreigners(world, unique):
    """Users with one foreign policy each, by what it lets them do."""
    users = {}
    for what, (path, _) in FOREIGN.items():
        name = users[what] = unique(what)
        written = path.format(mount=world.mount, actor=world.actor, policy=sign_policy(world.actor))
        text = f'path "{written}" {{ capabilities = ["create", "update"] }}'
        world.server.must("PUT", f"sys/policies/acl/{name}", {"policy": text})
        user = {"password": "a-password-of-a-test", "token_policies": name}
        world.server.must("POST", f"auth/userpass/users/{name}", user)
    yield users
    for name in users.values():
        world.server.must("DELETE", f"auth/userpass/users/{name}")
        world.server.must("DELETE", f"sys/policies/acl/{name}")


def test_everybody_else_who_can_have_it_signed_is_found(world, foreigners):
    operator = {"BAO_TOKEN": world.server.token("admin"), "WARDEN_STATE": world.server.state}
    argv = ["prove", world.actor, "--json", "--audit", world.server.audit_file]
    done = world.run(*argv, **operator)
    assert done.returncode == 1, done.stderr
    verdicts = [each for each in json.loads(done.stdout)["verdicts"] if each["probe"] == "nobody-else"]
    found = {each["title"].rpartition("/")[2]: each for each in verdicts}
    for what, (_, words) in FOREIGN.items():
        said = found[foreigners[what]]
        assert (said["word"], said["observed"]) == ("FAIL", "others")
        assert said["detail"].startswith(words)
        assert said["fix"].startswith("bao write auth/userpass/users/")
    assert not any(world.role in name for name in found)


def test_an_identity_alone_may_not_look_for_others_and_the_proof_says_so(world):
    done = world.run("prove", world.actor, "--audit", world.server.audit_file)
    assert done.returncode == 0, done.stderr
    assert "Not looked at: who else can have it signed." in done.stdout
    assert "nobody else can have it signed" not in done.stdout


BY_HAND = {
    "any": {"allowed_users": "*"},
    "listed": {"allowed_users": "other, deploy", "default_user": "other"},
    "own-name": {"allowed_users": "{{identity.entity.name}}", "allowed_users_template": True},
}
HARMLESS = {
    "other": {"allowed_users": "other,*,dep*"},
    "default-only": {"allowed_users": "other", "default_user": "deploy"},
    "other-name": {"allowed_users": "people-{{identity.entity.name}}", "allowed_users_template": True},
    "hosts": {"allow_user_certificates": False, "allow_host_certificates": True, "allowed_users": "*"},
}


@pytest.fixture
def by_hand(world, unique):
    """SSH roles that nobody declares, by what they are called: each with the user who may sign by it, and his token."""
    users = {}
    world.server.must("POST", f"{world.mount}/roles/adm-ada", world.ssh_role | {"allowed_users": "adm-ada,deploy"})
    for what, fields in {**BY_HAND, **HARMLESS, "adm-ada": None}.items():
        name = unique(what)
        if fields is not None:
            world.server.must("POST", f"{world.mount}/roles/{what}", world.ssh_role | fields)
        text = f'path "{world.mount}/sign/{what}" {{ capabilities = ["update"] }}'
        world.server.must("PUT", f"sys/policies/acl/{name}", {"policy": text})
        user = {"password": "a-password-of-a-test", "token_policies": name}
        world.server.must("POST", f"auth/userpass/users/{name}", user)
        users[what] = name
    yield users
    for name in users.values():
        world.server.must("DELETE", f"auth/userpass/users/{name}")
        world.server.must("DELETE", f"sys/policies/acl/{name}")


def others(world, operator):
    """The verdicts on everybody else, as whoever has that token sees them, by the ends of their titles."""
    argv = ["prove", world.actor, "--json", "--audit", world.server.audit_file]
    done = world.run(*argv, BAO_TOKEN=operator, WARDEN_STATE=world.server.state)
    assert done.returncode in {1, 3}, (done.stdout, done.stderr)
    verdicts = [each for each in json.loads(done.stdout)["verdicts"] if each["probe"] == "nobody-else"]
    return {each["title"].rpartition("/")[2]: each for each in verdicts}


def signed_for_deploy(world, role, user):
    """Whether OpenBao itself signs for the actor's principal, for that user by that role."""
    login = world.server.must("POST", f"auth/userpass/login/{user}", {"password": "a-password-of-a-test"})
    asked = {"public_key": fresh_key().public_key, "valid_principals": "deploy"}
    status, _ = world.server.call("POST", f"{world.mount}/sign/{role}", asked, token=login["auth"]["client_token"])
    return status == 200


def test_whoever_may_sign_by_another_role_that_gives_the_principals_is_found(world, by_hand):
    found = others(world, world.server.token_with(policy_text("prove", Scope(ssh=(world.mount,)))))
    assert not [each for each in found if each.endswith(f"the roles at {world.mount}")]
    for what in BY_HAND:
        said = found[by_hand[what]]
        assert (said["word"], said["observed"]) == ("FAIL", "others")
        assert f"has it signed by {world.mount}/roles/{what}, which gives deploy" in said["detail"]
        assert said["fix"] == f"bao delete {world.mount}/roles/{what}"
    assert found[by_hand["adm-ada"]]["fix"] == "warden apply adm-ada"
    assert not found.keys() & {by_hand[each] for each in HARMLESS}
    assert {each for each, user in by_hand.items() if signed_for_deploy(world, each, user)} == {
        "any",
        "listed",
        "adm-ada",
    }


def test_where_the_roles_cannot_be_listed_it_is_not_known_who_else_can(world):
    keys = f'path "{world.mount}/issuers" {{ capabilities = ["list"] }}'
    found = others(world, world.server.token_with(policy_text("prove") + keys))
    said = found[f"nobody else has it signed through the roles at {world.mount}"]
    assert (said["word"], said["observed"]) == ("??", "not seen")
    assert said["detail"].endswith(f"permission denied (needs list and read on {world.mount}/roles/*)")


def test_where_the_keys_of_the_ca_cannot_be_listed_the_rest_is_shown(world):
    operator = {"BAO_TOKEN": world.server.token_with(policy_text("prove")), "WARDEN_STATE": world.server.state}
    done = world.run("prove", world.actor, "--json", "--audit", world.server.audit_file, **operator)
    found = {each["probe"]: each for each in json.loads(done.stdout)["verdicts"]}
    assert (found["logs-in"]["word"], found["logs-in"]["observed"]) == ("??", "not asked")
    assert f"refused LIST {world.mount}/issuers (permission denied)" in found["logs-in"]["detail"]
    assert {found[each]["word"] for each in ("signed", "control", "revoked", *REFUSED)} == {"ok"}
