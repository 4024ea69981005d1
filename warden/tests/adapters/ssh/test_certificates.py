"""Certificates of every type of key: signed from a key file, read back, and read by ssh-keygen itself."""

import base64
import random
import subprocess
from pathlib import Path

import pytest
from ssh_keys import hardware_key, write_key

from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.core.errors import Inconclusive, UsageError
from warden.core.inventory.public_keys import strings
from warden.core.ssh.certificate import CertificateSpec
from warden.core.ssh.comparison import differences
from warden.present.problems import described

READER = SshCertificates()
TYPES = {
    "ed25519": ["-t", "ed25519"],
    "rsa": ["-t", "rsa", "-b", "2048"],
    "p256": ["-t", "ecdsa", "-b", "256"],
    "p384": ["-t", "ecdsa", "-b", "384"],
    "p521": ["-t", "ecdsa", "-b", "521"],
}
HARDWARE = ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> dict[str, Path]:
    """A private key in a file of each type that ssh-keygen makes without hardware."""
    folder = tmp_path_factory.mktemp("keys")
    for name, options in TYPES.items():
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", str(folder / name), *options], check=True)
    return {name: folder / name for name in TYPES}


@pytest.fixture(scope="module")
def public_keys(keys) -> dict[str, str]:
    found = {name: READER.public_key(path.with_suffix(".pub").read_text()) for name, path in keys.items()}
    return found | {kind: READER.public_key(f"{hardware_key(kind)} a comment") for kind in HARDWARE}


def spec(public_key: str, **changed: object) -> CertificateSpec:
    given = {
        "type": "user",
        "subject": "agt-deploy",
        "public_key": public_key,
        "key_id": "agt-deploy kubernetes-ci 3a7bd3",
        "principals": ("deploy", "deploy-web"),
        "valid_after": 1_800_000_000,
        "valid_before": 1_800_000_900,
        "critical_options": {"force-command": "deploy --now 'a, b=c'", "source-address": "10.0.0.0/8,2001:db8::/32"},
        "extensions": ("permit-pty", "permit-X11-forwarding"),
    }
    return CertificateSpec(**(given | changed))


def listed(tmp_path: Path, line: str) -> str:
    """What ssh-keygen reads in the certificate."""
    file = tmp_path / "id-cert.pub"
    file.write_text(f"{line}\n")
    return subprocess.run(["ssh-keygen", "-L", "-f", file], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("authority", TYPES)
@pytest.mark.parametrize("kind", [*TYPES, *HARDWARE])
def test_a_certificate_is_what_was_decided_and_openssh_reads_the_same(keys, public_keys, tmp_path, kind, authority):
    signer = KeyFileAuthority(str(keys[authority]))
    wanted = spec(public_keys[kind])
    found = READER.parse(signer.sign(wanted))
    trusted = [READER.fingerprint(each) for each in signer.public_keys()]
    assert differences(wanted, found, trusted) == []
    shown = listed(tmp_path, found.line)
    assert READER.fingerprint(public_keys[kind]) in shown
    assert f"Serial: {found.serial}" in shown
    assert "deploy --now 'a, b=c'" in shown
    assert "UNKNOWN" not in shown


def test_the_fingerprint_is_the_one_of_ssh_keygen(keys):
    for path in keys.values():
        public = path.with_suffix(".pub")
        shown = subprocess.run(["ssh-keygen", "-l", "-f", public], check=True, capture_output=True, text=True).stdout
        assert READER.fingerprint(public.read_text()) == shown.split()[1]


def test_a_host_certificate_is_one(keys, public_keys, tmp_path):
    wanted = spec(public_keys["p256"], type="host", principals=("web.example.com",), critical_options={}, extensions=())
    found = READER.parse(KeyFileAuthority(str(keys["ed25519"])).sign(wanted))
    assert differences(wanted, found) == []
    assert "host certificate" in listed(tmp_path, found.line)


def test_an_unknown_option_is_read_and_is_a_difference(keys, public_keys, tmp_path):
    """As ssh-keygen writes them: a critical option and an extension that nobody knows."""
    file = tmp_path / "id.pub"
    file.write_text(public_keys["ed25519"])
    made = ["-s", str(keys["p256"]), "-I", "x", "-n", "deploy", "-V", "20270115080000Z:20270115081500Z", "-z", "7"]
    options = ["-O", "critical:verify-more@example.com=yes", "-O", "extension:tags@example.com=a b", "-O", "clear"]
    subprocess.run(["ssh-keygen", "-q", *made, *options[-2:], *options[:-2], str(file)], check=True)
    found = READER.parse((tmp_path / "id-cert.pub").read_text())
    assert found.critical_options == {"verify-more@example.com": "yes"}
    assert found.extensions == {"tags@example.com": "a b"}
    wanted = spec(public_keys["ed25519"], key_id="x", principals=("deploy",), critical_options={}, extensions=())
    assert {each.part for each in differences(wanted, found)} >= {"critical-options", "extensions"}


def test_every_changed_byte_of_a_certificate_is_refused(keys, public_keys):
    kind, body = KeyFileAuthority(str(keys["ed25519"])).sign(spec(public_keys["ed25519"])).split()
    raw = base64.b64decode(body)
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(Inconclusive):
            READER.parse(f"{kind} {base64.b64encode(bytes(changed)).decode()}")


@pytest.mark.parametrize("kind", HARDWARE)
def test_a_changed_certificate_of_a_security_token_is_refused(keys, public_keys, kind):
    name, body = KeyFileAuthority(str(keys["ed25519"])).sign(spec(public_keys[kind])).split()
    raw = base64.b64decode(body)
    for at in range(0, len(raw), 17):
        changed = bytearray(raw)
        changed[at] ^= 1
        with pytest.raises(Inconclusive):
            READER.parse(f"{name} {base64.b64encode(bytes(changed)).decode()}")


@pytest.mark.parametrize("key_id", ['x"\n        Serial: 9\n        Valid: forever', "x\n                y", 'a "b" c'])
def test_a_key_id_that_imitates_other_lines_changes_nothing(keys, public_keys, tmp_path, key_id):
    file = tmp_path / "id.pub"
    file.write_text(public_keys[HARDWARE[0]])
    made = ["-s", str(keys["p256"]), "-I", key_id, "-n", "deploy", "-V", "20270115080000Z:20270115081500Z", "-z", "7"]
    subprocess.run(["ssh-keygen", "-q", *made, str(file)], check=True)
    found = READER.parse((tmp_path / "id-cert.pub").read_text())
    assert (found.serial, found.key_id, found.valid_after) == (7, key_id, 1_800_000_000)


@pytest.mark.parametrize("kind", ["ed25519", *HARDWARE])
def test_one_option_or_principal_that_imitates_two_is_a_difference(keys, public_keys, tmp_path, kind):
    """The certificate of a security token that ssh-keygen lists as decided, and that is valid from everywhere."""
    file, next_line = tmp_path / "id.pub", "\n" + " " * 16
    file.write_text(public_keys[kind])
    command, networks = "deploy --now", "10.0.0.0/8"
    options = ["-O", "clear", "-O", f"force-command={command}{next_line}source-address {networks}"]
    made = ["-s", str(keys["p256"]), "-I", "x", "-n", f"deploy{next_line}web", "-V", "20270115080000Z:20270115081500Z"]
    subprocess.run(["ssh-keygen", "-q", *made, "-z", "7", *options, str(file)], check=True)
    found = READER.parse((tmp_path / "id-cert.pub").read_text())
    wanted = spec(
        public_keys[kind],
        key_id="x",
        principals=("deploy", "web"),
        critical_options={"force-command": command, "source-address": networks},
        extensions=(),
    )
    assert {each.part for each in differences(wanted, found)} == {"principals", "critical-options"}


@pytest.mark.parametrize("end", [0, 5, 40, 100, -1])
def test_a_cut_certificate_is_refused(keys, public_keys, end):
    line = KeyFileAuthority(str(keys["rsa"])).sign(spec(public_keys["rsa"]))
    with pytest.raises(Inconclusive):
        READER.parse(line[:end])


def test_a_plain_key_and_a_sha1_signature_are_not_certificates(keys, public_keys, tmp_path):
    with pytest.raises(Inconclusive):
        READER.parse(public_keys["ed25519"])
    file = tmp_path / "id.pub"
    file.write_text(public_keys["ed25519"])
    made = ["ssh-keygen", "-q", "-t", "ssh-rsa", "-s", str(keys["rsa"]), "-I", "x", "-n", "deploy", str(file)]
    subprocess.run(made, check=True, capture_output=True)
    with pytest.raises(Inconclusive) as caught:
        READER.parse((tmp_path / "id-cert.pub").read_text())
    assert "SHA-1" in described(caught.value.problem)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "empty"),
        ("ssh-ed25519", "not a public key"),
        ("ssh-ed25519 AAAA", "not a public key"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACBAP", "DSA"),
        ("ssh-ed448 AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z", "not a public key"),
        ("ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z", "not a public key"),
        ("command=x ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z", "not a public"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "a certificate"),
        ("ssh-ed25519 AAAA\nssh-ed25519 AAAA", "several lines"),
    ],
)
def test_what_is_not_a_public_key_is_refused_by_name(line, said):
    with pytest.raises(UsageError) as caught:
        READER.public_key(line)
    assert said in described(caught.value.problem)


def test_a_private_key_is_refused_and_not_repeated(keys):
    text = keys["ed25519"].read_text()
    with pytest.raises(UsageError) as caught:
        READER.public_key(text)
    assert "private key" in described(caught.value.problem)
    assert text.splitlines()[2] not in repr(caught.value.__dict__)


@pytest.mark.parametrize("field", [1, 2])
def test_an_rsa_key_with_zeros_in_front_is_refused(public_keys, field):
    """It is the same key with another fingerprint: revoked by that one, sshd would go on to take it."""
    fields = strings(base64.b64decode(public_keys["rsa"].split()[1]))
    fields[field] = bytes(2) + fields[field]
    blob = b"".join(len(each).to_bytes(4) + each for each in fields)
    line = f"ssh-rsa {base64.b64encode(blob).decode()}"
    for read in (READER.public_key, READER.fingerprint):
        with pytest.raises(UsageError) as raised:
            read(line)
        assert "not a public key" in described(raised.value.problem)


def test_a_short_rsa_key_and_a_point_off_the_curve_are_refused(tmp_path, public_keys):
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", tmp_path / "short"], check=True)
    with pytest.raises(UsageError) as caught:
        READER.public_key((tmp_path / "short.pub").read_text())
    assert "2048" in described(caught.value.problem)
    kind, body = public_keys["p256"].split()
    raw = bytearray(base64.b64decode(body))
    raw[-1] ^= 1
    with pytest.raises(UsageError):
        READER.public_key(f"{kind} {base64.b64encode(bytes(raw)).decode()}")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "cannot be read (no such file or directory)"),
        (lambda path: path.mkdir(), "cannot be read (is a directory)"),
        (lambda path: path.write_text("no key"), "is not a private key"),
        (lambda path: write_key(path).chmod(0o640), "can be read by others"),
        (
            lambda path: subprocess.run(["ssh-keygen", "-q", "-N", "a passphrase", "-f", path], check=True),
            "has a passphrase",
        ),
    ],
)
def test_a_key_file_that_cannot_be_used_is_named(tmp_path, make, said):
    path = tmp_path / "ca"
    make(path)
    if path.is_file() and "others" not in said:
        path.chmod(0o600)
    with pytest.raises(UsageError) as caught:
        KeyFileAuthority(str(path)).public_keys()
    assert said in described(caught.value.problem)


def test_serials_are_not_repeated(keys, public_keys):
    signer = KeyFileAuthority(str(keys["ed25519"]))
    serials = {READER.parse(signer.sign(spec(public_keys["ed25519"]))).serial for _ in range(50)}
    assert len(serials) == 50
    assert READER.parse(signer.sign(spec(public_keys["ed25519"], serial=2**64 - 1))).serial == 2**64 - 1


def _changed(raw: bytes, dice: random.Random) -> bytes:
    """The bytes with one changed, cut at some place, or with a length that leads far behind the end."""
    at = dice.randrange(len(raw))
    return dice.choice([raw[:at] + dice.randbytes(1) + raw[at + 1 :], raw[:at], raw[:at] + b"\xff" * 4 + raw[at + 4 :]])


def test_keys_with_changed_bytes_are_keys_or_refused(public_keys):
    dice = random.Random(4711)
    refused = 0
    for _ in range(120):
        for line in public_keys.values():
            kind, body = line.split()
            changed = base64.b64encode(_changed(base64.b64decode(body), dice)).decode()
            try:
                assert READER.public_key(f"{kind} {changed}") == f"{kind} {changed}"
            except UsageError:
                refused += 1
    assert refused > 600


def test_certificates_with_changed_bytes_are_refused(keys, public_keys):
    dice = random.Random(4711)
    signer = KeyFileAuthority(str(keys["p256"]))
    for name in TYPES:
        kind, body = signer.sign(spec(public_keys[name])).split()
        raw = base64.b64decode(body)
        for _ in range(60):
            changed = _changed(raw, dice)
            if changed != raw:
                with pytest.raises(Inconclusive):
                    READER.parse(f"{kind} {base64.b64encode(changed).decode()}")


def test_a_compressed_point_is_refused(public_keys):
    """RFC 5656, section 3.1 allows it, and the library raises `NotImplementedError`."""
    kind, body = public_keys["p256"].split()
    raw = base64.b64decode(body)
    point = raw[-65:]
    short = raw[:-69] + (33).to_bytes(4) + bytes([2 + point[-1] % 2]) + point[1:33]
    with pytest.raises(UsageError):
        READER.public_key(f"{kind} {base64.b64encode(short).decode()}")
