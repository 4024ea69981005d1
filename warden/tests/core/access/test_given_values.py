"""One JSON object with several values: what is wrong is said without quoting any of it."""

import pytest

from warden.core.access.given_values import NotOneObject, WrongMembers, given_values, is_object_of
from warden.core.errors import UsageError
from warden.core.secret import Secret
from warden.present import errors

FIELDS = ("USER", "PASSWORD")


def given(text, *, named=False):
    values = given_values(Secret(text), FIELDS, named=named)
    return {field: value.reveal() for field, value in values.items()}


def problem(text, *, named=False):
    with pytest.raises(UsageError) as caught:
        given(text, named=named)
    said = f"{errors.message(caught.value)} {errors.hint(caught.value)}"
    assert "s3cr3t" not in said
    return caught.value.problem


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"USER": "a", "PASSWORD": "s3cr3t"}', {"USER": "a", "PASSWORD": "s3cr3t"}),
        ('\n{"PASSWORD":\n "\\u00fc\\n"}\n', {"PASSWORD": "ü\n"}),
    ],
)
def test_each_member_is_the_value_of_a_field(text, values):
    assert given(text) == values


@pytest.mark.parametrize("text", ["s3cr3t", "", "[]", '["s3cr3t"]', '"s3cr3t"', "12", "null", "[" * 100_000, '{"a": 1'])
def test_what_is_no_object_is_said(text):
    assert isinstance(problem(text), NotOneObject)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"USER": "a", "s3cr3t": "b"}', WrongMembers(undeclared=1)),
        ('{"USER": "a", "USER": "s3cr3t"}', WrongMembers(twice=("USER",))),
        ('{"USER": 1, "PASSWORD": true}', WrongMembers(not_text={"USER": "a number", "PASSWORD": "true or false"})),
        ('{"USER": null, "PASSWORD": {"s3cr3t": 1}}', WrongMembers(not_text={"USER": "null", "PASSWORD": "an object"})),
        ("{}", WrongMembers(absent=FIELDS)),
    ],
)
def test_everything_that_is_wrong_with_its_members_is_said(text, wrong):
    assert problem(text) == wrong


def test_fields_that_were_named_are_all_expected():
    assert problem('{"USER": "a"}', named=True) == WrongMembers(absent=("PASSWORD",))


def test_a_value_that_merely_is_json_is_told_from_an_object_of_fields():
    assert is_object_of(Secret('{"USER": "a"}'), FIELDS)
    assert not is_object_of(Secret('{"type": "service_account"}'), FIELDS)
    assert not is_object_of(Secret("{}"), FIELDS)
