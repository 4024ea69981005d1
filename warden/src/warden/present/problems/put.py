"""Why a value was not written, in words."""

from warden.core.access.value_check import Doubt
from warden.present.problems import describe
from warden.usecases.put import Doubtful, FieldNotDeclared, NotKv2, ValueWritten

_DOUBTS = {
    Doubt.EMPTY: "it is empty",
    Doubt.SEVERAL_LINES: "it has several lines",
    Doubt.NUL_BYTE: "it has a NUL byte, which no environment variable can hold",
    Doubt.INVISIBLE: "it has an invisible character, as pasting or a byte order mark adds",
    Doubt.PADDED: "it begins or ends with white space",
    Doubt.TRUNCATED: "it looks truncated",
    Doubt.MASKED: "it looks masked or like a placeholder",
    Doubt.QUOTED: "it is wrapped in quotes",
    Doubt.TERMINAL_CUT: "a terminal cuts lines of that length",
}


@describe.register
def _(problem: FieldNotDeclared) -> str:
    named = f"no field {problem.field}" if problem.field else "no such field"
    return f"{problem.lane} declares {named}, but {', '.join(problem.fields)}"


@describe.register
def _(problem: Doubtful) -> str:
    doubts = "; ".join(_DOUBTS[each] for each in problem.doubts)
    return f"the value for {problem.field} is probably not the one that was meant: {doubts}"


@describe.register
def _(problem: NotKv2) -> str:
    return f"{problem.address} has no KV version 2 engine at {problem.mount}/"


@describe.register
def _(effect: ValueWritten) -> str:
    return f"{effect.field} is in version {effect.version} of {effect.path}."
