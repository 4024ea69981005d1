"""What a value looks like that was cut, masked or mangled on its way."""

import pytest

from warden.core.access.value_check import doubts
from warden.core.secret import Secret


def cut(start, length):
    return start + "0aZ9"[: (length - len(start)) % 4] + "0aZ9" * ((length - len(start)) // 4)


@pytest.mark.parametrize(
    ("start", "length"),
    [("sk-or-v1-", 73), ("ghp_", 40), ("gho_", 40), ("ghs_", 40), ("npm_", 40), ("glpat-", 26), ("AKIA", 20)],
)
def test_a_known_kind_of_key_has_its_length(start, length):
    assert doubts(Secret(cut(start, length))) == []
    assert doubts(Secret(cut(start, length - 1))) == ["it looks truncated"]


DOUBTS = {
    "one\rtwo-lines": ["it has several lines"],
    "value-with-a-dot\n": ["it has several lines", "it begins or ends with white space"],
    "eyJhbGciOi.eyJzdWIiOi": ["it looks truncated"],
    "cut-off…": ["it looks truncated"],
    "abc*****": ["it looks masked or like a placeholder"],
    "<key>": ["it looks masked or like a placeholder"],
    "`value`": ["it is wrapped in quotes"],
    "'value'": ["it is wrapped in quotes"],
    "abcd****": [],
    "xyz": [],
    "'value": [],
    "<key": [],
}


@pytest.mark.parametrize("value", DOUBTS)
def test_each_doubt_is_for_its_reason_and_there_is_no_other(value):
    assert doubts(Secret(value)) == DOUBTS[value]
