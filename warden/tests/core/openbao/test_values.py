"""What becomes of a value on its way; tests/clusters/test_values_there.py measures the same at the real operator."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warden.core.openbao.values import fingerprint_of, is_number, loads, logged, text_of

ANSWER = (
    '{"I": 5432, "E21": 1e+21, "I20": 100000000000000000000, "BIG": 1.2345678901234568e+29, "F": 1.1, "S": 1e-7,'
    ' "NEG": -0, "T": true, "X": false, "N": null, "EMPTY": "", "TEXT": "a\\nb", "EO": {}, "EL": [],'
    ' "O": {"b": "x<&>\\u2028", "a": [1.50, "y", null, true, {}, ""], "é": 1e-7}}'
)
DELIVERED = {
    "I": "5432",
    "E21": "1e+21",
    "I20": "100000000000000000000",
    "BIG": "1.2345678901234568e+29",
    "F": "1.1",
    "S": "1e-7",
    "NEG": "-0",
    "T": "true",
    "X": "false",
    "N": "",
    "EMPTY": "",
    "TEXT": "a\nb",
    "EO": "{}",
    "EL": "[]",
    "O": '{"a":[1.50,"y",null,true,{},""],"b":"x\\u003c\\u0026\\u003e\\u2028","é":1e-7}',
}


def hashed(text):
    return f"hmac-sha256:{text[::-1]}"


def in_log(value):
    """What the audit log has: texts hashed, everything else in clear."""
    if isinstance(value, str):
        return hashed(value)
    if isinstance(value, dict):
        return {key: in_log(each) for key, each in value.items()}
    return [in_log(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("field", DELIVERED)
def test_a_value_becomes_the_text_that_the_operator_writes(field):
    assert text_of(loads(ANSWER)[field]) == DELIVERED[field]


@pytest.mark.parametrize("field", DELIVERED)
def test_what_is_delivered_is_recognized_in_the_log(field):
    value, text = loads(ANSWER)[field], DELIVERED[field]
    found = logged(in_log(value), hashed(""))
    assert found in {hashed(text), fingerprint_of(text, hashed)}
    assert is_number(found) is (field in {"I", "E21", "I20", "BIG", "F", "S", "NEG"})
    assert logged(in_log(loads(ANSWER)["O"]), hashed("")) not in {hashed(""), fingerprint_of("[1]", hashed), ""}


@pytest.mark.parametrize(
    ("one", "other"), [("5432", "5433"), ("true", "false"), ('{"a":"x"}', '{"a":"y"}'), ("[]", "{}"), ("1", "true")]
)
def test_another_value_has_another_fingerprint(one, other):
    assert fingerprint_of(one, hashed) != fingerprint_of(other, hashed) != ""


@pytest.mark.parametrize("text", ["null", '"text"', "plain", "{", "[" * 100000, json.dumps(["x"] * 101)])
def test_a_text_stands_for_nothing_else(text):
    assert fingerprint_of(text, hashed) == ""


@pytest.mark.parametrize("value", ["in clear", ["in clear"], {"a": {"b": "in clear"}}])
def test_a_text_that_is_logged_in_clear_leaves_no_fingerprint(value):
    assert logged(value) == ""


def test_no_fingerprint_holds_a_value():
    assert "5432" not in logged(5432)


@given(
    st.recursive(st.none() | st.booleans() | st.text() | st.integers(), lambda each: st.dictionaries(st.text(), each))
)
def test_what_is_delivered_reads_back_the_same(value):
    if isinstance(value, dict | bool | int):
        assert json.loads(text_of(value)) == value
