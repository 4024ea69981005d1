"""access: a lane's value for the one process that needs it, as the caller, past the policy and into the journal.

The order, each step before the next: the lane is open (journal), the command can run, OpenBao says who the caller is,
the policy allows it, all of this is journaled, one read of all fields, its path is not marked as closed, every declared
field is there, a token that was obtained for this is revoked, the journal again, exec. Whatever fails before exec,
nothing is handed over.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

import msgspec

from warden.core.access import authorization as rules
from warden.core.access.decision import Question, decided
from warden.core.access.identities import expect_allowed
from warden.core.errors import Refused, Unidentified, WardenError, failure_kind
from warden.core.journal.operations import abandoned, killed
from warden.core.openbao.closed_mark import mark_in
from warden.core.remedies import AskOwner, warden
from warden.usecases.steps.logged_in import logged_in

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from warden.core.access.advice import Advice
    from warden.core.access.pending import PendingRead
    from warden.core.journal.record import Record
    from warden.core.lanes.catalog import Entry
    from warden.core.lanes.lane import Lane
    from warden.core.notices.notice import Notice
    from warden.core.openbao.api import Identity, Stored
    from warden.core.secret import Secret
    from warden.ports.caller import Caller
    from warden.ports.journal import Journal
    from warden.ports.policy import Policy
    from warden.ports.runner import Runner
    from warden.ports.vault import Vault
    from warden.usecases.steps.actor_proofs import InventoryOrFault
    from warden.usecases.steps.logged_in import Obtained
    from warden.usecases.steps.second_person import Waiting

Via = Literal["env", "fd", "stdout"]

_RECENT = 50
"""How many of the lane's newest records an access looks at for killed ones: it is to be quick."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: a lane's value, how it is to be handed over, and why.

    ``command`` is what the caller named behind ``--``; empty for ``--fetch``. ``waiting``: wait until others approve.
    """

    lane: Lane
    via: Via
    reason: str = ""
    command: str = ""
    waiting: Waiting | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the lane declares."""
        return self.lane.custody.fields


class _Begun(msgspec.Struct):
    """How far an access got: the decision under which it began, its record, and the token that was obtained for it.

    ``approved`` is who approved it, and what became of that request.
    """

    decision: str = ""
    begin: int = 0
    token: Obtained | None = None
    approved: Mapping[str, Any] = {}

    @property
    def token_end(self) -> dict[str, str]:
        """What records say of the token: what became of it."""
        return {"token": self.token.end} if self.token and self.token.end else {}


class ServerRefuses(msgspec.Struct, frozen=True):
    """The lane allows the access and OpenBao refused it: they differ. ``refusal`` is what OpenBao answered."""

    refusal: str | msgspec.Struct


def advise(
    entries: Sequence[Entry],
    journal: Journal,
    now: dt.datetime,
    counts_for: dt.timedelta,
    inventory: InventoryOrFault,
) -> list[Advice]:
    """Whose each entry is, where it is, and how to get at it. Raises `JournalUnwritable`."""
    from warden.core.access.advice import advise as advice  # not needed by those who run a command
    from warden.core.routes.route import declared_route
    from warden.usecases.route import show

    routes = ((each, show(declared_route(each), journal, now, counts_for, inventory)) for each in entries)
    return [advice(each, found) for each, found in routes]


def run(
    ask: Ask,
    argv: Sequence[str],
    *,
    caller: Caller,
    policy: Policy,
    journal: Journal,
    runner: Runner,
    tell: Callable[[Notice], None] | None = None,
) -> NoReturn:
    """Become the command, with all the lane's fields. If this raises, the command was not started."""
    with _nothing_handed_over(ask, read=False), _failure_recorded(ask, journal) as begun:
        _expect_usable(ask, journal)
        program = runner.find(ask.command)
        version, values = _read(ask, caller, policy, _Told(journal, tell), begun)
        with _nothing_handed_over(ask, read=True):
            rules.expect_fit(ask.lane, values, ask.via)
            _record_handed(ask, journal, _handed(ask, begun) | {"version": version, "program": program})
            runner.exec(program, argv, values, as_files=ask.via == "fd")


def fetch(
    ask: Ask,
    field: str,
    *,
    caller: Caller,
    policy: Policy,
    journal: Journal,
    tell: Callable[[Notice], None] | None = None,
) -> Secret:
    """One field's value, to be written to standard output and nowhere else."""
    with _nothing_handed_over(ask, read=False), _failure_recorded(ask, journal) as begun:
        rules.expect_declared(ask.lane, field)
        _expect_usable(ask, journal)
        version, values = _read(ask, caller, policy, _Told(journal, tell), begun)
        with _nothing_handed_over(ask, read=True):
            _record_handed(ask, journal, _handed(ask, begun) | {"version": version, "fields": [field]})
        return values[field]


def _record_handed(ask: Ask, journal: Journal, body: Mapping[str, Any]) -> None:
    """Record it, then see that the lane was not closed before that record: if it was, nothing is handed over."""
    journal.record("access.handed", ask.lane.id, body)
    rules.expect_open(ask.lane, journal.state(ask.lane.id).closed, meanwhile=True)


def _expect_usable(ask: Ask, journal: Journal) -> None:
    rules.expect_open(ask.lane, journal.state(ask.lane.id).closed)
    rules.expect_active(ask.lane)


class _Told(NamedTuple):
    """What is told of what happens: the journal, and those who have to approve."""

    journal: Journal
    tell: Callable[[Notice], None] | None


def _read(ask: Ask, caller: Caller, policy: Policy, told: _Told, begun: _Begun) -> tuple[int, Mapping[str, Secret]]:
    """Past the policy: the version, and every declared field."""
    with logged_in(rules.readers_of(ask.lane), caller) as session:
        vault, who, begun.token = session.vault, session.who, session.token
        _decide(ask, who, policy, told.journal, begun)
        custody = ask.lane.custody
        approval = rules.approval_of(ask.lane, who)
        with _refusal_explained(ask, vault):
            found = _approved(ask, vault, who, told, begun) if approval else vault.read(custody.mount, custody.key)
        version, values, custom = found if found is not None else (0, None, {})
        with _nothing_handed_over(ask, read=True):
            rules.expect_unmarked(ask.lane, mark_in(custom))
            rules.expect_fields(ask.lane, None if values is None else tuple(values))
        return version, {field: (values or {})[field] for field in ask.fields}


def _approved(ask: Ask, vault: Vault, who: Identity, told: _Told, begun: _Begun) -> Stored | None:
    """The value, once others have approved; the request is journaled, and the approvers are told."""
    from warden.core.notices.told import requested  # not needed by most, as the next one
    from warden.usecases.steps.second_person import ApprovedRead

    approval = rules.approval_of(ask.lane, who)
    assert approval is not None  # noqa: S101 - the caller has looked

    def record(request: PendingRead) -> int:
        number = told.journal.record(
            "access.requested",
            ask.lane.id,
            {"begin": begun.begin, "decision": begun.decision, "reason": ask.reason, "identity": who.as_json()}
            | request.facts,
        )
        if told.tell is not None:
            told.tell(requested(request, number, ask.reason))
        return number

    taken = ApprovedRead(ask.lane, vault, who, approval, record).take(ask.waiting)
    begun.approved = {
        "request": taken.request.accessor,
        "approved_by": list(taken.request.given),
        "ended": taken.ended,
    }
    return taken.stored


def _decide(ask: Ask, who: Identity, policy: Policy, journal: Journal, begun: _Begun) -> None:
    """The policy's decision, journaled whatever it is; if it allows, in one write with what is about to happen."""
    lane = ask.lane
    context = {"reason": ask.reason, "via": ask.via}
    question = Question(identity=who, action="access", resource=lane.id, context=context, declared=lane)
    decision = policy.decide(question)
    body = decided(question, decision)
    if decision.effect == "deny":
        journal.record("decision", lane.id, body)
        expect_allowed(rules.readers_of(lane), question, decision)
    begun.decision = decision.id
    begin = _handed(ask, begun) | {"identity": who.as_json()}
    if begun.token is not None:  # should this be killed, the next proof ends the token by its accessor
        begin |= {"accessor": begun.token.entered.accessor, "ttl": begun.token.entered.ttl}
    earlier = [abandoned(each, found="nothing-handed-over") for each in _killed(lane.id, journal)]
    entries = [*earlier, ("decision", lane.id, body), ("access.begin", lane.id, begin)]
    begun.begin = journal.record_all(entries)[-1]


def _killed(lane: str, journal: Journal) -> list[Record]:
    """Accesses of a moment ago that were killed before anything was handed over, and left no token to be ended."""
    found = killed(journal.unfinished(lane, last=_RECENT), "access")
    return [each for each in found if "ttl" not in each.body]


def _handed(ask: Ask, begun: _Begun) -> dict[str, Any]:
    body: dict[str, Any] = {"decision": begun.decision, "via": ask.via, "fields": list(ask.fields)}
    body |= {"begin": begun.begin} if begun.begin else {}
    body |= {"command": ask.command} if ask.command else {}
    body |= {"approval": begun.approved} if begun.approved else {}
    return body | begun.token_end


@contextmanager
def _failure_recorded(ask: Ask, journal: Journal) -> Iterator[_Begun]:
    """Journal how an access that had begun ended without handing anything over, at whichever step."""
    begun = _Begun()
    try:
        yield begun
    except BaseException as fault:
        if begun.decision:
            body = {"decision": begun.decision, "begin": begun.begin, "kind": failure_kind(fault)}
            with suppress(WardenError):  # it is this fault that is to be reported
                journal.record("access.failed", ask.lane.id, body | begun.token_end)
        raise


@contextmanager
def _nothing_handed_over(ask: Ask, *, read: bool) -> Iterator[None]:
    """Every error has the effect that nothing was handed over; the innermost of these blocks knows how far it got."""
    try:
        yield
    except WardenError as fault:
        if not isinstance(fault.effect, rules.NotHandedOver):
            fault.effect = rules.NotHandedOver(program=ask.command, read=read)
        raise


@contextmanager
def _refusal_explained(ask: Ask, vault: Vault) -> Iterator[None]:
    """The policy allowed it and OpenBao refused: the lane is closed there, or it and the server differ."""
    try:
        yield
    except Unidentified:
        raise
    except Refused as fault:
        from warden.usecases.steps.closing import mark_there  # what an access that goes well need not load

        rules.expect_unmarked(ask.lane, mark_there(ask.lane, vault))
        fault.problem, fault.hint = ServerRefuses(fault.problem), ""
        fault.remedy = (AskOwner(ask.lane.owners.custody.repo, run=warden("plan", ask.lane.id)),)
        raise
