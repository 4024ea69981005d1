"""``warden issue`` and ``warden ssh ensure`` as processes, with a real agent, OpenBao and sshd."""

import fcntl
import json
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from ssh_actor import ActorWorld
from ssh_agent import running
from ssh_keys import write_key

from warden.core.ssh.kept import Kept


class Desk:
    """A user at a desk: an actor, an agent, and warden."""

    def __init__(self, world: ActorWorld, agent) -> None:
        self.world = world
        self.agent = agent
        self.token = world.token()

    def warden(self, *argv: str, **changed: str):
        return self.world.run(*argv, **({"SSH_AUTH_SOCK": self.agent.socket, "BAO_TOKEN": self.token} | changed))

    def issued(self, *argv: str, **changed: str) -> dict:
        done = self.warden("issue", self.world.actor, "--json", *argv, **changed)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ensured(self, *argv: str, **changed: str) -> dict:
        done = self.warden("ssh", "ensure", self.world.actor, "--json", *argv, **changed)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def records(self, *events: str) -> list[dict]:
        done = self.world.run("journal", "log", "--json", "--lane", self.world.actor)
        assert done.returncode == 0, done.stderr
        return [each for each in json.loads(done.stdout) if each["event"] in events]

    def age(self, seconds: int) -> None:
        """Have every certificate that is kept be that much older."""
        for path in (self.world.folder / "state" / "warden" / "ssh").glob("*.json"):
            kept = msgspec.json.decode(path.read_bytes(), type=Kept)
            older = msgspec.structs.replace(
                kept, valid_after=kept.valid_after - seconds, valid_before=kept.valid_before - seconds
            )
            path.write_bytes(msgspec.json.encode(older))


@pytest.fixture
def desk(lane_world, tmp_path):
    with running(tmp_path) as agent:
        yield Desk(ActorWorld(lane_world), agent)


# -- issue ------------------------------------------------------------------------------------------------------------


def test_two_that_issue_into_one_folder_wait_for_each_other(desk):
    """Otherwise the key of one and the certificate of the other stay there, and no third one replaces them."""
    out = ("--out", str(desk.world.folder / "issued"))
    desk.issued(*out)
    (kept,) = (desk.world.folder / "state" / "warden" / "ssh").glob("*.json")
    env = {**desk.world.lane_world.env(), "BAO_TOKEN": desk.token}
    argv = ["warden", "issue", desk.world.actor, *out]
    with Path(f"{kept}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            other.communicate(timeout=4)
    _, err = other.communicate(timeout=60)
    assert other.returncode == 0, err


def test_the_agent_gets_one_certificate_and_no_file_gets_the_key(desk):
    found = desk.issued("--reason", "ticket 7")
    assert [line.split()[:2] for line in desk.agent.listed()] == [found["certificate"].split()]
    assert found["held_by"] == "ssh-agent"
    assert Path(found["certificate_file"]).read_text() == f"{found['certificate']}\n"
    for path in desk.world.folder.rglob("*"):
        if path.is_file() and path not in {desk.world.ca, desk.world.key}:
            assert b"PRIVATE KEY" not in path.read_bytes(), path
    (record,) = desk.records("certificate.issued")
    assert (record["body"]["handed"], record["body"]["serial"], record["body"]["reason"]) == (
        "agent",
        int(found["serial"]),
        "ticket 7",
    )


def test_it_leaves_the_agent_when_it_expires(desk):
    desk.issued("--ttl", "5s")
    end = time.monotonic() + 30
    while desk.agent.listed():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_another_one_takes_the_place_of_the_first(desk):
    first = desk.issued()
    second = desk.issued()
    assert first["fingerprint"] != second["fingerprint"]
    assert [line.split()[:2] for line in desk.agent.listed()] == [second["certificate"].split()]


def test_people_are_told_what_comes_next(desk):
    done = desk.warden("issue", desk.world.actor)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first.startswith(f"{desk.world.actor} · serial ")
    assert f"in ssh-agent ({desk.agent.socket})" in second
    assert third == f"Next: warden ssh config {desk.world.actor}"


def test_what_comes_next_has_the_folder_of_the_files(desk):
    out = desk.world.folder / "keys"
    done = desk.warden("issue", desk.world.actor, "--out", str(out))
    assert f"Next: warden ssh config {desk.world.actor} --out {out}" in " ".join(done.stdout.split())


def test_files_are_written_where_they_are_asked_for(desk):
    out = desk.world.folder / "keys"
    found = desk.issued("--out", str(out))
    assert found["key_file"] == str(out / desk.world.actor)
    assert (out / desk.world.actor).stat().st_mode & 0o777 == 0o600
    assert desk.agent.listed() == []
    (record,) = desk.records("certificate.issued")
    assert (record["body"]["handed"], record["body"]["path"]) == ("file", found["certificate_file"])


def test_without_an_agent_nothing_is_signed(desk):
    done = desk.warden("issue", desk.world.actor, SSH_AUTH_SOCK="")
    assert done.returncode == 2
    assert "SSH_AUTH_SOCK is not set" in done.stderr
    gone = desk.warden("issue", desk.world.actor, SSH_AUTH_SOCK=str(desk.world.folder / "gone"))
    assert gone.returncode == 3
    assert "no such file" in gone.stderr
    assert desk.records("certificate.begin") == []


def test_a_locked_agent_is_noticed_before_anything_is_signed(desk, tmp_path):
    askpass = tmp_path / "askpass"
    askpass.write_text("#!/bin/sh\necho x\n")
    askpass.chmod(0o700)
    env = {"SSH_AUTH_SOCK": desk.agent.socket, "PATH": "/usr/bin:/bin", "SSH_ASKPASS": str(askpass)}
    subprocess.run(["ssh-add", "-x"], env={**env, "SSH_ASKPASS_REQUIRE": "force"}, stdin=subprocess.DEVNULL, check=True)
    done = desk.warden("issue", desk.world.actor)
    assert done.returncode == 5
    assert "locked" in done.stderr
    assert "ssh-add -X" in done.stderr
    assert desk.records("certificate.begin") == []


def test_what_is_refused_leaves_the_agent_as_it_was(desk):
    first = desk.issued()
    done = desk.warden("issue", desk.world.actor, "--ttl", "25h")
    assert done.returncode == 4
    assert [line.split()[:2] for line in desk.agent.listed()] == [first["certificate"].split()]


def test_a_certificate_that_could_not_be_handed_over_is_nobodys(desk):
    out = desk.world.folder / "keys"
    (out / f"{desk.world.actor}-cert.pub").mkdir(parents=True)
    done = desk.warden("issue", desk.world.actor, "--out", str(out))
    assert done.returncode == 3
    assert "cannot be written" in done.stderr
    (issued,) = desk.records("certificate.issued")
    (discarded,) = desk.records("certificate.discarded")
    assert discarded["body"]["issued"] == issued["seq"]
    assert sorted(os.listdir(out)) == [f"{desk.world.actor}-cert.pub"]


def test_nothing_is_signed_where_the_journal_cannot_be_written(desk):
    first = desk.issued()
    assert desk.warden("issue", desk.world.actor, WARDEN_JOURNAL="/dev/null").returncode == 3
    assert [line.split()[:2] for line in desk.agent.listed()] == [first["certificate"].split()]


def test_a_key_of_somebody_else_survives_a_failure(desk):
    out = desk.world.folder / "keys"
    out.mkdir()
    mine = write_key(out / desk.world.actor)
    before = mine.read_bytes()
    (out / f"{desk.world.actor}-cert.pub").mkdir()
    assert desk.warden("ssh", "ensure", desk.world.actor, "--out", str(out)).returncode == 3
    assert mine.read_bytes() == before
    assert desk.records("certificate.discarded")
    assert desk.warden("issue", desk.world.actor, "--out", str(out)).returncode == 2


# -- ensure -----------------------------------------------------------------------------------------------------------


def test_a_good_certificate_is_only_looked_at(desk):
    first = desk.ensured()
    assert first["renewed"]
    again = desk.ensured(BAO_ADDR="", BAO_TOKEN="", WARDEN_JOURNAL="/dev/null")
    assert not again["renewed"]
    assert again["serial"] == first["serial"]
    quiet = desk.warden("ssh", "ensure", desk.world.actor)
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_it_is_renewed_at_two_thirds_of_its_life(desk):
    first = desk.ensured()
    desk.age(550)
    assert not desk.ensured()["renewed"]
    desk.age(40)
    second = desk.ensured()
    assert second["renewed"]
    assert second["serial"] != first["serial"]
    assert len(desk.agent.listed()) == 1


def test_one_that_left_the_agent_is_replaced(desk):
    desk.ensured()
    assert desk.agent.add("-D").returncode == 0
    assert desk.ensured()["renewed"]


def test_one_for_another_openbao_is_not_used(desk):
    desk.ensured()
    done = desk.warden("ssh", "ensure", desk.world.actor, BAO_ADDR="http://127.0.0.1:1")
    assert done.returncode == 3


def test_a_certificate_that_cannot_be_renewed_is_used_to_its_end(desk):
    first = desk.ensured()
    desk.age(700)
    down = {"BAO_TOKEN": "unknown"}
    done = desk.warden("ssh", "ensure", desk.world.actor, **down)
    assert done.returncode == 0
    assert "still valid" in done.stderr
    pause = desk.warden("ssh", "ensure", desk.world.actor, **down)
    assert (pause.returncode, pause.stderr) == (0, ""), "the next try is a minute later"
    desk.age(200)
    expired = desk.warden("ssh", "ensure", desk.world.actor, **down)
    assert expired.returncode == 4
    assert first["serial"] == str(desk.records("certificate.issued")[-1]["body"]["serial"])


def test_a_folder_keeps_its_key(desk):
    out = str(desk.world.folder / "keys")
    desk.ensured("--out", out)
    key = Path(out, desk.world.actor).read_bytes()
    desk.age(700)
    again = desk.ensured("--out", out)
    assert again["renewed"]
    assert Path(out, desk.world.actor).read_bytes() == key


def test_two_agents_have_a_certificate_each(desk, tmp_path):
    first = desk.ensured()
    (tmp_path / "2").mkdir()
    with running(tmp_path / "2") as other:
        second = desk.ensured(SSH_AUTH_SOCK=other.socket)
        assert second["renewed"]
        back = desk.ensured()
        assert (back["renewed"], back["serial"]) == (False, first["serial"])
        shown = Path(back["certificate_file"]).read_text().split()
        assert shown == desk.agent.listed()[0].split()[:2], "ssh is shown what this agent has"


def test_many_at_once_are_one_renewal(desk):
    def ensure(_: int) -> int:
        return desk.warden("ssh", "ensure", desk.world.actor).returncode

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(ensure, range(24))) == {0}
    assert len(desk.records("certificate.issued")) == 1
    assert len(desk.agent.listed()) == 1


def test_many_at_once_fail_together_and_soon(desk):
    began, codes = time.monotonic(), []

    def ensure() -> None:
        codes.append(desk.warden("ssh", "ensure", desk.world.actor, BAO_ADDR="http://127.0.0.1:1").returncode)

    threads = [threading.Thread(target=ensure) for _ in range(12)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert codes == [3] * 12
    assert time.monotonic() - began < 40
