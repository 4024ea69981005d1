"""``--break-glass`` as a process, while no OpenBao answers; and acknowledging it, at a real one."""

import json
import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pexpect
import pytest
from ca_keys import PIN, SOFTHSM, add, agent, token
from notice_server import receiving
from ssh_keys import write_key

USER = pwd.getpwuid(os.getuid()).pw_name
INVENTORY = """\
authorities:
  users: {{openbao: ssh}}
  break_glass: {break_glass}
actors:
  adm-ada:
    principals: [ops]
    ttl: 1h
    identities: [{{workload: {workload}}}]
  agt-bot:
    source_addresses: [127.0.0.1/32]
    identities: [{{workload: {workload}}}]
"""
DOWN = {"BAO_ADDR": "http://127.0.0.1:9", "BAO_TOKEN": "s.none"}
WHY = "OpenBao is sealed, ticket 4711"


class BrokenGlass:
    """A platform with a CA for emergencies, and nobody at OpenBao's address."""

    def __init__(self, lane_world: Any, break_glass: str) -> None:
        self.world = lane_world
        self.key = write_key(lane_world.folder / "key").with_suffix(".pub")
        text = INVENTORY.format(break_glass=break_glass, workload=lane_world.reader)
        (lane_world.folder / "platform" / "inventory.yaml").write_text(text)

    def sign(self, *argv: str, actor: str = "adm-ada", reason: str = WHY, **environ: str) -> Any:
        options = ["--break-glass", "--reason", reason, *argv] if reason else ["--break-glass", *argv]
        return self.world.run("sign", actor, "--pubkey", str(self.key), *options, **(DOWN | environ))

    def acknowledge(self, record: int, token: str, *argv: str) -> Any:
        return self.world.run("ssh", "acknowledge", str(record), *argv, BAO_TOKEN=token)

    def records(self) -> list[dict[str, Any]]:
        done = self.world.run("journal", "log", "--json", "--last", "99", **DOWN)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def events(self) -> list[str]:
        return [each["event"] for each in self.records()]

    def token_of(self, person: str) -> str:
        """A token of somebody whom OpenBao knows by that name."""
        server = self.world.server
        server.must(
            "POST", f"auth/userpass/users/{person}", {"password": "long-enough-word", "token_policies": "default"}
        )
        body = {"password": "long-enough-word"}
        return str(server.must("POST", f"auth/userpass/login/{person}", body, token=None)["auth"]["client_token"])


@pytest.fixture
def glass(lane_world) -> BrokenGlass:
    return BrokenGlass(lane_world, f"{{key: {write_key(lane_world.folder / 'ca')}}}")


def emergency(glass: BrokenGlass) -> int:
    done = glass.sign()
    assert done.returncode == 0, done.stderr
    return next(each["seq"] for each in glass.records() if each["event"] == "certificate.emergency")


def test_it_prints_one_line_while_nobody_answers_at_openbao(glass, tmp_path):
    done = glass.sign()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    (tmp_path / "cert").write_text(done.stdout)
    shown = subprocess.run(["ssh-keygen", "-L", "-f", tmp_path / "cert"], capture_output=True, text=True, check=True)
    assert f'Key ID: "adm-ada {USER}@' in shown.stdout
    assert "BREAK-GLASS" in done.stderr
    assert "warden ssh acknowledge" in done.stderr


def test_the_journal_has_it_before_anything_is_signed(glass):
    assert glass.sign().returncode == 0
    records = [each for each in glass.records() if each["lane"] == "adm-ada"]
    assert [each["event"] for each in records] == [
        "decision",
        "certificate.emergency",
        "certificate.begin",
        "certificate.issued",
    ]
    decision, loud, begin, issued = records
    assert (decision["body"]["action"], decision["body"]["policies"]) == ("break-glass", ["break-glass"])
    assert (loud["body"]["reason"], loud["body"]["principals"]) == (WHY, ["ops"])
    assert loud["body"]["identity"]["display_name"].startswith(f"{USER}@")
    assert (issued["body"]["emergency"], issued["body"]["begin"]) == (loud["seq"], begin["seq"])


def test_nobody_is_asked_at_openbaos_address(glass):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.2)
        done = glass.sign(BAO_ADDR=f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert done.returncode == 0, done.stderr
        with pytest.raises(TimeoutError):
            listener.accept()


def test_if_the_journal_cannot_be_written_nothing_is_signed(glass):
    done = glass.sign(WARDEN_JOURNAL="/proc/journal.db")
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.parametrize("reason", ["", " ", ".", "\u200b"])
def test_without_a_reason_nothing_is_signed(glass, reason):
    done = glass.sign(reason=reason)
    assert (done.returncode, done.stdout) == (2, "")
    assert glass.events() == []


def test_an_agent_is_refused_by_the_policy_of_this_machine(glass):
    done = glass.sign(actor="agt-bot")
    assert (done.returncode, done.stdout) == (4, "")
    log = glass.world.run("ssh", "log", "agt-bot", **DOWN).stdout
    assert "DENIED  agt-bot" in log, "the issue log has what a policy denied"
    assert glass.events() == ["decision"]
    assert "the access policy of this machine denies" in done.stderr
    assert "token" not in done.stderr, "no login at OpenBao would help"


def test_policy_points_of_other_systems_are_not_asked(glass):
    file = glass.world.folder / "platform" / "platform.yaml"
    file.write_text(f"{file.read_text()}policy_points: [{{name: pdp, tenant: ops, flex_auth: 'http://127.0.0.1:9'}}]\n")
    assert glass.sign().returncode == 0
    assert glass.world.run("sign", "adm-ada", "--pubkey", str(glass.key), **DOWN).returncode == 3


def test_over_the_limit_is_refused(glass):
    assert glass.sign("--ttl", "61m").returncode == 4
    assert glass.events() == []


def test_what_to_log_in_with_has_no_effect(glass):
    done = glass.sign("--token-file", "x")
    assert done.returncode == 2
    assert "--token-file has no effect with --break-glass" in done.stderr


def test_an_inventory_without_a_ca_for_it_says_what_to_declare(lane_world):
    glass = BrokenGlass(lane_world, "")
    inventory = lane_world.folder / "platform" / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("  break_glass: \n", ""))
    done = glass.sign()
    assert (done.returncode, done.stdout) == (2, "")
    assert "authorities.break_glass" in done.stderr


def test_a_ca_that_does_not_sign_leaves_a_record_to_look_at(lane_world):
    glass = BrokenGlass(lane_world, f"{{key: {lane_world.folder / 'gone'}}}")
    assert glass.sign().returncode == 2
    assert glass.events() == ["decision", "certificate.emergency", "certificate.begin", "certificate.failed"]
    (left,) = [
        each for each in json.loads(lane_world.run("next", "--json", **DOWN).stdout) if each["kind"] == "emergency"
    ]
    assert left["lane"] == "adm-ada"


@pytest.fixture
def in_agent(lane_world) -> Iterator[tuple[BrokenGlass, dict[str, str]]]:
    with agent(lane_world.folder) as environ:
        public = " ".join(add(environ, write_key(lane_world.folder / "ca")).split()[:2])
        yield BrokenGlass(lane_world, f'{{agent: "{public}"}}'), {"SSH_AUTH_SOCK": environ["SSH_AUTH_SOCK"]}


def test_the_ca_can_be_in_an_agent(in_agent):
    glass, environ = in_agent
    done = glass.sign(**environ)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    gone = glass.sign(SSH_AUTH_SOCK="/nonexistent")
    assert (gone.returncode, gone.stdout) == (3, "")
    assert "no ssh-agent answers" in gone.stderr


@pytest.fixture
def in_token(lane_world) -> tuple[BrokenGlass, dict[str, str]]:
    """A CA in a token, and what leads to it; nothing gives its PIN."""
    environ, public = token(lane_world.folder)
    line = " ".join(public.split()[:2])
    glass = BrokenGlass(lane_world, f'{{pkcs11: {{library: {SOFTHSM}, public_key: "{line}"}}}}')
    return glass, {"SOFTHSM2_CONF": environ["SOFTHSM2_CONF"]}


def asked_for_the_pin(glass: BrokenGlass, environ: dict[str, str]) -> pexpect.spawn:
    """``warden sign`` at a terminal, where ssh-keygen waits for the PIN."""
    argv = ["sign", "adm-ada", "--pubkey", str(glass.key), "--break-glass", "--reason", WHY]
    env = glass.world.env(**DOWN, **environ)
    person = pexpect.spawn("warden", argv, env=env, cwd=glass.world.folder, encoding="utf-8", timeout=30)
    person.expect("Enter PIN for 'ca': ")
    return person


def test_at_a_terminal_the_pin_of_a_token_is_typed(in_token):
    glass, environ = in_token
    person = asked_for_the_pin(glass, environ)
    person.sendline(PIN)
    person.expect("ssh-ed25519-cert-v01@openssh.com AAAA")
    person.expect(pexpect.EOF)
    assert PIN not in person.before
    person.close()
    assert person.exitstatus == 0
    assert PIN not in json.dumps(glass.records())


def test_ctrl_c_at_the_question_for_the_pin_is_recorded(in_token):
    glass, environ = in_token
    person = asked_for_the_pin(glass, environ)
    person.sendintr()
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 130
    assert glass.events() == ["decision", "certificate.emergency", "certificate.begin", "certificate.failed"]


def test_without_a_terminal_and_a_program_nobody_waits_for_a_pin(in_token):
    glass, environ = in_token
    done = glass.sign(**environ)
    assert (done.returncode, done.stdout) == (4, "")
    assert "SSH_ASKPASS" in done.stderr


def test_issue_hands_a_key_over_that_a_real_host_takes(lane_world, sshd_server):
    ca = write_key(lane_world.folder / "ca")
    glass = BrokenGlass(lane_world, f"{{key: {ca}}}")
    out = lane_world.folder / "out"
    done = lane_world.run("issue", "adm-ada", "--out", str(out), "--break-glass", "--reason", WHY, **DOWN)
    assert done.returncode == 0, done.stderr
    assert "BREAK-GLASS" in done.stderr
    sshd_server.trust(ca.with_suffix(".pub").read_text().strip())
    sshd_server.authorize("ops")
    assert sshd_server.login(out / "adm-ada", out / "adm-ada-cert.pub").code == 0
    assert f"ID adm-ada {USER}@" in sshd_server.log()
    assert glass.events().count("certificate.emergency") == 1


def test_issue_without_a_reason_makes_no_key(glass):
    out = glass.world.folder / "out"
    done = glass.world.run("issue", "adm-ada", "--out", str(out), "--break-glass", **DOWN)
    assert done.returncode == 2
    assert not list(out.glob("*"))


# -- named where OpenBao does not answer ---------------------------------------------------------------------------


def without(glass: BrokenGlass, *argv: str, **environ: str) -> str:
    """What a command that asks OpenBao says, and hints, where it gets no certificate."""
    done = glass.world.run(*argv, "--json", COLUMNS="200", **(DOWN | environ))
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    return str(json.loads(done.stderr)["hint"])


def test_sign_names_it_after_the_usual_step_while_nobody_answers(glass):
    out = str(glass.world.folder / "cert.pub")
    hint = without(glass, "sign", "adm-ada", "--pubkey", str(glass.key), "--out", out)
    again = f"warden sign adm-ada --pubkey {glass.key} --out {out} --break-glass --reason TEXT"
    assert hint.endswith(f": warden doctor; or: {again}")


def test_issue_names_it_and_what_ssh_calls_does_not(glass):
    out = str(glass.world.folder / "keys")
    assert "--break-glass" not in without(glass, "ssh", "ensure", "adm-ada", "--out", out), "ssh may have other keys"
    hint = without(glass, "issue", "adm-ada", "--out", out)
    assert hint.endswith(f": warden doctor; or: warden issue adm-ada --out {out} --break-glass --reason TEXT")


def test_a_policy_point_that_does_not_answer_has_nobody_break_glass(glass):
    file = glass.world.folder / "platform" / "platform.yaml"
    file.write_text(f"{file.read_text()}policy_points: [{{name: pdp, tenant: ops, flex_auth: 'http://127.0.0.1:9'}}]\n")
    actor = f"adm-{glass.world.tenant}"
    inventory = glass.world.folder / "platform" / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("adm-ada", actor))
    server, role = glass.world.server, f"workload-{glass.world.tenant}-api"
    fields = server.must("GET", f"auth/kubernetes/role/{role}")["data"]
    server.must("POST", f"auth/kubernetes/role/ssh-{actor}", fields)
    there = {"BAO_ADDR": server.address, "BAO_TOKEN": glass.world.token(role=f"ssh-{actor}")}
    hint = without(glass, "sign", actor, "--pubkey", str(glass.key), **there)
    assert "policy_points in platform.yaml" in hint
    assert "--break-glass" not in hint


def test_it_is_not_named_for_an_agent_or_where_no_ca_is_declared(glass):
    asked = ("--pubkey", str(glass.key))
    assert "--break-glass" not in without(glass, "sign", "agt-bot", *asked), "the shipped policy denies it"
    inventory = glass.world.folder / "platform" / "inventory.yaml"
    inventory.write_text(inventory.read_text().replace("  break_glass: ", "  hosts: "))
    assert "--break-glass" not in without(glass, "sign", "adm-ada", *asked)


# -- shown until somebody else looks ----------------------------------------------------------------------------------


def test_status_and_next_show_it_until_somebody_else_has_looked(glass):
    number = emergency(glass)
    status, actions = glass.world.run("status", **DOWN), glass.world.run("next", "--json", **DOWN)
    out_there = glass.world.run("ssh", "status", **DOWN).stdout
    assert f"warden ssh acknowledge {number}" in out_there
    assert out_there.startswith("BREAK-GLASS: ")
    assert status.stdout.startswith("BREAK-GLASS: ")
    assert f"warden ssh acknowledge {number}" in status.stdout
    (left,) = [each for each in json.loads(actions.stdout) if each["kind"] == "emergency"]
    assert (left["lane"], left["next_action"]) == ("adm-ada", f"warden ssh acknowledge {number}")
    done = glass.acknowledge(number, glass.token_of("grace"), "--comment", "sealed by mistake")
    assert done.returncode == 0, done.stderr
    assert "acknowledged by userpass-grace" in done.stdout
    assert "BREAK-GLASS" not in glass.world.run("status", **DOWN).stdout
    assert "BREAK-GLASS" not in glass.world.run("ssh", "status", **DOWN).stdout
    assert "emergency" not in glass.world.run("next", "--json", **DOWN).stdout
    body = next(each["body"] for each in glass.records() if each["event"] == "certificate.acknowledged")
    assert (body["record"], body["comment"]) == (number, "sealed by mistake")
    assert body["where"] == glass.world.server.address, "anybody can start an OpenBao that knows them by another name"


def test_whoever_signed_does_not_acknowledge_it(glass):
    number = emergency(glass)
    done = glass.acknowledge(number, glass.token_of(USER))
    assert (done.returncode, done.stdout) == (4, "")
    assert "somebody else has to acknowledge it" in done.stderr
    assert "certificate.acknowledged" not in glass.events()


def test_nobody_acknowledges_it_without_openbao(glass):
    number = emergency(glass)
    done = glass.world.run("ssh", "acknowledge", str(number), **DOWN)
    assert (done.returncode, done.stdout) == (3, "")
    assert glass.acknowledge(number, "s.unknown").returncode == 4
    assert "certificate.acknowledged" not in glass.events()


def test_a_second_acknowledgement_changes_nothing(glass):
    number, token = emergency(glass), glass.token_of("grace")
    assert glass.acknowledge(number, token).returncode == 0
    again = glass.acknowledge(number, glass.token_of("heidi"), "--json")
    assert again.returncode == 0
    assert (json.loads(again.stdout)["before"], json.loads(again.stdout)["acknowledged"]["by"]) == (
        True,
        "userpass-grace",
    )
    assert glass.events().count("certificate.acknowledged") == 1
    assert json.loads(again.stdout)["comment_recorded"] is True, "there was none"
    more = glass.acknowledge(number, glass.token_of("heidi"), "--comment", "seen, too")
    assert more.returncode == 0
    assert "Your comment was not recorded" in more.stderr


def test_a_record_that_is_of_something_else_is_named(glass):
    number = emergency(glass)
    done = glass.acknowledge(number + 1, glass.token_of("grace"))
    assert done.returncode == 2
    assert f"to be acknowledged: {number}" in done.stderr


def test_people_are_told_of_both(glass):
    with receiving() as receiver:
        file = glass.world.folder / "platform" / "platform.yaml"
        file.write_text(f"{file.read_text()}notify: {{webhook: {receiver.url}}}\n")
        number = emergency(glass)
        assert glass.acknowledge(number, glass.token_of("grace")).returncode == 0
    assert receiver.kinds == ["certificate.emergency", "certificate.acknowledged"]
    told = receiver.posted[0]
    assert (told["lane"], told["record"], told["facts"]["reason"]) == ("adm-ada", number, WHY)
    assert told["next"] == f"warden ssh acknowledge {number}"
