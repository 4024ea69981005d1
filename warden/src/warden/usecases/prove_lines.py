"""The lines of a difference, until verdicts keep differences as data."""

import json

from warden.core.plans.plan import Change


def difference_lines(change: Change) -> tuple[str, ...]:
    """``-`` before, ``+`` after."""
    lines: list[str] = []
    for each in change.differences:
        for sign, value in (("-", each.before), ("+", each.after)):
            if value is not None and each.field:
                lines.append(f"{sign} {each.field} = {json.dumps(value, ensure_ascii=False)}")
            elif value is not None:
                lines += [f"{sign} {line}" for line in str(value).splitlines()]
    return tuple(lines)
