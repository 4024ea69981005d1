"""Probe x Outcome x audit lines -> Verdict.

Inconclusive is not denied: a refusal counts only where a reachable, unsealed system refused, for the reason that the
probe is about, and wrote a line about it into its audit log. No line, no proof.
"""

from collections.abc import Iterable, Sequence

import msgspec

from warden.core.access_index.removal import mended_policy
from warden.core.access_index.snapshot import Snapshot
from warden.core.openbao.api import Answer, AuditLine, refused_at_login, said_by
from warden.core.openbao.refill import undelete
from warden.core.proofs.details import (
    CallerRefused,
    CapabilitiesDiffer,
    FieldsDiffer,
    GrantedByOthers,
    NoAnswer,
    NoAuditLine,
    NoLiveVersion,
    NotSent,
    NotWrapped,
    OtherReason,
    PathCapabilities,
    ReaderCannotLogIn,
    ReaderRefused,
    RefusedAtLogin,
    UnclearReply,
    ValuesDoubtful,
)
from warden.core.proofs.inspection import Inspection, doubtful
from warden.core.proofs.probes import NEEDS, Held, Nobody, Probe
from warden.core.proofs.verdict import Detail, Observation, Verdict
from warden.core.proofs.withheld import WithheldSeen, judged
from warden.core.quoting import placeholder, quoted
from warden.core.remedies import Remedy, RunBao, RunWarden, Step
from warden.core.routes.proof_states import Result

OK, NO_CONTENT, BAD_REQUEST, FORBIDDEN, NOT_FOUND = 200, 204, 400, 403, 404

BY_REFUSAL = frozenset({"refused", "logged-in"})
"""What is concluded from a refusal needs its audit line even where it is wrong: a proxy in between refuses, too."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a probe: an answer, or why there is none.

    ``entity`` is the identity that OpenBao logs the actor's session under, ``ms`` the milliseconds it took.
    """

    nonce: str
    answer: Answer | None
    failure: NotSent | ReaderCannotLogIn | NoAnswer | None = None
    entity: str = ""
    ms: float = 0.0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer shows by itself, before its audit line is looked for."""

    result: Result
    observed: Observation
    detail: Detail | None = None
    version: int = 0


def judge(probe: Probe, outcome: Outcome, lines: Sequence[AuditLine], snapshot: Snapshot | None = None) -> Verdict:
    """The verdict on one probe, given the audit lines that carry its nonce, and the policies where they were read."""
    found = _judge_outcome(probe, outcome)
    line = evidence(probe, outcome, lines)
    if line is None and (found.result == "ok" or (found.result == "wrong" and found.observed in BY_REFUSAL)):
        found = Judgement(result="inconclusive", observed=found.observed, detail=NoAuditLine())
    elif line is not None:
        found = _with_grants(probe, found, line)
    return Verdict(
        probe=probe.id,
        reader=probe.reader,
        result=found.result,
        expected=probe.expected,
        observed=found.observed,
        subject=probe.subject,
        version=found.version,
        status=outcome.answer.status if outcome.answer else 0,
        detail=found.detail,
        audit=line.id if line else "",
        at=line.at if line else "",
        ms=round(outcome.ms, 1),
        remedy=_remedy(probe, found, snapshot) if found.result == "wrong" else (),
    )


def _with_grants(probe: Probe, found: Judgement, line: AuditLine) -> Judgement:
    """The same, where the audit line shows that other policies than the lane's let the request pass."""
    if found.result == "ok" and probe.granted_by and line.granted_by != (probe.granted_by,):
        granted = GrantedByOthers(line.granted_by, only=probe.granted_by)
        return Judgement(result="wrong", observed="by-others", detail=granted)
    others = tuple(name for name in line.granted_by if name and probe.policy not in {"", name})
    if found.observed == "allowed" and found.result == "wrong" and others:
        return msgspec.structs.replace(found, detail=GrantedByOthers(others))
    return found


def _remedy(probe: Probe, found: Judgement, snapshot: Snapshot | None) -> Remedy:
    """What fixes it. Another policy is not `apply`'s to change, and a field too many in a path is removed there.

    A value that was deleted is brought back: a new one would have to be had first.
    """
    detail = found.detail
    if isinstance(detail, GrantedByOthers):
        others = [name for name in detail.policies if name and name != probe.policy]
        asked = [(probe.path, need) for need in NEEDS[probe.method]]
        return (mended_policy(snapshot, others[0], asked),) if others and probe.policy else probe.remedy
    if isinstance(detail, ValuesDoubtful):
        return tuple(_naming(step, tuple(each.field for each in detail.fields)) for step in probe.remedy)
    if isinstance(detail, FieldsDiffer):
        put = tuple(_naming(step, detail.missing) for step in probe.remedy) if detail.missing else ()
        return (*put, *_without(probe, detail.extra, found.version + bool(put)))
    if isinstance(detail, NoLiveVersion) and detail.deleted:
        mount, _, key = probe.path.partition("/subkeys/")
        return (undelete(mount, key, detail.deleted),)
    return probe.remedy


def _without(probe: Probe, fields: tuple[str, ...], version: int) -> Remedy:
    """Remove fields from that version of the path: a check-and-set is required."""
    mount, _, key = probe.path.partition("/subkeys/")
    names = tuple(map(placeholder, fields))
    return (RunBao(action="remove-fields", mount=mount, path=key, names=names, version=version),) if names else ()


def _naming(step: Step, fields: tuple[str, ...]) -> Step:
    """`put` with the fields that have no value."""
    if not isinstance(step, RunWarden) or step.command != "put":
        return step
    return msgspec.structs.replace(step, arguments=(step.arguments[0], *fields))


# -- evidence ---------------------------------------------------------------------------------------------------------


def evidence(probe: Probe, outcome: Outcome, lines: Iterable[AuditLine]) -> AuditLine | None:
    """The response line that shows this very request: its path, and whom OpenBao took the actor for.

    A refused login has only the login's line; a login that was accepted is followed by the line of the action. The
    line of an action in a session must name that session's entity, or the refusal was of an unknown token.
    """
    answers = [line for line in lines if line.nonce == outcome.nonce and line.kind == "response"]
    if outcome.answer is not None and refused_at_login(outcome.answer):
        return next((line for line in answers if line.path.endswith("/login")), None)
    actions = [line for line in answers if line.path.rstrip("/") == probe.path.rstrip("/")]
    if isinstance(probe.actor, Held):
        actions = [line for line in actions if line.entity and line.entity == outcome.entity]
    elif isinstance(probe.actor, Nobody):
        actions = [line for line in actions if not line.display_name]
    else:
        actions = [line for line in actions if line.display_name]
    return actions[-1] if actions else None


# -- answers ----------------------------------------------------------------------------------------------------------


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


def may_read(outcome: Outcome) -> bool:
    """Whether a reader was allowed to read just now."""
    return outcome.answer is not None and outcome.answer.status == OK


def _judge_outcome(probe: Probe, outcome: Outcome) -> Judgement:
    answer = outcome.answer
    if answer is None:
        return Judgement(result="inconclusive", observed="no-answer", detail=outcome.failure)
    if isinstance(seen := answer.body.get("seen"), WithheldSeen):
        result, observed, detail = judged(probe.id, seen)
        return Judgement(result=result, observed=observed, detail=detail)
    allowed = was_allowed(answer)
    if allowed is None:
        unclear = UnclearReply(answer.status, quoted(said_by(answer)))
        return Judgement(result="inconclusive", observed="no-answer", detail=unclear)
    if probe.expected == "refused":
        if allowed:
            return Judgement(result="wrong", observed="allowed")
        return _judge_refusal(probe, answer)
    return _judge_allowed(probe, answer) if allowed else _judge_unexpected_refusal(probe, answer)


def _judge_refusal(probe: Probe, answer: Answer) -> Judgement:
    reply, at_login = said_by(answer), refused_at_login(answer)
    if probe.at_login and not at_login:
        return Judgement(result="wrong", observed="logged-in")
    if probe.at_login and not any(reason in reply for reason in probe.reasons):
        return Judgement(result="inconclusive", observed="refused", detail=OtherReason(quoted(reply)))
    if not probe.at_login and at_login:
        return Judgement(result="inconclusive", observed="refused", detail=RefusedAtLogin(quoted(reply)))
    return Judgement(result="ok", observed="refused")


def _judge_unexpected_refusal(probe: Probe, answer: Answer) -> Judgement:
    reply = quoted(said_by(answer))
    if not probe.reader or probe.capabilities:  # a token without the policy default may not ask what it may do
        capability = "read" if probe.method == "GET" else "update"
        return Judgement(result="inconclusive", observed="refused", detail=CallerRefused(reply, probe.path, capability))
    unconfirmed = refused_at_login(answer) and (not reply or reply.endswith("permission denied"))
    return Judgement(result="wrong", observed="refused", detail=ReaderRefused(reply, unconfirmed))


def _judge_allowed(probe: Probe, answer: Answer) -> Judgement:
    if probe.id == "value-form":
        return _judge_form(answer.body.get("inspection"))
    if probe.capabilities:
        return _judge_capabilities(probe, answer)
    if probe.fields:
        return _judge_fields(probe, answer)
    if answer.status == OK and not answer.body.get("wrap_info"):
        return Judgement(result="inconclusive", observed="allowed", detail=NotWrapped())
    # 404 counts as allowed: who may not read gets 403. That there is nothing to read is the finding of another probe.
    return Judgement(result="ok", observed="allowed")


def _judge_form(inspection: object) -> Judgement:
    """What was seen of the value is all that is left of the answer."""
    if not isinstance(inspection, Inspection):
        return Judgement(result="inconclusive", observed="none", detail=NoLiveVersion())
    if detail := doubtful(inspection.doubts):
        return Judgement(result="wrong", observed="doubtful", detail=detail, version=inspection.version)
    return Judgement(result="ok", observed="version", version=inspection.version)


def _judge_capabilities(probe: Probe, answer: Answer) -> Judgement:
    held = answer.body.get("data") or {}
    different = tuple(
        PathCapabilities(path, tuple(sorted(held.get(path) or ())))
        for path, declared in probe.capabilities.items()
        if set(held.get(path) or ()) != set(declared)
    )
    if different:
        return Judgement(result="wrong", observed="more", detail=CapabilitiesDiffer(different))
    return Judgement(result="ok", observed="as-declared")


def _judge_fields(probe: Probe, answer: Answer) -> Judgement:
    if answer.status == NOT_FOUND:
        return Judgement(result="wrong", observed="none", detail=NoLiveVersion(_deleted(answer)))
    data = answer.body.get("data") or {}
    differ = fields_differ(probe.fields, data.get("subkeys") or ())
    version = int((data.get("metadata") or {}).get("version") or 0)
    if differ is not None:
        return Judgement(result="wrong", observed="differs", detail=differ, version=version)
    return Judgement(result="ok", observed="version", version=version)


def _deleted(answer: Answer) -> int:
    """The newest version, where the answer says that it was deleted and not destroyed."""
    found = (answer.body.get("data") or {}).get("metadata") or {}
    return int(found.get("version") or 0) if found.get("deletion_time") and not found.get("destroyed") else 0


def fields_differ(declared: Iterable[str], found: Iterable[str]) -> FieldsDiffer | None:
    """What is missing and what is too much; ``None`` where they are the same."""
    missing, extra = sorted(set(declared) - set(found)), sorted(set(found) - set(declared))
    return FieldsDiffer(tuple(missing), tuple(extra)) if missing or extra else None
