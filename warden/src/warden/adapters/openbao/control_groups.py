"""The port ControlGroups on the HTTP API (sys/control-group, sys/wrapping, cubbyhole).

API pages: https://openbao.org/api-docs/ (system/wrapping-unwrap, secret/cubbyhole); control groups are described in
their own source, ``vault/control_group.go``.
"""

from collections.abc import Mapping
from typing import Any

from warden.adapters.openbao.answers import BAD_REQUEST, FORBIDDEN, NO_CONTENT, NOT_FOUND, OK, is_openbao, stored_in
from warden.adapters.openbao.sender import Sender
from warden.core.errors import WardenError
from warden.core.openbao.api import Answer, Request, Stored, said_by
from warden.core.openbao.control_groups import Answered, Authorization, Kept, Outcome, RequestState, Withheld
from warden.core.openbao.resources import AUTHORIZE, REQUEST
from warden.core.quoting import quoted
from warden.core.secret import Secret

_WORDED: Mapping[str, Outcome] = {
    "token owner cannot be approver": "own-request",
    "approver has already authorized": "already",
    "empty entity ID": "not-counted",
}
"""How OpenBao 2.7 words its refusals, all of which come with status 500 (measured)."""
_PATIENCE = 3.0


class ControlGroups:
    """Withheld reads on one server, as one caller."""

    def __init__(self, server: Sender) -> None:
        self._server = server

    def ask(self, mount: str, key: str) -> Stored | Withheld | None:
        """``<mount>/data/<key>``."""
        answer = self._server.asked("GET", f"{mount}/data/{key}", none=(NOT_FOUND,))
        if answer.status == NOT_FOUND:
            return None
        return withheld_in(answer) or self._server.parsed(answer, stored_in)

    def state(self, accessor: str) -> RequestState | None:
        """``sys/control-group/request``: 400 for an accessor that names no such request."""
        answer = self._server.asked("POST", REQUEST, {"accessor": accessor}, none=(BAD_REQUEST,))
        return None if answer.status == BAD_REQUEST else self._server.parsed(answer, _state_in)

    def authorize(self, accessor: str) -> Answered:
        """``sys/control-group/authorize``."""
        request = Request(method="POST", path=AUTHORIZE, body={"accessor": accessor})
        answer = self._server.send(self._server.as_caller(request))
        said = said_by(answer)
        if answer.status == OK:
            return Answered("accepted", approved=bool(self._server.part_of(answer).get("approved")))
        worded = next((outcome for words, outcome in _WORDED.items() if words in said), None)
        if worded is not None:
            return Answered(worded, quoted(said))
        if is_openbao(answer, BAD_REQUEST):
            return Answered("gone", quoted(said))
        raise self._server.error_in(answer, f"POST {AUTHORIZE}")

    def unwrap(self, token: Secret) -> Stored | None:
        """``sys/wrapping/unwrap`` with the wrapping token itself."""
        answer = self._server.send(Request(method="POST", path="sys/wrapping/unwrap", body={}, token=token))
        if is_openbao(answer, NOT_FOUND):
            return None
        if answer.status != OK:
            raise self._server.error_in(answer, "POST sys/wrapping/unwrap")
        return self._server.parsed(answer, stored_in)

    def keep(self, lane: str, request: Withheld, until: str) -> bool:
        """``cubbyhole/…``; a batch token has none, and who lacks the policy ``default`` may not use it."""
        body = {"token": request.token.reveal(), "accessor": request.accessor, "since": request.since, "until": until}
        answer = self._server.send(self._as_caller("POST", _place(lane), body))
        return answer.status in {OK, NO_CONTENT}

    def kept(self, lane: str) -> Kept | None:
        """``cubbyhole/…``; nothing where there is no cubbyhole."""
        answer = self._server.asked("GET", _place(lane), none=(BAD_REQUEST, FORBIDDEN, NOT_FOUND))
        found = answer.body.get("data") if answer.status == OK else None
        if not isinstance(found, Mapping) or not isinstance(found.get("token"), str):
            return None
        named = {name: str(found.get(name) or "") for name in ("accessor", "since", "until")}
        return Kept(token=Secret(found["token"]), **named)

    def forget(self, lane: str) -> None:
        """``DELETE cubbyhole/…``; what stays there ends with the caller's token."""
        try:
            self._server.send(self._as_caller("DELETE", _place(lane)))
        except WardenError:
            return

    def _as_caller(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Request:
        return self._server.as_caller(Request(method=method, path=path, body=body, patience=_PATIENCE))


def withheld_in(answer: Answer) -> Withheld | None:
    """The request in an answer that has a wrapping token in the place of data; ``None`` in any other answer."""
    wrapped = answer.body.get("wrap_info")
    if not isinstance(wrapped, Mapping) or not wrapped.get("token") or answer.body.get("data"):
        return None
    return Withheld(
        token=Secret(str(wrapped["token"])),
        accessor=str(wrapped.get("accessor") or ""),
        since=f"{str(wrapped.get('creation_time') or '')[:19]}Z",
        ttl=int(wrapped.get("ttl") or 0),
    )


def _place(lane: str) -> str:
    return f"cubbyhole/warden/approvals/{lane}"


def _state_in(found: Mapping[str, Any]) -> RequestState:
    entity = found.get("request_entity") or {}
    aliases = [each for each in entity.get("aliases") or () if isinstance(each, Mapping)]
    return RequestState(
        approved=bool(found.get("approved")),
        operation=str(found.get("request_operation") or ""),
        path=str(found.get("request_path") or ""),
        entity=str(entity.get("ID") or entity.get("id") or ""),
        who=next((str(each["name"]) for each in aliases if each.get("name")), ""),
        authorizations=tuple(
            Authorization(str(each.get("entity_id") or ""), str(each.get("entity_name") or ""))
            for each in found.get("authorizations") or ()
        ),
    )
