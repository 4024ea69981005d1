"""Rotations in words: the plan, each step, what keeps the old value, and what is known of it."""

from collections.abc import Sequence
from typing import Any

from warden.core.remedies import warden
from warden.core.rotation.mark import RotationMark
from warden.core.rotation.provider import HumanTask
from warden.core.rotation.result import Part, RotationPlan, RotationResult
from warden.core.rotation.steps import Event, Step
from warden.present import errors, terminal
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.commands import commands, to_paste
from warden.present.details import describe_detail
from warden.usecases.rotate import Failed

STEPS: dict[Step, str] = {
    "mint": "make a new value, and test it",
    "write": "write it, siblings untouched",
    "deliver": "deliver it to every cluster",
    "reload": "restart the consumers that have to be",
    "prove": "see it in every Secret and every consumer",
    "disable": "switch the old key off",
    "refuse": "see the old value refused, beside the new one accepted",
    "delete": "delete the old key",
    "destroy": "destroy the versions with the old value",
    "record": "keep the new key's id beside the path",
    "enable": "switch the old key on again",
    "restore": "write the old value again",
    "withdraw": "delete the new key",
    "erase": "destroy the version with the new value",
}
_WITHOUT_PROVIDER: dict[Step, str] = {
    "mint": "make a new value",
    "delete": "a person ends the old key",
    "record": "note the rotation beside the path",
}
_BY_PERSON: dict[HumanTask, str] = {"create": "a person makes the new value", "delete": "a person ends the old key"}

_WORDS: dict[Event, tuple[str, str]] = {
    "done": ("ok", "ok"),
    "failed": ("FAIL", "bad"),
    "kept": ("FAIL", "bad"),
    "unclear": ("??", "warn"),
    "waiting": ("WAIT", "warn"),
    "lost": ("??", "warn"),
}
_PARTS = {
    "other": "has another value",
    "missing": "is not there, or has no such field",
    "unseen": "cannot be looked at from here",
    "pending": "does not show yet that it has the value",
    "failing": "fails with the new value",
    "unproven": "does not show that it has the value",
}
_OLD = {
    "refused": "The old value is refused",
    "accepted": "The old value is still accepted",
    "new-refused": "The provider refuses the new value too",
    "unclear": "Whether the old value is refused is not known",
    "counting": "Whether the old value is refused is not known",
    "nobody-to-ask": "Nobody issued the old value, so nobody can be asked whether it is refused",
    "none": "There was no old value",
}


# -- text -------------------------------------------------------------------------------------------------------------


def step_text(step: Step, *, provider: bool = True) -> str:
    """A step as an instruction."""
    return STEPS[step] if provider else _WITHOUT_PROVIDER.get(step, STEPS[step])


def progress(lane: str, step: Step, back: bool) -> None:
    """What is being done."""
    terminal.progress(f"{lane}: {'taking it back: ' if back else ''}{STEPS[step]} …")


def note_unanswered(lane: str, source: str, seconds: float) -> None:
    """Who is waited for: a source that is down is asked again for minutes."""
    terminal.progress_done()
    terminal.note(f"{lane}: the source {source} did not answer; asking again in {seconds:g} s")


def note_interrupted(lane: str) -> None:
    """Where it says whether a rotation is under way, after Ctrl-C."""
    terminal.progress_done()
    terminal.note(f"Interrupted. If the rotation had begun, it can go on: {to_paste(warden('status', lane))}")


def show_plan(plan: RotationPlan) -> None:
    """The steps, and what they are done to."""
    going = f" · {plan.rotation}, {'taken back' if plan.back else 'under way'}" if plan.rotation else ""
    terminal.line(terminal.styled(f"{plan.lane} {plan.field} · source {plan.source}{going}", "head"))
    for number, step in enumerate(plan.steps, start=1):
        text = f"{step_text(step, provider=plan.provider)}{_plan_note(plan, step)}"
        terminal.hanging(f"  {number:>2}  {step:<9} ", text)
    for secret in plan.secrets:
        terminal.line(f"  Secret    {secret}")
    for consumer, what in plan.consumers:
        terminal.line(f"  consumer  {consumer} ({what})")
    for task in plan.person:
        terminal.line(f"  {_BY_PERSON[task]}")
    if not plan.provider and "destroy" in plan.steps:
        terminal.sentence("Nobody issues this value, so nobody can be shown to refuse the old one.")


def _plan_note(plan: RotationPlan, step: Step) -> str:
    return f" ({plan.times} times over {plan.over} s)" if step == "refuse" else ""


def show_result(done: RotationResult) -> None:
    """Every step, what is not as it should be, the sum, and the next command."""
    terminal.line(terminal.styled(f"{done.lane} {done.field} · source {done.source} · {done.rotation}", "head"))
    provider = done.old != "nobody-to-ask"
    for each in done.steps:
        word, style = _WORDS[each.event]
        lead = "back: " if each.back else ""
        text = f"{each.step:<9} {lead}{step_text(each.step, provider=provider)}"
        terminal.line(f"  {terminal.styled(f'{word:<4}', style)} {text}")
    for part in done.not_fine:
        for text in terminal.wrapped(_part_text(part), indent=7):
            terminal.line(text)
    for text in _sums(done):
        terminal.sentence(text)
    terminal.sentence(f"Next: {to_paste(*done.next)}")
    show_unsigned(done.checkpoint)


def _part_text(part: Part) -> str:
    if part.kind == "cluster":
        return f"cluster {part.name} is not connected from here; what it has is not known"
    kind = "Secret" if part.kind == "secret" else "consumer"
    why = describe_detail(part.detail) if part.detail is not None else ""
    hand = ", and is made by hand" if part.by_hand and part.state != "has" else ""
    gone = ", and is not in the lane file any more" if part.dropped else ""
    told = f"{part.cluster}: {kind} {part.name} {_PARTS[part.state]}{hand}{gone}"
    return f"{told}: {why}" if why else told


def _sums(done: RotationResult) -> list[str]:
    """What came of it, in sentences."""
    record = f" · journal {done.record}"
    match done.state:
        case "done":
            found = [f"done: {done.field} in version {done.version or '?'} is in use{record}", _old_text(done)]
        case "unproven":
            found = [f"unproven: the rotation is not done{record}", _old_text(done), _unknown_key(done)]
        case "waiting":
            found = [_waiting(done) + record]
        case "rolled-back":
            found = [f"rolled back: the old value is in use{_version(done)}, the new key is gone{record}"]
        case _:
            found = [f"stopped: {_stopped(done)}{record}"]
    return [each for each in found if each]


def _stopped(done: RotationResult) -> str:
    if done.steps and done.steps[-1].step == "deliver":
        return "not every delivery was refreshed"
    return "not everything shows yet that it has the value" if done.not_fine else "a system did not answer"


def _unknown_key(done: RotationResult) -> str:
    """Where nobody but a person can end the old key."""
    if done.old != "accepted" or done.old_key:
        return ""
    return f"Which key of {done.source} has the old value is not known: end it there by hand, then go on."


def _version(done: RotationResult) -> str:
    return f" (version {done.version})" if done.version else ""


def _waiting(done: RotationResult) -> str:
    where = f" ({done.where})" if done.where else ""
    if done.task == "delete":
        return f"waiting: end the old key at its provider{where}, then go on"
    return f"waiting: make a new value at its provider{where}, then give it when you go on"


def _old_text(done: RotationResult) -> str:
    """What is known of the old value, and by what."""
    if done.old not in _OLD:
        return ""
    text = _OLD[done.old]
    if done.old == "refused" and not done.pairs:
        text = "The old value was refused when an earlier run asked"
    refused = sum(each.counts for each in done.pairs)
    if done.pairs:
        over = f" in {done.pairs[-1].at:.0f} s"
        text += f" ({refused} of {len(done.pairs)} questions{over}, each beside a call that the new value passed)"
    if done.destroyed:
        text += f"; {_versions(done.destroyed)} destroyed"
    return f"{text}."


def _versions(numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers))
    return f"version {listed} is" if len(numbers) == 1 else f"versions {listed} are"


def show_failed(failed: Failed) -> None:
    """A rotation that ended with an error, among others."""
    terminal.line(terminal.styled(f"{failed.lane} {failed.field}", "head"))
    for text in terminal.wrapped(errors.message(failed.fault), indent=2):
        terminal.line(text)
    if hint := errors.hint_to_paste(failed.fault):
        terminal.sentence(f"  {hint}")


def show_abandoned(lane: str, mark: RotationMark) -> None:
    """What was given up, and which keys may be left."""
    terminal.sentence(f"The rotation {mark.rotation} of {lane} {mark.field} is given up; nothing was deleted.")
    keys = ", ".join(filter(None, (mark.old, mark.new)))
    if keys:
        terminal.sentence(f"These keys may still be accepted by their provider: {keys}")


# -- JSON -------------------------------------------------------------------------------------------------------------


def plan_json(plan: RotationPlan) -> dict[str, Any]:
    """``lane, field, source, steps[], person[], provider, times, over, secrets[], consumers[], rotation, back``."""
    return terminal.plain(plan) | {
        "consumers": [{"deployment": name, "on_new_value": what} for name, what in plan.consumers]
    }


def result_json(done: RotationResult) -> dict[str, Any]:
    """``lane, field, source, rotation, state, steps[], left[], version, parts[], old, pairs[], …, next_action``."""
    return {
        "lane": done.lane,
        "field": done.field,
        "source": done.source,
        "rotation": done.rotation,
        "state": done.state,
        "steps": [terminal.plain(each) for each in done.steps],
        "left": list(done.left),
        "version": done.version,
        "parts": [_part_json(each) for each in done.parts],
        "old": done.old,
        "pairs": [terminal.plain(each) for each in done.pairs],
        "destroyed": list(done.destroyed),
        "task": done.task,
        "where": done.where,
        "old_key": done.old_key,
        "new_key": done.new_key,
        "journal": done.record,
        "checkpoint": checkpoint_json(done.checkpoint),
        "next_action": commands(done.next),
    }


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "cluster": part.cluster,
        "kind": part.kind,
        "name": part.name,
        "state": part.state,
        "by_hand": part.by_hand,
        "dropped": part.dropped,
        "why": describe_detail(part.detail) if part.detail is not None else "",
    }


def failed_json(failed: Failed) -> dict[str, Any]:
    """``lane, field, state: error, error {}``."""
    return {"lane": failed.lane, "field": failed.field, "state": "error", "error": errors.as_json(failed.fault)}


def abandoned_json(lane: str, mark: RotationMark) -> dict[str, Any]:
    """``lane, field, rotation, state: abandoned, old_key, new_key``."""
    return {
        "lane": lane,
        "field": mark.field,
        "rotation": mark.rotation,
        "state": "abandoned",
        "old_key": mark.old,
        "new_key": mark.new,
    }
