"""Revocations with two CAs, whose serials are each their own, at a real sshd."""

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from krl_world import KrlWorld
from ssh_keys import write_key
from sshd_server import SshdServer

from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.kept_certificates import KeptFiles
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.adapters.ssh.krl_tools import SshKeygenKrl
from warden.core.errors import Inconclusive, NotFound, UsageError
from warden.core.remedies import warden
from warden.core.ssh.certificate import CertificateSpec
from warden.core.ssh.issue_log import ISSUED, REVOKED
from warden.core.ssh.revocation import Selection, SerialOfSeveral
from warden.usecases.revoke import NothingToRevoke, RecordedOnly, authorities, planned, revoke

READS = SshCertificates()


class TwoCas(KrlWorld):
    """A host that trusts two CAs, as while one is being replaced, and their certificates in the issue log."""

    def __init__(self, folder: Path, sshd: SshdServer) -> None:
        super().__init__(folder)
        self.sshd, self.kept = sshd, KeptFiles(str(folder), "/platform", "")
        self.cas = {name: write_key(folder / name) for name in ("old", "new")}
        self.by = {name: KeyFileAuthority(str(path)) for name, path in self.cas.items()}
        sshd.trust(*(path.with_suffix(".pub").read_text().strip() for path in self.cas.values()))
        sshd.authorize("deploy")

    def fingerprint(self, ca: str) -> str:
        return READS.fingerprint(self.cas[ca].with_suffix(".pub").read_text())

    def issue(self, name: str, ca: str, serial: int) -> None:
        """A certificate of an actor of that name, recorded as ``sign`` records it."""
        key = write_key(self.folder / name)
        now = int(time.time())
        spec = CertificateSpec(
            type="user",
            subject=f"agt-{name}",
            public_key=READS.public_key(key.with_suffix(".pub").read_text()),
            key_id=f"agt-{name} tests",
            principals=("deploy",),
            valid_after=now - 60,
            valid_before=now + 600,
            serial=serial,
        )
        line = self.by[ca].sign(spec)
        (self.folder / f"{name}-cert.pub").write_text(line)
        found = READS.parse(line)
        body = {each: getattr(found, each) for each in ("type", "serial", "fingerprint", "authority", "key_id")}
        body |= {"subject": spec.subject, "principals": ["deploy"], "handed": "stdout"}
        body |= {"valid_after": found.valid_after, "valid_before": found.valid_before}
        self.journal.record(ISSUED, spec.subject, body)

    def revoke_chosen(self, chosen: Selection, *known: str) -> int:
        """Revoke it, the CAs of those names being known; how many records were made."""
        keys = authorities([lambda one=self.by[name]: one for name in known], READS, self.journal)
        plan = planned(chosen, "test", keys, self.journal, self.clock)
        done = revoke(plan, self.tools, self.kept)
        self.sshd.revoke((self.published / "krl").read_bytes())
        return len(done.records)

    def log_in(self, *names: str) -> dict[str, bool]:
        return {name: self.sshd.login(self.folder / name, self.folder / f"{name}-cert.pub").code == 0 for name in names}


@pytest.fixture
def world(tmp_path: Path, sshd_server: SshdServer) -> Iterator[TwoCas]:
    made = TwoCas(tmp_path, sshd_server)
    yield made
    made.journal.close()


def test_a_serial_of_one_ca_leaves_the_same_serial_of_the_other_alone(world):
    world.issue("a", "old", 7)
    world.issue("b", "new", 7)
    assert world.log_in("a", "b") == {"a": True, "b": True}
    assert world.revoke_chosen(Selection(actor="agt-a"), "old", "new") == 1
    assert world.log_in("a", "b") == {"a": False, "b": True}


def test_after_the_rotation_serials_of_the_ca_that_is_gone_stay_revoked(world):
    world.issue("a", "old", 7)
    world.issue("b", "new", 7)
    world.revoke_chosen(Selection(actor="agt-a"), "old", "new")
    world.issue("c", "new", 8)
    assert world.revoke_chosen(Selection(actor="agt-c"), "new") == 1, "the old one is known from the journal"
    assert world.log_in("a", "b", "c") == {"a": False, "b": True, "c": False}


def test_a_serial_of_several_cas_has_to_be_told_apart(world):
    world.issue("a", "old", 7)
    world.issue("b", "new", 7)
    with pytest.raises(UsageError) as raised:
        world.revoke_chosen(Selection(serials=(7,)), "old", "new")
    problem = raised.value.problem
    assert problem == SerialOfSeveral(7, tuple(sorted((world.fingerprint("old"), world.fingerprint("new")))))
    assert not world.journal.log(events=(REVOKED,))
    world.revoke_chosen(Selection(serials=(7,), authority=world.fingerprint("new")), "old", "new")
    assert world.log_in("a", "b") == {"a": True, "b": False}


def test_a_ca_that_does_not_answer_has_its_serials_revoked_for_every_ca(world):
    world.issue("a", "old", 7)
    world.issue("b", "new", 8)
    world.by["old"] = KeyFileAuthority(str(world.folder / "nowhere"))
    assert world.revoke_chosen(Selection(actor="agt-a"), "old", "new") == 1
    (record,) = world.journal.log(events=(REVOKED,))
    assert "authority" not in record.body
    assert world.log_in("a", "b") == {"a": False, "b": True}


def test_the_key_of_a_ca_ends_all_that_it_signed(world):
    world.issue("a", "old", 7)
    world.issue("b", "new", 8)
    assert world.revoke_chosen(Selection(keys=(world.fingerprint("old"),)), "old", "new") == 1
    assert world.log_in("a", "b") == {"a": False, "b": True}


def test_since_then_is_everybody_and_with_an_actor_it_alone(world):
    world.issue("a", "old", 7)
    world.issue("b", "new", 8)
    assert world.revoke_chosen(Selection(actor="agt-b", since=time.time() - 3600), "old", "new") == 1
    assert world.log_in("a", "b") == {"a": True, "b": False}
    assert world.revoke_chosen(Selection(since=time.time() - 3600), "old", "new") == 1, "b's is revoked already"
    assert world.log_in("a", "b") == {"a": False, "b": False}
    assert world.revoke_chosen(Selection(since=time.time() - 3600), "old", "new") == 0


def test_a_certificate_is_revoked_though_its_key_was_refused_for_a_while_before(world):
    """The key of a signing without an end is refused until nothing of it can be valid; then it may be signed again."""
    world.issue("a", "old", 7)
    fingerprint = READS.fingerprint((world.folder / "a.pub").read_text())
    body = {"reason": "killed", "serials": [], "keys": [fingerprint], "until": int(time.time()) - 3600}
    world.journal.record(REVOKED, "agt-a", body)
    assert world.log_in("a") == {"a": True}
    assert world.revoke_chosen(Selection(actor="agt-a"), "old", "new") == 1
    assert world.log_in("a") == {"a": False}


def test_an_actor_without_certificates_is_an_error_and_a_time_without_any_is_not(world):
    with pytest.raises(NotFound) as raised:
        world.revoke_chosen(Selection(actor="agt-nobody"))
    assert raised.value.problem == NothingToRevoke("agt-nobody")
    assert world.revoke_chosen(Selection(since=time.time() - 3600)) == 0


def test_a_revocation_without_a_krl_says_that_it_stands(world):
    world.issue("a", "old", 7)
    plan = planned(Selection(actor="agt-a"), "test", {}, world.journal, world.clock)
    without_openssh = SshKeygenKrl({"PATH": str(world.folder)})
    with pytest.raises(Inconclusive) as raised:
        revoke(plan, msgspec.structs.replace(world.tools, builder=without_openssh), world.kept)
    (record,) = world.journal.log(events=(REVOKED,))
    assert raised.value.effect == RecordedOnly(record.seq)
    assert raised.value.remedy == (warden("ssh krl build", dir=str(world.published)),), "where hosts fetch it"


def test_names_that_are_not_names_cannot_change_a_specification(world):
    """Whatever the issue log holds, only numbers and fingerprints are written into it."""
    world.issue("a", "old", 7)
    body = dict(world.journal.log(events=(ISSUED,))[0].body)
    strange = "x\nserial: 1-18446744073709551615"
    world.journal.record(ISSUED, strange, {**body, "subject": strange, "key_id": strange, "serial": 9})
    world.issue("b", "old", 10)
    world.revoke_chosen(Selection(actor=strange), "old")
    assert world.log_in("a", "b") == {"a": True, "b": True}
    assert "serial: 9\n" in krl_text(world)


def krl_text(world: TwoCas) -> str:
    world.file.write_bytes((world.published / "krl").read_bytes())
    return world.listed()
