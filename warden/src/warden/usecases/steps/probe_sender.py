"""Sends the probes of one lane over one connection, as whoever each of them is about."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from warden.core.errors import JournalUnwritable, Refused, Unreachable, WardenError
from warden.core.journal.record import NewRecord
from warden.core.lanes.lane import Lane
from warden.core.openbao.api import Answer, Entered, Request
from warden.core.proofs.details import NoAnswer, NotSent, ReaderCannotLogIn
from warden.core.proofs.inspection import inspected
from warden.core.proofs.machine_probes import Means, played
from warden.core.proofs.probe_verdicts import Outcome
from warden.core.proofs.probes import HEADER, Caller, Claims, Held, Machine, Nobody, Probe
from warden.core.proofs.withheld import LIVE
from warden.core.secret import Secret
from warden.core.unobserved import unobserved
from warden.ports.identities import Identities
from warden.ports.vault import Vault
from warden.usecases.steps.credentials import Credentials, Presented
from warden.usecases.steps.sessions import SessionRecords
from warden.usecases.steps.withheld_probe import WithheldProbe


def write_marker(vault: Vault, nonce: str) -> None:
    """Have OpenBao write a line with this nonce to its audit log. Raises as the port Vault."""
    vault.send(vault.as_caller(Request(method="GET", path="auth/token/lookup-self", headers={HEADER: nonce})))


class ProbeSender:
    """Keeps credentials and the readers' sessions in memory, and ends sessions and SecretIDs afterwards."""

    def __init__(
        self,
        lane: Lane,
        vault: Vault,
        identities: Identities,
        *,
        means: Means,
        presented: Presented,
        records: SessionRecords,
    ) -> None:
        self._lane = lane
        self._records = records
        self._vault = vault
        self._means = means
        self._credentials = Credentials(vault, identities, presented)
        self._sessions: dict[str, Entered | ReaderCannotLogIn] = {}
        self._silent: Unreachable | None = None
        self._withheld = WithheldProbe(vault)

    def inspect(self, probe: Probe, nonce: str, foreign: Mapping[str, str]) -> Outcome:
        """Fetch the value, look at it, and forget it; `foreign` is the path's metadata that is searched for it."""
        return self.send(probe, nonce, lambda _, answer: _looked_at(answer, self._lane, foreign))

    def send(self, probe: Probe, nonce: str, kept: Callable[[Probe, Answer], Answer] | None = None) -> Outcome:
        """Send one probe; what keeps it from being sent or answered becomes the outcome's `failure`.

        `kept` is what is kept of the answer. Raises `JournalUnwritable` where a session cannot be recorded; then it is
        not used.
        """
        return self._withheld.send(probe, nonce) if probe.id in LIVE else self._sent(probe, nonce, kept)

    def _sent(self, probe: Probe, nonce: str, kept: Callable[[Probe, Answer], Answer] | None) -> Outcome:
        if self._silent is not None:  # one silent server must not be waited for as often as there are probes
            return _failed(nonce, NotSent(unobserved(self._silent)))
        try:
            session = self._session(probe)
            if isinstance(session, ReaderCannotLogIn):
                return _failed(nonce, session)
            request = self._request(probe, nonce, session)
        except JournalUnwritable:
            raise
        except Unreachable as fault:
            self._silent = fault
            return _failed(nonce, NotSent(unobserved(fault)))
        except WardenError as fault:
            return _failed(nonce, NotSent(unobserved(fault)))
        started = time.perf_counter()
        try:
            answer = self._credentials.connection(probe.actor).send(request)
        except WardenError as fault:
            self._silent = fault if isinstance(fault, Unreachable) else None
            return _failed(nonce, NoAnswer(unobserved(fault)))
        took = (time.perf_counter() - started) * 1000
        self._revoke_wrapping_token(answer)
        entity = session.entity if session else ""
        return Outcome(nonce=nonce, answer=(kept or _without_values)(probe, answer), entity=entity, ms=took)

    def identities(self) -> dict[str, Entered]:
        """The sessions that there were, by the label of the reader."""
        return {label: each for label, each in self._sessions.items() if isinstance(each, Entered)}

    def close(self) -> list[NewRecord]:
        """End the sessions and destroy the SecretIDs; answers the records of what became of each.

        A server that is gone by now ends them itself after their ttl.
        """
        self._withheld.close()
        ends: list[NewRecord] = []
        for reader, session in self.identities().items():
            gone = session.revocable and self._silent is None and self._try_to_end(session)
            ends += self._records.end(reader, session, gone=gone)
        made = self._credentials.end_secret_ids()
        return ends + [("probe.secret-id", self._lane.id, msgspec.to_builtins(each)) for each in made]

    def _request(self, probe: Probe, nonce: str, session: Entered | None) -> Request:
        request = Request(
            method=probe.method, path=probe.path, body=probe.body, headers={**probe.headers, HEADER: nonce}
        )
        match probe.actor:
            case Nobody():
                return request
            case Caller():
                return self._vault.as_caller(request)
            case Claims() | Machine() as actor:
                return msgspec.structs.replace(request, inline=self._credentials.login(actor))
            case Held():
                return msgspec.structs.replace(request, token=session.token if session else None)

    def _session(self, probe: Probe) -> Entered | ReaderCannotLogIn | None:
        """The session of the probe's reader, where the probe takes one; it is logged in once."""
        if not isinstance(probe.actor, Held):
            return None
        if probe.reader not in self._sessions:
            self._sessions[probe.reader] = found = self._log_in(probe.reader)
            if isinstance(found, Entered):
                self._records.opened(probe.reader, found)
        return self._sessions[probe.reader]

    def _log_in(self, label: str) -> Entered | ReaderCannotLogIn:
        reader = next(each for each in self._lane.readers if each.label == label)
        actor = played(self._lane, reader, self._means)
        assert isinstance(actor, Claims | Machine)  # noqa: S101 - otherwise there is no probe with its session
        login = self._credentials.login(actor)
        try:
            return self._credentials.connection(actor).enter(login)
        except Refused as fault:
            return ReaderCannotLogIn(unobserved(fault))

    def _revoke_wrapping_token(self, answer: Answer) -> None:
        """A wrapping token is revoked at once: nobody is to unwrap it."""
        wrapped = answer.body.get("wrap_info")
        if isinstance(wrapped, Mapping) and wrapped.get("token"):
            self._try_to_revoke(Secret(wrapped["token"]))

    def _try_to_end(self, session: Entered) -> bool:
        """By itself, or as the caller where its role leaves out the policy ``default`` and it may not."""
        if self._try_to_revoke(session.token):
            return True
        try:
            self._vault.revoke_accessor(session.accessor)
        except WardenError:
            return False
        return True

    def _try_to_revoke(self, token: Secret) -> bool:
        try:
            return self._vault.revoke_self(token)
        except WardenError:
            # It lives for 30 s (wrapping) or the role's ttl; that it was not revoked is in the audit log.
            return False


def _failed(nonce: str, failure: NotSent | ReaderCannotLogIn | NoAnswer) -> Outcome:
    return Outcome(nonce=nonce, answer=None, failure=failure)


def _looked_at(answer: Answer, lane: Lane, foreign: Mapping[str, str]) -> Answer:
    """The answer with what was seen of the value in its place."""
    found = answer.body.get("data")
    kept: dict[str, Any] = {"errors": answer.body.get("errors") or []}
    if isinstance(found, Mapping) and isinstance(found.get("data"), Mapping):
        kept["inspection"] = inspected(found, lane, foreign)
    return msgspec.structs.replace(answer, body=kept)


def _without_values(probe: Probe, answer: Answer) -> Answer:
    """Keep what the judgement needs. Should a proxy drop the wrapping header, a value would be in the body."""
    if probe.fields or probe.capabilities:
        return answer
    kept = {"errors": answer.body.get("errors") or [], "wrap_info": bool(answer.body.get("wrap_info"))}
    return msgspec.structs.replace(answer, body=kept)
