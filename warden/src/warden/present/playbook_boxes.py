"""The parts of a lane's page that say what was measured: the promotion gate, the worker checklist, the next actions.

A tick, and why there is none, is compared with the committed page where this run knows it. Dates and record numbers are
not: they change with each proof.
"""

from collections.abc import Iterator, Mapping, Sequence

from warden.core.lanes.lane import Lane
from warden.core.playbooks.checklist import Box, BoxId, Condition, PlaybookFacts, Tick, Why
from warden.core.playbooks.checklist import gate as conditions
from warden.core.playbooks.lines import Line, Part
from warden.core.remedies import warden
from warden.present.commands import command
from warden.present.markdown import cell, code, plain
from warden.present.next_actions import rows

_WHY: Mapping[Why, str] = {
    "for-a-person": "for a person: no program looks at it",
    "closed": "the lane is closed",
    "not-known": "no proof in this journal",
    "not-looked-at": "OpenBao was not asked",
    "other-declaration": "not proven: the last proof is of what was declared before, or from before a closing",
    "refuted": "**refuted** by the last proof",
    "inconclusive": "inconclusive in the last proof",
    "not-in-proof": "not proven: the last proof left it out",
    "too-old": "not proven: the last proof is too old to count",
    "not-there": "**not there**",
    "partly": "**some** readers have lost access",
    "missing": "**missing**: the Secret does not exist",
    "deleting": "**being deleted**",
    "changed": "not proven: the Secret has changed since the last proof",
    "behind": "not proven: OpenBao has a newer version than the one that was proven",
    "not-rotated": "no rotation in this journal",
    "rotating": "a rotation is under way, or stopped before its end",
    "rotation-unproven": "**unproven**: the old value was not shown to be refused",
    "due": "**due**: the value is older than declared",
}
_STEPS: Sequence[tuple[str, frozenset[BoxId]]] = (
    ("Confirm the need", frozenset({"need"})),
    ("Platform path", frozenset({"path", "value", "declared", "kept", "reads", "others"})),
    ("Delivery and wiring", frozenset({"delivers", "by-hand", "others-there", "consumers"})),
    ("Smoke", frozenset({"smoke"})),
    ("Rotation", frozenset({"rotation", "rotated"})),
)


def gate(lane: Lane, facts: PlaybookFacts, found: tuple[Box, ...]) -> Iterator[Line]:
    """The conditions of the promotion, whether they are met, and the proof that says so."""
    met = conditions(found)
    yield (Part("## Promotion gate"),)
    yield ()
    yield (*_promoted(lane, facts), Part(" The gate: "), *_met(met))
    yield ()
    for each in met:
        yield _line(_condition(each), each.tick, each.why, known=each.known)
    yield ()
    yield _last_proof(facts)


def _promoted(lane: Lane, facts: PlaybookFacts) -> Line:
    record = facts.promoted
    promoted = f", promoted {_when(record.at)} (journal {record.seq})" if record else ""
    declared = f"Declared {code(lane.status)}, reviewed {lane.reviewed.isoformat()}"
    return (Part(declared), Part(promoted, compared=False), Part("."))


def _met(found: Sequence[Condition]) -> Line:
    known = all(each.known for each in found)
    if not known:
        return (Part("not known here.", compared=False),)
    if all(each.tick for each in found):
        return (Part("**met**."),)
    open_ = sum(each.tick is None for each in found)
    return (Part(f"**not met**, {open_} of {len(found)} open."),)


def _condition(each: Condition) -> str:
    if each.id == "custody":
        return "The OpenBao path exists as it is declared, with a live value"
    if each.id == "access":
        return "The declared readers can read it, and nobody else can"
    return f"External Secrets Operator delivers it to {code(each.subject)}"


def _last_proof(facts: PlaybookFacts) -> Line:
    if facts.proof is None:
        return (Part("There is no proof of it in the journal of whoever rendered this page.", compared=False),)
    summary = facts.proof.summary
    state = f"{summary.state}, {summary.passed} of {summary.total} as expected"
    scope = "" if summary.scope == "lane" else " (of a part of the lane)"
    return (
        Part("Last proof: "),
        Part(summary.state),
        Part(
            f"{state.removeprefix(summary.state)}, {_when(facts.proof.at)}, journal {facts.proof.record}",
            compared=False,
        ),
        Part(f"{scope}."),
    )


def checklist(lane: Lane, facts: PlaybookFacts, found: tuple[Box, ...]) -> Iterator[Line]:
    """Every box, below the step of the work that it belongs to."""
    yield (Part("## Worker checklist"),)
    number = 0
    for title, ids in _STEPS:
        step = [each for each in found if each.id in ids]
        if not step:
            continue
        number += 1
        yield ()
        yield (Part(f"**{number}. {title}**"),)
        yield ()
        for each in step:
            yield _box(lane, facts, each)


def _box(lane: Lane, facts: PlaybookFacts, box: Box) -> Line:
    line = _line(_title(lane, box), box.tick, box.why, known=box.known)
    written = facts.status.written
    if box.id == "rotation" and written is not None:
        version = facts.status.version
        return (*line, Part(f"; v{version} was written {written.date().isoformat()}", compared=False))
    if box.id == "rotation":
        return (*line, Part("", compared=False))
    return line


def _line(title: str, tick: Tick | None, why: Why | None, *, known: bool) -> Line:
    """``- [x] title · proof of DATE (journal N)``."""
    mark = Part("x" if tick else " ", compared=known)
    if tick is None:
        return (Part("- ["), mark, Part(f"] {title} · "), Part(_WHY[why or "not-known"], compared=known))
    if tick.by == "look":
        # A page that names a proof which is in another journal is not stale: what was seen agrees with it.
        return (Part("- ["), mark, Part(f"] {title} · "), Part(f"seen {tick.at}", compared=False))
    by = {"proof": "proof of ", "rotation": "rotated "}[tick.by]
    return (
        *(Part("- ["), mark, Part(f"] {title} · "), Part(by, compared=known)),
        Part(f"{_when(tick.at)} (journal {tick.record})", compared=False),
    )


def _title(lane: Lane, box: Box) -> str:
    subject = code(box.subject)
    consumers = ", ".join(code(each.deployment) for each in lane.consumers)
    readers = ", ".join(code(each.label) for each in lane.readers)
    titles: Mapping[BoxId, str] = {
        "need": f"A declared reader needs it: {readers}; others ask {code(lane.owners.custody.repo)} for a lane",
        "path": "The path exists and is marked as this lane's",
        "value": "It has a live value",
        "declared": "Policy and roles are as declared",
        "kept": "Path, mount and audit log are set to keep the value and to hide it in the log",
        "reads": f"{subject} can read it",
        "others": "Nobody else can read it, change it or gain access",
        "delivers": f"{code(_secret(lane, box.subject))} is delivered to {subject}",
        "by-hand": f"{code(_secret(lane, box.subject))} is in {subject}, made by hand",
        "others-there": f"Nobody else gets at it in {subject}",
        "consumers": f"{consumers} runs with it in {subject}",
        "smoke": "The smoke test passes (see Smoke)",
        "rotation": "The value is younger than declared",
        "rotated": "The last rotation ended, and the old value is refused",
    }
    return titles[box.id]


def _secret(lane: Lane, cluster: str) -> str:
    """``namespace/name`` of the Secret in that cluster; empty where the lane is not delivered there."""
    return lane.deliveries[cluster].secret if cluster in lane.deliveries else ""


def next_lines(lane: Lane, facts: PlaybookFacts, *, aged: bool) -> Iterator[Line]:
    """Whose turn it is, why, and what does it."""
    yield (Part("## Next actions"),)
    yield ()
    left = rows(facts.left if aged else facts.left_ageless, {lane.id: lane})
    if left:
        yield (Part("| owner | why | what does it |"),)
        yield (Part("|---|---|---|"),)
        for owner, why, action in left:
            yield (Part(f"| {cell(code(owner))} | {cell(plain(why))} | {cell(code(action))} |"),)
    elif facts.looked:
        yield (Part("Nothing is left to do."),)
    if not facts.looked:
        show = code(command(warden("next", lane.id)))
        yield from ((),) if left else ()
        yield (Part(f"OpenBao was not asked. {show} shows what is left."),)


def _when(at: str) -> str:
    """A time to the minute, in UTC."""
    return f"{at[:16]}Z"
