"""The source ``openai``: keys of a service account in a project, made and ended with an admin key.

    rotation:
      every: 90d
      source: openai
      management: openai-admin-key
      settings: {project: proj_abc, service_account: svc_acct_abc, expires_in: 100d, scopes: api.model.read}

OpenAI does not show the scopes of a key that is there, so they are named here, with spaces between them; ``expires_in``
is as long as the old key's life where it is left out. A key cannot be switched off, only deleted.

Source: OpenAI's API reference, "Administration": project service accounts, their API keys, and project API keys.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from warden.adapters.sources.api import OK, Api, bearer, has_error, pages
from warden.adapters.sources.masked import only, shows
from warden.adapters.sources.settings import duration, segment_faults, setting_faults, timeout_in, url_in
from warden.core.errors import Missing
from warden.core.rotation.provider import Capabilities, Carry, Intent, KeyId, Minted, ProviderKey, SettingFault, Verdict
from warden.core.secret import Secret
from warden.ports.http import HttpClient, HttpReply

NAME = "openai"
URL = "https://api.openai.com/v1"
PROBE = "/models"
LONGEST_LIFE = 31_536_000
"""Seconds (API reference, ``expires_in_seconds``)."""
_SETTINGS = ("project", "service_account", "expires_in", "scopes", "probe", "url", "timeout")
_LIFE = "expires_in_seconds"


class OpenAi:
    """The port Source on one service account of one project.

    Args:
        api: with the admin key.
        settings: those of the lane file.
    """

    def __init__(self, api: Api, settings: Mapping[str, str]) -> None:
        self._api = api
        self._project = f"/organization/projects/{_path(settings['project'])}"
        self._account = settings["service_account"]
        self._life = duration(settings.get("expires_in", ""))
        self._scopes = settings.get("scopes", "").split()
        self._probe = settings.get("probe", PROBE)

    def capabilities(self) -> Capabilities:
        """Several keys at once, which expire and whose last use is known."""
        return Capabilities(overlap=True, expiry=True, last_used=True)

    def identify(self, value: Secret) -> KeyId | None:
        """The id of the only key whose redacted value fits."""
        found = only(str(each["id"]) for each in self._keys() if shows(str(each.get("redacted_value") or ""), value))
        return KeyId(found) if found else None

    def find(self, marker: str) -> Sequence[ProviderKey]:
        """By name."""
        return [_listed(each) for each in self._keys() if marker in str(each.get("name"))]

    def carried(self, key: KeyId) -> Carry:
        """How long its life is."""
        page = self._page(key)
        if page is None:
            raise Missing(f"{self._api.system} knows no key {key}", system=self._api.system, subject=key)
        made, ends = page.get("created_at"), page.get("expires_at")
        return Carry(settings={_LIFE: ends - made} if isinstance(made, int) and isinstance(ends, int) else {})

    def mint(self, intent: Intent, carry: Carry) -> Minted:
        """``POST …/service_accounts/ID/api_keys``; the value is in this answer and in no other."""
        body: dict[str, Any] = {"name": f"{intent.lane} {intent.field} {intent.marker}"}
        life = self._life or carry.settings.get(_LIFE)
        if life is not None:
            body[_LIFE] = life
        if self._scopes:
            body["scopes"] = self._scopes
        path = f"{self._project}/service_accounts/{_path(self._account)}/api_keys"
        made = self._api.ask("POST", path, body)
        value, key = (made.get("value"), made.get("id")) if isinstance(made, dict) else (None, None)
        if not isinstance(value, str) or not value or not isinstance(key, str) or not key:
            raise self._api.unclear("POST api_keys", code="no key in it")
        return Minted(key=KeyId(key), value=Secret(value))

    def bind(self, _key: KeyId, _carry: Carry) -> None:
        """Nothing hangs on a key: budgets and limits are the project's."""

    def test(self, value: Secret) -> Verdict:
        """``GET /models``, or the setting ``probe``, with the value itself; neither costs anything."""
        return self._api.verdict(self._probe, bearer(value), value, _is_answer)

    def refused(self, value: Secret) -> Verdict:
        """The same, asked anew."""
        return self.test(value)

    def last_used(self, key: KeyId) -> dt.datetime | None:
        """``last_used_at``."""
        page = self._page(key)
        seconds = None if page is None else page.get("last_used_at")
        return dt.datetime.fromtimestamp(seconds, dt.UTC) if isinstance(seconds, int) and seconds else None

    def disable(self, _key: KeyId) -> None:
        """There is no such thing."""

    def enable(self, _key: KeyId) -> None:
        """There is no such thing."""

    def delete(self, key: KeyId) -> None:
        """``DELETE …/api_keys/ID``."""
        body = self._api.ask_about("DELETE", f"{self._project}/api_keys/{_path(key)}")
        if body is not None and not (isinstance(body, dict) and body.get("deleted") is True):
            raise self._api.unclear("DELETE api_keys/ID", code="not deleted")

    def _page(self, key: KeyId) -> dict[str, Any] | None:
        body = self._api.ask_about("GET", f"{self._project}/api_keys/{_path(key)}")
        if body is not None and not (isinstance(body, dict) and body.get("id") == key):
            raise self._api.unclear("GET api_keys/ID", code="not its API")
        return body

    def _keys(self) -> list[dict[str, Any]]:
        """Those of the project; with ``any``, also keys whose owner has no access at the moment."""

        def page(seen: int, last: Any) -> list[Any]:
            after = f"&after={_path(str(last['id']))}" if seen else ""
            path = f"{self._project}/api_keys?limit=100&owner_project_access=any{after}"
            body = self._api.ask("GET", path)
            data = body.get("data") if isinstance(body, dict) else None
            if not isinstance(data, list) or not all(isinstance(each, dict) and each.get("id") for each in data):
                raise self._api.unclear("GET api_keys", code="not its API")
            return data

        return list(pages(page))


class OpenAiPlugin:
    """The plug-in; `faults` lists the settings."""

    needs_management = True

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        """Unknown and missing keys, and values that cannot be used."""
        found = list(setting_faults(NAME, settings, _SETTINGS, needed=("project", "service_account")))
        found += segment_faults(settings, "project", "service_account")
        if "expires_in" in settings and not 0 < (duration(settings["expires_in"]) or 0) <= LONGEST_LIFE:
            found.append(SettingFault("expires_in", "is not a duration of at most 365d; write 90d, for example"))
        if not settings.get("probe", PROBE).startswith("/"):
            found.append(
                SettingFault("probe", "is not a path below the URL that a GET costs nothing at; write /models")
            )
        return found

    def source(self, settings: Mapping[str, str], management: Secret | None, http: HttpClient) -> OpenAi:
        """A source with these settings."""
        key = management or Secret("")
        url, timeout = url_in(settings, URL), timeout_in(settings)
        return OpenAi(Api(name=NAME, url=url, http=http, headers=bearer(key), secret=key, timeout=timeout), settings)


def _is_answer(reply: HttpReply) -> bool:
    return reply.status == OK and isinstance(reply.body, dict) and "object" in reply.body and not has_error(reply.body)


def _path(identifier: str) -> str:
    return quote(identifier, safe="")


def _listed(page: Mapping[str, Any]) -> ProviderKey:
    return ProviderKey(
        key=str(page["id"]),
        name=str(page.get("name") or ""),
        created=_iso(page.get("created_at")),
        last_used=_iso(page.get("last_used_at")),
    )


def _iso(seconds: Any) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat() if isinstance(seconds, int) and seconds else ""


PLUGIN = OpenAiPlugin()
