"""CA keys in a real ssh-agent and in a SoftHSM token: what they sign is exactly what was decided, or an error."""

import base64
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from ca_keys import SOFTHSM, add, agent, key_file, program, token
from ssh_keys import hardware_key

from warden.adapters.ssh.agent_authority import AgentAuthority
from warden.adapters.ssh.pkcs11_authority import Pkcs11Authority
from warden.core.errors import Inconclusive, Refused, Unreachable, UsageError
from warden.core.inventory.inventory import Pkcs11
from warden.core.ssh.certificate import CertificateSpec

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDeg3ZvVYyh0Zk5Cz3T5mAKzKL6fDpr6YUyVRcH+Nk0Z"
SPEC = CertificateSpec(
    type="user",
    subject="agt-deploy",
    public_key=KEY,
    key_id="agt-deploy jwt-ada 3a7bd3",
    principals=("deploy", "deploy-web"),
    valid_after=1_800_000_000,
    valid_before=1_800_000_900,
    critical_options={"force-command": "deploy --now 'a, b=c'", "source-address": "10.0.0.0/8,2001:db8::/32"},
    extensions=("permit-X11-forwarding", "permit-pty"),
    serial=2**64 - 1,
)


class Held(NamedTuple):
    """An authority, and the environment that leads to its key."""

    authority: AgentAuthority | Pkcs11Authority
    environ: dict[str, str]


@pytest.fixture(scope="module")
def in_agent(tmp_path_factory) -> Iterator[Held]:
    folder = tmp_path_factory.mktemp("agent")
    with agent(folder) as environ:
        yield Held(AgentAuthority(add(environ, key_file(folder)), environ, (KEY,)), environ)


@pytest.fixture(scope="module")
def in_token(tmp_path_factory) -> Held:
    environ, public = token(tmp_path_factory.mktemp("token"))
    return Held(Pkcs11Authority(Pkcs11(library=SOFTHSM, public_key=public), environ, (KEY,)), environ)


@pytest.fixture(params=["in_agent", "in_token"])
def held(request) -> Held:
    return request.getfixturevalue(request.param)


def shown(line: str, folder: Path) -> str:
    """What ssh-keygen says of a certificate, in UTC."""
    file = folder / "shown"
    file.write_text(line)
    utc = {"TZ": "UTC", "PATH": os.defpath}
    done = subprocess.run(["ssh-keygen", "-L", "-f", str(file)], env=utc, capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


def changed(**values: Any) -> CertificateSpec:
    return msgspec.structs.replace(SPEC, **values)


def test_a_certificate_is_exactly_what_was_decided(held, tmp_path):
    line = held.authority.sign(SPEC)
    assert re.fullmatch(r"ssh-ed25519-cert-v01@openssh\.com [A-Za-z0-9+/]+=*", line)
    said = shown(line, tmp_path)
    assert 'Key ID: "agt-deploy jwt-ada 3a7bd3" Serial: 18446744073709551615' in said
    assert "Valid: from 2027-01-15T08:00:00 to 2027-01-15T08:15:00" in said
    assert (
        "Principals: deploy deploy-web "
        "Critical Options: force-command deploy --now 'a, b=c' source-address 10.0.0.0/8,2001:db8::/32 "
        "Extensions: permit-X11-forwarding permit-pty"
    ) in said


def test_nothing_is_permitted_that_was_not_decided(held, tmp_path):
    said = shown(held.authority.sign(changed(critical_options={}, extensions=())), tmp_path)
    assert said.endswith("Principals: deploy deploy-web Critical Options: (none) Extensions: (none)")


def test_a_host_is_certified_as_a_host(held, tmp_path):
    host = changed(type="host", subject="web1", principals=("web1",), critical_options={}, extensions=())
    said = shown(held.authority.sign(host), tmp_path)
    assert "ssh-ed25519-cert-v01@openssh.com host certificate" in said
    assert said.endswith("Principals: web1 Critical Options: (none) Extensions: (none)")


def test_without_a_serial_each_certificate_has_one_of_its_own(held, tmp_path):
    said = [shown(held.authority.sign(changed(serial=0)), tmp_path) for _ in range(2)]
    serials = {int(re.search(r"Serial: (\d+)", each)[1]) for each in said}
    assert len(serials) == 2
    assert 0 not in serials


def test_the_key_that_signs_comes_first_and_what_is_also_trusted_behind_it(held):
    current, other = held.authority.public_keys()
    assert other == KEY
    assert len(current.split()) == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"principals": ()},
        {"principals": ("",)},
        {"principals": ("deploy,root",)},
        {"key_id": "agt-deploy\nAccepted publickey for root"},
        {"critical_options": {"force-command": "true\nrm"}},
        {"critical_options": {"force-command": "true\0rm"}},
        {"type": "host"},
    ],
)
def test_what_ssh_keygen_would_understand_otherwise_is_refused(held, bad):
    with pytest.raises(UsageError):
        held.authority.sign(changed(**bad))


def test_words_that_look_like_options_stay_what_they_are(held, tmp_path):
    said = shown(held.authority.sign(changed(key_id="-h", principals=("-Z",), critical_options={})), tmp_path)
    assert "user certificate" in said
    assert 'Key ID: "-h"' in said
    assert "Principals: -Z Critical" in said


@pytest.mark.parametrize("bad", ["ssh-ed25519 AAAA", "ssh-ed25519", "", "garbage", f"restrict {KEY[:-9]}"])
def test_a_key_that_is_not_one_is_refused(held, bad):
    with pytest.raises(UsageError, match="has a key of a type that is not certified"):
        held.authority.sign(changed(public_key=bad))


def test_a_key_that_is_no_point_of_its_curve_is_refused(held):
    kind, blob = b"ecdsa-sha2-nistp256", b"\4" + b"\1" * 64
    fields = b"".join(len(each).to_bytes(4) + each for each in (kind, b"nistp256", blob))
    with pytest.raises(UsageError, match="is not one that ssh-keygen signs"):
        held.authority.sign(changed(public_key=f"{kind.decode()} {base64.b64encode(fields).decode()}"))


def test_nothing_stays_on_disk(held, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held.authority.sign(SPEC)
    with pytest.raises(UsageError):
        held.authority.sign(changed(public_key="garbage"))
    assert list(tmp_path.iterdir()) == []


def test_a_real_sshd_takes_exactly_what_was_decided(held, sshd_server):
    now = int(time.time())
    key = sshd_server.new_key("key")
    spec = changed(
        public_key=key.with_suffix(".pub").read_text().rsplit(" ", 1)[0],
        principals=("deploy",),
        valid_after=now - 60,
        valid_before=now + 60,
        critical_options={"force-command": "echo forced", "source-address": "127.0.0.0/8"},
        serial=4711,
    )
    sshd_server.trust(*held.authority.public_keys())
    sshd_server.authorize("deploy")
    (sshd_server.folder / "key-cert.pub").write_text(f"{held.authority.sign(spec)}\n")
    done = sshd_server.login(key, sshd_server.folder / "key-cert.pub", command=("echo", "chosen"))
    assert (done.code, done.out) == (0, b"forced\n"), done.err
    assert f"ID {SPEC.key_id} (serial 4711) CA" in sshd_server.log()
    elsewhere = msgspec.structs.replace(spec, critical_options={"source-address": "192.0.2.0/24"})
    (sshd_server.folder / "key-cert.pub").write_text(f"{held.authority.sign(elsewhere)}\n")
    assert sshd_server.login(key, sshd_server.folder / "key-cert.pub").code == 255
    assert "not from a permitted source address" in sshd_server.log()


# -- the agent --------------------------------------------------------------------------------------------------------


def test_an_agent_that_is_gone_is_no_answer(in_agent, tmp_path):
    public = in_agent.authority.public_keys()[0]
    with agent(tmp_path) as environ:
        pass
    for each in (environ, {"PATH": os.defpath}):
        with pytest.raises(Unreachable, match="no ssh-agent answers"):
            AgentAuthority(public, each).sign(SPEC)


def test_a_key_that_the_agent_does_not_have_is_not_signed_with(in_agent):
    with pytest.raises(UsageError, match="is not in ssh-agent"):
        AgentAuthority(KEY, in_agent.environ).sign(SPEC)


def test_a_key_that_nobody_confirms_is_refused(tmp_path):
    with agent(tmp_path) as environ:  # which has no terminal to ask at
        public = add(environ, key_file(tmp_path), "-c")
        with pytest.raises(Refused, match="refused to sign"):
            AgentAuthority(public, environ).sign(SPEC)


def test_a_locked_agent_does_not_sign(tmp_path):
    with agent(tmp_path) as environ:
        public = add(environ, key_file(tmp_path))
        asked = {**environ, "SSH_ASKPASS": program(tmp_path / "askpass", "word"), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(["ssh-add", "-x"], env=asked, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        with pytest.raises(UsageError, match="is not in ssh-agent") as caught:
            AgentAuthority(public, environ).sign(SPEC)
        assert "locked" in caught.value.hint


def test_a_fingerprint_is_enough_for_a_key_that_the_agent_has(in_agent, tmp_path):
    public = in_agent.authority.public_keys()[0]
    (tmp_path / "key.pub").write_text(public)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True
    )
    authority = AgentAuthority(listed.stdout.split()[1], in_agent.environ)
    assert authority.public_keys() == (public,)
    assert listed.stdout.split()[1] in shown(authority.sign(SPEC), tmp_path)


def test_a_fingerprint_of_no_key_in_the_agent_is_an_error_of_its_own(in_agent, tmp_path):
    unknown = "SHA256:" + "A" * 43
    with pytest.raises(UsageError, match="is not in ssh-agent"):
        AgentAuthority(unknown, in_agent.environ).public_keys()
    with agent(tmp_path) as empty, pytest.raises(UsageError, match="is not in ssh-agent"):
        AgentAuthority(unknown, empty).public_keys()
    with pytest.raises(Unreachable, match="no ssh-agent answers"):
        AgentAuthority(unknown, {"PATH": os.environ["PATH"]}).public_keys()


# -- the token --------------------------------------------------------------------------------------------------------


def other(in_token: Held, **environ: str) -> Pkcs11Authority:
    public = in_token.authority.public_keys()[0]
    return Pkcs11Authority(Pkcs11(library=SOFTHSM, public_key=public), {**in_token.environ, **environ})


def test_a_wrong_pin_is_refused_after_one_attempt(in_token, tmp_path):
    count = tmp_path / "asked"
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\necho asked >> {count}\necho 000000\n")
    askpass.chmod(0o700)
    with pytest.raises(Refused, match=r"refused the PIN \(.*PIN incorrect\)"):
        other(in_token, SSH_ASKPASS=str(askpass)).sign(SPEC)
    assert count.read_text() == "asked\n"
    in_token.authority.sign(SPEC)


@pytest.mark.parametrize("how", [{"SSH_ASKPASS": ""}, {"SSH_ASKPASS_REQUIRE": "never"}, {"SSH_ASKPASS": "/bin/false"}])
def test_a_pin_that_nobody_gives_is_asked_for(in_token, how):
    with pytest.raises(Refused, match="nobody gave it") as caught:
        other(in_token, **how).sign(SPEC)
    assert caught.value.remedy


def test_the_pin_is_in_no_argument_and_no_environment_of_ssh_keygen(in_token, tmp_path):
    seen = tmp_path / "seen"
    askpass = tmp_path / "askpass"
    askpass.write_text(f"#!/bin/sh\ncat /proc/$PPID/cmdline /proc/$PPID/environ >> {seen}\necho 493817\n")
    askpass.chmod(0o700)
    other(in_token, SSH_ASKPASS=str(askpass)).sign(SPEC)
    assert b"SOFTHSM2_CONF" in seen.read_bytes()
    assert b"493817" not in seen.read_bytes()


def test_a_token_that_is_not_there_is_no_answer(in_token, tmp_path):
    settings = tmp_path / "none.conf"
    settings.write_text(f"directories.tokendir = {tmp_path}/none\n")
    with pytest.raises(Unreachable, match="no PKCS#11 token answers"):
        other(in_token, SOFTHSM2_CONF=str(settings)).sign(SPEC)


def test_an_empty_token_does_not_have_the_key(in_token, tmp_path):
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "empty.conf"
    settings.write_text(f"directories.tokendir = {tmp_path}/tokens\n")
    with pytest.raises((Unreachable, UsageError)):
        other(in_token, SOFTHSM2_CONF=str(settings)).sign(SPEC)


def test_a_key_that_the_token_does_not_have_is_not_signed_with(in_token):
    with pytest.raises(UsageError, match="does not have the CA's key") as caught:
        Pkcs11Authority(Pkcs11(library=SOFTHSM, public_key=KEY), in_token.environ).sign(SPEC)
    assert caught.value.remedy


@pytest.mark.parametrize("library", ["/nonexistent.so", "/etc/hostname"])
def test_a_library_that_is_not_one_of_pkcs11_is_named(in_token, library):
    authority = Pkcs11Authority(
        Pkcs11(library=library, public_key=in_token.authority.public_keys()[0]), in_token.environ
    )
    with pytest.raises(UsageError, match="is not a PKCS#11 library"):
        authority.sign(SPEC)


def test_an_rsa_key_signs_with_sha2(tmp_path):
    environ, public = token(tmp_path, "RSA")
    line = Pkcs11Authority(Pkcs11(library=SOFTHSM, public_key=public), environ).sign(SPEC)
    assert "(using rsa-sha2-512)" in shown(line, tmp_path)


# -- ssh-keygen -------------------------------------------------------------------------------------------------------


def test_without_ssh_keygen_it_says_where_to_get_it(tmp_path):
    with pytest.raises(UsageError, match="comes with OpenSSH"):
        AgentAuthority(KEY, {"PATH": str(tmp_path)}).sign(SPEC)


def test_an_agent_that_never_answers_is_inconclusive(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr("warden.adapters.ssh.programs.SECONDS", 0.3)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "agent"))
        silent.listen()
        with pytest.raises(Inconclusive, match="did not end"):
            AgentAuthority(KEY, {**os.environ, "SSH_AUTH_SOCK": str(tmp_path / "agent")}).sign(SPEC)


# -- keys of every type -----------------------------------------------------------------------------------------------


KINDS = [("ed25519", 256), ("rsa", 2048), ("rsa", 4096), ("ecdsa", 256), ("ecdsa", 384), ("ecdsa", 521)]


@pytest.fixture(scope="module")
def key_files(tmp_path_factory) -> dict[tuple[str, int], Path]:
    """One of each: RSA takes seconds to make."""
    folder = tmp_path_factory.mktemp("keys")
    files = {(kind, bits): folder / f"{kind}-{bits}" for kind, bits in KINDS}
    for (kind, bits), file in files.items():
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", "", "-f", str(file)], check=True)
    return files


@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_keys_of_each_type_are_certified(held, key_files, tmp_path, kind, bits):
    file = key_files[kind, bits]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    public = " ".join(file.with_suffix(".pub").read_text().split()[:2])
    said = shown(held.authority.sign(changed(public_key=public)), tmp_path)
    listed = subprocess.run(["ssh-keygen", "-l", "-f", str(file)], capture_output=True, text=True, check=True)
    assert listed.stdout.split()[1] in said


@pytest.mark.parametrize("kind", ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"])
def test_keys_of_hardware_are_certified(held, tmp_path, kind):
    said = shown(held.authority.sign(changed(public_key=hardware_key(kind))), tmp_path)
    assert f"{kind.partition('@')[0]}-cert-v01@openssh.com user certificate" in said
