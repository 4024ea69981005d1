"""The simulator's documents satisfy their schemas, and a schema that is not supported is refused by name."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_connect.simulator.documents import Unsupported, document


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": 5}, 5),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": ["string", "null"], "minLength": 1}, "simulated answer 1"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "multipleOf": 7}, 7),
        ({"type": "integer", "minimum": 0, "maximum": 0}, 0),
        ({"type": "number", "minimum": 0, "maximum": 1}, 1.0),
        ({"type": "number", "exclusiveMinimum": 0.1, "exclusiveMaximum": 0.2}, pytest.approx(0.15)),
        ({"type": "string", "maxLength": 4}, "simu"),
        ({"type": "string", "minLength": 21}, "simulated answer 1..."),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
        ({"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 4}, [1, 2, 3, 1]),
        ({"type": "array", "items": {"enum": [1, 2, 3]}, "maxItems": 1}, [1]),
        ({"type": "array", "prefixItems": [{"const": 1}], "items": False}, [1]),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            ["simulated answer[0] 1", "simulated answer[1] 2"],
        ),
        ({"properties": {"a": {"const": 1}}, "required": ["a", "b"]}, {"a": 1, "b": "simulated b 1"}),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"const": 1}}}, 1),
    ],
)
def test_document(schema, expected):
    assert document(schema) == expected


def test_the_same_schema_gives_the_same_document():
    schema = {"properties": {"a": {"type": "array", "items": {"type": "string"}}, "b": {"type": "boolean"}}}
    assert document(schema) == document(schema)


def test_a_recursive_schema_ends():
    node = {
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "value": {"type": "integer"}},
        "required": ["value"],
    }
    found = document(node)
    depth = 0
    while "next" in found:
        found, depth = found["next"], depth + 1
    assert 0 < depth < 10


KINDS = [{"properties": {"kind": {"const": str(number)}}, "required": ["kind"]} for number in range(90)]


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"pattern": "^(?=a)a$"}, "pattern"),
        ({"type": "object", "properties": {"a": {"oneOf": []}}}, "oneOf"),
        ({"allOf": [{"type": "string"}, {"type": "object"}]}, "allOf with several type"),
        ({"type": "object", "patternProperties": {}}, "patternProperties"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"oneOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"a": {"const": 2}}}]}, "oneOf"),
        ({"not": {}}, "not"),
        ({"type": "string", "pattern": "^[0-9a-z]{200}$"}, "pattern"),
        ({"type": "string", "pattern": r"\\pL{60}" * 50}, "pattern"),
        ({"type": "object", "minProperties": 1, "additionalProperties": False}, "minProperties"),
        ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "does not end"),
        ({"type": "string", "format": "colour"}, "colour"),
        ({"$ref": "https://example.org/schema"}, "outside this schema"),
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"$ref": "#"}, "does not end"),
        ({"properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "does not end"),
        ({"type": "integer", "minimum": 1.1, "maximum": 1.9}, "no number"),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}, "no list"),
        ({"type": "array", "minItems": 3, "maxItems": 2}, "no list"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength above maxLength"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "required"),
        ({"type": "string", "minimum": 3}, "minimum on a string"),
        ({"type": "date"}, "the type date"),
        ({"enum": []}, "enum without a value"),
        ({"type": "array", "minItems": 10**6}, "more than 100000"),
        ({"type": "string", "minLength": 10**6}, "more than 100000"),
        ({"type": "array", "minItems": 2_000, "items": {"const": "x" * 100}}, "more than 100000"),
        ({"type": "array", "minItems": 2_000, "items": {"enum": ["x" * 100]}}, "more than 100000"),
        ({"type": "array", "minItems": 2_000, "items": {"required": ["x" * 100]}}, "more than 100000"),
        ({"type": "array", "minItems": 2_000, "items": {"pattern": "^[a-z]+$"}}, "more than 100000"),
        ({"type": "array", "minItems": 2_000, "items": {"oneOf": KINDS}}, "more than 100000"),
        (
            {"items": {"items": {"items": {"minItems": 99}, "minItems": 99}, "minItems": 99}, "minItems": 99},
            "more than",
        ),
        (False, "nothing matches"),
        ("text", "not a schema"),
    ],
)
def test_unsupported(schema, named):
    with pytest.raises(Unsupported, match=named):
        document(schema)


@settings(max_examples=200, deadline=None)
@given(low=st.integers(-50, 50), room=st.integers(0, 9), whole=st.booleans(), exclusive=st.booleans())
def test_numbers_are_within_their_bounds(low, room, whole, exclusive):
    words = ("exclusiveMinimum", "exclusiveMaximum") if exclusive else ("minimum", "maximum")
    schema = {"type": "integer" if whole else "number", words[0]: low, words[1]: low + room}
    empty = exclusive and room < (2 if whole else 1)
    if empty:
        with pytest.raises(Unsupported):
            document(schema)
        return
    value = document(schema)
    assert low < value < low + room if exclusive else low <= value <= low + room


def test_what_is_too_large_is_not_begun():
    """A list of a thousand million places would take the memory before its first value was written."""
    tracemalloc.start()
    try:
        with pytest.raises(Unsupported, match="more than 100000"):
            document({"type": "array", "minItems": 5 * 10**6})
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_a_document_may_be_too_large_without_a_list_or_a_long_text():
    many = {"required": list("abcdefgh"), "properties": {name: {"$ref": "#/$defs/X"} for name in "abcdefgh"}}
    levels = {str(each): json.loads(json.dumps(many).replace("X", str(each + 1))) for each in range(6)}
    with pytest.raises(Unsupported, match="more than 100000"):
        document({"$ref": "#/$defs/0", "$defs": {**levels, "6": {"const": 1}}})
