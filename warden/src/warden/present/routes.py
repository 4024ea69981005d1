"""Routes as text for people, and as the JSON record that ``warden route show ID --json`` promises."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from warden.core.lanes.approval import Approval
from warden.core.remedies import warden
from warden.core.routes.route import Declared, FinishDraft, Next, Reopen, Route, RouteActor
from warden.present import terminal
from warden.present.commands import command, to_paste

if TYPE_CHECKING:  # `route show` does without the search
    from warden.usecases.find import Found

_SHOWN_FAULTY = 3


def as_json(route: Route) -> dict[str, Any]:
    """The record by its promised names."""
    shown = msgspec.to_builtins(route)
    shown["next"] = next_action(route.next)
    return {"next_action" if name == "next" else name: value for name, value in shown.items()}


def next_action(step: Next) -> str:
    """What to do next: a command, or a sentence."""
    if isinstance(step, FinishDraft):
        if step.proven:
            return f"draft; proven, {step.owner} can promote it: {command(warden('promote', step.proven))}"
        return f"draft; who can finish it: {step.owner}"
    if isinstance(step, Reopen):
        return f"closed since {step.since}; who can open it: {step.owner}"
    return step.text if isinstance(step, Declared) else command(step)


def state_of(route: Route) -> str:
    """``active, proven 3 h ago (10 of 10)``: what is declared, and what was measured of it."""
    if route.closed:
        return f"closed {terminal.ago(route.closed)}"
    if route.kind != "lane":
        return f"{route.status} {route.kind}{_of_actors(route.actors)}"
    proof = route.proof
    if route.status == "draft" and proof.state != "proven":
        return "draft"
    if proof.at is None:
        return f"{route.status}, unproven"
    counts = f"({proof.passed} of {proof.total})"
    if proof.state == "stale":
        return f"{route.status}, unproven: the proof is old, {terminal.ago(proof.at)} {counts}"
    return f"{route.status}, {proof.state} {terminal.ago(proof.at)} {counts}"


def _of_actors(actors: Sequence[RouteActor]) -> str:
    """``, 1 of 3 actors proven (the oldest proof 3 h ago)``; empty without actors."""
    if not actors:
        return ""
    proven = [each.at for each in actors if each.state == "proven" and each.at]
    oldest = f" (the oldest proof {terminal.ago(min(proven))})" if proven else ""
    return f", {len(proven)} of {terminal.counted(len(actors), 'actor')} proven{oldest}"


def _not_proven(actors: Sequence[RouteActor]) -> str:
    """Each actor that is not, the worst of it; not more than fit."""
    left = [each for each in actors if each.state != "proven"]
    named = [f"{each.actor} {_STANDS.get(each.state, each.state)}{_since(each)}" for each in left[:_SHOWN_ACTORS]]
    more = [f"{len(left) - _SHOWN_ACTORS} more"] if len(left) > _SHOWN_ACTORS else []
    return ", ".join([*named, *more])


_SHOWN_ACTORS = 4
_STANDS = {"unproven": "never proven", "stale": "proof out of date"}


def _since(actor: RouteActor) -> str:
    return f" ({terminal.ago(actor.at)})" if actor.at else ""


def _prove(actors: Sequence[RouteActor]) -> str:
    """What proves those that are not."""
    left = [each.actor for each in actors if each.state != "proven"]
    if not left:
        return ""
    return command(warden("prove", left[0]) if len(left) == 1 else warden("prove", all=True))


def show_table(routes: Sequence[Route]) -> None:
    """One line a route."""
    if not routes:
        terminal.note(f"No entry matches. All entries: {to_paste(warden('route list', all=True))}")
        return
    rows = [(one.id, state_of(one).partition(" (")[0], one.owner_repo, one.title) for one in routes]
    terminal.table(("ID", "STATE", "OWNER", "TITLE"), rows)
    terminal.note(f"{len(routes)} shown. One in full: {to_paste(warden('route show', routes[0].id))}")


def found_json(found: "Found") -> list[dict[str, Any]]:
    """A record for each route, each with the answer as a whole and its score."""
    return [as_json(each.route) | {"answer": found.answer, "score": each.score} for each in found.matches]


def show_found(found: "Found") -> None:
    """The route that was found, or those that may be meant; drafts that may be meant are named."""
    routes = [each.route for each in found.matches]
    if found.answer == "unsure":
        show_unsure(routes)
    show_blocks(routes)
    if found.drafts:
        shown = ", ".join(found.drafts)
        terminal.note(
            f"May be meant too, but is only a draft: {shown}. See {to_paste(warden('route show', found.drafts[0]))}"
        )


def show_unsure(routes: Sequence[Route]) -> None:
    """Say that none of the routes is sure to be meant."""
    terminal.note(
        "Not sure what is meant. Perhaps this:" if len(routes) == 1 else "Not sure what is meant. Perhaps one of these:"
    )


def show_blocks(routes: Sequence[Route]) -> None:
    """Each route in full."""
    for number, one in enumerate(routes):
        if number:
            terminal.line()
        show_block(one)


def show_block(route: Route) -> None:
    """One route in full."""
    owners = [repo if stretch == "owner" else f"{repo} ({stretch})" for stretch, repo in route.owners.items()]
    shown = [("owners", ", ".join(owners)), ("path", route.path or ""), ("fields", ", ".join(route.fields))]
    shown += [("log in", "" if route.kind == "lane" else route.auth_method)]
    shown += [
        ("reader", f"{each.subject} (auth/{each.mount}, role {each.role}){approved_by(each.approval)}")
        for each in route.readers
    ]
    shown += [("delivery", f"{each.cluster}: {each.how} {each.secret}") for each in route.deliveries]
    shown += [("playbook", route.playbook or ""), ("state", state_of(route))]
    shown += [("actors", _not_proven(route.actors)), ("prove", _prove(route.actors))]
    shown += [("use it" if route.resolvable else "next", next_action(route.next))]
    terminal.line(f"{terminal.styled(route.id, 'head')} · {route.title}")
    show_pairs(shown)


def approved_by(approval: Approval | None) -> str:
    """Who has to approve each read, as a part of a line; empty where nobody has to."""
    return f", after approval by {approval.approvals} of {approval.group}" if approval else ""


def show_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Names and texts below each other; empty texts are left out."""
    for name, text in pairs:
        if text:
            terminal.line(f"  {name:<8} {text}")


def show_left_out(faulty: Sequence[str]) -> None:
    """Say which entries are left out because their files have faults."""
    if faulty:
        noun = "entry has errors and is" if len(faulty) == 1 else "entries have errors and are"
        names = ", ".join(faulty[:_SHOWN_FAULTY]) + (", …" if len(faulty) > _SHOWN_FAULTY else "")
        terminal.note(f"{len(faulty)} {noun} left out ({names}): {to_paste(warden('catalog check'))}")
