"""Plans and receipts in words: each object with a sign, what differs below it, and what comes next."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from warden.core.lanes.lane import KvPath
from warden.core.plans.lane_plan import LanePlan, LaneReceipt, NotConnected, Orphan, Unreached
from warden.core.plans.plan import (
    Change,
    Difference,
    Plan,
    Receipt,
    System,
)
from warden.core.quoting import name, placeholder
from warden.core.remedies import RunBao, RunKubectl, warden
from warden.present import errors, terminal
from warden.present.approved import approved_by, needing
from warden.present.commands import command, commands, to_paste
from warden.present.obstacles import describe_note, obstacle_text

SIGNS = {"create": "+", "change": "~", "delete": "-", "keep": "=", "foreign": "!", "absent": "!"}
_STYLES = {"+": "ok", "~": "warn", "-": "bad", "!": "bad", "=": "dim"}
_WIDTH = 100


def system_name(system: System) -> str:
    """A target as people name it."""
    if system.cluster:
        return f"cluster {system.cluster} ({system.address})" if system.address else f"cluster {system.cluster}"
    return f"OpenBao {system.address}"


# -- text -------------------------------------------------------------------------------------------------------------


def show_lane_plan(plan: LanePlan, *, titled: bool) -> None:
    """Each target, then the sum and the next command."""
    if titled:
        terminal.line(terminal.styled(plan.lane, "head"))
    for part in plan.parts:
        show_part(part)
    show_remains(plan.not_connected, plan.former_paths, plan.orphans)
    if plan.closed:
        reopen = to_paste(warden("reactivate", plan.lane, reason="TEXT"))
        terminal.sentence(f"{plan.lane} is closed: its clusters are left as they are. To open it: {reopen}")
    terminal.sentence(_sum(plan))


def show_part(part: Plan | Unreached) -> None:
    """One target's changes and notes, or why it could not be asked."""
    if isinstance(part, Unreached):
        terminal.error(part.fault, as_json=False)
        return
    terminal.line(system_name(part.system))
    for change in part.changes:
        show_change(change)
    for note in part.notes:
        for text in terminal.wrapped(f"note: {describe_note(note)}", indent=2):
            terminal.line(text)


def show_change(change: Change) -> None:
    """One object: a sign, its kind and name, what is in the way, and the difference below."""
    sign = SIGNS[change.action]
    head = f"{sign} {change.kind:<{18 if change.kind[:1].isupper() else 9}} {name_of(change)}"
    reason = obstacle_text(change)
    remark = f"  ({reason})" if reason else ""
    if terminal.width() and len(head) + len(remark) + 2 > terminal.width():
        terminal.line(f"  {terminal.styled(head, _STYLES[sign])}")
        for text in terminal.wrapped(reason, indent=6):
            terminal.line(text)
    else:
        terminal.line(f"  {terminal.styled(head + remark, _STYLES[sign])}")
    for text in difference_lines(change.differences):
        terminal.line(f"      {terminal.styled(text, 'ok' if text.startswith('+') else 'bad')}")


def name_of(change: Change) -> str:
    """The object's name, with its namespace."""
    shown = name(change.name)  # of a role or policy that a mark names
    return f"{change.namespace}/{shown}" if change.namespace else shown


def difference_lines(differences: Iterable[Difference]) -> list[str]:
    """``- field = before`` and ``+ field = after``; a whole text (a policy) line by line."""
    return [line for each in differences for line in _difference_lines(each)]


def _difference_lines(difference: Difference) -> Iterator[str]:
    for sign, value in (("-", difference.before), ("+", difference.after)):
        if value is None:
            continue
        if difference.field:
            yield f"{sign} {difference.field} = {_value(value)}"
        else:
            yield from (f"{sign} {line}" for line in str(value).splitlines())


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}… ({len(text)} characters)"


def _sum(plan: LanePlan) -> str:
    if plan.unreached and not plan.to_change:
        names = ", ".join(part.system.cluster for part in plan.unreached)
        return f"{plan.as_declared} as declared; not checked: {names}."
    same = plan.as_declared
    if plan.blocked:
        return f"{plan.to_change - plan.blocked} to change, {same} as declared; {plan.blocked} marked ! blocked."
    if plan.to_change:
        return f"{plan.to_change} to change, {same} as declared.{needing(plan.protected)} Next: {to_paste(plan.next)}"
    return f"In sync: {same} as declared."


def show_receipt(receipt: LaneReceipt) -> None:
    """What was done on each target, and what comes next."""
    terminal.line(terminal.styled(receipt.lane, "head"))
    for part in receipt.parts:
        if isinstance(part, Unreached):
            terminal.error(part.fault, as_json=False)
            continue
        terminal.line(system_name(part.system))
        for change in part.changed:
            show_change(change)
    for plan in receipt.by_hand:
        show_part(plan)
    show_remains(receipt.not_connected, receipt.former_paths, receipt.orphans)
    if receipt.approved is not None:
        terminal.sentence(approved_by(receipt.approved))
    terminal.sentence(_receipt_sum(receipt))


def _receipt_sum(receipt: LaneReceipt) -> str:
    following = f"Next: {commands(receipt.next)}" if receipt.next else ""
    if receipt.closed:
        following = f"The lane is closed; to open it: {commands(receipt.next)}"
    if receipt.unreached:
        return f"{receipt.lane} was applied in part; see above. Then run: {commands(receipt.next)}"
    if receipt.changed:
        return f"{receipt.changed} changed and verified · journal {receipt.record}. {following}".rstrip()
    return f"In sync: nothing to change. {following}".rstrip()


def show_remains(not_connected: NotConnected, former_paths: Sequence[KvPath], orphans: Sequence[Orphan]) -> None:
    """What was not looked at, and what earlier declarations left, each with the command that removes it."""
    if not_connected.clusters:
        names = ", ".join(not_connected.clusters)
        add = to_paste(warden("dev up", cluster=",".join(not_connected.clusters)))
        why = f"not in the embedded platform; to add: {add}" if not_connected.embedded else "not in clusters.yaml"
        terminal.sentence(f"Not checked: {names} ({why})")
    for path in former_paths:
        key = name(path.key)  # as a policy's text has it
        earlier = KvPath(path.mount, key)
        terminal.sentence(f"{earlier} was this lane's earlier path and still has its versions. When nobody needs them:")
        terminal.line(f"  {command(RunBao(action='delete-metadata', mount=path.mount, path=placeholder(key)))}")
    for each in orphans:
        terminal.sentence(f"{orphan_name(each)} is from an earlier declaration and still delivers. To remove it:")
        terminal.line(f"  {command(remove_orphan(each))}")


def orphan_name(orphan: Orphan) -> str:
    """An orphan as it is listed."""
    return f"ExternalSecret {orphan.namespace}/{orphan.name} of {orphan.cluster}"


def remove_orphan(orphan: Orphan) -> RunKubectl:
    """What removes it, and the Secret that it owns."""
    return RunKubectl(
        context=orphan.context,
        action="delete",
        kind="ExternalSecret",
        namespace=orphan.namespace,
        name=orphan.name,
    )


# -- JSON -------------------------------------------------------------------------------------------------------------


def plan_json(plan: LanePlan) -> dict[str, Any]:
    """``lane`` (or ``actor``, ``host``), ``system, changes[], remarks[], to_change, blocked``; more of a lane."""
    first = plan.plans[0]
    found = {
        plan.kind: plan.lane,
        "system": first.system.address,
        "changes": [_change_json(change) for change in first.changes],
        "remarks": [describe_note(note) for note in first.notes],
        "to_change": plan.to_change,
        "blocked": plan.blocked,
    }
    return found | _of_lane_alone(plan) if plan.kind == "lane" else found


def _of_lane_alone(plan: LanePlan) -> dict[str, Any]:
    """``closed, protected[], clusters[], not_looked_at[], left_behind[]``."""
    return {
        "closed": plan.closed,
        "protected": list(plan.protected),
        "clusters": [_part_json(part) for part in plan.parts[1:]],
        "not_looked_at": list(plan.not_connected.clusters),
        "left_behind": [*map(name, map(str, plan.former_paths)), *map(orphan_name, plan.orphans)],
    }


def _part_json(part: Plan | Unreached) -> dict[str, Any]:
    if isinstance(part, Unreached):
        return {"cluster": part.system.cluster, "error": errors.as_json(part.fault)}
    return {
        "cluster": part.system.cluster,
        "system": system_name(part.system),
        "changes": [_change_json(change) | {"remark": obstacle_text(change)} for change in part.changes],
        "to_change": len(part.to_change),
        "blocked": len(part.blocked),
        "remarks": [describe_note(note) for note in part.notes],
    }


def _change_json(change: Change) -> dict[str, Any]:
    lines = difference_lines(change.differences)
    return {"action": change.action, "kind": change.kind, "name": name_of(change), "lines": lines}


def receipt_json(receipt: LaneReceipt) -> dict[str, Any]:
    """``lane`` (or ``actor``, ``host``), ``system, changed[], journal, clusters[], change_request, left_behind[]``."""
    openbao, *clusters = receipt.receipts
    return {
        receipt.kind: receipt.lane,
        "system": openbao.system.address,
        "changed": changed_json(openbao),
        "journal": openbao.record,
        "clusters": [
            {"cluster": each.system.cluster, "changed": changed_json(each), "journal": each.record} for each in clusters
        ],
        "change_request": msgspec.to_builtins(receipt.approved),
        "left_behind": [*map(name, map(str, receipt.former_paths)), *map(orphan_name, receipt.orphans)],
    }


def changed_json(receipt: Receipt) -> list[dict[str, str]]:
    """The changes that were made."""
    return [{"action": each.action, "kind": each.kind, "name": name_of(each)} for each in receipt.changed]
