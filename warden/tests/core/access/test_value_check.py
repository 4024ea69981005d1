"""What a value looks like that was cut, masked or mangled on its way."""

import pytest

from warden.core.access.value_check import Doubt, doubts
from warden.core.secret import Secret


def cut(start, length):
    return start + "0aZ9"[: (length - len(start)) % 4] + "0aZ9" * ((length - len(start)) // 4)


@pytest.mark.parametrize(
    ("start", "length"),
    [("sk-or-v1-", 73), ("ghp_", 40), ("gho_", 40), ("ghs_", 40), ("npm_", 40), ("glpat-", 26), ("AKIA", 20)],
)
def test_a_known_kind_of_key_has_its_length(start, length):
    assert doubts(Secret(cut(start, length))) == ()
    assert doubts(Secret(cut(start, length - 1))) == (Doubt.TRUNCATED,)


DOUBTS = {
    "one\rtwo-lines": (Doubt.SEVERAL_LINES,),
    "value-with-a-dot\n": (Doubt.SEVERAL_LINES, Doubt.PADDED),
    "eyJhbGciOi.eyJzdWIiOi": (Doubt.TRUNCATED,),
    "cut-off…": (Doubt.TRUNCATED,),
    '{"type": "service_account", "pri': (Doubt.TRUNCATED,),
    '[{"a": 1}': (Doubt.TRUNCATED,),
    '{"type": "service_account"}': (),
    "{aB3(password": (),
    "[x]y{z": (),
    "abc*****": (Doubt.MASKED,),
    "<key>": (Doubt.MASKED,),
    "`value`": (Doubt.QUOTED,),
    "'value'": (Doubt.QUOTED,),
    "abcd****": (),
    "xyz": (),
    "'value": (),
    "<key": (),
}


@pytest.mark.parametrize("value", DOUBTS)
def test_each_doubt_is_for_its_reason_and_there_is_no_other(value):
    assert doubts(Secret(value)) == DOUBTS[value]
