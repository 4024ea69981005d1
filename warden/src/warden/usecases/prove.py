"""prove: who may read a lane and who may not, and whether each cluster has what OpenBao holds, shown live.

    lane -> compare with the declaration -> look at how the value is kept -> announce in the journal -> send probes
         -> refresh deliveries -> audit lines -> Verdicts -> record -> Proof

It acts as others only with short-lived tokens that its operator may mint; each is named in the journal before it is
used. No identity, policy or value is changed, and nothing is sent before the mount is known to be KV version 2.
"""

from collections.abc import Iterator, Sequence

import msgspec

from warden.core.errors import Effect, Inconclusive, Refused
from warden.core.lanes.delivery_target import DeliveryTarget
from warden.core.lanes.lane import Lane
from warden.core.notices.told import refuted
from warden.core.plans.lane_plan import LaneOptions
from warden.core.proofs.custody_checks import header_seen
from warden.core.proofs.details import ClosedMeanwhile
from warden.core.proofs.evidence import Evidence, data_path
from warden.core.proofs.findings import Flags, flags_of, openbao_findings, with_flags
from warden.core.proofs.machine_probes import OwnCredentials, machine_probes
from warden.core.proofs.probe_verdicts import Outcome, judge
from warden.core.proofs.probes import Probe, member_probes, probes, unplayed_readers
from warden.core.proofs.reader_holds import judge_holdings
from warden.core.proofs.verdict import Proof, Verdict
from warden.core.routes.proof_states import Scope
from warden.core.unobserved import unobserved
from warden.ports.audit_log import AuditLog
from warden.ports.identities import Identities
from warden.ports.vault import Vault
from warden.usecases.context import Context
from warden.usecases.steps.audit_lines import read_evidence
from warden.usecases.steps.checkpoint import checkpoint
from warden.usecases.steps.closing import expect_open, mark_there
from warden.usecases.steps.concurrency import at_once
from warden.usecases.steps.copies import CopiesSearch
from warden.usecases.steps.exposure import Exposures
from warden.usecases.steps.killed_operations import end_killed_before_proofs
from warden.usecases.steps.members import by_others, memberships
from warden.usecases.steps.probe_sender import ProbeSender
from warden.usecases.steps.proof_records import ProofRecords
from warden.usecases.steps.prove_custody import (
    ObservedCustody,
    conclude_custody,
    inspect,
    not_inspected,
    observe_custody,
    with_accepted,
    with_hashes,
)
from warden.usecases.steps.prove_delivery import (
    DeliveryTools,
    ObservedDelivery,
    conclude_delivery,
    observe_delivery,
    summarize,
)
from warden.usecases.steps.prove_readers import announcement, presented_for
from warden.usecases.steps.refresh import PATIENCE
from warden.usecases.steps.sessions import SessionRecords
from warden.usecases.steps.ways import WaysIn
from warden.usecases.targets.openbao import OpenBaoTarget, SharedAnswers


class ProveOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a proof is made, and of which part of a lane.

    Attributes:
        run: how each nonce in the audit log begins; unique.
        clusters: only the deliveries to these; empty for all of them.
        custody_only: no cluster is asked for anything, so nobody whose tokens a cluster makes is impersonated.
        own: what the operator can be a reader with.
        opening: lanes that are being opened: they are closed, and proven as if they were not.
        inspect: fetch the value as one of its readers, look at it in memory, and forget it.
        workers: lanes that are proven at once.
        patience: seconds that External Secrets Operator may take for a refresh.
    """

    run: str
    clusters: tuple[str, ...] = ()
    custody_only: bool = False
    own: OwnCredentials = OwnCredentials()
    opening: frozenset[str] = frozenset()
    inspect: bool = False
    workers: int = 4
    patience: float = PATIENCE


class ObservedLane(msgspec.Struct, frozen=True, kw_only=True):
    """A lane whose probes were sent: what was found without them, what came of each, and its deliveries.

    ``of_member``: the caller may ask nothing but to read, as one of the people who are readers. ``flags``: what `apply`
    needs to get through the plan of OpenBao, which comes before those of the clusters.
    """

    lane: Lane
    findings: tuple[Verdict, ...]
    custody: ObservedCustody = ObservedCustody()
    sent: tuple[tuple[Probe, Outcome], ...] = ()
    deliveries: tuple[ObservedDelivery, ...] = ()
    of_member: bool = False
    flags: Flags = Flags()


def prove(
    lanes: Sequence[Lane], context: Context, identities: Identities, audit: AuditLog, options: ProveOptions
) -> list[Proof]:
    """Prove each of `lanes`, several at a time; answers their proofs in the same order.

    Raises:
        Closed: one of them is closed; nothing was asked.
        UsageError: an option names a cluster that the only lane is not delivered to; nothing was asked.
        Unidentified, Inconclusive: before anything was sent.
        JournalUnwritable: nothing more is sent.
    """
    prover = LaneProver(lanes, context, identities, options)
    with prover.records.failure_recorded():
        observed = at_once(prover.observe, lanes, options.workers)
        evidence = _read_evidence(observed, audit, options.run)
        found = [prover.conclude(each, evidence) for each in observed]
    return _signed(found, context)


def _signed(found: list[Proof], context: Context) -> list[Proof]:
    """The proofs with one checkpoint for all of them; a member's own proof is not one of the lane."""
    proven = [each.lane for each in found if each.scope != "member"]
    if not proven:
        return found
    made = checkpoint(context, "proof", proven[0] if len(proven) == 1 else "")
    return [msgspec.structs.replace(each, checkpoint=made) for each in found]


class LaneProver:
    """Proves lanes in two steps, with one look into the audit log between them.

    Raises as `prove`.
    """

    def __init__(self, lanes: Sequence[Lane], context: Context, identities: Identities, options: ProveOptions) -> None:
        self._context = context
        self._identities = identities
        self._options = options
        self._closed = {lane: mark for lane, mark in context.closed.items() if lane not in options.opening}
        self._closings = {lane: context.journal.state(lane).closed for lane in options.opening}
        others = [lane for lane in lanes if lane.id not in options.opening]
        expect_open(others, context.vault, context.journal, Effect.NOTHING_ASKED)
        self._targets = {lane.id: self._targets_of(lane, alone=len(lanes) == 1) for lane in lanes}
        for name in sorted({target.cluster for targets in self._targets.values() for target in targets}):
            context.clusters[name]  # connected to before there are several threads
        declared = context.clusters.declared.values()
        self._unplayed = frozenset(each.auth_mount for each in declared if options.custody_only)
        self._caller = context.vault.identity()
        self._earlier = end_killed_before_proofs(lanes, context)
        who = {"system": context.vault.address, "identity": self._caller.as_json()}
        self.records = ProofRecords(context.journal, options.run, who)
        self._answers = SharedAnswers()
        self._ways = WaysIn(context)
        self._tools = DeliveryTools(
            clusters=context.clusters,
            device=context.audit_device,
            exposures=Exposures(sampled=len(lanes) > 1, seed=options.run),
            copies=CopiesSearch(),
            patience=options.patience,
        )

    def _targets_of(self, lane: Lane, *, alone: bool) -> tuple[DeliveryTarget, ...]:
        """The deliveries to observe. Of several lanes not each is delivered to the clusters that were named."""
        named = self._options.clusters if alone else ()
        wanted = LaneOptions(clusters=named, custody_only=self._options.custody_only)
        found = self._context.deliveries(lane, wanted)
        return tuple(each for each in found if not self._options.clusters or each.cluster in self._options.clusters)

    # -- asking -------------------------------------------------------------------------------------------------------

    def observe(self, number: int, lane: Lane) -> ObservedLane:
        """Compare the lane with its declaration, send its probes, and observe its deliveries."""
        vault = self._context.vaults()
        try:
            target = self._target(lane, vault)
            plan = target.plan()
            findings = openbao_findings(lane, plan)
            others = self._ways.strangers(lane, self._answers, vault)
        except (Inconclusive, Refused) as fault:
            members = memberships(lane, self._caller)
            if isinstance(fault, Refused) and members:
                sent, _ = self._send(number, lane, member_probes(lane, members), vault, ObservedCustody())
                return ObservedLane(lane=lane, findings=(), sent=sent, of_member=True)
            away = Verdict(probe="plan", result="inconclusive", observed="not-seen", detail=unobserved(fault))
            return ObservedLane(lane=lane, findings=(away,))
        if any(verdict.probe == "mount" for verdict in findings):
            return ObservedLane(lane=lane, findings=findings)
        custody = observe_custody(lane, target, vault, self._answers)
        if self._targets[lane.id] and not self._options.inspect:
            custody = with_hashes(custody, vault, self._context.audit_device)
        _, means = presented_for(lane, self._options.own, self._identities.mints)
        members = memberships(lane, self._caller)
        unproven = by_others(lane, members, means, self._context.journal, self._context.counts_for)
        asked = (
            *probes(lane, others=others, as_member=members, unplayed=self._unplayed),
            *machine_probes(lane, means),
        )
        sent, held = ((), ()) if custody.silenced else self._send(number, lane, asked, vault, custody)
        deliveries = tuple(
            observe_delivery(
                delivery, vault, self._tools, f"{self._options.run}-{number}-d{index}", withheld=custody.withheld
            )
            for index, delivery in enumerate(self._targets[lane.id])
        )
        found = (*findings, *self._ways.verdicts(lane), *held, *unproven)
        return ObservedLane(
            lane=lane, findings=found, custody=custody, sent=sent, deliveries=deliveries, flags=flags_of(plan)
        )

    def _send(
        self, number: int, lane: Lane, asked: Sequence[Probe], vault: Vault, custody: ObservedCustody
    ) -> tuple[tuple[tuple[Probe, Outcome], ...], tuple[Verdict, ...]]:
        """Announce the probes in the journal, then send them; and what the readers hold beyond their lanes."""
        nonces = [f"{self._options.run}-{number}-{index}" for index in range(len(asked))]
        self._announce(lane, asked, nonces, refreshing=not custody.withheld)
        presented, means = presented_for(lane, self._options.own, self._identities.mints)
        records = SessionRecords(lane.id, vault.address, self._context.journal)
        sender = ProbeSender(lane, vault, self._identities, means=means, presented=presented, records=records)
        try:
            sent = tuple((probe, sender.send(probe, nonce)) for probe, nonce in zip(asked, nonces, strict=True))
            if self._options.inspect and not custody.withheld:
                nonce = f"{self._options.run}-{number}-v"
                sent += inspect(lane, sent, sender, nonce, custody, records=self.records)
        finally:
            self._context.journal.record_all(sender.close())
        return sent, judge_holdings(sender.identities(), lane.custody.policy_name, self._ways.snapshot())

    def _target(self, lane: Lane, vault: Vault) -> OpenBaoTarget:
        lanes = tuple({**self._context.lanes, lane.id: lane}.values())
        return OpenBaoTarget(
            lane,
            vault,
            lanes,
            settings=self._context.settings,
            closed=self._closed,
            opened=lane.id in self._options.opening,
            marked=lane.id in self._options.opening,
            unreadable=self._context.unreadable,
            answers=self._answers,
        )

    def _announce(self, lane: Lane, asked: Sequence[Probe], nonces: Sequence[str], *, refreshing: bool) -> None:
        """Record every probe, every identity that is about to be played, and every refresh, before any of them."""
        refreshes = [target.cluster for target in self._targets[lane.id] if refreshing and not target.by_hand]
        self.records.begin(lane.id, announcement(asked, nonces) | {"refreshes": refreshes})

    # -- concluding ---------------------------------------------------------------------------------------------------

    def conclude(self, observed: ObservedLane, evidence: Evidence) -> Proof:
        """Judge what was observed, record each verdict and the proof."""
        lane = observed.lane
        judged = tuple(
            with_flags(judge(probe, each, evidence.lines.get(each.nonce, ()), self._ways.snapshot()), observed.flags)
            for probe, each in observed.sent
        )
        delivered = [
            (each, tuple(with_flags(found, observed.flags | each.flags) for found in conclude_delivery(each, evidence)))
            for each in observed.deliveries
        ]
        measured = (*judged, *(verdict for _, verdicts in delivered for verdict in verdicts))
        measured = with_accepted(lane, measured, self._context.journal)
        kept = self._custody(observed, evidence, any(each.audit for each in judged))
        verdicts = (*observed.findings, *kept, *_unavailable(evidence, observed), *measured)
        detail = self._closed_meanwhile(lane, look=any(each.result == "wrong" for each in verdicts))
        if detail is not None:
            verdicts = (Verdict(probe="closed", result="inconclusive", observed="not-seen", detail=detail),)
            measured, delivered = (), []
        proof = Proof(
            lane=lane.id,
            verdicts=verdicts,
            scope="member" if observed.of_member else self._scope(lane),
            system=self._context.vault.address,
            unplayed=tuple(unplayed_readers(lane, self._unplayed)),
            not_connected=self._context.not_connected(lane),
            earlier_tokens=self._earlier.get(lane.id, ()),
        )
        deliveries = {each.target.cluster: summarize(each, verdicts) for each, verdicts in delivered}
        proof = self.records.end(lane, proof, measured, deliveries)
        if proof.state == "refuted" and lane.status == "active":  # a draft claims nothing yet
            self._context.notices.tell(refuted(proof, self._caller.as_json()["display_name"]))
        return proof

    def _custody(self, observed: ObservedLane, evidence: Evidence, lines_found: bool) -> Iterator[Verdict]:
        """How the value is kept, now that the audit log was read."""
        lane, custody = observed.lane, observed.custody
        yield from header_seen(custody.verdicts, lines_found=lines_found)
        yield from conclude_custody(lane, custody, observed.sent, evidence.handed_of(lane))
        looked = any(probe.id == "value-form" for probe, _ in observed.sent)
        yield from not_inspected(custody, wanted=self._options.inspect and not looked)

    def _closed_meanwhile(self, lane: Lane, *, look: bool) -> ClosedMeanwhile | None:
        """Whether the lane was closed while it was asked about, by this machine or another one.

        OpenBao is only asked where something is wrong, which a closing would explain (`look`).
        """
        closed = self._context.journal.state(lane.id).closed
        if lane.id in self._closings and closed == self._closings[lane.id]:
            return None
        if closed is not None:
            return ClosedMeanwhile(str(closed.body.get("reason") or ""), closed.seq)
        return ClosedMeanwhile("", 0) if look and mark_there(lane, self._context.vault) else None

    def _scope(self, lane: Lane) -> Scope:
        """Whether the proof is of the whole lane, or of custody alone."""
        if unplayed_readers(lane, self._unplayed):
            return "custody"
        observed = {target.cluster for target in self._targets[lane.id]}
        return "lane" if observed >= set(lane.deliveries) else "some clusters" if observed else "custody"


# -- evidence ---------------------------------------------------------------------------------------------------------


def _unavailable(evidence: Evidence, observed: ObservedLane) -> tuple[Verdict, ...]:
    """That the audit log cannot be read, said once."""
    if evidence.unavailable is None or not observed.sent:
        return ()
    return (Verdict(probe="audit", result="inconclusive", observed="not-seen", detail=evidence.unavailable),)


def _read_evidence(observed: Sequence[ObservedLane], audit: AuditLog, run: str) -> Evidence:
    """The audit lines of the run, waiting a moment for late ones, and the reads of every lane that is delivered."""
    expected = {outcome.nonce for each in observed for _, outcome in each.sent if outcome.answer is not None}
    deliveries = [delivery for each in observed for delivery in each.deliveries if delivery.seen]
    expected |= {each.nonce for each in deliveries if each.nonce and not each.target.by_hand}
    return read_evidence(expected, {data_path(each.target.lane) for each in deliveries}, audit, run)
