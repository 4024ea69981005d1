"""What is left to do, below whose turn it is, as text and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from warden.core.lanes.lane import Lane
from warden.core.lifecycle.next_actions import ActionKind, NextAction
from warden.core.proofs.verdict import ProbeId, Verdict
from warden.present import terminal
from warden.present.commands import GLUE, only_commands, to_paste
from warden.present.surroundings import named_environment
from warden.present.verdicts import MEANINGS, title
from warden.usecases.next_actions import NextReport

_Why = Callable[[NextAction, Mapping[str, Lane]], str]


def _wrong(each: NextAction, lanes: Mapping[str, Lane]) -> str:
    """The wrong verdict in the words of `prove`."""
    found = each.verdict
    if found is None or each.lane not in lanes:
        return "the last proof found something wrong"
    verdict = Verdict(
        probe=cast("ProbeId", found.probe),
        reader=found.reader,
        cluster=found.cluster,
        subject=found.subject,
        result="wrong",
        observed="differs",
    )
    try:
        shown = title(verdict, lanes[each.lane])
    except KeyError:  # of an earlier version
        shown = found.probe
    where = f" ({found.cluster})" if found.cluster and found.cluster not in shown else ""
    meaning = MEANINGS.get(verdict.probe, "")
    more = f", and {each.more} more" if each.more else ""
    return f"{meaning or f'refuted: {shown}'}{where}{more}"


def _fixed(text: str) -> _Why:
    return lambda _each, _lanes: text


_WHY: Mapping[ActionKind, _Why] = {
    "closed-for-leak": _fixed("closed for a leak, and no new value was put since"),
    "emergency": lambda each, _: (
        f"a certificate was signed without OpenBao by {each.subject}; somebody else has to look"
    ),
    "wrong": _wrong,
    "refuted": _fixed("the last proof refuted it"),
    "access-missing": _fixed("readers have lost access"),
    "rotation-unproven": _fixed("rotated, but the old value was not shown to be refused"),
    "killed": lambda each, _: f"{each.subject} was killed (journal {each.record})",
    "interrupted": _fixed("an operation was killed half-way"),
    "rotating": _fixed("a rotation stopped before its end"),
    "closed-in-journal-only": _fixed("closed in the journal, but not in OpenBao"),
    "file-errors": lambda each, _: f"{each.file} has errors",
    "moved-on": _fixed("changed since the last proof"),
    "decide": lambda each, _: f"{each.subject} waits for {', '.join(each.waiting)}",
    "request": lambda each, _: f"{each.subject} is not finished",
    "no-value": _fixed("there is no live value"),
    "not-applied": _fixed("not applied"),
    "openbao-unreachable": _fixed("OpenBao does not answer"),
    "needs-member": _fixed("a member of the group has to show that it can read"),
    "rotation-due": _fixed("the value is older than declared"),
    "not-proven": _fixed("no proof that counts"),
    "not-promoted": _fixed("proven, and still a draft"),
    "placeholder": lambda each, _: f"custody.path in {each.file} has a placeholder; write the concrete path, then",
    "made-by-hand": _fixed("the Secret is made by hand; a new value does not arrive by itself"),
    "closed": _fixed("closed"),
    "review": lambda each, _: f"reviewed {each.days} days ago; check it, and set reviewed in {each.file or 'its file'}",
}


def why(each: NextAction, lanes: Mapping[str, Lane]) -> str:
    """Why something is left, as a clause."""
    return _WHY[each.kind](each, lanes)


def action(each: NextAction) -> str:
    """What does it, to paste."""
    return to_paste(*each.remedy)


def next_json(found: NextReport, lanes: Mapping[str, Lane]) -> list[dict[str, Any]]:
    """A list of ``owner, environment, lane, kind, why, since, next_action, next, doc, file, …``, in order."""
    return [
        {
            "owner": each.owner,
            **named_environment(),
            "lane": each.lane,
            "kind": each.kind,
            "why": why(each, lanes),
            "since": each.since,
            "next_action": only_commands(*each.remedy),
            "next": to_paste(*each.remedy).replace(GLUE, " "),
            "doc": each.doc,
            "file": each.file,
            "subject": each.subject,
            "waiting": list(each.waiting),
            "journal": each.record,
            "more": each.more,
        }
        for each in found.actions
    ]


def show_next(found: NextReport, lanes: Mapping[str, Lane], *, owner: str, lane: str) -> None:
    """A line for each, below its owner; owners with something urgent first."""
    by_owner: dict[str, list[NextAction]] = {}
    for each in found.actions:
        by_owner.setdefault(each.owner, []).append(each)
    for name, actions in by_owner.items():
        terminal.line(terminal.styled(name or "(no owner is known)", "head"))
        for each in actions:
            terminal.hanging(f"  {each.lane} · ", f"{why(each, lanes)}: {action(each)}")
    if not found.actions:
        whom = f" for {owner}" if owner else f" of {lane}" if lane else ""
        terminal.line(f"Nothing is left{whom}{', as far as could be seen' if found.faults else ''}.")


def rows(actions: Sequence[NextAction], lanes: Mapping[str, Lane]) -> list[tuple[str, str, str]]:
    """Owner, why, and what does it."""
    return [(each.owner, why(each, lanes), action(each).replace(GLUE, " ")) for each in actions]
