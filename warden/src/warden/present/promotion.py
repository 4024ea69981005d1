"""A promotion's gate, condition by condition, and what was written into the lane's file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from warden.core.lanes.lane import Lane
from warden.core.lanes.lane_edit import LaneEdit
from warden.core.lifecycle.promotion import Condition, ConditionId
from warden.core.remedies import Remedy, warden
from warden.present import terminal
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.commands import command, commands, to_paste
from warden.present.proofs import STYLES, WORDS, folded, proof_json, show_verdict
from warden.present.surroundings import environment, named_environment
from warden.present.verdicts import explanation
from warden.usecases.promote import Demotion, Promotion

_TITLE = 62
"""Columns of a title, so that what decided it stands beside it."""

_Title = Callable[[Condition, Lane], str]


def _fixed(text: str) -> _Title:
    return lambda _condition, _lane: text


_TITLES: Mapping[ConditionId, _Title] = {
    "no-placeholder": _fixed("no placeholder is left in the declared path"),
    "owners": lambda condition, _: f"owners are named: {condition.subject}",
    "playbook": lambda condition, _: f"playbook: {condition.subject}" if condition.subject else "a playbook is named",
    "approved": lambda condition, _: f"what is there was approved: {condition.subject}",
    "path": _fixed("path exists, with a live value of every field"),
    "declared": _fixed("policy and roles are as declared"),
    "kept": _fixed("settings of path, mount and audit log are right"),
    "reads": lambda condition, _: f"{condition.subject} can read",
    "others": _fixed("nobody else can read or change it"),
    "delivers": lambda condition, _: f"ESO delivers to {condition.subject}",
    "by-hand": lambda condition, _: f"its Secret in {condition.subject} is made by hand, as declared",
    "others-there": lambda condition, _: f"nobody else gets at it in {condition.subject}",
    "consumers": lambda condition, lane: f"{_consumers(condition, lane)} with it in {condition.subject}",
    "inspected": _fixed("the value has the form of a secret, not of a stand-in"),
}


def _consumers(condition: Condition, lane: Lane) -> str:
    names = list(dict.fromkeys(each.subject for each in condition.verdicts if each.subject))
    names = names or [each.deployment for each in lane.consumers]
    return f"{', '.join(names)} run{'s' if len(names) == 1 else ''}"


def title(condition: Condition, lane: Lane) -> str:
    """A condition in words."""
    return _TITLES[condition.id](condition, lane)


# -- text -------------------------------------------------------------------------------------------------------------


def show_promotion(lane: Lane, done: Promotion) -> None:
    """Each condition, below it the verdicts against it, then what was done."""
    where = f" in {environment()}" if environment() else ""
    terminal.heading(terminal.styled(f"promotion of {lane.id}{where}", "head"), lane.custody.path)
    for condition in done.conditions:
        _show_condition(lane, condition)
    terminal.sentence(_conclusion(done))
    if done.outcome != "ok":
        terminal.sentence(f"Next: {to_paste(*_first(done))}; then: {to_paste(warden('promote', lane.id))}")
    if done.edit is not None:
        _show_edit(done.edit, done.record)
    show_unsigned(done.checkpoint)


def _show_condition(lane: Lane, condition: Condition) -> None:
    word = terminal.styled(f"{WORDS[condition.holds]:<4}", STYLES[condition.holds])
    count = len(condition.verdicts)
    beside = f"{count} verdict{'s' * (count > 1)}" if count else ""
    text = title(condition, lane)
    if terminal.width() and terminal.width() < _TITLE + 7 + 12:
        first, *below = terminal.folded(text, terminal.width() - 7, indent=0)
        terminal.line(f"  {word} {first}")
        for part in below:
            terminal.line(f"       {part}")
    else:
        terminal.line(f"  {word} {text:<{_TITLE}} {beside}".rstrip())
    before = ""
    for verdict, more in folded(condition.against):
        show_verdict(lane, verdict, more, before, indent=5)
        before = explanation(verdict)
    if condition.holds == "inconclusive" and not condition.against:
        terminal.line("         was not looked at by this proof")
    for page in condition.missing:
        terminal.line(f"         does not exist: {page}")
    if condition.remedy and condition.holds != "ok":
        terminal.line(f"         fix: {commands(condition.remedy)}")


def _conclusion(done: Promotion) -> str:
    words = {"ok": "every condition holds", "wrong": "not promoted", "inconclusive": "not promoted"}
    word = terminal.styled(words[done.outcome], STYLES[done.outcome])
    counts = [
        f"{number} of {len(done.conditions)} {one if number == 1 else more}"
        for holds, one, more in (
            ("wrong", "does not hold", "do not hold"),
            ("inconclusive", "was not seen", "were not seen"),
        )
        if (number := sum(each.holds == holds for each in done.conditions))
    ]
    passed = f"{done.proof.passed} of {len(done.proof.verdicts)} verdicts as expected"
    return f"{word}: {', '.join([*counts, passed])} · proof in journal {done.proof.record}"


def _first(done: Promotion) -> Remedy:
    """What to do first: as a proof advises, else for the first condition; a look at what is set up where none helps."""
    first = done.proof.first_to_fix
    mends = (first.remedy if first else (), *map(_mend, done.conditions), (warden("doctor"),))
    return next(each for each in mends if each)


def _show_edit(edit: LaneEdit, record: int) -> None:
    if not record:
        terminal.sentence(f"{edit.file} says so already, and so does the journal.")
        return
    _show_written(edit, record)
    if edit.also_in:
        terminal.sentence(
            f"The file has one status for every environment, so it changed in {', '.join(edit.also_in)}, too. Each "
            "environment needs a proof of its own."
        )
    if edit.changes:
        terminal.sentence(f"Next: commit {edit.file}. It is found now: {to_paste(warden('route show', edit.lane))}")


def _show_written(edit: LaneEdit, record: int) -> None:
    changed = ", ".join(f"{each.field} {each.before or '-'} -> {each.after}" for each in edit.changes)
    where = f"{edit.file}: {changed}" if changed else f"{edit.file} said so already"
    terminal.sentence(f"{where} · journal {record}")


def show_demotion(done: Demotion) -> None:
    """What was written, and what that means."""
    if not done.record:
        terminal.sentence(f"{done.edit.file} says that {done.lane} is a draft already, and so does the journal.")
        return
    _show_written(done.edit, done.record)
    if done.edit.also_in:
        terminal.sentence(f"The file has one status for every environment: also {', '.join(done.edit.also_in)}.")
    close = to_paste(warden("deactivate", done.lane, reason="TEXT"))
    terminal.sentence(
        f"warden hands {done.lane} out no more. OpenBao still lets its readers in; to close it for everyone: {close}"
    )
    terminal.sentence(f"Next: commit {done.edit.file}. To promote it again: {to_paste(warden('promote', done.lane))}")


# -- JSON -------------------------------------------------------------------------------------------------------------


def promotion_json(lane: Lane, done: Promotion, audit_log: str) -> dict[str, Any]:
    """``lane, environment, promoted, outcome, journal, file, changes[], also_in[], conditions[], proof {}, …``."""
    return {
        "lane": done.lane,
        **named_environment(),
        "promoted": done.outcome == "ok",
        "outcome": {"ok": "promoted", "wrong": "refused", "inconclusive": "inconclusive"}[done.outcome],
        "journal": done.record,
        **_edit_json(done.edit),
        "conditions": [_condition_json(lane, each) for each in done.conditions],
        "proof": proof_json(lane, done.proof, audit_log),
        "checkpoint": checkpoint_json(done.checkpoint),
    }


def _condition_json(lane: Lane, condition: Condition) -> dict[str, Any]:
    verdicts = [{"probe": each.probe, "reader": each.reader, "cluster": each.cluster} for each in condition.verdicts]
    return {
        "condition": condition.id,
        "title": title(condition, lane),
        "subject": condition.subject,
        "word": WORDS[condition.holds],
        "holds": condition.holds == "ok",
        "verdicts": verdicts,
        "missing": list(condition.missing),
        "mend": commands(_mend(condition)),
    }


def _mend(condition: Condition) -> Remedy:
    """What makes it hold; empty where it does, or nothing is known to help."""
    if condition.holds == "ok":
        return ()
    return condition.remedy or next((each.remedy for each in condition.against if each.remedy), ())


def _edit_json(edit: LaneEdit | None) -> dict[str, Any]:
    changes: Sequence[dict[str, str]] = [terminal.plain(each) for each in edit.changes] if edit else []
    return {"file": edit.file if edit else "", "changes": changes, "also_in": list(edit.also_in) if edit else []}


def demotion_json(done: Demotion) -> dict[str, Any]:
    """``lane, environment, demoted, journal, file, changes[], also_in[]``."""
    return {
        "lane": done.lane,
        **named_environment(),
        "demoted": True,
        "journal": done.record,
        **_edit_json(done.edit),
        "close": command(warden("deactivate", done.lane, reason="TEXT")),
    }
