"""issue into a folder, killed before each of its renames: the next one gets a pair, and no other key is touched."""

import datetime as dt
import os
import signal
import subprocess
from pathlib import Path

import pytest
from ssh_keys import write_key

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.in_folder import InFolder
from warden.adapters.ssh.kept_certificates import KeptFiles
from warden.core.errors import UsageError
from warden.core.inventory.inventory import Actor, NamedActor
from warden.core.openbao.api import Identity
from warden.core.ssh.kept import Kept
from warden.usecases.issue import IssueRequest, issue
from warden.usecases.sign import Signed, SignRequest
from warden.usecases.ssh_ensure import EnsureRequest, ensure

ACTOR = "agt-deploy"
ADA = Identity(display_name="ada", path="auth/oidc", role="", entity="", policies=(), ttl=0)
FIRST = ["stamp", "record", "certificate", "public half", "key"]
AGAIN = ["record", "certificate", "public half", "key", "stamp", "record without the old key"]


class Desk:
    """A folder for the keys, what is kept of it, and a CA."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.ca = folder, write_key(folder / "ca")
        self.key = folder / "keys" / ACTOR
        self.certificate = folder / "keys" / f"{ACTOR}-cert.pub"
        self.kept = KeptFiles(str(folder / "state"), "/platform", "")
        self.journal = SqliteJournal(str(folder / "journal.db"))
        self.serial = 0

    @property
    def place(self) -> InFolder:
        return InFolder(str(self.key.parent))

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def sign(self, ask: SignRequest) -> Signed:
        self.serial += 1
        asked = self.folder / "asked.pub"
        asked.write_text(ask.public_key)
        words = ["ssh-keygen", "-q", "-s", str(self.ca), "-I", "id", "-n", "deploy", "-V", "-1m:+5h"]
        subprocess.run([*words, "-z", str(self.serial), str(asked)], check=True)
        found = SshCertificates().parse((self.folder / "asked-cert.pub").read_text())
        return Signed(subject=ACTOR, certificate=found, who=ADA, where="here", record=7)

    def issue(self, *, fresh: bool = True) -> Kept:
        ask = IssueRequest(actor=NamedActor(name=ACTOR, declared=Actor()), platform="/platform", fresh=fresh)
        return issue(ask, place=self.place, kept=self.kept, sign=self.sign, journal=self.journal, clock=self.now).kept

    def ensure(self) -> Kept:
        return ensure(
            EnsureRequest(actor=ACTOR),
            place=self.place,
            kept=self.kept,
            renew=lambda fresh: self.issue(fresh=fresh),
            journal=lambda: self.journal,
            clock=self.now,
        ).kept

    def killed(self, renames: int) -> None:
        """Another process issues, and is killed when it has done that many renames."""
        self.serial += 1  # the one that it uses up
        child = os.fork()
        if not child:
            try:
                _kill_after(renames)
                self.issue()
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    def ssh_asks(self) -> bool:
        """Whether a login runs `ensure`."""
        words = self.kept.ready_words(ACTOR, self.place.holder)
        return bool(subprocess.run([*words, "false"], stdin=subprocess.DEVNULL, check=False).returncode)

    def public_keys(self) -> set[str]:
        """Those of the key, of its public half, and of the certificate: one, where they belong together."""
        of_key = subprocess.run(["ssh-keygen", "-y", "-f", self.key], capture_output=True, text=True, check=True).stdout
        found = SshCertificates().parse(self.certificate.read_text()).public_key
        return {" ".join(each.split()[:2]) for each in (of_key, self.key.with_suffix(".pub").read_text(), found)}


def _kill_after(renames: int) -> None:
    rename, left = os.replace, iter(range(renames))

    def replace(*paths: str) -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*paths)

    os.replace = replace


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.journal.close()


@pytest.mark.parametrize("renames", range(len(AGAIN)), ids=AGAIN)
@pytest.mark.parametrize("how", ["issue", "ensure"])
def test_a_replacement_that_was_killed_is_made_good(desk, how, renames):
    desk.issue()
    desk.killed(renames)
    getattr(desk, how)()
    assert len(desk.public_keys()) == 1
    assert not desk.ssh_asks()
    assert desk.issue() == desk.ensure()
    assert len(desk.public_keys()) == 1


@pytest.mark.parametrize("renames", range(len(FIRST)), ids=FIRST)
@pytest.mark.parametrize("how", ["issue", "ensure"])
def test_a_first_one_that_was_killed_is_made_good(desk, how, renames):
    desk.killed(renames)
    getattr(desk, how)()
    assert len(desk.public_keys()) == 1
    assert not desk.ssh_asks()


@pytest.mark.parametrize("renames", range(len(AGAIN)), ids=AGAIN)
def test_ssh_is_not_left_with_a_key_and_a_certificate_of_two(desk, renames):
    desk.issue()
    desk.killed(renames)
    assert desk.ssh_asks() or len(desk.public_keys()) == 1


@pytest.mark.parametrize("second", range(len(AGAIN)), ids=AGAIN)
@pytest.mark.parametrize("first", range(len(AGAIN)), ids=AGAIN)
def test_killed_once_more_it_is_made_good(desk, first, second):
    desk.issue()
    desk.killed(first)
    desk.killed(second)
    desk.issue()
    assert len(desk.public_keys()) == 1


@pytest.mark.parametrize("renames", range(len(AGAIN)), ids=AGAIN)
def test_a_key_that_somebody_put_there_meanwhile_stays(desk, renames):
    desk.issue()
    desk.killed(renames)
    write_key(desk.key)
    theirs = desk.key.read_bytes()
    with pytest.raises(UsageError, match="warden did not make"):
        desk.issue()
    renewed = desk.issue(fresh=False)
    assert (renewed.own_key, renewed.replaces, len(desk.public_keys())) == (False, "", 1)
    desk.place.remove(renewed)
    assert desk.key.read_bytes() == theirs


@pytest.mark.parametrize("renames", range(len(AGAIN)), ids=AGAIN)
def test_cleanup_removes_the_key_that_was_to_be_replaced(desk, renames):
    desk.issue()
    desk.killed(renames)
    desk.place.remove(desk.kept.find(ACTOR, desk.place.holder))
    assert not desk.key.exists()


def test_what_was_handed_over_does_not_name_the_old_key(desk):
    desk.issue()
    assert desk.issue().replaces == ""
    assert desk.kept.find(ACTOR, desk.place.holder).replaces == ""
