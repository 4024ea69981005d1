"""Advice of ``warden access`` as text and JSON."""

from collections.abc import Sequence
from typing import Any

import msgspec

from warden.core.access.advice import Advice
from warden.present import terminal
from warden.present.commands import command
from warden.present.routes import approved_by, next_action, show_pairs, show_unsure, state_of


def as_json(advice: Advice) -> dict[str, Any]:
    """The advice by its documented names."""
    route = advice.route
    return {
        "id": route.id,
        "kind": route.kind,
        "title": route.title,
        "state": advice.state,
        "owners": route.owners,
        "path": route.path or "",
        "fields": route.fields,
        "readers": [
            {"reader": way.reader, "mount": f"auth/{way.mount}", "role": way.role, "log_in": command(way.log_in)}
            | ({"approval": msgspec.to_builtins(way.approval)} if way.approval else {})
            for way in advice.ways
        ],
        "next_action": next_action(route.next),
        "proof": route.proof,
    }


def show(answers: Sequence[Advice], *, sure: bool) -> None:
    """Each answer as a block of lines; where they only may be meant, that is said first."""
    if not sure:
        show_unsure([advice.route for advice in answers])
    for number, advice in enumerate(answers):
        if number:
            terminal.line()
        route = advice.route
        owners = ", ".join(f"{repo} ({stretch})" for stretch, repo in route.owners.items())
        shown = [("owners", owners), ("path", route.path or ""), ("fields", ", ".join(route.fields))]
        shown += [("state", state_of(route))]
        shown += [
            ("reader", f"{way.reader} (auth/{way.mount}, role {way.role}){approved_by(way.approval)}")
            for way in advice.ways
        ]
        shown += [("log in", command(way.log_in)) for way in advice.ways]
        shown += [("use it" if route.resolvable else "next", next_action(route.next))]
        terminal.line(f"{route.id} · {route.title}")
        show_pairs(shown)
