"""What is meant by a revocation, and what is recorded of it."""

import datetime as dt

import msgspec

from warden.core.inventory.inventory import CLOCK_SKEW
from warden.core.journal.record import Record
from warden.core.ssh.issue_log import REVOKED, Issued
from warden.core.ssh.revocation import (
    Revocation,
    Revoked,
    Selection,
    SerialOfSeveral,
    ambiguous,
    decided,
    revocations,
    selected,
    still_needed,
    unfinished,
)

NOW = 10_000
CAS = {"SHA256:ca1": "ssh-ed25519 CA1", "SHA256:ca2": "ssh-ed25519 CA2"}


def issued(serial: int, **other: object) -> Issued:
    one = Issued(
        subject="agt-deploy",
        type="user",
        serial=serial,
        fingerprint=f"SHA256:key{serial}",
        authority="SHA256:ca1",
        key_id="agt-deploy agent",
        principals=("deploy",),
        valid_after=NOW - 100,
        valid_before=NOW + 900,
        handed="agent",
    )
    return msgspec.structs.replace(one, **other)


A, B, OF_ADA = issued(1), issued(2, valid_after=NOW - 4000), issued(3, subject="adm-ada")
OLD = issued(4, valid_before=NOW - CLOCK_SKEW - 1)
OTHER_CA = issued(1, authority="SHA256:ca2", subject="adm-ada", fingerprint="SHA256:other")
ALL = [A, B, OF_ADA, OLD, OTHER_CA]


def test_an_actor_and_a_time_narrow_each_other_and_what_has_expired_is_left_out():
    assert selected(Selection(actor="agt-deploy"), ALL, NOW) == [A, B]
    assert selected(Selection(since=NOW - 200), ALL, NOW) == [A, OF_ADA, OTHER_CA]
    assert selected(Selection(actor="agt-deploy", since=NOW - 200), ALL, NOW) == [A]


def test_a_clock_that_is_behind_counts_when_a_certificate_has_expired_and_when_it_was_issued():
    just = issued(5, valid_before=NOW - CLOCK_SKEW + 1)
    assert selected(Selection(actor="agt-deploy"), [just], NOW) == [just]
    backdated = issued(6, valid_after=NOW - CLOCK_SKEW)
    assert selected(Selection(since=NOW), [backdated], NOW) == [backdated]
    by_a_slow_clock = issued(7, valid_after=NOW - 2 * CLOCK_SKEW)
    assert selected(Selection(since=NOW), [by_a_slow_clock], NOW) == [by_a_slow_clock]
    before = issued(8, valid_after=NOW - 2 * CLOCK_SKEW - 1)
    assert selected(Selection(since=NOW), [before], NOW) == []


def test_a_serial_counts_for_one_ca():
    assert selected(Selection(serials=(1,), authority="SHA256:ca2"), ALL, NOW) == [OTHER_CA]
    several = selected(Selection(serials=(1,)), ALL, NOW)
    assert ambiguous(Selection(serials=(1,)), several) == SerialOfSeveral(1, ("SHA256:ca1", "SHA256:ca2"))
    assert ambiguous(Selection(serials=(3,)), ALL) is None


def test_a_record_is_made_for_each_subject_and_ca():
    chosen = Selection(since=0)
    assert decided(chosen, selected(chosen, ALL, NOW), CAS, "why") == [
        Revocation(
            reason="why",
            subject="agt-deploy",
            authority="SHA256:ca1",
            authority_key="ssh-ed25519 CA1",
            serials=(1, 2),
            until=NOW + 900,
        ),
        Revocation(
            reason="why",
            subject="adm-ada",
            authority="SHA256:ca1",
            authority_key="ssh-ed25519 CA1",
            serials=(3,),
            until=NOW + 900,
        ),
        Revocation(
            reason="why",
            subject="adm-ada",
            authority="SHA256:ca2",
            authority_key="ssh-ed25519 CA2",
            serials=(1,),
            until=NOW + 900,
        ),
    ]


def test_a_serial_of_a_ca_that_is_not_known_here_is_revoked_for_every_ca():
    (made,) = decided(Selection(actor="agt-deploy"), [A], {}, "why")
    assert (made.authority, made.authority_key, made.serials) == ("", "", (1,))


def test_a_serial_that_the_log_does_not_have_is_revoked_for_good():
    (made,) = decided(Selection(serials=(99,), authority="SHA256:ca1"), [], CAS, "why")
    assert made == Revocation(reason="why", authority="SHA256:ca1", authority_key="ssh-ed25519 CA1", serials=(99,))
    (made,) = decided(Selection(serials=(99,)), [], CAS, "why")
    assert made == Revocation(reason="why", serials=(99,))


def test_a_certificate_without_a_serial_is_revoked_by_its_key():
    (made,) = decided(Selection(actor="agt-deploy"), [issued(0)], CAS, "why")
    assert (made.serials, made.keys, made.until) == ((), ("SHA256:key0",), NOW + 900)


def test_a_key_is_revoked_for_good_and_once():
    chosen = Selection(keys=("SHA256:key1",))
    assert decided(chosen, selected(chosen, ALL, NOW), CAS, "why") == [
        Revocation(reason="why", subject="agt-deploy", keys=("SHA256:key1",))
    ]
    assert decided(Selection(keys=("SHA256:nobody",)), [], CAS, "why")[0].subject == ""


def test_the_key_of_a_ca_means_all_that_it_signed():
    chosen = Selection(keys=("SHA256:ca2",))
    assert selected(chosen, ALL, NOW) == [OTHER_CA]
    assert decided(chosen, [OTHER_CA], CAS, "why") == [Revocation(reason="why", keys=("SHA256:ca2",))]


def test_what_is_revoked_is_told_from_what_is_not():
    by_serial = Revoked([Revocation(reason="", authority="SHA256:ca1", authority_key="k", serials=(1,))])
    assert by_serial.has(A)
    assert not by_serial.has(B)
    assert not by_serial.has(OTHER_CA)
    everywhere = Revoked([Revocation(reason="", serials=(1,))])
    assert everywhere.has(A)
    assert everywhere.has(OTHER_CA)
    assert Revoked([Revocation(reason="", keys=("SHA256:key2",))]).has(B)
    assert Revoked([Revocation(reason="", keys=("SHA256:ca2",))]).has(OTHER_CA)
    assert not Revoked([]).has(A)


def test_a_key_that_was_refused_for_a_while_does_not_revoke_what_is_valid_for_longer():
    """A signing without an end has its key refused for a while; a later certificate of that key is another matter."""
    for_now = Revoked([Revocation(reason="", keys=("SHA256:key1",), until=A.valid_before - 1)])
    assert not for_now.has(A)
    assert Revoked([Revocation(reason="", keys=("SHA256:key1",), until=A.valid_before)]).has(A)
    longer = [Revocation(reason="", keys=("SHA256:key1",), until=A.valid_before)]
    assert for_now.new(longer) == longer


def test_what_is_revoked_already_is_not_recorded_again():
    known = Revoked(
        [Revocation(reason="", authority="SHA256:ca1", authority_key="k", serials=(1, 9), keys=("SHA256:x",))]
    )
    assert known.left(Selection(serials=(1,)), [A]).serials == ()
    assert known.left(Selection(serials=(1,)), []).serials == (1,), "of which CA is not known"
    assert known.left(Selection(serials=(9, 2), authority="SHA256:ca1"), [B]).serials == (2,)
    assert known.left(Selection(keys=("SHA256:x", "SHA256:y")), []).keys == ("SHA256:y",)
    for_now = Revoked([Revocation(reason="", keys=("SHA256:x",), until=NOW)])
    assert for_now.left(Selection(keys=("SHA256:x",)), []).keys == ("SHA256:x",), "only for a while so far"


def test_signings_without_an_end_are_revoked_by_their_key_for_as_long_as_they_could_be_valid():
    def record(seq: int, event: str, at: int, **body: object) -> Record:
        stamp = dt.datetime.fromtimestamp(at, dt.UTC).isoformat()
        return Record(seq=seq, at=stamp, event=event, lane="agt-deploy", actor="me", body=body, hash="")

    records = [
        record(1, "certificate.begin", NOW - 100, fingerprint="SHA256:ended", requested_ttl=900),
        record(2, "certificate.failed", NOW - 99, begin=1),
        record(3, "certificate.begin", NOW - 50, fingerprint="SHA256:open", requested_ttl=900),
        record(4, "certificate.begin", NOW - 2000, fingerprint="SHA256:expired", requested_ttl=900),
        record(5, "certificate.begin", NOW - 50, fingerprint="SHA256:of-before"),
    ]
    until = NOW - 50 + 900 + CLOCK_SKEW
    found = [Revocation(reason="why", subject="agt-deploy", keys=("SHA256:open",), until=until)]
    assert unfinished(Selection(actor="agt-deploy"), records, NOW, "why") == found
    assert unfinished(Selection(since=NOW - 60), records, NOW, "why") == found
    assert unfinished(Selection(since=NOW - 40), records, NOW, "why") == []
    assert unfinished(Selection(actor="adm-ada"), records, NOW, "why") == []
    assert unfinished(Selection(serials=(1,)), records, NOW, "why") == []
    assert Revoked([]).new(found) == found
    assert Revoked(found).new(found) == []


def test_a_record_of_another_shape_is_left_out():
    def record(seq: int, body: dict[str, object]) -> Record:
        return Record(
            seq=seq, at="2026-01-01T00:00:00Z", event=REVOKED, lane="agt-deploy", actor="me", body=body, hash=""
        )

    found = revocations([record(1, {"reason": "why", "serials": "all"}), record(2, {"reason": "why", "serials": [7]})])
    assert found == [Revocation(reason="why", subject="agt-deploy", serials=(7,))]


def test_what_can_be_valid_nowhere_any_more_is_left_out():
    over = Revocation(reason="", serials=(1,), until=NOW - CLOCK_SKEW)
    behind = Revocation(reason="", serials=(2,), until=NOW - CLOCK_SKEW + 1)
    for_good = Revocation(reason="", keys=("SHA256:key",))
    assert still_needed([over, behind, for_good], NOW) == [behind, for_good]
