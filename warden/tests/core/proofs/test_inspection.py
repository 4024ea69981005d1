"""What was put with `--as-is` is accepted of the versions that hold it, and of no other."""

import pytest

from warden.core.access.value_check import Doubt
from warden.core.proofs.details import AcceptedAsIs, FieldDoubts, ValuesDoubtful
from warden.core.proofs.inspection import accepted, accepted_versions
from warden.core.proofs.verdict import Verdict

PUTS = (
    (10, {"version": 3, "fields": ["A"], "as_is": {"A": ["placeholder"]}}),
    (11, {"version": 4, "fields": ["B"]}),  # A is kept
    (12, {"version": 6, "fields": ["B"]}),  # somebody else wrote version 5
    (13, {"version": 7, "fields": ["A"], "as_is": {"A": ["path"]}}),
)


def doubted(version, *doubts):
    detail = ValuesDoubtful((FieldDoubts("A", doubts or (Doubt.PLACEHOLDER,)),))
    return Verdict(probe="value-form", result="wrong", observed="doubtful", detail=detail, version=version)


@pytest.mark.parametrize(("version", "record"), [(0, 0), (2, 0), (3, 10), (4, 10), (5, 0), (6, 0), (7, 0), (8, 0)])
def test_only_versions_that_hold_what_was_accepted(version, record):
    found = accepted(doubted(version), accepted_versions(PUTS))
    assert found.result == ("ok" if record else "wrong")
    assert found.detail == (AcceptedAsIs(("A",), record) if record else doubted(version).detail)


def test_only_the_doubts_that_were_accepted():
    known = accepted_versions(PUTS)
    assert accepted(doubted(7, Doubt.PATH), known).result == "ok"
    assert accepted(doubted(7, Doubt.PATH, Doubt.PADDED), known).result == "wrong"
