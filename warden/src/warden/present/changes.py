"""Change requests in words and as JSON: what is asked for, who decided, and what is still missing."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from warden.core.changes.flaws import Missing, PlanDiffers, Problem
from warden.core.changes.plan_lines import sign_of
from warden.core.changes.request import Decision, Verb
from warden.core.changes.statement import written
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import commands, to_paste
from warden.present.problems import described
from warden.present.problems.changes import lines_that_differ
from warden.usecases.change import Shown

_STYLES = {"+": "ok", "~": "warn", "-": "bad", " ": ""}
_DONE: dict[Verb, str] = {
    "propose": "proposed",
    "approve": "approved",
    "deny": "denied",
    "needs-changes": "wants changes",
    "withdraw": "withdrew",
}


def show_request(shown: Shown) -> None:
    """One request: what, for which lane, the plan line by line, each decision, and what comes next."""
    request = shown.request
    terminal.heading(terminal.styled(f"{request.id} {_state(shown)}", "head"), request.title)
    lead = [
        ("lane", f"{request.lane} ({request.request_type})"),
        ("purpose", request.target.purpose),
        ("file", shown.file),
    ]
    if request.origin == "warden":
        lead += [
            ("requester", request.requester or "not proposed yet"),
            ("needs", _needs(shown)),
            ("digest", shown.digest),
        ]
    for name, text in lead:
        terminal.hanging(f"  {name:<10} ", text)
    if request.plan.changes:
        terminal.line("plan")
        show_plan(request.plan.changes)
    if request.decisions:
        terminal.line("decisions")
    for decision in request.decisions:
        _show_decision(decision, shown)
    if shown.problems and shown.waits:
        terminal.sentence(f"Not approved: {'; '.join(map(described, shown.problems))}.")
    terminal.sentence(f"Next: {commands(shown.next)}" if shown.next else f"{request.id} is {_state(shown)}.")


def show_plan(lines: Sequence[str]) -> None:
    """The lines of a plan: each object once, with its sign, and what is said of it below."""
    head = system = ""
    for line in lines:
        if head and line.startswith(f"{head} "):
            terminal.line(f"      {line.removeprefix(head + ' ')}")
            continue
        head, (target, _, rest) = line, line.partition(": ")
        if target != system:
            terminal.line(f"  {target}")
        system, sign = target, sign_of(line)
        named = f"{sign} {rest.partition(' ')[2]}"
        terminal.line(f"    {terminal.styled(named, _STYLES[sign])}")


def show_difference(problems: Iterable[Problem]) -> None:
    """Every line in which a plan differs from what was approved, on stderr: the error names the first ones only."""
    for each in problems:
        if isinstance(each, PlanDiffers):
            for line in lines_that_differ(each.difference):
                terminal.note(f"  {line}")


def _state(shown: Shown) -> str:
    earlier = " (a record of the earlier system)" if shown.request.origin != "warden" else ""
    return f"{shown.status.replace('_', ' ')}{earlier}"


def _needs(shown: Shown) -> str:
    required = [f"{each.approvals} of {', '.join(each.approvers)}" for each in shown.request.required]
    have = ", ".join(each.by for each in shown.standing.approvals) or "nobody yet"
    return f"{' and '.join(required) or '1 of anybody but the requester'} · approved by {have}"


def _show_decision(decision: Decision, shown: Shown) -> None:
    flaws = flaws_of(decision, shown)
    until = f" until {written(decision.expires)}" if decision.expires else ""
    mark = terminal.styled("VOID", "bad") if flaws else terminal.styled("ok  ", "ok")
    text = f"{decision.by} {_DONE[decision.decision]} {terminal.ago(decision.at)}{until}: {decision.comment}"
    terminal.hanging(f"  {mark} ", text)
    for flaw in flaws:
        terminal.hanging("       ", flaw)


def flaws_of(decision: Decision, shown: Shown) -> list[str]:
    """Why the decision does not count; empty where it does."""
    found = [each for each in shown.standing.judged if each.decision == decision]
    return [described(flaw) for each in found for flaw in each.flaws]


def show_list(found: Sequence[Shown], faulty: Sequence[str], *, over: bool) -> None:
    """A table, the newest first, and the files that could not be read; `over`: those that are over were asked for."""
    more = "" if over else f" Those that are over: {to_paste(warden('change list', all=True))}"
    if found:
        rows = [
            (each.request.id, _state(each), each.request.request_type, each.request.lane, _who(each)) for each in found
        ]
        terminal.table(("REQUEST", "STATUS", "TYPE", "LANE", "WHO"), rows)
    else:
        terminal.note(f"No change request matches.{more}")
    for file in faulty:
        terminal.note(f"{file} has errors and was left out: warden catalog check")


def _who(shown: Shown) -> str:
    if not shown.waits:
        return shown.request.requester or ""
    waiting = [name for each in shown.problems if isinstance(each, Missing) for name in each.waiting]
    return f"waits for {', '.join(waiting)}" if waiting else shown.request.requester or ""


def request_json(shown: Shown) -> dict[str, Any]:
    """``id, status, file_status, request_type, title, lane, requester, …, plan[], decisions[], problems[], next``."""
    request = shown.request
    flaws = [flaws_of(each, shown) for each in request.decisions]
    decisions = [
        {
            "decision": each.decision,
            "by": each.by,
            "at": written(each.at),
            "expires": written(each.expires) if each.expires else None,
            "comment": each.comment,
            "digest": each.digest,
            "counts": not wrong,
            "flaws": wrong,
        }
        for each, wrong in zip(request.decisions, flaws, strict=True)
    ]
    return {
        "id": request.id,
        "status": shown.status,
        "file_status": request.status,
        "origin": request.origin,
        "request_type": request.request_type,
        "title": request.title,
        "lane": request.lane,
        "requester": request.requester,
        "required": msgspec.to_builtins(request.required),
        "target": msgspec.to_builtins(request.target),
        "file": shown.file,
        "digest": shown.digest,
        "plan": list(request.plan.changes),
        "decisions": decisions,
        "approved_by": [each.by for each in shown.standing.approvals],
        "problems": [described(each) for each in shown.problems],
        "next_action": commands(shown.next),
    }
