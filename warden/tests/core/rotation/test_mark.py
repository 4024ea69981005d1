from msgspec.structs import replace

from warden.core.rotation.mark import (
    LONGEST,
    ROTATION,
    RotationMark,
    finished,
    key_id_in,
    last_rotation_in,
    rotation_in,
    taken_back,
)
from warden.core.rotation.steps import Position

MARK = RotationMark(
    rotation="3f9a1c2b",
    field="API_KEY",
    run="0a0b0c0d",
    by="alice on host",
    since="2026-11-30T09:00:00Z",
    base=3,
    before=3,
    step="refuse",
    after=4,
    old="old-id",
    new="new-id",
    print="hmac-sha256:" + "0a" * 32,
)


def test_a_mark_is_read_as_it_was_written():
    assert rotation_in({ROTATION: MARK.text}) == MARK
    assert MARK.position == Position(step="refuse")
    assert not replace(MARK, waits=True).at(MARK.position).waits
    back = MARK.at(Position(step="restore", reached="refuse"))
    assert rotation_in({ROTATION: back.text}).position == Position(step="restore", reached="refuse")


def test_what_is_not_a_mark_is_none():
    for text in ("", "yes", "{}", '{"id": 3}', MARK.text[:-5], MARK.text.replace('"refuse"', '"dance"')):
        assert rotation_in({ROTATION: text}) is None
    assert rotation_in({}) is None


def test_a_mark_fits_into_custom_metadata_whatever_people_are_called():
    long = RotationMark(**{each: getattr(MARK, each) for each in MARK.__struct_fields__} | {"by": "ü" * 400})
    assert len(long.text.encode()) <= LONGEST
    assert rotation_in({ROTATION: long.text}).rotation == MARK.rotation


def test_what_stays_at_the_path_afterwards():
    done = finished(MARK, "2026-11-30T09:10:00Z")
    assert done == {ROTATION: None, "key-id-API_KEY": "new-id", "rotated-API_KEY": "3f9a1c2b 4 2026-11-30T09:10:00Z"}
    assert key_id_in(done, "API_KEY") == "new-id"
    assert last_rotation_in(done, "API_KEY") == ("3f9a1c2b", 4)
    assert last_rotation_in({"rotated-API_KEY": "x"}, "API_KEY") == ("", 0)
    assert taken_back(MARK) == {ROTATION: None, "key-id-API_KEY": "old-id"}
    assert key_id_in({}, "API_KEY") is None


def test_a_key_without_an_id_takes_the_id_of_the_other_away():
    nameless = replace(MARK, old="", new="")
    assert finished(nameless, "2026-11-30T09:10:00Z")["key-id-API_KEY"] is None
    assert taken_back(nameless)["key-id-API_KEY"] is None
