"""KRLs from the journal to a host: built, published, fetched over HTTP, refused or put in place."""

import datetime as dt
import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from krl_world import DAY, KrlWorld, served
from sshd_server import keygen

from warden.adapters.journal.sqlite import SqliteJournal
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.ssh.krl_folder import PublishedKrl
from warden.adapters.ssh.krl_host import InstalledKrl
from warden.adapters.ssh.krl_tools import SshKeygenVerifier
from warden.adapters.whereabouts import Here
from warden.core.errors import Exit, Inconclusive, UsageError
from warden.core.ssh.issue_log import REVOKED
from warden.core.ssh.krl import EMPTY, NAMESPACE, SIGNER, SignedKrl, head
from warden.core.ssh.krl_pull import NoKrlInPlace, Refusal
from warden.core.ssh.sshsig import signature_file, signed_bytes
from warden.usecases.krl import PUBLISHED, KrlOfAnotherJournal, build, look


@pytest.fixture
def world(tmp_path: Path) -> Iterator[KrlWorld]:
    made = KrlWorld(tmp_path)
    yield made
    made.journal.close()


# -- build ---------------------------------------------------------------------------------------------------------


def test_a_krl_has_what_the_journal_says_and_is_recorded_before_and_after(world):
    world.revoke(7, 2**64 - 1)
    made = build(world.tools)
    begin, done = world.journal.log(events=("krl.begin", PUBLISHED))
    assert (done.body["begin"], done.body["version"], done.body["serials"]) == (begin.seq, made.version, 2)
    assert (made.serials, made.keys, made.key) == (2, 0, SshKeySigner(str(world.folder / "signer")).key_id)
    world.file.write_bytes((world.published / "krl").read_bytes())
    assert f"serial: 7\nserial: {2**64 - 1}" in world.listed()
    verify = ["ssh-keygen", "-Y", "verify", "-f", world.signers, "-I", SIGNER, "-n", NAMESPACE]
    with (world.published / "krl").open("rb") as krl:
        subprocess.run([*verify, "-s", world.published / "krl.sig"], stdin=krl, check=True, capture_output=True)


def test_what_has_expired_everywhere_is_left_out(world):
    world.revoke(7, until=int(world.clock().timestamp()) + 100)
    assert build(world.tools).serials == 1
    world.clock.offset = 1000
    assert build(world.tools).serials == 0


def test_what_other_platforms_of_the_journal_have_revoked_is_in_it_too(world):
    """They publish into one folder: the newer KRL of one may not let in whom another has revoked."""
    (one, other) = (
        SqliteJournal(world.journal.path, whereabouts=Here(str(world.folder / each), {})) for each in ("one", "other")
    )
    one.record(REVOKED, "agt-x", {"reason": "test", "serials": [7], "until": 0})
    other.record(REVOKED, "agt-x", {"reason": "test", "serials": [8], "until": 0})
    for journal in (one, other):
        assert build(msgspec.structs.replace(world.tools, journal=journal)).serials == 2
        journal.close()


def test_versions_rise_with_a_clock_that_was_set_back_and_without_the_files(world):
    first = build(world.tools).version
    world.clock.offset = -10 * DAY
    second = build(world.tools).version
    assert second == first + 1
    (world.published / "krl").unlink()
    assert build(world.tools).version == second + 1, "the journal knows it"


@pytest.mark.parametrize("how", ["another journal", "restored from a backup"])
def test_a_journal_that_lacks_what_was_published_publishes_nothing(world, how):
    """Its KRL would be newer, hosts would take it, and let in whom the one before refuses."""
    build(world.tools)
    backup = world.folder / "backup.db"
    if how == "restored from a backup":
        with sqlite3.connect(world.journal.path) as made, sqlite3.connect(backup) as copy:
            made.backup(copy)
    world.revoke(7)
    latest = build(world.tools).version
    other = SqliteJournal(str(backup))
    with pytest.raises(Inconclusive) as raised:
        build(msgspec.structs.replace(world.tools, journal=other))
    assert raised.value.problem == KrlOfAnotherJournal(str(world.published), latest)
    assert not [each for each in other.log() if each.body.get("version") == latest]
    other.close()
    world.file.write_bytes((world.published / "krl").read_bytes())
    assert "serial: 7" in world.listed()
    assert build(world.tools).serials == 1, "the journal that made it goes on"


def test_a_journal_that_cannot_be_written_publishes_nothing(world):
    broken = SqliteJournal("/dev/null")
    with pytest.raises(Inconclusive):
        build(msgspec.structs.replace(world.tools, journal=broken))
    assert not world.published.exists()


def test_a_key_that_does_not_sign_leaves_what_was_published(world):
    build(world.tools)
    before = (world.published / "krl").read_bytes()
    world.revoke(7)
    with pytest.raises(UsageError):
        build(msgspec.structs.replace(world.tools, signer=SshKeySigner(str(world.folder / "nowhere"))))
    assert (world.published / "krl").read_bytes() == before
    assert world.journal.log(last=1)[0].event == "krl.failed"


def test_a_folder_that_cannot_be_written_is_said(world):
    (world.folder / "file").write_text("")
    with pytest.raises(Inconclusive, match="cannot be"):
        build(msgspec.structs.replace(world.tools, folder=PublishedKrl(str(world.folder / "file"))))


# -- pull ----------------------------------------------------------------------------------------------------------


def test_what_is_published_takes_the_place_of_what_was_there(world):
    world.revoke(7)
    made = build(world.tools)
    world.file.write_bytes(EMPTY)
    with served(world) as asked:
        found = world.pull()
        assert (found.state, found.head.version, found.repair, found.exit) == ("replaced", made.version, "", Exit.DONE)
        assert "serial: 7" in world.listed()
        assert world.file.stat().st_mode & 0o777 == 0o644
        again = world.pull()
    assert (again.state, again.exit) == ("unchanged", Exit.DONE)
    assert asked == [("/krl", 200), ("/krl.sig", 200), ("/krl", 304)], "the ETag saves the rest"


@pytest.mark.parametrize("there", [None, b"", b"SSHKRL\n\0 damaged"], ids=["missing", "empty", "damaged"])
def test_without_an_answer_nobody_is_locked_out(world, there):
    """Before anything was ever fetched: sshd would refuse every key, or take a file of no bytes for a list."""
    if there is not None:
        world.file.write_bytes(there)
    found = world.pull()
    assert (found.state, found.repair, found.exit, found.age) == ("kept", "empty", Exit.INCONCLUSIVE, None)
    assert world.file.read_bytes() == EMPTY


@pytest.mark.parametrize(
    "there", [None, b"", b"SSHKRL\n\0 damaged", EMPTY], ids=["missing", "none", "damaged", "other"]
)
def test_without_an_answer_the_last_good_one_is_put_back(world, there):
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
    world.file.unlink() if there is None else world.file.write_bytes(there)
    found = world.pull()
    assert (found.state, found.repair, found.exit) == ("kept", "last-good", Exit.INCONCLUSIVE)
    assert "serial: 7" in world.listed()


def test_where_nothing_can_be_checked_nobody_is_locked_out_either(world):
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
    world.file.unlink()
    world.signers.unlink()
    with pytest.raises(Inconclusive, match="whose KRLs are believed"):
        world.pull()
    assert "serial: 7" in world.listed()


def test_without_an_answer_what_is_in_place_stays(world):
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
    before = world.file.stat().st_ino
    found = world.pull()
    assert (found.state, found.repair, found.fault is not None) == ("kept", "", True)
    assert world.file.stat().st_ino == before, "it was not written at all"


def test_a_krl_that_somebody_else_signed_is_refused(world):
    keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(world.folder / "stranger"))
    build(world.tools)
    with served(world):
        world.pull()
        before = world.file.read_bytes()
        build(msgspec.structs.replace(world.tools, signer=SshKeySigner(str(world.folder / "stranger"))))
        found = world.pull()
    assert (found.state, found.refusal, found.exit) == ("kept", Refusal("not-signed"), Exit.NO)
    assert world.file.read_bytes() == before


def test_a_krl_that_was_changed_on_its_way_is_refused(world):
    world.revoke(7)
    build(world.tools)
    (world.published / "krl").write_bytes(EMPTY)
    with served(world) as asked:
        found = world.pull()
    assert (found.refusal, found.repair) == (Refusal("not-signed"), "empty")
    assert [path for path, _ in asked] == ["/krl", "/krl.sig"] * 2, "asked twice: the files may just be replaced"


def test_a_signed_file_that_is_not_a_krl_is_refused(world):
    for content in (b"", b"ssh-ed25519 AAAA", EMPTY[:-1], EMPTY + b"x"):
        signer = world.tools.signer
        raw = signer.sign(signed_bytes(NAMESPACE, content))
        signature = signature_file(NAMESPACE, signer.public_keys()[-1], raw)
        PublishedKrl(str(world.published)).publish(SignedKrl(krl=content or b" ", signature=signature))
        with served(world):
            found = world.pull()
        assert found.refusal is not None, content
        assert world.file.read_bytes() == EMPTY


def test_an_older_krl_is_refused_although_it_is_signed(world):
    build(world.tools)
    old = {name: (world.published / name).read_bytes() for name in ("krl", "krl.sig")}
    world.revoke(7)
    newer = build(world.tools)
    with served(world):
        world.pull()
        for name, content in old.items():
            (world.published / name).write_bytes(content)
        found = world.pull()
    version = head(old["krl"])
    assert version is not None
    assert found.refusal == Refusal("older", version.version, newer.version)
    assert "serial: 7" in world.listed()


def test_an_older_krl_is_refused_after_the_file_was_lost_too(world):
    build(world.tools)
    old = {name: (world.published / name).read_bytes() for name in ("krl", "krl.sig")}
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
        world.file.unlink()
        for name, content in old.items():
            (world.published / name).write_bytes(content)
        found = world.pull()
    assert (found.repair, found.refusal and found.refusal.flaw) == ("last-good", "older")
    assert "serial: 7" in world.listed()


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "damaged"])
def test_an_older_krl_is_refused_after_the_last_good_one_was_lost(world, lost):
    """Then what is in place says which version is too old; one of the same version takes its place."""
    build(world.tools)
    old = {name: (world.published / name).read_bytes() for name in ("krl", "krl.sig")}
    world.revoke(7)
    newer = build(world.tools)
    new = {name: (world.published / name).read_bytes() for name in ("krl", "krl.sig")}
    kept = world.folder / "revoked_keys.last-good"
    with served(world):
        world.pull()
        for which, state in ((old, "kept"), (new, "replaced")):
            kept.unlink(missing_ok=True) if lost else kept.write_text("damaged")
            for name, content in which.items():
                (world.published / name).write_bytes(content)
            found = world.pull()
            assert found.state == state
            assert found.head.version == newer.version
            assert "serial: 7" in world.listed()


def test_another_krl_of_the_same_version_is_refused(world):
    made = build(world.tools)
    with served(world):
        world.pull()
        world.revoke(7)
        world.journal.close()
        (world.folder / "journal.db").unlink()
        (world.published / "krl").unlink()
        world.tools = msgspec.structs.replace(world.tools, journal=SqliteJournal(str(world.folder / "journal.db")))
        world.revoke(8)
        frozen = dt.datetime.fromtimestamp(made.version / 1000 + 0.0001, dt.UTC)
        again = build(msgspec.structs.replace(world.tools, clock=lambda: frozen))
        assert again.version == made.version
        found = world.pull()
    assert found.refusal == Refusal("same-version", made.version, made.version)


def test_a_krl_in_place_that_is_a_week_old_is_told_and_stays(world):
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
        world.clock.offset = 7 * DAY
        found = world.pull()
    assert (found.state, found.stale, found.exit) == ("unchanged", True, Exit.NO)
    assert found.age is not None
    assert abs(found.age - 7 * DAY) < 60
    assert "serial: 7" in world.listed()


@pytest.mark.parametrize(
    ("there", "damage"),
    [(None, "unreadable"), (b"", "unreadable"), (b"half", "unreadable"), (EMPTY, "changed"), (b"good", "")],
    ids=["missing", "no bytes", "half", "another", "good"],
)
def test_looking_finds_what_sshd_cannot_read_and_what_is_not_the_last_good_one(world, there, damage):
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
    good = world.file.read_bytes()
    if there is None:
        world.file.unlink()
    else:
        world.file.write_bytes({b"good": good, b"half": good[:60]}.get(there, there))
    found = look(InstalledKrl(str(world.file)), SshKeygenVerifier(str(world.signers)), world.clock, DAY)
    assert (found.damage, found.exit) == (damage, Exit.NO if damage else Exit.DONE)


def test_a_last_good_one_that_was_changed_is_not_believed(world):
    world.revoke(7)
    build(world.tools)
    with served(world):
        world.pull()
        kept = world.folder / "revoked_keys.last-good"
        stored = msgspec.json.decode(kept.read_bytes())
        stored["krl"] = "U1NIS1JMCgAAAAABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
        kept.write_bytes(msgspec.json.encode(stored))
        found = world.pull()
    assert found.state == "replaced"
    assert "serial: 7" in world.listed()


def test_a_signer_that_is_not_believed_any_more_is_not_put_back(world):
    keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(world.folder / "next"))
    build(world.tools)
    with served(world):
        world.pull()
        world.believe("next")
        world.revoke(7)
        build(msgspec.structs.replace(world.tools, signer=SshKeySigner(str(world.folder / "next"))))
        found = world.pull()
    assert (found.state, found.refusal) == ("replaced", None)
    assert "serial: 7" in world.listed()


def test_a_list_of_keys_in_place_is_left_alone(world):
    world.file.write_text("ssh-ed25519 AAAA somebody's\n")
    build(world.tools)
    with served(world), pytest.raises(UsageError) as raised:
        world.pull()
    assert raised.value.problem == NoKrlInPlace(str(world.file))
    assert world.file.read_text().startswith("ssh-ed25519")


def test_a_full_disk_leaves_what_is_in_place(world):
    """The limit for one file's size stands for it: writing more fails there."""
    build(world.tools)
    with served(world):
        world.pull()
        before = world.file.read_bytes()
        world.revoke(*range(1, 2**60, 2**60 // 2000))
        build(world.tools)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            with pytest.raises(Inconclusive, match="cannot be written"):
                pull_without_checks(world)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, ignored)
    assert world.file.read_bytes() == before
    assert not [name for name in os.listdir(world.folder) if name.startswith(".")], "nothing half written is left"


def pull_without_checks(world: KrlWorld) -> None:
    """Write the published one; checks write temporary files, which the limit would hit first."""
    InstalledKrl(str(world.file)).install((world.published / "krl").read_bytes())


def test_looking_asks_nobody_and_changes_nothing(world):
    build(world.tools)
    with served(world):
        world.pull()
    found = look(InstalledKrl(str(world.file)), SshKeygenVerifier(str(world.signers)), world.clock, DAY)
    assert (found.state, found.url, found.exit) == ("unchanged", "", Exit.DONE)
    world.file.unlink()
    gone = look(InstalledKrl(str(world.file)), SshKeygenVerifier(str(world.signers)), world.clock, DAY)
    assert (gone.age, gone.exit) == (None, Exit.NO)
    assert not world.file.exists()
