"""KRLs and their signatures, as ssh-keygen makes and reads them."""

import os
import subprocess
from pathlib import Path

import pytest
from sshd_server import keygen

from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.ssh.krl_tools import SshKeygenKrl, SshKeygenVerifier
from warden.core.errors import Inconclusive
from warden.core.ssh.krl import EMPTY, NAMESPACE, SIGNER, Section, SignedKrl, head
from warden.core.ssh.sshsig import signature_file, signed_bytes


def new_key(path: Path) -> str:
    keygen("-t", "ed25519", "-N", "", "-C", "", "-f", str(path))
    return path.with_name(f"{path.name}.pub").read_text().strip()


def signed(key: Path, krl: bytes, namespace: str = NAMESPACE) -> SignedKrl:
    signer = SshKeySigner(str(key))
    raw = signer.sign(signed_bytes(namespace, krl))
    return SignedKrl(krl=krl, signature=signature_file(namespace, signer.public_keys()[-1], raw))


def revoked(folder: Path, krl: bytes, certificate: Path) -> bool:
    file = folder / "krl"
    file.write_bytes(krl)
    done = subprocess.run(["ssh-keygen", "-Q", "-f", file, certificate], check=False, capture_output=True, text=True)
    assert ("REVOKED" in done.stdout) == (done.returncode != 0), done
    return done.returncode != 0


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Path]:
    """Certificates of one key with one serial by two CAs, and another one."""
    new_key(tmp_path / "key")
    found = {}
    for ca, serial in (("ca1", 7), ("ca2", 7), ("ca1", 8)):
        if not (tmp_path / ca).exists():
            new_key(tmp_path / ca)
        public = tmp_path / f"{ca}-{serial}.pub"
        public.write_text((tmp_path / "key.pub").read_text())
        keygen("-s", str(tmp_path / ca), "-I", "id", "-n", "root", "-z", str(serial), str(public))
        found[f"{ca}-{serial}"] = tmp_path / f"{ca}-{serial}-cert.pub"
    return found


def public(folder: Path, name: str) -> str:
    return (folder / f"{name}.pub").read_text().strip()


def test_a_serial_is_revoked_for_its_ca_alone(tmp_path, certificates):
    krl = SshKeygenKrl().build([Section(authority_key=public(tmp_path, "ca1"), serials=(7,))], 5)
    assert {name: revoked(tmp_path, krl, file) for name, file in certificates.items()} == {
        "ca1-7": True,
        "ca2-7": False,
        "ca1-8": False,
    }


def test_sections_of_several_cas_are_in_one_krl(tmp_path, certificates):
    parts = [
        Section(authority_key=public(tmp_path, name), serials=(serial,)) for name, serial in (("ca1", 8), ("ca2", 7))
    ]
    krl = SshKeygenKrl().build(parts, 2**63)
    assert {name: revoked(tmp_path, krl, file) for name, file in certificates.items()} == {
        "ca1-7": False,
        "ca2-7": True,
        "ca1-8": True,
    }
    found = head(krl)
    assert found is not None
    assert found.version == 2**63


def test_a_serial_of_every_ca_and_a_key(tmp_path, certificates):
    krl = SshKeygenKrl().build([Section(serials=(7,))], 1)
    assert revoked(tmp_path, krl, certificates["ca1-7"])
    assert revoked(tmp_path, krl, certificates["ca2-7"])
    assert not revoked(tmp_path, krl, certificates["ca1-8"])
    fingerprint = subprocess.run(
        ["ssh-keygen", "-l", "-f", tmp_path / "ca1.pub"], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    by_ca = SshKeygenKrl().build([Section(keys=(fingerprint,))], 1)
    assert revoked(tmp_path, by_ca, certificates["ca1-8"])
    assert not revoked(tmp_path, by_ca, certificates["ca2-7"])


def test_without_anything_revoked_it_is_a_krl_all_the_same(tmp_path, certificates):
    krl = SshKeygenKrl().build([], 3)
    found = head(krl)
    assert found is not None
    assert found.version == 3
    assert not any(revoked(tmp_path, krl, file) for file in certificates.values())
    assert SshKeygenVerifier("").readable(krl)
    assert SshKeygenVerifier("").readable(EMPTY)


def test_what_ssh_keygen_does_not_take_is_an_error():
    with pytest.raises(Inconclusive, match="could not make the KRL"):
        SshKeygenKrl().build([Section(authority_key="not a key", serials=(1,))], 1)
    with pytest.raises(Inconclusive, match="ssh-keygen is not here"):
        SshKeygenKrl({"PATH": "/nowhere"}).build([], 1)


def test_a_damaged_krl_is_not_readable(tmp_path):
    whole = SshKeygenKrl().build([Section(serials=(7,))], 1)
    verifier = SshKeygenVerifier("")
    assert verifier.readable(whole)
    assert not verifier.readable(whole[:-1])
    assert not verifier.readable(b"")
    assert not verifier.readable(b"ssh-ed25519 AAAA")


def test_a_signature_is_good_for_its_signer_its_namespace_and_its_bytes(tmp_path):
    line = new_key(tmp_path / "signer")
    new_key(tmp_path / "other")
    signers = tmp_path / "signers"
    signers.write_text(f'{SIGNER} namespaces="{NAMESPACE}" {line}\n')
    verifier = SshKeygenVerifier(str(signers))
    good = signed(tmp_path / "signer", EMPTY)
    assert verifier.signed(good)
    assert not verifier.signed(SignedKrl(krl=EMPTY + b"\0", signature=good.signature))
    assert not verifier.signed(signed(tmp_path / "other", EMPTY))
    assert not verifier.signed(signed(tmp_path / "signer", EMPTY, "warden-change"))
    assert not verifier.signed(SignedKrl(krl=EMPTY, signature=b"nothing"))
    assert not verifier.signed(SignedKrl(krl=EMPTY, signature=b""))


def test_a_signature_for_another_name_is_not_for_krls(tmp_path):
    line = new_key(tmp_path / "signer")
    (tmp_path / "signers").write_text(f"alice {line}\n")
    assert not SshKeygenVerifier(str(tmp_path / "signers")).signed(signed(tmp_path / "signer", EMPTY))


def test_our_signature_is_the_one_that_ssh_keygen_makes(tmp_path):
    """Ed25519 signatures are deterministic, so both have the same bytes."""
    new_key(tmp_path / "signer")
    sign = ["ssh-keygen", "-Y", "sign", "-f", tmp_path / "signer", "-n", NAMESPACE]
    theirs = subprocess.run(sign, input=EMPTY, check=True, capture_output=True, env=os.environ).stdout
    assert signed(tmp_path / "signer", EMPTY).signature == theirs


def test_without_the_file_of_signers_nothing_is_checked(tmp_path):
    with pytest.raises(Inconclusive, match="whose KRLs are believed"):
        SshKeygenVerifier(str(tmp_path / "nowhere")).signed(SignedKrl(krl=EMPTY, signature=b""))


def test_without_room_for_temporary_files_nothing_is_checked(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(Inconclusive, match="no temporary file"):
        SshKeygenVerifier("").readable(EMPTY)
