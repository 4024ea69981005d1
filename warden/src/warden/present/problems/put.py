"""Why a value was not written, in words."""

from warden.core.access.given_values import NotOneObject, WrongMembers
from warden.present.problems import describe
from warden.present.put import listed
from warden.present.value_doubts import doubts_of
from warden.usecases.put import Doubtful, FieldNotDeclared, NotKv2, SeveralDoubtful, ValueWritten


@describe.register
def _(problem: FieldNotDeclared) -> str:
    named = f"no field {problem.field}" if problem.field else "no such field"
    return f"{problem.lane} has {named}; it has {', '.join(problem.fields)}"


@describe.register
def _(problem: Doubtful) -> str:
    return f"the value for {problem.field} is probably not the one that was meant: {doubts_of(problem.doubts)}"


@describe.register
def _(problem: SeveralDoubtful) -> str:
    values = "; ".join(f"{each.field}: {doubts_of(each.doubts)}" for each in problem.values)
    return f"{len(problem.values)} values are probably not those that were meant. {values}"


@describe.register
def _(problem: NotOneObject) -> str:
    where = f" (line {problem.line})" if problem.line else ""
    return f"standard input is not one JSON object{where}; expected {{{_example(problem.fields)}}}"


def _example(fields: tuple[str, ...]) -> str:
    return ", ".join(f'"{field}": "…"' for field in fields)


@describe.register
def _(problem: WrongMembers) -> str:
    wrong = (
        f"{problem.undeclared} of its members are not a field that was asked for" if problem.undeclared else "",
        f"{', '.join(problem.twice)} there twice" if problem.twice else "",
        f"{', '.join(problem.absent)} not there" if problem.absent else "",
        *(f"{field} is {kind}; write a string" for field, kind in problem.not_text.items()),
    )
    return f"the JSON object on standard input cannot be used: {'; '.join(filter(None, wrong))}"


@describe.register
def _(problem: NotKv2) -> str:
    return f"{problem.address} has no KV version 2 engine at {problem.mount}/"


@describe.register
def _(effect: ValueWritten) -> str:
    return f"{listed(effect.fields)} in version {effect.version} of {effect.path}."
