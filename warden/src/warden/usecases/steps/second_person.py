"""A value that others have to approve: ask once, say who has to approve, wait if that was asked for, and take it.

Until it is used, the request is a capability for the value: whoever has its token gets the value after approval. It is
in this process's memory, and OpenBao keeps it for the token that asked (its cubbyhole), from where a later run of the
same caller takes it; it ends with that token, as the request itself does, and is never on this machine's disk.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from warden.core.access.pending import (
    PendingRead,
    Progress,
    awaits,
    ended,
    ends_at,
    not_withheld,
    pending,
)
from warden.core.errors import Inconclusive, WardenError
from warden.core.lanes.approval import Approval
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Identity, Stored
from warden.core.openbao.control_groups import RequestState, Withheld
from warden.core.secret import Secret
from warden.ports.vault import Vault

PAUSES = (0.5, 1.0, 2.0, 3.0)
"""Seconds between two looks at a request; the last one stays."""
SILENCE = 60.0
"""Seconds that OpenBao may be silent for while somebody waits."""

Tell = Callable[[PendingRead, Progress], None]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """That the caller waits for approval, at most `timeout` seconds (0: as long as the request lives)."""

    tell: Tell
    timeout: float = 0.0
    silence: float = SILENCE


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What was approved and read, and whether the request was ended afterwards."""

    stored: Stored | None
    request: PendingRead
    ended: bool


class ApprovedRead:
    """One lane's value for one caller, with the approval of others.

    Args:
        lane: the lane.
        vault: the server, as the caller.
        who: the caller.
        approval: who has to approve.
        record: journals a request that was made, and tells the approvers; answers the record's number.
    """

    def __init__(
        self,
        lane: Lane,
        vault: Vault,
        who: Identity,
        approval: Approval,
        record: Callable[[PendingRead], int],
    ) -> None:
        self._lane = lane
        self._vault = vault
        self._server = vault.control_groups()
        self._who = who
        self._approval = approval
        self._record = record

    def take(self, waiting: Waiting | None) -> Taken:
        """The value, once it is approved.

        Raises:
            NotNow: nobody has approved yet, or the request ended.
            Refused: the server gives the value without an approval, or refused.
            Inconclusive: it could not be asked.
            JournalUnwritable: then no request remains.
        """
        token, request, state = self._earlier() or self._asked()
        if state is None or not state.approved:
            request, state = self._approved(token, request, state, waiting)
        stored = self._server.unwrap(token)
        self._server.forget(self._lane.id)
        return Taken(stored=stored, request=request.now(state), ended=self._end(token))

    # -- the request ------------------------------------------------------------------------------------------------

    def _earlier(self) -> tuple[Secret, PendingRead, RequestState] | None:
        """The request that an earlier run made, if it is still there."""
        kept = self._server.kept(self._lane.id)
        if kept is None:
            return None
        state = self._server.state(kept.accessor)
        if state is None:
            self._server.forget(self._lane.id)
            return None
        request = pending(self._lane, self._approval, kept, kept.until, self._who)
        return kept.token, request.now(state), state

    def _asked(self) -> tuple[Secret, PendingRead, None]:
        custody = self._lane.custody
        answer = self._server.ask(custody.mount, custody.key)
        if not isinstance(answer, Withheld):
            raise not_withheld(self._lane, self._approval)
        until = ends_at(answer.since, answer.ttl, self._who.ttl, dt.datetime.now(dt.UTC))
        request = pending(self._lane, self._approval, answer, until, self._who)
        try:
            kept = self._server.keep(self._lane.id, answer, until)
            request = msgspec.structs.replace(request, kept=kept)
            return answer.token, msgspec.structs.replace(request, record=self._record(request)), None
        except BaseException:
            self._end(answer.token)
            raise

    def _end(self, token: Secret) -> bool:
        try:
            return self._vault.revoke_self(token)
        except WardenError:
            return False

    # -- approval ---------------------------------------------------------------------------------------------------

    def _approved(
        self, token: Secret, request: PendingRead, state: RequestState | None, waiting: Waiting | None
    ) -> tuple[PendingRead, RequestState]:
        if waiting is None:
            if not request.kept:
                self._end(token)
            raise awaits(request, waited=False)
        with self._left_waiting(token, request, waiting):
            return self._wait(request, state, waiting)

    @contextmanager
    def _left_waiting(self, token: Secret, request: PendingRead, waiting: Waiting) -> Iterator[None]:
        """Ctrl-C and errors end the waiting and not the request, unless nobody could use it any more."""
        try:
            yield
        except BaseException as fault:
            if not request.kept:
                self._end(token)
            if not isinstance(fault, WardenError):
                waiting.tell(request, "interrupted")
            raise

    def _wait(
        self, request: PendingRead, state: RequestState | None, waiting: Waiting
    ) -> tuple[PendingRead, RequestState]:
        deadline = time.monotonic() + (waiting.timeout or _seconds_until(request.until))
        answered, pauses, silent = time.monotonic(), iter(PAUSES), None
        waiting.tell(request, "waiting")
        while state is None or not state.approved:
            left = deadline - time.monotonic()
            if left <= 0:
                raise silent or (awaits(request, waited=True) if waiting.timeout else ended(request))
            time.sleep(min(next(pauses, PAUSES[-1]), left))
            try:
                found = self._server.state(request.accessor)
            except Inconclusive as fault:
                silent = fault
                if time.monotonic() - answered >= waiting.silence:
                    raise
                waiting.tell(request, "silent")
                continue
            answered, silent = time.monotonic(), None
            if found is None:
                raise ended(request)
            if state is None or found.authorizations != state.authorizations:
                waiting.tell(request.now(found), "waiting")
            state, request = found, request.now(found)
        return request, state


def _seconds_until(at: str) -> float:
    """A second more, so that the server's answer decides at the end."""
    return max(0.0, (dt.datetime.fromisoformat(at) - dt.datetime.now(dt.UTC)).total_seconds()) + 1.0
