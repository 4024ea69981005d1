"""access: a lane's value to the one process that needs it, as the caller, past the gate and into the journal.

The order, each step before the next: is the lane open (journal), can the command run, who is the caller (OpenBao), may
the caller (policy), all of it journaled, one read of all fields, every declared field there, the token of an own login
ended, journaled again, exec. What goes wrong before exec leaves nothing started.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NoReturn

import msgspec

from warden.core.access import authorization as rules
from warden.core.errors import CannotRun, Closed, CommandNotFound, Refused, Unidentified, WardenError
from warden.core.journal.record import Decision, Question
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Identity
from warden.core.secret import Secret
from warden.ports.caller import Caller
from warden.ports.journal import Journal
from warden.ports.policy import Policy
from warden.ports.runner import Runner
from warden.ports.vault import Vault

Via = Literal["env", "fd", "stdout"]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a lane's value, how it is to be handed over, and why.

    ``command`` is what the caller named behind ``--``; empty for ``--fetch``.
    """

    lane: Lane
    via: Via
    reason: str = ""
    command: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the lane declares."""
        return self.lane.custody.fields


def run(ask: Ask, argv: Sequence[str], *, caller: Caller, policy: Policy, journal: Journal, runner: Runner) -> NoReturn:
    """Become the command, with all the lane's fields. Whatever raises, the command was not started."""
    with _not_started(ask):
        _expect_usable(ask, journal)
        program = runner.find(ask.command)
        decision, version, values = _read(ask, caller, policy, journal)
        with _failure_told(ask, decision, journal):
            rules.expect_fit(values, ask.via, ask.command)
            _record_handed(ask, journal, _handed(ask, decision, version) | {"program": program})
            runner.exec(program, argv, values, as_files=ask.via == "fd")


def fetch(ask: Ask, field: str, *, caller: Caller, policy: Policy, journal: Journal) -> Secret:
    """One field's value, to be written to standard output alone."""
    rules.expect_declared(ask.lane, field)
    _expect_usable(ask, journal)
    decision, version, values = _read(ask, caller, policy, journal)
    with _failure_told(ask, decision, journal):
        _record_handed(ask, journal, _handed(ask, decision, version) | {"fields": [field]})
    return values[field]


def _record_handed(ask: Ask, journal: Journal, body: Mapping[str, Any]) -> None:
    """Record it, then see that no closing stands before that record: a lane closed meanwhile hands nothing over."""
    journal.record("access.handed", ask.lane.id, body)
    try:
        rules.expect_open(ask.lane, journal.state(ask.lane.id).closed, ask.command)
    except Closed as fault:
        fault.message += " That was meanwhile: what was read is thrown away."
        fault.hint = f"Who can open it: {ask.lane.owners.custody.repo}, with warden reactivate."
        raise


def _expect_usable(ask: Ask, journal: Journal) -> None:
    rules.expect_open(ask.lane, journal.state(ask.lane.id).closed, ask.command)
    rules.expect_active(ask.lane, ask.command)


def _read(ask: Ask, caller: Caller, policy: Policy, journal: Journal) -> tuple[Decision, int, Mapping[str, Secret]]:
    """Past the gate: the decision, the version, and every declared field."""
    with _session(ask, caller) as (vault, who):
        decision = _gate(ask, who, policy, journal)
        with _failure_told(ask, decision, journal):
            custody = ask.lane.custody
            with _refusal_explained(ask):
                found = vault.read(custody.mount, custody.key)
            version, values = found if found is not None else (0, None)
            rules.expect_fields(ask.lane, None if values is None else tuple(values), ask.command)
            return decision, version, {field: (values or {})[field] for field in ask.fields}


@contextmanager
def _session(ask: Ask, caller: Caller) -> Iterator[tuple[Vault, Identity]]:
    """The server as the caller, and who that is there; a token that was obtained for this is ended in every case."""
    projected = caller.projected()
    if projected is None:
        vault = caller.vault()
        with _ways_in_told(ask):
            who = vault.identity()
        yield vault, who
        return
    reader = rules.door_for(ask.lane, projected, ask.command)
    vault = caller.vault()
    session = vault.login(reader.mount, ask.lane.role_of(reader), projected.jwt)
    try:
        yield caller.vault(session.token), session.identity
    except BaseException:
        _quietly(lambda: vault.revoke_self(session.token))
        raise
    vault.revoke_self(session.token)


def _gate(ask: Ask, who: Identity, policy: Policy, journal: Journal) -> Decision:
    """The policy's decision, journaled whichever way it went; what is about to happen with it, in the same write."""
    context = {"reason": ask.reason, "via": ask.via}
    lane = ask.lane
    decision = policy.decide(Question(identity=who, action="access", lane=lane.id, context=context, declared=lane))
    decided = {
        "id": decision.id,
        "action": "access",
        "effect": decision.effect,
        "policies": list(decision.policies),
        "identity": who.as_json(),
        **context,
    }
    if decision.effect == "deny":
        journal.record("decision", lane.id, decided)
        rules.expect_allowed(lane, who, decision, ask.command)
    begin = _handed(ask, decision, None) | {"identity": who.as_json()}
    journal.record_all([("decision", lane.id, decided), ("access.begin", lane.id, begin)])
    return decision


def _handed(ask: Ask, decision: Decision, version: int | None) -> dict[str, Any]:
    body: dict[str, Any] = {"decision": decision.id, "via": ask.via, "fields": list(ask.fields)}
    if ask.command:
        body["command"] = ask.command
    return body if version is None else body | {"version": version}


@contextmanager
def _failure_told(ask: Ask, decision: Decision, journal: Journal) -> Iterator[None]:
    """Journal how a begun access ended when nothing was handed over."""
    try:
        yield
    except BaseException as fault:
        kind = fault.kind if isinstance(fault, WardenError) else "interrupted"
        _quietly(lambda: journal.record("access.failed", ask.lane.id, {"decision": decision.id, "kind": kind}))
        raise


@contextmanager
def _not_started(ask: Ask) -> Iterator[None]:
    """Every error before exec says what did not happen."""
    try:
        yield
    except WardenError as fault:
        named = isinstance(fault, (CannotRun, CommandNotFound)) or "not started" in fault.message + fault.hint
        if not named:
            fault.message += f" {ask.command} was not started."
        raise


@contextmanager
def _ways_in_told(ask: Ask) -> Iterator[None]:
    """A caller without an identity is told how this lane's readers log in."""
    try:
        yield
    except Unidentified as fault:
        fault.hint = " Or: ".join(rules.how_to_log_in(ask.lane)) or fault.hint
        raise


@contextmanager
def _refusal_explained(ask: Ask) -> Iterator[None]:
    """The gate let the caller pass and OpenBao did not: lane and server are out of step."""
    try:
        yield
    except Unidentified:
        raise
    except Refused as fault:
        owner = ask.lane.owners.custody.repo
        fault.hint = f"The lane permits it and OpenBao does not. {owner} can see why: warden plan {ask.lane.id}"
        raise


def _quietly(act: Callable[[], object]) -> None:
    """On the way out with an error: that one is to be told, not what tidying up met."""
    try:
        act()
    except WardenError:
        return
