"""When a certificate that this machine holds is to be used, and when to be renewed."""

import msgspec
import pytest

from warden.core.ssh.kept import Holder, Kept

ONE = Kept(
    actor="agt-deploy",
    holder=Holder(handed="agent", where="/run/agent"),
    platform="/platform",
    environment="",
    address="",
    line="ssh-ed25519-cert-v01@openssh.com AAAA",
    serial=1,
    fingerprint="SHA256:key",
    authority="SHA256:ca",
    record=7,
    valid_after=1_000,
    valid_before=1_900,
)


@pytest.mark.parametrize(
    ("now", "standing"),
    [(1_000, "good"), (1_599.9, "good"), (1_600, "due"), (1_899.9, "due"), (1_900, "expired"), (9_999, "expired")],
)
def test_it_is_renewed_at_two_thirds_of_its_life(now, standing):
    assert ONE.standing(now) == standing


def test_it_can_be_written_and_read():
    assert msgspec.json.decode(msgspec.json.encode(ONE), type=Kept) == ONE
