"""prove: ask the live server every probe of a lane, join each with its audit line, and journal what was shown.

`prove` acts as others only with short-lived tokens that its operator may mint; each is named in the journal before it
is used. No identity, policy or value is changed, and nothing is sent before the mount is known to be KV version 2.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from warden.core.errors import Closed, Inconclusive, Refused, Unreachable, WardenError
from warden.core.lanes.lane import Lane, LoginMount, PeopleReader, RoleName, WorkloadReader
from warden.core.lanes.route import basis
from warden.core.lanes.routing import draw
from warden.core.openbao.api import Answer, AuditLine, Entered, Handed, Identity, InlineLogin, Request
from warden.core.openbao.resources import is_template
from warden.core.plans.plan import Change, NoAudience, Plan, ReachesFurther
from warden.core.proofs.probes import HEADER, Caller, Claims, Held, Nobody, Probe, claims_of, left_unplayed, probes
from warden.core.proofs.proof import Outcome, Proof, Verdict, finding, judge
from warden.core.secret import Secret
from warden.ports.audit_log import AuditLog
from warden.ports.identities import Identities
from warden.ports.journal import Journal
from warden.ports.vault import Vault
from warden.usecases.concurrency import at_once
from warden.usecases.prove_delivery import Ground, Looked, conclude, look
from warden.usecases.prove_lines import difference_lines
from warden.usecases.recorded import although
from warden.usecases.targets.openbao import OpenBaoTarget, SharedAnswers

TOKEN_TTL = 600
"""Seconds that a minted token lives: the least that Kubernetes' TokenRequest grants."""

LATE = 2.0
"""Seconds to wait for audit lines that are not there yet (a log that is shipped or printed by a command)."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof is made with. ``vaults`` makes a connection of its own for each thread; ``run`` is unique.

    ``ground`` is for the deliveries; without it none is looked at, and the proof says that it is of custody alone. At
    the auth mounts ``unplayed`` nobody is played: their tokens, and what judges them, are in a cluster.
    """

    lanes: tuple[Lane, ...]
    vaults: Callable[[], Vault]
    identities: Identities
    journal: Journal
    audit: AuditLog
    run: str
    logins: Mapping[str, LoginMount] = {}
    closed: frozenset[str] = frozenset()
    workers: int = 4
    ground: Ground | None = None
    unplayed: frozenset[str] = frozenset()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A lane whose probes were sent: what was found without them, what came of each, and its deliveries."""

    lane: Lane
    found: tuple[Verdict, ...]
    sent: tuple[tuple[Probe, Outcome], ...]
    deliveries: tuple[Looked, ...] = ()


def prove(lanes: Sequence[Lane], setting: Setting) -> list[Proof]:
    """Prove each of `lanes`, several at a time; answers their proofs in the same order.

    Raises:
        Closed: one of them is closed; nothing was asked.
        Unidentified, Inconclusive: before anything was sent.
        JournalUnwritable: nothing more is sent.
    """
    closed = [lane.id for lane in lanes if lane.id in setting.closed]
    if closed:
        raise Closed(f"{', '.join(closed)}: closed. Nothing was asked.", subject=closed[0], hint="warden journal log")
    vault = setting.vaults()
    caller = vault.identity()
    seen = SharedAnswers()
    asked = at_once(lambda number, lane: _ask(number, lane, caller, setting, seen), lanes, setting.workers)
    lines = _lines(asked, setting)
    handed = _handed(asked, setting, lines)
    return [_conclude(each, lines, handed, setting, vault.address) for each in asked]


# -- asking -----------------------------------------------------------------------------------------------------------


def _ask(number: int, lane: Lane, caller: Identity, setting: Setting, seen: SharedAnswers) -> Asked:
    vault = setting.vaults()
    try:
        found = _findings(lane, _plan(lane, vault, setting, seen))
        others = _others(lane, vault, setting, seen)
    except (Inconclusive, Refused) as fault:
        unseen = finding("plan", "policy, roles and mount as declared", f"{fault.message} No probe was sent", word="??")
        return Asked(lane=lane, found=(unseen,), sent=())
    if any(verdict.probe == "mount" for verdict in found):
        return Asked(lane=lane, found=found, sent=())
    members, unproven = _people(lane, caller)
    asked = probes(lane, others=others, as_member=members, unplayed=setting.unplayed)
    nonces = [f"{setting.run}-{number}-{index}" for index in range(len(asked))]
    announced = _announcement(asked, nonces, vault, caller) | {"refreshes": _refreshes(lane, setting)}
    setting.journal.record("probe.begin", lane.id, announced)
    with_session = _Sender(lane, vault, setting.identities)
    sent = tuple((probe, with_session.send(probe, nonce)) for probe, nonce in zip(asked, nonces, strict=True))
    with_session.close()
    return Asked(lane=lane, found=(*found, *unproven), sent=sent, deliveries=_deliveries(number, lane, vault, setting))


def _refreshes(lane: Lane, setting: Setting) -> list[str]:
    targets = setting.ground.targets.get(lane.id, ()) if setting.ground else ()
    return [target.cluster for target in targets if not target.by_hand]


def _deliveries(number: int, lane: Lane, vault: Vault, setting: Setting) -> tuple[Looked, ...]:
    ground = setting.ground
    targets = ground.targets.get(lane.id, ()) if ground else ()
    return tuple(
        look(target, vault, ground, f"{setting.run}-{number}-d{index}")
        for index, target in enumerate(targets)
        if ground
    )


def _plan(lane: Lane, vault: Vault, setting: Setting, seen: SharedAnswers) -> Plan:
    return OpenBaoTarget(lane, vault, setting.lanes, logins=setting.logins, closed=setting.closed, answers=seen).plan()


def _findings(lane: Lane, plan: Plan) -> tuple[Verdict, ...]:
    """What differs from the declaration is a finding of its own, whatever the probes say."""
    mount = next(change for change in plan.changes if change.kind == "mount")
    if mount.differs:
        what = f"{mount.name}/ is no KV version 2 mount; no probe was sent: one might overwrite a value there"
        return (finding("mount", "the mount is KV version 2", what),)
    verdicts = []
    readers = {str(RoleName(reader.mount, lane.role_of(reader))): reader.label for reader in lane.readers}
    for change in plan.changes:
        if change.kind not in {"policy", "role"}:
            continue
        verdicts.append(
            finding(
                change.kind,
                f"the {change.kind} is exactly the derived one",
                _what_differs(change),
                reader=readers.get(change.name, ""),
                word="FAIL" if change.differs else "ok",
                difference=difference_lines(change),
                mend=f"warden apply {lane.id}{' --take-over' if change.action == 'foreign' else ''}",
            )
        )
    return tuple(verdicts)


def _what_differs(change: Change) -> str:
    if isinstance(change.widening, ReachesFurther):
        return f"{change.name}: the policy reaches further than the lane: {'; '.join(change.widening.stanzas)}"
    if isinstance(change.widening, NoAudience):
        return f"{change.name}: the role sets no audience, so a token made for any service logs in"
    return change.name if change.differs else ""


def _others(lane: Lane, vault: Vault, setting: Setting, seen: SharedAnswers) -> tuple[Claims, ...]:
    """The first reader of another lane that has a role on this server (one is enough; see `probes`)."""
    mine = {reader.workload for reader in lane.readers if isinstance(reader, WorkloadReader)}
    roles = {lane.role_of(reader) for reader in lane.readers}
    for other in setting.lanes:
        if other.id == lane.id or is_template(other):
            continue
        for reader in other.readers:
            if not isinstance(reader, WorkloadReader) or reader.workload in mine or other.role_of(reader) in roles:
                continue
            if seen.has_role(RoleName(reader.mount, other.role_of(reader)), vault):
                return (claims_of(other, reader),)
    return ()


def _people(lane: Lane, caller: Identity) -> tuple[frozenset[str], tuple[Verdict, ...]]:
    """Readers of people that the caller is a member of, and a verdict for each that it is not."""
    people = [reader for reader in lane.readers if isinstance(reader, PeopleReader)]
    members = frozenset(
        reader.label for reader in people if (caller.mount, caller.role) == (reader.mount, lane.role_of(reader))
    )
    why = "only a member can show it: log in with bao login -method=oidc -path={mount} role={role}"
    return members, tuple(
        finding(
            "member",
            f"a member of {reader.people} reads",
            why.format(mount=reader.mount, role=lane.role_of(reader)),
            reader=reader.label,
            word="??",
        )
        for reader in people
        if reader.label not in members
    )


def _announcement(asked: Sequence[Probe], nonces: Sequence[str], vault: Vault, caller: Identity) -> dict[str, Any]:
    """What is journaled before anything is sent: every probe, and every identity that is about to be played."""
    claims = [probe.actor for probe in asked if isinstance(probe.actor, Claims)]
    played = {(each.mount, str(each.workload), each.audience) for each in claims}
    return {
        "system": vault.address,
        "identity": caller.as_json(),
        "probes": {nonce: probe.id for nonce, probe in zip(nonces, asked, strict=True)},
        "tokens": [
            {"mount": mount, "subject": subject, "audience": audience, "ttl": TOKEN_TTL}
            for mount, subject, audience in sorted(played)
        ],
    }


class _Sender:
    """Sends one lane's probes over one connection; keeps minted tokens and the reader's session in memory."""

    def __init__(self, lane: Lane, vault: Vault, identities: Identities) -> None:
        self._lane = lane
        self._vault = vault
        self._identities = identities
        self._tokens: dict[tuple[str, str, str], Secret] = {}
        self._sessions: dict[str, Entered | str] = {}
        self._dead = ""

    def send(self, probe: Probe, nonce: str) -> Outcome:
        """Send one probe; what keeps it from being answered becomes the outcome's `why`."""
        if self._dead:
            return Outcome(nonce=nonce, answer=None, why=f"not sent: {self._dead}")
        started = time.perf_counter()
        try:
            request, entity = self._request(probe, nonce)
            started = time.perf_counter()
            answer = self._vault.send(request)
        except Unreachable as fault:
            # One silent server must not be waited for as often as there are probes.
            self._dead = fault.message
            return Outcome(nonce=nonce, answer=None, why=fault.message)
        except WardenError as fault:
            return Outcome(nonce=nonce, answer=None, why=fault.message)
        took = (time.perf_counter() - started) * 1000
        self._unwrap_nothing(answer)
        return Outcome(nonce=nonce, answer=_without_values(probe, answer), entity=entity, ms=took)

    def close(self) -> None:
        """End the sessions; a server that is gone by now ends them itself after their ttl."""
        for session in self._sessions.values():
            if isinstance(session, Entered) and not self._dead:
                self._quietly_revoke(session.token)

    def _request(self, probe: Probe, nonce: str) -> tuple[Request, str]:
        request = Request(
            method=probe.method, path=probe.path, body=probe.body, headers={**probe.headers, HEADER: nonce}
        )
        if isinstance(probe.actor, Nobody):
            return request, ""
        if isinstance(probe.actor, Caller):
            return self._vault.as_caller(request), ""
        if isinstance(probe.actor, Held):
            session = self._session(probe.reader)
            return msgspec.structs.replace(request, token=session.token), session.entity
        claims = probe.actor
        login = InlineLogin(mount=claims.mount, role=claims.role, jwt=self._token(claims))
        return msgspec.structs.replace(request, inline=login), ""

    def _token(self, claims: Claims) -> Secret:
        key = (claims.mount, str(claims.workload), claims.audience)
        if key not in self._tokens:
            self._tokens[key] = self._identities.mint(claims.mount, claims.workload, claims.audience, TOKEN_TTL)
        return self._tokens[key]

    def _session(self, label: str) -> Entered:
        if label not in self._sessions:
            self._sessions[label] = self._log_in(label)
        session = self._sessions[label]
        if isinstance(session, str):
            raise Inconclusive(session)
        return session

    def _log_in(self, label: str) -> Entered | str:
        reader = next(each for each in self._lane.readers if each.label == label)
        assert isinstance(reader, WorkloadReader)  # noqa: S101 - only workloads are played
        claims = claims_of(self._lane, reader)
        try:
            return self._vault.enter(claims.mount, claims.role, self._token(claims))
        except Refused as fault:
            return f"not sent: the reader itself cannot log in: {fault.message}"

    def _unwrap_nothing(self, answer: Answer) -> None:
        """A wrapping token that was answered is revoked at once: nobody unwraps it."""
        wrapped = answer.body.get("wrap_info")
        if isinstance(wrapped, Mapping) and wrapped.get("token"):
            self._quietly_revoke(Secret(wrapped["token"]))

    def _quietly_revoke(self, token: Secret) -> None:
        try:
            self._vault.revoke_self(token)
        except WardenError:
            # It lives for 30 s (wrapping) or the role's ttl; what could not be revoked is in the audit log.
            return


def _without_values(probe: Probe, answer: Answer) -> Answer:
    """Keep what the judgement needs. Should a proxy drop the wrapping header, a value would be in the body."""
    if probe.fields or probe.capabilities:
        return answer
    kept = {"errors": answer.body.get("errors") or [], "wrap_info": bool(answer.body.get("wrap_info"))}
    return msgspec.structs.replace(answer, body=kept)


# -- concluding -------------------------------------------------------------------------------------------------------


def _lines(asked: Sequence[Asked], setting: Setting) -> dict[str, list[AuditLine]] | str:
    """The audit lines by nonce, waiting a moment for late ones; or in words why there are none."""
    expected = {outcome.nonce for each in asked for _, outcome in each.sent if outcome.answer is not None}
    expected |= {
        looked.nonce for each in asked for looked in each.deliveries if looked.seen and not looked.target.by_hand
    }
    deadline = time.monotonic() + LATE
    while True:
        try:
            lines = setting.audit.lines(setting.run)
        except Inconclusive as fault:
            return fault.message
        found: dict[str, list[AuditLine]] = {}
        for line in lines:
            found.setdefault(line.nonce, []).append(line)
        if not lines or expected <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _handed(
    asked: Sequence[Asked], setting: Setting, lines: dict[str, list[AuditLine]] | str
) -> dict[str, list[Handed]]:
    """The answered reads of every lane that is delivered, by path; from one look at the log."""
    lanes = [each.lane for each in asked if any(looked.seen for looked in each.deliveries)]
    if not lanes or isinstance(lines, str):
        return {}
    found: dict[str, list[Handed]] = {}
    for line in setting.audit.handed([_data_path(lane) for lane in lanes]):
        found.setdefault(line.path, []).append(line)
    return found


def _data_path(lane: Lane) -> str:
    return f"{lane.custody.mount}/data/{lane.custody.key}"


def _conclude(
    asked: Asked,
    lines: dict[str, list[AuditLine]] | str,
    handed: Mapping[str, Sequence[Handed]],
    setting: Setting,
    system: str,
) -> Proof:
    by_nonce = {} if isinstance(lines, str) else lines
    judged = tuple(judge(probe, outcome, by_nonce.get(outcome.nonce, ())) for probe, outcome in asked.sent)
    if isinstance(lines, str) and judged:
        judged = (finding("audit", "audit lines", lines, word="??"), *judged)
    delivered = [conclude(each, lines, handed.get(_data_path(asked.lane), ())) for each in asked.deliveries]
    shown = tuple(verdict for each in delivered for verdict in each.found)
    verdicts = (*asked.found, *judged, *shown)
    if closed := setting.journal.state(asked.lane.id).closed:
        why = f"{closed.body.get('reason')}; journal {closed.seq}: what was refused meanwhile is no fault of it"
        verdicts = (finding("closed", "open while it was asked about", why, word="??"),)
        judged, shown, delivered = (), (), []
    proof = Proof(lane=asked.lane.id, verdicts=verdicts, scope=_scope(asked.lane, setting))
    records = [("probe", proof.lane, msgspec.to_builtins(verdict)) for verdict in (*judged, *shown)]
    body = {
        "state": proof.state,
        "passed": proof.passed,
        "failed": proof.failed,
        "open": proof.open,
        "total": len(proof.verdicts),
        "evidence": sum(bool(verdict.audit) for verdict in (*judged, *shown)),
        "run": setting.run,
        "scope": proof.scope,
        "system": system,
        "declared": basis(draw(asked.lane)),
        "deliveries": {each.target.cluster: each.summary for each in delivered},
        "wrong": [verdict.title for verdict in proof.verdicts if verdict.word != "ok"],
        "next": {"stretch": proof.first.stretch, "mend": proof.first.mend} if proof.first else {},
    }
    with although(f"{proof.lane} was asked about, and nothing of it counts"):
        numbers = setting.journal.record_all([*records, ("proof", proof.lane, body)])
    return msgspec.structs.replace(proof, record=numbers[-1])


def _scope(lane: Lane, setting: Setting) -> str:
    """Whether the proof is of the whole way, or of custody alone."""
    if left_unplayed(lane, setting.unplayed):
        return "custody"
    looked_at = {target.cluster for target in setting.ground.targets.get(lane.id, ())} if setting.ground else set()
    return "lane" if looked_at >= set(lane.deliveries) else "custody" if not looked_at else "some clusters"
