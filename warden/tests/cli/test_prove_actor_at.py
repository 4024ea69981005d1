"""``warden prove ACTOR --host NAME`` as a process, at a host that warden did not start: the sshd of the tests."""

import json

import pytest
from ssh_actor import ActorWorld
from sshd_server import keygen


@pytest.fixture
def world(lane_world, sshd_server):
    """The host ``web`` trusts the actor's CA, and its account of the tests has the principal ``deploy``."""
    world = ActorWorld(lane_world)
    world.sshd = sshd_server
    sshd_server.trust(world.ca.with_suffix(".pub").read_text().strip())
    sshd_server.authorize("deploy")
    world.replace("[web.example.com]", "[web.example.com, web]")
    world.config = world.folder / "ssh_config"
    world.config.write_text(
        f"Host web.example.com\n  HostName 127.0.0.1\n  Port {sshd_server.port}\n  HostKeyAlias web\n"
        f"  UserKnownHostsFile {world.folder}/known_hosts\n"
    )
    (world.folder / "known_hosts").write_text(f"web {sshd_server.known_hosts.read_text().split(maxsplit=1)[1]}")
    return world


def prove(world, *options, code=0, log=True, **changed):
    named = ["--host", "web", "--ssh-config", str(world.config), "--account", world.sshd.account]
    named += ["--log-command", f"cat {world.sshd.served.folder}/log"] if log else []
    argv = ["prove", world.actor, *named, "--other-account", "daemon", "--json", *options]
    done = world.run(*argv, **changed)
    assert done.returncode == code, (done.stdout, done.stderr, world.sshd.log())
    return json.loads(done.stdout)


def by_probe(proof):
    return {each["probe"]: each for each in proof["verdicts"]}


def test_the_host_lets_the_right_certificate_in_and_refuses_the_others(world):
    proof = prove(world)
    assert (proof["state"], proof["host"], proof["own"]) == ("proven", "web.example.com", False)
    assert {name: each["reason"] for name, each in by_probe(proof).items()} == {
        "signed": "",
        "logs-in": "",
        "other-account": "principal",
        "other-key": "not-listed",
        "other-ca": "not-listed",
        "expired": "expired",
    }
    assert proof["not_asked"][0] == "other-actor"


OTHERS = """\
  agt-a-{tenant}:
    {{principals: [a], source_addresses: [127.0.0.0/8], identities: [{{workload: nobody/applied-it}}]}}
  agt-b-{tenant}:
    {{principals: [b], source_addresses: [127.0.0.0/8], identities: [{{workload: {reader}}}]}}
hosts:
"""


def test_another_actors_certificate_is_of_the_first_that_can_be_had(world):
    tenant, reader = world.lane_world.tenant, world.lane_world.reader
    world.replace("hosts:\n", OTHERS.format(tenant=tenant, reader=reader))
    role = world.server.must("GET", f"auth/kubernetes/role/{world.role}")["data"]
    world.server.must("POST", f"auth/kubernetes/role/ssh-agt-b-{tenant}", role)
    proof = prove(world, BAO_TOKEN=world.server.token("platform"), WARDEN_STATE=world.server.state)
    found = by_probe(proof)["other-actor"]
    assert (found["title"], found["reason"]) == (f"a certificate of agt-b-{tenant}", "principal")
    assert "other-actor" not in proof["not_asked"]


def test_nothing_is_run_there(world):
    prove(world)
    assert "Starting session" not in world.sshd.log()


def test_keys_that_the_configuration_names_do_not_log_in(world):
    own = world.sshd.sign(world.key, "-n", "deploy", "-V", "-1m:+9m", "-z", "5", "-I", "own", ca=world.ca)
    with world.config.open("a") as file:
        file.write(f"  IdentityFile {world.key}\n  CertificateFile {own}\n  User daemon\n")
    assert prove(world)["state"] == "proven"
    assert "(serial 5)" not in world.sshd.log()


def test_a_jump_host_is_used_as_the_configuration_says(world):
    text = world.config.read_text()
    jump = f"Host jump\n  HostName 127.0.0.1\n  Port {world.sshd.port}\n  User {world.sshd.account}\n"
    keys = f"  IdentityFile {world.key}\n  CertificateFile {world.folder}/jump-cert.pub\n  IdentitiesOnly yes\n"
    known = f"  HostKeyAlias web\n  UserKnownHostsFile {world.folder}/known_hosts\n"
    world.config.write_text(f"{text}  ProxyJump jump\n{jump}{keys}{known}")
    own = world.sshd.sign(
        world.key,
        *("-n", "deploy", "-V", "-1m:+9m", "-z", "5", "-I", "own", "-O", "permit-port-forwarding"),
        ca=world.ca,
    )
    own.rename(world.folder / "jump-cert.pub")
    assert prove(world)["state"] == "proven"
    assert world.sshd.log().count("Accepted publickey for") == 6  # five at the jump host, and one at the host


def test_paths_in_the_configuration_may_have_spaces(world):
    folder = world.folder / "my  ssh files"
    folder.mkdir()
    known = (world.folder / "known_hosts").rename(folder / "known hosts")
    text = world.config.read_text().replace(f"{world.folder}/known_hosts", f'{world.folder}/none "{known}"')
    world.config = folder / "the config"
    world.config.write_text(f'{text}  GlobalKnownHostsFile "{folder}/of all"\n')
    assert prove(world)["state"] == "proven"


def test_a_configuration_that_is_not_there_is_inconclusive(world):
    done = world.run("prove", world.actor, "--host", "web", "--ssh-config", "/no/such/file")
    assert (done.returncode, done.stdout) == (3, "")
    assert "/no/such/file cannot be used" in done.stderr


def test_an_account_that_takes_it_too_refutes(world):
    proof = prove(world, "--other-account", world.sshd.account, code=1)
    found = by_probe(proof)["other-account"]
    assert (found["word"], found["observed"], found["detail"]) == ("FAIL", "allowed", "the host let it in")


def test_a_host_that_does_not_know_the_ca_refutes(world):
    world.sshd.trust(world.sshd.ca_line)
    found = by_probe(prove(world, code=1))["logs-in"]
    assert (found["word"], found["observed"]) == ("FAIL", "refused")
    assert "sshd trusts neither its CA nor the key" in found["detail"]


def test_a_certificate_that_is_revoked_there_refutes(world):
    ca = str(world.ca.with_suffix(".pub"))
    serials, krl = world.folder / "serials", world.folder / "krl"
    serials.write_text("serial: 1-18446744073709551615\n")
    keygen("-k", "-f", str(krl), "-s", ca, str(serials))
    world.sshd.revoke(krl.read_bytes())
    found = by_probe(prove(world, code=1))
    assert "it is revoked" in found["logs-in"]["detail"]
    assert (found["expired"]["word"], found["expired"]["reason"]) == ("??", "revoked")


def test_without_the_hosts_log_nothing_counts(world):
    proof = prove(world, code=3, log=False)
    asked = [each for each in proof["verdicts"] if each["serial"]]
    assert [each["word"] for each in asked] == ["??"] * 5
    assert {each["detail"] for each in asked} == {"the log of sshd on web.example.com was not named (--log-command)"}


@pytest.mark.parametrize(
    ("command", "why"),
    [("false", "it ended with code 1"), ("no-such-program", "no-such-program is not here"), ("cat 'x", "No closing")],
)
def test_a_log_that_cannot_be_read_is_inconclusive_and_says_why(world, command, why):
    proof = prove(world, "--log-command", command, code=3)
    assert why in by_probe(proof)["logs-in"]["detail"]


def test_a_host_that_does_not_answer_is_inconclusive(world):
    world.sshd.served.stop()
    found = by_probe(prove(world, code=3))
    assert found.keys() == {"signed", "logs-in"}  # a host that is silent is not waited for once more
    assert found["logs-in"]["observed"] == "no answer"
    assert "Connection refused" in found["logs-in"]["detail"]


def test_a_host_with_another_key_is_not_logged_in_to(world):
    other = world.sshd.new_key("other-host").with_name("other-host.pub").read_text().split()
    (world.folder / "known_hosts").write_text(f"web {other[0]} {other[1]}\n")
    found = by_probe(prove(world, code=3))["logs-in"]
    assert (found["word"], "Host key verification failed" in found["detail"]) == ("??", True)
    assert "Accepted" not in world.sshd.log()


def test_addresses_that_this_machine_does_not_have_are_inconclusive(world):
    world.replace("[127.0.0.0/8]", "[10.1.2.0/24]")
    found = by_probe(prove(world, code=3))["logs-in"]
    assert (found["word"], found["observed"]) == ("??", "source address")


def test_options_that_do_not_fit_are_usage_errors(world):
    for argv, words in (
        (["--account", "x"], "--account needs --host"),
        (["--host", "nobody"], "nobody"),
        (["--inspect"], "--inspect is for lanes"),
    ):
        done = world.run("prove", world.actor, *argv)
        assert (done.returncode, done.stdout, words in done.stderr) == (2, "", True), done.stderr
    done = world.run("prove", world.lane_world.lane, "--host", "web")
    assert (done.returncode, "--host is for an actor" in done.stderr) == (2, True)
