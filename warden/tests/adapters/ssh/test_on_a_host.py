"""Certificates as they are decided, on a real host: names that would mislead its log, and clocks that differ."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from warden.adapters.ssh.certificates import SshCertificates
from warden.adapters.ssh.key_file_authority import KeyFileAuthority
from warden.core.errors import Refused
from warden.core.inventory.inventory import CLOCK_SKEW, Actor, NamedActor
from warden.core.inventory.public_keys import public_key
from warden.core.openbao.api import Identity
from warden.core.ssh.decision import LONGEST_NAME, decide
from warden.core.ssh.sshd_log import logins

LONGEST_ACTOR = NamedActor(name=f"adm-{'x' * 60}", declared=Actor(principals=("ops",)))
ADA = Identity(display_name="oidc-ada", path="auth/oidc/callback", role="r", entity="", policies=(), ttl=9)


class Desk:
    """A key, a CA that the host trusts, and who logs in there."""

    def __init__(self, sshd) -> None:
        self.sshd = sshd
        self.key = sshd.new_key("key")
        self.authority = KeyFileAuthority(str(sshd.ca))
        sshd.trust(sshd.ca_line)
        sshd.authorize("ops")

    def certificate(self, name: str = "oidc-ada", seconds: int = 0, ttl: int = 600) -> Path:
        """What is decided for somebody of that name by a clock that is that many seconds ahead."""
        line = SshCertificates().public_key(self.key.with_suffix(".pub").read_text())
        who = msgspec.structs.replace(ADA, display_name=name)
        now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        spec = decide(LONGEST_ACTOR, public_key(line), who, now, ttl)
        file = self.sshd.folder / "key-cert.pub"
        file.write_text(self.authority.sign(msgspec.structs.replace(spec, serial=2**64 - 1)))
        return file

    def login(self, certificate: Path):
        return self.sshd.login(self.key, certificate)


@pytest.fixture
def desk(sshd_server) -> Desk:
    return Desk(sshd_server)


@pytest.mark.parametrize("name", ["x" * LONGEST_NAME, "ж" * (LONGEST_NAME // 8), 'a"b$(id)`;|&', "Ada Lovelace"])
def test_the_log_has_the_serial_behind_the_longest_name(desk, name):
    certificate = desk.certificate(name)
    assert desk.login(certificate).code == 0
    assert [each.accepted for each in logins(desk.sshd.log(), 2**64 - 1)] == [True]


@pytest.mark.parametrize(
    "name",
    [
        "x" * (LONGEST_NAME + 1),
        "ж" * (LONGEST_NAME // 8 + 1),
        "\\" * (LONGEST_NAME // 4 + 1),
        "x (serial 77) CA ED25519 SHA256:SP2X",
        "ada\nAccepted publickey for root",
        "ada\x1b[2K",
        "ada\u202e",
    ],
)
def test_a_name_that_would_mislead_the_log_is_refused(desk, name):
    with pytest.raises(Refused):
        desk.certificate(name)


def test_a_host_whose_clock_is_behind_takes_it(desk):
    assert desk.login(desk.certificate(seconds=CLOCK_SKEW - 5)).code == 0


def test_a_host_whose_clock_is_further_behind_says_why_it_does_not(desk):
    assert desk.login(desk.certificate(seconds=CLOCK_SKEW + 30)).code == 255
    assert [each.reason for each in logins(desk.sshd.log(), 2**64 - 1)] == ["not-yet-valid"]


def test_a_host_whose_clock_is_ahead_says_why_it_does_not(desk):
    assert desk.login(desk.certificate(seconds=-700)).code == 255
    assert [each.reason for each in logins(desk.sshd.log(), 2**64 - 1)] == ["expired"]
