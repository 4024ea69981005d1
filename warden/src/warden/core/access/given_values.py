"""Several values at once: one JSON object on standard input, field by field. Nothing of it is ever quoted."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from warden.core.errors import Effect, UsageError
from warden.core.secret import Secret

Kind = Literal["a number", "true or false", "null", "a list", "an object"]

_KINDS: dict[type, Kind] = {
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
    list: "a list",
    dict: "an object",
}


class NotOneObject(msgspec.Struct, frozen=True):
    """Standard input is not one JSON object; ``line`` is where it stops being JSON, 0 where it is something else."""

    fields: tuple[str, ...]
    line: int = 0


class WrongMembers(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the members of the object.

    ``undeclared`` counts those that are not fields of the lane, or were not named: their names could be values.
    """

    undeclared: int = 0
    twice: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    not_text: dict[str, Kind] = {}


class _Members(list[tuple[str, Any]]):
    """The members of an object in their order, a repeated name included."""


def is_object_of(text: Secret, fields: Sequence[str]) -> bool:
    """Whether the text is a JSON object and each of its members is one of the fields."""
    members = _parsed(text)
    return isinstance(members, _Members) and bool(members) and all(name in fields for name, _ in members)


def given_values(text: Secret, fields: Sequence[str], *, named: bool) -> dict[str, Secret]:
    """The values of one JSON object, whose members are among `fields`; where these were `named`, exactly these.

    Raises `UsageError` with everything that is wrong with it.
    """
    members = _parsed(text)
    if not isinstance(members, _Members):
        line = members.lineno if isinstance(members, json.JSONDecodeError) else 0
        raise _unusable(NotOneObject(tuple(fields), line))
    names = [name for name, _ in members]
    found = {name: value for name, value in members if name in fields}
    wrong = WrongMembers(
        undeclared=sum(name not in fields for name in names),
        twice=tuple(sorted({name for name in found if names.count(name) > 1})),
        absent=tuple(name for name in fields if name not in found) if named or not found else (),
        not_text={
            name: _KINDS.get(type(value), "an object") for name, value in found.items() if not isinstance(value, str)
        },
    )
    if wrong != WrongMembers():
        raise _unusable(wrong)
    return {name: Secret(value) for name, value in found.items()}


def _parsed(text: Secret) -> object:
    """The JSON value; the error where it is not JSON."""
    try:
        return json.loads(text.reveal(), object_pairs_hook=_Members)
    except json.JSONDecodeError as fault:
        fault.doc = ""
        return fault
    except (RecursionError, ValueError):
        return None


def _unusable(problem: NotOneObject | WrongMembers) -> UsageError:
    return UsageError(problem, effect=Effect.NOTHING_WRITTEN, subject="standard input")
