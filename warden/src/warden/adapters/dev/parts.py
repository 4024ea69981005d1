"""The people of the embedded platform: how they log in, and where their tokens lie."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from warden.adapters.dev import state
from warden.adapters.dev.config import PARTS
from warden.adapters.dev.issuer import LocalIssuer
from warden.adapters.openbao.endpoint import parse_address
from warden.adapters.openbao.http import Connection
from warden.core.errors import NotFound, Refused, Sealed, ServerFault, UsageError, WardenError
from warden.core.secret import Secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_ENOUGH = 60  # seconds a kept token must have left to be used again
SEALED = 503
PATIENCE = 5.0
"""Seconds for one answer: it is on this machine, and `status` is asked of servers that hang, too."""


class Door:
    """The embedded platform's API, spoken to in the few requests that its own care needs."""

    def __init__(self, address: str, ca_file: str = "") -> None:
        """`ca_file` is the authority of an https address."""
        where = parse_address(address, "the embedded platform's address")
        endpoint = msgspec.structs.replace(where, timeout=PATIENCE, ca_file=ca_file)
        self._connection = Connection(endpoint, f"OpenBao {address}")

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, token: Secret | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and body of one request. Raises `Unreachable` where there is no answer."""
        headers = {"X-Vault-Request": "true"} | ({"X-Vault-Token": token.reveal()} if token else {})
        try:
            answer = self._connection.send(method, f"/v1/{path}", body, headers)
        finally:
            self._connection.close()
        return answer.status, answer.body

    def must(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, token: Secret | None = None
    ) -> Mapping[str, Any]:
        """The body of a request that has to work; raises what the status says where it does not."""
        status, answer = self.call(method, path, body, token)
        if status in {200, 204}:
            return answer
        raise _fault(self._connection.system, path, status, answer)


def _fault(system: str, path: str, status: int, answer: Mapping[str, Any]) -> WardenError:
    said = "; ".join(str(error).strip() for error in answer.get("errors") or ()) or f"status {status}"
    if status == SEALED:
        return Sealed("OpenBao is sealed; nothing was done", system=system, hint="warden dev down && warden dev up")
    kind = ServerFault if status >= 500 else Refused  # noqa: PLR2004  # RFC 9110: 5xx is the server's own fault
    return kind(f"OpenBao refused {path}: {said}", system=system, subject=path, hint="warden dev status")


class Parts:
    """Logs people in and keeps their tokens, each in a 0600 file of the state directory."""

    def __init__(self, layout: state.Layout, address: str, ca_file: str = "") -> None:
        self._layout = layout
        self._door = Door(address, ca_file)

    def token_file(self, part: str) -> str:
        """The file with a token of `part` that works now; logs in where there is none (not for ``person-NAME``)."""
        path = f"{self._layout.tokens}/{part}"
        if not part.startswith("person-"):
            return path if part in PARTS and self._works(path) else self.login(part)
        if self._works(path):
            return path
        raise NotFound(
            f"{part.removeprefix('person-')} is not logged in, or no longer",
            system=state.SYSTEM,
            subject=part,
            hint=f"warden dev login person:{part.removeprefix('person-')} --group GROUP --role ROLE",
        )

    def login(self, part: str) -> str:
        """Log in as one of `PARTS`; answers the file that the token was written to."""
        if part not in PARTS:
            raise UsageError(
                f"nobody plays the part {part!r} here; nobody was logged in",
                system=state.SYSTEM,
                subject=part,
                hint=f"one of: {', '.join(PARTS)}, or: warden dev login person:NAME --group GROUP --role ROLE",
            )
        password = state.read(f"{self._layout.passwords}/{part}")
        return self._keep(part, self._door.must("POST", f"auth/userpass/login/{part}", {"password": password}))

    def login_person(self, name: str, groups: Sequence[str], role: str) -> str:
        """Log in at ``netkingdom`` as a person with these groups; answers the file that the token was written to."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name of a person: letters, digits and ._@- only; nobody was logged in",
                system=state.SYSTEM,
                subject=name,
                hint="warden dev login person:ada --group GROUP --role ROLE",
            )
        jwt = LocalIssuer(self._layout.keys).person(name, groups).reveal()
        answer = self._door.must("POST", "auth/netkingdom/login", {"role": role, "jwt": jwt})
        return self._keep(f"person-{name}", answer)

    def _keep(self, part: str, answer: Mapping[str, Any]) -> str:
        path = f"{self._layout.tokens}/{part}"
        state.write(path, answer["auth"]["client_token"])
        return path

    def _works(self, path: str) -> bool:
        try:
            token = Secret(state.read(path))
        except NotFound:
            return False
        status, answer = self._door.call("GET", "auth/token/lookup-self", token=token)
        return status == 200 and answer["data"]["ttl"] > _ENOUGH  # noqa: PLR2004  # OK
