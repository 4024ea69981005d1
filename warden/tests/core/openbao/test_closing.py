"""The mark of a closed lane: what it says, whom it closes, and which closing it ends."""

import pytest

from warden.core.journal.record import Record
from warden.core.openbao.api import KvMetadata, Mount
from warden.core.openbao.closed_mark import ClosedMark, closed_lanes, is_reopened, mark_in, mark_of
from warden.core.openbao.closing import marking, unmarking

KV2 = Mount(type="kv", version=2)
MARK = "2026-11-29T17:10:00.123456Z alice"


def closing(actor="alice"):
    at = "2026-11-29T17:10:00.123456Z"
    return Record(seq=9, at=at, event="lane.closed", lane="x", actor=actor, body={}, hash="")


def metadata(**custom):
    return KvMetadata(current=1, live=True, written=None, custom={key.replace("_", "-"): custom[key] for key in custom})


def marked(custom, *, mark=MARK, mount=KV2):
    found = [*marking("p/x", "x", mark, custom, mount)]
    return found[0].wanted if found else None


def test_a_mark_says_when_and_by_whom_and_fits():
    assert mark_of(closing()) == MARK
    assert mark_in({"closed": MARK}) == ClosedMark("2026-11-29T17:10:00.123456Z", "alice")
    assert mark_in({"closed": mark_of(closing("uid 1000"))}) == ClosedMark("2026-11-29T17:10:00.123456Z", "uid 1000")
    assert len(mark_of(closing("a" * 999)).encode()) <= 512


@pytest.mark.parametrize("text", ["", " ", "yes", "false", "0", "2026"])
def test_a_path_is_closed_while_the_key_is_there_whatever_its_text(text):
    assert mark_in({"closed": text}) is not None
    assert closed_lanes({}, {"x": {"closed": text}}) == {"x"}
    assert not is_reopened(MARK, {"closed": text, "reopened": MARK})
    assert mark_in({"catalog-id": "x"}) is None


def test_a_lane_is_closed_by_its_mark_or_by_the_journal_unless_that_closing_is_over():
    assert closed_lanes({"x": MARK}, {}) == {"x"}
    assert closed_lanes({"x": MARK}, {"x": {}}) == {"x"}
    assert closed_lanes({"x": MARK}, {"x": {"reopened": MARK}}) == frozenset()
    assert closed_lanes({"x": MARK}, {"x": {"reopened": "2026-11-29T17:09:59Z alice"}}) == {"x"}
    assert closed_lanes({"x": MARK}, {"y": {"reopened": MARK}}) == {"x"}
    assert closed_lanes({"x": MARK}, {"x": {"reopened": MARK, "closed": "later"}}) == {"x"}


def test_what_is_marked_once_stays_and_other_keys_are_left():
    assert marked(metadata(catalog_id="x", note="n")) == {"closed": MARK}
    assert marked(metadata(catalog_id="x", closed="earlier")) is None
    assert marked(metadata(catalog_id="x", reopened="earlier")) == {"closed": MARK, "reopened": None}


def test_a_path_that_nobody_claimed_is_marked_with_its_lane():
    assert marked(metadata()) == marked(None) == {"closed": MARK, "catalog-id": "x"}


@pytest.mark.parametrize("mount", [None, Mount(type="kv", version=1), Mount(type="ssh", version=0)])
def test_there_is_no_mark_where_no_metadata_can_be(mount):
    assert marked(None, mount=mount) is None


def test_another_lanes_path_is_not_marked():
    assert marked(metadata(catalog_id="y")) is None
    assert marked(metadata(catalog_id="x"), mark="") is None


def test_opening_takes_the_mark_away_and_leaves_which_one_it_was():
    (change,) = unmarking("p/x", metadata(catalog_id="x", closed=MARK))
    assert change.wanted == {"closed": None, "reopened": MARK}
    assert [*unmarking("p/x", metadata(catalog_id="x")), *unmarking("p/x", None)] == []
