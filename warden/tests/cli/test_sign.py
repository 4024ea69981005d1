"""``warden sign`` as a process, as a workload of the real OpenBao, with a CA key in a file."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from ssh_actor import ActorWorld
from ssh_keys import hardware_key, write_key


@pytest.fixture
def world(lane_world) -> ActorWorld:
    return ActorWorld(lane_world)


def records(world: ActorWorld) -> list[dict]:
    done = world.run("journal", "log", "--json", "--lane", world.actor)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def events(world: ActorWorld) -> list[str]:
    return [each["event"] for each in records(world)]


def sign(world: ActorWorld, *argv: str, **changed: str) -> "subprocess.CompletedProcess[str]":
    return world.run("sign", world.actor, "--pubkey", str(world.public_key), *argv, **changed)


def listed(world: ActorWorld, line: str) -> str:
    """What ssh-keygen reads in the certificate."""
    file = world.folder / "listed-cert.pub"
    file.write_text(line)
    return subprocess.run(["ssh-keygen", "-L", "-f", file], check=True, capture_output=True, text=True).stdout


def test_prints_exactly_one_line_which_openssh_reads(world):
    done = sign(world, "--reason", "ticket 7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("ssh-ed25519-cert-v01@openssh.com ")
    shown = listed(world, done.stdout)
    assert "deploy\n" in shown
    assert "source-address 127.0.0.0/8" in shown
    assert "Extensions: (none)" in shown
    assert f'Key ID: "{world.actor} kubernetes-' in shown


def test_the_journal_has_the_decision_and_what_was_issued(world):
    done = sign(world, "--reason", "ticket 7", "--ttl", "5m")
    assert done.returncode == 0, done.stderr
    decision, begin, issued = records(world)
    assert [decision["event"], begin["event"], issued["event"]] == [
        "decision",
        "certificate.begin",
        "certificate.issued",
    ]
    assert decision["body"]["effect"] == "allow"
    assert decision["body"]["action"] == "sign"
    body = issued["body"]
    assert body["begin"] == begin["seq"]
    assert body["decision"] == decision["body"]["id"]
    assert (body["reason"], body["requested_ttl"], body["handed"]) == ("ticket 7", 300, "stdout")
    assert body["valid_before"] - body["valid_after"] == 360
    assert f"Serial: {body['serial']}" in listed(world, done.stdout)
    assert body["identity"]["role"] == world.role


def test_json_is_the_same_answer(world):
    done = sign(world, "--json")
    answer = json.loads(done.stdout)
    assert done.stderr == ""
    assert answer["subject"] == world.actor
    assert answer["principals"] == ["deploy"]
    assert f"Serial: {answer['serial']}" in listed(world, answer["certificate"])
    assert isinstance(answer["serial"], str), "jq rounds numbers of 64 bits"
    assert answer["record"] == records(world)[-1]["seq"]


def test_a_key_from_standard_input_and_of_a_security_token(world):
    done = world.run("sign", world.actor, "--pubkey", "-", stdin=hardware_key("sk-ssh-ed25519@openssh.com"))
    assert done.returncode == 0, done.stderr
    assert "sk-ssh-ed25519-cert-v01@openssh.com user certificate" in listed(world, done.stdout)


def test_out_replaces_the_old_certificate_only_by_a_good_one(world):
    out = world.folder / "key-cert.pub"
    done = sign(world, "--out", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    assert str(out) in done.stderr
    first = out.read_bytes()
    assert records(world)[-1]["body"]["path"] == str(out)
    world.ca.chmod(0o644)
    done = sign(world, "--out", str(out))
    assert done.returncode == 2
    assert "can be read by others" in done.stderr
    assert out.read_bytes() == first
    assert events(world)[-1] == "certificate.failed"
    world.ca.chmod(0o600)
    assert sign(world, "--out", str(out)).returncode == 0
    assert out.read_bytes() != first
    assert [each.name for each in world.folder.iterdir() if each.name.startswith(".key-cert")] == []


def test_out_replaces_nothing_but_a_certificate(world):
    """The private key, its public half, whatever a link leads to: nothing is asked, and all is as it was."""
    notes, link, pipe = world.folder / "notes", world.folder / "link", world.folder / "pipe"
    notes.write_text("mine\n")
    link.symlink_to(notes)
    os.mkfifo(pipe)
    before = events(world)
    for out in (world.key, world.public_key, notes, link, pipe):
        was = b"" if out == pipe else out.read_bytes()
        done = sign(world, "--out", str(out))
        assert (done.returncode, done.stdout) == (2, ""), out
        assert f"{out} is not replaced" in done.stderr
        assert out == pipe or out.read_bytes() == was
    assert pipe.is_fifo()
    assert events(world) == before


def test_out_fills_an_empty_file(world):
    out = world.folder / "made-by-mktemp"
    out.touch()
    assert sign(world, "--out", str(out)).returncode == 0
    assert out.read_text().startswith("ssh-ed25519-cert-v01@openssh.com ")


def test_out_in_a_folder_that_is_missing_or_not_one_asks_nobody(world):
    before = events(world)
    for folder, why in (("missing", "does not exist"), (world.key.name, "is not a directory")):
        done = sign(world, "--out", str(world.folder / folder / "cert.pub"))
        assert (done.returncode, done.stdout) == (2, "")
        assert why in done.stderr
    assert events(world) == before


def test_a_place_that_cannot_be_written_says_that_the_certificate_was_discarded(world):
    """No file beside it can have a name that is longer still."""
    done = sign(world, "--out", str(world.folder / ("c" * 254)))
    assert done.returncode == 3, "as issue --out, and as sign where stdout cannot be written"
    assert "The certificate was discarded" in done.stderr
    assert "name another file with --out" in done.stderr
    assert events(world)[-2:] == ["certificate.issued", "certificate.discarded"]


@pytest.mark.parametrize("ttl", ["901s", "16m", "1h"])
def test_a_longer_validity_is_refused_and_nobody_is_asked(world, ttl):
    done = sign(world, "--ttl", ttl, BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 4
    assert "gets certificates of at most 15 min" in done.stderr
    assert "Nothing was signed." in done.stderr
    assert events(world) == []


def test_only_listed_keys_are_signed(world):
    other = write_key(world.folder / "other").with_suffix(".pub")
    world.replace(
        "    hosts: [web]\n", f"    hosts: [web]\n    public_keys: ['{world.public_key.read_text().strip()}']\n"
    )
    assert sign(world).returncode == 0
    done = world.run("sign", world.actor, "--pubkey", str(other))
    assert done.returncode == 4
    assert "is not among the public keys" in done.stderr


def test_who_is_not_a_declared_identity_is_denied_and_that_is_journaled(world):
    done = sign(world, BAO_TOKEN=world.lane_world.token())
    assert done.returncode == 4
    assert f"{world.actor} is for {world.lane_world.reader}" in done.stderr
    assert events(world) == ["decision"]
    assert records(world)[0]["body"]["effect"] == "deny"
    done = sign(world, BAO_TOKEN=world.server.token("admin"))
    assert done.returncode == 4


def test_without_a_token_it_says_how_to_log_in(world):
    done = sign(world, BAO_TOKEN="")
    assert done.returncode == 4
    assert "--token-file" in done.stderr
    assert events(world) == []


def test_a_service_account_logs_in_and_its_token_is_revoked(world):
    file = world.folder / "sa"
    file.write_text(world.server.mint(world.lane_world.reader))
    before = set(world.server.must("LIST", "auth/token/accessors")["data"]["keys"])
    done = sign(world, "--token-file", str(file), BAO_TOKEN="")
    assert done.returncode == 0, done.stderr
    assert set(world.server.must("LIST", "auth/token/accessors")["data"]["keys"]) <= before
    file.write_text(world.server.mint("other/account"))
    done = sign(world, "--token-file", str(file), BAO_TOKEN="")
    assert done.returncode == 4
    assert "system:serviceaccount:other:account" in done.stderr
    file.write_text(world.server.mint(world.lane_world.reader, audience="vault"))
    done = sign(world, "--token-file", str(file), BAO_TOKEN="")
    assert done.returncode == 4
    assert "audience" in done.stderr


def test_a_policy_of_the_platform_decides(world):
    folder = world.folder / "platform" / "policies" / "access"
    folder.mkdir(parents=True)
    rule = 'permit (principal, action == Action::"sign", resource) when { principal in resource.identities && '
    (folder / "sign.cedar").write_text(f'@id("with-a-reason")\n{rule}context.reason != "" && context.ttl <= 600 }};\n')
    done = sign(world, "--ttl", "5m")
    assert done.returncode == 4
    assert "requires a reason" in done.stderr
    assert sign(world, "--ttl", "5m", "--reason", "ticket 7").returncode == 0
    done = sign(world, "--reason", "ticket 7")
    assert done.returncode == 4
    assert "denies" in done.stderr


def test_nothing_is_signed_where_the_journal_cannot_be_written(world):
    done = sign(world, WARDEN_JOURNAL="/dev/null")
    assert (done.returncode, done.stdout) == (3, "")


def test_a_server_that_does_not_answer_is_not_a_denial(world):
    done = sign(world, BAO_ADDR="http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (3, "")
    assert events(world) == []


def test_a_reason_with_a_secret_in_it_and_an_unknown_actor_are_usage_errors(world):
    assert sign(world, "--reason", f"sk-or-v1-{os.urandom(32).hex()}").returncode == 2
    done = world.run("sign", f"{world.actor}x", "--pubkey", str(world.public_key))
    assert done.returncode == 2
    assert f"nearest: {world.actor}" in done.stderr


def test_a_private_key_is_refused_and_not_shown(world):
    done = world.run("sign", world.actor, "--pubkey", str(world.key))
    assert done.returncode == 2
    assert "this is a private key" in done.stderr
    assert world.key.read_text().splitlines()[1] not in done.stderr


def test_many_at_once_each_get_one_of_their_own(world):
    token = world.token()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: sign(world, "--json", BAO_TOKEN=token), range(24)))
    assert [each.stderr for each in done if each.returncode] == []
    assert len({json.loads(each.stdout)["serial"] for each in done}) == 24
    assert events(world).count("certificate.issued") == 24
