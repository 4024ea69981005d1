"""``warden ssh status|log|scorecard|cleanup`` as processes, on what ``issue`` and ``sign`` left."""

import json
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
from ssh_actor import ActorWorld
from ssh_agent import running
from ssh_keys import write_key

from warden.core.ssh.kept import Kept


@pytest.fixture
def agent(tmp_path):
    with running(tmp_path) as found:
        yield found


class Desk:
    def __init__(self, world: ActorWorld, agent) -> None:
        self.world, self.agent, self.token = world, agent, world.token()

    def warden(self, *argv: str, **changed: str):
        return self.world.run(*argv, **({"SSH_AUTH_SOCK": self.agent.socket, "BAO_TOKEN": self.token} | changed))

    def json(self, *argv: str, code: int = 0, **changed: str):
        done = self.warden(*argv, "--json", **changed)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def issue(self, *argv: str) -> dict:
        return self.json("issue", self.world.actor, *argv)

    @property
    def state(self) -> Path:
        return self.world.folder / "state" / "warden" / "ssh"

    def sign_records(self) -> None:
        """Have platform.yaml name a key that signs what is revoked."""
        write_key(self.world.folder / "signer")
        with (self.world.folder / "platform" / "platform.yaml").open("a") as file:
            file.write(f"signing: {{ssh_key: {self.world.folder}/signer}}\n")

    def expire(self) -> None:
        """Have every certificate that is kept have expired."""
        for path in self.state.glob("*.json"):
            kept = msgspec.json.decode(path.read_bytes(), type=Kept)
            path.write_bytes(msgspec.json.encode(msgspec.structs.replace(kept, valid_before=kept.valid_after)))


@pytest.fixture
def desk(lane_world, agent):
    return Desk(ActorWorld(lane_world), agent)


# -- status -----------------------------------------------------------------------------------------------------------


def test_status_has_what_is_out_there_and_what_this_machine_holds(desk):
    issued = desk.issue("--reason", "ticket 7")
    signed = desk.json("sign", desk.world.actor, "--pubkey", str(desk.world.public_key))
    first, second = desk.json("ssh", "status")["certificates"]
    assert (first["serial"], first["here"]["presence"], first["reason"]) == (
        str(issued["serial"]),
        "held",
        "ticket 7",
    )
    assert (second["serial"], second["handed"], second["here"]) == (str(signed["serial"]), "stdout", None)
    shown = desk.warden("ssh", "status").stdout.splitlines()
    assert shown[0].split() == ["SUBJECT", "SERIAL", "STATUS", "UNTIL", "HERE", "WHO"]
    assert " valid " in shown[1]
    assert "ssh-agent" in shown[1]


def test_status_says_when_the_agent_lost_it(desk):
    desk.issue()
    assert desk.agent.add("-D").returncode == 0
    (line,) = desk.json("ssh", "status")["certificates"]
    assert line["here"]["presence"] == "gone"
    assert " not in ssh-agent  " in desk.warden("ssh", "status").stdout


def test_status_of_one_subject_and_of_another(desk):
    assert desk.json("ssh", "status")["certificates"] == []
    desk.issue()
    assert len(desk.json("ssh", "status", desk.world.actor)["certificates"]) == 1
    assert desk.json("ssh", "status", "web") == {"certificates": [], "others": [], "emergencies": []}
    assert "The journal has no certificate that is valid." in desk.warden("ssh", "status", "web").stdout


@pytest.mark.parametrize("command", ["status", "log"])
def test_a_name_that_nobody_knows_is_an_error(desk, command):
    done = desk.warden("ssh", command, desk.world.actor[:-1])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"is not an actor or host of inventory.yaml; nearest: {desk.world.actor}" in done.stderr
    desk.issue()
    desk.world.replace(f"  {desk.world.actor}:", "  agt-other:")
    assert desk.world.actor in desk.warden("ssh", command, desk.world.actor).stdout, "the journal knows it still"


def test_what_has_expired_is_shown_if_asked_for(desk):
    desk.issue("--ttl", "1s")
    while desk.json("ssh", "status")["certificates"]:
        pass
    (line,) = desk.json("ssh", "status", "--all")["certificates"]
    assert line["condition"] == "expired"


# -- log and scorecard ------------------------------------------------------------------------------------------------


def test_log_has_what_was_issued_and_what_failed(desk):
    desk.issue()
    (desk.world.folder / "k" / f"{desk.world.actor}-cert.pub").mkdir(parents=True)
    assert desk.warden("issue", desk.world.actor, "--out", str(desk.world.folder / "k")).returncode == 3
    events = [each["event"].removeprefix("certificate.") for each in desk.json("ssh", "log")]
    assert events == ["begin", "issued", "begin", "issued", "discarded"]
    shown = desk.warden("ssh", "log", desk.world.actor).stdout
    assert [line.split()[2] for line in shown.splitlines()[1:]] == ["signed", "signed", "discarded"]
    for last in (1, 2, 3):
        assert len(desk.json("ssh", "log", "--last", str(last))) == last
        rows = desk.warden("ssh", "log", "--last", str(last)).stdout.splitlines()[1:]
        assert [row.split()[0] for row in rows] == [row.split()[0] for row in shown.splitlines()[-last:]]
    assert desk.json("ssh", "log", "--since", "1h", "web") == []
    assert desk.warden("ssh", "log", "--since", "tomorrow").returncode == 2


def test_scorecard_counts_and_marks(desk):
    desk.world.replace("hosts:\n  web:", "  adm-idle: {}\nhosts:\n  web:")
    desk.issue()
    by_actor = {each["actor"]: each for each in desk.json("ssh", "scorecard")["actors"]}
    assert by_actor[desk.world.actor]["issued"] == 1
    assert by_actor[desk.world.actor]["marks"] == []
    assert by_actor[desk.world.actor]["longest"] == 900
    assert by_actor["adm-idle"]["marks"] == ["any-address", "idle"]
    shown = desk.warden("ssh", "scorecard", "--since", "7d").stdout
    assert "idle: no certificate in this time" in shown
    assert " 15 min " in shown


# -- cleanup ----------------------------------------------------------------------------------------------------------


def test_cleanup_takes_what_expired_and_nothing_else(desk):
    assert desk.agent.add("-q", str(write_key(desk.world.folder / "mine"))).returncode == 0
    (mine,) = desk.agent.listed()
    desk.issue()
    out = desk.world.folder / "keys"
    desk.issue("--out", str(out))
    write_key(out / "own")
    assert desk.json("ssh", "cleanup")["removed"] == []
    desk.expire()
    plan = desk.json("ssh", "cleanup", "--plan")
    assert {each["why"] for each in plan["removed"]} == {"expired"}
    assert len(desk.agent.listed()) == 2
    done = desk.json("ssh", "cleanup")
    assert done["removed"] == plan["removed"]
    assert desk.agent.listed() == [mine]
    assert sorted(os.listdir(out)) == ["own", "own.pub"]
    assert not [path for path in desk.state.iterdir() if path.suffix in {".json", ".pub"}]
    events = [each["event"] for each in json.loads(desk.warden("journal", "log", "--json").stdout)]
    assert events[-4:] == ["certificate.removing"] * 2 + ["certificate.removed"] * 2


def test_cleanup_of_everything_takes_valid_ones_too(desk):
    desk.issue()
    assert [each["why"] for each in desk.json("ssh", "cleanup", "--all")["removed"]] == ["asked"]
    assert desk.agent.listed() == []


def test_cleanup_without_an_agent_forgets_what_that_had(desk):
    desk.issue()
    desk.expire()
    done = desk.json("ssh", "cleanup", SSH_AUTH_SOCK="")
    assert [each["error"] for each in done["removed"]] == [None]
    assert not list(desk.state.glob("*.json"))


def test_nothing_is_removed_where_the_journal_cannot_be_written(desk):
    desk.issue()
    desk.expire()
    assert desk.warden("ssh", "cleanup", WARDEN_JOURNAL="/dev/null").returncode == 3
    assert len(desk.agent.listed()) == 1


def test_a_certificate_of_another_authority_stays_though_it_has_expired(desk):
    issued = desk.issue()
    foreign = write_key(desk.world.folder / "foreign")
    other_ca = write_key(desk.world.folder / "other-ca")
    sign = ["ssh-keygen", "-q", "-s", str(other_ca), "-I", "x", "-n", "x", "-z", str(issued["serial"]), "-V", "-2h:-1h"]
    subprocess.run([*sign, str(foreign.with_suffix(".pub"))], check=True)
    assert desk.agent.add("-q", str(foreign)).returncode == 0
    before = desk.agent.listed()
    assert len(before) == 3
    for path in desk.state.glob("*.json"):
        path.unlink()
    assert desk.json("ssh", "cleanup")["removed"] == []
    assert desk.agent.listed() == before


def test_what_was_revoked_is_shown_and_goes_from_the_agent_even_when_it_was_forgotten(desk):
    serial = str(desk.issue()["serial"])
    other = desk.json("sign", desk.world.actor, "--pubkey", str(desk.world.public_key))
    desk.sign_records()
    done = desk.warden("ssh", "revoke", "--serial", serial, "--reason", "lost laptop", "--yes")
    assert done.returncode == 0, done.stderr
    by_serial = {each["serial"]: each["condition"] for each in desk.json("ssh", "status")["certificates"]}
    assert by_serial == {serial: "revoked", str(other["serial"]): "valid"}
    shown = desk.warden("ssh", "status").stdout
    assert "REVOKED" in shown
    assert "Next: warden ssh cleanup" in shown, "ssh would go on showing the certificate"
    for path in desk.state.glob("*.json"):
        path.unlink()
    (removed,) = desk.json("ssh", "cleanup")["removed"]
    assert (removed["serial"], removed["why"]) == (serial, "revoked")
    assert desk.agent.listed() == []
