"""ensure: when it renews, when it does not, and what a hundred at once do. The agent and the files are real."""

import datetime as dt
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from ssh_agent import running
from ssh_keys import write_key

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.ssh.agent import SshAgent
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.in_agent import InAgent
from warden.adapters.ssh.kept_certificates import KeptFiles
from warden.core.errors import Inconclusive, Unreachable, WardenError
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.kept import JustFailed, Kept
from warden.usecases.ssh_ensure import PAUSE, EnsureRequest, ensure

ASK = EnsureRequest(actor="agt-deploy", address="http://127.0.0.1:8200")


class Desk:
    """An agent, what is kept, and a CA that takes its time; ``now`` is the time that `ensure` goes by."""

    def __init__(self, agent, folder) -> None:
        self.agent, self.folder = agent, folder
        self.kept = KeptFiles(str(folder), "/platform", "")
        self.journal = SqliteJournal(str(folder / "journal.db"))
        self.ca = write_key(folder / "ca")
        self.renewals = 0
        self.failing: WardenError | None = None
        self.counted = threading.Lock()
        self.ahead = 0.0

    def place(self) -> InAgent:
        return InAgent(SshAgent(self.agent.socket))

    def now(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(time.time() + self.ahead, dt.UTC)

    def renew(self, place: InAgent, fresh: bool) -> Kept:
        self.fresh = fresh
        with self.counted:
            self.renewals += 1
            number = self.renewals
        if self.failing:
            raise self.failing
        public = place.prepare("agt-deploy", None, fresh=True).public_key
        asked = self.folder / f"asked-{number}.pub"
        asked.write_text(public)
        sign = ["ssh-keygen", "-q", "-s", str(self.ca), "-I", "id", "-n", "deploy", "-V", "-0s:+900s"]
        subprocess.run([*sign, "-z", str(number), str(asked)], check=True)
        found = SshCertificates().parse((self.folder / f"asked-{number}-cert.pub").read_text())
        place.hand(found, time.time())
        made = Kept(
            actor="agt-deploy",
            holder=place.holder,
            platform="/platform",
            environment="",
            address=ASK.address,
            line=found.line,
            serial=found.serial,
            fingerprint=found.fingerprint,
            authority=found.authority,
            record=self.journal.record("certificate.issued", "agt-deploy", {}),
            valid_after=found.valid_after,
            valid_before=found.valid_before,
        )
        self.kept.keep(made)
        return made

    def ensure(self, ask: EnsureRequest = ASK):
        place = self.place()
        return ensure(
            ask,
            place=place,
            kept=self.kept,
            renew=lambda fresh: self.renew(place, fresh),
            journal=lambda: self.journal,
            clock=self.now,
        )

    def revoke(self, **what: object) -> None:
        self.journal.record(REVOKED, "agt-deploy", {"reason": "stolen", **what})


@pytest.fixture
def desk(tmp_path):
    with running(tmp_path) as agent:
        made = Desk(agent, tmp_path)
        yield made
        made.journal.close()


def down() -> Unreachable:
    return Unreachable("OpenBao does not answer")


def test_a_hundred_at_once_are_one_renewal(desk):
    with ThreadPoolExecutor(100) as pool:
        found = list(pool.map(lambda _: desk.ensure(), range(100)))
    assert desk.renewals == 1
    assert {each.kept.serial for each in found} == {1}
    assert [each.renewed for each in found].count(True) == 1
    assert len(desk.agent.listed()) == 1


def test_a_hundred_at_once_fail_with_the_one_that_tried(desk):
    desk.failing = down()

    def attempt(_: int) -> WardenError:
        with pytest.raises(WardenError) as caught:
            desk.ensure()
        return caught.value

    began = threading.Barrier(20)

    def at_once(number: int) -> WardenError:
        began.wait()
        return attempt(number)

    with ThreadPoolExecutor(20) as pool:
        faults = list(pool.map(at_once, range(20)))
    assert desk.renewals < 20
    others = [each for each in faults if isinstance(each.problem, JustFailed)]
    assert len(others) == 20 - desk.renewals
    with pytest.raises(Unreachable):
        desk.ensure()


def test_who_comes_after_a_failure_tries_at_once(desk):
    desk.failing = down()
    with pytest.raises(Unreachable):
        desk.ensure()
    desk.failing = None
    assert desk.ensure().renewed


def test_one_that_is_due_is_used_while_it_cannot_be_renewed(desk):
    desk.ensure()
    desk.ahead, desk.failing = 650 + PAUSE, down()
    found = desk.ensure()
    assert (found.fault, found.kept.serial, desk.renewals) == (desk.failing, 1, 2)
    desk.failing = None
    assert desk.ensure().renewed


def test_after_a_failure_there_is_a_pause(desk):
    made = desk.ensure().kept
    desk.kept.keep(msgspec.structs.replace(made, valid_after=made.valid_after - 2000))
    desk.failing = down()
    assert desk.ensure().fault is desk.failing
    assert desk.ensure().fault is None
    assert desk.renewals == 2
    desk.ahead = PAUSE + 1
    assert desk.ensure().fault is desk.failing


def test_an_expired_one_is_not_used(desk):
    desk.ensure()
    desk.ahead, desk.failing = 901, down()
    with pytest.raises(Unreachable):
        desk.ensure()


def test_the_address_of_openbao_counts_only_where_both_are_known(desk):
    desk.ensure()
    assert not desk.ensure(EnsureRequest(actor="agt-deploy", address="")).renewed
    desk.failing = down()
    with pytest.raises(Unreachable):
        desk.ensure(EnsureRequest(actor="agt-deploy", address="http://127.0.0.1:9"))


def test_an_agent_that_is_gone_is_said(desk, tmp_path):
    desk.ensure()
    desk.agent.socket = str(tmp_path / "gone")
    with pytest.raises(Inconclusive, match="no such file"):
        desk.ensure()


# -- what was revoked -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_key", [True, False])
def test_what_was_revoked_is_replaced_with_a_key_that_warden_made(desk, own_key):
    first = desk.ensure().kept
    desk.kept.keep(msgspec.structs.replace(first, own_key=own_key))
    assert not desk.fresh
    desk.revoke(serials=[first.serial], authority=first.authority)
    found = desk.ensure()
    assert (found.renewed, found.revoked.serial, found.kept.serial, desk.fresh) == (True, 1, 2, own_key)
    assert not desk.ensure().renewed, "the new one is not revoked"


@pytest.mark.parametrize("what", ["serial of every CA", "key", "key of the CA"])
def test_it_is_revoked_in_each_way(desk, what):
    first = desk.ensure().kept
    keys = {"key": first.fingerprint, "key of the CA": first.authority}
    desk.revoke(**({"keys": [keys[what]]} if what in keys else {"serials": [first.serial]}))
    assert desk.ensure().revoked.serial == first.serial


def test_what_was_revoked_of_others_or_before_it_was_issued_does_not_count(desk):
    desk.revoke(serials=[1, 2])
    first = desk.ensure().kept
    desk.revoke(serials=[2], authority=first.authority)
    desk.revoke(serials=[1], authority="SHA256:another")
    desk.revoke(keys=["SHA256:another"])
    assert not desk.ensure().renewed


def test_one_that_was_revoked_is_not_used_while_it_cannot_be_renewed(desk):
    first = desk.ensure().kept
    stamp = Path(desk.kept.ready_words("agt-deploy", first.holder)[2])
    assert stamp.exists()
    desk.revoke(serials=[1])
    desk.failing = down()
    with pytest.raises(Unreachable):
        desk.ensure()
    assert not stamp.exists(), "ssh would be told that it is ready"


def test_where_the_journal_cannot_be_read_it_is_used(desk, tmp_path):
    first = desk.ensure().kept
    desk.revoke(serials=[1])
    desk.journal.close()
    (tmp_path / "journal.db").write_bytes(b"no database")
    assert desk.ensure().kept == first
