"""Showing that each former reader of a closed lane is refused: the probes of a proof, with their audit lines.

It acts as the readers, as `prove` does, with short-lived tokens that the operator may mint; each is journaled first.
"""

import time
from collections.abc import Sequence

import msgspec

from warden.core.errors import WardenError
from warden.core.lanes.lane import Lane, RoleName
from warden.core.lifecycle.closed_parts import DenialPart
from warden.core.lifecycle.closing import Step
from warden.core.proofs.denial import denial_probes, not_shown
from warden.core.proofs.machine_probes import OwnCredentials
from warden.core.proofs.probe_verdicts import Outcome, judge
from warden.core.proofs.probes import Probe
from warden.core.proofs.verdict import Verdict
from warden.ports.audit_log import AuditLog
from warden.ports.identities import Identities
from warden.usecases.context import Context
from warden.usecases.steps.audit_lines import read_evidence
from warden.usecases.steps.closing_records import StepRecords
from warden.usecases.steps.members import memberships
from warden.usecases.steps.probe_sender import ProbeSender
from warden.usecases.steps.prove_readers import announcement, presented_for
from warden.usecases.steps.sessions import SessionRecords


class ProbeTools(msgspec.Struct, frozen=True, kw_only=True):
    """What former readers are played with, and where the audit lines are read.

    ``run`` is how each nonce begins; unique. ``audit`` is an error where it is not known where the log is.
    """

    identities: Identities
    audit: AuditLog | WardenError
    run: str
    own: OwnCredentials = OwnCredentials()


def prove_denied(
    lane: Lane, context: Context, tools: ProbeTools | None, records: StepRecords, started: float
) -> DenialPart:
    """Ask as each former reader; `started` is when the command began (`time.monotonic`). Raises `JournalUnwritable`."""
    if tools is None:
        return DenialPart()
    if isinstance(tools.audit, WardenError):
        return DenialPart(fault=tools.audit)
    try:
        return _asked(lane, context, tools, records, started)
    except WardenError as fault:
        if fault.kind == "journal":
            raise
        return DenialPart(fault=fault)


def _asked(lane: Lane, context: Context, tools: ProbeTools, records: StepRecords, started: float) -> DenialPart:
    assert not isinstance(tools.audit, WardenError)  # noqa: S101 - its caller has looked
    presented, means = presented_for(lane, tools.own, tools.identities.mints)
    members = memberships(lane, context.vault.identity())
    probes = denial_probes(lane, means, as_member=members, gone=_gone(lane, context))
    nonces = [f"{tools.run}-c{index}" for index in range(len(probes))]
    step = Step(kind="prove-denied", subject=lane.id)
    records.record(step, doing="ask", **announcement(probes, nonces))
    sessions = SessionRecords(lane.id, context.vault.address, context.journal)
    sender = ProbeSender(lane, context.vault, tools.identities, means=means, presented=presented, records=sessions)
    try:
        sent = [(probe, sender.send(probe, nonce)) for probe, nonce in zip(probes, nonces, strict=True)]
    finally:
        context.journal.record_all(sender.close())
    verdicts = (*_judged(sent, tools.audit, tools.run), *not_shown(lane, means, members))
    found = DenialPart(verdicts=verdicts)
    if found.is_proven:
        found = msgspec.structs.replace(found, ms=max(1, round((time.monotonic() - started) * 1000)))
    records.record(step, done=found.is_proven, ms=found.ms, verdicts=[each.facts for each in verdicts])
    return found


def _judged(sent: Sequence[tuple[Probe, Outcome]], audit: AuditLog, run: str) -> tuple[Verdict, ...]:
    expected = {outcome.nonce for _, outcome in sent if outcome.answer is not None}
    evidence = read_evidence(expected, set(), audit, run)
    judged = tuple(judge(probe, outcome, evidence.lines.get(outcome.nonce, ())) for probe, outcome in sent)
    if evidence.unavailable is None:
        return judged
    return tuple(
        each if each.result == "wrong" else msgspec.structs.replace(each, detail=evidence.unavailable)
        for each in judged
    )


def _gone(lane: Lane, context: Context) -> frozenset[RoleName]:
    """The roles of the readers that the server does not have, as far as that may be looked at."""
    found = set()
    for name in {lane.role_name(each) for each in lane.readers}:
        try:
            if context.vault.role(name) is None:
                found.add(name)
        except WardenError:  # the probe itself says what can be said
            continue
    return frozenset(found)
