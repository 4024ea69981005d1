"""Keys and certificates in an agent, in a folder, and what this machine takes note of."""

import os
import stat
import subprocess
import threading
import time

import msgspec
import pytest
from ssh_agent import running
from ssh_keys import write_key

from warden.adapters.ssh.agent import SshAgent
from warden.adapters.ssh.in_agent import InAgent
from warden.adapters.ssh.in_folder import InFolder
from warden.adapters.ssh.kept_certificates import KeptFiles
from warden.core.errors import Held, Inconclusive, UsageError
from warden.core.ssh.certificate import Certificate
from warden.core.ssh.kept import Holder, Kept

NOW = 1_000_000


@pytest.fixture
def certify(tmp_path):
    """Has ssh-keygen certify a public key for an hour."""
    authority, numbers = write_key(tmp_path / "ca"), iter(range(1, 99))

    def made(public_key: str) -> Certificate:
        file, number = tmp_path / "asked.pub", next(numbers)
        file.write_text(public_key)
        sign = ["ssh-keygen", "-q", "-s", str(authority), "-I", "id", "-n", "deploy", "-V", "+1h", "-z", str(number)]
        subprocess.run([*sign, str(file)], check=True)
        line = " ".join((tmp_path / "asked-cert.pub").read_text().split()[:2])
        listed = subprocess.run(["ssh-keygen", "-lf", str(file)], capture_output=True, text=True, check=True).stdout
        return Certificate(
            line=line,
            type="user",
            public_key=public_key,
            fingerprint=listed.split()[1],
            authority="SHA256:ca",
            serial=number,
            key_id="id",
            principals=("deploy",),
            valid_after=int(time.time()),
            valid_before=int(time.time()) + 3600,
            critical_options={},
            extensions={},
        )

    return made


def kept(certificate: Certificate, holder: Holder, **changed) -> Kept:
    made = Kept(
        actor="agt-deploy",
        holder=holder,
        platform="/platform",
        environment="",
        address="http://127.0.0.1:8200",
        line=certificate.line,
        serial=certificate.serial,
        fingerprint=certificate.fingerprint,
        authority=certificate.authority,
        record=7,
        valid_after=certificate.valid_after,
        valid_before=certificate.valid_before,
    )
    return msgspec.structs.replace(made, **changed)


# -- the agent --------------------------------------------------------------------------------------------------------


def test_the_agent_ends_up_with_the_certificate_alone(tmp_path, certify):
    with running(tmp_path) as agent:
        place = InAgent(SshAgent(agent.socket))
        certificate = certify(place.prepare("agt-deploy", None, fresh=True).public_key)
        assert len(agent.listed()) == 1, "the agent has to have taken the key before anybody signs"
        place.hand(certificate, time.time())
        assert [line.split()[:2] for line in agent.listed()] == [certificate.line.split()]
        mine = kept(certificate, place.holder)
        assert place.holds(mine)
        assert place.remove(mine)
        assert not place.holds(mine)


def test_what_was_prepared_and_not_certified_leaves_the_agent(tmp_path):
    with running(tmp_path) as agent:
        place = InAgent(SshAgent(agent.socket))
        place.prepare("agt-deploy", None, fresh=True)
        place.abandon()
        assert agent.listed() == []


# -- a folder ---------------------------------------------------------------------------------------------------------


def issued(place: InFolder, certify, before: Kept | None = None, *, fresh: bool = True) -> Kept:
    prepared = place.prepare("agt-deploy", before, fresh=fresh)
    certificate = certify(prepared.public_key)
    place.hand(certificate, NOW)
    return kept(certificate, place.holder, own_key=prepared.own_key)


def test_files_are_the_owners_alone_and_ssh_can_read_them(tmp_path, certify):
    place = InFolder(str(tmp_path / "new" / "keys"))
    mine = issued(place, certify)
    key = tmp_path / "new" / "keys" / "agt-deploy"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    public = subprocess.run(["ssh-keygen", "-y", "-f", key], capture_output=True, text=True, check=True).stdout
    assert public.split()[:2] == (key.parent / "agt-deploy.pub").read_text().split()[:2]
    assert (key.parent / "agt-deploy-cert.pub").read_text() == f"{mine.line}\n"
    assert place.holds(mine)
    assert sorted(os.listdir(key.parent)) == ["agt-deploy", "agt-deploy-cert.pub", "agt-deploy.pub"]


def test_a_renewal_certifies_the_key_that_is_there(tmp_path, certify):
    place = InFolder(str(tmp_path / "keys"))
    first = issued(place, certify)
    again = issued(InFolder(str(tmp_path / "keys")), certify, first, fresh=False)
    assert again.fingerprint == first.fingerprint
    assert again.line != first.line
    assert not place.holds(first)
    other = issued(InFolder(str(tmp_path / "keys")), certify, again, fresh=True)
    assert other.fingerprint != first.fingerprint


def test_a_key_of_somebody_else_is_certified_but_never_replaced_or_removed(tmp_path, certify):
    write_key(tmp_path / "agt-deploy")
    before = (tmp_path / "agt-deploy").read_bytes()
    with pytest.raises(UsageError, match="warden did not make"):
        InFolder(str(tmp_path)).prepare("agt-deploy", None, fresh=True)
    place = InFolder(str(tmp_path))
    mine = issued(place, certify, fresh=False)
    assert not mine.own_key
    assert place.remove(mine)
    assert (tmp_path / "agt-deploy").read_bytes() == before
    assert not (tmp_path / "agt-deploy-cert.pub").exists()


def test_cleanup_removes_the_key_that_warden_made(tmp_path, certify):
    place = InFolder(str(tmp_path / "keys"))
    mine = issued(place, certify)
    assert place.remove(mine)
    assert os.listdir(tmp_path / "keys") == []
    assert not place.remove(mine)


def test_a_key_that_took_the_place_of_ours_stays(tmp_path, certify):
    place = InFolder(str(tmp_path / "keys"))
    mine = issued(place, certify)
    ours = (tmp_path / "keys" / "agt-deploy.pub").read_bytes()
    write_key(tmp_path / "keys" / "agt-deploy")
    (tmp_path / "keys" / "agt-deploy.pub").write_bytes(ours)
    place.remove(mine)
    assert (tmp_path / "keys" / "agt-deploy").exists()


@pytest.mark.parametrize("fresh", [True, False])
def test_where_the_certificate_cannot_be_written_the_key_stays(tmp_path, certify, fresh):
    place = InFolder(str(tmp_path / "keys"))
    first = issued(place, certify)
    key, certificate = tmp_path / "keys" / "agt-deploy", tmp_path / "keys" / "agt-deploy-cert.pub"
    before = key.read_bytes()
    certificate.rename(tmp_path / "kept")
    certificate.mkdir()
    with pytest.raises(Inconclusive, match="cannot be written"):
        issued(InFolder(str(tmp_path / "keys")), certify, first, fresh=fresh)
    certificate.rmdir()
    (tmp_path / "kept").rename(certificate)
    assert key.read_bytes() == before
    assert place.holds(first)
    assert sorted(os.listdir(tmp_path / "keys")) == ["agt-deploy", "agt-deploy-cert.pub", "agt-deploy.pub"]


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_is_not_a_key_is_said_before_anything_is_asked(tmp_path, content):
    (tmp_path / "agt-deploy").write_bytes(content)
    with pytest.raises(UsageError, match="not a private key"):
        InFolder(str(tmp_path)).prepare("agt-deploy", None, fresh=False)


@pytest.mark.parametrize("how", ["their own", "writable by a group", "writable by all"])
def test_a_key_that_somebody_else_has_written_is_not_certified(tmp_path, how):
    """In a folder that others can write to, it would be a certificate of ours for a key of theirs."""
    key = write_key(tmp_path / "agt-deploy")
    if how == "their own":
        if os.geteuid():
            pytest.skip("only root can give a file away")
        os.chown(key, 65534, -1)
    else:
        key.chmod(0o620 if how == "writable by a group" else 0o602)
    for fresh in (False, True):
        with pytest.raises(UsageError, match="somebody else can write it"):
            InFolder(str(tmp_path)).prepare("agt-deploy", None, fresh=fresh)


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_asked(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Inconclusive, match="cannot be written"):
        InFolder(str(tmp_path / "file" / "keys")).prepare("agt-deploy", None, fresh=True)


# -- what is kept -----------------------------------------------------------------------------------------------------

AGENT = Holder(handed="agent", where="/run/agent")


@pytest.fixture
def one(certify):
    public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKjx0s4zJfFfF4hL8e6r2p5rZbq7LQnJk3o7W6J7Qm3H"
    return kept(certify(public), AGENT)


def test_what_is_kept_is_found_by_its_holder_platform_and_environment(tmp_path, one):
    files = KeptFiles(str(tmp_path), "/platform", "")
    files.keep(one)
    assert files.find("agt-deploy", AGENT) == one
    assert files.find("agt-deploy", Holder(handed="agent", where="/run/other")) is None
    assert files.find("agt-other", AGENT) is None
    assert KeptFiles(str(tmp_path), "/platform", "prod").find("agt-deploy", AGENT) is None
    assert KeptFiles(str(tmp_path), "/other", "").find("agt-deploy", AGENT) is None
    assert KeptFiles(str(tmp_path), "/other", "").all() == (one,)


def test_a_record_of_another_with_the_same_number_is_not_believed(tmp_path, one):
    files = KeptFiles(str(tmp_path), "/platform", "")
    files.keep(one)
    (record,) = (tmp_path / "ssh").glob("*.json")
    record.write_bytes(msgspec.json.encode(msgspec.structs.replace(one, platform="/elsewhere")))
    assert files.find("agt-deploy", AGENT) is None
    record.write_text("{")
    assert files.find("agt-deploy", AGENT) is None
    assert files.all() == ()


def test_ssh_is_shown_the_certificate_of_the_agent_it_asks(tmp_path, one):
    files = KeptFiles(str(tmp_path), "/platform", "")
    files.keep(one)
    shown = files.certificate_file("agt-deploy", AGENT)
    assert shown == files.certificate_file("agt-deploy", Holder(handed="agent", where="/run/other"))
    other = msgspec.structs.replace(one, line="ssh-x AAAA", holder=Holder(handed="agent", where="/run/other"))
    files.keep(other)
    files.show(one)
    with open(shown) as file:
        assert file.read() == f"{one.line}\n"
    before = os.stat(shown).st_mtime_ns
    files.show(one)
    assert os.stat(shown).st_mtime_ns == before


def test_what_is_forgotten_leaves_no_file(tmp_path, one):
    files = KeptFiles(str(tmp_path), "/platform", "")
    files.keep(one)
    files.note_failure("agt-deploy", AGENT)
    KeptFiles(str(tmp_path), "/other", "").forget(one)
    assert os.listdir(tmp_path / "ssh") == []


def test_a_failure_is_forgotten_with_the_next_success(tmp_path, one):
    files = KeptFiles(str(tmp_path), "/platform", "")
    assert files.failed_at("agt-deploy", AGENT) == 0
    began = time.time()
    files.note_failure("agt-deploy", AGENT)
    assert files.failed_at("agt-deploy", AGENT) == pytest.approx(began, abs=5)
    files.keep(one)
    assert files.failed_at("agt-deploy", AGENT) == 0


def test_no_name_leads_out_of_the_folder(tmp_path):
    """`ssh ensure` waits for its lock, and notes a failure, before it knows that nobody is called so."""
    files = KeptFiles(str(tmp_path / "state"), "/platform", "")
    with files.alone("../../agt-deploy", AGENT, 1):
        files.note_failure("../../agt-deploy", AGENT)
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_one_renews_at_a_time(tmp_path):
    files, entered = KeptFiles(str(tmp_path), "/platform", ""), threading.Event()

    def other():
        with pytest.raises(Held, match="another process"), files.alone("agt-deploy", AGENT, 0.1):
            pass
        entered.set()

    with files.alone("agt-deploy", AGENT, 1):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert entered.is_set()


def test_a_state_directory_that_cannot_be_written_is_said(tmp_path, one):
    (tmp_path / "ssh").write_text("")
    with pytest.raises(Inconclusive, match="cannot be written"):
        KeptFiles(str(tmp_path), "/platform", "").keep(one)


# -- what ssh asks first ----------------------------------------------------------------------------------------------


def asked(words, **environ: str) -> bool:
    """Whether the words are enough, and the command behind them is not run."""
    done = subprocess.run(
        [*words, "sh", "-c", "echo ran; exit 7"],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) in {(0, "", ""), (7, "ran\n", "")}
    return done.returncode == 0


def test_ssh_asks_no_more_where_the_agent_has_what_is_not_due(tmp_path, certify):
    with running(tmp_path) as agent:
        files, place = KeptFiles(str(tmp_path / "a state"), "/platform", ""), InAgent(SshAgent(agent.socket))
        words = files.ready_words("agt-deploy", place.holder)
        socket = {"SSH_AUTH_SOCK": agent.socket}
        assert not asked(words, **socket)
        certificate = certify(place.prepare("agt-deploy", None, fresh=True).public_key)
        place.hand(certificate, time.time())
        mine = kept(certificate, place.holder)
        files.keep(mine)
        assert asked(words, **socket)
        assert not asked(words)
        files.keep(msgspec.structs.replace(mine, valid_after=mine.valid_after - 9000))
        assert not asked(words, **socket), "two thirds of its life are over"
        files.keep(mine)
        assert asked(words, **socket)
        KeptFiles(str(tmp_path / "a state"), "/other", "").withdraw(mine)
        assert not asked(words, **socket), "it was revoked"
        files.show(mine)
        assert asked(words, **socket)
        agent.add("-D")
        assert not asked(words, **socket)


@pytest.mark.parametrize("what", ["", "ssh", "ssh/ready.sh"])
def test_ssh_is_not_told_of_a_script_that_somebody_else_can_change(tmp_path, what):
    """It would run with the user's rights at each login."""
    state, holder = tmp_path / "state", Holder(handed="agent", where="/agent")
    KeptFiles(str(state), "/platform", "").ready_words("agt-deploy", holder)
    (state / what).chmod(0o777)
    with pytest.raises(UsageError) as raised:
        KeptFiles(str(state), "/platform", "").ready_words("agt-deploy", holder)
    assert [each.path for each in raised.value.problem.weaknesses] == [str(state / what)]


def test_ssh_asks_no_more_where_a_folder_has_what_is_not_due(tmp_path, certify):
    files, place = KeptFiles(str(tmp_path / "state"), "/platform", ""), InFolder(str(tmp_path / "my keys"))
    words = files.ready_words("agt-deploy", place.holder)
    assert not asked(words)
    mine = issued(place, certify)
    files.keep(mine)
    assert asked(words)
    files.keep(msgspec.structs.replace(mine, valid_after=mine.valid_after - 9000))
    assert not asked(words)
    files.keep(mine)
    files.withdraw(mine)
    assert not asked(words)
    files.keep(mine)
    (tmp_path / "my keys" / "agt-deploy").unlink()
    assert not asked(words)
