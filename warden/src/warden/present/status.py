"""How lanes stand, as a table or as JSON."""

from collections.abc import Sequence
from typing import Any

from warden.core.lifecycle.lane_status import DeliveryStatus, LaneStatus, NextStep
from warden.core.remedies import warden
from warden.present import layout, terminal
from warden.present.commands import GLUE, command, only_commands, to_paste
from warden.present.interrupted import interrupted_json
from warden.present.surroundings import named_environment

_DELIVERIES = {
    "not-looked-at": "not here",
    "unseen": "?",
    "missing": "MISSING",
    "deleting": "BEING DELETED",
    "by-hand": "by hand",
    "changed": "changed since",
}
_NARROW = ("CUSTODY", "ACCESS", "PROOF", "ROTATED")


def status_json(found: Sequence[LaneStatus]) -> list[dict[str, Any]]:
    """A list of ``lane, environment, status, custody, access, deliveries {}, proof, proven_at, …``."""
    return [
        {
            "lane": each.lane,
            **named_environment(),
            "status": each.declared,
            "custody": _custody(each),
            "access": _access(each),
            "deliveries": {cluster: delivery_word(one) for cluster, one in each.deliveries.items()},
            "proof": _proof(each),
            "proven_at": each.proven_at,
            "written_at": each.written.isoformat().replace("+00:00", "Z") if each.written else "",
            "next_owner": each.next.owner if each.next else "",
            "next_action": only_commands(*each.next.remedy) if each.next else "",
            "next_reason": each.next.reason if each.next else "",
            "interrupted": [interrupted_json(one) for one in each.interrupted],
        }
        for each in found
    ]


def show_status(found: Sequence[LaneStatus], *, drafts: bool = False) -> None:
    """One wide table where it fits; otherwise with deliveries and the next step below each lane.

    `drafts`: where no lane is shown, there are others that are not active.
    """
    if not found:
        every = f"No lane is active. All of them: {command(warden('status', all=True))}"
        terminal.line(every if drafts else "The catalog has no lane.")
        return
    clusters = sorted({cluster for each in found for cluster in each.deliveries})
    head = ("LANE", "CUSTODY", "ACCESS", *(cluster.upper() for cluster in clusters), "PROOF", "ROTATED", "NEXT")
    rows = [(*_cells(each, clusters), _next(each) or "-") for each in found]
    if terminal.fits(head, rows):
        terminal.table(head, rows)
        return
    narrow = [("LANE", *_NARROW), *(_cells(each, []) for each in found)]
    widths = layout.natural(narrow) if terminal.fits(narrow[0], narrow[1:]) else None
    if widths:
        terminal.line(terminal.styled(_row(narrow[0], widths), "head"))
    for each in found:
        _show_below_each_other(each, widths)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{size}}" for cell, size in zip(cells, widths, strict=True)).rstrip()


def _show_below_each_other(each: LaneStatus, widths: Sequence[int] | None) -> None:
    """What is short in one line, or with the names of its columns where that does not fit; the rest below it."""
    lane, *cells = _cells(each, [])
    terminal.line(_row((lane, *cells), widths) if widths else terminal.styled(lane, "head"))
    named = (f"{name.lower()} {cell}" for name, cell in zip(_NARROW, cells, strict=True))
    short = "" if widths else "  ".join(named)
    delivered = " · ".join(f"{cluster} {delivery_word(one)}" for cluster, one in each.deliveries.items())
    next_step = f"{each.next.owner}: {next_to_paste(each.next)}" if each.next else ""
    for lead, text in (("  ", short), ("  delivery ", delivered), ("  next     ", next_step)):
        if text:
            terminal.hanging(lead, text)


def _cells(each: LaneStatus, clusters: Sequence[str]) -> tuple[str, ...]:
    return (
        each.lane,
        _custody(each),
        _access(each),
        *(delivery_word(each.deliveries[cluster]) if cluster in each.deliveries else "-" for cluster in clusters),
        f"{_proof(each)}, {terminal.ago(each.proven_at)}" if each.proven_at else _proof(each),
        terminal.ago(each.written).removesuffix(" ago") if each.written else "-",
    )


def delivery_word(found: DeliveryStatus) -> str:
    """A delivery in a word or two."""
    if found.state == "behind":
        return f"v{found.version}, not v{found.newest}"
    if found.state == "proven":
        return f"v{found.version} proven"
    return _DELIVERIES.get(found.state, found.state)


def _custody(each: LaneStatus) -> str:
    if each.version is None:
        return "?"
    return f"v{each.version}" if each.version else "no value"


def _access(each: LaneStatus) -> str:
    return "?" if each.access == "unknown" else each.access


def _proof(each: LaneStatus) -> str:
    if each.needs_member:
        return "needs a member"
    return "never" if each.proof == "unproven" else each.proof


def _next(each: LaneStatus) -> str:
    return f"{each.next.owner}: {next_action(each.next)}" if each.next else ""


def next_action(step: NextStep | None) -> str:
    """The next step as a command, with the reason where the command does not tell it; empty where there is none."""
    return next_to_paste(step).replace(GLUE, " ") if step else ""


def next_to_paste(step: NextStep) -> str:
    """The same for a text that is broken into lines."""
    if step.reason == "placeholder":
        return "write the concrete path into the lane's file"
    before = {
        "rotating": "a rotation is under way: ",
        "closed-for-leak": "put a new value first: ",
        "closed-in-journal-only": "close it in OpenBao, too: ",
    }
    return before.get(step.reason, "") + to_paste(*step.remedy)
