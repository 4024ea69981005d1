"""An error as text for people, or as the JSON object that ``--json`` documents. Both come from the same fields."""

import msgspec

from warden.core.errors import Invalid, WardenError
from warden.core.lanes.search import NotOwned
from warden.present.commands import commands, to_paste
from warden.present.problems import described


def problem(fault: WardenError) -> str:
    """What is wrong, without its effect."""
    return described(fault.problem)


def message(fault: WardenError) -> str:
    """The problem, and its effect."""
    problem = described(fault.problem)
    if fault.effect is None:
        return problem
    return f"{problem.removesuffix('.')}. {described(fault.effect)}"


def hint(fault: WardenError) -> str:
    """What to do next; empty where nothing is known."""
    return with_steps(fault.hint, commands(fault.remedy))


def hint_to_paste(fault: WardenError) -> str:
    """The same for a text that `terminal` breaks into lines."""
    return with_steps(fault.hint, to_paste(*fault.remedy))


def with_steps(text: str, steps: str) -> str:
    """A clause and the steps that it introduces; either may be empty."""
    return ": ".join(filter(None, (text.removesuffix(":"), steps)))


def as_json(fault: WardenError) -> dict[str, object]:
    """``code, kind, system, subject, message, hint``; some errors add ``faults``, or ``answer, nearest, draft``."""
    shown: dict[str, object] = {
        "code": int(fault.exit),
        "kind": fault.kind,
        "system": fault.system,
        "subject": fault.subject,
        "message": message(fault),
        "hint": hint(fault),
    }
    if isinstance(fault, Invalid):
        shown["faults"] = [msgspec.to_builtins(each) for each in fault.faults]
    if isinstance(fault.problem, NotOwned):
        shown["answer"] = "nobody"
        shown["nearest"] = [each.id for each in fault.problem.nearest]
        shown["draft"] = fault.problem.draft
    return shown
