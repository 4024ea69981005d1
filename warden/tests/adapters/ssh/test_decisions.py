"""Signatures by real keys, real ssh-keygen and a real agent: which are good, and what is wrong with the others."""

import datetime as dt
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from signers import DECISION, Signers

from warden.adapters.ssh.allowed_signers import signers
from warden.adapters.ssh.decisions import Named, SshSignatures
from warden.core.changes.request import Decision
from warden.core.changes.statement import statement, without_armour
from warden.core.errors import UsageError


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Signers:
    return Signers(tmp_path_factory.mktemp("keys"), "alice", "bob")


@pytest.fixture(scope="module")
def signed(people) -> Decision:
    return by(people, "bob")


def by(people: Signers, name: str, decision: Decision = DECISION) -> Decision:
    """The decision with the signature that this person's key makes under it."""
    return msgspec.structs.replace(decision, signature=people.signatures(name).sign(statement(decision)))


def kind(people: Signers, decision: Decision) -> str:
    flaw = people.signatures("alice").check(decision).flaw
    return flaw.__struct_config__.tag if flaw else "good"


def test_a_signature_of_that_person_is_good_and_its_key_is_known(people, signed):
    checked = people.signatures("alice").check(signed)
    assert checked.flaw is None
    shown = subprocess.run(["ssh-keygen", "-l", "-f", people.key("bob")], capture_output=True, text=True, check=True)
    assert checked.key == shown.stdout.split()[1]


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("comment", "looked at it."),
        ("decision", "deny"),
        ("request", "CCR-2026-0005"),
        ("digest", "sha256:cd"),
        ("expires", dt.datetime(2027, 12, 14, 10, tzinfo=dt.UTC)),
    ],
)
def test_a_signature_under_something_else_is_bad(people, signed, field, other):
    assert kind(people, msgspec.structs.replace(signed, **{field: other})) == "bad-signature"


def test_a_signature_of_somebody_else_in_that_persons_name_is_by_an_unknown_key(people):
    assert kind(people, by(people, "alice")) == "unknown-key"


def test_a_key_that_is_not_listed_is_unknown(people):
    people.key("mallory")
    with pytest.raises(UsageError, match=r"in .*allowed_signers"):
        people.signatures("mallory").signer()
    listed = people.file.read_text()
    people.add("mallory")
    theirs = by(people, "mallory", msgspec.structs.replace(DECISION, by="mallory"))
    assert kind(people, theirs) == "good"
    people.file.write_text(listed)
    assert kind(people, theirs) == "unknown-key"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ('namespaces="git"', "unknown-key"),
        ('namespaces="git,warden-change"', "good"),
        ('valid-before="20200101"', "unknown-key"),
        ('valid-after="20200101"', "good"),
    ],
)
def test_the_options_of_a_line_hold(people, options, found):
    name = f"erin-{abs(hash(options))}"
    listed = people.file.read_text()
    people.add(name)
    decision = by(people, name, msgspec.structs.replace(DECISION, by=name))
    people.file.write_text(listed)
    people.add(name, options=options)
    assert kind(people, decision) == found
    people.file.write_text(listed)


@pytest.mark.parametrize("algorithm", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_makes_no_other_person_of_a_key(people, tmp_path, algorithm):
    for name in ("authority", "key"):
        kind_of_key = algorithm if name == "key" else "ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", kind_of_key, "-N", "", "-f", tmp_path / name], check=True)
    certify = ["ssh-keygen", "-q", "-s", tmp_path / "authority", "-I", "x", "-n", "dave", tmp_path / "key.pub"]
    subprocess.run(certify, check=True)
    decision = msgspec.structs.replace(DECISION, by="dave")
    found = set[str]()
    allowed = tmp_path / "allowed_signers"
    for signing, options in (("key", ""), ("key-cert.pub", "cert-authority ")):
        listed = (tmp_path / ("authority.pub" if options else "key.pub")).read_text()
        allowed.write_text(f"dave {options}{listed}")
        argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(tmp_path / signing), "-n", "warden-change"]
        done = subprocess.run(argv, input=statement(decision), capture_output=True, check=True)
        signed = msgspec.structs.replace(decision, signature=without_armour(done.stdout.decode()))
        checked = SshSignatures(str(allowed), {"PATH": os.environ["PATH"]}).check(signed)
        assert checked.flaw is None
        found.add(checked.key)
    shown = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "key.pub"], capture_output=True, text=True, check=True)
    assert found == {shown.stdout.split()[1]}


def test_a_signature_for_another_purpose_decides_nothing(people):
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-f", people.key("bob"), "-n", "git"]
    done = subprocess.run(argv, input=statement(DECISION), capture_output=True, check=True)
    decision = msgspec.structs.replace(DECISION, signature=without_armour(done.stdout.decode()))
    assert kind(people, decision) == "other-namespace"


@pytest.mark.parametrize("signature", ["", "AAAA", "U1NIU0lHAAAAAQ=="])
def test_what_is_no_signature_is_told_apart(people, signature):
    assert kind(people, msgspec.structs.replace(DECISION, signature=signature)) == "not-a-signature"


def test_a_signature_that_was_cut_is_bad(people, signed):
    assert kind(people, msgspec.structs.replace(signed, signature=signed.signature[:-8])) == "bad-signature"


def test_without_ssh_keygen_nothing_is_good_and_nothing_is_bad(people, signed):
    without = people.signatures("bob", environ={"PATH": "/nowhere"})
    assert without.check(signed).flaw.why == "ssh-keygen is not here; it comes with OpenSSH"
    with pytest.raises(UsageError, match="ssh-keygen is not here"):
        without.sign(b"x")


def test_without_the_file_nothing_is_good_and_nothing_is_bad(people, signed, tmp_path):
    missing = SshSignatures(str(tmp_path / "allowed_signers"), os.environ)
    assert "cannot be read" in missing.check(signed).flaw.why
    assert not missing.knows("bob")
    with pytest.raises(UsageError, match="cannot be read"):
        missing.signer()


def test_who_signs_follows_from_the_key(people):
    assert people.signatures("bob").signer() == "bob"
    assert people.signatures("bob", as_="bob").signer() == "bob"
    with pytest.raises(UsageError, match="none of your SSH keys is one of alice"):
        SshSignatures(str(people.file), {"PATH": os.environ["PATH"], "HOME": "/x"}, Named(name="alice")).signer()


def test_a_key_of_two_names_has_to_say_which(people):
    listed = people.file.read_text()
    people.add("robert", key_of="bob")
    with pytest.raises(UsageError, match="bob, robert") as caught:
        people.signatures("bob").signer()
    assert caught.value.hint == "name one with --as NAME"
    assert people.signatures("bob", as_="robert").signer() == "robert"
    people.file.write_text(listed)


def test_a_key_with_a_passphrase_does_not_wait_where_nobody_can_type(people, tmp_path):
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "hunter2hunter2", "-f", path], check=True)
    people_here = Signers(tmp_path / "more")
    people_here.file.write_text(f"bob {path.with_suffix('.pub').read_text()}")
    environ = {"PATH": os.environ["PATH"]}
    with pytest.raises(UsageError, match=r"did not sign: .*passphrase"):
        SshSignatures(str(people_here.file), environ, Named(key=str(path))).sign(b"x")


@pytest.fixture
def agent(people, tmp_path) -> Iterator[dict[str, str]]:
    socket = tmp_path / "agent"
    started = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SSH_AUTH_SOCK": str(socket)}
    while not socket.exists():
        assert started.poll() is None
    for name in ("mallory", "bob"):
        subprocess.run(["ssh-add", "-q", people.key(name)], env=environ, check=True)
    yield environ
    started.terminate()
    started.wait()


def test_the_agent_signs_with_the_key_that_is_listed(people, agent):
    found = SshSignatures(str(people.file), agent)
    assert found.signer() == "bob"
    decision = msgspec.structs.replace(DECISION, signature=found.sign(statement(DECISION)))
    assert kind(people, decision) == "good"


def test_a_key_in_the_home_directory_is_found(people, tmp_path):
    (tmp_path / ".ssh").mkdir()
    for ending in ("", ".pub"):
        content = Path(f"{people.key('alice')}{ending}").read_text()
        path = tmp_path / ".ssh" / f"id_ed25519{ending}"
        path.write_text(content)
        path.chmod(0o600)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    assert SshSignatures(str(people.file), environ).signer() == "alice"


def test_lines_of_allowed_signers_are_read_as_far_as_names_and_keys_go():
    found = signers(
        "# a comment\n\n"
        "alice,alice@example.org ssh-ed25519 AAAAC3Nz comment here\n"
        '*@example.org cert-authority,valid-before="20300101" sk-ssh-ed25519@openssh.com AAAAGnNr\n'
        '"bob" namespaces="a b, c" ecdsa-sha2-nistp256 AAAAE2Vj\n'
        "not a line\n"
    )
    assert [(each.names, each.key, each.authority) for each in found] == [
        (("alice", "alice@example.org"), "AAAAC3Nz", False),
        (("*@example.org",), "AAAAGnNr", True),
        (("bob",), "AAAAE2Vj", False),
    ]
    assert [each.plain for each in found] == [("alice", "alice@example.org"), (), ("bob",)]
