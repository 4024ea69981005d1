"""A value that has leaked: what was ended, who had read it, and what a person does next."""

from collections.abc import Iterator
from typing import Any

import msgspec

from warden.core.access_index.readings import Reading
from warden.core.errors import WardenError
from warden.core.lanes.lane import Lane
from warden.core.lifecycle.leak_parts import KeyPart, KeyState, LeakParts, VersionsPart
from warden.core.quoting import name
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.closing_parts import clusters_json, denial_json, kept_json, show_line, show_parts, tokens_json
from warden.present.commands import command, to_paste
from warden.present.deactivation import opening_json, show_opening
from warden.present.errors import hint_to_paste
from warden.present.plans import show_change, show_remains, system_name
from warden.present.problems import described
from warden.present.terminal import counted
from warden.usecases.compromise import Compromise
from warden.usecases.reactivate import Opening

_SHOWN = 20
"""Readers that are shown; JSON and the journal have all of them."""

_KEYS: dict[KeyState, tuple[str, str]] = {
    "disabled": ("ok", "the key of {field} is disabled at {source}"),
    "deleted": ("ok", "the key of {field} is deleted at {source}, which cannot disable one"),
    "no-provider": (
        "inconclusive",
        "no provider issues {field} ({source}): tell whoever accepts it",
    ),
    "by-hand": ("inconclusive", "the key of {field} was not disabled: a person does that ({source})"),
    "no-source": ("inconclusive", "the key of {field} was not disabled: the lane's file names no source for it"),
    "no-key": ("inconclusive", "the key of {field} was not disabled: its id at {source} is not known"),
    "not-done": ("inconclusive", "the key of {field} was not disabled at {source}: {why}"),
}


def show_compromise(lane: Lane, done: Compromise) -> None:
    """Everything that was done, in its order, then who had read it, then what is left to a person."""
    for part in done.leak.keys:
        _show_key(lane, part)
    for change in done.receipt.changed:
        show_change(change)
    _show_versions(done.leak.versions)
    show_parts(lane, done.parts)
    show_remains(done.not_connected, done.receipt.former_paths, ())
    _show_readers(done.leak)
    _show_same(done.leak)
    show_unsigned(done.checkpoint)
    where = system_name(done.receipt.system)
    soon = f"; every former reader was refused {done.ms} ms after the command" if done.ms else ""
    terminal.sentence(f"{done.lane} is closed, in the journal and in {where}{soon} · journal {done.record}.")
    if done.exit:
        terminal.sentence("What is marked ?? or FAIL is open. Mend it, and run the command again to go on.")
    _show_replacement(lane, done)


def _show_replacement(lane: Lane, done: Compromise) -> None:
    """The new value and the opening with it, or how a person does both."""
    made = done.leak.replacement
    if made.by_hand:
        fields = ", ".join(made.by_hand)
        show_line("inconclusive", f"no new value was made: a person has to bring {fields}")
    elif made.fault is not None:
        show_line("inconclusive", f"no new value was made: {described(made.fault.problem)}")
    elif made.version:
        show_line("ok", f"a new value is in version {made.version}")
    if isinstance(done.opening, WardenError):
        show_line("inconclusive", f"it stays closed: {described(done.opening.problem)}")
    elif done.opening is not None:
        show_opening(lane, done.opening)
        return
    *put, reopen = done.reopening
    steps = to_paste(reopen) if made.version else f"{to_paste(*put)}, then {to_paste(reopen)}"
    terminal.sentence(f"With {'it' if made.version else 'a new key'}: {steps}")


def _replacement_json(lane: Lane, done: Compromise) -> dict[str, Any]:
    made = done.leak.replacement
    opened = done.opening
    return {
        "version": made.version,
        "by_hand": list(made.by_hand),
        "why": described(made.fault.problem) if made.fault else "",
        "opened": isinstance(opened, Opening) and opened.opened,
        "opening": opening_json(lane, opened, "") if isinstance(opened, Opening) else None,
        "kept_closed": described(opened.problem) if isinstance(opened, WardenError) else "",
    }


def _show_key(lane: Lane, part: KeyPart) -> None:
    result, words = _KEYS[part.state]
    why = described(part.fault.problem) if part.fault else ""
    text = words.format(field=part.field, source=part.source, why=why)
    below = []
    if part.verdict is not None:
        reason = f" ({part.verdict.reason})" if part.verdict.reason else ""
        answers = {"refused": "refuses it now", "accepted": "STILL ACCEPTS IT", "unclear": "gave no clear answer to it"}
        text += f"; the provider {answers[part.verdict.answer]}{reason}"
        result = {"accepted": "wrong", "unclear": "inconclusive"}.get(part.verdict.answer, result)
    elif part.state in {"disabled", "deleted"}:
        text += "; that it is refused was not shown: you may not read the value, or it is destroyed"
        result = "inconclusive"
    if part.state not in {"disabled", "deleted"}:
        by_users = part.state == "no-provider"
        owner = lane.owners.consumer if by_users else lane.owners.custody
        what = "have what accepts it refuse the old value" if by_users else "end the key at its provider by hand, now"
        below.append(f"{owner.repo}: {what} ({owner.doc})")
        below += [hint_to_paste(part.fault)] if part.fault and hint_to_paste(part.fault) else []
    show_line(result, text, *below)


def _show_versions(part: VersionsPart) -> None:
    numbers = ", ".join(map(str, part.destroyed))
    if part.fault is not None:
        left = f" ({counted(len(part.left), 'version')} left)" if part.left else ""
        show_line("inconclusive", f"the versions were not destroyed{left}: {described(part.fault.problem)}")
    elif part.left:
        left = ", ".join(map(str, part.left))
        show_line("wrong", f"destroyed version {numbers}; somebody wrote {left} since, which is still there")
    else:
        show_line("ok", f"destroyed every version: {numbers}" if numbers else "no version is left in OpenBao")


def _show_readers(leak: LeakParts) -> None:
    found = leak.surveyed
    since = f" since {leak.since:%Y-%m-%d %H:%M:%SZ}" if leak.since else ""
    if found.why:
        show_line("inconclusive", f"the audit log was not read whole: {found.why}; who is not listed may have read it")
    if found.begins and leak.since and not found.reaches(leak.since):
        show_line("inconclusive", f"the audit log that can be read here begins only at {found.begins}")
    if not found.begins:
        return
    if leak.ahead:
        than = "ahead of" if leak.ahead > 0 else "behind"
        terminal.sentence(f"OpenBao's clock is {abs(leak.ahead)} s {than} this one; the times below are OpenBao's.")
    reads = sum(each.count for each in found.readings)
    who = f"{counted(len(found.readings), 'token')} read it{since}, {counted(reads, 'time')}:"
    terminal.sentence(who if found.readings else f"Nobody has read it{since}, by the lines that are there.")
    if found.readings:
        rows = [_row(each) for each in found.readings[:_SHOWN]]
        terminal.table(("LAST", "FIRST", "WHO", "ROLE", "FROM", "READS", "VERSIONS", "NOTE"), rows)
    if len(found.readings) > _SHOWN:
        terminal.line(f"{len(found.readings) - _SHOWN} more: see --json, or the journal's record.")


def _row(each: Reading) -> tuple[str, ...]:
    versions = ", ".join(map(str, each.versions))
    return (
        each.last[:19],
        each.first[:19],
        each.account or each.display_name or "?",
        each.role or "-",
        ", ".join(each.addresses) or "?",
        str(each.count),
        versions or "-",
        ", ".join(_notes(each)),
    )


def _notes(each: Reading) -> Iterator[str]:
    if each.probes:
        yield f"{each.probes} as a probe of warden"
    if each.wrapped and each.wrapped != each.probes:
        yield f"{each.wrapped} wrapped"
    if each.early:
        yield "up to a minute earlier: clocks may differ"


def _show_same(leak: LeakParts) -> None:
    for each in leak.same:
        whose = f"lane {each.lane}" if each.lane else "a path of no lane"
        below = [command(warden("compromise", each.lane))] if each.lane else []
        show_line("wrong", f"{whose} holds the same value as {each.own_field}: {each.field} of {each.path}", *below)
    if not leak.surveyed.own and leak.surveyed.begins:
        show_line("inconclusive", "whether another lane holds the same value is not known: the log has no line of it")
    elif leak.not_compared:
        some = ", ".join(leak.not_compared[:_SHOWN])
        show_line("inconclusive", f"not compared, since the log has no line of their values: {some}")


def compromise_json(lane: Lane, done: Compromise) -> dict[str, Any]:
    """What `closing_json` has, and ``since, ms, keys[], versions, readers[], log, same_value[], not_compared[]``."""
    leak = done.leak
    return {
        "lane": lane.id,
        "closed": not (isinstance(done.opening, Opening) and done.opening.opened),
        "complete": done.exit == 0,
        "since": leak.since.isoformat() if leak.since else None,
        "ms": done.ms,
        "system": done.receipt.system.address,
        "journal": done.record,
        "keys": [_key_json(each) for each in leak.keys],
        "versions": {
            "destroyed": list(leak.versions.destroyed),
            "left": list(leak.versions.left),
            "why": described(leak.versions.fault.problem) if leak.versions.fault else "",
        },
        "tokens": tokens_json(done.parts.tokens),
        "denied": denial_json(done.parts.denial),
        "clusters": clusters_json(done.parts.clusters),
        "kept": kept_json(done.parts.clusters),
        "not_looked_at": list(done.not_connected.clusters),
        "left_behind": [name(str(each)) for each in done.receipt.former_paths],
        "readers": [msgspec.to_builtins(each) for each in leak.surveyed.readings],
        "log": {
            "begins": leak.surveyed.begins,
            "ahead": leak.ahead,
            "files": leak.surveyed.files,
            "why": leak.surveyed.why,
        },
        "same_value": [msgspec.to_builtins(each) for each in leak.same],
        "not_compared": list(leak.not_compared),
        "replacement": _replacement_json(lane, done),
        "checkpoint": checkpoint_json(done.checkpoint),
    }


def _key_json(part: KeyPart) -> dict[str, Any]:
    return {
        "field": part.field,
        "source": part.source,
        "state": part.state,
        "keys": list(part.keys),
        "answer": part.verdict.answer if part.verdict else "",
        "why": described(part.fault.problem) if part.fault else "",
    }
