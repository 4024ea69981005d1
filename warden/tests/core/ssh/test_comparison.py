"""A certificate that differs from what was decided in one part is found out by that part."""

import msgspec
import pytest

from warden.core.inventory.inventory import CLOCK_SKEW
from warden.core.ssh.certificate import Certificate, CertificateSpec
from warden.core.ssh.comparison import differences

SPEC = CertificateSpec(
    type="user",
    subject="agt-deploy",
    public_key="ssh-ed25519 AAAA",
    key_id="agt-deploy kubernetes-ci 3a7bd3",
    principals=("deploy", "web"),
    valid_after=1000,
    valid_before=1900,
    critical_options={"source-address": "10.0.0.0/8"},
    extensions=("permit-pty",),
)
FOUND = Certificate(
    line="",
    type="user",
    public_key="ssh-ed25519 AAAA",
    fingerprint="SHA256:key",
    authority="SHA256:ca",
    serial=7,
    key_id="agt-deploy kubernetes-ci 3a7bd3",
    principals=("web", "deploy"),
    valid_after=1000,
    valid_before=1900,
    critical_options={"source-address": "10.0.0.0/8"},
    extensions={"permit-pty": ""},
)


def parts(spec: CertificateSpec = SPEC, authorities: tuple[str, ...] = (), **changed: object) -> list[str]:
    return [each.part for each in differences(spec, msgspec.structs.replace(FOUND, **changed), authorities)]


def test_what_was_decided_differs_in_nothing():
    assert parts(authorities=("SHA256:old", "SHA256:ca")) == []


@pytest.mark.parametrize(
    ("part", "changed"),
    [
        ("type", {"type": "host"}),
        ("key", {"public_key": "ssh-ed25519 BBBB"}),
        ("key-id", {"key_id": "agt-deploy kubernetes-ci "}),
        ("principals", {"principals": ("deploy",)}),
        ("principals", {"principals": ("deploy", "web", "root")}),
        ("principals", {"principals": ("deploy, web",)}),
        ("principals", {"principals": ("deploy", "deploy", "web")}),
        ("principals", {"principals": ()}),
        ("critical-options", {"critical_options": {}}),
        ("critical-options", {"critical_options": {"source-address": "0.0.0.0/0"}}),
        ("critical-options", {"critical_options": {"source-address": "10.0.0.0/8", "force-command": "x"}}),
        ("extensions", {"extensions": {}}),
        ("extensions", {"extensions": {"permit-pty": "x"}}),
        ("extensions", {"extensions": {"permit-pty": "", "permit-agent-forwarding": ""}}),
        ("serial", {"serial": 0}),
        ("valid-after", {"valid_after": 1000 + CLOCK_SKEW + 1}),
        ("valid-before", {"valid_before": 1901}),
        ("valid-before", {"valid_before": 2**64 - 1}),
        ("valid-before", {"valid_before": 1900 - CLOCK_SKEW - 1}),
    ],
)
def test_each_part_is_compared(part, changed):
    assert parts(**changed) == [part]


def test_a_signer_whose_clock_is_a_little_off_is_taken_as_long_as_the_validity_is_not_longer():
    assert parts(valid_after=1000 + CLOCK_SKEW, valid_before=1900 + CLOCK_SKEW) == []
    assert parts(valid_after=1000 - CLOCK_SKEW, valid_before=1900 - CLOCK_SKEW) == []
    assert parts(valid_after=999, valid_before=1900) == ["valid-before"]
    early = {"valid_after": 1000 - CLOCK_SKEW - 1, "valid_before": 1900 - CLOCK_SKEW - 1}
    assert parts(**early) == ["valid-after", "valid-before"]


def test_the_serial_that_was_decided_is_the_only_one():
    assert parts(msgspec.structs.replace(SPEC, serial=7)) == []
    assert parts(msgspec.structs.replace(SPEC, serial=8)) == ["serial"]


def test_another_key_than_the_trusted_ones_signed():
    assert parts(authorities=("SHA256:other",)) == ["authority"]
