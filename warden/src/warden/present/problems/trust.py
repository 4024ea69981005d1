"""Files that others can change, in words."""

from warden.core.lanes.trust import NotTrusted, Weakness
from warden.present.problems import describe

_SHOWN = 3
"""Paths that are named; the command names all of them."""


@describe.register
def _(problem: NotTrusted) -> str:
    named = [_said(each) for each in problem.weaknesses[:_SHOWN]]
    more = len(problem.weaknesses) - len(named)
    rest = f", and {more} more" if more else ""
    return f"{problem.directory} is not trusted: {', '.join(named)}{rest}"


def _said(weakness: Weakness) -> str:
    if weakness.kind == "foreign":
        return f"{weakness.path} belongs to {weakness.owner}"
    return f"{weakness.path} can be changed by others"
