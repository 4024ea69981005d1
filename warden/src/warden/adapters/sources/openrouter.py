"""The source ``openrouter``: keys of an OpenRouter account, made and ended with a management key.

    rotation:
      every: 90d
      source: openrouter
      management: openrouter-management-key
      settings: {limit: 50, limit_reset: monthly, include_byok_in_limit: true, expires_in: 120d, guardrail: ID}

A new key gets the limit, its reset, the bring-your-own-key flag, the workspace and the guardrail of the old one, and as
long a life as the old one had. The settings of the lane file are for a key that no old one is known for; without one
and without ``limit`` no key is made: it would have no limit at all. A new key's use begins at 0: a limit that never
resets begins anew. The management key can call no model.

Source: OpenRouter's API reference, "API Keys" and "Guardrails" (OpenAPI document of 2026-08-22). It does not say how
the hash of a key is made, so a key is recognised by its label, which has the beginning and the end of the value.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from warden.adapters.sources.api import OK, Api, bearer, has_error, pages
from warden.adapters.sources.masked import only, shows
from warden.adapters.sources.settings import duration, number, segment_faults, setting_faults, timeout_in, url_in
from warden.core.errors import Missing, UsageError
from warden.core.remedies import EditFile
from warden.core.rotation.provider import Capabilities, Carry, Intent, KeyId, Minted, ProviderKey, SettingFault, Verdict
from warden.core.secret import Secret
from warden.ports.http import HttpClient, HttpReply

NAME = "openrouter"
URL = "https://openrouter.ai/api/v1"
RESETS = ("daily", "weekly", "monthly", "none")
_SETTINGS = ("limit", "limit_reset", "include_byok_in_limit", "expires_in", "guardrail", "workspace", "url", "timeout")
_CARRIED = ("limit", "limit_reset", "include_byok_in_limit", "workspace_id")
_LIFE = "expires_in_seconds"
"""Of `Carry.settings`: how long the old key's life is; the time of its end itself would be over soon."""


class OpenRouter:
    """The port Source on one account.

    Args:
        api: with the management key.
        workspace: whose keys are listed; empty: the default one.
        first: what a key gets that no old one is known for; without settings no such key is made.
    """

    def __init__(self, api: Api, workspace: str = "", first: Carry | None = None) -> None:
        self._api = api
        self._workspace = workspace
        self._first = first or Carry()

    def capabilities(self) -> Capabilities:
        """Several keys at once, which can be disabled and expire; only their use in USD is known."""
        return Capabilities(overlap=True, disable=True, expiry=True)

    def identify(self, value: Secret) -> KeyId | None:
        """The hash of the only key whose label fits, or whose label is what the value says of itself (``GET /key``)."""
        labelled = [(str(each.get("label") or ""), _hash(each)) for each in self._keys()]
        found = only(digest for label, digest in labelled if shows(label, value))
        if found is None and (own := self._own_label(value)):
            found = only(digest for label, digest in labelled if label == own)
        return KeyId(found) if found else None

    def find(self, marker: str) -> Sequence[ProviderKey]:
        """By name."""
        return [_listed(each) for each in self._keys() if marker in str(each.get("name"))]

    def carried(self, key: KeyId) -> Carry:
        """From the key's page, and from the list of who has which guardrail."""
        body = self._api.ask_about("GET", f"/keys/{_path(key)}")
        if body is None:
            raise Missing(f"{self._api.system} knows no key {key}", system=self._api.system, subject=key)
        page = self._data(body, "GET /keys/HASH", dict)
        settings = {name: page.get(name) for name in _CARRIED if name in page}
        if page.get("expires_at"):
            settings[_LIFE] = int((_moment(page["expires_at"]) - _moment(page["created_at"])).total_seconds())
        return Carry(settings=settings, bindings=tuple(sorted(self._guardrails(key))))

    def mint(self, intent: Intent, carry: Carry) -> Minted:
        """``POST /keys``; the value is in this answer and in no other.

        Raises `UsageError` where neither an old key nor the lane file says which limit it gets.
        """
        asked = dict(self._wanted(carry).settings)
        if "limit" not in asked:
            raise self._unlimited(intent)
        ends = _end(asked.pop(_LIFE, None))
        if self._workspace:
            asked.setdefault("workspace_id", self._workspace)
        made = self._api.ask("POST", "/keys", {"name": _name(intent), **asked, **ends})
        page, value = (made.get("data"), made.get("key")) if isinstance(made, dict) else (None, None)
        if not isinstance(page, dict) or not isinstance(value, str) or not value or not page.get("hash"):
            raise self._api.unclear("POST /keys", code="no key in it")
        if any(page.get(name, wanted) != wanted for name, wanted in asked.items()):
            raise self._api.unclear("POST /keys", code="a key with other settings")
        return Minted(key=KeyId(_hash(page)), value=Secret(value))

    def bind(self, key: KeyId, carry: Carry) -> None:
        """Assign the guardrail, and look whether it is: the answer says only how many were assigned."""
        for guardrail in self._wanted(carry).bindings:
            if guardrail in self._guardrails(key):
                continue
            path = f"/guardrails/{_path(guardrail)}/assignments/keys"
            self._api.ask("POST", path, {"key_hashes": [key]})
            if guardrail not in self._guardrails(key):
                raise self._api.unclear("POST /guardrails/ID/assignments/keys", code="not assigned")

    def _wanted(self, carry: Carry) -> Carry:
        return carry if carry.settings else self._first

    def _unlimited(self, intent: Intent) -> UsageError:
        return UsageError(
            f"{self._api.system} has no old key of {intent.field} to take the limit from, and the lane file names none",
            system=self._api.system,
            subject=intent.lane,
            hint="limit: none makes a key without one",
            remedy=(EditFile(file="lane", field="rotation.settings.limit", value="50"),),
        )

    def test(self, value: Secret) -> Verdict:
        """``GET /key`` with the value itself, which costs nothing."""
        return self._api.verdict("/key", bearer(value), value, _is_own_page)

    def refused(self, value: Secret) -> Verdict:
        """The same, asked anew."""
        return self.test(value)

    def last_used(self, _key: KeyId) -> dt.datetime | None:
        """Not said."""
        return None

    def disable(self, key: KeyId) -> None:
        """``PATCH /keys/HASH``."""
        self._switch(key, disabled=True)

    def enable(self, key: KeyId) -> None:
        """``PATCH /keys/HASH``."""
        self._switch(key, disabled=False)

    def delete(self, key: KeyId) -> None:
        """``DELETE /keys/HASH``."""
        body = self._api.ask_about("DELETE", f"/keys/{_path(key)}")
        if body is not None and body != {"deleted": True}:
            raise self._api.unclear("DELETE /keys/HASH", code="not deleted")

    def _switch(self, key: KeyId, *, disabled: bool) -> None:
        body = self._api.ask_about("PATCH", f"/keys/{_path(key)}", {"disabled": disabled})
        if body is not None and self._data(body, "PATCH /keys/HASH", dict).get("disabled") is not disabled:
            raise self._api.unclear("PATCH /keys/HASH", code="not changed")

    def _keys(self) -> list[dict[str, Any]]:
        more = f"&workspace_id={quote(self._workspace, safe='')}" if self._workspace else ""

        def page(seen: int, _last: Any) -> list[Any]:
            body = self._api.ask("GET", f"/keys?include_disabled=true&offset={seen}{more}")
            return list(self._data(body, "GET /keys", list))

        return [each for each in pages(page) if isinstance(each, dict)]

    def _guardrails(self, key: KeyId) -> set[str]:
        def page(seen: int, _last: Any) -> list[Any]:
            body = self._api.ask("GET", f"/guardrails/assignments/keys?limit=100&offset={seen}")
            return list(self._data(body, "GET /guardrails/assignments/keys", list))

        return {str(each["guardrail_id"]) for each in pages(page) if each.get("key_hash") == key}

    def _own_label(self, value: Secret) -> str:
        reply = self._api.own_page("/key", bearer(value))
        return str(reply.body["data"].get("label") or "") if reply is not None and _is_own_page(reply) else ""

    def _data(self, body: Any, what: str, kind: type) -> Any:
        found = body.get("data") if isinstance(body, dict) else None
        if not isinstance(found, kind):
            raise self._api.unclear(what, code="not its API")
        return found


class OpenRouterPlugin:
    """The plug-in; the settings are in the module's example."""

    needs_management = True

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        """Unknown keys and values that cannot be used."""
        found = [*setting_faults(NAME, settings, _SETTINGS), *segment_faults(settings, "workspace", "guardrail")]
        if settings.get("limit", "none") != "none" and number(settings["limit"]) is None:
            found.append(SettingFault("limit", "is not an amount in USD; write 50, or none"))
        if settings.get("limit_reset", "none") not in RESETS:
            found.append(SettingFault("limit_reset", f"unknown; choose one of {', '.join(RESETS)}"))
        if settings.get("include_byok_in_limit", "true") not in ("true", "false"):
            found.append(SettingFault("include_byok_in_limit", "is not true or false"))
        if "expires_in" in settings and duration(settings["expires_in"]) is None:
            found.append(SettingFault("expires_in", "is not a duration; write 120d, for example"))
        return found

    def source(self, settings: Mapping[str, str], management: Secret | None, http: HttpClient) -> OpenRouter:
        """A source with these settings."""
        key = management or Secret("")
        url, timeout = url_in(settings, URL), timeout_in(settings)
        api = Api(name=NAME, url=url, http=http, headers=bearer(key), secret=key, timeout=timeout)
        return OpenRouter(api, settings.get("workspace", ""), _first(settings))


def _first(settings: Mapping[str, str]) -> Carry:
    """What the lane file says of a key that no old one is known for."""
    found: dict[str, Any] = {}
    if "limit" in settings:
        found["limit"] = number(settings["limit"])
        found["limit_reset"] = None if settings.get("limit_reset", "none") == "none" else settings["limit_reset"]
        found["include_byok_in_limit"] = settings.get("include_byok_in_limit") == "true"
    if life := duration(settings.get("expires_in", "")):
        found[_LIFE] = life
    return Carry(settings=found, bindings=(settings["guardrail"],) if settings.get("guardrail") else ())


def _is_own_page(reply: HttpReply) -> bool:
    data = reply.body.get("data") if isinstance(reply.body, dict) else None
    return reply.status == OK and not has_error(reply.body) and isinstance(data, dict) and "label" in data


def _name(intent: Intent) -> str:
    return f"{intent.lane} {intent.field} {intent.marker}"


def _hash(page: Mapping[str, Any]) -> str:
    return str(page.get("hash") or "")


def _path(identifier: str) -> str:
    return quote(identifier, safe="")


def _listed(page: Mapping[str, Any]) -> ProviderKey:
    return ProviderKey(
        key=_hash(page),
        name=str(page.get("name") or ""),
        disabled=bool(page.get("disabled")),
        created=str(page.get("created_at") or ""),
    )


def _end(life: Any) -> dict[str, str]:
    """When a key ends whose life is so many seconds; nothing for one that does not."""
    return {"expires_at": _text(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=life))} if life else {}


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _text(moment: dt.datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


PLUGIN = OpenRouterPlugin()
