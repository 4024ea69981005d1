"""Proofs of actors as text for a terminal, or as JSON."""

from collections.abc import Sequence
from typing import Any

from warden.core.remedies import warden
from warden.core.ssh.login_proof import LoginProof, LoginVerdict
from warden.present import terminal
from warden.present.checkpoints import checkpoint_json, show_unsigned
from warden.present.commands import command, commands, only_commands
from warden.present.login_verdicts import REASONS, TITLES, explanation, title
from warden.present.proofs import STYLES, WORDS, concluded
from warden.present.surroundings import named_environment

TITLE = 46
_RIGHTS = warden("doctor", policy="prove")


def proof_json(proof: LoginProof) -> dict[str, Any]:
    """``actor, environment, state, passed, failed, inconclusive, total, host, own, account``, and what follows.

    That is ``not_asked[], journal, mend, checkpoint{}, verdicts[]``.
    """
    return {
        "actor": proof.actor,
        **named_environment(),
        "state": proof.state,
        "passed": proof.count("ok"),
        "failed": proof.count("wrong"),
        "inconclusive": proof.count("inconclusive"),
        "total": len(proof.verdicts),
        "host": proof.host,
        "own": proof.own,
        "account": proof.account,
        "not_asked": list(proof.not_asked),
        "journal": proof.record,
        "mend": only_commands(*proof.remedy),
        "checkpoint": checkpoint_json(proof.checkpoint),
        "verdicts": [_verdict_json(each) for each in proof.verdicts],
    }


def _verdict_json(verdict: LoginVerdict) -> dict[str, Any]:
    return {
        "probe": verdict.probe,
        "title": title(verdict),
        "word": WORDS[verdict.result],
        "expected": verdict.expected,
        "observed": verdict.observed.replace("-", " "),
        "reason": verdict.reason or "",
        "sshd": "" if verdict.status else verdict.said,
        "status": verdict.status,
        "audit": verdict.audit,
        "serial": str(verdict.serial) if verdict.serial else "",
        "authority": verdict.authority,
        "certificate": verdict.record,
        "detail": explanation(verdict),
        "fix": commands(verdict.remedy),
        "ms": verdict.ms,
    }


def show(proof: LoginProof, *, brief: bool = False) -> None:
    """Every verdict, and sshd's own words below what it refused; `brief` leaves out what is as expected."""
    terminal.heading(f"actor {proof.actor}", f"{proof.host}, account {proof.account}")
    for verdict in proof.verdicts:
        if not brief or verdict.result != "ok":
            _show_verdict(verdict)
    if "nobody-else" in proof.not_asked:
        terminal.sentence(f"Not looked at: who else can have it signed. That takes rights: {command(_RIGHTS)}")
    if "other-actor" in proof.not_asked:
        terminal.sentence("Not tried here, since none could be had: a certificate of another actor.")
    if left := [each for each in proof.not_asked if each not in {"nobody-else", "other-actor"}]:
        asked = ", ".join(TITLES[each] for each in left)
        here = command(warden("prove", proof.actor))
        terminal.sentence(f"Not tried here, since no CA that {proof.host} trusts signs it: {asked}. To try it: {here}")
    terminal.sentence(_conclusion(proof))
    if proof.remedy:
        terminal.sentence(f"Next: {only_commands(*proof.remedy)}")
    show_unsigned(proof.checkpoint)


def _show_verdict(verdict: LoginVerdict) -> None:
    word = terminal.styled(f"{WORDS[verdict.result]:<4}", STYLES[verdict.result])
    observed = verdict.observed.replace("-", " ")
    observed = {"refused": "denied"}.get(observed, observed)
    shown = observed.upper() if verdict.result == "wrong" else observed
    took = f"{verdict.ms:>5.0f} ms" if verdict.ms else ""
    terminal.line(f"  {word} {title(verdict):<{TITLE}} {shown:<14} {took}".rstrip())
    fix = f"fix: {commands(verdict.remedy)}" if verdict.remedy and verdict.result != "ok" else ""
    for text in (_evidence(verdict), explanation(verdict), fix):
        for part in terminal.wrapped(text, indent=9) if text else ():
            terminal.line(part)


def _evidence(verdict: LoginVerdict) -> str:
    """The serial by which the issue log and sshd's log are joined, and sshd's words for a refusal."""
    if verdict.status:
        line = f"audit {verdict.audit[:8]}" if verdict.audit else "no audit line"
        return f"{line}: {verdict.status} {verdict.said}".rstrip()
    if not verdict.serial:
        return f"journal {verdict.record}, signed by {verdict.subject}" if verdict.record else ""
    signed = f"serial {verdict.serial}" + (f", journal {verdict.record}" if verdict.record else "")
    if verdict.reason == "not-listed":
        return f"{signed}: {REASONS[verdict.reason]}"
    return f"{signed}: {verdict.said}" if verdict.reason else signed


def _conclusion(proof: LoginProof) -> str:
    total = len(proof.verdicts)
    wrong, open_ = proof.count("wrong"), proof.count("inconclusive")
    counts = (
        f"{wrong} of {total} wrong" if wrong else "",
        f"{open_} of {total} inconclusive" if open_ else "",
        f"{total} of {total} as expected" if proof.state == "proven" else "",
    )
    lines, asked = proof.lines
    return concluded(proof, counts, f"sshd's log {lines}/{asked} lines", proof.state)


def show_tally(found: Sequence[LoginProof]) -> None:
    """Of several actors how many came out how."""
    if len(found) > 1:
        words = [each.state for each in found]
        counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
        terminal.sentence(f"{len(found)} actors: {counts}")
