"""Probe x Outcome -> Verdict; the verdicts of a lane are its Proof.

Inconclusive is not denied: a refusal counts only when a reachable, unsealed system refused, for the reason that the
probe is about, and wrote a line about it into its audit log. No line, no proof.
"""

import shlex
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from warden.core.lanes.lane import Stretch
from warden.core.openbao.api import Answer, AuditLine, refused_at_login, said_by
from warden.core.proofs.probes import Held, Nobody, Probe

Word = Literal["ok", "FAIL", "??"]
State = Literal["proven", "refuted", "inconclusive"]

OK, NO_CONTENT, BAD_REQUEST, FORBIDDEN, NOT_FOUND = 200, 204, 400, 403, 404


BY_REFUSAL = frozenset({"REFUSED", "LOGGED IN"})
"""What is concluded from a refusal needs its audit line as well: a proxy in between refuses, too."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of sending a probe.

    ``answer`` is ``None`` where none came, then ``why`` says so in words. ``entity`` is what OpenBao logs
    the actor's session under, ``ms`` the milliseconds it took.
    """

    nonce: str
    answer: Answer | None
    why: str = ""
    entity: str = ""
    ms: float = 0.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe showed.

    ``audit`` is the id of its line in the audit log, empty where there is none; ``difference`` the lines of a
    difference (``+`` is missing on the server, ``-`` is there undeclared); ``mend`` the command that mends it, which is
    for the owner of the ``stretch``.
    """

    probe: str
    title: str
    reader: str
    word: Word
    expected: str
    observed: str
    status: int
    detail: str
    audit: str
    at: str
    ms: float
    difference: tuple[str, ...] = ()
    mend: str = ""
    stretch: Stretch = "custody"


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts of one lane, and the number of its record in the journal (0: not recorded yet).

    ``scope`` is ``lane`` for the whole way, ``custody`` where no delivery was looked at, ``some clusters`` between.
    """

    lane: str
    verdicts: tuple[Verdict, ...]
    record: int = 0
    scope: str = "lane"

    @property
    def passed(self) -> int:
        """How many were as expected."""
        return sum(verdict.word == "ok" for verdict in self.verdicts)

    @property
    def failed(self) -> int:
        """How many were answered wrongly."""
        return sum(verdict.word == "FAIL" for verdict in self.verdicts)

    @property
    def open(self) -> int:
        """How many are inconclusive."""
        return sum(verdict.word == "??" for verdict in self.verdicts)

    @property
    def first(self) -> Verdict | None:
        """The first verdict that was answered wrongly and that a command mends; ``None`` where there is none."""
        return next((each for each in self.verdicts if each.word == "FAIL" and each.mend), None)

    @property
    def state(self) -> State:
        """Refuted by one wrong answer; proven only when every answer was right."""
        if self.failed:
            return "refuted"
        return "proven" if self.passed and not self.open else "inconclusive"


def judge(probe: Probe, outcome: Outcome, lines: Sequence[AuditLine]) -> Verdict:
    """The verdict on one probe, given the audit lines that carry its nonce."""
    word, observed, detail = _by_answer(probe, outcome)
    line = evidence(probe, outcome, lines)
    if line is None and (word == "ok" or observed in BY_REFUSAL):
        word, detail = "??", "the audit log has no line of it; without a line it counts as nothing"
    elif word == "ok" and line is not None and probe.granted_by and line.granted_by != (probe.granted_by,):
        word, observed = "FAIL", "BY OTHERS"
        detail = f"the read was granted by {', '.join(line.granted_by) or 'no policy'}, not by {probe.granted_by} alone"
    others = _others(probe, line) if observed in {"ALLOWED", "BY OTHERS"} else []
    if others and observed == "ALLOWED":
        detail = f"{detail}: by {', '.join(others)}"
    return Verdict(
        probe=probe.id,
        title=probe.title,
        reader=probe.reader,
        word=word,
        expected=probe.expected,
        observed=observed,
        status=outcome.answer.status if outcome.answer else 0,
        detail=detail,
        audit=line.id if line else "",
        at=line.at if line else "",
        ms=round(outcome.ms, 1),
        mend=_mend(probe, detail, others) if word == "FAIL" else "",
    )


def _others(probe: Probe, line: AuditLine | None) -> list[str]:
    """The policies, none of them the lane's own, that let the request pass."""
    return [name for name in (line.granted_by if line else ()) if name and probe.policy not in {"", name}]


UNDECLARED = "not declared: "

UNCONFIRMED = "; if the role is as declared: may OpenBao review tokens in that cluster (system:auth-delegator)?"
"""What a login that is denied without a reason may mean: the cluster did not confirm the token to OpenBao."""


def _mend(probe: Probe, detail: str, others: Sequence[str] = ()) -> str:
    """The command that mends it; what is too much in a path is taken out, and another's policy is not `apply`'s."""
    if others:
        return f"bao policy read {shlex.quote(others[0])}"
    if not probe.fields or not detail.startswith(UNDECLARED):
        return probe.mend
    mount, _, key = probe.path.partition("/subkeys/")
    names = " ".join(f"-remove-data={name}" for name in detail.removeprefix(UNDECLARED).split(", "))
    return f"bao kv patch -mount={mount} {names} {key}"


def finding(
    probe: str,
    title: str,
    detail: str = "",
    *,
    reader: str = "",
    word: Word = "FAIL",
    difference: tuple[str, ...] = (),
    mend: str = "",
    stretch: Stretch = "custody",
) -> Verdict:
    """A verdict that comes from comparing, not from a request of its own."""
    observed = {"ok": "as declared", "FAIL": "DIFFERS", "??": "not seen"}[word]
    return Verdict(
        probe=probe,
        title=title,
        reader=reader,
        word=word,
        expected="as declared",
        observed=observed,
        status=0,
        detail=detail,
        audit="",
        at="",
        ms=0.0,
        difference=difference,
        mend=mend if word != "ok" else "",
        stretch=stretch,
    )


def evidence(probe: Probe, outcome: Outcome, lines: Iterable[AuditLine]) -> AuditLine | None:
    """The response line that shows this very request: its path, and who OpenBao took the asker for.

    A refused login has only the login's line; a login that was accepted is followed by the line of the action. The
    line of an action by a session must name that session's entity, or the refusal was of an unknown token.
    """
    answers = [line for line in lines if line.nonce == outcome.nonce and line.kind == "response"]
    if outcome.answer is not None and refused_at_login(outcome.answer):
        return next((line for line in answers if line.path.endswith("/login")), None)
    acts = [line for line in answers if line.path.rstrip("/") == probe.path.rstrip("/")]
    if isinstance(probe.actor, Held):
        acts = [line for line in acts if line.entity and line.entity == outcome.entity]
    elif isinstance(probe.actor, Nobody):
        acts = [line for line in acts if not line.display_name]
    else:
        acts = [line for line in acts if line.display_name]
    return acts[-1] if acts else None


def was_allowed(answer: Answer) -> bool | None:
    """Whether the server let the action pass; ``None`` where its status says neither.

    404 is an answer to somebody who may ask; so is a check-and-set that did not match (KV v2 API).
    """
    if answer.is_page:
        return None
    if answer.status in {OK, NO_CONTENT, NOT_FOUND}:
        return True
    if answer.status == FORBIDDEN or refused_at_login(answer):
        return False
    if answer.status == BAD_REQUEST and "check-and-set" in said_by(answer):
        return True
    return None


def _by_answer(probe: Probe, outcome: Outcome) -> tuple[Word, str, str]:
    if outcome.answer is None:
        return "??", "no answer", f"{outcome.why.rstrip('.')}; not counted as a refusal"
    allowed = was_allowed(outcome.answer)
    said = said_by(outcome.answer)
    if allowed is None:
        return (
            "??",
            "no answer",
            f"answered {outcome.answer.status} {said or ''}".strip() + "; not counted as a refusal",
        )
    if probe.expected == "allowed":
        return _expecting_allowed(probe, outcome.answer, allowed=allowed)
    if allowed:
        return "FAIL", "ALLOWED", probe.meaning
    return _expecting_refusal(probe, outcome.answer)


def _expecting_refusal(probe: Probe, answer: Answer) -> tuple[Word, str, str]:
    said, at_login = said_by(answer), refused_at_login(answer)
    if probe.at_login and not at_login:
        return "FAIL", "LOGGED IN", f"{probe.meaning} (the login was accepted, only the read was refused)"
    if probe.at_login and not any(reason in said for reason in probe.reasons):
        return "??", "refused", f"but for another reason than the one tried: {said}"
    if not probe.at_login and at_login:
        return "??", "refused", f"at the login, before the policy was asked: {said}"
    return "ok", "refused", ""


def _expecting_allowed(probe: Probe, answer: Answer, *, allowed: bool) -> tuple[Word, str, str]:
    if not allowed:
        said = said_by(answer) or "permission denied"
        if not probe.reader:
            return "??", "refused", f"the caller may not look: {said}"
        unsure = UNCONFIRMED if refused_at_login(answer) and said.endswith("permission denied") else ""
        return "FAIL", "REFUSED", f"{probe.meaning}: {said}{unsure}"
    if probe.capabilities:
        return _judge_capabilities(probe, answer)
    if probe.fields:
        return _judge_fields(probe, answer)
    if answer.status == OK and not answer.body.get("wrap_info"):
        return "??", "allowed", "the answer was not wrapped"
    # 404: who may not read is told 403; that there is nothing to read is another probe's finding.
    return "ok", "allowed", ""


def _judge_capabilities(probe: Probe, answer: Answer) -> tuple[Word, str, str]:
    held = answer.body.get("data") or {}
    more = [
        f"{path}: {', '.join(sorted(held.get(path) or ['nothing said']))}"
        for path, allowed in probe.capabilities.items()
        if set(held.get(path) or ()) != set(allowed)
    ]
    return ("FAIL", "MORE", f"{probe.meaning}: {'; '.join(more)}") if more else ("ok", "as declared", "")


def _judge_fields(probe: Probe, answer: Answer) -> tuple[Word, str, str]:
    if answer.status == NOT_FOUND:
        return "FAIL", "NONE", "there is no live version: nothing was put there, or it was deleted"
    found = set((answer.body.get("data") or {}).get("subkeys") or ())
    missing, extra = sorted(set(probe.fields) - found), sorted(found - set(probe.fields))
    if not missing and not extra:
        return "ok", f"version {(answer.body.get('data') or {}).get('metadata', {}).get('version', '?')}", ""
    parts = [f"missing {', '.join(missing)}"] if missing else []
    parts += [f"{UNDECLARED}{', '.join(extra)}"] if extra else []
    return "FAIL", "DIFFERS", "; ".join(parts)
