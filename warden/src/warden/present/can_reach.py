"""What one identity can reach, as a table or as JSON."""

from typing import Any

import msgspec

from warden.core.remedies import warden
from warden.present import terminal
from warden.present.commands import to_paste
from warden.present.other_ways import how
from warden.present.who_can import show_unknown, unknown_json, way_json
from warden.usecases.can_reach import Reach, Reached

_WORDS = {"reads": "read", "writes": "change", "grants": "gain access"}


def can_reach_json(reach: Reach) -> dict[str, Any]:
    """``identity, names [], lanes [], rules [], unknown []``."""
    return {
        "identity": reach.identity,
        "names": list(reach.names),
        "lanes": [
            {"lane": each.lane, "path": each.path, "can": _can(each), "ways": [way_json(way) for way in each.ways]}
            for each in reach.lanes
        ],
        "rules": [
            dict(msgspec.to_builtins(rule)) | {"capabilities": list(capabilities)} for rule, capabilities in reach.rules
        ],
        "unknown": unknown_json(reach.unknown),
    }


def show_can_reach(reach: Reach, system: str) -> None:
    """A row for each lane, how it gets there, and the rules that it holds."""
    terminal.heading(reach.identity, system)
    if not reach.names:
        terminal.sentence(f"  not known whether {reach.identity} exists")
        show_unknown(reach.unknown)
        terminal.sentence(f"rights needed: {to_paste(warden('doctor', policy='who-can'))}")
        return
    if reach.names != (reach.identity,):
        terminal.hanging("  is ", ", ".join(reach.names))
    terminal.line("")
    if reach.lanes:
        rows = [(f"  {each.lane}", ", ".join(_can(each)), each.path) for each in reach.lanes]
        terminal.table(("  LANE", "CAN", "PATH"), rows, whole=True)
        for each in reach.lanes:
            for way in each.ways:
                terminal.hanging("    ", f"{each.lane}, {_WORDS[way.effect]}: {how(way)}")
    else:
        far = ", as far as could be looked at" if reach.unknown else ""
        terminal.line(f"  reaches no lane{far}")
    if reach.rules:
        terminal.line("")
        terminal.table(
            ("  POLICY", "PATH", "CAPABILITIES"),
            [(f"  {rule.policy}", rule.path, ", ".join(capabilities)) for rule, capabilities in reach.rules],
            whole=True,
        )
    show_unknown(reach.unknown)


def _can(reached: Reached) -> list[str]:
    return list(dict.fromkeys(_WORDS[way.effect] for way in reached.ways))
