"""What goes into a KRL, and what its head says."""

from hypothesis import given
from hypothesis import strategies as st

from warden.core.ssh.krl import EMPTY, Head, Section, head, is_krl, next_version, sections
from warden.core.ssh.revocation import Revocation

NOW = 10_000
KEY = f"SHA256:{43 * 'x'}"


def test_each_ca_has_a_section_of_its_own_and_keys_are_of_every_ca():
    known = [
        Revocation(reason="", authority="b", authority_key="key B", serials=(7, 2)),
        Revocation(reason="", authority="a", authority_key="key A", serials=(7,)),
        Revocation(reason="", authority="b", authority_key="key B", serials=(7,), keys=(KEY,)),
        Revocation(reason="", serials=(9,)),
    ]
    assert sections(known) == (
        Section(serials=(9,), keys=(KEY,)),
        Section(authority_key="key A", serials=(7,)),
        Section(authority_key="key B", serials=(2, 7)),
    )


def test_nothing_revoked_is_no_section():
    assert sections([]) == ()


def test_what_cannot_be_a_serial_or_a_fingerprint_keeps_no_krl_from_being_made():
    strange = Revocation(reason="", serials=(0, -1, 2**64, 2**64 - 1), keys=(KEY, f"{KEY}\nserial: 1-9", "MD5:00", ""))
    assert sections([strange]) == (Section(serials=(2**64 - 1,), keys=(KEY,)),)


def test_the_version_rises_also_when_the_clock_was_set_back():
    assert next_version(0, 1.5) == 1500
    assert next_version(1500, 1.5) == 1501
    assert next_version(9_000, 1.5) == 9_001


@given(st.binary(max_size=200))
def test_any_bytes_have_a_head_or_none(content: bytes):
    assert head(content) is None or is_krl(content)


def test_the_head_of_a_krl():
    assert head(EMPTY) == Head(0, 0)
    assert head(EMPTY[:-1]) is None
    assert head(b"ssh-ed25519 AAAA") is None
    assert head(EMPTY.replace(b"\0\0\0\1", b"\0\0\0\2", 1)) is None, "another format"
