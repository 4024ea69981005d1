"""Typed problems and effects in words: one file for each subject, which registers what it describes.

describe(LaneClosed(lane="x", …))  ->  "x is closed since …"
"""

from functools import singledispatch
from importlib import import_module

import msgspec

from warden.core.errors import Effect

_SUBJECTS = {
    "warden.core.access.": "access",
    "warden.core.lanes.": "lanes",
    "warden.present.terminal": "access",
    "warden.usecases.access": "access",
    "warden.usecases.put": "put",
}
"""The module in which a problem is defined, by its beginning -> the file here that describes it."""


@singledispatch
def describe(problem: object) -> str:
    """A problem as one clause without a full stop, an effect as one sentence. Raises `TypeError` otherwise."""
    raise TypeError(f"no description of {type(problem).__name__} in warden.present.problems")


@describe.register
def _(problem: str) -> str:
    return problem


@describe.register
def _(effect: Effect) -> str:
    return f"Nothing was {effect.value}."


def described(problem: str | Effect | msgspec.Struct) -> str:
    """`describe`, with the descriptions of the problem's subject registered."""
    module = type(problem).__module__
    for defined_in, subject in _SUBJECTS.items():
        if module.startswith(defined_in):
            import_module(f"warden.present.problems.{subject}")
    return describe(problem)
