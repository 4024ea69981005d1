"""A lane that was closed or opened, in words."""

from collections.abc import Sequence
from typing import Any

import msgspec

from warden.core.lanes.lane import Lane
from warden.core.lifecycle.closing import Step
from warden.core.plans.lane_plan import Unreached
from warden.core.plans.plan import Receipt
from warden.core.quoting import name
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.approved import approved_by
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.closing_parts import (
    clusters_json,
    denial_json,
    kept_json,
    reopen_words,
    show_cluster,
    show_parts,
    tokens_json,
)
from warden.present.commands import command, to_paste
from warden.present.errors import as_json
from warden.present.plans import show_change, show_remains, system_name
from warden.present.proofs import proof_json, show_proof
from warden.usecases.deactivate import Closing
from warden.usecases.reactivate import Opening

_STEPS = {
    "record": "record it in the journal; warden refuses the lane from then on",
    "disable-key": "disable the key at its provider",
    "close-openbao": "OpenBao: take the lane's policy out of its roles, delete it, mark the path as closed",
    "revoke-tokens": "OpenBao: revoke the live tokens of the lane's readers",
    "destroy-versions": "OpenBao: destroy every version of the value",
    "prove-denied": "show that {subject} is denied, with the audit line",
    "stop-consumer": "{cluster}: scale Deployment {subject} to 0",
    "inform-consumer": "{cluster}: name the pods of Deployment {subject}, which keep what they have read",
    "remove-external-secret": "{cluster}: remove ExternalSecret {subject}",
    "remove-secret": "{cluster}: remove Secret {subject}",
    "list-readers": "list everybody who has read the path, from the audit log",
    "compare-values": "name the other lanes that hold the same value, by its hashes in the audit log",
    "replace-key": "make a new value of {subject}, and write it",
    "open-openbao": "OpenBao: policy and roles as declared; the path stays marked as closed",
    "deliver": "{cluster}: make the objects that deliver Secret {subject}",
    "prove": "prove the lane; if the proof does not hold, close it again",
    "restore-consumer": "{cluster}: scale Deployment {subject} to what it had",
    "unmark": "OpenBao: remove the mark",
    "record-opening": "record it in the journal; warden hands the lane out from then on",
}


def step_words(step: Step) -> str:
    """A step as people read it."""
    return _STEPS[step.kind].format(cluster=step.cluster, subject=step.subject)


def step_lines(steps: Sequence[Step]) -> list[str]:
    """The steps in order, numbered."""
    return [f"{number:>3}. {step_words(each)}" for number, each in enumerate(steps, 1)]


def steps_json(steps: Sequence[Step]) -> list[dict[str, str]]:
    """``step, cluster, subject, words`` of each."""
    return [
        {"step": each.kind, "cluster": each.cluster, "subject": each.subject, "words": step_words(each)}
        for each in steps
    ]


def show_steps(steps: Sequence[Step], *, data: bool = False) -> None:
    """What is about to be done, for people, before they agree to it; or, as `data`, what was asked for."""
    for each in step_lines(steps):
        (terminal.line if data else terminal.note)(each)


def show_closing(lane: Lane, done: Closing) -> None:
    """What was closed, what came of each part, and what comes next."""
    for change in done.receipt.changed:
        show_change(change)
    show_parts(lane, done.parts)
    show_remains(done.not_connected, done.receipt.former_paths, ())
    where = system_name(done.receipt.system)
    again = "" if done.exit == 0 else f" What is marked ?? or FAIL is open: {_again(done)}."
    terminal.sentence(f"{done.lane} is closed, in the journal and in {where} · journal {done.record}.{again}")
    terminal.sentence(reopen_words(done.reopening))
    show_unsigned(done.checkpoint)


def _again(done: Closing) -> str:
    return f"mend it and run this again: {to_paste(warden('deactivate', done.lane, reason='TEXT'))}"


def closing_json(done: Closing) -> dict[str, Any]:
    """``lane, closed, complete, changed, system, journal, tokens, denied, clusters[], kept[], not_looked_at[], …``."""
    return {
        "lane": done.lane,
        "closed": True,
        "complete": done.exit == 0,
        "changed": len(done.receipt.changed),
        "system": done.receipt.system.address,
        "journal": done.record,
        "tokens": tokens_json(done.parts.tokens),
        "denied": denial_json(done.parts.denial),
        "clusters": clusters_json(done.parts.clusters),
        "kept": kept_json(done.parts.clusters),
        "not_looked_at": list(done.not_connected.clusters),
        "left_behind": [name(str(each)) for each in done.receipt.former_paths],
        "checkpoint": checkpoint_json(done.checkpoint),
    }


def closing_document(_: Lane, done: Closing) -> None:
    """The same as one document."""
    terminal.document(closing_json(done))


def show_opening(lane: Lane, done: Opening) -> None:
    """What was changed, the proof, and whether the lane is open."""
    for change in done.receipt.changed:
        show_change(change)
    for part in done.delivered:
        _show_delivered(part)
    show_proof(lane, done.proof, brief=False)
    for each in done.clusters:
        show_cluster(each)
    if done.opened:
        members = f" {len(done.gate.by_members)} of its readers only a member can show." if done.gate.by_members else ""
        started = any(each.state == "restored" for part in done.clusters for each in part.consumers)
        following = command(warden("prove" if started else "status", done.lane))
        if done.approved is not None:
            terminal.sentence(approved_by(done.approved))
        terminal.sentence(f"{done.lane} is open again · journal {done.record}.{members} Next: {following}")
        show_unsigned(done.checkpoint)
        return
    where = "so OpenBao was closed again" if done.reclosed else "so warden refuses it here; OpenBao has it open"
    terminal.sentence(
        f"{done.lane} stays closed: its proof does not hold, {where} · journal {done.record}. "
        f"Mend what is marked FAIL or ?? and run again: {to_paste(warden('reactivate', done.lane, reason='TEXT'))}"
    )


def _show_delivered(part: Receipt | Unreached) -> None:
    if isinstance(part, Unreached):
        terminal.error(part.fault, as_json=False)
        return
    for change in part.changed:
        show_change(change)


def opening_json(lane: Lane, done: Opening, audit_log: str) -> dict[str, Any]:
    """``lane, closed, journal, system, proof, clusters[], unreached[], change_request, checkpoint``."""
    return {
        "lane": done.lane,
        "closed": not done.opened,
        "journal": done.record,
        "system": done.receipt.system.address,
        "proof": proof_json(lane, done.proof, audit_log),
        "clusters": clusters_json(done.clusters),
        "unreached": [as_json(each.fault) for each in done.delivered if isinstance(each, Unreached)],
        "change_request": msgspec.to_builtins(done.approved),
        "checkpoint": checkpoint_json(done.checkpoint),
    }
