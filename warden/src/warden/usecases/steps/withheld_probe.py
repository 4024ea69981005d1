"""Sends what shows that a value is withheld: a read, an attempt to unwrap it, and an approval by whoever asked.

No value is asked for where OpenBao does not keep the read as a request that waits: the wrapping token is then only
ended. What is unwrapped all the same is not looked at. Afterwards no request remains.
"""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from warden.core.errors import WardenError
from warden.core.openbao.api import Answer, Request, said_by
from warden.core.openbao.resources import AUTHORIZE, REQUEST
from warden.core.proofs.details import NoAnswer
from warden.core.proofs.probe_verdicts import Outcome
from warden.core.proofs.probes import HEADER, Probe
from warden.core.proofs.withheld import UNAPPROVED, WithheldSeen
from warden.core.quoting import quoted
from warden.core.secret import Secret
from warden.core.unobserved import unobserved
from warden.ports.vault import Vault

_OK, _BAD_REQUEST = 200, 400


class _Request(msgspec.Struct):
    token: Secret
    accessor: str


class WithheldProbe:
    """One withheld read of one lane, as the caller; the two probes on it are sent in order."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._request: _Request | None = None
        self._seen = WithheldSeen(withheld=None)

    def send(self, probe: Probe, nonce: str) -> Outcome:
        """Send one of them; an `Outcome` whose answer's body has what was ``seen``, and no value."""
        started = time.perf_counter()
        try:
            status = self._read(probe, nonce) if probe.id == UNAPPROVED else self._approve_it(nonce)
        except WardenError as fault:
            return Outcome(nonce=nonce, answer=None, failure=NoAnswer(unobserved(fault)))
        took = (time.perf_counter() - started) * 1000
        answer = Answer(status=status, body={"seen": self._seen}, headers={})
        return Outcome(nonce=nonce, answer=answer, ms=took)

    def close(self) -> None:
        """End the request, where one is left."""
        self._end()

    def _read(self, probe: Probe, nonce: str) -> int:
        answer = self._send(Request(method=probe.method, path=probe.path, headers={**probe.headers, HEADER: nonce}))
        wrapped = answer.body.get("wrap_info")
        if isinstance(wrapped, Mapping) and wrapped.get("token"):
            self._request = _Request(Secret(str(wrapped["token"])), str(wrapped.get("accessor") or ""))
        elif answer.status == _OK:  # the value itself; it is not looked at
            self._seen = WithheldSeen(withheld=False)
        if self._request is not None:
            withheld, _ = self._state()
            unwrapped = self._unwrap() if withheld else 0
            self._seen = WithheldSeen(withheld=withheld, unwrapped=unwrapped)
        return answer.status

    def _approve_it(self, nonce: str) -> int:
        if self._request is None or not self._seen.withheld:
            self._end()
            return 0
        body = {"accessor": self._request.accessor}
        answer = self._send(Request(method="POST", path=AUTHORIZE, body=body, headers={HEADER: nonce}))
        waiting, counted = self._state()
        counts = None if waiting is None else counted or not waiting
        if counts is False and self._unwrap() == _OK:
            counts = True
        self._seen = msgspec.structs.replace(
            self._seen,
            authorized=answer.status,
            said=quoted(said_by(answer)),
            counts=counts,
            ended=self._end(),
        )
        return answer.status

    def _state(self) -> tuple[bool | None, bool]:
        """Whether the request waits for approval (``None``: OpenBao did not say), and whether anybody approved it.

        OpenBao answers 400 to a wrapped answer that is not withheld: there is no such request.
        """
        assert self._request is not None  # noqa: S101 - asked only while there is one
        answer = self._send(Request(method="POST", path=REQUEST, body={"accessor": self._request.accessor}))
        if answer.status == _BAD_REQUEST and not answer.is_page:
            return False, False
        found: Mapping[str, Any] = answer.body.get("data") or {}
        if answer.status != _OK or "approved" not in found:
            return None, False
        return not found["approved"], bool(found.get("authorizations"))

    def _unwrap(self) -> int:
        """The status alone."""
        assert self._request is not None  # noqa: S101 - as above
        request = Request(method="POST", path="sys/wrapping/unwrap", body={}, token=self._request.token)
        return self._vault.send(request).status

    def _end(self) -> bool:
        """Ended by its own token, which is forgotten."""
        request, self._request = self._request, None
        try:
            return request is None or self._vault.revoke_self(request.token)
        except WardenError:
            return False

    def _send(self, request: Request) -> Answer:
        return self._vault.send(self._vault.as_caller(request))
