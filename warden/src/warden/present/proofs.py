"""Proofs as text for a terminal, or as JSON."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from warden.core.lanes.lane import Lane
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.remedies import AskOwner, warden
from warden.core.ssh.login_proof import LoginProof
from warden.present import plans, terminal
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.commands import command, commands, to_paste
from warden.present.interrupted import earlier_tokens_json, show_earlier_tokens
from warden.present.surroundings import environment, named_environment
from warden.present.verdicts import explanation, title

TITLE = 50
"""Columns of a title, so that the whole line fits 100."""

MARGIN, ASIDE, WIDE = 7, 39, 100
"""Columns before a title, beside it on a narrow terminal, and from which there is room for the milliseconds."""

FOLDED = 2
"""How many more verdicts have the same reason before they are shown as one."""

WORDS = {"ok": "ok", "wrong": "FAIL", "inconclusive": "??"}
STYLES = {"ok": "ok", "wrong": "bad", "inconclusive": "warn"}
_STATES = {"proven": "ok", "refuted": "bad", "inconclusive": "warn"}
_NOTEWORTHY = frozenset({"shared", "healed"})
"""As expected, and to be noticed all the same."""


def owner_of(lane: Lane, verdict: Verdict) -> str:
    """Whose turn it is: the owner of the stretch that the verdict is about."""
    owners = {"custody": lane.owners.custody, "consumer": lane.owners.consumer, "runtime": lane.owners.runtime}
    return (owners[verdict.stretch] or lane.owners.custody).repo


def observed_word(verdict: Verdict) -> str:
    """What was observed; in capitals where it is wrong."""
    if verdict.observed == "version":
        return f"version {verdict.version or '?'}"
    word = verdict.observed.replace("-", " ")
    return word.upper() if verdict.result == "wrong" or verdict.observed in _NOTEWORTHY else word


# -- JSON -------------------------------------------------------------------------------------------------------------


def proof_json(lane: Lane, proof: Proof, audit_log: str) -> dict[str, Any]:
    """``lane, environment, state, passed, failed, inconclusive, total, system, audit_log, journal, …, verdicts[]``."""
    return {
        "lane": proof.lane,
        **named_environment(),
        "state": proof.state,
        "passed": proof.passed,
        "failed": proof.failed,
        "inconclusive": proof.inconclusive,
        "needs_member": list(proof.needs_member),
        "total": len(proof.verdicts),
        "system": proof.system,
        "audit_log": audit_log,
        "journal": proof.record,
        "scope": proof.scope,
        "unplayed": list(proof.unplayed),
        "earlier_tokens": earlier_tokens_json(proof.earlier_tokens),
        "inspected": proof.inspected,
        "checkpoint": checkpoint_json(proof.checkpoint),
        "verdicts": [verdict_json(lane, verdict) for verdict in proof.verdicts],
    }


def proofs_json(lanes: Sequence[Lane], found: Sequence[Proof], audit_log: str) -> list[dict[str, Any]]:
    """One document for each lane."""
    return [proof_json(lane, proof, audit_log) for lane, proof in zip(lanes, found, strict=True)]


def verdict_json(lane: Lane, verdict: Verdict) -> dict[str, Any]:
    """One verdict; ``mend`` is its ``remedy`` as a command line."""
    return {
        "probe": verdict.probe,
        "title": title(verdict, lane),
        "reader": verdict.reader,
        "word": WORDS[verdict.result],
        "expected": verdict.expected.replace("-", " "),
        "observed": observed_word(verdict),
        "status": verdict.status,
        "detail": explanation(verdict),
        **({"facts": terminal.plain(verdict.detail)} if verdict.probe == "nobody-else" else {}),
        "audit": verdict.audit,
        "at": verdict.at,
        "ms": verdict.ms,
        "difference": plans.difference_lines(verdict.differences),
        "mend": commands(verdict.remedy) if verdict.result != "ok" else "",
        "remedy": [terminal.plain(step) for step in verdict.remedy] if verdict.result != "ok" else [],
        "stretch": verdict.stretch,
        "owner": owner_of(lane, verdict),
    }


# -- text -------------------------------------------------------------------------------------------------------------


def show_proof(lane: Lane, proof: Proof, *, brief: bool) -> None:
    """Every verdict below whom it is about, then the conclusion; `brief` leaves out what is simply as expected."""
    shown = proof.verdicts
    if brief:
        shown = tuple(each for each in shown if each.result != "ok" or each.observed == "healed")
        terminal.line(terminal.styled(lane.id, "head"))
    for label, cluster in dict.fromkeys((verdict.reader, verdict.cluster) for verdict in shown):
        if not brief:
            terminal.heading(*_heading(lane, label, cluster))
        before = ""
        for verdict, more in folded([each for each in shown if (each.reader, each.cluster) == (label, cluster)]):
            show_verdict(lane, verdict, more, before)
            before = explanation(verdict)
    if not brief:
        _show_not_inspected(lane, proof)
    terminal.sentence(_conclusion(proof))
    show_earlier_tokens(proof.earlier_tokens)


def _show_not_inspected(lane: Lane, proof: Proof) -> None:
    """That nobody has looked at the value; nothing where somebody did, or it was to be done."""
    if not any(each.probe == "value-form" for each in proof.verdicts) and proof.scope != "member":
        look = command(warden("prove", lane.id, inspect=True))
        terminal.sentence(f"The form of the value was not inspected. To have a reader fetch and judge it: {look}")


def show_tally(found: Sequence[Proof]) -> None:
    """Of several lanes how many came out how, and how many need a member; and what was not signed."""
    if len(found) > 1:
        words = ["needs a member" if each.lacks_members_only else each.state for each in found]
        counts = ", ".join(f"{words.count(word)} {word.replace('needs', 'need')}" for word in dict.fromkeys(words))
        terminal.sentence(f"{len(found)} lanes: {counts.replace('1 need ', '1 needs ')}")
    show_unsigned(found[0].checkpoint if found else None)


def show_scope(lane: Lane, proof: Proof, *, chosen: bool) -> None:
    """What the proof left out; `chosen`: because an option said so. Nothing where it is of the whole lane."""
    if proof.scope == "lane":
        return
    if proof.scope == "member":
        ask = AskOwner(lane.owners.custody.repo, run=warden("prove", lane.id))
        terminal.sentence(
            f"This is the proof of a member alone; it counts in the next one of the lane: {to_paste(ask)}"
        )
        return
    part = "custody alone" if proof.scope == "custody" else "some of its deliveries"
    whole = command(warden("prove", lane.id))
    if chosen and proof.unplayed:
        terminal.sentence(
            f"This is a proof of custody alone, as requested: nobody was played as {', '.join(proof.unplayed)} or as a "
            f"stranger, since a cluster issues the tokens. The whole lane: {whole}"
        )
    elif chosen:
        terminal.sentence(f"This is a proof of {part}, as requested. The whole lane: {whole}")
    else:
        terminal.line(f"This is a proof of {part}.")
        plans.show_remains(proof.not_connected, (), ())


def folded(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, int]]:
    """The verdicts; several in a row that are open for one reason are the first of them and how many more."""
    for _, group in itertools.groupby(verdicts, _reason):
        first, *more = group
        if len(more) < FOLDED:
            yield from ((each, 0) for each in (first, *more))
        else:
            yield first, len(more)


def _reason(verdict: Verdict) -> object:
    """What verdicts have in common that can be said once; a verdict with evidence of its own shares it with none."""
    shared = verdict.result == "inconclusive" and verdict.detail is not None
    own = verdict.audit or verdict.status or verdict.remedy
    return (verdict.observed, verdict.detail) if shared and not own else id(verdict)


def _heading(lane: Lane, label: str, cluster: str) -> tuple[str, str]:
    for reader in lane.readers:
        if reader.label == label:
            return f"reader {label}", f"auth/{reader.mount} role {lane.role_of(reader)}"
    if cluster:
        delivery = lane.deliveries[cluster]
        return label, f"{'ExternalSecret' if delivery.external_secret else 'Secret made by hand'} {delivery.secret}"
    return f"lane {lane.id}", lane.custody.path


def show_verdict(lane: Lane, verdict: Verdict, more: int, explained: str, *, indent: int = 0) -> None:
    """One verdict; an explanation that the verdict above it has given already is not repeated."""
    lead = " " * indent
    word = terminal.styled(f"{WORDS[verdict.result]:<4}", STYLES[verdict.result])
    first, *below = _columns(title(verdict, lane) + (f", and {more} more" if more else ""), verdict)
    terminal.line(f"{lead}  {word} {first}".rstrip())
    for part in below:
        terminal.line(f"{lead}       {part}".rstrip())
    text = explanation(verdict)
    if verdict.result != "wrong" and text in {"", explained}:
        return
    for part in terminal.wrapped(text, indent=indent + 9) if text else ():
        terminal.line(part)
    for part in plans.difference_lines(verdict.differences):
        terminal.line(f"{lead}           {part}")
    if verdict.remedy and verdict.result != "ok":
        owner = f"owner {owner_of(lane, verdict)}"
        for part in terminal.joined(owner, f"fix: {commands(verdict.remedy)}", indent=indent + 9):
            terminal.line(part)


def _columns(text: str, verdict: Verdict) -> list[str]:
    """The title beside what was observed; on a narrow terminal above it."""
    columns = terminal.width()
    wide = not columns or columns >= WIDE
    observed = {"refused": "denied", "REFUSED": "DENIED"}.get(observed_word(verdict), observed_word(verdict))
    evidence = f"audit {verdict.audit[:8]}" if verdict.audit else " " * 14 if verdict.ms else ""
    took = f"  {verdict.ms:>4.0f} ms" if (verdict.ms or verdict.status) and wide else ""
    aside = f"{observed:<11} {verdict.status or '':<4} {evidence}{took}"
    if not columns:
        return [f"{text:<{TITLE}} {aside}"]
    size = TITLE if wide else columns - ASIDE
    if size < TITLE // 2:
        return [*terminal.folded(text, columns - MARGIN, indent=0), *terminal.folded(aside, columns - MARGIN, indent=0)]
    first, *below = terminal.folded(text, size, indent=0)
    return [f"{first:<{size}} {aside}", *below]


def _conclusion(proof: Proof) -> str:
    total = len(proof.verdicts)
    asked = [verdict for verdict in proof.verdicts if verdict.status or verdict.audit]
    lines = sum(bool(verdict.audit) for verdict in asked)
    member = proof.lacks_members_only
    counts = (
        f"{proof.failed} of {total} wrong" if proof.failed else "",
        f"{proof.inconclusive} of {total} inconclusive" if proof.inconclusive and not member else "",
        f"{proof.passed} of {total} as expected" if proof.state == "proven" or member else "",
    )
    return concluded(
        proof, counts, f"evidence {lines}/{len(asked)} audit lines", "needs a member" if member else proof.state
    )


def concluded(proof: Proof | LoginProof, counts: Iterable[str], evidence: str, word: str) -> str:
    """The last line of a proof: how it came out, how many verdicts did so, the evidence, and the record."""
    where = f"{environment()}: " if environment() else ""
    shown = terminal.styled(word, _STATES[proof.state])
    return f"{where}{shown}: {', '.join(filter(None, counts))} · {evidence} · journal {proof.record}"
