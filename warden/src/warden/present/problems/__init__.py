"""Typed problems and effects in words: one file for each subject, which registers what it describes.

describe(LaneClosed(lane="x", …))  ->  "x has been closed since …"
"""

from functools import singledispatch
from importlib import import_module

import msgspec

from warden.core.errors import DoneBefore, Effect

_SUBJECTS = (
    "lanes",
    "access",
    "adoption",
    "approvals",
    "login",
    "changes",
    "plans",
    "promotion",
    "playbooks",
    "next_actions",
    "proofs",
    "put",
    "reach",
    "refreshes",
    "rotation",
    "trust",
    "journal",
    "evidence",
    "ssh",
    "ssh_client",
    "ssh_revoke",
    "ssh_ca",
)


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


@describe.register
def _(_: DoneBefore) -> str:
    return "What this command did before stands; the journal has it."


def described(problem: str | Effect | msgspec.Struct) -> str:
    """`describe`, with the descriptions of its subject registered; a text needs none of them.

    Subjects are imported until one describes the problem: all of them cost as much as the rest of a search.
    """
    unknown = describe.dispatch(object)
    for subject in _SUBJECTS:
        if describe.dispatch(type(problem)) is not unknown:
            break
        import_module(f"warden.present.problems.{subject}")
    return describe(problem)
