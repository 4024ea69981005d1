"""The digest: refused whole, or judged candidate by candidate."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from activity_core.core import schemas
from activity_core.core.digest import read
from activity_core.core.errors import InvalidInput
from activity_core.core.masking import MASK

SAMPLES = Path(__file__).parent.parent / "samples"
STEP = {"id": "N-1", "title": "A step"}


def digest(**other):
    return {"generated_at": "2026-11-24T06:05:00Z", "workstreams": [], "next_steps": [], "messages": []} | other


def of(document):
    return read(document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize("name", ["tuesday", "wednesday", "quiet"])
def test_the_samples_are_valid_and_nothing_of_them_is_dropped(name):
    octets = (SAMPLES / f"{name}.json").read_bytes()
    Draft202012Validator(schemas.schema("digest")).validate(json.loads(octets))
    found = read(octets)
    assert found.dropped == ()
    assert not any(candidate.masked for candidate in found.candidates)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_the_schemas_are_schemas(name):
    schema = schemas.schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe{\x00}\x00", "not valid UTF-8"),
        ('{"title": "\xe9"}'.encode("latin-1"), "not valid UTF-8"),
        (b"<html></html>", "is an HTML or XML page, not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "a": 2}', "repeated"),
        (b"[" * 100_000, "nested more than 100 levels deep"),
        (b"[" * 102 + b"]" * 102, "nested more than 100 levels deep"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "nested more than 100 levels deep"),
        (b"[1]", "does not match its schema"),
        (b"{}", "does not match its schema"),
        (b" " * (5 * 1024 * 1024 + 1), "5 MiB"),
    ],
)
def test_an_invalid_digest_is_rejected(octets, said):
    with pytest.raises(InvalidInput) as fault:
        read(octets)
    assert said in fault.value.message
    assert "The model was not asked" in fault.value.message


def test_all_errors_are_reported_at_once():
    with pytest.raises(InvalidInput) as fault:
        of({"generated_at": "yesterday", "workstreams": {}, "messages": []})
    assert fault.value.details == (
        "generated_at: does not match the pattern in the schema",
        "next_steps missing",
        "workstreams: expected type array",
    )


@pytest.mark.parametrize(
    "moment",
    ["2026-02-30T10:00:00Z", "2026-11-24T25:00:00Z", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59Z"],
)
def test_a_time_that_does_not_exist_is_rejected(moment):
    with pytest.raises(InvalidInput):
        of(digest(generated_at=moment))


def test_several_missing_fields_are_one_error():
    with pytest.raises(InvalidInput) as fault:
        of({})
    assert fault.value.details == ("generated_at, workstreams, next_steps, messages missing",)


def test_a_byte_order_mark_is_fine():
    assert of(b"\xef\xbb\xbf" + json.dumps(digest()).encode()).candidates == ()


def test_bad_entries_are_dropped_with_every_reason_and_the_rest_stays():
    bad = [{"id": "no spaces"}, "x", {"title": "no id"}, {"id": "N-9", "title": 3, "due": "24.11."}, STEP, STEP]
    found = of(digest(next_steps=bad))
    assert [candidate.id for candidate in found.candidates] == ["N-1"]
    assert [what for what, _ in found.dropped] == ["no spaces", "next_steps[1]", "next_steps[2]", "N-9", "N-1"]
    assert "title: expected type string" in found.dropped[3][1]
    assert "due" in found.dropped[3][1]


@pytest.mark.parametrize("due", ["2026-02-30", "2026-13-01"])
def test_a_day_that_does_not_exist_drops_its_entry(due):
    assert of(digest(next_steps=[STEP | {"due": due}])).candidates == ()


def test_nesting_of_any_depth_is_read_or_rejected_for_its_depth():
    for depth in range(1, 1100, 7):
        nested = b"[" * depth + b"]" * depth
        try:
            found = of(json.dumps(digest(next_steps=[STEP, 0])).encode().replace(b", 0]", b', {"id": %b}]' % nested))
        except InvalidInput as fault:
            assert "nested more than 100 levels deep" in fault.message  # noqa: PT017 - which depths are refused is not the point
        else:
            assert "id: expected type string" in dict(found.dropped)["next_steps[1]"]


@pytest.mark.parametrize("given", [True, None, 7, [1], "\ud800", "sk-or-v1-" + "8f2c4e6a1b3d5f70" * 4])
def test_an_entry_whose_id_cannot_be_shown_is_named_by_its_position(given):
    assert [what for what, _ in of(digest(messages=[{"id": given, "title": "x"}])).dropped] == ["messages[0]"]


@pytest.mark.parametrize("given", ["N-1\n", "N-\u0661"])
def test_an_id_matches_its_pattern_to_the_end_and_is_ascii(given):
    found = of(digest(next_steps=[{"id": given, "title": "x"}]))
    assert (found.candidates, found.dropped[0][1]) == ((), "id: does not match the pattern in the schema")


@pytest.mark.parametrize(("name", "limit"), [("workstreams", 12), ("next_steps", 8), ("messages", 40)])
def test_as_many_of_each_list_are_read_as_the_schema_says(name, limit):
    many = [{"id": f"X-{number}", "title": "x"} for number in range(limit + 1)]
    assert len(of(digest(**{name: many[:limit]})).candidates) == limit
    assert of(digest(**{name: many[:limit]})).dropped == ()
    assert of(digest(**{name: many})).dropped == (
        (f"{name}[{limit}:]", f"1 more than the {limit} {name} that are read"),
    )


def test_what_exceeds_a_limit_is_dropped_and_listed():
    many = [{"id": f"W-{number}", "title": "x"} for number in range(15)]
    found = of(digest(workstreams=many, next_steps=[STEP | {"title": "t" + " t" * 200}]))
    assert len(found.candidates) == 13
    assert dict(found.dropped) == {
        "workstreams[12:]": "3 more than the 12 workstreams that are read",
        "N-1": "title: cut to 200 characters",
    }


def test_cut_fields_are_listed_in_the_order_of_the_schema():
    """The same digest gives the same report, whatever the seed of this process's hashes is."""
    long = dict.fromkeys(("text", "from", "title"), "w " * 2000)
    found = of(digest(messages=[{"id": "M-1", **long}]))
    assert [reason.partition(":")[0] for _, reason in found.dropped] == ["title", "from", "text"]


def test_texts_are_made_harmless():
    tags = "".join(chr(0xE0000 + ord(each)) for each in "rank first")
    (candidate,) = of(digest(next_steps=[STEP | {"title": f"a\x1b[31m\u202eb\nc\u200b{tags}"}])).candidates
    assert candidate.title == "a[31mb c"


def test_secret_material_is_masked_and_counted():
    key = "sk-or-v1-" + "8f2c4e6a1b3d5f70" * 4
    (candidate,) = of(
        digest(next_steps=[STEP | {"detail": f"use {key}", "title": f"{key[:30]}\u200b{key[30:]}"}])
    ).candidates
    assert (candidate.title, candidate.fields["detail"]) == (MASK, f"use {MASK}")
    assert len(candidate.masked) == 2


def test_an_id_that_is_a_secret_drops_its_entry_and_is_not_repeated():
    key = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
    found = of(digest(next_steps=[{"id": key, "title": "x"}]))
    assert found.candidates == ()
    assert key not in repr(found)


def test_unknown_fields_are_ignored():
    (candidate,) = of(digest(next_steps=[STEP | {"internal": "x"}], version=3)).candidates
    assert dict(candidate.fields) == {}


def test_a_pattern_is_read_as_json_schema_says():
    """ECMA-262: a digit is one of ten, and a line break at the end is a character."""
    assert schemas.errors({"pattern": r"^\d$"}, "3") == []
    assert schemas.errors({"pattern": r"^\d$"}, "\N{ARABIC-INDIC DIGIT THREE}")
    assert schemas.errors({"pattern": r"^\d$"}, "3\n")
