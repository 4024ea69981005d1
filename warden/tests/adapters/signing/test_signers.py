"""Every signer keeps the port's promises, and every public key that is named is believed as it is."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ssh_keys import write_key

from warden.adapters.signing.public_keys import PublicKeys, read_public_keys
from warden.adapters.signing.ssh_key import SshKeySigner
from warden.adapters.signing.transit import TransitSigner
from warden.core.errors import Refused, UsageError
from warden.core.public_key import PublicKey, public_key
from warden.core.ssh.sshsig import signature_file, signed_bytes
from warden.present.commands import commands

LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINkqsQIGzuUl6zKBncUaBpDdMV4N7toseBAtM0K52vU5"
FINGERPRINT = "SHA256:Iw4pMX8vvuIaACYmHvJbNFgmfwJzMK6TX+KkeZgErAA"
PLATFORM_RIGHTS = """
path "{mount}/keys/{key}" { capabilities = ["read"] }
path "{mount}/sign/{key}" { capabilities = ["update"] }
"""


def keygen(path, passphrase=""):
    """A key as people make it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path


class Transit:
    """A transit mount of its own with one key, and somebody who may sign with it and no more."""

    def __init__(self, server, unique):
        self.server, self.mount, self.key = server, unique("transit"), "journal"
        server.must("POST", f"sys/mounts/{self.mount}", {"type": "transit"})
        self.make()
        rights = PLATFORM_RIGHTS.replace("{mount}", self.mount).replace("{key}", self.key)
        self.token = server.token_with(rights)

    def make(self, kind="ed25519"):
        self.server.must("POST", f"{self.mount}/keys/{self.key}", {"type": kind})

    def signer(self, token=""):
        return TransitSigner(self.server.vault(token or self.token), f"{self.mount}/{self.key}")

    def close(self):
        self.server.must("DELETE", f"sys/mounts/{self.mount}")


@pytest.fixture
def transit(platform_server, unique):
    made = Transit(platform_server, unique)
    yield made
    made.close()


@pytest.fixture(params=["transit", "ssh_key"])
def signer(request, tmp_path):
    if request.param == "transit":
        return request.getfixturevalue("transit").signer()
    return SshKeySigner(str(write_key(tmp_path / "key")))


def test_a_signature_holds_for_its_key_and_its_bytes_alone(signer):
    keys = PublicKeys(signer.public_keys())
    signature = signer.sign(b"payload")
    assert len(signature) == 64
    assert keys.ids == {signer.key_id}
    assert keys.holds(signer.key_id, signature, b"payload")
    assert not keys.holds(signer.key_id, signature, b"payload.")
    assert not keys.holds(signer.key_id, signature[:-1], b"payload")
    assert not keys.holds("SHA256:other", signature, b"payload")
    assert not PublicKeys([PublicKey(Ed25519PrivateKey.generate().public_key().public_bytes_raw())]).holds(
        signer.key_id, signature, b"payload"
    )


def test_a_fingerprint_is_what_ssh_keygen_prints():
    assert public_key(LINE).id == FINGERPRINT
    assert public_key(f"{LINE} alice@example\n").line == LINE
    for wrong in ("", "ssh-rsa AAAA", LINE[:-4], f"{LINE}\n{LINE}", LINE.replace("AAAAC3", "AAAAC4"), f"x {LINE}"):
        assert public_key(wrong) is None


def test_a_rotated_transit_key_signs_with_its_newest_version_and_still_has_the_old_one(transit):
    before = transit.signer()
    old = before.key_id, before.sign(b"x")
    transit.server.must("POST", f"{transit.mount}/keys/{transit.key}/rotate")
    # Who asked before the rotation signs as what it said that it was.
    assert PublicKeys(before.public_keys()).holds(before.key_id, before.sign(b"y"), b"y")
    after = transit.signer()
    assert after.key_id != old[0]
    keys = PublicKeys(after.public_keys())
    assert keys.holds(*old, b"x")
    assert keys.holds(after.key_id, after.sign(b"x"), b"x")


def test_a_transit_key_that_cannot_sign_is_explained(transit, platform_server):
    with pytest.raises(Refused, match="refused GET"):
        _ = transit.signer(platform_server.token_with(PLATFORM_RIGHTS)).key_id
    missing = TransitSigner(platform_server.vault("admin"), f"{transit.mount}/nothing")
    with pytest.raises(UsageError, match="does not exist"):
        missing.sign(b"x")
    nowhere = TransitSigner(platform_server.vault("admin"), "nowhere-mounted/key")
    with pytest.raises(UsageError, match="has no transit engine at nowhere-mounted/") as fault:
        nowhere.sign(b"x")
    assert commands(fault.value.remedy) == "bao secrets enable -path=nowhere-mounted transit"
    transit.key = "rsa"
    transit.make("rsa-2048")
    with pytest.raises(UsageError, match="of type rsa-2048"):
        transit.signer("admin").sign(b"x")


def test_an_ssh_key_that_cannot_sign_is_explained(tmp_path: Path):
    def problem(path):
        with pytest.raises(UsageError) as fault:
            SshKeySigner(str(path)).sign(b"x")
        return str(fault.value.problem)

    assert "cannot be read (no such file or directory)" in problem(tmp_path / "none")
    assert "is encrypted with a passphrase" in problem(keygen(tmp_path / "locked", "hunter2"))
    open_to_all = write_key(tmp_path / "open")
    open_to_all.chmod(0o640)
    assert "can be read by others" in problem(open_to_all)
    garbage = tmp_path / "garbage"
    garbage.write_text("not a key")
    garbage.chmod(0o600)
    assert "is not a private key of OpenSSH" in problem(garbage)
    other = ec.generate_private_key(ec.SECP256R1())
    garbage.write_bytes(other.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.OpenSSH, pem.NoEncryption()))
    assert "is not of type ed25519" in problem(garbage)


def test_public_keys_come_as_lines_or_as_pem(tmp_path: Path):
    key = write_key(tmp_path / "key")
    line = key.with_suffix(".pub")
    signer = SshKeySigner(str(key))
    assert [each.id for each in read_public_keys(str(line))] == [signer.key_id]
    assert [each.id for each in read_public_keys(line.read_text())] == [signer.key_id]
    pem_file = tmp_path / "key.pem"
    public = Ed25519PrivateKey.generate().public_key()
    pem_file.write_bytes(public.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo))
    assert read_public_keys(str(pem_file)) == (PublicKey(public.public_bytes_raw()),)
    several = tmp_path / "several"
    several.write_text(f"# rotated 2026\n{LINE} old\n\n{line.read_text()}")
    assert [each.id for each in read_public_keys(str(several))] == [FINGERPRINT, signer.key_id]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "holds no public key"),
        ("ssh-rsa AAAA alice", "not a public key of type ssh-ed25519 (line 1)"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "is not a public key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "is a private key"),
    ],
)
def test_what_is_not_a_public_key_is_refused(tmp_path: Path, content, why):
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(UsageError) as fault:
        read_public_keys(str(file))
    assert why in str(fault.value.problem)


def test_a_key_of_ssh_keygen_is_read(tmp_path: Path):
    key = keygen(tmp_path / "key")
    assert read_public_keys(str(key) + ".pub")[0].id == SshKeySigner(str(key)).key_id


def test_ssh_keygen_takes_its_signature_of_a_file(signer, tmp_path):
    key = signer.public_keys()[-1]
    (tmp_path / "signers").write_text(f"someone {key.line}\n")
    raw = signer.sign(signed_bytes("namespace", b"content"))
    (tmp_path / "signature").write_bytes(signature_file("namespace", key, raw))
    verify = ["ssh-keygen", "-Y", "verify", "-f", tmp_path / "signers", "-I", "someone", "-n", "namespace"]
    for content, good in ((b"content", True), (b"another", False)):
        done = subprocess.run([*verify, "-s", tmp_path / "signature"], input=content, check=False, capture_output=True)
        assert (done.returncode == 0) == good, done
