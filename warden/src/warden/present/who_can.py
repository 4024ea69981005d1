"""Who can read a path, change it or gain access to it, as a table or as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from warden.core.access_index.history import History
from warden.core.access_index.snapshot import Unknown
from warden.core.access_index.ways import Effect, Identity, Standing, WayIn
from warden.present import terminal
from warden.present.commands import only_commands, to_paste
from warden.present.other_ways import how, label, unknown_words
from warden.usecases.who_can import Answer

TITLES: dict[Effect, str] = {
    "reads": "who can read it",
    "writes": "who can change or destroy it",
    "grants": "who can gain access",
}
_COUNTED: dict[Effect, str] = {
    "reads": "can read it",
    "writes": "can change it",
    "grants": "can gain access",
}
NOT_LISTED = (
    "batch tokens, which OpenBao does not list: one issued before its role was narrowed works until it expires",
)
"""What nobody can look at, whatever rights they have."""
_STANDINGS: dict[Standing, str] = {"reader": "reader", "administrator": "admin", "other": "OTHER"}
_FIRST: dict[Standing, int] = {"reader": 0, "administrator": 1, "other": 2}


def who_can_json(answer: Answer) -> dict[str, Any]:
    """``path, lane, ways [], unknown [], not_listed [], counts {}, audit_since, audit_unread, policies, …``."""
    found = answer.found
    return {
        "path": found.path,
        "namespace": found.namespace,
        "lane": answer.target.lane.id if answer.target.lane else "",
        "ways": [way_json(each) for each in found.ways],
        "unknown": unknown_json(found.unknown),
        "not_listed": list(NOT_LISTED),
        "counts": {effect: len(_of(_certain(answer), effect)) for effect in answer.target.effects},
        "audit_since": answer.history.since,
        "audit_unread": answer.history.why,
        "policies": answer.policies,
        "identities": answer.identities,
        "tokens": answer.tokens,
    }


def way_json(way: WayIn) -> dict[str, Any]:
    """A way as it is, with the command that removes it."""
    plain = terminal.plain(way)
    del plain["remedy"]
    return plain | {"fix": only_commands(*way.remedy)}


def unknown_json(unknown: Iterable[Unknown]) -> list[dict[str, Any]]:
    """What could not be looked at, each with the right that is missing."""
    return [dict(msgspec.to_builtins(each)) | {"message": unknown_words(each)} for each in unknown]


def show_who_can(answer: Answer, system: str) -> None:
    """A table for each question, what is wrong with the fix below it, and what is unknown."""
    found = answer.found
    looked = f"{answer.policies} policies, {answer.identities} identities and {answer.tokens} tokens looked at"
    lane = f" (lane {answer.target.lane.id})" if answer.target.lane else ""
    terminal.heading(f"{found.path}{lane}", f"{system} · {looked}")
    for effect in answer.target.effects:
        _show_effect(effect, _of(found.ways, effect), answer)
    show_unknown(found.unknown)
    for each in NOT_LISTED:
        terminal.sentence(f"not counted: {each}")
    terminal.sentence(_log(answer.history))
    terminal.sentence(_tally(answer))


def _show_effect(effect: Effect, ways: Sequence[WayIn], answer: Answer) -> None:
    terminal.line("")
    terminal.line(terminal.styled(TITLES[effect], "head"))
    if not ways:
        terminal.line("  not known" if answer.found.unknown else "  nobody")
        return
    ordered = sorted(ways, key=lambda each: _FIRST[each.standing])
    rows = [
        (
            "  ??" if _is_doubtful(way) else f"  {_STANDINGS[way.standing]}",
            name_of(way.identity),
            _last(way, answer.history),
            way.identity.owner or "owner unknown",
        )
        for way in ordered
    ]
    terminal.table(("  STANDING", "WHO", "LAST USED", "OWNER"), rows)
    for way in ordered:
        if way.standing == "other" or way.conditions:
            show_how(way)


def show_how(way: WayIn) -> None:
    """By what, and the command that removes it."""
    terminal.hanging("    ", f"{name_of(way.identity)}: {how(way)}")
    if way.remedy:
        lead = "look" if way.identity.kind == "issuer" else "fix"
        terminal.hanging("      ", f"{lead}: {to_paste(*way.remedy)}")


def show_unknown(unknown: Sequence[Unknown]) -> None:
    """What could not be looked at: others may be hidden there."""
    if unknown:
        terminal.line("")
        terminal.line(terminal.styled("not looked at, so others may be hidden there", "head"))
    for each in unknown:
        terminal.hanging("  ??  ", unknown_words(each))


def name_of(identity: Identity) -> str:
    """An identity as people name it."""
    name = identity.name
    for path, short in (("identity/entity/name/", "entity:"), ("identity/group/name/", "group:")):
        name = name.replace(path, short, 1) if name.startswith(path) else name
    if identity.kind == "token":
        name = f"accessor:{name.rpartition('/')[2]}{label(identity, ' ({})')}"
    elif identity.kind == "issuer":
        name = f"other issuers at {identity.mount}"
    return f"{name} in {identity.namespace}" if identity.namespace else name


def _last(way: WayIn, history: History) -> str:
    if way.last_used:
        return terminal.ago(way.last_used)
    return "not seen" if history.since else "unknown"


def _log(history: History) -> str:
    if history.since:
        return f"audit log: reaches back to {history.since[:19]}Z ({terminal.ago(history.since)})"
    return f"audit log: not read ({history.why}), so the last use is unknown"


def _tally(answer: Answer) -> str:
    others = [
        f"{len(found)} {_COUNTED[effect]}"
        for effect in answer.target.effects
        if (found := {way.identity for way in _of(_certain(answer), effect)})
    ]
    perhaps = len({way.identity for way in answer.found.others if way.doubtful})
    unknown = len(answer.found.unknown)
    if others:
        first = f"others: {', '.join(others)}"
    else:
        first = "not known whether anybody else can" if unknown or perhaps else "nobody else"
    more = (f"{perhaps} not certain" if perhaps else "", f"{unknown} not looked at" if unknown else "")
    return " · ".join(filter(None, (first, *more)))


def _certain(answer: Answer) -> list[WayIn]:
    return [way for way in answer.found.others if not way.doubtful]


def _is_doubtful(way: WayIn) -> bool:
    return way.standing == "other" and way.doubtful


def _of(ways: Iterable[WayIn], effect: Effect) -> list[WayIn]:
    return [way for way in ways if way.effect == effect]
