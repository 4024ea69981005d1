"""Requests to one OpenBao server as one caller, and what their answers mean: the part that every other one sends by."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from warden.adapters.openbao.answers import (
    FORBIDDEN,
    IN_BETWEEN,
    INTERNAL,
    NO_CONTENT,
    OK,
    error_of,
    inline_headers,
    is_openbao,
)
from warden.adapters.openbao.endpoint import Endpoint, percent_encoded
from warden.adapters.openbao.http import Connection
from warden.core.errors import Refused, ServerFault, Unidentified, WardenError
from warden.core.openbao.api import Answer, Request, is_in_root, said_by
from warden.core.quoting import quoted
from warden.core.remedies import RunBao, warden
from warden.core.secret import Secret

T = TypeVar("T")

_OVERTAKEN = "transaction commit failed"
"""Of two writes of one object at once one is undone whole, and its client is to try again (OpenBao issue 296)."""
_PAUSES = (0.05, 0.1, 0.2, 0.4)
"""Seconds."""


class Sender:
    """Sends as one caller over one connection: not shared between threads."""

    def __init__(self, where: Endpoint, token: Secret | None = None, *, namespace: str = "") -> None:
        self.endpoint = where
        self.address = str(where)
        self.system = f"OpenBao {where}"
        self.namespace = namespace
        self._token = token
        self._connection = Connection(where, self.system)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(self, request: Request) -> Answer:
        """Send exactly this; only no answer raises."""
        headers = {"X-Vault-Request": "true", **request.headers}
        if self.namespace and not is_in_root(request.path):
            headers["X-Vault-Namespace"] = self.namespace
        if request.token is not None:
            headers["X-Vault-Token"] = request.token.reveal()
        if request.inline is not None:
            headers |= inline_headers(request.inline)
        path = f"/v1/{percent_encoded(request.path)}"
        return self._connection.send(request.method, path, request.body, headers, request.patience)

    def as_caller(self, request: Request) -> Request:
        """The same request with the caller's own token."""
        if self._token is None:
            raise self._unidentified()
        return msgspec.structs.replace(request, token=self._token)

    def asked(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, none: Sequence[int] = ()
    ) -> Answer:
        """Send as the caller; an answer of 2xx or one of the statuses in `none`, else the error it means."""
        answer = self._send_until_kept(Request(method=method, path=path, body=body, token=self._token))
        if answer.status in {OK, NO_CONTENT} or is_openbao(answer, *none):
            return answer
        raise self.error_in(answer, f"{method} {path}")

    def _send_until_kept(self, request: Request) -> Answer:
        """`send`, and again where another write came first and nothing of this one was kept."""
        answer = self.send(request)
        for pause in _PAUSES:
            if answer.status != INTERNAL or _OVERTAKEN not in said_by(answer):
                break
            time.sleep(pause)
            answer = self.send(request)
        return answer

    def part_of(self, answer: Answer, name: str = "data") -> dict[str, Any]:
        """What the answer has under `name`; a proxy's page or another server's answer has nothing there."""
        part = answer.body.get(name)
        if not isinstance(part, dict):
            raise self._unlike_openbao(f"without {name!r}")
        return part

    def parsed(self, answer: Answer, parse: Callable[[dict[str, Any]], T], name: str = "data") -> T:
        """What `parse` finds in that part. Raises `ServerFault` where a value is missing or of another type."""
        part = self.part_of(answer, name)
        try:
            return parse(part)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise self._unlike_openbao(f"with other values in {name!r}") from None

    def _unlike_openbao(self, how: str) -> ServerFault:
        return ServerFault(
            f"{self.system} gave an answer {how}, which OpenBao never does; not counted as an answer",
            system=self.system,
            hint=IN_BETWEEN,
            remedy=(warden("doctor"),),
        )

    def error_in(self, answer: Answer, what: str) -> WardenError:
        """What an answer means that is not one of 2xx."""
        if is_openbao(answer, FORBIDDEN):
            return self._forbidden(quoted(said_by(answer)), what)
        return error_of(answer, self.system, what)

    def _forbidden(self, reason: str, what: str) -> WardenError:
        """A 403 means a refused action or a token that is not accepted: asking for the token itself tells which."""
        if self._token is None or not self._token_accepted():
            return self._unidentified()
        return Refused(
            f"{self.system} refused {what} ({reason or 'permission denied'})",
            system=self.system,
            hint="which rights are missing for which command",
            remedy=(warden("doctor"),),
        )

    def _token_accepted(self) -> bool:
        answer = self.send(Request(method="GET", path="auth/token/lookup-self", token=self._token))
        if answer.status == OK or is_openbao(answer, FORBIDDEN):
            return answer.status == OK
        raise self.error_in(answer, "GET auth/token/lookup-self")

    def _unidentified(self) -> Unidentified:
        why = "no token was given" if self._token is None else "the token is expired, revoked or unknown there"
        return Unidentified(
            f"{self.system} does not know who is asking: {why}",
            system=self.system,
            hint="log in (or set BAO_TOKEN)",
            remedy=(RunBao(action="login-default"),),
        )
