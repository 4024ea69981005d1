"""The provider's key management as handlers: keys, guardrails, and which key has which guardrail.

Source of paths, fields and statuses: OpenRouter's API reference, "API Keys" and "Guardrails".
"""

from __future__ import annotations

import datetime as dt
import hmac
from typing import TYPE_CHECKING, Any

from aiohttp import web

from llm_connect.common import strict_json
from llm_connect.simulator.account import DEFAULT_WORKSPACE, RESETS, Account, ManagedKey
from llm_connect.simulator.faults import NotAFault
from llm_connect.simulator.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from llm_connect.simulator.faults import Faults
    from llm_connect.simulator.key import AcceptedKey

PAGE = 100
"""Keys of one page (API reference, "List API keys")."""
_CREATE = {"name", "limit", "limit_reset", "include_byok_in_limit", "expires_at", "workspace_id", "creator_user_id"}
_CHANGE = {"name", "limit", "limit_reset", "include_byok_in_limit", "disabled"}


class Management:
    """The handlers.

    Args:
        account: the keys.
        key: the management key that is accepted; None: key management is refused to everybody.
        faults: what a test may choose.
        page: how many keys a page has.
    """

    def __init__(self, account: Account, key: AcceptedKey | None, faults: Faults, page: int = PAGE) -> None:
        self._account = account
        self._key = key
        self._faults = faults
        self._page = page

    def add_to(self, app: web.Application) -> None:
        """Add the routes; their names are the operations of `faults`."""
        add, api = app.router.add_route, "/api/v1"
        add("GET", f"{api}/keys", self.list_keys, name="list-keys")
        add("POST", f"{api}/keys", self.create_key, name="create-key")
        add("GET", f"{api}/keys/{{hash}}", self.show_key, name="show-key")
        add("PATCH", f"{api}/keys/{{hash}}", self.change_key, name="change-key")
        add("DELETE", f"{api}/keys/{{hash}}", self.delete_key, name="delete-key")
        add("POST", f"{api}/guardrails", self.create_guardrail)
        add("GET", f"{api}/guardrails/assignments/keys", self.list_assignments, name="list-assignments")
        add("POST", f"{api}/guardrails/{{id}}/assignments/keys", self.assign_keys, name="assign-keys")
        add("PUT", "/simulator/faults", self.choose_faults)

    def is_management_key(self, bearer: str) -> bool:
        """Whether this is the management key, which may call no model."""
        expected = None if self._key is None else self._key.current().reveal().encode()
        return expected is not None and hmac.compare_digest(bearer.encode(), expected)

    async def list_keys(self, request: web.Request) -> web.StreamResponse:
        """One page of the keys of a workspace, the newest first; disabled ones only where they are asked for."""
        self._authenticate(request)
        workspace = request.query.get("workspace_id", DEFAULT_WORKSPACE)
        disabled = request.query.get("include_disabled") == "true"
        found = [key for key in self._account.keys if key.workspace == workspace and (disabled or not key.disabled)]
        return web.json_response({"data": [key.page() for key in self._paged(request, found, self._page)]})

    async def create_key(self, request: web.Request) -> web.StreamResponse:
        """A new key; its value is in this answer and in no other."""
        self._authenticate(request)
        settings = _settings(await _body(request), _CREATE)
        if "name" not in settings:
            raise _bad("name: missing")
        settings.pop("creator_user_id", None)
        made = self._account.create(**settings)
        return web.json_response({"data": made.page(), "key": made.value.current().reveal()}, status=201)

    async def show_key(self, request: web.Request) -> web.StreamResponse:
        """One key."""
        self._authenticate(request)
        return web.json_response({"data": self._named(request).page()})

    async def change_key(self, request: web.Request) -> web.StreamResponse:
        """Another name, limit or state; an expiry cannot be changed."""
        self._authenticate(request)
        key = self._named(request)
        self._account.change(key, **_settings(await _body(request), _CHANGE))
        return web.json_response({"data": key.page()})

    async def delete_key(self, request: web.Request) -> web.StreamResponse:
        """Delete the key."""
        self._authenticate(request)
        self._account.delete(self._named(request))
        return web.json_response({"deleted": True})

    async def create_guardrail(self, request: web.Request) -> web.StreamResponse:
        """A new guardrail. Whatever it says, the simulated models do not mind it."""
        self._authenticate(request)
        name = (await _body(request)).get("name")
        if not isinstance(name, str) or not name:
            raise _bad("name: missing")
        return web.json_response({"data": {"id": self._account.guardrail(name), "name": name}}, status=201)

    async def list_assignments(self, request: web.Request) -> web.StreamResponse:
        """Which key has which guardrail."""
        self._authenticate(request)
        pairs = list(self._account.assignments.items())
        shown = self._paged(request, pairs, min(self._page, _number(request.query, "limit", PAGE)))
        data = [{"key_hash": digest, "guardrail_id": guardrail} for digest, guardrail in shown]
        return web.json_response({"data": data, "total_count": len(pairs)})

    async def assign_keys(self, request: web.Request) -> web.StreamResponse:
        """Give keys this guardrail in place of the one that they have."""
        self._authenticate(request)
        guardrail = request.match_info["id"]
        if guardrail not in self._account.guardrails:
            raise Refused(404, "Guardrail not found", "not_found")
        hashes = (await _body(request)).get("key_hashes")
        if not isinstance(hashes, list) or not all(
            isinstance(each, str) and self._account.find(each) for each in hashes
        ):
            raise _bad("key_hashes: not a list of hashes of keys")
        self._account.assignments.update(dict.fromkeys(hashes, guardrail))
        return web.json_response({"assigned_count": len(hashes)})

    async def choose_faults(self, request: web.Request) -> web.StreamResponse:
        """See `faults`."""
        self._authenticate(request)
        body = await _body(request)
        try:
            self._faults.choose(body.get("faults") or [])
            self._account.still_accepted_seconds = float(body.get("still_accepted_seconds") or 0)
            self._account.not_yet_accepted_seconds = float(body.get("not_yet_accepted_seconds") or 0)
        except (NotAFault, TypeError, ValueError) as error:
            raise _bad(str(error)) from None
        return web.json_response({})

    def _authenticate(self, request: web.Request) -> None:
        bearer = bearer_of(request)
        if self.is_management_key(bearer):
            return
        if self._account.accepted(bearer):
            raise Refused(403, "Only management keys can perform this operation", "forbidden")
        raise Refused(401, "Invalid management key", "authentication")

    def _named(self, request: web.Request) -> ManagedKey:
        found = self._account.find(request.match_info["hash"])
        if found is None:
            raise Refused(404, "API key not found", "not_found")
        return found

    def _paged(self, request: web.Request, found: Sequence[Any], page: int) -> Sequence[Any]:
        offset = _number(request.query, "offset", 0)
        return found[offset : offset + page]


def bearer_of(request: web.Request) -> str:
    """What stands behind ``Bearer`` in the authorization header; empty where there is nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise _bad(f"{name}: not a whole number")
    return int(text)


def _bad(why: str) -> Refused:
    return Refused(400, why, "invalid_request")


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = strict_json.loads(await request.read())
    except strict_json.NotJson as error:
        raise _bad(f"the body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise _bad("the body is not a JSON object")
    return body


def _settings(body: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The body as fields of `ManagedKey`."""
    for name, value in body.items():
        if name not in known:
            raise _bad(f"{name}: not a field of this request")
        if not _CHECKS[name](value):
            raise _bad(f"{name}: not a valid value")
    settings = dict(body)
    if "workspace_id" in settings:
        settings["workspace"] = settings.pop("workspace_id")
    if settings.get("expires_at") is not None:
        settings["expires_at"] = _instant(settings["expires_at"])
    return settings


def _instant(text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise _bad("expires_at: not an ISO 8601 timestamp") from None
    if moment.utcoffset() != dt.timedelta(0):
        raise _bad("expires_at: not in UTC")
    return moment.timestamp()


def _is_amount(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0)


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str) and bool(value),
    "limit": _is_amount,
    "limit_reset": lambda value: value in RESETS,
    "include_byok_in_limit": lambda value: isinstance(value, bool),
    "expires_at": lambda value: isinstance(value, str | None),
    "workspace_id": lambda value: isinstance(value, str) and bool(value),
    "creator_user_id": lambda value: isinstance(value, str | None),
    "disabled": lambda value: isinstance(value, bool),
}
