"""A plan as lines of text, the same in every run: what is created, changed and removed, object by object.

Each line stands for itself: it names the target, the object, and the field with what it is now and what it becomes.
No line has a value of a lane: a plan is of policies, roles, marks and manifests.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from warden.core.plans.plan import Change, Difference, Plan, System

_LONGEST = 300
"""Characters of a field that stand in a line; of a longer one its hash does."""


def plan_lines(plans: Iterable[Plan]) -> tuple[str, ...]:
    """The lines of everything that the plans of one lane would change; OpenBao first, then the clusters by name."""
    ordered = sorted(plans, key=lambda plan: plan.system.cluster)
    return tuple(line for plan in ordered for change in plan.to_change for line in _change(plan.system, change))


def lines_of_system(lines: Iterable[str], system: System) -> tuple[str, ...]:
    """Those of the lines that are about this target."""
    return tuple(line for line in lines if line.startswith(f"{_system(system)} "))


def object_of(line: str) -> str:
    """Which object a line is about, and what is done to it: ``openbao: change role auth/kubernetes/role/x``."""
    system, _, rest = line.partition(": ")
    return f"{system}: {' '.join(rest.split(' ', maxsplit=3)[:3])}"


def not_approved(approved: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """The objects of which what was found is not, line by line, what was approved.

    A part of an object's lines is another object: a policy without one of its conditions allows more. So are the lines
    of a policy in another order, where each path has the capabilities of another one.
    """
    wanted, there = _by_object(approved), _by_object(found)
    return tuple(name for name, lines in there.items() if lines != wanted.get(name))


def _by_object(lines: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(object_of(line), []).append(line)
    return {name: each if " policy " in name else sorted(each) for name, each in found.items()}


def sign_of(line: str) -> str:
    """``+`` for a line about something that is created, ``~`` changed, ``-`` deleted; a space for another line."""
    words = line.split(": ", maxsplit=1)[-1].split(" ", maxsplit=1)
    return {"create": "+", "change": "~", "delete": "-"}.get(words[0], " ")


def _system(system: System) -> str:
    return f"cluster {system.cluster}:" if system.cluster else "openbao:"


def _change(system: System, change: Change) -> Iterator[str]:
    name = f"{change.namespace}/{change.name}" if change.namespace else change.name
    head = f"{_system(system)} {change.action} {change.kind} {name}"
    taken = f" (taken over: {type(change.obstacle).__struct_config__.tag})" if change.obstacle else ""
    yield _plain(f"{head}{taken}")
    for each in change.differences:
        yield from (_plain(f"{head} {line}") for line in _difference(each, a_set=change.kind == "role"))


def _difference(difference: Difference, *, a_set: bool) -> Iterator[str]:
    if not difference.field:
        for sign, text in (("-", difference.before), ("+", difference.after)):
            escaped = str(text or "").replace("\\", r"\\")
            yield from (f"{sign} {line}".rstrip() for line in escaped.splitlines())
        return
    before, after = (_shown(value, a_set=a_set) for value in (difference.before, difference.after))
    if difference.before is None:
        yield f"{difference.field}: {after}"
    else:
        yield f"{difference.field}: {before} -> {after}"


def _shown(value: Any, *, a_set: bool) -> str:
    """The value in JSON; lists of a role are sets to OpenBao, which answers them in any order."""
    if a_set and isinstance(value, list | tuple):
        value = sorted(map(str, value))
    text = json.dumps(value, sort_keys=True)
    if len(text) <= _LONGEST:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()} of {len(text)} characters"


def _plain(line: str) -> str:
    """The line as a file can hold it: visible characters of ASCII, everything else as an escape."""
    return "".join(char if " " <= char <= "~" else f"\\u{ord(char):04x}" for char in line)
