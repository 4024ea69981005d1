"""A lane that was closed or opened, in words."""

from typing import Any

from warden.core.quoting import name
from warden.core.remedies import warden
from warden.present import terminal
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.commands import command, to_paste
from warden.present.plans import remove_orphan, show_change, show_remains, system_name
from warden.usecases.deactivate import Closing, KeptSecret, Opening


def show_closing(done: Closing) -> None:
    """What was closed, what keeps the value for now, and how each of those is removed."""
    for change in done.receipt.changed:
        show_change(change)
    where = system_name(done.receipt.system)
    *first, reopen = done.reopening
    put = f"Put a new value first: {to_paste(*first)}. " if first else ""
    terminal.sentence(f"{done.lane} is closed, in the journal and in {where}. {put}To open it: {to_paste(reopen)}")
    for each in done.kept:
        terminal.sentence(f"{each.cluster}: Secret {each.namespace}/{each.name} keeps the last value. To remove it:")
        terminal.line(f"  {command(each.remove)}")
    if done.kept:
        terminal.line("Pods keep what they have already read: restart or stop them.")
    show_remains(done.not_connected, done.receipt.former_paths, done.orphans)
    show_unsigned(done.checkpoint)


def closing_json(done: Closing) -> dict[str, Any]:
    """``lane, closed, changed, system, kept[], not_looked_at[], left_behind[], checkpoint``."""
    orphans = [
        {"cluster": each.cluster, "secret": f"{each.namespace}/{each.name}", "remove": command(remove_orphan(each))}
        for each in done.orphans
    ]
    return {
        "lane": done.lane,
        "closed": True,
        "changed": len(done.receipt.changed),
        "system": done.receipt.system.address,
        "kept": [*map(_kept_json, done.kept), *orphans],
        "not_looked_at": list(done.not_connected.clusters),
        "left_behind": [name(str(each)) for each in done.receipt.former_paths],
        "checkpoint": checkpoint_json(done.checkpoint),
    }


def _kept_json(kept: KeptSecret) -> dict[str, str]:
    return {
        "cluster": kept.cluster,
        "secret": f"{kept.namespace}/{kept.name}",
        "remove": command(kept.remove),
    }


def show_opening(done: Opening) -> None:
    """What was changed, and what comes next."""
    for change in done.receipt.changed:
        show_change(change)
    terminal.sentence(f"{done.lane} is open again · journal {done.record}. Next: {command(warden('prove', done.lane))}")
    show_unsigned(done.checkpoint)


def opening_json(done: Opening) -> dict[str, Any]:
    """``lane, closed, journal, system, checkpoint``."""
    system = done.receipt.system.address
    signed = checkpoint_json(done.checkpoint)
    return {"lane": done.lane, "closed": False, "journal": done.record, "system": system, "checkpoint": signed}
