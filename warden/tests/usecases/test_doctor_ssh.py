"""doctor on what SSH certificates need: real keys, a real ssh-agent, a PKCS#11 token, OpenSSH, and real KRLs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ca_keys import SOFTHSM, add, agent, key_file, token
from krl_world import DAY, KrlWorld
from ssh_keys import write_key

from warden.adapters.catalog.inventory import load_inventory
from warden.adapters.openbao.ssh_engine import SshEngine
from warden.adapters.ssh.agent import SshAgent
from warden.adapters.ssh.agent_authority import AgentAuthority
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.installed import open_ssh
from warden.adapters.ssh.kept_certificates import KeptFiles
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.adapters.ssh.krl_folder import PublishedKrl
from warden.adapters.ssh.krl_tools import SshKeygenKrl
from warden.adapters.ssh.pkcs11_authority import Pkcs11Authority
from warden.core.errors import Invalid
from warden.core.findings import Finding
from warden.core.inventory.inventory import Actor, Authorities, DeclaredAuthority, Host, Inventory, Pkcs11
from warden.core.openbao.right import Scope
from warden.core.openbao.rights import USUAL, policy_text
from warden.core.ssh.issue_log import EMERGENCY
from warden.core.ssh.kept import Holder, Kept
from warden.core.ssh.krl import SignedKrl
from warden.present.doctor import described
from warden.usecases.doctor.ssh import SshToExamine, examine_ssh
from warden.usecases.krl import build

ACTORS = {"adm-ada": Actor()}
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z"


class World:
    """A platform with a CA in a file, and everything that doctor looks at for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = write_key(folder / "ca")
        self.krl = KrlWorld(folder / "krl-world")
        self.environ = dict(os.environ)
        self.kept = KeptFiles(str(folder / "state"), str(folder), "")
        self.given = SshToExamine(
            inventory=self.inventory({"key": str(self.ca)}),
            authority=self.at_openbao,
            local=self.local,
            certificates=SshCertificates(),
            open_ssh=lambda: open_ssh(self.environ),
            agent=None,
            kept=self.kept,
            journal=self.krl.journal,
            shared=False,
            folder=PublishedKrl,
            clock=self.krl.clock,
        )

    @staticmethod
    def inventory(users: dict[str, Any], **more: Any) -> Inventory:
        return Inventory(authorities=Authorities(users=DeclaredAuthority(**users), **more), actors=ACTORS)

    @staticmethod
    def at_openbao(declared: DeclaredAuthority) -> Callable[[Any], SshEngine]:
        return lambda vault: SshEngine(vault, declared.openbao or "")

    def local(self, declared: DeclaredAuthority) -> KeyFileAuthority | AgentAuthority | Pkcs11Authority:
        if declared.key:
            return KeyFileAuthority(declared.key, declared.also_trusted)
        if declared.agent:
            return AgentAuthority(declared.agent, self.environ, declared.also_trusted)
        return Pkcs11Authority(declared.pkcs11, self.environ, declared.also_trusted)

    def look(self, *verbs: str, vault: Any = None, **changed: Any) -> list[Finding]:
        return list(examine_ssh(msgspec.structs.replace(self.given, **changed), vault, verbs or USUAL))

    def one(self, about: str, *verbs: str, **changed: Any) -> tuple[str, str, str]:
        """The verdict, the text and the hint of the one finding about that."""
        (found,) = [each for each in self.look(*verbs, **changed) if each.about == about]
        return found.verdict, *described(found)

    def handed_to_an_agent(self, seconds: int) -> None:
        until = int(self.krl.clock().timestamp()) + seconds
        holder = Holder(handed="agent", where="/run/agent")
        common = {
            "actor": "adm-ada",
            "holder": holder,
            "platform": "",
            "environment": "",
            "address": "",
            "authority": "SHA256:ca",
        }
        self.kept.keep(
            Kept(**common, line="x", serial=1, fingerprint="SHA256:x", record=1, valid_after=0, valid_before=until)
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "krl-world").mkdir()
    made = World(tmp_path)
    yield made
    made.krl.journal.close()


# -- what is looked at ----------------------------------------------------------------------------------------------


def test_nothing_without_an_actor_or_host(world):
    assert world.look(inventory=Inventory()) == []
    assert world.look(inventory=Inventory(hosts={"web": Host()})) != []


@pytest.mark.parametrize(
    ("verbs", "looked_at"),
    [
        ((), ["SSH CA", "OpenSSH", "sshd", "ssh-agent", "KRL"]),
        (("sign",), ["SSH CA", "OpenSSH", "ssh-agent"]),
        (("prove",), ["SSH CA", "OpenSSH", "sshd"]),
        (("ssh-host-sign",), ["OpenSSH"]),
        (("ssh-ca",), ["SSH CA"]),
        (("access", "put"), []),
    ],
)
def test_a_verb_has_only_what_it_needs(world, verbs, looked_at):
    assert [each.about for each in world.look(*verbs)] == looked_at


def test_an_inventory_with_errors_is_named(world):
    world.folder.joinpath("inventory.yaml").write_text("actors: {x: {}}\n")
    with pytest.raises(Invalid) as caught:
        load_inventory(str(world.folder))
    wrong = caught.value
    (found,) = world.look(inventory=wrong)
    assert (found.about, found.verdict) == ("inventory", "missing")
    assert "inventory.yaml" in described(found)[0]


# -- the CAs --------------------------------------------------------------------------------------------------------


def test_each_declared_ca_is_looked_at_and_its_keys_are_named(world):
    other = DeclaredAuthority(key=str(write_key(world.folder / "other")), also_trusted=(OTHER_KEY,))
    found = world.look(inventory=world.inventory({"key": str(world.ca)}, hosts=other, break_glass=other))
    texts = [described(each)[0] for each in found if each.about == "SSH CA"]
    signs = SshCertificates().fingerprint(world.ca.with_suffix(".pub").read_text())
    assert texts[0] == f"for users: {world.ca}, key {signs}"
    assert [text.partition(":")[0] for text in texts] == ["for users", "for hosts", "for break-glass"]
    assert texts[1].endswith(", and 1 other key to trust")


def test_a_key_file_that_is_not_there_or_that_others_can_read(world):
    os.chmod(world.ca, 0o640)
    assert world.one("SSH CA") == (
        "missing",
        f"for users: the CA key {world.ca} can be read by others; its mode has to be 0600",
        f"chmod 600 {world.ca}",
    )
    world.ca.unlink()
    verdict, text, hint = world.one("SSH CA")
    assert (verdict, "cannot be read" in text) == ("missing", True)
    assert "authorities.users in inventory.yaml, then: warden ssh ca show --for users" in hint


def test_a_key_file_whose_public_key_beside_it_is_another(world):
    world.ca.with_suffix(".pub").write_text(OTHER_KEY)
    verdict, text, hint = world.one("SSH CA")
    assert (verdict, f"is not the key of {world.ca}.pub" in text) == ("missing", True)
    assert hint == f"ssh-keygen -y -f {world.ca}"
    world.ca.with_suffix(".pub").unlink()
    assert world.one("SSH CA")[0] == "ok"


def test_a_ca_in_ssh_agent(world):
    with agent(world.folder) as environ:
        world.environ = environ
        public = add(environ, key_file(world.folder, "in-agent"))
        assert world.one("SSH CA", inventory=world.inventory({"agent": public}))[0] == "ok"
        verdict, text, hint = world.one("SSH CA", inventory=world.inventory({"agent": OTHER_KEY}))
        assert (verdict, text) == ("missing", "for users: the CA's key is not in ssh-agent")
        assert "ssh-add FILE" in hint
    verdict, text, _ = world.one("SSH CA", inventory=world.inventory({"agent": public}))
    assert (verdict, "no ssh-agent answers" in text) == ("unknown", True)


def test_a_ca_in_a_token(world):
    (world.folder / "hsm").mkdir()
    world.environ, public = token(world.folder / "hsm")
    del world.environ["SSH_ASKPASS"]  # no PIN is needed, and none is asked for
    known = {"pkcs11": Pkcs11(library=SOFTHSM, public_key=public)}
    assert world.one("SSH CA", inventory=world.inventory(known))[0] == "ok"
    other = {"pkcs11": Pkcs11(library=SOFTHSM, public_key=OTHER_KEY)}
    verdict, text, hint = world.one("SSH CA", inventory=world.inventory(other))
    assert (verdict, text) == ("missing", "for users: the PKCS#11 token does not have the CA's key")
    assert f"ssh-keygen -D {SOFTHSM}" in hint
    nowhere = {"pkcs11": Pkcs11(library="/nowhere.so", public_key=public)}
    assert world.one("SSH CA", inventory=world.inventory(nowhere))[0] == "missing"
    world.environ = world.environ | {"SOFTHSM2_CONF": "/dev/null"}
    verdict, text, _ = world.one("SSH CA", inventory=world.inventory(known))
    assert (verdict, text) == ("unknown", "for users: no PKCS#11 token answers")


@pytest.mark.real
def test_a_ca_at_openbao(world, platform_server, unique):
    mount = unique("ssh")
    inventory = world.inventory({"openbao": mount})
    vault = platform_server.vault("admin")
    assert [each.about for each in world.look("ssh-ca", inventory=inventory)] == []
    verdict, text, hint = world.one("SSH CA", inventory=inventory, vault=vault)
    assert (verdict, text.endswith("has no CA key"), hint) == ("missing", True, "warden apply --all")
    platform_server.must("POST", f"sys/mounts/{mount}", {"type": "ssh"})
    assert world.one("SSH CA", inventory=inventory, vault=vault)[0] == "missing"
    platform_server.must("POST", f"{mount}/config/ca", {"generate_signing_key": True, "key_type": "ed25519"})
    verdict, text, _ = world.one("SSH CA", inventory=inventory, vault=vault)
    assert (verdict, f"{mount}/, key SHA256:" in text) == ("ok", True)
    outsider = platform_server.vault("developer")
    verdict, _, hint = world.one("SSH CA", inventory=inventory, vault=outsider)
    assert (verdict, f"warden doctor --policy doctor --ssh {mount}" in hint) == ("unknown", True)
    granted = policy_text("doctor", Scope(ssh=(mount,)), extras=True)
    allowed = platform_server.vault(platform_server.token_with(granted))
    assert world.one("SSH CA", inventory=inventory, vault=allowed)[0] == "ok"
    platform_server.must("DELETE", f"sys/mounts/{mount}")


# -- this machine ---------------------------------------------------------------------------------------------------


def programs(folder: Path, version: str = "OpenSSH_9.2p1 Debian-2, OpenSSL 3.0") -> Path:
    """A folder with OpenSSH of that version; only ``ssh -V`` says something."""
    (folder / "bin").mkdir()
    for each in ("ssh", "ssh-keygen", "ssh-agent", "ssh-add"):
        (folder / "bin" / each).write_text(f"#!/bin/sh\necho '{version}' >&2\n")
        (folder / "bin" / each).chmod(0o755)
    return folder / "bin"


def test_openssh_of_this_machine_will_do(world):
    verdict, text, hint = world.one("OpenSSH")
    assert (verdict, text.startswith("OpenSSH "), hint) == ("ok", True, "")
    assert world.one("sshd")[0] == "ok"


@pytest.mark.parametrize(
    ("version", "verdict", "words"),
    [
        ("OpenSSH_8.1p1, LibreSSL", "missing", "OpenSSH 8.1p1 is older than 8.2"),
        ("OpenSSH_8.2p1 Ubuntu-4", "ok", "OpenSSH 8.2p1"),
        ("OpenSSH_10.0p2", "ok", "OpenSSH 10.0p2"),
        ("OpenSSH_for_Windows_9.5p1", "ok", "OpenSSH for Windows 9.5p1"),
        ("Dropbear v2022.83", "unknown", "not known: Dropbear v2022.83"),
    ],
)
def test_openssh_has_to_be_new_enough(world, version, verdict, words):
    world.environ = {"PATH": str(programs(world.folder, version))}
    found, text, _ = world.one("OpenSSH")
    assert found == verdict
    assert words in text


def test_a_program_that_is_not_there_is_named_and_sshd_is_only_a_note(world, monkeypatch):
    folder = programs(world.folder)
    (folder / "ssh-keygen").unlink()
    world.environ = {"PATH": str(folder)}
    monkeypatch.setattr("warden.adapters.ssh.installed.SERVER_PLACES", "/nowhere")
    assert world.one("OpenSSH") == ("missing", "not installed: ssh-keygen", "on Debian: apt install openssh-client")
    verdict, text, hint = world.one("sshd")
    assert (verdict, "`prove ACTOR` needs it" in text) == ("note", True)
    assert hint == "on Debian: apt install openssh-server"


def test_an_agent_that_answers(world):
    with agent(world.folder) as environ:
        add(environ, key_file(world.folder, "mine"))
        where = environ["SSH_AUTH_SOCK"]
        verdict, text, hint = world.one("ssh-agent", agent=SshAgent(where))
    assert (verdict, text, hint) == ("ok", f"{where} answers; keys and certificates in it: 1", "")


@pytest.mark.parametrize("gone", [None, SshAgent("/nowhere/agent")])
def test_an_agent_that_does_not_answer_is_a_fault_only_where_one_is_used(world, gone):
    verdict, text, hint = world.one("ssh-agent", agent=gone)
    assert (verdict, "ssh-agent bash" in hint) == ("note", True)
    world.handed_to_an_agent(600)
    verdict, text, _ = world.one("ssh-agent", agent=gone)
    assert verdict == "missing"
    assert "1 valid certificate issued here went into an agent" in text
    world.handed_to_an_agent(-600)
    assert world.one("ssh-agent", agent=gone)[0] == "note"


# -- the KRL and break-glass ----------------------------------------------------------------------------------------


def test_no_krl_is_a_note_until_something_is_revoked(world):
    verdict, text, hint = world.one("KRL")
    assert (verdict, text.startswith("none was published"), hint) == ("note", True, "warden ssh krl build")
    world.krl.revoke(7)
    verdict, text, hint = world.one("KRL")
    assert (verdict, hint) == ("missing", "warden ssh krl build")
    assert "1 revocation not in it, so hosts do not refuse them" in text


def test_a_revocation_that_is_not_published_is_a_fault(world):
    world.krl.revoke(7)
    made = build(world.krl.tools)
    verdict, text, hint = world.one("KRL")
    assert (verdict, hint) == ("ok", "")
    assert text.startswith(f"version {made.version}, built ")
    assert text.endswith(f"in {world.krl.published}; 1 serial, 0 keys")
    world.krl.revoke(8)
    record = world.krl.journal.log(events=("certificate.revoked",))[-1].seq
    verdict, text, hint = world.one("KRL")
    assert (verdict, hint) == ("missing", f"warden ssh krl build --dir {world.krl.published}")
    assert f"1 revocation not in it, so hosts do not refuse them (journal {record})" in text
    build(world.krl.tools)
    assert world.one("KRL")[0] == "ok"


def test_one_that_has_expired_everywhere_need_not_be_published(world):
    build(world.krl.tools)
    world.krl.revoke(7, until=int(world.krl.clock().timestamp()) + 100)
    assert world.one("KRL")[0] == "missing"
    world.krl.clock.offset = 1000
    assert world.one("KRL")[0] == "ok"


def test_a_file_that_is_older_than_the_journal_says_or_is_gone(world):
    first = build(world.krl.tools)
    files = PublishedKrl(str(world.krl.published))
    old = files.published()
    second = build(world.krl.tools)
    files.publish(old)
    verdict, text, hint = world.one("KRL")
    assert (verdict, hint) == ("missing", f"warden ssh krl build --dir {world.krl.published}")
    assert f"has version {first.version}, and the journal's last one is another: version {second.version}" in text
    files.publish(SignedKrl(krl=SshKeygenKrl().build((), second.version + 1), signature=b""))
    assert world.one("KRL")[0] == "missing"  # another journal has made it
    (world.krl.published / "krl").unlink()
    assert world.one("KRL")[0] == "missing"
    assert world.one("KRL", shared=True)[0] == "unknown"  # another machine may publish it


def test_an_old_krl_is_a_note_with_a_way_to_renew_it(world):
    build(world.krl.tools)
    world.krl.clock.offset = 2 * DAY
    verdict, text, hint = world.one("KRL")
    assert (verdict, "older than 24 h" in text) == ("note", True)
    assert hint == f"on a timer: warden ssh krl build --dir {world.krl.published}"


def test_an_emergency_that_nobody_has_looked_at(world):
    assert [each.about for each in world.look()].count("break-glass") == 0
    body = {"reason": "OpenBao is sealed", "identity": {"display_name": "ada@laptop"}}
    record = world.krl.journal.record(EMERGENCY, "adm-ada", body)
    verdict, text, hint = world.one("break-glass")
    assert (verdict, hint) == ("missing", f"warden ssh acknowledge {record}")
    assert text.startswith("ada@laptop had one signed for adm-ada")
    world.krl.journal.record("certificate.acknowledged", "adm-ada", {"record": record})
    assert [each.about for each in world.look()].count("break-glass") == 0


def test_without_a_journal_nothing_is_said_of_it(world):
    assert {"KRL", "break-glass"}.isdisjoint(each.about for each in world.look(journal=None))


def test_no_secret_is_in_it(world):
    for each in world.look():
        assert "PRIVATE KEY" not in repr(each)
        assert world.ca.read_text().splitlines()[1] not in "".join(described(each))
